"""Text from outside is only text, wherever it is shown."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from core.machine.commands import Authority
from core.machine.states import EvidenceKind, State
from core.machine.transitions import Order
from core.service import OrchestrationService
from core.service.tokens import Scope
from screenshots.journal import Hand, Writer
from screenshots.scenes import PANES_SHOWN, Journal, calm, shows_picture, until
from tests.tui.driving import opened, press, running, shown
from tui.app import QdeckApp
from tui.calling import sequence
from tui.screens.ask import AskScreen
from tui.screens.confirm import Choice, ConfirmScreen
from tui.screens.first import FirstScreen
from tui.widgets.conversation import Conversation

EVIL = (
    "[bold red]markup[/] [@click=app.exit]press[/] \x1b[2J\x1b[31mred \x1b]0;title\x07 \x1bP1$r\x1b\\ "
    "\u202eright to left\u202c zero\u200bwidth \u2066x\u2069 \x08\x08\r tab\t end\x9b31m"
)
LONG = "w" * 1_000_000
FORBIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


async def evil_journal(folder: Path) -> Journal:
    """A workflow in which everything that can be said was said by somebody who means harm."""
    writer = await Writer.open(str(folder / "qdeck.db"))
    try:
        hand = await writer.start(Path("/srv") / "x[red]", f"{EVIL}\n{LONG}", title=EVIL)
        await _speak(hand)
        await hand.becomes(Order.FAIL, EVIL)
        return Journal(folder / "qdeck.db", hand.workflow_id, writer.clock.seconds())
    finally:
        await writer.close()


async def _speak(hand: Hand) -> None:
    await hand.begin()
    await hand.checkpoint("base")
    hand.say(
        f"{EVIL}\n```evil\n{EVIL}\n{LONG}\n```\n| {EVIL} | b |\n|---|---|\n| 1 | {LONG[:5000]} |\n- {EVIL}"
    )
    hand.tool(EVIL, f'{{"path": "{LONG[:3000]}"}}', f"{EVIL}\n{LONG}", ok=False)
    hand.note(EVIL)
    await hand.proves(
        EvidenceKind.REQUIREMENT,
        EVIL,
        {"summary": EVIL, "criteria": [{"number": 1, "text": EVIL}], "assumptions": [LONG, EVIL]},
    )
    await hand.end("submitted", EVIL)
    await hand.moves(State.PLANNING, packet={"summary": EVIL})
    await hand.begin()
    hand.runs("test", [EVIL, LONG[:9000]], exit_code=1, output=f"{EVIL}\n{LONG}", suite="new")
    diff = f"diff --git a/{EVIL} b/{EVIL}\n@@ {EVIL}\n+{EVIL}\n-{LONG}\n"
    change = {"path": EVIL, "status": EVIL, "added": 1, "removed": 1}
    await hand.checkpoint("evil", diff, {"files": 1, "added": 1, "removed": 1, "changes": [change]})
    failure = {"name": EVIL, "text": f"{EVIL}\n{LONG}"}
    await hand.proves(EvidenceKind.PLAN, EVIL, {"tasks": [{"text": EVIL}], "failures": [failure]}, ok=False)
    hand.activity(EVIL, EVIL)
    hand.streams(f"{EVIL}\n{EVIL * 20}")


def assert_harmless(text: str) -> None:
    """Nothing but visible characters is on the screen."""
    bad = {c for c in text if c != "\n" and unicodedata.category(c) in FORBIDDEN}
    assert not bad, sorted(map(ascii, bad))


@pytest.mark.parametrize("pane", PANES_SHOWN)
async def test_a_workflow_full_of_evil_text_is_shown_as_text(pane: str, tmp_path: Path) -> None:
    """Neither markup nor escapes nor a megabyte on one line does anything but stand there."""
    journal = await evil_journal(tmp_path)
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal, pane)
        await pilot.press("o", "G", "g")
        await calm(pilot)
        text = shown(app)
        assert_harmless(text)
        assert "[bold red]markup[/]" in text


async def test_the_board_shows_evil_titles_as_text(tmp_path: Path) -> None:
    """A title is never markup."""
    async with running(await evil_journal(tmp_path)) as (app, pilot):
        assert_harmless(shown(app))
        assert "[bold red]markup[/]" in shown(app)
        await press(app, pilot, "v")
        assert_harmless(shown(app))
        assert "verification" in shown(app) and "red]markup[/]" in shown(app)


@pytest.mark.parametrize("pane", ["", "events"])
async def test_evil_text_can_be_sought_and_found(pane: str, tmp_path: Path) -> None:
    """What is sought is text too, also when it was pasted with all that hides in it."""
    journal = await evil_journal(tmp_path)
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


@pytest.mark.parametrize("how", ["open_decision", "open_retry", "open_rollback"])
async def test_a_decision_shows_evil_text_as_text(how: str, tmp_path: Path) -> None:
    """Nothing in a decision can move what the user reads."""
    journal = await evil_journal(tmp_path)
    async with running(journal) as (app, pilot):
        getattr(app, how)(journal.workflow_id)
        await shows_picture(app, pilot)
        assert_harmless(shown(app))


async def test_a_message_in_passing_is_text(tmp_path: Path) -> None:
    """Toasts draw what they are told, nothing more."""
    async with running(await evil_journal(tmp_path)) as (app, pilot):
        app.tell(EVIL, bad=True)
        await calm(pilot)
        assert_harmless(shown(app))
        assert "[bold red]markup[/]" in shown(app)


@pytest.mark.parametrize("keys", [("c",), ("ctrl+n",), ("ctrl+n", "shift+tab"), ("f3", "e"), ("slash",)])
async def test_what_is_pasted_into_a_field_is_text(
    keys: tuple[str, ...], tmp_path: Path, project: Path
) -> None:
    """Fields draw what they hold, so nothing that hides or moves anything may get into one."""
    async with running(await evil_journal(tmp_path), project) as (app, pilot):
        await press(app, pilot, *keys[:1])
        if keys[0] == "f3":
            await until(pilot, lambda: bool(app.screen.prompts), 120)  # type: ignore[attr-defined]
        await press(app, pilot, *keys[1:])
        app.post_message(events.Paste(f"{EVIL}{LONG[:3000]}\n{EVIL}"))
        await until(pilot, lambda: "to left" in shown(app) or "www" in shown(app))
        assert_harmless(shown(app))
        await press(app, pilot, "home")
        assert_harmless(shown(app))


async def test_what_a_field_begins_with_is_text(tmp_path: Path, project: Path) -> None:
    """What was remembered, a template, a prompt of one's own, a repository's name: all of it may be evil."""
    journal = await evil_journal(tmp_path)
    async with running(journal, project) as (app, pilot):
        folder = app.settings.paths.config / "templates"
        folder.mkdir(parents=True)
        (folder / "evil.md").write_text(f"{EVIL}\n{EVIL}")
        app.form |= {"request": EVIL, "project": EVIL, "model": EVIL, "role-code_writer": EVIL}
        await press(app, pilot, "ctrl+n")
        assert_harmless(shown(app))
        assert "[bold red]markup[/]" in shown(app)
        await press(app, pilot, "ctrl+t")
        assert_harmless(shown(app))
        await press(app, pilot, "G", "enter")
        assert_harmless(shown(app))
        await press(app, pilot, "ctrl+p")
        assert_harmless(shown(app))


@pytest.mark.parametrize(
    "place", ["history", "then", "diff", "evidence", "statistics", "yeses", "tokens", "asks", "first", "ask"]
)
async def test_every_other_screen_shows_evil_text_as_text(place: str, tmp_path: Path) -> None:
    """What the journal, its projects, yeses and tokens hold: each screen that shows one of them is named."""
    journal = await evil_journal(tmp_path)
    service = await OrchestrationService.open(str(journal.path))
    project = (await service.projects())[0].project_id
    given = await service.give_standing_yes(
        project, EVIL, by=Authority.person(EVIL), reason=f"{EVIL}\n{LONG}"
    )
    await service.tokens.mint(issued_to=EVIL, scope=Scope.READ, name=EVIL[:90])
    await service.close()
    assert given.ok, given.text
    async with running(journal) as (app, pilot):
        await _go(app, pilot, journal, place)
        for key in ("j", "G", "g", "ctrl+p"):
            await calm(pilot)
            assert_harmless(shown(app))
            await pilot.press(key)
        await calm(pilot)
        assert_harmless(shown(app))


async def _go(app: QdeckApp, pilot: Pilot[int], journal: Journal, place: str) -> None:
    match place:
        case "history" | "then" | "diff" | "evidence":
            getattr(app, f"open_{'history' if place == 'then' else place}")(journal.workflow_id)
            await shows_picture(app, pilot)
            if place == "then":
                await press(app, pilot, "v")
        case "statistics":
            await press(app, pilot, "s")
            await until(pilot, lambda: getattr(app.screen, "settled", False))
            await press(app, pilot, "p")
        case "yeses" | "tokens":
            await press(app, pilot, "f5" if place == "yeses" else "f7")
            await until(pilot, lambda: "[bold red]" in shown(app))
        case "first":
            screen = FirstScreen()
            app.push_screen(screen)
            await until(pilot, lambda: screen.found is not None, 120)
            screen.take({"keys": [{"variable": EVIL, "example": EVIL}], "servers": [], "checks": []})
        case "ask":
            app.push_screen(AskScreen(EVIL, EVIL, EVIL, placeholder=EVIL))
        case "asks":
            app.push_screen(ConfirmScreen(EVIL, f"{EVIL}{LONG[:3000]}", (Choice("y", EVIL),)))


async def test_what_is_pasted_as_one_piece_is_text(tmp_path: Path) -> None:
    """Also when it was sent, as it is shown then, opened and copied."""
    journal = await evil_journal(tmp_path)
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
