"""What the workflow changed, from the base commit to its latest checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.text import clean
from tui import words
from tui.ink import BLANK, Line, Span, cells, cut_line, said, spread
from tui.pages.parts import heading
from tui.picture import Picture

MOST_LINES = 20_000
"""Lines of a diff that are shown."""


def diff_page(picture: Picture, width: int) -> list[Line]:
    """Return the diffstat and the unified diff."""
    if not picture.diff:
        return [
            (Span("Nothing was changed yet.", "muted"),),
            BLANK,
            (Span("The diff comes with the first checkpoint of the code.", "faint"),),
        ]
    lines = stat_lines(picture.checkpoints[-1].diffstat if picture.checkpoints else {}, width)
    rows = picture.diff.split("\n")
    for row in rows[:MOST_LINES]:
        lines += diff_line(row, width)
    if len(rows) > MOST_LINES:
        lines.append((Span(f"{len(rows) - MOST_LINES} lines more", "faint"),))
    return lines


def stat_lines(stat: Mapping[str, Any], width: int, most: int = 200) -> list[Line]:
    """Return one line a file: path, lines added and removed, and a bar."""
    changes = [c for c in stat.get("changes") or () if isinstance(c, Mapping)]
    if not changes:
        return []
    files = int(stat.get("files") or len(changes))
    total = (
        Span(f"+{stat.get('added') or 0}", "add"),
        Span(" "),
        Span(f"-{stat.get('removed') or 0}", "del"),
    )
    lines = heading(words.plural(files, "file"), width, total)
    largest = max((int(c.get("added") or 0) + int(c.get("removed") or 0) for c in changes), default=1) or 1
    for change in changes[:most]:
        lines.append(_file(change, width, largest))
    if len(changes) > most:
        lines.append((Span(f"  and {len(changes) - most} more", "faint"),))
    return [*lines, BLANK]


def _file(change: Mapping[str, Any], width: int, largest: int) -> Line:
    added, removed = int(change.get("added") or 0), int(change.get("removed") or 0)
    room = 10
    plus = min(room, max(bool(added), round(room * added / largest)))
    minus = min(room - plus, max(bool(removed) and plus < room, round(room * removed / largest)))
    status = str(change.get("status") or "")[:1].upper() or " "
    right = (
        Span(f"{'+' + str(added):>6}", "add"),
        Span(f"{'-' + str(removed):>6}", "del"),
        Span("  " + "+" * plus, "add"),
        Span("-" * minus, "del"),
        Span(" " * (room - plus - minus)),
    )
    return spread((Span(f"{status} ", "muted"), said(change.get("path", ""), "text")), right, width)


def diff_line(row: str, width: int) -> list[Line]:
    """Return one line of a unified diff."""
    row = clean(row)
    if row.startswith("diff --git"):
        path = row.rpartition(" b/")[2]
        title = f" {path} "
        rule = "─" * max(0, width - cells(title) - 2)
        return [BLANK, cut_line((Span("──", "rule"), Span(title, "strong bold"), Span(rule, "rule")), width)]
    if row.startswith(
        ("index ", "--- ", "+++ ", "new file", "deleted file", "old mode", "new mode", "similarity")
    ):
        return []
    if row.startswith("@@"):
        where, _, rest = row[2:].partition("@@")
        return [cut_line((Span(f"@@{where}@@", "role"), Span(rest, "muted")), width)]
    ink = {"+": "add", "-": "del"}.get(row[:1], "text")
    sign = row[:1] or " "
    return [cut_line((Span(f"{sign} ", f"{ink} bold"), Span(row[1:], ink)), width)]
