"""What the files of a worktree are right now, as a tree of git's, and how to make them a given tree.

`git add` and `git status` are not used: both descend into repositories that a model may have made inside the
worktree and obey their configuration. Instead git lists the names, we look at each, and git hashes those that
are files or links. Each time from nothing: git's own cache compares times by the second, which a process that
sets times can deceive.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import ProjectError
from core.workspace.git import Output, decode_path
from core.workspace.plain import plain_git
from core.workspace.repository import tree_of
from core.workspace.worktree import Worktree, in_words, remove_folder, restore_pointer


@dataclass(frozen=True, slots=True)
class _Listing:
    """The names in a worktree: files to hash, tracked names that are gone, and the folders they lie in."""

    present: list[bytes]
    gone: list[bytes]
    folders: list[bytes]


@in_words
def tree_digest(worktree: Worktree) -> str:
    """Return the tree id of the files as they are: tracked and untracked, ignored ones left out."""
    with _snapshot(worktree) as (index, _):
        return _git(worktree, index, "write-tree").text


@in_words
def list_files(worktree: Worktree) -> list[str]:
    """Return the paths that a checkpoint would hold now, sorted."""
    with _index(worktree) as index:
        _git(worktree, index, "read-tree", _tracked(worktree))
        return sorted(decode_path(name) for name in _look(worktree, index).present)


def make_files_equal(worktree: Worktree, treeish: str) -> str:
    """Make the files those of `treeish`, ignored ones left alone, and return its tree id."""
    tree = tree_of(worktree.repository, treeish)
    worktree.path.mkdir(parents=True, exist_ok=True)
    restore_pointer(worktree)
    with _snapshot(worktree) as (index, listing):
        for folder in listing.folders:
            # A repository that was made inside the worktree is none of ours.
            remove_folder(worktree.path / os.fsdecode(folder) / ".git")
        if _git(worktree, index, "write-tree").text != tree:
            _git(worktree, index, "read-tree", "--reset", "-u", tree)
    # What is tracked now is what the tree holds, even where the ignore rules name it.
    with _snapshot(worktree, tree) as (index, _):
        if _git(worktree, index, "write-tree").text == tree:
            return tree
    raise ProjectError(
        f"The files of {worktree.build_id} could not be made those of the checkpoint.",
        f"Something still writes in {worktree.path}, or a file there is locked; see to it and resume.",
    )


def show_as_committed(worktree: Worktree, tree: str) -> None:
    """Let a person's `git status` in the worktree compare with the checkpoint, not with what was before."""
    with _index(worktree) as index:
        _git(worktree, index, "read-tree", tree)
        if not (worktree.admin / "index.lock").exists():
            index.replace(worktree.admin / "index")


@contextmanager
def _snapshot(worktree: Worktree, tracked: str = "") -> Iterator[tuple[Path, _Listing]]:
    """Hash the files into an index of its own; `tracked` names the tree whose files count even if ignored."""
    with _index(worktree) as index:
        _git(worktree, index, "read-tree", tracked or _tracked(worktree))
        listing = _look(worktree, index)
        if listing.gone:
            zero = b"0" * len(worktree.base)
            feed = b"".join(b"0 " + zero + b"\t" + name + b"\0" for name in listing.gone)
            _git(worktree, index, "update-index", "-z", "--index-info", feed=feed)
        if listing.present:
            feed = b"".join(name + b"\0" for name in listing.present)
            # --remove only tells git to accept a file that has gone meanwhile.
            options = ("-z", "--add", "--replace", "--remove", "--stdin")
            _git(worktree, index, "update-index", *options, feed=feed)
        yield index, listing


@contextmanager
def _index(worktree: Worktree) -> Iterator[Path]:
    """Give the name of an index for one use."""
    if not worktree.admin.is_dir():
        raise ProjectError(
            f"The worktree of {worktree.build_id} is not known to git any more.",
            "Resume the build: it is made again.",
        )
    index = worktree.admin / f"qdeck.{secrets.token_hex(6)}"
    try:
        yield index
    finally:
        index.unlink(missing_ok=True)
        index.with_name(f"{index.name}.lock").unlink(missing_ok=True)


def _git(worktree: Worktree, index: Path, *arguments: str, feed: bytes | None = None) -> Output:
    return plain_git(worktree.repository, *arguments, work_tree=worktree.path, index=index, feed=feed)


def _tracked(worktree: Worktree) -> str:
    """Return the tree whose files count even where the ignore rules name them."""
    return tree_of(worktree.repository, f"refs/heads/{worktree.branch}")


def _look(worktree: Worktree, index: Path) -> _Listing:
    """List the names, tracked and untracked, and sort them by what really lies there."""
    tracked: list[bytes] = []
    submodules: set[bytes] = set()
    for entry in _git(worktree, index, "ls-files", "-s", "-z").out.split(b"\0"):
        kind, _, name = entry.partition(b"\t")
        if kind.startswith(b"160000"):
            submodules.add(name)
        elif name:
            tracked.append(name)
    ignored = ["--exclude-standard"]
    if (exclude := worktree.repository.git_dir / "info" / "exclude").is_file():
        ignored.append(f"--exclude-from={exclude}")
    others = _git(worktree, index, "ls-files", "--others", *ignored, "-z").out.split(b"\0")
    top = os.fsencode(worktree.path)
    seen: dict[bytes, bool] = {b"": True}
    present = [name for name in tracked if _is_content(top, name, seen)]
    gone = sorted(set(tracked).difference(present))
    for name in others:
        if name.endswith(b"/"):
            # Git shows a repository inside the worktree as one name.
            present.extend(_walk(top, name[:-1], seen) if name[:-1] not in submodules else ())
        elif name and name not in submodules and _is_content(top, name, seen):
            present.append(name)
    return _Listing(present, gone, [name for name, real in seen.items() if real and name])


def _is_content(top: bytes, name: bytes, seen: dict[bytes, bool]) -> bool:
    """Say whether a regular file or a link lies at `name`, with only real folders above it."""
    if not _is_folder(top, name.rpartition(b"/")[0], seen):
        return False
    try:
        mode = os.lstat(top + b"/" + name).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _is_folder(top: bytes, name: bytes, seen: dict[bytes, bool]) -> bool:
    if name not in seen:
        real = _is_folder(top, name.rpartition(b"/")[0], seen)
        with suppress(OSError):
            seen[name] = real and stat.S_ISDIR(os.lstat(top + b"/" + name).st_mode)
    return seen.setdefault(name, False)


def _walk(top: bytes, folder: bytes, seen: dict[bytes, bool]) -> Iterator[bytes]:
    """Yield the files of a repository inside the worktree: its content counts, its `.git` does not."""
    seen[folder] = True
    with suppress(OSError), os.scandir(top + b"/" + folder) as entries:
        for entry in entries:
            name = folder + b"/" + entry.name
            if entry.name.lower() == b".git":
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(top, name, seen)
            elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                yield name
