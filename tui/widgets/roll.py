"""A transcript on the screen, on the line API. What is near the reader is drawn, a few milliseconds at a
time, and the words that are still coming at most twelve times a second. Its end is followed unless somebody
scrolls.
"""

from __future__ import annotations

import time
from datetime import datetime

from textual.strip import Strip

from tui.ink import Line, Span, cut_line, fit
from tui.pieces import Piece
from tui.search import Found, marked
from tui.transcript import Transcript
from tui.widgets.selecting import Selecting

HERTZ = 12
GUTTER = 2
"""Cells at the left, in which a bar stands beside what was chosen or found."""
_BAR, _NO_BAR = Span(fit("▌", GUTTER), "run bold"), Span(" " * GUTTER)
SLICE = 0.004
"""Seconds that are drawn in one go beyond what is on the screen, so that a key never waits for longer."""


class Roll(Selecting):
    """Draws a transcript. What the reader does with it is for the subclass."""

    DEFAULT_CSS = """
    Roll { padding: 0 1 0 0; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.placeholder: Line = (Span("reading", "muted"),)
        self.roll = Transcript()
        self.found = Found()
        self._pending: tuple[str, str, str, datetime | None] | None = None
        self._follow = True
        self._drawing = False
        self._chosen = ""
        self._mark: tuple[Piece | None, int] = (None, -1)

    def want_earlier(self) -> None:
        """What came before may be wanted now. To be given by the subclass."""

    @property
    def line(self) -> int:
        """The line that a search counts from; it moves with what is said there. -1 for none."""
        piece, row = self._mark
        return row if piece is None else at if (at := self.roll.line_of(piece, row)) is not None else -1

    @line.setter
    def line(self, y: int) -> None:
        piece, row = self.roll.piece_at(y) if y >= 0 else (None, y)
        self._mark = (None, y) if piece is None else (piece, row)

    def update_stream(self, author: str, attempt_id: str, text: str, at: datetime | None = None) -> None:
        """Show what the role is saying right now; nothing when `text` is empty."""
        self._pending = (author, attempt_id, text, at)
        if not text:
            self.flush()

    def on_mount(self) -> None:
        """Draw what streams at a steady pace, however fast it comes."""
        self.set_interval(1 / HERTZ, self.flush)

    def on_resize(self) -> None:
        """Wrap anew when the width changed; the place that was read stays in sight."""
        width = self.scrollable_content_region.width - GUTTER - 1
        if width > 0 and width != self.roll.width:
            at = None if self._follow else self.roll.index_at(self.scroll_offset.y)
            self.roll.resize(width)
            self._settle(at)
        elif self._follow:
            self.scroll_end(animate=False, immediate=True, x_axis=False)

    def repaint(self) -> None:
        """Draw in the new colours."""
        self.roll.forget_strips()
        self.refresh()

    def line_strip(self, y: int, width: int) -> Strip:
        """Draw one line."""
        piece, row = self.roll.piece_at(y)
        if piece is None:
            line = self.roll.line(y) if self.roll.height or y else self.placeholder
            return self.strip((_NO_BAR, *line), width)
        if self.found.needle or self._chosen:
            here = y == self.line or bool(self._chosen and self._is_chosen(y))
            line = marked(self.roll.line(y), self.found.needle)
            return self.strip((_BAR if here else _NO_BAR, *line), width, "cursor" if here else "")
        if piece.strips is None:
            piece.strips = {}
        strip = piece.strips.get(row)
        if strip is None or strip.cell_length != width:
            line = (_NO_BAR, *cut_line(self.roll.line(y), self.roll.width))
            strip = piece.strips[row] = self.strip(line, width)
        return strip

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow the end while the user stays there."""
        super().watch_scroll_y(old_value, new_value)
        self._follow = new_value >= self.max_scroll_y - 1
        self.want_earlier()

    @property
    def settled(self) -> bool:
        """Whether everything that was handed over is drawn."""
        return self._pending is None and not self.roll.unfinished

    @property
    def text(self) -> str:
        """Everything as it is shown, for tests and for copying."""
        return "\n".join(self._plain(y).rstrip() for y in range(self.roll.height))

    def flush(self) -> None:
        """Draw the words that came since the last time."""
        if self._pending is None or not self.roll.width:
            return
        author, attempt_id, text, at = self._pending
        self._pending = None
        if self.roll.stream(author, attempt_id, text, at):
            self._settle(unchanged=self.roll.unchanged, more=0.0)

    def _settle(
        self, at: int | None = None, *, unchanged: int = 0, more: float = SLICE, moved: int = 0
    ) -> None:
        """Draw until the window is full, stay at the end if the user is there, leave the rest for later.

        The first `unchanged` lines need no new drawing, as long as nothing scrolls. `more` are seconds for
        what is out of sight. What is read has `moved` down by so many lines.
        """
        if not self.roll.width:
            return
        follow = self._follow and at is None
        near = None if follow else at if at is not None else self.roll.index_at(self.scroll_offset.y)
        window, began, drawn = self.size.height, time.perf_counter(), 0
        while self.roll.unfinished and (drawn < 2 * window or time.perf_counter() - began < more):
            height, above = self.roll.draw_near(near)
            drawn, moved = drawn + height, moved + above
        top = int(self.scroll_offset.y) + moved if moved else None
        self._place(follow, self.roll.span_of(at)[0] if at is not None else top, unchanged)
        if self.roll.unfinished and not self._drawing:
            self._drawing = True
            self.set_timer(0.01, self._draw_more)

    def _draw_more(self) -> None:
        """Draw a slice of what is out of sight."""
        began, above = time.perf_counter(), 0
        near = None if self._follow else self.roll.index_at(self.scroll_offset.y)
        while self.roll.unfinished and time.perf_counter() - began < SLICE:
            # What comes above moves the lines of what is near, and not its place among the pieces.
            above += self.roll.draw_near(near)[1]
        self._place(self._follow, self.scroll_offset.y + above if above else None)
        self._drawing = self.roll.unfinished
        if self._drawing:
            self.set_timer(0.01, self._draw_more)
        else:
            self.want_earlier()

    def _place(self, follow: bool, top: int | None, unchanged: int = 0) -> None:
        was = self.scroll_offset, self.virtual_size
        self.holds(self.roll.width, max(1, self.roll.height))
        if follow:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
            self._follow = True
        elif top is not None:
            self.scroll_to(y=top, animate=False, immediate=True)
            # What lies below is not drawn yet, so this may look like the end.
            self._follow = False
        self.roll.forget_far(self.scroll_offset.y, self.scroll_offset.y + self.size.height)
        if unchanged and was == (self.scroll_offset, self.virtual_size):
            # Most pieces of a stream lengthen its last line: a tenth of the cost of drawing all that is seen.
            self.refresh_lines(unchanged, max(1, self.roll.height - unchanged))
        else:
            self.refresh()

    def _is_chosen(self, y: int) -> bool:
        entry = self.roll.entry_at(self.roll.index_at(y))
        return entry is not None and entry.key == self._chosen

    def _plain(self, y: int) -> str:
        return "".join(span.text for span in self.roll.line(y))
