"""Selecting text with the mouse in widgets that draw lines of spans, and what is copied of it.

Textual finds the text under the mouse by offsets that widgets write into everything they draw. Here it is
reckoned from the lines when the mouse asks, so that drawing costs nothing more.
"""

from __future__ import annotations

from rich.style import Style
from textual.geometry import Offset
from textual.selection import Selection
from textual.strip import Strip

from tui.ink import cells
from tui.widgets.inked import Painted

_CHOSEN = Style(reverse=True)


class Selecting(Painted):
    """Lines of which a part can be selected."""

    ALLOW_SELECT = True

    @property
    def allow_select(self) -> bool:
        """Whether the screen finds lines and characters under the mouse; those of small questions do not."""
        return self.ALLOW_SELECT and getattr(self.screen, "SELECTS_LINES", False)

    def plain_line(self, y: int) -> str:
        """Return the text of line `y` as it is drawn. To be given by the subclass."""
        raise NotImplementedError

    def line_count(self) -> int:
        """How many lines there are. To be given by the subclass."""
        raise NotImplementedError

    def offset_at(self, x: int, y: int) -> Offset:
        """Return line and character at a cell of the content; outside of it the nearest."""
        line = max(0, min(self.line_count() - 1, y + int(self.scroll_offset.y)))
        room, at = max(0, x), 0
        for character in self.plain_line(line):
            room -= cells(character)
            if room < 0:
                break
            at += 1
        return Offset(at, line)

    def render_line(self, y: int) -> Strip:
        """Draw a line, what is selected of it in reverse."""
        strip = super().render_line(y)
        selection = self.text_selection
        span = selection.get_span(y + int(self.scroll_offset.y)) if selection else None
        if span is None:
            return strip
        text = self.plain_line(y + int(self.scroll_offset.y)).rstrip()
        start, end = span[0], len(text) if span[1] < 0 else span[1]
        cuts = [cells(text[:start]), cells(text[:end])]
        left, chosen, right = strip.divide([*cuts, strip.cell_length])
        return Strip.join([left, chosen.apply_style(_CHOSEN), right])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return what is selected, as it is to be copied, and what goes behind it."""
        first = selection.start or Offset(0, 0)
        last = selection.end or Offset(0, self.line_count())
        taken: list[str] = []
        for y in range(first.y, min(last.y, self.line_count() - 1) + 1):
            text = self.plain_line(y)
            text = text[: last.x] if y == last.y and selection.end else text
            shown = text[first.x if y == first.y else 0 :].rstrip()
            if taken and (joined := self.goes_on(y, shown)) is not None:
                taken[-1] += joined
            else:
                taken.append(self.without_edge(y, shown, begins=y == first.y))
        return "\n".join(taken), "\n"

    def goes_on(self, y: int, text: str) -> str | None:
        """Return how line `y` goes on behind the one before, which was only broken to fit; else None."""
        return None

    def without_edge(self, y: int, text: str, *, begins: bool) -> str:
        """Return the text of a line without what is only drawn at its edge."""
        return text

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw what is selected, or no longer is."""
        self.refresh()
