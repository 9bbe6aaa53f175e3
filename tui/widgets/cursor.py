"""Lines with a cursor on the line API: keys, mouse and a search move it, and it stays in sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip

from tui.ink import Line, Span, cut_line
from tui.search import Found, find, marked
from tui.widgets.selecting import EDGE, Selecting


@dataclass
class OfLines(Message):
    """Something happened in a list; handlers can name in which."""

    lines: CursorLines

    @property
    def control(self) -> CursorLines:
        """The list, for handlers that name one."""
        return self.lines


class CursorLines(Selecting):
    """What all lists share. Whoever is one binds the keys, so that help can say where they work."""

    OVERLAP = 1

    CLICKS: ClassVar[int] = 2
    """How often one has to click on a line to take it."""

    cursor: var[int] = var(0)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.found = Found()

    @property
    def count(self) -> int:
        """How many lines there are. To be given by the subclass."""
        raise NotImplementedError

    def texts(self) -> Sequence[str]:
        """What a search looks through, a text for each line. To be given by whoever can be searched."""
        return ()

    def moved(self) -> None:
        """The cursor went to another line; to be told by the subclass."""

    def take(self) -> None:
        """The line under the cursor was clicked often enough. To be given by the subclass."""

    # --- drawing and selecting

    def row_strip(self, y: int, line: Line, width: int) -> Strip:
        """Return a line as it is drawn: behind the bar, cut to fit, with what is looked for marked."""
        line = marked(cut_line(line, width - EDGE), self.found.needle)
        return self.strip((self.bar(y), *line), width, "cursor" if y == self.cursor else "")

    def plain_line(self, y: int) -> str:
        """Return a line as it is drawn, without the bar."""
        return self.line_strip(y, self.scrollable_content_region.width).text[EDGE:]

    def line_count(self) -> int:
        """How many lines there are."""
        return self.count

    def stretch(self, y: int) -> tuple[int, int, int]:
        """The text stands behind the bar."""
        return EDGE, EDGE, self.size.width

    def bar(self, y: int) -> Span:
        """Return what stands before line `y`: the cursor's bar, which shows the focus too."""
        return Span("▌ " if y == self.cursor else "  ", "run bold" if self.has_focus else "faint")

    def watch_cursor(self) -> None:
        """Keep it in sight and tell."""
        self.show_cursor()
        self.refresh()
        self.moved()

    def show_cursor(self, *, top: bool = False) -> None:
        """Bring the cursor into sight; `top` puts its line on top."""
        height = self.scrollable_content_region.height
        if not height:
            return
        first = self.scroll_offset.y
        # Forced: what has just been filled has no scroll bar yet, and would not move without one.
        if top or self.cursor < first:
            self.scroll_to(y=self.cursor, animate=False, immediate=True, force=True)
        elif self.cursor >= first + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True, force=True)

    def move_to(self, index: int) -> None:
        """Put the cursor on a line, the nearest there is."""
        self.cursor = max(0, min(self.count - 1, index))

    def move_by(self, lines: int) -> None:
        """Move the cursor down, or up."""
        self.move_to(self.cursor + lines)

    def repaint(self) -> None:
        """Draw in the new colours."""
        self.refresh()

    def on_focus(self) -> None:
        """The bar shows the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """The bar shows the focus."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there, unless the mouse was moved to select something; the next click takes it."""
        place = event.get_content_offset(self)
        if place is None or self.text_selection is not None:
            return
        row = place.y + int(self.scroll_offset.y)
        if 0 <= row < self.count:
            self.move_to(row)
            if event.chain >= self.CLICKS:
                self.take()

    def action_top(self) -> None:
        """To the first."""
        self.move_to(0)

    def action_bottom(self) -> None:
        """To the last."""
        self.move_to(self.count - 1)

    # --- searching

    @property
    def line(self) -> int:
        """The line that a search counts from."""
        return self.cursor

    def copied(self) -> str:
        """The text of the line under the cursor."""
        texts = self.texts()
        return texts[self.cursor] if 0 <= self.cursor < len(texts) else ""

    def search(self, needle: str) -> Found:
        """Mark `needle`, and go to the next line that holds it."""
        self.found = find(needle, self.texts())
        if self.found.lines and self.cursor not in self.found.lines:
            self.seek(1)
        self.refresh()
        return self.found

    def search_again(self) -> None:
        """Look for the same in what the lines are now."""
        if self.found.needle:
            self.found = find(self.found.needle, self.texts())

    def seek(self, step: int) -> None:
        """Go to the next line that holds what was looked for, or the one before."""
        line = self.found.next(self.cursor, step)
        if line is not None:
            self.cursor = line
