"""Two apps on one journal: they show the same, and what both order happens once."""

from __future__ import annotations

import asyncio
import re
import signal
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from textual.message import Message
from textual.pilot import Pilot

from core.service import OrchestrationService
from screenshots.scenes import Journal, shows_picture, until
from tests.tui.driving import armed, asked, press, running, told
from tests.tui.terminal import Terminal
from tests.tui.test_terminal import environment, program
from tui.app import QdeckApp
from tui.journal_link import BoardChanged

Reach = Callable[[QdeckApp, Pilot[int], Journal], Awaitable[None]]


async def _opened(app: QdeckApp, pilot: Pilot[int], key: str) -> None:
    """By key, as each window has a context of its own; the build that needs somebody is chosen already."""
    await press(app, pilot, key)
    await shows_picture(app, pilot)
    await armed(app, pilot)


async def _decision(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _opened(app, pilot, "a")


async def _retry(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _opened(app, pilot, "r")
    await press(app, pilot, "e", *"again", "enter")
    await armed(app, pilot)


async def _rollback(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _opened(app, pilot, "b")
    await press(app, pilot, "e", *"again", "enter")
    await armed(app, pilot)
    await press(app, pilot, "b")
    await armed(app, pilot)


async def _cancel(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await press(app, pilot, "x")
    await armed(app, pilot)


async def _answer(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _opened(app, pilot, "a")
    await press(app, pilot, "1")
    await armed(app, pilot)
    await press(app, pilot, "y", *"slow")


MOVES: dict[str, tuple[str, Reach, str]] = {
    "approve": ("plan", _decision, "a"),
    "retry": ("review", _retry, "r"),
    "rollback": ("review", _rollback, "y"),
    "cancel": ("review", _cancel, "y"),
    "answer": ("asking", _answer, "enter"),
}
"""What a person decides: the journal, the way to the last key, and that key."""


@pytest.mark.parametrize("move", MOVES)
async def test_both_press_and_it_happens_once(move: str, journal_of: Callable[[str], Journal]) -> None:
    """One of them moves it, the other is told; the first reading that shows it shows all of it, in both."""
    stage, reach, key = MOVES[move]
    journal = journal_of(stage)
    before = await told_of(journal)
    async with running(journal) as (one, first), running(journal) as (two, second):
        windows = ((one, first), (two, second))
        for app, pilot in windows:
            await reach(app, pilot, journal)
        read = [noted(app, journal) for app, _ in windows]
        await asyncio.gather(first.press(key), second.press(key))
        for (app, pilot), seen in zip(windows, read, strict=True):
            await until(pilot, lambda seen=seen: bool(seen))  # type: ignore[misc]
            await until(pilot, lambda app=app: not app.workers._workers)  # type: ignore[misc]
        version = (await asked(journal)).version
        assert read == [[version], [version]]
        assert one.board.board.model.rows == two.board.board.model.rows
        assert told(one) and told(two), "each of them is told what came of it"
    happened = await told_of(journal) - before
    # A yes to the plan is a yes to the requirement, and the step itself.
    assert list(happened.values()) == [1] * (3 if move == "approve" else 1), happened


PATIENT = (
    "import tui.armed, tui.deck, tui.journal_link as link; link.FAST = link.CALM = link.IDLE = 3.0; "
    "tui.armed.GRACE = 0.0; tui.deck.TOLD_SECONDS = tui.deck.BAD_SECONDS = 1.0; "
)
"""An app that looks for news of others so seldom that it gives its own yes before it can have read theirs."""
TOLD = re.compile(r"You approved the plan|decided elsewhere|has changed")


async def test_two_processes_on_two_terminals_move_it_once(journal_of: Callable[[str], Journal]) -> None:
    """Both are asked the same and get the yes in the same moment; one moves it, and both show the same."""
    journal = journal_of("plan")
    before = await told_of(journal)
    windows = [Terminal(program(journal, PATIENT), environment()) for _ in range(2)]
    try:
        for window in windows:
            window.wait("worker ●")
            window.press("a")
        for window in windows:
            window.wait("approve the plan +r  send back")
        for window in windows:
            window.signal(signal.SIGSTOP)
            window.strike("a")
        for window in windows:
            window.signal(signal.SIGCONT)
        while_all(windows, lambda: all(TOLD.search(window.drawn) for window in windows))
        while_all(windows, lambda: len({window.text for window in windows}) == 1)
        assert "→ Code Writer" in windows[0].text
    finally:
        for window in windows:
            window.close()
    happened = await told_of(journal) - before
    # A yes to the plan is a yes to the requirement, and the step itself.
    assert list(happened.values()) == [1] * 3, happened


def while_all(windows: list[Terminal], done: Callable[[], bool]) -> None:
    """Wait for a state of all windows, each of which is read meanwhile."""
    for _ in range(600):
        if done():
            return
        for window in windows:
            window.look()
    raise AssertionError("\n".join(window.text for window in windows))


def noted(app: QdeckApp, journal: Journal) -> list[int]:
    """Note the versions of the workflow that the app reads from now on."""
    seen: list[int] = []
    post = app.link._post

    def noting(message: Message) -> object:
        if isinstance(message, BoardChanged):
            seen.extend(row.version for row in message.rows if row.workflow_id == journal.workflow_id)
        return post(message)

    app.link._post = noting
    return seen


async def told_of(journal: Journal) -> Counter[str]:
    """What has happened to the workflow, by the text of its events."""
    service = await OrchestrationService.open(str(journal.path))
    events = await service.get_workflow_history(journal.workflow_id, limit=0)
    await service.close()
    return Counter(event.text for event in events)
