"""The settings: changed by keys, written into the user's own file, and refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.config import load_settings
from screenshots.scenes import FOUND, Journal, calm, until
from tests.llm.openai_server import Fault, OpenAIServer, Reply, Tool
from tests.tui.driving import on, press, running, shown, told
from tests.tui.evil import EVIL, assert_harmless
from tui.app import QdeckApp
from tui.catalogue import deeds
from tui.ink import plain
from tui.pages.settings import Row, row_line
from tui.widgets.rows import SettingsList

JournalOf = Callable[[str], Journal]


async def go(app: QdeckApp, pilot: Pilot[int], *name: str) -> None:
    """Put the cursor on a setting."""
    rows = app.screen.query_one(SettingsList)
    rows.cursor = [row.name for row in rows.rows].index(name)
    await calm(pilot)


async def write(app: QdeckApp, pilot: Pilot[int], text: str) -> None:
    """Open the value under the cursor, write another one and keep it."""
    await press(app, pilot, "enter", "home", "ctrl+k", *text, "enter")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_settings_are_written_into_the_file_and_used_at_once(
    size: tuple[int, int], journal_of: JournalOf, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comments stay; what cannot be is refused in words and can be corrected; a source that wins is named."""
    monkeypatch.setenv("QDECK_RETRY_BUDGET", "9")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-indeed")
    monkeypatch.setenv("QDECK_API_BASE", "http://ada:pass-word@127.0.0.1:9/v1")
    async with running(journal_of("empty"), project, size=size) as (app, pilot):
        file = app.settings.paths.config_file
        file.parent.mkdir(parents=True)
        file.write_text(f'# mine\ntag = "{EVIL.encode("unicode_escape").decode().replace(chr(92), "")}"\n')
        app.reload_settings()
        await press(app, pilot, "f2")
        await go(app, pilot, "model")
        await write(app, pilot, "openai/gpt-5")
        assert app.settings.model == "openai/gpt-5" and file.read_text().startswith("# mine\n")
        assert "your file" in shown(app)
        assert "no limit" in shown(app) and "3 steps back" not in shown(app) and "9 steps back" in shown(app)
        await go(app, pilot, "budget_usd")
        await write(app, pilot, "much")
        assert on(app) == "EditScreen" and "cannot be 'much'" in " ".join(shown(app).split())
        await press(app, pilot, "home", "ctrl+k", *"2.5", "enter")
        await until(pilot, lambda: on(app) == "SettingsScreen" and app.settings.budget_usd is not None)
        assert app.settings.budget_usd == 2.5 and "budget_usd = 2.5" in file.read_text()
        await go(app, pilot, "models", "code_writer")
        await write(app, pilot, "sk-abcdefghijklm")
        assert "That looks like a key." in shown(app)
        await press(app, pilot, "home", "ctrl+k", *"a/b", "enter")
        assert app.settings.models["code_writer"] == "a/b"
        await press(app, pilot, "u")
        assert "code_writer" not in app.settings.models
        await go(app, pilot, "retry_budget")
        await write(app, pilot, "1")
        assert "the environment QDECK_RETRY_BUDGET outranks your file" in told(app)
        await go(app, pilot, "test_timeout")
        await press(app, pilot, "enter")
        assert app.screen.query_one("#value", Input).value == "600", "what is written, not what is told"
        await press(app, pilot, "escape")
        assert "600 seconds" in shown(app)
        await go(app, pilot, "theme")
        await press(app, pilot, "enter")
        assert "Safe for colour-blind eyes" in shown(app)
        await press(app, pilot, "j", "enter")
        assert app.theme == "qdeck-light" == load_settings().theme
        app.action_use_theme("qdeck-safe")
        assert load_settings().theme == "qdeck-safe", "the next start has the colours that were chosen last"
        await until(pilot, lambda: "OPENAI_API_KEY is set" in shown(app) or "checks" in app.screen.found)  # type: ignore[attr-defined]
        app.screen.found = FOUND  # type: ignore[attr-defined]
        app.screen._again()  # type: ignore[attr-defined]
        await go(app, pilot, "budget_usd")
        app.screen.found = FOUND | {"keys": FOUND["keys"] * 3}  # type: ignore[attr-defined]
        app.screen._again()  # type: ignore[attr-defined]
        row = app.screen.query_one(SettingsList).row
        assert row and row.name == ("budget_usd",), "what is found meanwhile moves rows, and not the cursor"
        await press(app, pilot, "g", "slash", *"contains", "enter")
        assert "Nothing here contains a command" in shown(app).split("\n")[-5 if size[1] == 24 else -6]
        await press(app, pilot, "enter")
        assert "nothing to set" in told(app)
        await press(app, pilot, "y")
        assert "See the README." in app.clipboard, "what can only be read is found and copied"
        await press(app, pilot, "escape")
        app.screen.found = {}  # type: ignore[attr-defined]
        await press(app, pilot, "g")
        for _ in range(8):
            assert "secret" not in shown(app) and "pass-word" not in shown(app)
            assert_harmless(shown(app))
            await press(app, pilot, "pagedown")
        await press(app, pilot, "escape")
        assert on(app) == "BoardScreen"


