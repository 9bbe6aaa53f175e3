"""Finding words in lines, and showing where they are. Pure: knows no widget."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from tui.ink import Line, Span

MOST = 10_000
"""Lines with a match that are kept."""


@dataclass(frozen=True, slots=True)
class Found:
    """The lines that hold what was looked for, in order; `more` while not everything was looked through."""

    needle: str = ""
    lines: tuple[int, ...] = ()
    more: bool = False

    def next(self, after: int, step: int) -> int | None:
        """Return the next line with a match behind (or before) line `after`, going round at the ends."""
        if not self.lines:
            return None
        if step > 0:
            return self.lines[bisect_right(self.lines, after) % len(self.lines)]
        return self.lines[bisect_left(self.lines, after) - 1]

    def place(self, line: int) -> int:
        """Return how many matching lines there are up to `line`, that one included."""
        return bisect_right(self.lines, line)


def find(needle: str, lines: Iterable[str]) -> Found:
    """Look for `needle` in every line; small letters find capital ones too, capital ones only themselves."""
    if not needle:
        return Found()
    exact = needle != needle.lower()
    hits: list[int] = []
    for i, line in enumerate(lines):
        if needle in (line if exact else line.lower()):
            hits.append(i)
            if len(hits) == MOST:
                break
    return Found(needle, tuple(hits))


def marked(line: Line, needle: str) -> Line:
    """Return the line with every match in reverse, also one that changes its ink within."""
    hits = _hits(line, needle) if needle else []
    if not hits:
        return line
    spans: list[Span] = []
    at = 0
    for span in line:
        end, begin = at + len(span.text), at
        for first, last in hits:
            for edge, ink in ((first, span.ink), (last, f"{span.ink} reverse")):
                if at < (edge := min(edge, end)):
                    spans.append(span._replace(text=span.text[at - begin : edge - begin], ink=ink))
                    at = edge
        if at < end or not span.text:
            spans.append(span._replace(text=span.text[at - begin :]))
        at = end
    return tuple(spans)


def _hits(line: Line, needle: str) -> list[tuple[int, int]]:
    """Between which characters of the line the matches stand."""
    exact = needle != needle.lower()
    text = "".join(span.text if exact else _lowered(span.text) for span in line)
    found: list[tuple[int, int]] = []
    start = 0
    while (at := text.find(needle, start)) >= 0:
        start = at + len(needle)
        found.append((at, start))
    return found


def _lowered(text: str) -> str:
    """In small letters. Some letters change their length in lower case; then nothing can be pointed at."""
    low = text.lower()
    return low if len(low) == len(text) else text
