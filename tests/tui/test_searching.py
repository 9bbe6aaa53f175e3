"""Searching where something is chosen: before a way back, among templates and models; and copying the log."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.text import REASON_READ_LIMIT
from screenshots.scenes import Journal, calm, shows_picture, until
from tests.tui.driving import arm_now, asked, on, press, running, shown, slow_to_arm
from tui.widgets.composer import Composer
from tui.widgets.picker import Picker
from tui.widgets.reader import Reader

JournalOf = Callable[[str], Journal]


@pytest.mark.parametrize(("how", "key"), [("retry", "r"), ("rollback", "b")])
async def test_what_going_back_means_is_looked_through(how: str, key: str, journal_of: JournalOf) -> None:
    """The matches are marked and counted; what was typed to find them sends nothing."""
    journal = journal_of("review")
    before = (await asked(journal)).version
    with slow_to_arm():
        async with running(journal, size=(80, 24)) as (app, pilot):
            getattr(app, f"open_{how}")(journal.workflow_id)
            await shows_picture(app, pilot)
            arm_now(app)
            await press(app, pilot, "slash", "e", "enter")
            body = app.screen.query_one("#body", Reader)
            assert len(body.found.lines) > 1 and "match 1 of" in shown(app)
            await press(app, pilot, "n")
            assert "match 2 of" in shown(app) and on(app) == type(app.screen).__name__
            await press(app, pilot, key, "y", "y")
            assert not app.screen.ready(), "the keys count anew"  # type: ignore[attr-defined]
            assert "e" in app.clipboard.lower()
            await press(app, pilot, "escape")
            assert not body.found.needle and on(app) == f"{how.capitalize()}Screen"
            await press(app, pilot, "escape")
            assert on(app) == "BoardScreen"
    assert (await asked(journal)).version == before


async def test_a_reason_says_how_much_of_it_is_read(journal_of: JournalOf) -> None:
    """A reason of more than a role reads is told so where it is written, as a message is."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        app.open_retry(journal.workflow_id)
        await shows_picture(app, pilot)
        reason = app.screen.query_one("#reason", Composer)
        reason.load_text("ü" * (REASON_READ_LIMIT // 2))
        await calm(pilot)
        assert "are left out" not in shown(app)
        reason.load_text("ü" * (REASON_READ_LIMIT // 2 + 1_000))
        await until(pilot, lambda: "reads 16 KB of it: 2 KB in the middle are left out" in shown(app))


async def test_templates_and_models_are_looked_through(journal_of: JournalOf) -> None:
    """`/` goes to what holds the words, `n` on; enter takes what was found, and escape forgets it first."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, "ctrl+n", "ctrl+t", "slash", *"a", "enter")
        picker = app.screen.query_one("#choices", Picker)
        first = picker.cursor
        await press(app, pilot, "n")
        assert picker.cursor != first and f"of {len(picker.found.lines)}" in shown(app)
        await press(app, pilot, "escape")
        assert on(app) == "PickScreen" and not picker.found.needle
        last = picker.texts()[-1].strip().split()[-1]
        await press(app, pilot, "g", "slash", *last, "enter", "enter")
        assert on(app) == "NewScreen" and app.form["request"]
        app.open_first()
        screen = app.screen
        await until(pilot, lambda: screen.found is not None, 120)  # type: ignore[attr-defined]
        models = [f"m{n}" for n in range(5)]
        server = {"name": "Ollama", "api_base": "http://localhost:1", "models": models}
        screen.take({"servers": [server], "keys": []})  # type: ignore[attr-defined]
        await calm(pilot)
        await press(app, pilot, "slash", *"m3", "enter")
        ways = screen.query_one("#ways", Picker)
        assert ways.option is not None and "m3" in ways.option.value and "match 1 of 1" in shown(app)
        await press(app, pilot, "escape")
        assert app.screen is screen
        await press(app, pilot, "escape")
        assert app.screen is not screen


async def test_the_log_is_copied(journal_of: JournalOf) -> None:
    """All lines that the filter leaves."""
    async with running(journal_of("empty")) as (app, pilot):
        app.settings.paths.worker_log.parent.mkdir(parents=True, exist_ok=True)
        app.settings.paths.worker_log.write_text("one line\nanother line\nthe last\n")
        await press(app, pilot, "f4")
        await until(pilot, lambda: "the last" in shown(app))
        await press(app, pilot, "y")
        assert app.clipboard == "one line\nanother line\nthe last"
        await press(app, pilot, "slash", *"line", "enter", "y")
        assert app.clipboard == "one line\nanother line"
