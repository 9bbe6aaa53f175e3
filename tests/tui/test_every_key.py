"""Every key of every screen and widget does something that can be seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.dom import DOMNode
from textual.pilot import Pilot

from screenshots.journal import Writer
from screenshots.scenes import Journal, until
from tests.tui.driving import running
from tests.tui.walks import WALKS, Walk, holder, units
from tui import armed
from tui.app import QdeckApp
from tui.screens.base import Dialog
from tui.screens.confirm import ConfirmScreen
from tui.widgets.conversation import Conversation

JournalOf = Callable[[str], Journal]


def test_every_key_is_on_a_walk() -> None:
    """What is bound somewhere in the code is pressed by one of the walks, and nothing that is not bound."""
    pressed = {(owner, key) for walk in WALKS for owner, key, counts in walk.steps() if counts}
    assert sorted(units() - pressed) == [], "no walk presses these"
    assert sorted(pressed - units()) == [], "these are bound no more"


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.name)
async def test_every_key_does_something(
    walk: Walk, journal_of: JournalOf, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is meant to takes the key, and then something else is shown, said, in focus or to be pasted."""
    monkeypatch.setattr(armed, "GRACE", 0.0)
    for module in ("app", "pilot"):
        monkeypatch.setattr(f"textual.{module}.wait_for_idle", _next_turn)
    taken = _watched(monkeypatch)
    journal = await _spent(tmp_path) if walk.stage == "spent" else journal_of(walk.stage)
    async with running(journal, project, size=walk.size) as (app, pilot):
        await walk.reach(app, pilot, journal)
        await settle(app, pilot)
        before = state(app)
        await pilot.press("f12")
        await settle(app, pilot)
        assert state(app) == before, "a key that nobody binds changes nothing"
        last = len(list(walk.steps())) - 1
        for place, (owner, key, counts) in enumerate(walk.steps()):
            where = f"{owner}: {key}, step {place} of {walk.name}"
            if app._notifications:
                # That a word from before goes away is nothing that a key does.
                app.clear_notifications()
                await settle(app, pilot)
            if not counts:
                # What an answer does shows beside how it was before the first of the questions.
                before = before if isinstance(app.screen, Dialog) else state(app)
                await _lead_on(app, pilot, journal, walk, key)
                continue
            if owner.startswith("?"):
                await _answer(app, pilot, key, where)
            else:
                before = state(app)
                taken.clear()
                await pilot.press(key)
                await _comes(pilot, lambda: bool(taken), f"nobody takes {where}")
                assert holder(taken[-1], key) == owner, where
            await _comes(pilot, lambda before=before: state(app) != before, f"nothing comes of {where}")  # type: ignore[misc]
            if place < last:
                # Behind the last key the app may be gone.
                await settle(app, pilot)


async def _answer(app: QdeckApp, pilot: Pilot[int], key: str, where: str) -> None:
    await _comes(pilot, lambda: isinstance(app.screen, ConfirmScreen), f"nobody asks {where}")
    asked = app.screen
    assert isinstance(asked, ConfirmScreen) and key in [choice.key for choice in asked._choices], where
    await until(pilot, asked.armed)
    await pilot.press(key)
    await _comes(pilot, lambda: app.screen is not asked, f"nobody takes {where}")


async def _lead_on(app: QdeckApp, pilot: Pilot[int], journal: Journal, walk: Walk, key: str) -> None:
    if key == "@":
        await walk.reach(app, pilot, journal)
    elif key.startswith("="):
        await pilot.press(*key[1:])
    else:
        await pilot.press(key)
    await settle(app, pilot)


async def _comes(pilot: Pilot[int], what: Callable[[], bool], or_else: str) -> None:
    try:
        await until(pilot, what, 10)
    except TimeoutError:
        pytest.fail(or_else)


def state(app: QdeckApp) -> tuple[object, ...]:
    """Everything that a person could notice."""
    told = tuple((notice.message, notice.raised_at) for notice in app._notifications)
    return drawn(app), id(app.screen), id(app.focused), told, app.clipboard, app.is_running


def drawn(app: QdeckApp) -> tuple[object, ...]:
    """What is on the screen, with its colours: a cursor may be no more than that."""
    return tuple(tuple(strip) for strip in app.screen._compositor.render_strips())


async def settle(app: QdeckApp, pilot: Pilot[int]) -> None:
    """Wait until the screen on top shows what it is about to show, and shows the same twice."""
    last: tuple[object, ...] = ()
    while last != (last := state(app)):
        for _ in range(3):
            await pilot.pause()
        await until(pilot, lambda: getattr(app.screen, "picture", True) is not None)
        await until(pilot, lambda: getattr(app.screen, "settled", True))
        await until(pilot, lambda: all(talk.settled for talk in app.screen.query(Conversation)))
        await until(pilot, lambda: getattr(app.screen, "armed", lambda: True)())


async def _next_turn(*_: float) -> None:
    """Textual's pilot waits 20 ms and more for the process to idle; here states are waited for."""
    await asyncio.sleep(0)


def _watched(monkeypatch: pytest.MonkeyPatch) -> list[DOMNode]:
    """Note who takes the keys: the last one is it, those before had no such action."""
    taken: list[DOMNode] = []
    run = QdeckApp.run_action

    async def run_action(app: QdeckApp, action: Any, node: Any = None, *more: Any) -> bool:
        taken.append(node)
        return await run(app, action, node, *more)

    monkeypatch.setattr(QdeckApp, "run_action", run_action)
    return taken


async def _spent(folder: Path) -> Journal:
    """A build that stands still because its budget is spent."""
    writer = await Writer.open(str(folder / "qdeck.db"))
    hand = await writer.start(Path("/srv/x"), "Do much", budget=0.5)
    await hand.waits("budget", "The budget of $0.50 is spent.")
    await writer.close()
    return Journal(folder / "qdeck.db", hand.workflow_id, writer.clock.seconds())
