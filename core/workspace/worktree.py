"""The worktree of one workflow, as a value, and the two things that everyone who handles it needs.

The worktree's admin folder inside the repository (`.git/worktrees/<name>`) is what we remember and use. The
`.git` file in the worktree is only for people who look in; a model may have put anything in its place.
"""

from __future__ import annotations

import functools
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from core.errors import ProjectError
from core.text import clean
from core.workspace.repository import Repository

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Worktree:
    """The files of one workflow, on the branch `qdeck/<build_id>`.

    `base` is the commit that it started from, `admin` its git directory inside the repository.
    """

    repository: Repository
    path: Path
    branch: str
    base: str
    workflow_id: str
    build_id: str
    admin: Path


def in_words(
    function: Callable[_Parameters, _Result],
) -> Callable[_Parameters, _Result]:
    """Let what the file system refuses be told in a sentence: a full disk, a folder that is not ours."""

    @functools.wraps(function)
    def told(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return function(*args, **kwargs)
        except OSError as error:
            where = clean(str(error.filename or "the build's folder"), lines=False, limit=200)
            raise ProjectError(
                f"The build's files could not be handled: {error.strerror or error} ({where}).",
                "See to the folder or the disk, then resume.",
            ) from error

    return told


def restore_pointer(worktree: Worktree) -> None:
    """Put our own `.git` file back, whatever lies in its place."""
    pointer = worktree.path / ".git"
    content = f"gitdir: {worktree.admin}\n"
    with suppress(OSError, UnicodeDecodeError):
        if stat.S_ISREG(pointer.lstat().st_mode) and pointer.read_text("utf-8") == content:
            return
    remove_folder(pointer)
    pointer.write_text(content, "utf-8")


def remove_folder(path: Path) -> None:
    """Remove a file or folder with all below it, following no link and unlocking what is locked."""
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            return
        try:
            shutil.rmtree(path)
        except PermissionError:
            _unlock(path)
            shutil.rmtree(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise ProjectError(
            f"{path} could not be removed: {error.strerror}.", "Remove it by hand and try again."
        ) from None


def _unlock(path: Path) -> None:
    """Give ourselves the right to every folder below `path`, from the top down."""
    path.chmod(0o700)
    for here, folders, _ in os.walk(path):
        for name in folders:
            folder = Path(here, name)
            if not folder.is_symlink():
                folder.chmod(0o700)
