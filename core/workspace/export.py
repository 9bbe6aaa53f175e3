"""Plain copies of a tree, to run checks on: no `.git`, nothing that was not committed.

Symbolic links are written as they are, also those that point out of the folder: what runs there runs in the
sandbox, where such a target is not visible. Who reads an export from outside uses `open_inside`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import ProjectError
from core.workspace.git import run_git
from core.workspace.paths import PathRefused, inside, remove_inside
from core.workspace.plain import plain_git
from core.workspace.repository import Repository, tree_of
from core.workspace.worktree import in_words


@in_words
def export_tree(repo: Repository, treeish: str, dest: Path) -> None:
    """Write the files of a commit or tree into `dest`, which must be empty or not there yet."""
    tree = tree_of(repo, treeish)
    dest.mkdir(parents=True, exist_ok=True)
    if any(dest.iterdir()):
        raise ProjectError(f"{dest} is not empty, so a clean copy cannot be made there.", "Empty it first.")
    with _index() as index:
        plain_git(repo, "read-tree", "--reset", "-u", tree, work_tree=dest.resolve(), index=index)


@in_words
def overlay(repo: Repository, treeish: str, dest: Path, paths: Sequence[str]) -> None:
    """Make the given files and folders below `dest` what they are in `treeish`; what is absent there goes.

    A link in the way is replaced, never followed.
    """
    names = [name for path in paths if (name := "/".join(inside(dest, path)))]
    if not names:
        return
    listed = run_git(
        "ls-tree", "-r", "-z", "--full-tree", tree_of(repo, treeish), "--", *names, git_dir=repo.git_dir
    )
    entries = [entry for entry in listed.out.split(b"\0") if entry and not entry.startswith(b"160000")]
    for name in names:
        _clear(dest, name)
    # `ls-tree` and `--index-info` write an entry the same way.
    feed = b"".join(entry + b"\0" for entry in entries)
    work_tree = dest.resolve()
    with _index() as index:
        plain_git(repo, "update-index", "-z", "--index-info", work_tree=work_tree, index=index, feed=feed)
        plain_git(repo, "checkout-index", "--all", "--force", "--quiet", work_tree=work_tree, index=index)


def _clear(dest: Path, name: str) -> None:
    """Remove the file `name`, or the files below the folder `name`, but nothing behind a link."""
    top = dest / name
    with suppress(PathRefused):
        if not top.is_dir() or top.is_symlink():
            remove_inside(dest, name)
            return
        for here, _, files in os.walk(top):
            for file in files:
                remove_inside(dest, os.path.relpath(Path(here, file), dest))


@contextmanager
def _index() -> Iterator[Path]:
    """Give the name of an index for one use."""
    with tempfile.TemporaryDirectory(prefix="qdeck-index-") as folder:
        yield Path(folder, "index")
