"""Look at files: read, list, diff, history. None of them changes anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated

from pydantic import Field

from core.roles.context import RoleContext
from core.roles.tools.base import Arguments, Result, Tool, blocked, failed
from core.roles.tools.bounds import MAX_LINES, marked, page
from core.text import clean
from core.workspace import PathRefused, diff, list_inside, log, open_inside, tree_digest
from core.workspace.paths import inside

MAX_FILE = 2 << 20
"""Bytes of a file that tools read at all."""

LEFT_OUT = frozenset(
    {"node_modules", ".venv", "venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox"}
)
"""Folders that hold nothing of the project's own."""

PathArgument = Annotated[
    str, Field(min_length=1, max_length=1000, description="relative to the project's top")
]
Line = Annotated[int, Field(ge=1, le=10_000_000)]


class NotText(Exception):
    """The file cannot be shown as text; the text of the error says why."""


class ReadArguments(Arguments):
    """Which lines of which file."""

    path: PathArgument
    start: Line = 1
    lines: Annotated[int, Field(ge=1, le=MAX_LINES)] = MAX_LINES


class ListArguments(Arguments):
    """Which files: below `path`, with names that fit `pattern`."""

    path: Annotated[str, Field(max_length=1000)] = "."
    pattern: Annotated[str, Field(min_length=1, max_length=200)] = "*"


class DiffArguments(Arguments):
    """Which part of the change; without a path all of it."""

    path: Annotated[str, Field(max_length=1000)] = ""
    start: Line = 1


class HistoryArguments(Arguments):
    """How many commits, and of which path; without one of the whole project."""

    path: Annotated[str, Field(max_length=1000)] = ""
    commits: Annotated[int, Field(ge=1, le=200)] = 20
    start: Line = 1


def read_text(root: Path, path: str) -> str:
    """Return the text of a file in the worktree; raises NotText, OSError or PathRefused."""
    with open_inside(root, path) as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise NotText(f"{path} is larger than {MAX_FILE >> 20} MB; search it instead.")
    if b"\0" in data:
        raise NotText(f"{path} is a binary file of {len(data)} bytes.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise NotText(f"{path} is not UTF-8 text.") from None


def trouble(path: str, error: Exception) -> Result:
    """Return what a model is told when a path could not be used; one that leads out is blocked."""
    shown = clean(path, lines=False, limit=200)
    if isinstance(error, PathRefused):
        return blocked(str(error))
    if isinstance(error, FileNotFoundError):
        return failed(f"There is no file {shown}.")
    if isinstance(error, IsADirectoryError):
        return failed(f"{shown} is a folder; use list_files.")
    if isinstance(error, NotADirectoryError):
        return failed(f"Part of {shown} is a file, not a folder.")
    if isinstance(error, OSError):
        return failed(f"{shown} cannot be used: {error.strerror}.")
    return failed(str(error))


async def _read(context: RoleContext, arguments: ReadArguments, key: str) -> Result:
    try:
        text = await asyncio.to_thread(read_text, context.root, arguments.path)
    except (PathRefused, OSError, NotText) as error:
        return trouble(arguments.path, error)
    lines = text.removesuffix("\n").split("\n") if text else []
    return Result(page(lines, arguments.start, arguments.lines, clean(arguments.path, lines=False)))


async def _list(context: RoleContext, arguments: ListArguments, key: str) -> Result:
    try:
        found, more = await asyncio.to_thread(_listed, context.root, arguments.path, arguments.pattern)
    except (PathRefused, OSError) as error:
        if isinstance(error, NotADirectoryError):
            return failed(f"{clean(arguments.path, lines=False, limit=200)} is not a folder.")
        return trouble(arguments.path, error)
    if not found:
        return Result("No file fits.")
    return Result("\n".join(found) + (f"\n(only the first {MAX_LINES}; narrow it down)" if more else ""))


def _listed(root: Path, path: str, pattern: str) -> tuple[list[str], bool]:
    found: list[str] = []
    for name, size in walk(root, path):
        if fnmatch(name, pattern) or fnmatch(name.rsplit("/", 1)[-1], pattern):
            if len(found) == MAX_LINES:
                return found, True
            found.append(f"{marked(name)}  {size} bytes")
    return found, False


def walk(root: Path, path: str) -> Iterator[tuple[str, int]]:
    """Yield path and size of every file below `path`, links and foreign folders left out."""
    top = "/".join(inside(root, path))
    for entry in list_inside(root, top):
        name = f"{top}/{entry.name}" if top else entry.name
        if entry.kind == "file":
            yield name, entry.size
        elif entry.kind == "folder" and entry.name not in LEFT_OUT:
            yield from walk(root, name)


async def _diff(context: RoleContext, arguments: DiffArguments, key: str) -> Result:
    try:
        path = "/".join(inside(context.root, arguments.path))
    except PathRefused as error:
        return trouble(arguments.path, error)
    text = await change(context, path)
    if not text:
        return Result("Nothing differs from the base there.")
    lines = text.removesuffix("\n").split("\n")
    return Result(page(lines, arguments.start, MAX_LINES, "the diff"))


async def change(context: RoleContext, path: str = "") -> str:
    """Return the unified diff from the base to the worktree as it is now."""
    bench = context.bench

    def work() -> str:
        paths = (path,) if path else ()
        return diff(bench.repository, bench.base, tree_digest(bench.worktree), paths)

    return await asyncio.to_thread(work)


async def _history(context: RoleContext, arguments: HistoryArguments, key: str) -> Result:
    """There is no `.git` where a role acts, so its history comes through here."""
    try:
        path = "/".join(inside(context.root, arguments.path))
    except PathRefused as error:
        return trouble(arguments.path, error)
    bench = context.bench
    lines = await asyncio.to_thread(log, bench.repository, bench.base, arguments.commits, path)
    if not lines:
        return Result("No commit has touched that.")
    return Result(page(lines, arguments.start, MAX_LINES, "the history"))


READ = Tool(
    "read",
    f"Show a text file with line numbers, up to {MAX_LINES} lines from line `start`.",
    ReadArguments,
    _read,
    lambda a: f"reads {a.path}",
)
LIST = Tool(
    "list_files",
    "List the project's files with their sizes, below a folder and by a pattern such as `*.py`.",
    ListArguments,
    _list,
    lambda a: "lists files",
)
DIFF = Tool(
    "diff",
    "Show what this workflow has changed since its base, as a unified diff, all of it or one path.",
    DiffArguments,
    _diff,
    lambda a: f"reads the diff of {a.path}" if a.path else "reads the diff",
)
HISTORY = Tool(
    "history",
    "List the last commits of the project up to this workflow's base, of all of it or of one path.",
    HistoryArguments,
    _history,
    lambda a: f"reads the history of {a.path}" if a.path else "reads the history",
)
