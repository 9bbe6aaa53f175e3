"""Lines of a file as it was in a kept tree, for faces to show: what was proved was proved of that tree."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from core.errors import ProjectError
from core.text import clean
from core.workspace import open_repository, read_file_at

CONTEXT = 2
"""Lines before and behind each that are shown as well."""
MOST = 2_000
"""Lines that are handed out at most."""
READ = 8_000_000
"""Bytes of a file that are looked at."""
_DIGEST = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def lines_of(project: Path, tree: str, file: str, wanted: str) -> dict[str, Any]:
    """Return the lines `wanted` ("3-5, 9") of a file in a tree, and some around them, cleaned.

    `lines` are pairs of number and text; `left` says how many of those wanted are not among them. Raises
    ProjectError when the repository, the tree or the file in it cannot be read any more.
    """
    repository = open_repository(project)
    if not _DIGEST.fullmatch(tree):
        raise ProjectError("It is not on record which files were measured.", "Run the tests again.")
    data = read_file_at(repository, tree, file, limit=READ) if _is_path(file) else None
    if data is None:
        name = clean(file, lines=False, limit=200)
        raise ProjectError(f"There is no file {name} in the tree that was measured.", "`d` opens the diff.")
    # As Python reads a source; a form feed or a separator of lines in a text ends none.
    rows = re.split(r"\r\n|\r|\n", data.decode("utf-8", "replace"))
    numbers = sorted(set(_numbers(wanted, len(rows))))
    shown: list[tuple[int, str]] = []
    for number in _around(numbers, len(rows)):
        if len(shown) == MOST:
            break
        shown.append((number, clean(rows[number - 1])))
    last = shown[-1][0] if shown else 0
    return {"ok": True, "lines": shown, "left": sum(1 for number in numbers if number > last)}


def _is_path(file: str) -> bool:
    """Whether a file can be called so at all."""
    try:
        return b"\0" not in os.fsencode(file)
    except UnicodeEncodeError:
        return False


def _numbers(wanted: str, end: int) -> Iterator[int]:
    for first, last in re.findall(r"(\d{1,9})(?:-(\d{1,9}))?", wanted):
        yield from range(max(1, int(first)), min(int(last or first), end) + 1)


def _around(numbers: Iterable[int], end: int) -> Iterator[int]:
    """Each number with those near it, in order, none twice."""
    done = 0
    for number in numbers:
        for near in range(max(done + 1, number - CONTEXT), min(end, number + CONTEXT) + 1):
            yield near
            done = near
