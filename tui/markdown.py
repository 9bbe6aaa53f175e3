"""What models write, as lines: a small Markdown that is drawn block by block, so that a stream costs what
is new.

`Blocks` takes text in pieces and gives finished blocks; `block_lines` draws one block for a width. Text
is cleaned before it comes here. Knows no widget. Anything that is not understood is shown as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from tui.highlight import highlighted, load_language
from tui.ink import BLANK, Line, Span, cells, cut_line, fit, width_of, wrap

_FENCE = re.compile(r"^ {0,3}(`{3,}(?![^\n]*`)|~{3,})\s*([\w+#.-]*)")
_BEGINS_CODE = re.compile(_FENCE.pattern, re.MULTILINE)
_HEADING = re.compile(r"^(#{1,6})\s+(.*)$")
_ITEM = re.compile(r"^(\s*)([-*+]|\d{1,4}[.)])\s+(.*)$")
_RULE = re.compile(r"^ {0,3}([-*_])(?:\s*\1){2,}\s*$")
_TABLE_LINE = re.compile(r"^\s*\|.*\|\s*$")
_INLINE = re.compile(
    r"(?P<code>`+)(?P<code_text>.+?)(?P=code)"
    r"|\*\*(?P<bold>[^*\n]+?)\*\*"
    r"|(?<!\w)__(?P<bold2>[^_\n]+?)__(?!\w)"
    r"|~~(?P<strike>[^~\n]+?)~~"
    r"|\*(?P<italic>[^*\s][^*\n]*?)\*"
    r"|(?<!\w)_(?P<italic2>[^_\s][^_\n]*?)_(?!\w)"
    # Neither part holds an open bracket: a text full of them would be read from each of them to its end.
    r"|\[(?P<text>[^\[\]\n]+)\]\((?P<url>[^\[)\s]+)\)"
)
_TASKS = {"[ ]": "☐", "[x]": "☑", "[X]": "☑"}
TABLE_CHUNK = 60
"""Rows of a table that are drawn together; a longer one goes on in the next block with the same columns."""

CODE_CHUNK = 80
"""Lines of code that are drawn together; more goes on in the next block."""


class Block(NamedTuple):
    """A piece of a text that is drawn by itself. `kind` is paragraph, heading, item, quote, code, table,
    rule or blank; `note` the heading's level, the item's marker or the code's language."""

    kind: str
    lines: tuple[str, ...] = ()
    note: str = ""


@dataclass(slots=True)
class Blocks:
    """Cuts text that arrives in pieces into blocks. `finished` grows; `rest` is the block that is still
    open."""

    finished: list[Block] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)
    _kind: str = ""
    _note: str = ""
    _fence: str = ""
    _goes_on: bool = False
    _partial: str = ""

    def feed(self, text: str) -> None:
        """Take in the next piece."""
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self._line(line)

    def feed_lines(self, text: str) -> None:
        """Take in whole lines, which take the place of the one that was shown before its end."""
        for line in text.split("\n"):
            self._line(line)

    def show_partial(self, line: str) -> None:
        """Show the line that has no end yet."""
        self._partial = line

    def close(self) -> None:
        """The text has come to its end."""
        if self._partial:
            self._line(self._partial)
            self._partial = ""
        self._finish()

    @property
    def rest(self) -> list[Block]:
        """What is not finished yet, as blocks to draw for now."""
        trial = Blocks([], list(self._open), self._kind, self._note, self._fence, self._goes_on)
        if self._partial:
            trial._line(self._partial)
        trial._finish()
        return trial.finished

    def _finish(self) -> None:
        if self._open or (self._kind == "code" and not self._goes_on):
            self.finished.append(Block(self._kind, tuple(self._open), self._note))
        self._open, self._kind, self._note, self._goes_on = [], "", "", False

    def _begin(self, kind: str, line: str, note: str = "") -> None:
        self._finish()
        self._open, self._kind, self._note = [line], kind, note

    def _line(self, line: str) -> None:
        fence = _FENCE.match(line)
        if self._fence:
            self._in_fence(line, fence)
        elif fence:
            self._finish()
            self._fence, self._kind, self._note = fence[1], "code", fence[2]
        elif not line.strip():
            self._blank()
        elif found := _HEADING.match(line):
            self._begin("heading", _unclosed(found[2]), str(len(found[1])))
            self._finish()
        elif _RULE.match(line) and self._kind != "table":
            self._begin("rule", "")
            self._finish()
        elif found := _ITEM.match(line):
            self._begin("item", found[3], f"{found[1]}{found[2]}")
        elif line.lstrip().startswith(">"):
            self._more("quote", line.lstrip()[1:].lstrip())
        elif _TABLE_LINE.match(line):
            self._more("table", line)
            if len(self._open) >= TABLE_CHUNK:
                head = self._open[:2]
                self._finish()
                self._open, self._kind = head, "table"
        elif self._kind == "item":
            self._open.append(line.strip())
        else:
            self._more("paragraph", line.strip())

    def _in_fence(self, line: str, fence: re.Match[str] | None) -> None:
        if fence and fence[1].startswith(self._fence) and not fence[2]:
            self._finish()
            self._fence = ""
        else:
            self._open.append(line)
            if len(self._open) >= CODE_CHUNK:
                note = self._note
                self._finish()
                self._kind, self._note, self._goes_on = "code", note, True

    def _blank(self) -> None:
        self._finish()
        if self.finished and self.finished[-1].kind != "blank":
            self.finished.append(Block("blank"))

    def _more(self, kind: str, line: str) -> None:
        if self._kind == kind:
            self._open.append(line)
        else:
            self._begin(kind, line)


