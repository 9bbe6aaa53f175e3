"""What the app and the worker wrote down: the end of each log, filtered, and only ever as text."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from core.text import clean
from tui.ink import Line, Span, said, wrap
from tui.keys import COPY_KEY
from tui.projects import tilde
from tui.screens.base import DeckScreen
from tui.widgets.bars import Bar, Hint
from tui.widgets.page import Page

TAIL = 256_000
"""Bytes of a log that are shown: its end."""
LOGS = ("worker", "app")


class LogScreen(DeckScreen):
    """Two files, one at a time; follows what is added while the end is in sight."""

    CSS_PATH = "log.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "other", "Other log", id="log.other", tooltip="The worker's log, or the app's."),
        Binding(
            "slash,ctrl+f",
            "filter",
            "Filter",
            id="log.filter",
            tooltip="Show only lines with these words.",
        ),
        COPY_KEY,
        Binding("escape,q", "leave", "Back", id="log.close", tooltip="Show all lines again; then close it."),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._which = LOGS[0]
        self._words = ""
        self._seen: tuple[str, int, int] = ("", 0, 0)
        self._lines_read: tuple[str, ...] = ()

    @property
    def file(self) -> Path:
        """The log that is shown."""
        paths = self.deck.settings.paths
        return paths.worker_log if self._which == "worker" else paths.log / "app.log"

    def content(self) -> ComposeResult:
        """A title, the lines, and the filter."""
        yield Bar(id="title")
        yield Page(id="page")
        field = Input(placeholder="/ words that the lines hold", id="filter", compact=True)
        field.cursor_blink = False
        yield field

    def on_mount(self) -> None:
        """Read the end, and look every second for more."""
        self.query_one("#filter").display = False
        self.query_one("#page").focus()
        self._look()
        self.set_interval(1.0, self._look)

    def hints(self) -> Sequence[Hint]:
        """How to read and how to leave."""
        if isinstance(self.focused, Input):
            return (Hint("enter", "keep the filter"), Hint("esc", "show all again"))
        other = LOGS[1 - LOGS.index(self._which)]
        return (
            Hint("j k", "scroll"),
            Hint("tab", f"the {other}'s log", "screen.other"),
            Hint("/", "filter", "screen.filter"),
            Hint("G", "to the end", short="end"),
            Hint("y", "copy", "screen.copy"),
            Hint("esc", "back", "screen.leave"),
        )

    def _look(self) -> None:
        if self.is_current:
            self.run_worker(self._read(), group="log", exclusive=True)

    async def _read(self) -> None:
        size, changed, lines = await asyncio.to_thread(tail_of, self.file, self._seen, self._which)
        if lines is None or not self.query("#page"):
            return
        self._seen, self._lines_read = (self._which, size, changed), lines
        self._show()

    @property
    def _wanted(self) -> list[str]:
        """The lines that hold what is written in the filter."""
        return [line for line in self._lines_read if self._words.lower() in line.lower()]

    def _show(self) -> None:
        page = self.query_one("#page", Page)
        at_end = page.scroll_offset.y >= page.max_scroll_y
        wanted = self._wanted
        empty = "nothing holds these words" if self._lines_read else "nothing was written yet"
        page.show(lambda width: log_lines(wanted, width) or [(Span(empty, "muted"),)])
        if at_end:
            page.scroll_end(animate=False)
        count = f"{len(wanted):,} of {len(self._lines_read):,} lines" if self._words else ""
        self.query_one("#title", Bar).show(
            (Span(f"The {self._which}'s log", "strong bold"), Span(f"  {count}", "need")),
            (said(tilde(self.file), "muted"),),
        )
        self.refresh_hints()

    def action_other(self) -> None:
        """Show the other log."""
        self._which = LOGS[1 - LOGS.index(self._which)]
        self._look()

    def action_filter(self) -> None:
        """Write what the lines should hold."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self._words = event.value.strip()
        self._show()

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.query_one("#page").focus()

    def action_copy(self) -> None:
        """Copy what is selected, else all lines that are shown."""
        self.copy_out("\n".join(self._wanted))

    def action_leave(self) -> None:
        """Forget what is selected, or show all lines again; when they are, close."""
        if self.get_selected_text():
            self.clear_selection()
            return
        field = self.query_one("#filter", Input)
        if field.display:
            field.value = ""
            field.display = False
            self.query_one("#page").focus()
        else:
            self.deck.pop_screen()


def tail_of(file: Path, seen: tuple[str, int, int], which: str) -> tuple[int, int, tuple[str, ...] | None]:
    """Return size, time and the last lines of a file, cleaned; None for lines when nothing changed."""
    try:
        with file.open("rb") as stream:
            state = os.fstat(stream.fileno())
            if seen == (which, state.st_size, state.st_mtime_ns):
                return state.st_size, state.st_mtime_ns, None
            stream.seek(max(0, state.st_size - TAIL))
            data = stream.read(TAIL)
    except OSError:
        return 0, 0, () if seen != (which, 0, 0) else None
    text = data.decode("utf-8", "replace")
    if state.st_size > TAIL:
        text = text.partition("\n")[2]
    lines = tuple(clean(line, lines=False, limit=1_000) for line in text.split("\n") if line.strip())
    return state.st_size, state.st_mtime_ns, lines


def log_lines(lines: Sequence[str], width: int) -> list[Line]:
    """Return the lines, those that tell of trouble in words that stand out."""
    shown: list[Line] = []
    for line in lines:
        bad = " ERROR " in line or " CRITICAL " in line or "Traceback" in line
        ink = "bad" if bad else "need" if " WARNING " in line else "text"
        shown += wrap((Span(line, ink),), width, 4)
    return shown