async def test_what_can_only_be_read_is_neither_changed_nor_tested(journal_of: JournalOf) -> None:
    """Keys on such a row say so, or what they are for."""
    async with running(journal_of("empty")) as (app, pilot):
        await press(app, pilot, "f2")
        await until(pilot, lambda: bool(app.screen.found), 120)  # type: ignore[attr-defined]
        rows = app.screen.query_one(SettingsList)
        rows.cursor = next(i for i, row in enumerate(rows.rows) if not row.name and row.value)
        for key, says in (
            ("enter", "only be read"),
            ("t", "Put the cursor on a model"),
            ("u", "only be read"),
        ):
            app.clear_notifications()
            await press(app, pilot, key)
            assert says in told(app), key


async def test_a_key_is_given_away_only_once(journal_of: JournalOf, project: Path) -> None:
    """A conflict is told and refused; another key works at once, in the hint and on the board."""
    async with running(journal_of("review"), project) as (app, pilot):
        await press(app, pilot, "f2")
        await go(app, pilot, "keymap", "board.filter")
        await press(app, pilot, "enter", "q")
        assert "q is quit" in " ".join(shown(app).split()) and on(app) == "KeyScreen"
        await press(app, pilot, "tab")
        assert "has to stay what it is everywhere" in " ".join(shown(app).split())
        await press(app, pilot, "f9")
        assert app.settings.keymap == {"board.filter": "f9"}
        await press(app, pilot, "escape", "f9")
        assert app.screen.query_one("#filter").has_focus


def test_a_long_name_keeps_away_from_its_value() -> None:
    """Also where it is cut."""
    row = Row(("keymap", "next"), "next decision, from anywhere at all", "f8", "default")
    assert "… f8" in plain([row_line(row, 80)])


def test_every_action_has_an_id_of_its_own() -> None:
    """What the settings offer to re-map and what the palette lists is all there is."""
    known = {deed.id for deed in deeds()}
    assert {"build.approve", "new.start", "settings.test", "prompts.save", "log.filter", "help"} <= known


@pytest.mark.timeout(600)
async def test_a_model_is_tested_for_real_and_a_test_can_be_given_up(
    journal_of: JournalOf, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child process asks the server; escape ends a server that hangs, and not the screen."""
    with OpenAIServer([Reply("", [Tool("ready")]), Reply(fault=Fault.HANG)]) as server:
        monkeypatch.setenv("QDECK_API_BASE", server.url)
        monkeypatch.setenv("QDECK_MODEL", "openai/small")
        async with running(journal_of("empty"), project) as (app, pilot):
            await press(app, pilot, "f2", "t")
            assert "asking openai/small" in shown(app)
            await until(pilot, lambda: "and calls tools" in shown(app), 250)
            assert len(server.requests) == 1
            await press(app, pilot, "t")
            await until(pilot, lambda: len(server.requests) == 2, 250)
            await press(app, pilot, "escape")
            await until(pilot, lambda: "given up" in shown(app))
            assert on(app) == "SettingsScreen"
            await until(pilot, lambda: len(server.hangups) == 1)


async def test_what_was_changed_is_taken_back(journal_of: JournalOf) -> None:
    """A value that went back to its default says how; each change is undone, the last one first."""
    async with running(journal_of("empty")) as (app, pilot):
        file = app.settings.paths.config_file
        file.parent.mkdir(parents=True)
        file.write_text('# mine\nbudget_usd = 2.5 # enough\n[models]\ncode_writer = "openai/a"\n')
        app.reload_settings()
        await press(app, pilot, "f2", "z")
        assert "Nothing was changed here" in told(app) and "z undo" not in shown(app)
        await go(app, pilot, "models", "code_writer")
        await write(app, pilot, "openai/b")
        await press(app, pilot, "u")
        assert app.settings.models == {} and "the default counts again. z takes that back" in told(app)
        await go(app, pilot, "budget_usd")
        await press(app, pilot, "u")
        assert app.settings.budget_usd is None and "budget" not in file.read_text() and "z undo" in shown(app)
        await press(app, pilot, "z")
        assert app.settings.budget_usd == 2.5 and app.settings.models == {} and "what it was" in told(app)
        await press(app, pilot, "z")
        assert app.settings.models == {"code_writer": "openai/b"}
        await press(app, pilot, "z")
        assert app.settings.models == {"code_writer": "openai/a"} and file.read_text().startswith("# mine")
        assert "z undo" not in shown(app)
