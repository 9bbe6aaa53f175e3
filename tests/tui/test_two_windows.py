"""Two apps on one journal: they show the same, and what both order happens once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from textual.message import Message
from textual.pilot import Pilot

from core.service import OrchestrationService
from screenshots.scenes import Journal, shows_picture, until
from tests.tui.driving import armed, asked, press, running, told
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
