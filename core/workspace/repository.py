"""The user's repository: found, checked and read. Writes nothing but objects."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from core.errors import ProjectError
from core.home import expanded
from core.text import clean
from core.workspace.git import decode_path, git_version, run_git

_HEADS = "refs/heads/"
_OBJECT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LISTED = 2 << 20
"""Bytes of a tree's listing that are kept, which is some 20,000 files; of a bigger tree each is asked for."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository that can be built in.

    `path` is the top of the user's checkout, `git_dir` the directory that all its worktrees share, and `head`
    the commit at the tip of `default_branch` when the repository was opened.
    """

    path: Path
    git_dir: Path
    default_branch: str
    head: str


def open_repository(path: Path, default_branch: str = "") -> Repository:
    """Open the repository that `path` lies in, or say in one sentence why no build can run there.

    `default_branch` is the configured one; without it the remote's default, `main`, `master`, the configured
    initial branch and the checked-out branch are tried in this order.
    """
    git_version()
    shown = clean(str(path), lines=False, limit=200)
    path = expanded(path)
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise ProjectError(f"{shown} {what}.", "Give the folder of a git repository.")
    path = path.resolve()
    git_dir = _common_dir(path, shown)
    found = run_git("rev-parse", "--show-toplevel", folder=path, ok=(0, 128))
    if found.code:
        if run_git("rev-parse", "--is-bare-repository", folder=path).text != "true":
            raise ProjectError(f"{shown} is inside a .git folder.", "Give the folder above it.")
        raise ProjectError(
            f"{shown} is a bare repository, which has no files to work on.",
            "Clone it (git clone) and give the folder of the clone.",
        )
    top = Path(os.fsdecode(found.out.removesuffix(b"\n"))).resolve()
    branch = _default_branch(git_dir, top, default_branch, shown)
    return Repository(top, git_dir, branch, run_git("rev-parse", _HEADS + branch, git_dir=git_dir).text)


def resolve(repo: Repository, rev: str) -> str | None:
    """Return the commit that `rev` names, or None."""
    if not rev or rev.startswith("-") or "\0" in rev:
        return None
    found = run_git(
        "rev-parse", "--verify", "--quiet", rev + "^{commit}", git_dir=repo.git_dir, ok=(0, 1, 128)
    )
    return found.text if found.code == 0 else None


def tree_of(repo: Repository, treeish: str) -> str:
    """Return the tree digest of a commit or tree."""
    if _OBJECT.fullmatch(treeish):
        return _tree_of_object(repo.git_dir, treeish)
    return _tree_of(repo.git_dir, treeish)


def _tree_of(git_dir: Path, treeish: str) -> str:
    shown = clean(treeish, lines=False, limit=80)
    if treeish and not treeish.startswith("-") and "\0" not in treeish:
        wanted = treeish + "^{tree}"
        found = run_git("rev-parse", "--verify", "--quiet", wanted, git_dir=git_dir, ok=(0, 1, 128))
        if found.code == 0:
            return found.text
    raise ProjectError(
        f"There is no commit or tree {shown} in the repository.",
        "It may have been removed; restore it there.",
    )


# What a digest names never changes. A gate asks for the same few trees and files a hundred times, and the
# start of as many processes of git's took longer than all its other work.
_tree_of_object = lru_cache(maxsize=1024)(_tree_of)


@lru_cache(maxsize=4)
def _entries(git_dir: Path, tree: str) -> Mapping[bytes, bytes] | None:
    """Return mode, type and digest of each file of a tree by its path; None for too many to keep."""
    listed = run_git("ls-tree", "-r", "-z", "--full-tree", tree, git_dir=git_dir, limit=_LISTED)
    if listed.cut:
        return None
    parts = (entry.partition(b"\t") for entry in listed.out.split(b"\0") if entry)
    return {path: kind for kind, _, path in parts}


def read_file_at(repo: Repository, commit: str, path: str, limit: int | None = None) -> bytes | None:
    """Return the content of a regular file in `commit`, or None when there is none at `path`.

    With a `limit` only its first bytes, as many or a few more.
    """
    tree = tree_of(repo, commit)
    entries = _entries(repo.git_dir, tree)
    if entries is None:
        listed = run_git("ls-tree", "-z", "--full-tree", tree, "--", path, git_dir=repo.git_dir)
        kind = listed.out.partition(b"\t")[0]
    else:
        kind = entries.get(os.fsencode(path), b"")
    fields = kind.split()
    if len(fields) != 3 or fields[0] not in (b"100644", b"100755"):
        return None
    return run_git("cat-file", "blob", fields[2].decode(), git_dir=repo.git_dir, limit=limit).out


def list_tree(repo: Repository, treeish: str) -> list[str]:
    """Return the paths of all files in a commit or tree, submodules left out."""
    listed = run_git("ls-tree", "-r", "-z", "--full-tree", tree_of(repo, treeish), git_dir=repo.git_dir).out
    entries = (entry.partition(b"\t") for entry in listed.split(b"\0") if entry)
    return [decode_path(path) for kind, _, path in entries if not kind.startswith(b"160000")]


def merge_base(repo: Repository, a: str, b: str) -> str:
    """Return the best common ancestor of two commits."""
    found = run_git("merge-base", a, b, git_dir=repo.git_dir, ok=(0, 1))
    if found.code:
        raise ProjectError(
            "The two branches have no commit in common, so they cannot be merged.",
            "Start a new workflow from the current default branch.",
        )
    return found.text


def is_ancestor(repo: Repository, older: str, newer: str) -> bool:
    """Say whether `newer` contains `older`."""
    found = run_git("merge-base", "--is-ancestor", older, newer, git_dir=repo.git_dir, ok=(0, 1))
    return found.code == 0


def log(repo: Repository, rev: str, n: int, path: str = "") -> list[str]:
    """Return the last `n` commits up to `rev`, a line each: short id, date, author, subject.

    With a `path` only those that changed it, or something below it.
    """
    commit = resolve(repo, rev)
    if commit is None:
        return []
    form = "--format=%h %cs %an: %s"
    options = (f"-{max(n, 0)}", "-z", form, "--no-show-signature")
    only = (path,) if path else ()
    listed = run_git("log", *options, commit, "--", *only, git_dir=repo.git_dir)
    lines = listed.out.decode("utf-8", "replace").split("\0")
    return [clean(line, lines=False) for line in lines if line]


def commit_tree(
    repo: Repository,
    tree: str,
    parents: tuple[str, ...] | list[str],
    message: str,
    at: datetime | None = None,
) -> str:
    """Make a commit object, which no branch points to yet, and return its id.

    With `at` given, the same call gives the same id.
    """
    arguments = [word for parent in parents for word in ("-p", parent)]
    feed = message.encode("utf-8", "replace").replace(b"\0", b"")
    return run_git(
        "commit-tree", tree, *arguments, git_dir=repo.git_dir, feed=feed, at=at.isoformat() if at else None
    ).text


def _common_dir(path: Path, shown: str) -> Path:
    """Return the git directory that `path` belongs to, shared by all worktrees."""
    found = run_git("rev-parse", "--git-common-dir", folder=path, ok=(0, 128))
    if found.code == 0:
        return (path / os.fsdecode(found.out.removesuffix(b"\n"))).resolve()
    if "not a git repository" in found.err:
        raise ProjectError(
            f"{shown} is not a git repository.",
            "Run `git init` there and commit the files, or give another folder.",
        )
    raise ProjectError(
        f"git cannot open {shown}: {clean(found.err, lines=False, limit=300)}",
        "Look at it with `git status` there.",
    )


def _default_branch(git_dir: Path, top: Path, configured: str, shown: str) -> str:
    """Return the branch that builds start from and are merged into."""
    listed = run_git("for-each-ref", "--format=%(refname)", _HEADS, git_dir=git_dir)
    branches = [name.removeprefix(_HEADS) for name in listed.text.splitlines()]
    current = run_git("symbolic-ref", "--quiet", "--short", "HEAD", folder=top, ok=(0, 1, 128)).text
    if not branches:
        detached = run_git("rev-parse", "--verify", "--quiet", "HEAD", folder=top, ok=(0, 1, 128)).code == 0
        if detached:
            raise ProjectError(f"{shown} has no branch.", "Make one there: `git switch -c main`.")
        raise ProjectError(
            f"{shown} has no commit yet.", "Make a first commit there: `git add . && git commit`."
        )
    if configured:
        if configured in branches:
            return configured
        name = clean(configured, lines=False, limit=80)
        raise ProjectError(
            f"{shown} has no branch named {name}, the configured default branch.",
            "Correct `default_branch`, or make the branch.",
        )
    remote = run_git(
        "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD", git_dir=git_dir, ok=(0, 1, 128)
    ).text
    initial = run_git("config", "--get", "init.defaultBranch", git_dir=git_dir, ok=(0, 1)).text
    wanted = (remote.removeprefix("refs/remotes/origin/"), "main", "master", initial, current)
    for name in wanted:
        if name in branches:
            return name
    own = [name for name in branches if not name.startswith("qdeck/")]
    if len(own) == 1:
        return own[0]
    raise ProjectError(
        f"{shown} has no default branch: none is named main or master, and none is checked out.",
        "Check a branch out there, or set `default_branch`.",
    )
