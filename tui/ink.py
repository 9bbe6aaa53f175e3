"""Styled text as plain data, and how it is cut and wrapped to cells. Knows no widget and no colour.

A `Span` is text with the name of its ink ("muted", "need bold", …); a `Line` is a tuple of spans. Whoever
makes a span from text that came from outside cleans it first (`said`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from core.text import clean

INKS = (
    "text",
    "strong",
    "muted",
    "faint",
    "rule",
    "need",
    "run",
    "ok",
    "bad",
    "role",
    "add",
    "del",
    "code",
)
"""The names of the colours. Words may follow: "bold", "italic", "underline", "strike", "on-code" (a
background)."""


class Span(NamedTuple):
    """A piece of text in one ink. `link` is an action that a click on it runs."""

    text: str
    ink: str = "text"
    link: str = ""


Line = tuple[Span, ...]
BLANK: Line = ()


def said(text: object, ink: str = "text", limit: int = 400) -> Span:
    """Return one line of text from outside as a span: cleaned, folded to a single line, bounded."""
    return Span(clean(str(text), lines=False, limit=limit), ink)


def width_of(line: Iterable[Span]) -> int:
    """Return the cells that a line takes."""
    return sum(cells(span.text) for span in line)


def cells(text: str) -> int:
    """Return the cells that `text` takes."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, width: int) -> str:
    """Return `text` in at most `width` cells, with an ellipsis where something was cut."""
    if width <= 0:
        return ""
    if cells(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…"


def fit(text: str, width: int, align: str = "left") -> str:
    """Return `text` in exactly `width` cells."""
    text = cut(text, width)
    gap = " " * (width - cells(text))
    return gap + text if align == "right" else text + gap


def cut_line(line: Line, width: int) -> Line:
    """Return the line in at most `width` cells."""
    if width_of(line) <= width:
        return line
    kept: list[Span] = []
    for span in line:
        size = cells(span.text)
        if size < width or (size == width and span is line[-1]):
            kept.append(span)
            width -= size
            continue
        kept.append(span._replace(text=cut(span.text + " " * (size == width), width)))
        break
    return tuple(kept)


def spread(left: Line, right: Line, width: int) -> Line:
    """Return `left` and `right` at the two ends of `width` cells; the left gives way, down to a quarter."""
    right = cut_line(right, max(width * 3 // 4, width - width_of(left) - 2 * bool(left)))
    room = width - width_of(right)
    left = cut_line(left, max(0, room - 2) if right else room)
    return (*left, Span(" " * (room - width_of(left)), "text"), *right)


def wrap(line: Line, width: int, indent: int = 0) -> list[Line]:
    """Return the line wrapped at words to `width` cells; lines after the first are indented."""
    if width_of(line) <= width:
        return [line]
    width = max(8, width)
    indent = min(indent, width // 2)
    rows: list[Line] = []
    row: list[Span] = []
    used = 0
    start = 0
    for piece in _pieces(line, width - indent):
        size = cells(piece.text)
        if used + size > width and used > start and (not piece.text.isspace() or used >= width):
            rows.append(_trimmed(row))
            row, used, start = ([Span(" " * indent)] if indent else []), indent, indent
            if piece.text.isspace():
                continue
        row.append(piece)
        used += size
    if used > start or not rows:
        rows.append(_trimmed(row))
    return rows


def _pieces(line: Line, longest: int) -> Iterator[Span]:
    """Words and gaps in order; words longer than a row are broken."""
    for span in line:
        for word in _words(span.text):
            while cells(word) > longest:
                head = _joint(_head(word, longest))
                yield span._replace(text=head)
                word = word[len(head) :]
            if word:
                yield span._replace(text=word)


def _words(text: str) -> Iterator[str]:
    start = 0
    for i in range(1, len(text) + 1):
        if i == len(text) or (text[i] == " ") != (text[i - 1] == " "):
            yield text[start:i]
            start = i


def _head(word: str, width: int) -> str:
    """The longest beginning of `word` that fits; at least one character, so that wrapping always ends."""
    if word.isascii():
        return word[:width]
    used = 0
    for i, character in enumerate(word):
        used += cell_len(character)
        if used > width:
            return word[: max(1, i)]
    return word


def _joint(head: str) -> str:
    """The beginning of `head` up to where paths and names come apart best: behind a slash or colon, else
    behind what joins words. All of it where that would leave too much of the row empty."""
    for joints, least in (("/:", len(head) // 3), ("_-.,=&", len(head) // 2)):
        end = max(head.rfind(joint) for joint in joints) + 1
        if end > least:
            return head[:end]
    return head


def _trimmed(row: list[Span]) -> Line:
    while row and row[-1].text.isspace() and len(row) > 1:
        row.pop()
    return tuple(row)


def plain(lines: Iterable[Line]) -> str:
    """Return the text of the lines, without ink."""
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)
