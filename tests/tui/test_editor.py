"""The person's own editor for what is written in the app."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import QdeckError
from core.text import MESSAGE_LIMIT
from screenshots.scenes import Journal
from tests.tui.driving import press, running, told
from tests.tui.terminal import Terminal
from tests.tui.test_terminal import RUN, environment
from tui import editor
from tui.editor import editor_of
from tui.widgets.request import LONGEST_REQUEST, Request

JournalOf = Callable[[str], Journal]
EDITOR = """import pathlib, sys
file = pathlib.Path(sys.argv[-1])
print(f"EDITING {file.read_text()!r}", flush=True)
answer = input()
file.write_text({"keep": "Three lines\\nof a request\\n\\x1b[31mwith colour\\n"}.get(answer, "nothing of it"))
sys.exit(0 if answer == "keep" else 7)
"""


def test_a_request_is_written_in_the_persons_own_editor(
    journal_of: JournalOf, project: Path, tmp_path: Path
) -> None:
    """It has the terminal to itself, gets what was written, gives text back; if it fails, nothing changes."""
    script = tmp_path / "editor.py"
    script.write_text(EDITOR)
    run = RUN.format(before="from pathlib import Path;", db=str(journal_of("empty").path))
    run = run.replace("start_worker=False", f"start_worker=False, project=Path({str(project)!r})")
    editor = f"{sys.executable} '{script}'"
    terminal = Terminal([sys.executable, "-c", run], environment(EDITOR=editor, VISUAL=""))
    try:
        terminal.wait("worker")
        terminal.press("\x0e")
        terminal.wait("builds from and merges into")
        terminal.press("A wish", "\x07")
        terminal.wait("EDITING 'A wish'")
        assert 0 < terminal.raw.rfind(b"\x1b[?1049l") < terminal.raw.find(b"EDITING"), "the app was put away"
        terminal.press("no", "enter")
        terminal.wait("ended with 7")
        assert "A wish" in terminal.text and "nothing of it" not in terminal.text
        terminal.press("\x07")
        terminal.wait("EDITING 'A wish'")
        terminal.press("keep", "enter")
        text = terminal.wait("of a request")
        assert "Three lines" in text and "with colour" in text and "A wish" not in text
        terminal.press("!")
        terminal.wait("with colour!")
        terminal.press("\x11")
        assert terminal.wait_end() == 0
    finally:
        terminal.close()


async def test_where_no_editor_can_be_it_is_said(
    journal_of: JournalOf, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No terminal, no such program, a name that cannot be read: a sentence, and the words are kept."""
    monkeypatch.setenv("VISUAL", sys.executable)
    async with running(journal_of("empty"), project) as (app, pilot):
        await press(app, pilot, "ctrl+n", *"A wish", "ctrl+g")
        assert "An editor needs a terminal" in told(app)
        field = app.screen.query_one(Request)
        assert field.text == "A wish"
        field.take_text("x" * (LONGEST_REQUEST + 1))
        await pilot.pause()
        assert field.text == "A wish" and "100,001 characters" in app.screen._trouble  # type: ignore[attr-defined]
        field.take_text("Another")
        field.undo()
        assert field.text == "A wish"
    assert editor_of({"EDITOR": "sh -c 'x y'"}) == ["sh", "-c", "x y"]
    for bad in ("no-such-editor", "'half"):
        with pytest.raises(QdeckError, match="EDITOR"):
            editor_of({"EDITOR": bad})


async def test_what_is_too_long_from_an_editor_is_refused_whole(
    journal_of: JournalOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is cut off in silence."""

    def much(app: object, command: list[str]) -> int:
        Path(command[-1]).write_text("x" * (MESSAGE_LIMIT + 2))
        return 0

    monkeypatch.setattr(editor, "_run_in_terminal", much)
    monkeypatch.setenv("VISUAL", sys.executable)
    async with running(journal_of("empty")) as (app, _):
        with pytest.raises(QdeckError, match="stays as it was"):
            editor.written_outside(app, "A wish")
