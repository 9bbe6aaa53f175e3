"""Leaving the app, and the ways around it: help, palette, themes, keys of one's own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sqlite3
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.board import BoardRow
from core.errors import QdeckError
from core.journal.schema import VERSION_TABLE
from core.machine.transitions import TRANSITIONS
from screenshots.scenes import Journal, calm, make_app, playing, ready, until
from tests.tui.driving import on, opened, ordered, press, running, shown, told
from tui import app as app_module
from tui.app import QdeckApp
from tui.news import BoardChanged, JournalOpened, JournalTrouble, WorkerChanged, WorkflowChanged
from tui.screens.ask import AskScreen
from tui.screens.workflow import WorkflowScreen

JournalOf = Callable[[str], Journal]
FOREIGN = "CREATE TABLE photos (x)"
NEWER = f"UPDATE {VERSION_TABLE} SET version_num = '9999'"  # noqa: S608
"""What makes a database that of another program, and that of a later qdeck."""


async def test_leaving_with_builds_running_asks(journal_of: JournalOf) -> None:
    """They may go on, or pause; or one stays."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, "q")
        assert "2 builds are running." in shown(app)
        await until(pilot, app.screen.armed)  # type: ignore[attr-defined]
        await press(app, pilot, "l")
        assert app.return_code == 0


async def test_leaving_can_pause_what_runs(journal_of: JournalOf) -> None:
    """Every running build is paused before the app goes."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await press(app, pilot, "q")
        await until(pilot, app.screen.armed)  # type: ignore[attr-defined]
        await pilot.press("p")
        await until(pilot, lambda: app.return_code == 0)
    async with running(journal) as (app, _):
        assert "running" not in shown(app).split("\n")[0]


async def test_leaving_with_nothing_running_does_not_ask(journal_of: JournalOf) -> None:
    """Nothing to ask about."""
    async with running(journal_of("empty")) as (app, pilot):
        await press(app, pilot, "q")
        assert app.return_code == 0


@pytest.mark.parametrize("what", ["workflow", "history", "diff", "evidence", "decision", "retry", "rollback"])
async def test_leaving_in_the_moment_in_which_a_screen_opens(
    journal_of: JournalOf, project: Path, what: str
) -> None:
    """Neither what is mounted without its widgets nor a picture that comes too early is a fault."""
    journal = journal_of("review")
    app = make_app(journal, project)
    async with app.run_test() as pilot:
        await ready(app, pilot)
        await opened(app, pilot, journal)
        assert isinstance(app.screen, WorkflowScreen) and app.screen.picture is not None
        picture = app.screen.picture
        getattr(app, f"open_{what}")(journal.workflow_id)
        app.on_workflow_changed(WorkflowChanged(picture))
        app.exit()
    assert app.return_code == 0


async def test_leaving_in_the_moment_in_which_a_question_opens(journal_of: JournalOf, project: Path) -> None:
    """Nor is a question that is mounted without its widgets."""
    app = make_app(journal_of("review"), project)
    async with app.run_test() as pilot:
        await ready(app, pilot)
        app.push_screen(AskScreen("Why?", "A word is enough."))
        app.exit()
    assert app.return_code == 0
    # What the journal still says reaches no board.
    for news in (
        JournalOpened(),
        JournalTrouble("It is locked."),
        BoardChanged(()),
        WorkerChanged(alive=True, struggling=False),
    ):
        await app._dispatch_message(news)


@pytest.mark.parametrize("opens", [False, True], ids=["board", "workflow"])
async def test_news_that_comes_while_screens_are_taken_down(
    opens: bool, journal_of: JournalOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are still on the stack, and what they consist of is gone."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        if opens:
            await opened(app, pilot, journal)
        rows = tuple(app.board.board.model.rows.values())
        news = [BoardChanged(rows), WorkerChanged(alive=True, struggling=False)]
        if isinstance(app.screen, WorkflowScreen) and app.screen.picture is not None:
            news.append(WorkflowChanged(app.screen.picture))
        close = app._close_all

        async def taken_down() -> None:
            for screen in app.screen_stack:
                await screen.query("*").remove()
            for one in news:
                app.post_message(one)
            await asyncio.sleep(0)
            await close()

        monkeypatch.setattr(app, "_close_all", taken_down)


async def test_an_app_that_was_left_leaves_nothing_behind(
    journal_of: JournalOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process that is not its own, an app and all it knew is garbage once it has ended."""
    monkeypatch.setattr(app_module, "SETTLES", 0.001)
    journal = journal_of("review")

    async def visited() -> weakref.ref[QdeckApp]:
        async with running(journal) as (app, pilot):
            await opened(app, pilot, journal)
        return weakref.ref(app)

    # In a task of its own: Textual notes the app in the context that it runs in.
    left = await asyncio.create_task(visited())
    # What a finalizer looks at once more, and all that it leads to, goes with the next round.
    for _ in range(3):
        gc.collect()
    assert left() is None


