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
from tui.widgets.moving import Moving

EDGE = 2
"""Cells before every line of a list, in which the cursor's bar stands."""
_CHOSEN = Style(reverse=True)


class Selecting(Moving):
    """Lines of which a part can be selected."""

    ALLOW_SELECT = True

    @property
    def allow_select(self) -> bool:
        """Whether the screen finds lines and characters under the mouse; those of small questions do not."""
        return self.ALLOW_SELECT and getattr(self.screen, "SELECTS_LINES", False)

    def plain_line(self, y: int) -> str:
        """Return the text of line `y` that can be selected, as it is drawn. To be given by the subclass."""
        raise NotImplementedError

    def line_count(self) -> int:
        """How many lines there are. To be given by the subclass."""
        raise NotImplementedError

    def begin_at(self, x: int, y: int) -> None:
        """The mouse went down on a cell of the content: a selection may begin there."""

    def selectable(self, y: int) -> bool:
        """Whether line `y` belongs to what a selection that began there takes in."""
        return True

    def stretch(self, y: int) -> tuple[int, int, int]:
        """Return at which cell the text of line `y` begins, and between which cells it can be seen."""
        return 0, 0, self.size.width

    def part(self, y: int, start: int, end: int | None) -> str:
        """Return some characters of line `y` as they are to be copied; all behind `start` without `end`."""
        return self.plain_line(y)[start:end].rstrip()

    def offset_at(self, x: int, y: int) -> Offset:
        """Return line and character at a cell of the content; outside of it the nearest."""
        line = max(0, min(self.line_count() - 1, y + int(self.scroll_offset.y)))
        room, at = max(0, x - self.stretch(line)[0]), 0
        for character in self.plain_line(line):
            room -= cells(character)
            if room < 0:
                break
            at += 1
        return Offset(at, line)

    def render_line(self, y: int) -> Strip:
        """Draw a line, what is selected of it in reverse."""
        strip = super().render_line(y)
        selection, line = self.text_selection, y + int(self.scroll_offset.y)
        span = selection.get_span(line) if selection else None
        if span is None or not self.selectable(line):
            return strip
        text = self.plain_line(line).rstrip()
        begins, first, last = self.stretch(line)
        ends = (span[0], len(text) if span[1] < 0 else span[1])
        cuts = [max(first, min(last, begins + cells(text[:end]))) for end in ends]
        left, chosen, right = strip.divide([*cuts, strip.cell_length])
        return Strip.join([left, chosen.apply_style(_CHOSEN), right])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return what is selected, as it is to be copied, and what goes behind it."""
        first = selection.start or Offset(0, 0)
        last = selection.end or Offset(0, self.line_count())
        taken: list[str] = []
        for y in range(first.y, min(last.y, self.line_count() - 1) + 1):
            if not self.selectable(y):
                continue
            end = last.x if y == last.y and selection.end else None
            shown = self.part(y, first.x if y == first.y else 0, end)
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
