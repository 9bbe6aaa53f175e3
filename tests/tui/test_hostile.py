"""Text from outside is only text, wherever it is shown."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from screenshots.scenes import PANES_SHOWN, Journal, calm, make_app, ready, shows_picture, until
from tests.tui.driving import armed, opened, press, running, shown
from tests.tui.evil import EVIL, LONG, PLACES, assert_harmless, evil, grown
from tui.app import QdeckApp
from tui.calling import sequence
from tui.pages.uncovered import Code
from tui.screens.ask import AskScreen
from tui.screens.confirm import Choice, ConfirmScreen
from tui.screens.evidence import _passage
from tui.widgets.conversation import Conversation

JournalOf = Callable[[str], Journal]


async def test_every_place_shows_text_from_outside_as_text(journal_of: JournalOf, project: Path) -> None:
    """Each place of the table is seen on some screen, with a megabyte in its line, as visible characters."""
    journal = journal_of("evil megabytes")
    seen = ""
    app = make_app(journal, project)
    async with app.run_test(size=(150, 160), notifications=True) as pilot:
        await ready(app, pilot)
        prepare(app)
        async for text in everywhere(app, pilot, journal):
            assert_harmless(text)
            seen += text
    missing = {place: what for place, what in PLACES.items() if f"{place}!" not in seen}
    assert not missing
    assert "[bold red]markup[/]" in seen and "[@click=app.exit]press[/]" in seen


def prepare(app: QdeckApp) -> None:
    """Put harm into what does not stand in the journal: settings, prompts, templates, the log, a draft."""
    folder = app.settings.paths.config
    for name in ("prompts", "templates"):
        (folder / name).mkdir(parents=True)
    (folder / "prompts" / "q_assistant.md").write_text(grown(evil("PROMPT")))
    (folder / "templates" / "evil.md").write_text(grown(evil("PATTERN")))
    app.settings.paths.worker_log.parent.mkdir(parents=True, exist_ok=True)
    app.settings.paths.worker_log.write_text(f"INFO {grown(evil('LOG'))}\nINFO {evil('LOG')}\n")
    app.form |= {
        "request": grown(evil("DRAFT")),
        "project": grown(evil("DRAFT")),
        "model": grown(evil("MODEL")),
    }


async def everywhere(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> AsyncIterator[str]:
    """Go through every screen, and say what it shows."""
    yield shown(app)
    await opened(app, pilot, journal)
    for number, _ in enumerate(PANES_SHOWN, start=1):
        for key in (str(number), "o", "g"):
            await press(app, pilot, key)
            yield shown(app)
    await back(app, pilot)
    for how in ("decision", "retry", "rollback", "diff", "evidence", "history"):
        getattr(app, f"open_{how}")(journal.workflow_id)
        await shows_picture(app, pilot)
        yield shown(app)
        if how == "decision":
            await armed(app, pilot)
        if how == "evidence":
            show_code(app.screen)
        for key in {"evidence": "j" * 16, "history": "kv", "decision": "1"}.get(how, ""):
            await pilot.press(key)
            await calm(pilot)
            await until(pilot, lambda: getattr(app.screen, "settled", True))
            yield shown(app)
        await back(app, pilot)
    rows = app.board.rows_list.model.rows
    app.open_retry(next(name for name, row in rows.items() if row.condition == "failed"))
    await shows_picture(app, pilot)
    yield shown(app)
    await back(app, pilot)
    async for text in _others(app, pilot):
        yield text


def show_code(screen: Any) -> None:
    """Put lines that no test ran in place of a repository that the journal does not have."""
    for entry in screen._entries:
        if entry.kind == "uncovered":
            screen._codes[_passage(entry)] = Code([(1, grown(evil("CODE")))])


async def _others(app: QdeckApp, pilot: Pilot[int]) -> AsyncIterator[str]:
    for keys in ("s p", "f5 j", "f7", "f4", "ctrl+n", "ctrl+n ctrl+t G", "v", "question_mark", "ctrl+p"):
        for key in keys.split():
            await pilot.press(key)
            await calm(pilot)
            await app.workers.wait_for_complete()
            await until(pilot, lambda: getattr(app.screen, "settled", True))
            yield shown(app)
        await back(app, pilot)
    found = {"keys": [], "checks": [{"name": grown(evil("SERVER")), "ok": False, "what": EVIL, "hint": EVIL}]}
    found["servers"] = [{"name": grown(evil("SERVER")), "api_base": EVIL, "models": [grown(evil("SERVER"))]}]
    app.write_settings({("model",): evil("MODEL")})
    for key in ("f2", "f3"):
        await pilot.press(key)
        screen: Any = app.screen
        told = "found" if key == "f2" else "prompts"
        await until(pilot, lambda screen=screen, told=told: bool(getattr(screen, told)), 120)  # type: ignore[misc]
        if key == "f2":
            screen.found = found
            screen._again()
        await calm(pilot)
        yield shown(app)
        await back(app, pilot)
    app.tell(grown(evil("TOLD")), bad=True)
    await until(pilot, lambda: bool(app.screen.query("Toast")))
    await calm(pilot)
    yield shown(app)


async def back(app: QdeckApp, pilot: Pilot[int]) -> None:
    """Back to the board; what the screens held of the megabytes goes at once."""
    while len(app.screen_stack) > 1:
        app.pop_screen()
        await pilot.pause()
    await calm(pilot)
    gc.collect()


@pytest.mark.parametrize("pane", ["", "events"])
async def test_evil_text_can_be_sought_and_found(pane: str, journal_of: JournalOf) -> None:
    """What is sought is text too, also when it was pasted with all that hides in it."""
    journal = journal_of("evil lines")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal, pane)
        await press(app, pilot, "slash", *"[bold red]", "enter")
        assert_harmless(shown(app))
        assert app.screen.searched().found.lines and "[bold red]markup[/]" in shown(app)
        await press(app, pilot, "escape", "slash")
        app.post_message(events.Paste(EVIL))
        await calm(pilot)
        assert_harmless(shown(app))
        await press(app, pilot, "enter", "n")
        assert_harmless(shown(app))


@pytest.mark.parametrize("keys", [("c",), ("ctrl+n",), ("ctrl+n", "shift+tab"), ("f3", "e"), ("slash",)])
async def test_what_is_pasted_into_a_field_is_text(
    keys: tuple[str, ...], journal_of: JournalOf, project: Path
) -> None:
    """Fields draw what they hold, so nothing that hides or moves anything may get into one."""
    async with running(journal_of("evil lines"), project) as (app, pilot):
        await press(app, pilot, *keys[:1])
        if keys[0] == "f3":
            await until(pilot, lambda: bool(app.screen.prompts), 120)  # type: ignore[attr-defined]
        await press(app, pilot, *keys[1:])
        app.post_message(events.Paste(f"{EVIL}{LONG[:3000]}\n{EVIL}"))
        await until(pilot, lambda: "to left" in shown(app) or "www" in shown(app))
        assert_harmless(shown(app))
        await press(app, pilot, "home")
        assert_harmless(shown(app))


async def test_what_a_field_begins_with_is_text(journal_of: JournalOf, project: Path) -> None:
    """What was remembered, a template, a prompt of one's own, a repository's name: all of it may be evil."""
    journal = journal_of("evil lines")
    async with running(journal, project) as (app, pilot):
        folder = app.settings.paths.config / "templates"
        folder.mkdir(parents=True)
        (folder / "evil.md").write_text(f"{EVIL}\n{EVIL}")
        app.form |= {"request": EVIL, "project": EVIL, "model": EVIL, "role-code_writer": EVIL}
        app.remembered.drafts[""] = [EVIL, EVIL]
        await press(app, pilot, "c")
        assert_harmless(shown(app))
        assert "[bold red]markup[/]" in shown(app)
        await press(app, pilot, "escape", "ctrl+n")
        assert_harmless(shown(app))
        assert "[bold red]markup[/]" in shown(app)
        await press(app, pilot, "ctrl+t")
        assert_harmless(shown(app))
        await press(app, pilot, "G", "enter")
        assert_harmless(shown(app))
        await press(app, pilot, "ctrl+p")
        assert_harmless(shown(app))


async def test_a_question_is_text(journal_of: JournalOf) -> None:
    """Whatever is asked about: a box that asks for a key or for words draws what it is told."""
    async with running(journal_of("evil lines")) as (app, pilot):
        for screen in (
            AskScreen(EVIL, EVIL, EVIL, placeholder=EVIL),
            ConfirmScreen(EVIL, f"{EVIL}{LONG[:3000]}", (Choice("y", EVIL),)),
        ):
            app.push_screen(screen)
            await calm(pilot)
            assert_harmless(shown(app))
            assert "[bold red]markup[/]" in shown(app)


async def test_words_in_passing_are_text_and_one_at_a_time(journal_of: JournalOf) -> None:
    """However long they are the board stays to be seen, the newest is there alone, and bad news look so."""
    app = make_app(journal_of("review"), None)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await ready(app, pilot)
        app.tell("the first")
        await until(pilot, lambda: "the first" in shown(app))
        app.tell(f"{EVIL}{LONG}", bad=True)
        await until(pilot, lambda: "[bold red]markup[/]" in shown(app))
        await calm(pilot)
        assert_harmless(shown(app))
        assert "the first" not in shown(app) and "NEEDS YOU" in shown(app) and "help" in shown(app)
        assert [toast.has_class("-warning") for toast in app.screen.query("Toast")] == [True]


async def test_what_is_pasted_as_one_piece_is_text(journal_of: JournalOf) -> None:
    """Also when it was sent, as it is shown then, opened and copied."""
    journal = journal_of("evil lines")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal, "chat")
        app.post_message(events.Paste(f"{EVIL}\n" * 30 + LONG[:90_000]))
        await until(pilot, lambda: "pasted" in shown(app))
        assert_harmless(shown(app))
        await press(app, pilot, "enter")
        talk = app.screen.query_one("#talk", Conversation)
        await until(pilot, lambda: "lines more" in talk.text and talk.settled)
        await press(app, pilot, "escape", "escape", "G", "J", "enter", "y")
        assert_harmless(shown(app))
        assert_harmless(app.clipboard.replace("\t", " "))


def test_the_title_of_the_window_and_a_call_hold_no_escape() -> None:
    """A call is one sequence with plain words in it, whatever the build is called."""
    for way in ("osc9", "osc777"):
        told = sequence(way, f"{EVIL};{EVIL}", f"{EVIL}{LONG}", in_tmux=False)
        inner = told.removeprefix("\x1b]9;" if way == "osc9" else "\x1b]777;notify;").removesuffix("\x1b\\\a")
        assert_harmless(inner)
        assert len(inner) < 500 and inner.count(";") == (way == "osc777")
