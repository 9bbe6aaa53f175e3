"""The rows of a diff in colours: one engine for the pane and the whole screen. Lexes only what is drawn."""

from __future__ import annotations

from collections import OrderedDict

from core.text import TAB, clean, visible
from tui.diff_model import Diff, Item, Row, differing, layout, parse_diff, partners, shown_path
from tui.highlight import highlighted, language_of
from tui.ink import Line, Span, cells, cut_line, said

BLOCK = 60
"""Rows that are lexed together. A string over more lines than that may lose its colour, never its text."""
KEPT_BLOCKS = 100
KEPT_HUNKS = 20
"""Hunks whose lines are known by pairs."""
_RAW_LIMIT = 8_000
"""Characters of one line that are looked at; what is shown is cut to the width anyway."""

Uncovered = dict[str, frozenset[int]]
"""Lines that no test ran, by path."""


class DiffPaint:
    """Draws the items of one diff."""

    def __init__(self, diff: Diff, uncovered: Uncovered | None = None) -> None:
        self.diff = diff
        self.uncovered = uncovered or {}
        self._blocks: OrderedDict[tuple[int, int, int, str], dict[int, Line]] = OrderedDict()
        self._partners: OrderedDict[tuple[int, int], dict[int, int]] = OrderedDict()
        largest = max((r.new or r.old for f in diff.files for h in f.hunks for r in h.rows[-1:]), default=0)
        self.digits = max(3, len(str(largest)))

    def line(self, item: Item, width: int, *, split: bool = False, shift: int = 0) -> tuple[Line, str]:
        """Return an item as a line of `width` cells, and the ground it stands on ("", "added", "removed")."""
        if item.kind == "gap":
            return (), ""
        if item.kind == "file":
            return self._file(item, width), ""
        if item.kind == "note":
            text = self.diff.files[item.file].notes[item.left]
            return cut_line((Span("  "), said(text, "muted italic", 300)), width), ""
        if item.kind == "hunk":
            where, _, rest = self.diff.files[item.file].hunks[item.hunk].heading[2:].partition("@@")
            head = (Span(f"@@ {clean(where, lines=False, limit=80)} @@ ", "role"), said(rest, "muted", 200))
            return cut_line(head, width), ""
        if split and not self.diff.files[item.file].one_sided:
            return self._beside(item, width, shift)
        return self._below(item, width, shift)

    def code_at(self, width: int, side: str) -> tuple[int, int]:
        """Return between which cells of a line the code stands: of the old side, the new one, or of both."""
        if not side:
            return 2 * self.digits + 5, width
        half = (width - 1) // 2
        return (self.digits + 4, half) if side == "-" else (half + self.digits + 5, width)

    def missed(self, item: Item) -> bool:
        """Whether no test ran this line."""
        row = self.diff.row(item)
        lines = self.uncovered.get(self.diff.files[item.file].path) if row else None
        return bool(lines and row and row.sign != "-" and row.new in lines)

    def _file(self, item: Item, width: int) -> Line:
        file = self.diff.files[item.file]
        words_ = {"A": "new", "D": "deleted", "R": "renamed"}.get(file.status, "")
        title = f" {shown_path(file.path)} "
        right: Line = (
            *((Span(f"{words_} ", "muted"),) if words_ else ()),
            Span(f"+{file.added} ", "add"),
            Span(f"-{file.removed}", "del"),
        )
        room = width - sum(cells(s.text) for s in right) - 1
        head = cut_line((Span("──", "rule"), Span(title, "strong bold")), max(0, room))
        rule = "─" * max(0, room - sum(cells(s.text) for s in head))
        return (*head, Span(rule, "rule"), Span(" "), *right)

    def _below(self, item: Item, width: int, shift: int) -> tuple[Line, str]:
        row = self.diff.row(item)
        assert row is not None  # noqa: S101 - only rows come here
        side = "-" if row.sign == "-" else "+"
        index = item.left if side == "-" else item.right
        numbers = f"{row.old or '':>{self.digits}} {row.new or '':>{self.digits}} "
        gutter = (self._mark(item), Span(numbers, "faint"), _sign(row))
        text = self._told(item, index, side)
        room = width - len(numbers) - 3
        return (*gutter, *_window(text, shift, room)), _ground(row)

    def _beside(self, item: Item, width: int, shift: int) -> tuple[Line, str]:
        half = (width - 1) // 2
        left = self._half(item, item.left, "-", half, shift)
        right = self._half(item, item.right, "+", width - half - 1, shift)
        return (*left, Span("│", "rule"), *right), ""

    def _half(self, item: Item, index: int, side: str, width: int, shift: int) -> Line:
        if index < 0:
            return (Span(" " * width, "text on-gap"),)
        row = self.diff.files[item.file].hunks[item.hunk].rows[index]
        number = row.old if side == "-" else row.new
        mark = self._mark(item) if side == "+" else Span(" ")
        ground = _ground(row)
        room = width - self.digits - 4
        text = _window(self._told(item, index, side), shift, room)
        pad = Span(" " * max(0, room - sum(cells(s.text) for s in text)))
        line = (mark, Span(f"{number or '':>{self.digits}} ", "faint"), _sign(row), *text, pad)
        return tuple(_on(s, ground) for s in line) if ground else line

    def _mark(self, item: Item) -> Span:
        return Span("!", "need bold") if self.missed(item) else Span(" ")

    def _told(self, item: Item, index: int, side: str) -> Line:
        """A row, with what differs in it from the one whose place it took."""
        line = self._text(item, index, side)
        other = self._partner(item, index)
        if other is None:
            return line
        found = differing(_plain(line), _plain(self._text(item, other, "+" if side == "-" else "-")))
        return emphasised(line, *found, f"more-{_SIDES[side]}") if found else line

    def _partner(self, item: Item, index: int) -> int | None:
        """The row that took the place of this one, or whose place it took."""
        key = (item.file, item.hunk)
        if key not in self._partners:
            self._partners[key] = partners(self.diff.files[item.file].hunks[item.hunk])
            while len(self._partners) > KEPT_HUNKS:
                self._partners.popitem(last=False)
        return self._partners[key].get(index)

    def _text(self, item: Item, index: int, side: str) -> Line:
        """A row in the colours of its language."""
        key = (item.file, item.hunk, index // BLOCK, side)
        block = self._blocks.get(key)
        if block is None:
            block = self._lex(item, index // BLOCK, side)
            self._blocks[key] = block
            while len(self._blocks) > KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        return block.get(index, ())

    def _lex(self, item: Item, block: int, side: str) -> dict[int, Line]:
        file = self.diff.files[item.file]
        rows = file.hunks[item.hunk].rows
        span = range(block * BLOCK, min(len(rows), (block + 1) * BLOCK))
        picked = [i for i in span if rows[i].sign in (side, " ", "\\")]
        code = [code_of(rows[i]) for i in picked]
        lines = highlighted("\n".join(code), language_of(file.path))
        return {i: tuple(line) for i, line in zip(picked, lines, strict=False)}


def code_of(row: Row) -> str:
    """Return the code of a row as it may be shown."""
    return clean(row.text[:_RAW_LIMIT].replace("\r", "␍"))


def code_part(row: Row, start: int, end: int | None) -> str:
    """Return the code between two characters of what is shown of a row, with its own tabs."""
    raw = visible(row.text.rstrip("\r"))
    if end is not None and end >= len(code_of(row)):
        end = None
    kept, at = [], 0
    for character in raw:
        if at >= start and (end is None or at < end):
            kept.append(character)
        at += TAB if character == "\t" else 1
    return "".join(kept)


def warm(text: str) -> None:
    """Read a diff, lay it out and load what colours its files, so that no screen has to wait for that."""
    diff = parse_diff(text)
    for split in (False, True):
        layout(diff, split=split)
    for name in dict.fromkeys(file.path.rpartition(".")[2] for file in diff.files[:50]):
        highlighted("x", language_of(f"x.{name}"))


def _sign(row: Row) -> Span:
    if row.sign == "+":
        return Span("+ ", "add bold")
    if row.sign == "-":
        return Span("- ", "del bold")
    return Span("\\ " if row.sign == "\\" else "  ", "faint")


_SIDES = {"+": "added", "-": "removed"}


def _ground(row: Row) -> str:
    return _SIDES.get(row.sign, "")


def _on(span: Span, ground: str) -> Span:
    """A span on the ground of its row, unless it stands on one of its own."""
    return span if " on-more-" in span.ink else span._replace(ink=f"{span.ink} on-{ground}")


def _plain(line: Line) -> str:
    return "".join(span.text for span in line)


def emphasised(line: Line, start: int, end: int, ground: str) -> Line:
    """Return the line with its characters from `start` to `end` strong, on a ground of their own."""
    spans: list[Span] = []
    at = 0
    for span in line:
        first, last = (min(max(0, edge - at), len(span.text)) for edge in (start, end))
        for piece, inside in (
            (span.text[:first], False),
            (span.text[first:last], True),
            (span.text[last:], False),
        ):
            if piece:
                # The colours of a language would be hard to read on a ground that strong.
                ink = f"strong bold on-{ground}" if inside else span.ink
                spans.append(span._replace(text=piece, ink=ink))
        at += len(span.text)
    return tuple(spans)


def _window(line: Line, shift: int, width: int) -> Line:
    """What is seen of a line that is shifted to the left."""
    if shift:
        kept: list[Span] = []
        skip = shift
        for span in line:
            if skip >= len(span.text):
                skip -= len(span.text)
                continue
            kept.append(span._replace(text=span.text[skip:]))
            skip = 0
        line = tuple(kept)
    return cut_line(line, max(1, width))
