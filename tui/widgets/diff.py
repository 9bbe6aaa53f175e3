"""A diff to read and to remark on: one widget on the line API, however long it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from tui.diff_model import Diff, Item, Row, layout, shown_path
from tui.diff_paint import DiffPaint, Uncovered, code_of, code_part
from tui.ink import Span, cells, cut_line, said, wrap
from tui.keys import MOVE_KEYS
from tui.remarks import Remark, Spot
from tui.search import marked
from tui.widgets.cursor import CursorLines

SPLIT_FROM = 108
"""From this width on old and new stand side by side."""
SHIFT = 16
"""Cells that one key shifts long lines by."""
_TINTS = {
    "added": ("add", 0.13),
    "removed": ("del", 0.13),
    "more-added": ("add", 0.3),
    "more-removed": ("del", 0.3),
}
"""The grounds of lines that came and went, and of words that differ in them: an ink, and how much of it."""


class DiffView(CursorLines):
    """Files, hunks and lines, with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVE_KEYS,
        Binding(
            "right_square_bracket", "hunk(1)", "Next hunk", id="diff.next_hunk", tooltip="The next hunk."
        ),
        Binding(
            "left_square_bracket", "hunk(-1)", "Hunk before", id="diff.hunk_before", tooltip="The one before."
        ),
        Binding("right_curly_bracket", "file(1)", "Next file", id="diff.next_file", tooltip="The next file."),
        Binding(
            "left_curly_bracket", "file(-1)", "File before", id="diff.file_before", tooltip="The one before."
        ),
        Binding(
            "u", "uncovered", "Uncovered", id="diff.uncovered", tooltip="The next line that no test ran."
        ),
        Binding("right", "shift(1)", "Right", id="diff.right", tooltip="Long lines to the left.", show=False),
        Binding("left", "shift(-1)", "Left", id="diff.left", tooltip="Long lines to the right.", show=False),
        Binding("enter", "remark", "Comment", id="diff.remark", tooltip="Write a comment on this line."),
    ]

    OVERLAP = 2

    @dataclass
    class Moved(Message):
        """The cursor went to another line."""

        view: DiffView

    @dataclass
    class Asked(Message):
        """The user wants to remark on the line under the cursor."""

        spot: Spot
        code: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.diff = Diff()
        self.items: Sequence[Item] = []
        self._paint = DiffPaint(self.diff)
        self._remarks: Mapping[Spot, Remark] = {}
        self._notes: list[tuple[str, str]] = []
        self._wish: bool | None = None
        self._split = False
        self._shift = 0
        self._built: tuple[object, ...] = ()
        self._files: list[int] = []
        self._hunks: list[int] = []
        self._selects = "heading"

    # --- what the screen tells it

    def show(self, diff: Diff, uncovered: Uncovered, remarks: Mapping[Spot, Remark]) -> None:
        """Show another diff; the cursor stays on its line as far as that is still there."""
        spot = self.spot
        self.diff, self._remarks = diff, remarks
        self._paint = DiffPaint(diff, uncovered)
        self._built = ()
        self._build()
        if spot is not None:
            self.go_to(spot)

    def remarks_changed(self) -> None:
        """Show what was noted since."""
        spot = self.spot
        self._built = ()
        self._build()
        if spot is not None:
            self.go_to(spot)

    def toggle_split(self) -> bool:
        """Side by side or one below the other, whatever the width would choose; return which."""
        self._wish = not self._split
        self.remarks_changed()
        return self._split

    @property
    def split(self) -> bool:
        """Whether old and new stand side by side."""
        return self._split

    @property
    def file(self) -> int:
        """The file under the cursor; -1 when there is none."""
        return self.items[self.cursor].file if self.cursor < len(self.items) else -1

    @property
    def item(self) -> Item | None:
        """The line under the cursor."""
        return self.items[self.cursor] if self.cursor < len(self.items) else None

    @property
    def spot(self) -> Spot | None:
        """The line of code under the cursor."""
        item = self.item
        return self._spot_of(item) if item else None

    @property
    def missed(self) -> int:
        """How many lines of the diff no test ran."""
        return sum(1 for item in self.items if self._paint.missed(item)) if self._paint.uncovered else 0

    def _spot_of(self, item: Item) -> Spot | None:
        row = self.diff.row(item)
        if row is None or row.sign == "\\":
            return None
        path = self.diff.files[item.file].path
        return Spot(path, "-", row.old) if row.sign == "-" else Spot(path, "+", row.new)

    # --- layout

    def _build(self) -> None:
        width = self.scrollable_content_region.width
        if width <= 0:
            return
        split = self._wish if self._wish is not None else width >= SPLIT_FROM
        if self._built == (width, split):
            return
        spot = self.spot if self._built else None
        if split != self._split:
            self.moved()
        self._built, self._split = (width, split), split
        self.items = self._with_remarks(layout(self.diff, split=split), width)
        self._files = [i for i, item in enumerate(self.items) if item.kind == "file"]
        self._hunks = [i for i, item in enumerate(self.items) if item.kind == "hunk"]
        self.virtual_size = Size(width, len(self.items))
        self.search_again()
        if spot is not None:
            self.go_to(spot)
        self.move_to(self.cursor)
        self.refresh()

    def _with_remarks(self, items: Sequence[Item], width: int) -> Sequence[Item]:
        self._notes.clear()
        if not self._remarks:
            return items
        found: list[Item] = []
        for item in items:
            found.append(item)
            for spot in self._spots(item):
                remark = self._remarks.get(spot)
                if remark is None:
                    continue
                for n, line in enumerate(wrap((said(remark.text, "text", 2000),), max(20, width - 14))):
                    text = "".join(s.text for s in line)
                    found.append(Item("remark", item.file, item.hunk, -1, len(self._notes)))
                    self._notes.append(("┃ you: " if n == 0 else "┃      ", text))
        return found

    def _spots(self, item: Item) -> list[Spot]:
        """Both lines that an item shows side by side may have a remark; the nearer one is drawn for it."""
        if item.kind != "row":
            return []
        rows = self.diff.files[item.file].hunks[item.hunk].rows
        path = self.diff.files[item.file].path
        spots = []
        if item.left >= 0 and rows[item.left].sign == "-":
            spots.append(Spot(path, "-", rows[item.left].old))
        if item.right >= 0:
            spots.append(Spot(path, "+", rows[item.right].new))
        return spots

    def go_to(self, spot: Spot) -> None:
        """Put the cursor on a line of code, where it is shown."""
        for i, item in enumerate(self.items):
            if item.kind == "row" and spot in self._spots(item):
                self.cursor = i
                return

    # --- drawing

    def style_of(self, ink: str, ground: str = "") -> Style:
        """Know the tints of added and removed lines too."""
        key = (ink, ground)
        if key in self._inks:
            return self._inks[key]
        words = ink.split()
        tint = next((w[3:] for w in words if w.startswith("on-") and w != "on-code"), ground)
        if tint not in _TINTS and tint != "gap":
            return super().style_of(ink, ground)
        plain = " ".join(w for w in words if not w.startswith("on-") or w == "on-code")
        style = super().style_of(plain)
        style += super().style_of("text", "code") if tint == "gap" else self._tint(*_TINTS[tint])
        self._inks[key] = style
        return style

    def _tint(self, ink: str, much: float) -> Style:
        base: Color = self.background_colors[1]
        colour = self.colour_of(f"ink-{ink}")
        if base.ansi is not None or colour.ansi is not None:
            return Style()
        return Style(bgcolor=base.blend(colour, much, alpha=1.0).rich_color)

    def line_strip(self, y: int, width: int) -> Strip:
        """Draw one line."""
        if not 0 <= y < len(self.items):
            return Strip.blank(width, self.style_of("text"))
        item, here = self.items[y], y == self.cursor
        if item.kind == "remark":
            mark, text = self._notes[item.right]
            note = (Span("     "), Span(mark, "need bold"), Span(text, "strong"))
            return self.strip(cut_line(note, width), width, "cursor" if here else "")
        line, ground = self._paint.line(item, width - 1, split=self._split, shift=self._shift)
        line = marked(line, self.found.needle)
        bar = Span("▌", "run bold" if self.has_focus else "faint") if here else Span(" ")
        if here:
            line = tuple(s._replace(ink=_untinted(s.ink)) for s in line)
        return self.strip((bar, *line), width, "cursor" if here else ground)

    def on_resize(self) -> None:
        """Side by side only where there is room."""
        self._build()
        self.show_cursor()

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self.items)

    def moved(self) -> None:
        """Tell that the cursor is on another line."""
        self.post_message(self.Moved(self))

    def take(self) -> None:
        """A second click remarks on the line."""
        self.action_remark()

    def texts(self) -> Sequence[str]:
        """The code of every line, and the names of the files."""
        return [self._text_of(item) for item in self.items]

    def _text_of(self, item: Item) -> str:
        if item.kind == "row":
            rows = self.diff.files[item.file].hunks[item.hunk].rows
            texts = [rows[i].text for i in dict.fromkeys((item.left, item.right)) if i >= 0]
            return "\n".join(texts)
        return self.diff.files[item.file].path if item.kind == "file" else ""

    # --- selecting: the code of one side, or else headings; never the numbers beside it

    def begin_at(self, x: int, y: int) -> None:
        """A drag takes in what it began on: headings, or the code of the side under the mouse."""
        line = y + int(self.scroll_offset.y)
        if not (0 <= line < len(self.items) and self.items[line].kind == "row"):
            self._selects = "heading"
        elif not self._beside(line):
            self._selects = "code"
        else:
            width = self.scrollable_content_region.width - 1
            self._selects = "-" if x <= self._paint.code_at(width, "-")[1] else "+"

    def _beside(self, y: int) -> bool:
        """Whether old and new stand side by side in line `y`."""
        return self._split and not self.diff.files[self.items[y].file].one_sided

    def _row_of(self, y: int) -> Row | None:
        """The row of line `y` whose code is selected."""
        item = self.items[y]
        if item.kind != "row" or self._selects == "heading":
            return None
        index = {"-": item.left, "+": item.right}.get(self._selects, max(item.left, item.right))
        row = self.diff.files[item.file].hunks[item.hunk].rows[index] if index >= 0 else None
        return row if row is not None and row.sign != "\\" else None

    def selectable(self, y: int) -> bool:
        """Whether line `y` has code of that side; or is a heading, where the drag began on one."""
        if self._selects == "heading":
            return self.items[y].kind not in ("row", "gap")
        return self._row_of(y) is not None

    def plain_line(self, y: int) -> str:
        """Return the code of line `y` as it is shown, or its heading."""
        if self._selects != "heading":
            row = self._row_of(y)
            return code_of(row) if row is not None else ""
        if self.items[y].kind == "file":
            return shown_path(self.diff.files[self.items[y].file].path)
        return self.line_strip(y, self.scrollable_content_region.width).text[1:]

    def stretch(self, y: int) -> tuple[int, int, int]:
        """The code stands behind the bar and the numbers, and may be shifted out of sight."""
        width = self.scrollable_content_region.width
        if self._selects == "heading":
            return (4 if self.items[y].kind == "file" else 1), 1, width
        side = self._selects if self._beside(y) else ""
        first, last = (1 + cell for cell in self._paint.code_at(width - 1, side))
        return first - cells(self.plain_line(y)[: self._shift]), first, last

    def part(self, y: int, start: int, end: int | None) -> str:
        """Code is copied as it is, with its tabs."""
        row = self._row_of(y)
        return code_part(row, start, end) if row is not None else super().part(y, start, end)

    # --- keys

    def go_file(self, index: int) -> None:
        """Go to the heading of a file."""
        if 0 <= index < len(self._files):
            self.cursor = self._files[index]
            self.show_cursor(top=True)

    def action_file(self, step: int) -> None:
        """To the next file, or the one before."""
        self._jump(self._files, step)

    def action_hunk(self, step: int) -> None:
        """To the next hunk, or the one before."""
        self._jump(self._hunks, step)

    def action_uncovered(self) -> None:
        """To the next line that no test ran, going round at the end."""
        count = len(self.items)
        ahead = (i % count for i in range(self.cursor + 1, self.cursor + 1 + count))
        found = next((i for i in ahead if self._paint.missed(self.items[i])), None)
        if found is not None:
            self.cursor = found
        else:
            self.app.notify("Tests ran every changed line that was measured.", markup=False)

    def _jump(self, places: list[int], step: int) -> None:
        ahead = [p for p in places if (p > self.cursor if step > 0 else p < self.cursor)]
        if ahead:
            self.cursor = ahead[0] if step > 0 else ahead[-1]
            self.show_cursor(top=True)

    def action_shift(self, step: int) -> None:
        """Shift long lines."""
        self._shift = max(0, self._shift + step * SHIFT)
        self.refresh()

    def action_remark(self) -> None:
        """Ask for a remark on this line."""
        item, spot = self.item, self.spot
        if item is not None and item.kind == "remark":
            self.cursor -= 1
            self.action_remark()
            return
        if item is None or spot is None:
            self.app.notify("Put the cursor on a line of code to comment on it.", markup=False)
            return
        row: Row | None = self.diff.row(item)
        self.post_message(self.Asked(spot, row.text if row else ""))


def _untinted(ink: str) -> str:
    return " ".join(w for w in ink.split() if w.removeprefix("on-") not in (*_TINTS, "gap"))
