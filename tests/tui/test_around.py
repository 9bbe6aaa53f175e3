"""The first time, the log, the palette, what is remembered, and calls for a person who looks elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.machine.states import Condition, State
from screenshots.scenes import Journal, make_app, playing, until
from tests.tui.driving import on, opened, press, running, shown, told
from tests.tui.evil import EVIL, LONG, assert_harmless
from tui import journal_link
from tui.app import QdeckApp
from tui.calling import sequence, way_for
from tui.catalogue import deeds
from tui.options import AppOptions
from tui.palette import WAYS_OUT, Actions
from tui.remembered import Remembered
from tui.screens.first import LATER, FirstScreen

JournalOf = Callable[[str], Journal]


async def test_the_first_time_is_greeted_and_never_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is there is offered by its variable's name; taking it writes the settings."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-indeed")
    first = QdeckApp(AppOptions(welcome=True, start_worker=False))
    first.link.start = lambda: None  # type: ignore[method-assign]
    async with first.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: on(first) == "FirstScreen" and "OPENAI_API_KEY is set" in shown(first), 90)
        assert "secret" not in shown(first) and "the rehearsal" in shown(first)
        await press(first, pilot, "end")
        screen = first.screen
        assert isinstance(screen, FirstScreen) and screen.found is not None
        screen.take(screen.found)
        assert (option := screen.searched().option) and option.value == LATER, "what was chosen stays so"
        await press(first, pilot, "home")
        await press(first, pilot, "enter")
        assert on(first) == "BoardScreen" and first.settings.model == "openai/gpt-5-mini"
    assert not QdeckApp(AppOptions(welcome=True, start_worker=False)).first_time


async def test_a_journal_with_a_word_to_its_driver_is_the_same_file(
    journal_of: JournalOf, home: Path
) -> None:
    """Its rows are in the first frame, and its owner is not greeted as if there was none."""
    url = f"{journal_of('review').url}?timeout=5"
    app = QdeckApp(AppOptions(database_url=url, welcome=True, start_worker=False))
    assert not app.first_time
    app.link.start = lambda: None  # type: ignore[method-assign]
    async with app.run_test(size=(120, 40)):
        assert "B-0007" in shown(app)


async def test_the_first_time_can_lead_to_the_rehearsal(home: Path) -> None:
    """Without a key there is the demo; the app leaves, and whoever started it plays that."""
    app = QdeckApp(AppOptions(welcome=True, start_worker=False))
    app.link.start = lambda: None  # type: ignore[method-assign]
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: on(app) == "FirstScreen")
        await press(app, pilot, "enter")
        await until(pilot, lambda: app.after == "demo")


async def test_the_log_is_shown_as_text(journal_of: JournalOf) -> None:
    """Its end is followed, filtered, and what was written into it from outside does nothing."""
    async with running(journal_of("empty"), size=(80, 24)) as (app, pilot):
        log = app.settings.paths.worker_log
        log.parent.mkdir(parents=True)
        log.write_bytes(f"{LONG}\nINFO {EVIL}\nWARNING careful\n".encode() + b"\xff\xfe\x00\n")
        await press(app, pilot, "f4")
        await until(pilot, lambda: "careful" in shown(app))
        assert_harmless(shown(app))
        await press(app, pilot, "slash", *"markup", "enter")
        assert "1 of" in shown(app) and "[bold red]markup[/]" in shown(app) and "careful" not in shown(app)
        await press(app, pilot, "escape")
        assert "careful" in shown(app)
        with log.open("a") as stream:
            stream.write("ERROR it broke\n")
        await until(pilot, lambda: "it broke" in shown(app))
        await press(app, pilot, "tab")
        await until(pilot, lambda: "The app's log" in shown(app))
        await press(app, pilot, "q")
        assert on(app) == "BoardScreen"


async def test_the_palette_names_every_action_and_says_why_not(journal_of: JournalOf) -> None:
    """What works here can be run; what does not is dim and tells where, or what is in the way."""
    async with running(journal_of("review")) as (app, pilot):
        palette = Actions(app.screen)
        await palette.startup()
        entries = list(palette._entries())
        hidden = ("move.", "composer.", "picker.", "pick.", "edit.")
        named = {deed.id: deed for deed in deeds() if not deed.id.startswith(hidden)}
        shown_here = {entry.id for entry in entries}
        left_out = {id for id in named if id not in shown_here}
        assert {named[id].name for id in left_out} <= WAYS_OUT, left_out
        why = {entry.id: entry.why_not for entry in entries}
        assert not why["build.approve"] and not why["board.project"]
        for id, place in (
            ("statistics.project", "statistics, with p"),
            ("yeses.grant", "standing yeses, with s"),
            ("decision.grant", "decision, with s"),
            ("back.go", "way back, with r or b"),
            ("prompts.save", "prompt's editor, with ctrl+s or f10"),
        ):
            assert why[id] == f"Not here: it works in the {place}."
        await press(app, pilot, "ctrl+p", *"reset", "enter")
        await until(pilot, lambda: "Not here" in told(app))
        await press(app, pilot, "ctrl+p", *"log", "enter")
        await until(pilot, lambda: on(app) == "LogScreen")


async def test_where_you_were_is_remembered(journal_of: JournalOf, project: Path) -> None:
    """The workflow that was open, the colours, and a request that was not started."""
    journal = journal_of("review")
    async with running(journal, project) as (app, pilot):
        app.action_use_theme("qdeck-safe")
        await press(app, pilot, "ctrl+n", *"Half a plan", "escape", "escape")
        await opened(app, pilot, journal)
    again = QdeckApp(replace(make_app(journal, project).options, resume=True), clock=lambda: journal.at)
    async with playing(again, (120, 40)) as pilot:
        await until(pilot, lambda: on(again) == "WorkflowScreen")
        assert again.theme == "qdeck-safe" and again.form["request"] == "Half a plan"


def test_a_memory_that_is_none_is_no_harm(tmp_path: Path) -> None:
    """Half a file, another shape, a folder: the app starts with nothing remembered."""
    for text in (
        "{",
        "[1]",
        '{"form": 3, "theme": {}}',
        "x" * 500_000,
        '{"remarks": [[1], ["w", "p", "?", 1, "", ""], 3]}',
    ):
        (tmp_path / "app.json").write_text(text)
        memory = Remembered.read(tmp_path / "app.json")
        assert (memory.workflow_id, memory.theme, memory.form) == ("", "", {})
        assert not memory.remarks.to_data()
    assert Remembered.read(tmp_path).form == {}


async def test_a_person_is_called_once_and_not_for_what_they_see(journal_of: JournalOf) -> None:
    """Looking at the board, nobody is called; looking elsewhere, once for each need, and as text."""
    async with running(journal_of("review")) as (app, _):
        sent: list[str] = []
        app.watcher.caller._write = sent.append
        app.settings = replace(app.settings, notify="osc9")
        rows = app.board.board.model.rows.values()
        row = next(r for r in rows if r.condition == Condition.ACTIVE and r.state != State.COMPLETE)
        need = replace(row, condition="waiting", waiting_for="approval:plan", version=90, title=f"{EVIL};x")
        app.watcher.touched = app.now()
        app.watcher.saw([need])
        assert not sent, "the board is in sight"
        app.watcher.saw([replace(row, version=91)])
        app.app_focus = False
        for _ in range(3):
            app.watcher.saw([replace(need, version=92)])
        (call,) = sent
        assert call.startswith("\x1b]9;") and "needs you: approve the plan" in call
        assert call.count("\x1b") == 2 and call.endswith("\x1b\\\a"), "only its own escapes"
        app.watcher.saw([replace(row, state=State.COMPLETE, version=93)])
        assert len(sent) == 2 and "is complete" in sent[1]
        app.settings = replace(app.settings, notify_about=("complete",))
        app.watcher.saw([replace(need, version=94)])
        app.settings = replace(app.settings, notify="off", notify_about=("needs_you",))
        app.watcher.saw([replace(need, version=95, condition="failed")])
        assert len(sent) == 2


async def test_how_things_stood_at_the_start_calls_nobody(
    journal_of: JournalOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long board comes in portions; none of its rows is news, however many came before it."""
    monkeypatch.setattr(journal_link, "PORTION", 1)
    called: list[tuple[str, str, int]] = []
    app = make_app(journal_of("review"), None)
    monkeypatch.setattr(app.watcher, "_looking_at", lambda workflow_id: False)
    monkeypatch.setattr(app.watcher.caller, "call", lambda wanted, what, *words: called.append(what))
    async with playing(app, (120, 40)) as pilot:
        await until(pilot, lambda: app.watcher._all_known)
        assert not called
        row = next(r for r in app.board.board.model.rows.values() if r.condition == Condition.WAITING)
        app.watcher.saw([replace(row, workflow_id="another")])
        assert [what[0] for what in called] == ["another"]
        done = replace(row, state=State.COMPLETE, completed_at=app.watcher._stood_at - 1, version=91)
        app.watcher.saw([replace(done, workflow_id="long complete")])
        app.watcher.saw([replace(done, workflow_id="just now", completed_at=app.watcher._stood_at + 1)])
        assert [what[0] for what in called] == ["another", "just now"]


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({"TERM_PROGRAM": "WezTerm"}, "osc9"),
        ({"VTE_VERSION": "7600"}, "osc777"),
        ({"TERM": "xterm-256color"}, "bell"),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "x", "PATH": ""}, "bell"),
    ],
)
def test_the_way_to_call_fits_the_terminal(environment: dict[str, str], way: str) -> None:
    """And inside tmux it is handed through."""
    assert way_for("auto", environment) == way
    assert way_for("desktop", environment) == "desktop"
    wrapped = sequence("osc777", "B-0001", "done\x1b]0;x\x07", in_tmux=True)
    assert wrapped == "\x1bPtmux;\x1b\x1b]777;notify;B-0001;done\x1b\x1b\\\x1b\\\a"


async def test_the_desktop_is_asked_without_a_shell(
    journal_of: JournalOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words are arguments behind `--`; no option and no command can be made of a title."""
    program, said = tmp_path / "bin" / "notify-send", tmp_path / "said"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {said}.new\nmv {said}.new {said}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    async with running(journal_of("empty")) as (app, pilot):
        app.watcher.caller.call("desktop", ("w", "complete", 1), "--urgency=$(id)", "a; `id`")
        await until(pilot, said.exists)
    assert said.read_text().splitlines() == ["--app-name=qdeck", "--", "--urgency=$(id)", "a; `id`"]
