"""What differs between two commits or trees, in figures, lines and text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.workspace.git import decode_path, run_git
from core.workspace.repository import Repository, tree_of

Status = Literal["added", "modified", "deleted", "type"]
_STATUS: dict[bytes, Status] = {b"A": "added", b"M": "modified", b"D": "deleted", b"T": "type"}
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "-r")
_PREFIXES = ("--src-prefix=a/", "--dst-prefix=b/")
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_QUOTED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}

_NO_INDEX = Path("/nonexistent/qdeck-index")
"""git reads `.gitattributes` from the user's index, which could hide code from every look as binary."""

DIFF_LIMIT = 4_000_000
"""Bytes of a diff that are read; a longer one ends with a line that says so."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """How one file differs. A rename is one deleted and one added file: proofs must not be lost in it."""

    path: str
    status: Status
    added: int
    removed: int
    binary: bool


def changed_files(repo: Repository, a: str, b: str) -> list[FileChange]:
    """Return the files that differ between `a` and `b`, by path."""
    trees = (tree_of(repo, a), tree_of(repo, b))
    out = run_git(
        "diff-tree", *_PLAIN, "--raw", "--numstat", "-z", *trees, git_dir=repo.git_dir, index=_NO_INDEX
    ).out
    fields = out.split(b"\0")
    statuses: dict[bytes, Status] = {}
    position = 0
    while position + 1 < len(fields) and fields[position].startswith(b":"):
        statuses[fields[position + 1]] = _STATUS.get(fields[position].rsplit(b" ", 1)[1][:1], "modified")
        position += 2
    counts: dict[bytes, tuple[bytes, bytes]] = {}
    for field in fields[position:]:
        if field:
            added, removed, path = field.split(b"\t", 2)
            counts[path] = (added, removed)
    return [
        _change(path, status, *counts.get(path, (b"0", b"0"))) for path, status in sorted(statuses.items())
    ]


def diff(repo: Repository, a: str, b: str, paths: Sequence[str] = ()) -> str:
    """Return the unified diff from `a` to `b`, of all files or of `paths`. Not made safe to show."""
    trees = (tree_of(repo, a), tree_of(repo, b))
    options = (*_PLAIN, *_PREFIXES, "-p")
    found = run_git(
        "diff-tree", *options, *trees, "--", *paths, git_dir=repo.git_dir, index=_NO_INDEX, limit=DIFF_LIMIT
    )
    text = found.out.decode("utf-8", "replace")
    return f"{text}\n… the diff is longer than {DIFF_LIMIT:,} bytes and ends here\n" if found.cut else text


def added_lines(repo: Repository, a: str, b: str) -> dict[str, set[int]]:
    """Return, for each file of `b` with new or changed lines, the numbers of these lines."""
    trees = (tree_of(repo, a), tree_of(repo, b))
    out = run_git(
        "diff-tree", *_PLAIN, *_PREFIXES, "-p", "-U0", *trees, git_dir=repo.git_dir, index=_NO_INDEX
    ).out
    found: dict[str, set[int]] = {}
    path = ""
    skip = 0
    for line in out.split(b"\n"):
        if skip:
            # Inside a hunk nothing is a header, whatever it looks like.
            skip -= not line.startswith(b"\\")
        elif line.startswith(b"+++ "):
            path = _target(line[4:])
        elif hunk := _HUNK.match(line):
            removed, start, added = int(hunk[1] or 1), int(hunk[2]), int(hunk[3] or 1)
            skip = removed + added
            if added:
                found.setdefault(path, set()).update(range(start, start + added))
    return found


def _change(path: bytes, status: Status, added: bytes, removed: bytes) -> FileChange:
    if added == b"-":
        return FileChange(decode_path(path), status, 0, 0, True)
    return FileChange(decode_path(path), status, int(added), int(removed), False)


def _target(name: bytes) -> str:
    """Return the path in a `+++` line, which git quotes when it has control characters or quotes in it."""
    if name.startswith(b'"'):
        name = _QUOTED.sub(_unquoted, name[1 : name.rindex(b'"')])
    else:
        name = name.removesuffix(b"\t")
    return decode_path(name.removeprefix(b"b/"))


def _unquoted(match: re.Match[bytes]) -> bytes:
    word = match[1]
    return bytes([int(word, 8)]) if len(word) == 3 else _ESCAPES.get(word, word)
