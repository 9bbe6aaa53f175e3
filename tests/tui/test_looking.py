"""An app that may only look: every key that could change something is dim, and says why when pressed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.service import OrchestrationService
from core.service.tokens import Scope
from screenshots.scenes import Journal, make_app, playing, until
from tests.tui.driving import on, shown, told
from tests.tui.test_every_key import settle
from tests.tui.walks import WALKS, Reach
from tui import armed
from tui.app import QdeckApp
from tui.journal_link import ONLY_LOOKING
from tui.screens.base import Dialog
from tui.widgets.bars import HintLine

JournalOf = Callable[[str], Journal]

REFUSED: dict[str, str] = {
    "board": "r b p x c ctrl+n",
    "panes": "r b p x c full_stop ctrl+n",
    "decision": "a r b c x o s m 1 2 3 4 5 6 7 8 9 ctrl+n",
    "diff": "r x z enter ctrl+n",
    "evidence": "ctrl+n",
    "history": "f w ctrl+n",
    "statistics": "ctrl+n",
    "help": "ctrl+n",
    "settings": "enter t u z ctrl+n",
    "prompts": "e u ctrl+n",
    "tokens": "m x ctrl+n",
    "yeses": "x s ctrl+n",
}
"""The screens, and what changes something there. What waits for a yes may be looked at."""
MOVING = ("move.", "pane.", "settings.close", "app.", "palette")


def _reach(name: str) -> Reach:
    return next(walk.reach for walk in WALKS if walk.name == name)


async def _open(name: str, app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _reach(name)(app, pilot, journal)
    await settle(app, pilot)


@pytest.mark.parametrize("name", REFUSED)
async def test_what_would_be_refused_is_dim_and_says_why(
    name: str, journal_of: JournalOf, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing else is: what is bright does something, and asks no question that leads nowhere."""
    monkeypatch.setattr(armed, "GRACE", 0.0)
    # The way to the settings writes one first, as their owner would have done.
    monkeypatch.setattr(QdeckApp, "write_settings", lambda *_: None)
    journal = journal_of("testing" if name == "panes" else "asking")
    options = replace(make_app(journal, project).options, read_only=True)
    app = QdeckApp(options, clock=lambda: journal.at)
    async with playing(app, (250, 50)) as pilot:
        await _open(name, app, pilot, journal)
        here = on(app)
        keys = {
            key: one.binding
            for key, one in app.screen.active_bindings.items()
            if one.node.__module__.startswith("tui.") and not (one.binding.id or "").startswith(MOVING)
        }
        refused = set()
        for key in keys:
            if on(app) != here or app.screen.query("Input.-open"):
                await _open(name, app, pilot, journal)
            if (name, key) == ("diff", "enter"):
                # A comment belongs to a line.
                await pilot.press("g", "right_square_bracket", "j")
            app.clear_notifications()
            hints = {hint.key: hint for hint in app.screen.query_one("#hints", HintLine)._hints}
            await pilot.press(key)
            await settle(app, pilot)
            hint = hints.get({"full_stop": ".", "slash": "/"}.get(key, key))
            if ONLY_LOOKING in told(app):
                refused.add(key)
                assert on(app) == here and (hint is None or hint.dim), f"{key} is bright"
            assert not isinstance(app.screen, Dialog), f"{key} asks in vain"
        assert refused == set(REFUSED[name].split()) & set(keys) == set(REFUSED[name].split())


async def test_past_yeses_and_tokens_can_be_looked_at(journal_of: JournalOf, project: Path) -> None:
    """Reading is not refused with what changes: the history shows the past, the lists what is in them."""
    journal = journal_of("releasing")
    service = await OrchestrationService.open(str(journal.path))
    await service.tokens.mint(issued_to="ada", scope=Scope.READ, name="dashboard")
    await service.close()
    app = QdeckApp(replace(make_app(journal, project).options, read_only=True), clock=lambda: journal.at)
    async with playing(app, (120, 40)) as pilot:
        await _open("history", app, pilot, journal)
        await pilot.press("home", "v")
        await until(pilot, lambda: app.screen.settled)  # type: ignore[attr-defined]
        await _open("yeses", app, pilot, journal)
        await until(pilot, lambda: "SHIP_TOKEN" in shown(app) or "DEPLOY" in shown(app))
        await pilot.press("escape", "f7")
        await until(pilot, lambda: "dashboard" in shown(app))
        assert ONLY_LOOKING not in told(app)