def _unclosed(heading: str) -> str:
    """A heading without the marks that close it, which stand behind a blank."""
    bare = heading.rstrip().rstrip("#")
    return bare.rstrip() if not bare or bare[-1].isspace() else heading.rstrip()


def markdown_blocks(text: str) -> list[Block]:
    """Return the blocks of a whole text."""
    blocks = Blocks()
    blocks.feed(text)
    blocks.close()
    return blocks.finished


def block_lines(block: Block, width: int) -> list[Line]:
    """Return the lines of one block at `width`."""
    match block.kind:
        case "heading":
            ink = "strong bold" if block.note in {"1", "2"} else "text bold"
            return wrap(inline(block.lines[0], ink), width)
        case "item":
            return _item(block, width)
        case "quote":
            body = wrap(inline(" ".join(block.lines), "muted italic"), width - 2)
            return [(Span("▎ ", "faint"), *line) for line in body]
        case "code":
            return _code(block, width)
        case "table":
            return _table(block.lines, width)
        case "rule":
            return [(Span("─" * width, "rule"),)]
        case "blank":
            return [BLANK]
    return wrap(inline(" ".join(block.lines)), width)


def inline(text: str, ink: str = "text") -> Line:
    """Return a text with its emphasis, code and links as spans."""
    spans: list[Span] = []
    at = 0
    for found in _INLINE.finditer(text):
        if found.start() > at:
            spans.append(Span(text[at : found.start()], ink))
        spans.extend(_emphasis(found, ink))
        at = found.end()
    if at < len(text):
        spans.append(Span(text[at:], ink))
    return tuple(spans)


def _emphasis(found: re.Match[str], ink: str) -> list[Span]:
    if found["code_text"] is not None:
        return [Span(found["code_text"].strip(), "code")]
    if bold := found["bold"] or found["bold2"]:
        return [Span(bold, f"{ink} strong bold")]
    if strike := found["strike"]:
        return [Span(strike, f"{ink} strike")]
    if italic := found["italic"] or found["italic2"]:
        return [Span(italic, f"{ink} italic")]
    return [Span(found["text"], f"{ink} underline"), Span(f" {found['url']}", "muted")]


def warm(text: str) -> None:
    """Load what colours the code that begins in a text: drawing it would wait for that, 30 ms a language."""
    for language in dict.fromkeys(found[2] for found in _BEGINS_CODE.finditer(text)):
        load_language(language)


def _item(block: Block, width: int) -> list[Line]:
    depth = min(4, (len(block.note) - len(block.note.lstrip())) // 2)
    marker = block.note.strip()
    text = " ".join(block.lines)
    sign = marker if marker[0].isdigit() else "•"
    if text[:3] in _TASKS and text[3:4] in (" ", ""):
        sign, text = _TASKS[text[:3]], text[3:].lstrip()
    lead = "  " * depth + sign + " "
    body = wrap(inline(text), max(8, width - cells(lead)))
    first = (Span(lead, "muted"), *(body[0] if body else ()))
    return [first, *((Span(" " * cells(lead)), *line) for line in body[1:])]


def _code(block: Block, width: int) -> list[Line]:
    lines: list[Line] = []
    for spans in highlighted("\n".join(block.lines), block.note):
        line = cut_line((Span(" ", "code"), *spans), width)
        shown = tuple(span._replace(ink=f"{span.ink} on-code") for span in line)
        lines.append((*shown, Span(" " * max(0, width - width_of(shown)), "code on-code")))
    return lines


def _table(rows: tuple[str, ...], width: int) -> list[Line]:
    cells_of = [[c.strip() for c in row.strip().strip("|").split("|")] for row in rows]
    body = [r for r in cells_of if not all(re.fullmatch(r":?-+:?", c or "-") for c in r)]
    if not body:
        return []
    columns = max(len(row) for row in body)
    body = [row + [""] * (columns - len(row)) for row in body]
    plain = [["".join(s.text for s in inline(c)) for c in row] for row in body]
    widths = [max(cells(row[i]) for row in plain) for i in range(columns)]
    room = width - 3 * (columns - 1)
    while sum(widths) > room and max(widths) > 4:
        widths[widths.index(max(widths))] -= 1
    lines: list[Line] = []
    for number, row in enumerate(body):
        spans: list[Span] = []
        for i, cell in enumerate(row):
            head = number == 0 and len(body) < len(cells_of)
            shown = cut_line(inline(cell, "strong bold" if head else "text"), widths[i])
            gap = " " * max(0, widths[i] - width_of(shown))
            spans += [Span(" │ ", "rule")] * bool(i) + [*shown, Span(gap)]
        lines.append(cut_line(tuple(spans), width))
        if number == 0 and len(body) < len(cells_of):
            lines.append(cut_line((Span("─┼─".join("─" * w for w in widths), "rule"),), width))
    return lines


def fitted(line: Line, width: int) -> Line:
    """Return the line filled with blanks to `width`."""
    return (*line, Span(fit("", max(0, width - width_of(line)))))
