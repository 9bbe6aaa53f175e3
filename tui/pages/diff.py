"""What the workflow changed, from the base commit to its latest checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tui import words
from tui.diff_model import Diff, layout, parse_diff
from tui.diff_paint import DiffPaint, Uncovered
from tui.ink import BLANK, Line, Span, cut_line, said, spread, wrap
from tui.pages.coverage import uncovered_of
from tui.pages.parts import NARROW, heading
from tui.picture import Picture


def diff_page(picture: Picture, width: int) -> Sequence[Line]:
    """Return the diffstat and the unified diff; of a long one only what is seen is ever drawn."""
    if not picture.diff:
        return [
            (Span("Nothing was changed yet.", "muted"),),
            BLANK,
            *wrap((Span("The diff comes with the first checkpoint of the code.", "faint"),), width),
        ]
    head = stat_lines(picture.kept.diffstat if picture.kept else {}, width)
    if width >= 40:
        why = ": side by side, search, comments" if width >= NARROW else ": search, comments"
        more = (Span("d", "run bold"), Span(f"  opens it large{why}", "muted"))
        head = [*head[:-1], cut_line(more, width), BLANK]
    return _DiffLines(head, parse_diff(picture.diff), uncovered_of(picture), width)


class _DiffLines(Sequence[Line]):
    """The lines of a page with a diff, each made when it is asked for."""

    def __init__(self, head: list[Line], diff: Diff, uncovered: Uncovered, width: int) -> None:
        self._head, self._width = head, width
        self._items = layout(diff, split=False)
        self._paint = DiffPaint(diff, uncovered)

    def __len__(self) -> int:
        return len(self._head) + len(self._items)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if index < len(self._head):
            return self._head[index]
        line, ground = self._paint.line(self._items[index - len(self._head)], self._width)
        # A page has no tints: what was taken away is told by its ink, and what differs in a line by weight.
        if ground == "removed":
            return tuple(s._replace(ink="del bold" if "on-more-" in s.ink else "del") for s in line)
        return tuple(s._replace(ink=s.ink.partition(" on-more-")[0]) for s in line)


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
    room = 10 if width >= NARROW else 0
    largest = max((int(c.get("added") or 0) + int(c.get("removed") or 0) for c in changes), default=1) or 1
    for change in changes[:most]:
        lines.append(_file(change, width, largest, room))
    if len(changes) > most:
        lines.append((Span(f"  and {len(changes) - most} more", "faint"),))
    return [*lines, BLANK]


def _file(change: Mapping[str, Any], width: int, largest: int, room: int) -> Line:
    added, removed = int(change.get("added") or 0), int(change.get("removed") or 0)
    plus = min(room, max(bool(added), round(room * added / largest)))
    minus = min(room - plus, max(bool(removed) and plus < room, round(room * removed / largest)))
    status = str(change.get("status") or "")[:1].upper() or " "
    right = (
        Span(f"{'+' + str(added):>6}", "add"),
        Span(f"{'-' + str(removed):>6}", "del"),
        Span("  " * bool(room) + "+" * plus, "add"),
        Span("-" * minus, "del"),
        Span(" " * (room - plus - minus)),
    )
    return spread((Span(f"{status} ", "muted"), said(change.get("path", ""), "text")), right, width)
