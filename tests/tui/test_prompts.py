"""Prompts: read, written as a copy of one's own, refused when no role could be told that, dropped again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from screenshots.scenes import Journal, calm, until
from tests.tui.driving import on, press, running, shown, told
from tests.tui.evil import EVIL, assert_harmless
from tui.ink import plain
from tui.pages.prompt import text_lines
from tui.screens import prompts
from tui.screens.prompts import Editor, facts_of, whose

JournalOf = Callable[[str], Journal]


@pytest.mark.timeout(900)
async def test_a_copy_is_written_previewed_and_dropped(journal_of: JournalOf, project: Path) -> None:
    """A broken text is not kept, a good one counts in the preview, and the shipped one comes back."""
    async with running(journal_of("review"), project, size=(80, 24)) as (app, pilot):
        folder = app.settings.paths.config / "prompts"
        folder.mkdir(parents=True)
        (folder / "test_auditor.md").write_text("{{secret}} " + EVIL)
        await press(app, pilot, "f3")
        await until(pilot, lambda: bool(app.screen.prompts), 200)  # type: ignore[attr-defined]
        await press(app, pilot, "j", "j")
        assert "✗ your copy is not used" in shown(app)
        assert_harmless(shown(app))
        await press(app, pilot, "k", "e")
        editor = app.screen.query_one(Editor)
        assert editor.text.startswith("# Code Writer")
        editor.text = "Write {{anything}}."
        await press(app, pilot, "ctrl+s")
        await until(pilot, lambda: "no role could be told that" in told(app), 200)
        assert not (folder / "code_writer.md").exists() and editor.has_focus
        await press(app, pilot, "escape")
        assert on(app) == "ConfirmScreen", "nothing written is lost by one key"
        await press(app, pilot, "escape")
        editor.text = "# Mine\n\nTabs, please.\n"
        await press(app, pilot, "ctrl+s")
        await until(pilot, lambda: "your copy counts" in shown(app), 200)
        assert (folder / "code_writer.md").read_text() == "# Mine\n\nTabs, please.\n"
        await press(app, pilot, "v")
        await until(pilot, lambda: "as a role reads it" in shown(app), 200)
        assert "Tabs, please." in shown(app) and "B-0007" in shown(app)
        await press(app, pilot, "u")
        await until(pilot, app.screen.armed)  # type: ignore[attr-defined]
        await press(app, pilot, "y")
        await until(pilot, lambda: "as it is shipped" in shown(app), 200)
        assert sorted(p.name for p in folder.iterdir()) == ["code_writer.md.old", "test_auditor.md"]


async def test_an_answer_that_comes_late_is_for_what_was_asked(
    journal_of: JournalOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing written meanwhile is lost by keeping, and a preview is not shown below another name."""
    go_on = asyncio.Event()

    async def slow(*question: str) -> dict[str, Any]:
        if "--folder" in str(question) or question[0] == "preview":
            await go_on.wait()
        if question[0] == "preview":
            return {"ok": True, "digest": "0" * 64, "text": "late words"}
        row = {"shipped": "shipped words", "own": None, "fault": ""}
        return {
            "prompts": [{**row, "name": n, "title": n, "path": n} for n in ("code_writer", "test_auditor")]
        }

    monkeypatch.setattr(prompts, "ask_aside", slow)
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, "f3", "v", "j")
        go_on.set()
        await app.workers.wait_for_complete()
        await calm(pilot)
        assert "late words" not in shown(app)
        go_on.clear()
        await press(app, pilot, "e", "a", "ctrl+s", "b")
        go_on.set()
        await app.workers.wait_for_complete()
        await calm(pilot)
        editor = app.screen.query_one(Editor)
        assert editor.display and editor.text == "abshipped words" and "not kept yet" in told(app)
        copy = app.settings.paths.config / "prompts" / "test_auditor.md"
        assert copy.read_text() == "ashipped words"
        await press(app, pilot, "ctrl+s")
        await app.workers.wait_for_complete()
        await until(pilot, lambda: not editor.display)
        assert copy.read_text() == "abshipped words"


def test_a_preview_without_a_build_is_called_an_example() -> None:
    """It is rendered with what a build could have, and nobody looks for that build."""
    assert facts_of(None)["attempt"] == 1 and "example" in whose(None) and "B-" not in whose(None)


def test_paragraphs_that_were_broken_for_an_editor_are_joined() -> None:
    """Items too, each mark stays to be seen; code, tables and headings keep their lines."""
    source = (
        "# A role\n\nYou write **code**\nfor `qdeck`.\n\n- one that\n  goes on\n- two\n\n```toml\na = 1\n\n"
        "b = 2\n```\n\n| a | b |\n| - | - |\n\n> said\n> so\n"
    )
    assert plain(text_lines(source, 60)).split("\n") == [
        "# A role",
        "",
        "You write **code** for `qdeck`.",
        "",
        "- one that goes on",
        "- two",
        "",
        "a = 1",
        "",
        "b = 2",
        "",
        "| a | b |",
        "| - | - |",
        "",
        "> said so",
    ]
    narrow = plain(text_lines("- " + "word " * 12, 20)).split("\n")
    assert all(len(row) <= 20 for row in narrow) and narrow[1].startswith("  word")
