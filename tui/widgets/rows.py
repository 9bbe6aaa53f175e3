"""The list of settings: rows to change, rows to read, and headings over which the cursor goes."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from tui.pages.settings import Row, is_heading, row_line
from tui.widgets.picker import Option, Picker
from tui.widgets.selecting import EDGE


class SettingsList(Picker):
    """The rows. The cursor rests on all but headings: what can only be read is searched and copied too."""

    rows: tuple[Row, ...] = ()

    def list_rows(self, listed: Sequence[Row]) -> None:
        """Show these rows, the cursor on what it was on: what is found meanwhile moves rows down."""
        kept = self.row
        self.rows = tuple(listed)
        self.search_again()
        what = [(row.name, row.label if not row.name else "") for row in self.rows]
        at = (kept.name, kept.label if not kept.name else "") if kept else None
        before = what.index(at) if at in what else self.cursor
        self.offer([Option("/".join(row.name) or f"#{i}", ()) for i, row in enumerate(self.rows)])
        self.cursor = self._near(min(before, len(self.rows) - 1), 1)
        self.refresh()

    def texts(self) -> list[str]:
        """Names and values; a heading is not gone to."""
        return ["" if is_heading(row) else f"{row.label} {row.value}".strip() for row in self.rows]

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def _near(self, index: int, step: int) -> int:
        """The nearest row in this direction that is no heading; else the nearest in the other."""
        below, above = range(index, len(self.rows)), range(index, -1, -1)
        for way in (below, above) if step > 0 else (above, below):
            for i in way:
                if not is_heading(self.rows[i]):
                    return i
        return self.cursor

    def move_to(self, index: int) -> None:
        """To the nearest row in that direction that is no heading."""
        wanted = max(0, min(len(self.rows) - 1, index))
        self.cursor = self._near(wanted, 1 if index > self.cursor else -1)

    def line_strip(self, y: int, width: int) -> Strip:
        """Draw one row."""
        if not 0 <= y < len(self.rows):
            return Strip.blank(width, self.style_of("text"))
        return self.row_strip(y, row_line(self.rows[y], width - EDGE), width)
