"""A unified diff as files, hunks and rows, and the two ways to lay it out. Pure; diffs are read nowhere else.

A megabyte is read in a blink: rows are plain tuples, text stays as it came and is cleaned when it is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from core.text import clean

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_QUOTED = re.compile(r"\\([0-7]{3}|.)")


class Row(NamedTuple):
    """A line of a hunk: its sign ("\\\\" is git's own remark), and its numbers in the old and new file."""

    sign: str
    text: str
    old: int
    new: int


@dataclass(slots=True)
class Hunk:
    """A changed place: its heading and its rows."""

    heading: str
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class FileDiff:
    """What changed in one file. `notes` are git's own words where there is nothing else to show."""

    path: str
    status: str = "M"
    notes: list[str] = field(default_factory=list)
    hunks: list[Hunk] = field(default_factory=list)
    added: int = 0
    removed: int = 0
    body: str = ""

    @property
    def one_sided(self) -> bool:
        """Whether the whole file came or went: there is nothing to stand beside it."""
        return self.status in ("A", "D")


class Item(NamedTuple):
    """A line to draw: of file `file` and hunk `hunk` (-1: none), its kind, and up to two rows.

    Kinds: "gap", "file", "note", "hunk", "row". Unified, a row stands in `left` or `right` alone, an
    unchanged one in both; side by side what went and what came stand beside each other.
    """

    kind: str
    file: int
    hunk: int = -1
    left: int = -1
    right: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Diff:
    """All files of a diff, in its order. Equal only to itself, so that what was made of it can be kept."""

    files: tuple[FileDiff, ...] = ()

    def row(self, item: Item) -> Row | None:
        """Return the row of an item, the new side's when it has one; None for headings."""
        index = item.right if item.right >= 0 else item.left
        if item.kind != "row" or index < 0:
            return None
        return self.files[item.file].hunks[item.hunk].rows[index]


@lru_cache(maxsize=4)
def parse_diff(text: str) -> Diff:
    """Return what a unified diff of git's says; what is not understood is kept as notes, never lost."""
    files: list[FileDiff] = []
    starts: list[int] = []
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    current: FileDiff | None = None
    hunk: Hunk | None = None
    old = new = 0
    for number, line in enumerate(lines):
        if line.startswith("diff --git "):
            current, hunk = FileDiff(_path_of(line)), None
            files.append(current)
            starts.append(number)
        elif current is None:
            current = FileDiff("")
            files.append(current)
            starts.append(number)
            current.notes.append(line)
        elif hunk is not None and (sign := line[:1]) in _SIGNS and not line.startswith("@@"):
            # A blank line may come without its sign from tools that trim.
            sign = sign or " "
            hunk.rows.append(Row(sign, line[1:], old if sign in "- " else 0, new if sign in "+ " else 0))
            old += sign in "- "
            new += sign in "+ "
            current.added += sign == "+"
            current.removed += sign == "-"
        elif line.startswith("@@"):
            found = _HUNK.match(line)
            old, new = (int(found[1]), int(found[2])) if found else (0, 0)
            hunk = Hunk(line)
            current.hunks.append(hunk)
        else:
            _head(current, line)
    starts.append(len(lines))
    for file, start, end in zip(files, starts, starts[1:], strict=False):
        file.body = "\n".join(lines[start:end])
    return Diff(tuple(files))


_SIGNS = frozenset(("+", "-", " ", "\\", ""))


def _head(file: FileDiff, line: str) -> None:
    if line.startswith("new file"):
        file.status = "A"
    elif line.startswith("deleted file"):
        file.status = "D"
    elif line.startswith("rename to "):
        file.status = "R"
        file.path = _unquoted(line.removeprefix("rename to "))
    elif line.startswith("rename from "):
        file.notes.append(f"was {_unquoted(line.removeprefix('rename from '))}")
    elif line.startswith("+++ ") and not line.startswith("+++ /dev/null"):
        file.path = _unquoted(line[4:].rstrip("\t")).removeprefix("b/") or file.path
    elif line.startswith(("index ", "--- ", "+++ ", "similarity ", "dissimilarity ")):
        return
    elif line:
        file.notes.append(line)


def _path_of(line: str) -> str:
    """The new path in `diff --git a/x b/x`, as far as it can be told; `+++` says it better later."""
    rest = line.removeprefix("diff --git ")
    if rest.endswith('"'):
        start = rest.rfind(' "')
        return _unquoted(rest[start + 1 :]).removeprefix("b/")
    return rest.rpartition(" b/")[2] or rest


def _unquoted(path: str) -> str:
    """A path as it is; git quotes those with odd characters, byte by byte."""
    if not (len(path) > 1 and path.startswith('"') and path.endswith('"')):
        return path
    known = {"n": b"\n", "t": b"\t", '"': b'"', "\\": b"\\"}
    parts: list[bytes] = []
    end = 0
    inner = path[1:-1]
    for found in _QUOTED.finditer(inner):
        parts.append(inner[end : found.start()].encode())
        code = found[1]
        parts.append(bytes([int(code, 8) & 255]) if len(code) == 3 else known.get(code, code.encode()))
        end = found.end()
    parts.append(inner[end:].encode())
    return b"".join(parts).decode("utf-8", "replace")


@lru_cache(maxsize=4)
def layout(diff: Diff, *, split: bool) -> Sequence[Item]:
    """Return every line to draw, in order."""
    items: list[Item] = []
    for f, file in enumerate(diff.files):
        if f:
            items.append(Item("gap", f - 1))
        items.append(Item("file", f))
        items += [Item("note", f, -1, i) for i in range(len(file.notes))]
        for h, hunk in enumerate(file.hunks):
            items.append(Item("hunk", f, h))
            items += _beside(hunk, f, h) if split and not file.one_sided else _below(hunk, f, h)
    return items


def _below(hunk: Hunk, f: int, h: int) -> Iterator[Item]:
    for i, row in enumerate(hunk.rows):
        if row.sign == "-":
            yield Item("row", f, h, i, -1)
        elif row.sign == "+":
            yield Item("row", f, h, -1, i)
        else:
            yield Item("row", f, h, i, i)


def _beside(hunk: Hunk, f: int, h: int) -> Iterator[Item]:
    gone: list[int] = []
    come: list[int] = []

    def pairs() -> Iterator[Item]:
        for i in range(max(len(gone), len(come))):
            left = gone[i] if i < len(gone) else -1
            right = come[i] if i < len(come) else -1
            yield Item("row", f, h, left, right)
        gone.clear()
        come.clear()

    for i, row in enumerate(hunk.rows):
        if row.sign == "-":
            if come:
                yield from pairs()
            gone.append(i)
        elif row.sign == "+":
            come.append(i)
        else:
            yield from pairs()
            yield Item("row", f, h, i, i)
    yield from pairs()


def partners(hunk: Hunk) -> dict[int, int]:
    """Return which line took the place of which, both ways: where as many lines came as went."""
    found: dict[int, int] = {}
    gone: list[int] = []
    come: list[int] = []
    for i, row in enumerate((*hunk.rows, _END)):
        if row.sign == "\\":
            continue
        if row.sign != "+" and come:
            if len(gone) == len(come):
                found.update(zip(gone, come, strict=True))
                found.update(zip(come, gone, strict=True))
            gone, come = [], []
        if row.sign == "-":
            gone.append(i)
        elif row.sign == "+":
            come.append(i)
        else:
            gone = []
    return found


_END = Row(" ", "", 0, 0)
LONGEST = 1_000
"""Characters of a line up to which it is compared word by word with the one whose place it took."""


def differing(text: str, other: str) -> tuple[int, int] | None:
    """Return from where to where `text` differs from `other`, in whole words.

    None when they have too little in common to be compared, or are too long to be read as one line.
    """
    most = min(len(text), len(other))
    if max(len(text), len(other)) > LONGEST:
        return None
    start = next((i for i in range(most) if text[i] != other[i]), most)
    while start and (_in_word(text, start) or _in_word(other, start)):
        start -= 1
    same = 0
    while same < most - start and text[-1 - same] == other[-1 - same]:
        same += 1
    while same and (_in_word(text, len(text) - same) or _in_word(other, len(other) - same)):
        same -= 1
    alike = len(text[:start].strip()) + len(text[len(text) - same :].strip())
    return (start, len(text) - same) if 3 * alike >= max(len(text), len(other)) else None


def _in_word(text: str, at: int) -> bool:
    """Whether a cut before the character `at` would go through a word."""
    around = text[at - 1 : at + 1] if at else ""
    return len(around) == 2 and all(c.isalnum() or c == "_" for c in around)


def shown_path(path: str, limit: int = 200) -> str:
    """Return a path as it may be shown."""
    return clean(path, lines=False, limit=limit)


def changed_between(before: str, after: str) -> list[tuple[str, str]]:
    """Return the files that differ between two diffs from one base, and what going from the first to the
    second does to each: "gone" (it was new), "back" (as the base has it), "again" (comes with it) or "other".
    """
    old = {f.path: f.body for f in parse_diff(before).files}
    new = {f.path: f.body for f in parse_diff(after).files}
    found: list[tuple[str, str]] = []
    for file in parse_diff(before).files:
        if file.path not in new:
            found.append((file.path, "gone" if file.status == "A" else "back"))
        elif new[file.path] != file.body:
            found.append((file.path, "other"))
    found += [(path, "again") for path in new if path not in old]
    return found
