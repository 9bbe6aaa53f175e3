"""Merges that happen in the object store only: no branch and no checkout notices."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.errors import ProjectError
from core.workspace.git import Output, decode_path, git_version, run_git
from core.workspace.repository import Repository, commit_tree, is_ancestor, merge_base, resolve

_MERGE_TREE_WRITES = (2, 38)


@dataclass(frozen=True, slots=True)
class Conflict:
    """The two sides changed the same lines of these files.

    `tree` holds the merge as far as it went, with conflict markers in these files; empty on an old git.
    """

    files: tuple[str, ...]
    tree: str = ""


def merge_commits(
    repo: Repository, *, ours: str, theirs: str, message: str, at: datetime | None = None
) -> str | Conflict:
    """Make the commit that merges `theirs` into `ours`, and return its id, or the files in conflict.

    When `ours` already contains `theirs` it is returned itself. With `at` given, the same call gives the same
    commit.
    """
    sides = (resolve(repo, ours), resolve(repo, theirs))
    for name, side in zip((ours, theirs), sides, strict=True):
        if side is None:
            raise ProjectError(f"The commit {name[:80]} is not in the repository, so it cannot be merged.")
    mine, other = str(sides[0]), str(sides[1])
    if is_ancestor(repo, other, mine):
        return mine
    base = merge_base(repo, mine, other)
    if git_version() >= _MERGE_TREE_WRITES:
        tree = _merge_tree(repo, mine, other)
    else:
        tree = merge_in_a_folder(repo, base, mine, other)
    if isinstance(tree, Conflict):
        return tree
    return commit_tree(repo, tree, (mine, other), message, at)


def _merge_tree(repo: Repository, ours: str, theirs: str) -> str | Conflict:
    """Let git merge, renames and all, without any files."""
    options = ("--write-tree", "-z", "--name-only", "--no-messages")
    found = run_git("merge-tree", *options, ours, theirs, git_dir=repo.git_dir, ok=(0, 1))
    tree, *files = found.out.split(b"\0")
    made = tree.decode("ascii").strip()
    if found.code == 0:
        return made
    return Conflict(tuple(dict.fromkeys(decode_path(name) for name in files if name)), made)


def merge_in_a_folder(repo: Repository, base: str, ours: str, theirs: str) -> str | Conflict:
    """Merge as git before 2.38 can: three trees into an index, and file by file in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="qdeck-merge-") as name:
        index, folder = Path(name, "index"), Path(name, "files")
        folder.mkdir()

        def git(*arguments: str, ok: tuple[int, ...] = (0,)) -> Output:
            return run_git(*arguments, git_dir=repo.git_dir, work_tree=folder, index=index, ok=ok)

        git("read-tree", "-i", "-m", "--aggressive", base, ours, theirs)
        # What is in conflict stays unmerged in the index, so its exit code says nothing more.
        git("merge-index", "-o", "-q", "git-merge-one-file", "-a", ok=tuple(range(129)))
        left = git("ls-files", "--unmerged", "-z").out
        if left:
            files = (entry.partition(b"\t")[2] for entry in left.split(b"\0") if entry)
            return Conflict(tuple(dict.fromkeys(decode_path(file) for file in files)))
        return git("write-tree").text
