"""Ages go on while one looks at them, on every screen, and draw nothing while they read the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from screenshots.scenes import Journal, shows_picture, until
from tests.tui.driving import press, running, shown
from tui import words
from tui.ink import plain
from tui.pages.timeline import seconds_of
from tui.widgets.inked import Inked
from tui.widgets.page import Page

JournalOf = Callable[[str], Journal]


@pytest.mark.parametrize(
    ("how", "keys", "first", "later"),
    [
        ("decision", ("j", "j"), "waits 1m15s", "waits 3h01m"),
        ("decision", ("slash", *"ago", "enter"), "m ago", "3h ago"),
        ("rollback", (), "m ago", "3h ago"),
        ("history", ("g",), "m ago", "3h ago"),
        ("evidence", ("enter",), "m ago", "3h ago"),
        ("workflow", ("4", "G"), "m ago", "3h ago"),
    ],
)
async def test_an_age_goes_on_where_it_is_shown(
    how: str,
    keys: tuple[str, ...],
    first: str,
    later: str,
    journal_of: JournalOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the timer that all screens share; what was scrolled to stays in sight."""
    journal = journal_of("review")
    async with running(journal, size=(120, 24)) as (app, pilot):
        getattr(app, f"open_{how}")(journal.workflow_id)
        await shows_picture(app, pilot)
        if how == "evidence":
            screen: Any = app.screen
            entries = screen._entries
            screen._list.move_to(next(i for i, entry in enumerate(entries) if entry.receipt is not None))
        await press(app, pilot, *keys)
        await until(pilot, lambda: getattr(app.screen, "settled", True))
        place = [page.scroll_y for page in app.screen.query(Page)]
        assert first in shown(app), shown(app)
        app.now = lambda: journal.at + 3 * 3600  # type: ignore[method-assign]
        await until(pilot, lambda: later in shown(app))
        assert [page.scroll_y for page in app.screen.query(Page)] == place
        drawn: list[object] = []
        refresh = Inked.refresh

        def watched(widget: Inked, *regions: Any, **more: Any) -> Inked:
            drawn.append(widget)
            return refresh(widget, *regions, **more)

        monkeypatch.setattr(Inked, "refresh", watched)
        app.screen.tick()  # type: ignore[attr-defined]
        assert not drawn


@pytest.mark.parametrize("key", ["7", "8"])
async def test_what_an_attempt_takes_goes_on(key: str, journal_of: JournalOf) -> None:
    """In the panes for cost and events, while they have the focus and beside the conversation."""
    journal = journal_of("testing")
    async with running(journal, size=(120, 40)) as (app, pilot):
        app.open_workflow(journal.workflow_id)
        await shows_picture(app, pilot)
        await press(app, pilot, key)
        side = app.screen.query_one("#side", Page)
        picture = app.screen.picture  # type: ignore[attr-defined]
        (attempt,) = (a for a in picture.attempts if a.ended_at is None)
        # Ten minutes on, an age changes once a minute, and what is spent every second.
        for seconds, back in ((630, ()), (637, ()), (646, ("1",))):
            await press(app, pilot, *back)
            now = journal.at + seconds
            told = words.duration(seconds_of(attempt, now))
            assert told not in plain(side.lines)
            app.now = lambda now=now: now  # type: ignore[method-assign, misc]
            await until(pilot, lambda told=told: told in plain(side.lines))  # type: ignore[misc]
