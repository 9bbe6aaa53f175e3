"""Every transition of the table, made with keys: a, r and b, and the lists of targets behind them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.machine.states import State
from screenshots.scenes import Journal, calm, make_app, playing, until
from tests.machine.oracle import APPROVED_FIRST, SPEC
from tests.rules.route import Row, whole_table
from tests.service.conftest import build, service
from tui import armed as armed_module
from tui.app import QdeckApp
from tui.widgets.picker import Picker

__all__ = ["build", "service"]


async def prepare(build: Any, row: Row) -> None:
    """The engine's part: the work is done, and a person's word is what is missing."""
    if row["kind"] == "advance":
        await build.work()
    if row["kind"] in ("advance", "accept"):
        subjects = APPROVED_FIRST.get(row["id"])
        await build.wait(f"approval:{subjects[-1]}" if subjects else "person", "it is your turn")


async def ready(app: QdeckApp, pilot: Pilot[int], screen: str) -> None:
    """Wait until that screen is on top and its keys count."""
    await until(pilot, lambda: type(app.screen).__name__ == screen and app.screen.armed())  # type: ignore[attr-defined]


async def aim(app: QdeckApp, pilot: Pilot[int], target: str) -> None:
    """Move the cursor to the target, and write a reason."""
    targets = app.screen.query_one("#targets", Picker)
    values = [option.value for option in targets.options]
    for _ in range(values.index(target)):
        await pilot.press("j")
    assert targets.option is not None and targets.option.value == target
    await pilot.press("e")
    await pilot.press("ctrl+a", *"not yet", "enter")
    await calm(pilot)


async def by_keys(app: QdeckApp, pilot: Pilot[int], row: Row) -> None:
    """Make one transition as a person at the keyboard."""
    match row["kind"]:
        case "advance" | "accept":
            await pilot.press("a")
            await ready(app, pilot, "DecisionScreen")
            await pilot.press("a")
        case "rollback":
            await pilot.press("b")
            await ready(app, pilot, "RollbackScreen")
            await aim(app, pilot, row["to"])
            await ready(app, pilot, "RollbackScreen")
            await pilot.press("b")
            await ready(app, pilot, "RollbackScreen")
            await pilot.press("y")
        case _:
            await pilot.press("r")
            await ready(app, pilot, "RetryScreen")
            await aim(app, pilot, row["to"])
            await ready(app, pilot, "RetryScreen")
            await pilot.press("r")


async def test_all_twenty_eight_transitions_are_made_with_keys(
    build: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One workflow is led from discovery to complete over every transition, by nothing but keys."""
    monkeypatch.setattr(armed_module, "GRACE", 0.02)
    app = make_app(Journal(path, build.id, time.time()), None)
    walk = whole_table()
    async with playing(app, (120, 40)) as pilot:
        app.open_workflow(build.id)
        for row in walk:
            await prepare(build, row)
            view = await build.now()
            await until(pilot, lambda v=view.version: _sees(app) == v)
            await by_keys(app, pilot, row)
            await until(pilot, lambda s=row["to"], v=view.version: _state(app, v) == s)
    events = await build.service.get_workflow_history(build.id, limit=0)
    pressed = [e.data["transition"] for e in events if e.event_type == "moved"]
    assert pressed == [row["id"] for row in walk]
    assert set(pressed) == {row["id"] for row in SPEC["transitions"]}
    assert (await build.now()).state is State.COMPLETE


def _sees(app: QdeckApp) -> int:
    """The version that the workflow's screen, on top again, shows."""
    picture = getattr(app.screen, "picture", None)
    on_top = type(app.screen).__name__ == "WorkflowScreen"
    return picture.view.version if on_top and picture else 0


def _state(app: QdeckApp, after: int) -> str:
    """The state that the workflow's screen shows, once it shows something newer."""
    return app.screen.picture.view.state.value if _sees(app) > after else ""  # type: ignore[attr-defined]
