"""Driving the real app: what it shows, and waiting for what it should come to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from core.machine.commands import Authority
from core.service import OrchestrationService
from core.service.views import Answer, WorkflowView
from screenshots.scenes import Journal, calm, make_app, playing, shows_picture, until
from tui import armed as armed_module
from tui.app import QdeckApp


def shown(app: QdeckApp) -> str:
    """The text of the screen, as it is drawn now."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def told(app: QdeckApp) -> str:
    """What the app has told the user in passing, the newest last."""
    return "\n".join(notice.message for notice in app._notifications)


def on(app: QdeckApp) -> str:
    """The name of the screen on top."""
    return type(app.screen).__name__


def under_cursor(app: QdeckApp) -> str:
    """The build under the board's cursor."""
    row = app.board.board.row
    return row.build_id if row else ""


@asynccontextmanager
async def running(
    journal: Journal, project: Path | None = None, size: tuple[int, int] = (120, 40), **rest: Any
) -> AsyncIterator[tuple[QdeckApp, Pilot[int]]]:
    """The real app on a journal, ready for keys."""
    app = make_app(journal, project, **rest)
    async with playing(app, size) as pilot:
        yield app, pilot


async def press(app: QdeckApp, pilot: Pilot[int], *keys: str) -> None:
    """Press keys one after the other, each drawn before the next; of a word in a field only its end."""
    for key, following in zip(keys, (*keys[1:], ""), strict=False):
        await pilot.press(key)
        if not (len(key) == len(following) == 1 and isinstance(app.focused, Input | TextArea)):
            await calm(pilot)


async def opened(app: QdeckApp, pilot: Pilot[int], journal: Journal, pane: str = "") -> None:
    """Open the workflow that the journal tells in full."""
    app.open_workflow(journal.workflow_id, pane)
    await shows_picture(app, pilot)


async def armed(app: QdeckApp, pilot: Pilot[int]) -> None:
    """Wait until keys count on the screen on top."""
    await until(pilot, lambda: getattr(app.screen, "armed", lambda: False)())


@contextmanager
def slow_to_arm() -> Iterator[None]:
    """Decisions arm only when the test says so, so that a busy machine cannot decide the outcome."""
    grace, armed_module.GRACE = armed_module.GRACE, 3600.0
    try:
        yield
    finally:
        armed_module.GRACE = grace


def arm_now(app: QdeckApp) -> None:
    """As if half a second had gone by since the decision was drawn."""
    app.screen._armed_at = 0.0  # type: ignore[attr-defined]


async def deciding(app: QdeckApp, pilot: Pilot[int], journal: Journal, how: str = "decision") -> None:
    """Open what waits for a person, or a way back, and wait until keys count there."""
    getattr(app, f"open_{how}")(journal.workflow_id)
    await shows_picture(app, pilot)
    await armed(app, pilot)


async def ordered(journal: Journal, what: str, **rest: Any) -> Answer:
    """Let somebody else order something, past the app, and return the answer."""
    service = await OrchestrationService.open(str(journal.path))
    try:
        view = await service.get_workflow_status(journal.workflow_id)
        order = getattr(service, what)
        answer: Answer = await order(
            view.workflow_id, by=Authority.person("grace"), expected_version=view.version, **rest
        )
        return answer
    finally:
        await service.close()


async def asked(journal: Journal) -> WorkflowView:
    """How the workflow stands in the journal itself."""
    service = await OrchestrationService.open(str(journal.path))
    try:
        return await service.get_workflow_status(journal.workflow_id)
    finally:
        await service.close()