async def test_ctrl_c_twice_leaves(journal_of: JournalOf) -> None:
    """Once only says so."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, "ctrl+c")
        assert app.return_code is None and "ctrl+c again" in told(app)
        await press(app, pilot, "ctrl+c")
        assert app.return_code == 0


async def test_help_holds_every_key_and_every_move(journal_of: JournalOf) -> None:
    """It is generated, so nothing can be missing."""
    async with running(journal_of("review"), size=(120, 120)) as (app, pilot):
        await press(app, pilot, "question_mark")
        text = shown(app)
        for words in ("Approve", "Retry", "Roll back", "Next decision", "Filter", "New build", "Statistics"):
            assert words in text
        assert all(f"{t.id}" in text for t in TRANSITIONS)


async def test_the_palette_runs_any_action_by_name(journal_of: JournalOf) -> None:
    """Who does not know the key finds the word."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, "ctrl+p", *"statis")
        await app.workers.wait_for_complete()
        await calm(pilot)
        await press(app, pilot, "enter")
        await until(pilot, lambda: on(app) == "StatisticsScreen")


async def test_the_palette_changes_the_theme(journal_of: JournalOf) -> None:
    """Light and high contrast are a word away, and everything is drawn anew."""
    async with running(journal_of("review")) as (app, pilot):
        before = app.export_screenshot()
        app.action_use_theme("qdeck-light")
        await calm(pilot)
        assert app.theme == "qdeck-light" and app.export_screenshot() != before
        assert "#0e1117" not in app.export_screenshot()


@pytest.mark.parametrize("theme", ["nord", "textual-light", "dracula"])
async def test_a_theme_that_is_not_ours_works_too(theme: str, journal_of: JournalOf) -> None:
    """Every theme of Textual has colours for our inks."""
    async with running(journal_of("review"), theme=theme) as (app, _):
        assert app.theme == theme and "NEEDS YOU" in shown(app)


async def test_keys_can_be_given_other_letters(journal_of: JournalOf) -> None:
    """Every binding has an id, and the user's settings name the key."""
    journal = journal_of("review")
    app = make_app(journal, None)
    app.settings = replace(app.settings, keymap={"build.approve": "y"})
    app.set_keymap(app.settings.keymap)
    async with playing(app, (120, 40)) as pilot:
        await press(app, pilot, "y")
        assert on(app) == "DecisionScreen"


async def test_every_binding_explains_itself(journal_of: JournalOf, project: Path) -> None:
    """An id for re-mapping, a description for the palette, a tooltip for the help."""
    journal = journal_of("review")
    async with running(journal, project) as (app, pilot):
        screens = ["", "enter", "a", "r", "b", "ctrl+n"]
        for key in screens:
            if key:
                await press(app, pilot, key)
            for node in (app.screen, *app.screen.walk_children()):
                if not type(node).__module__.startswith("tui."):
                    continue
                for cls in type(node).__mro__:
                    for binding in (
                        cls.__dict__.get("BINDINGS", ()) if cls.__module__.startswith("tui.") else ()
                    ):
                        assert binding.id and binding.description and binding.tooltip, binding
            while on(app) != "BoardScreen":
                await press(app, pilot, "escape")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [("corrupt", "no journal of qdeck"), ("newer", "newer qdeck"), ("foreign", "another program")],
)
async def test_a_journal_that_cannot_be_used_is_a_sentence(
    kind: str, sentence: str, journal_of: JournalOf, tmp_path: Path
) -> None:
    """Such a file neither crashes the app nor is touched by it; no key acts on what cannot be known."""
    path = tmp_path / "qdeck.db"
    if kind == "corrupt":
        path.write_bytes(b"this is no database at all, only some text " * 200)
    elif kind == "newer":
        path = journal_of("review").path
    with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(NEWER if kind == "newer" else FOREIGN)
        database.commit()
    before = path.read_bytes()
    app = make_app(Journal(path, "", 0.0), None)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.trouble != "" and app.is_running)
        await calm(pilot)
        assert "✗" in shown(app).split("\n")[0]
        assert sentence in app.trouble and "Traceback" not in shown(app)
        await press(app, pilot, "a")
        assert on(app) == "BoardScreen"
    assert path.read_bytes() == before


async def test_a_locked_journal_refuses_an_order_in_a_sentence(
    journal_of: JournalOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another program holds is still looked at; the order is not lost in silence, and works later."""
    monkeypatch.setattr("core.journal.database._BUSY_MS", 50)
    journal = journal_of("testing")

    def condition(app: QdeckApp) -> str:
        return app.board.board.model.rows[journal.workflow_id].condition

    async with running(journal) as (app, pilot):
        app.board.board.select(journal.workflow_id)
        with contextlib.closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await press(app, pilot, "p")
            await until(pilot, lambda: "locked by another program" in told(app))
            assert condition(app) == "active"
        await press(app, pilot, "p")
        await until(pilot, lambda: condition(app) == "paused")


async def test_a_trouble_that_is_over_is_told_no_more(journal_of: JournalOf) -> None:
    """What could not be read is read again by itself, and the line on top says that all is well."""
    journal = journal_of("testing")
    async with running(journal) as (app, pilot):
        service = app.link._service
        assert service is not None
        usual = service.board

        async def broken(since: object = None) -> list[BoardRow]:
            raise QdeckError("The journal is busy.")

        service.board = broken  # type: ignore[method-assign]
        assert (await ordered(journal, "pause")).ok
        await until(pilot, lambda: "The journal is busy." in shown(app).split("\n")[0])
        service.board = usual  # type: ignore[method-assign]
        await until(pilot, lambda: "busy" not in shown(app).split("\n")[0])
        assert app.board.board.model.rows[journal.workflow_id].condition == "paused"
