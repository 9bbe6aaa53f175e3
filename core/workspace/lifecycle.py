"""Worktrees come and go: one for each workflow, beside the user's checkout and never in it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import ProjectError
from core.workspace.git import run_git
from core.workspace.repository import Repository, resolve
from core.workspace.snapshot import make_files_equal, show_as_committed, tree_digest
from core.workspace.worktree import Worktree, in_words, remove_folder, restore_pointer

_NOTE = "qdeck.json"
_STALE_SECONDS = 3600.0
_SAFE_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*")


@in_words
def create_worktree(repo: Repository, *, build_id: str, workflow_id: str, root: Path, base: str) -> Worktree:
    """Make the workflow's worktree at `base`, or open it when it is there already.

    A creation that was cut short is done again; a folder that git has forgotten is taken up with its files; a
    folder that somebody deleted is filled again from the branch, which follows the checkpoints.
    """
    path = _path(root, build_id, workflow_id)
    commit = resolve(repo, base)
    if commit is None:
        raise ProjectError(f"The commit {base[:40]} that the build starts from is not in the repository.")
    with _alone(repo):
        admin = _find_admin(repo, path)
        if admin is not None and not (admin / _NOTE).is_file():
            # Killed before the note was written: nothing was worked on yet.
            remove_folder(path)
            remove_folder(admin)
            admin = None
        if admin is None:
            _add(repo, path, build_id, workflow_id, commit)
    return open_worktree(repo, build_id=build_id, workflow_id=workflow_id, root=root)


@in_words
def open_worktree(repo: Repository, *, build_id: str, workflow_id: str, root: Path) -> Worktree:
    """Open the worktree that `create_worktree` made."""
    path = _path(root, build_id, workflow_id)
    admin = _find_admin(repo, path)
    try:
        if admin is None:
            raise FileNotFoundError
        note = json.loads((admin / _NOTE).read_text("utf-8"))
        branch, base, owner = str(note["branch"]), str(note["base"]), str(note["workflow_id"])
    except (OSError, ValueError, KeyError, TypeError):
        owner = branch = base = ""
    if admin is None or owner != workflow_id:
        raise ProjectError(
            f"The worktree of {build_id} is not there any more.", "Resume the build: it is made again."
        )
    worktree = Worktree(repo, path, branch, base, workflow_id, build_id, admin)
    if not path.is_dir():
        if _aside(path).is_dir():
            _aside(path).rename(path)
        else:
            make_files_equal(worktree, f"refs/heads/{branch}")
    restore_pointer(worktree)
    _sweep(worktree)
    return worktree


@in_words
def remove_worktree(worktree: Worktree, *, drop_branch: bool = False) -> None:
    """Remove the files and git's record of them, once it is proved that the very tree is kept in a ref.

    With `drop_branch` its branch goes too, if its tip is kept elsewhere. Twice is as good as once.
    """
    repo = worktree.repository
    if worktree.path.is_dir() and worktree.admin.is_dir():
        listed = run_git("for-each-ref", "--format=%(tree) %(*tree)", git_dir=repo.git_dir)
        if tree_digest(worktree) not in listed.text.split():
            raise ProjectError(
                f"The worktree of {worktree.build_id} holds work that no checkpoint has kept.",
                f"It stays where it is: {worktree.path}",
            )
    remove_folder(worktree.path)
    with _alone(repo):
        if _points_to(worktree.admin, worktree.path):
            remove_folder(worktree.admin)
            with suppress(OSError):
                worktree.admin.parent.rmdir()
    branch = f"refs/heads/{worktree.branch}"
    tip = resolve(repo, branch)
    if drop_branch and tip is not None:
        kept = run_git("for-each-ref", "--contains", tip, "--format=%(refname)", git_dir=repo.git_dir)
        if any(name != branch for name in kept.text.splitlines()):
            run_git("update-ref", "-d", branch, tip, git_dir=repo.git_dir)


@contextmanager
def _alone(repo: Repository) -> Iterator[None]:
    """Keep other builds from adding or removing worktrees meanwhile: git trips over one that is half made."""
    with (repo.git_dir / "qdeck.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _path(root: Path, build_id: str, workflow_id: str) -> Path:
    for name in (build_id, workflow_id):
        if not _SAFE_ID.fullmatch(name) or len(name) > 100 or name.endswith((".", ".lock")):
            raise ProjectError(f"{name!r} cannot be the name of a build.")
    return root.resolve() / f"{build_id}-{workflow_id[:12]}"


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.found")


def _find_admin(repo: Repository, path: Path) -> Path | None:
    """Return the admin folder that git keeps for the worktree at `path`."""
    folder = repo.git_dir / "worktrees"
    others = sorted(folder.iterdir()) if folder.is_dir() else []
    return next((admin for admin in (folder / path.name, *others) if _points_to(admin, path)), None)


def _points_to(admin: Path, path: Path) -> bool:
    try:
        target = os.fsdecode((admin / "gitdir").read_bytes().removesuffix(b"\n"))
    except OSError:
        return False
    return Path(os.path.normpath(admin / target)).parent == path


def _add(repo: Repository, path: Path, build_id: str, workflow_id: str, base: str) -> None:
    """Register a worktree at `path`; files that lie there already stay as they are."""
    branch = _branch(repo, build_id, workflow_id, base)
    exists = resolve(repo, f"refs/heads/{branch}") is not None
    aside = _aside(path)
    if path.is_dir() and not aside.exists() and any(entry.name != ".git" for entry in path.iterdir()):
        path.rename(aside)
    remove_folder(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    which = (str(path), branch) if exists else ("-b", branch, str(path), base)
    run_git("worktree", "add", "--force", "--no-checkout", *which, git_dir=repo.git_dir)
    admin = _find_admin(repo, path)
    if admin is None:
        raise ProjectError(f"git made no worktree at {path}.", "Look at `git worktree list` there.")
    worktree = Worktree(repo, path, branch, base, workflow_id, build_id, admin)
    if aside.exists():
        # Noted first: from then on a crash finds them again in `open_worktree`.
        _write_note(worktree)
        remove_folder(path)
        aside.rename(path)
    else:
        show_as_committed(worktree, make_files_equal(worktree, f"refs/heads/{branch}"))
        _write_note(worktree)


def _sweep(worktree: Worktree) -> None:
    """Remove the indexes that killed workers have left behind."""
    for left in worktree.admin.glob("qdeck.*"):
        if left.name != _NOTE and time.time() - left.stat().st_mtime > _STALE_SECONDS:
            left.unlink(missing_ok=True)


def _write_note(worktree: Worktree) -> None:
    note = {
        "workflow_id": worktree.workflow_id,
        "build_id": worktree.build_id,
        "base": worktree.base,
        "branch": worktree.branch,
    }
    temporary = worktree.admin / f"{_NOTE}.new"
    temporary.write_text(json.dumps(note), "utf-8")
    temporary.replace(worktree.admin / _NOTE)


def _branch(repo: Repository, build_id: str, workflow_id: str, base: str) -> str:
    """Return the branch to work on: a longer name when another database's build has taken the short one."""
    kept = run_git(
        "for-each-ref", "--format=%(objectname)", f"refs/qdeck/{workflow_id}/", git_dir=repo.git_dir
    )
    ours = kept.text.split()
    for branch in (f"qdeck/{build_id}", f"qdeck/{build_id}-{workflow_id[:8]}"):
        tip = resolve(repo, f"refs/heads/{branch}")
        if tip is None or tip in ours or (tip == base and not _checked_out(repo, branch)):
            return branch
    return f"qdeck/{build_id}-{workflow_id}"


def _checked_out(repo: Repository, branch: str) -> bool:
    listed = run_git("worktree", "list", "--porcelain", git_dir=repo.git_dir).text
    return f"branch refs/heads/{branch}" in listed.splitlines()
