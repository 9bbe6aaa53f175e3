"""The lines of a file that no test ran, with the code of them and a little around it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.text import clean
from tui import words
from tui.ink import BLANK, Line, Span, said, wrap
from tui.pages.coverage import ranges_of
from tui.pages.parts import bullet, heading, paragraph
from tui.pages.proofs import Entry


@dataclass(frozen=True, slots=True)
class Code:
    """Lines of the tree that was measured, by their numbers; or why they cannot be read any more.

    `left` counts lines that no test ran and that are not among them.
    """

    lines: Sequence[tuple[int, str]] = ()
    left: int = 0
    trouble: str = ""


def code_of(answer: dict[str, Any]) -> Code:
    """Return what the worker's side answered when it was asked for lines."""
    if not answer.get("ok"):
        return Code(trouble=f"{answer.get('error', '')} {answer.get('hint', '')}".strip())
    return Code([(int(number), str(text)) for number, text in answer["lines"]], int(answer["left"]))


def uncovered_page(entry: Entry, width: int, code: Code | None) -> list[Line]:
    """Return which lines of a file no test ran, and how they read; the code once it is there."""
    lines = [
        *heading("lines no test ran", width),
        *bullet(Span(f"{'file ':<14}", "muted"), (said(entry.data["path"], "strong", 2000),), width),
        *bullet(Span(f"{'lines ':<14}", "muted"), (said(ranges_of(entry.data["lines"]), limit=2000),), width),
        BLANK,
        *bullet(
            Span("d ", "run bold"),
            (Span("opens the diff, in which u goes from one to the next", "muted"),),
            width,
        ),
        BLANK,
    ]
    tree = said(entry.data.get("tree", ""), "muted", 12)
    lines += heading("how they read", width, (Span("tree ", "muted"), tree) if tree.text else ())
    if code is None:
        return [*lines, (Span("reading them", "muted"),)]
    if code.trouble:
        return [*lines, *paragraph(f"They cannot be shown: {clean(code.trouble)}", width, "need")]
    lines += _code_lines(code.lines, entry.data["lines"], width)
    if code.left:
        rest = f"{words.plural(code.left, 'more line')} no test ran; the diff has what changed of them."
        lines += [BLANK, *paragraph(rest, width, "muted")]
    return lines


def _code_lines(code: Sequence[tuple[int, str]], uncovered: frozenset[int], width: int) -> list[Line]:
    """Each line with its number; a mark before those that no test ran, a gap where lines are left out."""
    lines: list[Line] = []
    digits = len(str(code[-1][0])) if code else 0
    before = 0
    for number, text in code:
        if before and number != before + 1:
            lines.append((Span(" " * (digits + 1) + "⋮", "faint"),))
        before = number
        bare = number in uncovered
        mark = Span("! " if bare else "  ", "need bold")
        count = Span(f"{number:>{digits}} ", "need" if bare else "faint")
        told = Span(clean(text).replace("\n", " "), "strong" if bare else "muted")
        rows = wrap((told,), max(8, width - digits - 3))
        lines.append((mark, count, *rows[0]))
        lines += [(Span(" " * (digits + 3)), *row) for row in rows[1:]]
    return lines
