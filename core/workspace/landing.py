"""The one moment when qdeck moves a branch of the user's: forward only, and never under a checkout in use."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from core.errors import ProjectError
from core.text import clean
from core.workspace.git import decode_path, run_git
from core.workspace.repository import Repository, commit_tree, is_ancestor, resolve, tree_of

_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisect",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}


@dataclass(frozen=True, slots=True)
class Landed:
    """The branch is at `commit`. `checkout` is the user's folder whose files moved with it, if any."""

    commit: str
    checkout: Path | None = None
    already: bool = False


@dataclass(frozen=True, slots=True)
class Blocked:
    """The branch was left alone. `command` is what the user can run once the cause is gone."""

    why: str
    command: str


@dataclass(frozen=True, slots=True)
class _Checkout:
    path: Path
    git_dir: Path


def land(repo: Repository, *, branch: str, expected: str, commit: str) -> Landed | Blocked:
    """Move `branch` from `expected` forward to `commit`, or say what is in the way.

    A branch that is checked out moves only together with its files, by `git merge --ff-only`, and only when
    that checkout is clean. Nobody's ignored or untracked file is overwritten.
    """
    target, start = resolve(repo, commit), resolve(repo, expected)
    tip = resolve(repo, f"refs/heads/{branch}")
    if target is None or start is None:
        raise ProjectError(f"The commit {commit[:40]} that is to be merged is not in the repository.")
    retry = f"git -C {shlex.quote(str(repo.path))} merge --ff-only {target}"
    if tip is None:
        return Blocked(
            f"The branch {branch} is gone.", f"git -C {shlex.quote(str(repo.path))} branch {branch} {start}"
        )
    checkout = _checkout_of(repo, branch)
    if tip == target:
        return Landed(target, checkout.path if checkout else None, already=True)
    if tip != start:
        return Blocked(f"The branch {branch} has moved on since the merge was made.", retry)
    if not is_ancestor(repo, tip, target):
        return Blocked(f"The commit does not build on {branch}, so this would not be a fast-forward.", retry)
    if checkout is None:
        return _move_ref(repo, branch, tip, target, retry)
    retry = f"git -C {shlex.quote(str(checkout.path))} merge --ff-only {target}"
    why = _in_the_way(checkout) or _filtered(repo, checkout, tip, target)
    if why:
        return Blocked(why, retry)
    return _move_checkout(repo, checkout, branch, target, retry)


def revert(repo: Repository, *, branch: str, merge: str, message: str) -> Landed | Blocked:
    """Take a merge back by a commit on top of it that holds what was there before; the branch goes forward.

    Done twice it is done once. A branch that has moved on since is left alone, and the command is named.
    """
    tip, before = resolve(repo, f"refs/heads/{branch}"), resolve(repo, f"{merge}^1")
    target = resolve(repo, merge)
    if before is None or target is None:
        raise ProjectError(f"The commit {merge[:40]} is no merge that could be taken back.")
    by_hand = f"git -C {shlex.quote(str(repo.path))} revert -m 1 {target}"
    if tip is not None and tree_of(repo, tip) == tree_of(repo, before) and is_ancestor(repo, target, tip):
        return Landed(tip, already=True)
    if tip != target:
        return Blocked(f"The branch {branch} has moved on since the merge, which is still in it.", by_hand)
    undone = commit_tree(repo, tree_of(repo, before), [target], message)
    result = land(repo, branch=branch, expected=target, commit=undone)
    return Blocked(result.why, by_hand) if isinstance(result, Blocked) else result


def tag(repo: Repository, name: str, commit: str) -> None:
    """Give `commit` a tag. The same again is fine; a tag of that name elsewhere is not moved."""
    shown = clean(name, lines=False, limit=80)
    ref = f"refs/tags/{name}"
    target = resolve(repo, commit)
    if target is None:
        raise ProjectError(f"The commit {commit[:40]} that is to be tagged is not in the repository.")
    if name.startswith("-") or run_git("check-ref-format", ref, git_dir=repo.git_dir, ok=(0, 1)).code:
        raise ProjectError(f"{shown} cannot be the name of a tag.", "Choose another name for the tag.")
    there = resolve(repo, ref)
    if there == target:
        return
    if there is not None:
        raise ProjectError(
            f"The tag {shown} is on another commit already.", "Choose another name for the tag."
        )
    run_git("update-ref", ref, target, "0" * len(target), git_dir=repo.git_dir)


def _move_ref(repo: Repository, branch: str, tip: str, target: str, retry: str) -> Landed | Blocked:
    ref = f"refs/heads/{branch}"
    reason = ("-m", "qdeck: fast-forward")
    done = run_git("update-ref", *reason, ref, target, tip, git_dir=repo.git_dir, ok=(0, 1, 128))
    if done.code:
        return Blocked(f"The branch {branch} could not be moved: {_said(done.err)}", retry)
    return Landed(target)


def _move_checkout(
    repo: Repository, checkout: _Checkout, branch: str, target: str, retry: str
) -> Landed | Blocked:
    options = ("--ff-only", "--no-overwrite-ignore", "--no-verify-signatures", "--no-stat", "--quiet")
    done = run_git(
        "merge",
        *options,
        target,
        git_dir=checkout.git_dir,
        work_tree=checkout.path,
        ok=(0, 1, 2, 128),
    )
    if done.code or resolve(repo, f"refs/heads/{branch}") != target:
        return Blocked(
            f"The checkout in {checkout.path} could not be moved forward: {_said(done.err)}", retry
        )
    return Landed(target, checkout.path)


def _checkout_of(repo: Repository, branch: str) -> _Checkout | None:
    """Return the checkout that is on `branch`, also in the middle of a rebase of it."""
    for checkout in _checkouts(repo):
        names = [checkout.git_dir / "HEAD"]
        names += [checkout.git_dir / folder / "head-name" for folder in ("rebase-merge", "rebase-apply")]
        for name in names:
            try:
                words = name.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError):
                continue
            if words.removeprefix("ref: ") == f"refs/heads/{branch}":
                return checkout
    return None


def _checkouts(repo: Repository) -> list[_Checkout]:
    """Return the user's main checkout and all linked ones whose folder still exists."""
    found: list[_Checkout] = []
    bare = run_git("config", "--type=bool", "--get", "core.bare", git_dir=repo.git_dir, ok=(0, 1)).text
    own = run_git("rev-parse", "--absolute-git-dir", folder=repo.path).out.removesuffix(b"\n")
    if Path(os.fsdecode(own)).resolve() == repo.git_dir:
        found.append(_Checkout(repo.path, repo.git_dir))
    elif bare != "true":
        found.append(_Checkout(repo.git_dir.parent, repo.git_dir))
    linked = repo.git_dir / "worktrees"
    for admin in sorted(linked.iterdir()) if linked.is_dir() else []:
        try:
            pointer = os.fsdecode((admin / "gitdir").read_bytes().removesuffix(b"\n"))
        except OSError:
            continue
        path = Path(os.path.normpath(admin / pointer)).parent
        if path.is_dir():
            found.append(_Checkout(path, admin))
    return found


def _in_the_way(checkout: _Checkout) -> str:
    """Say why the files of this checkout must not be moved now, or nothing."""
    for name, what in _UNDER_WAY.items():
        if (checkout.git_dir / name).exists():
            return f"{what.capitalize()} is under way in {checkout.path}."
    options = ("--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all")
    found = run_git("status", *options, git_dir=checkout.git_dir, work_tree=checkout.path)
    changed = [entry for entry in found.out.split(b"\0") if entry]
    if changed:
        return f"There are uncommitted changes in {checkout.path} ({len(changed)})."
    return ""


def _filtered(repo: Repository, checkout: _Checkout, tip: str, target: str) -> str:
    """Say which changed file is stored through a filter such as git-lfs, which we do not run, or nothing."""
    changed = run_git("diff-tree", "-r", "--name-only", "-z", tip, target, git_dir=repo.git_dir).out
    listed = run_git(
        "check-attr",
        "-z",
        "--stdin",
        "filter",
        feed=changed,
        git_dir=checkout.git_dir,
        work_tree=checkout.path,
    )
    found = listed.out.split(b"\0")
    for path, value in zip(found[0::3], found[2::3], strict=False):
        if value not in (b"unspecified", b"unset"):
            shown = clean(decode_path(path), lines=False, limit=120)
            name = clean(value.decode("utf-8", "replace"), lines=False, limit=40)
            return f"{shown} is stored through the git filter {name}, which only your own git runs."
    return ""


def _said(error: str) -> str:
    return clean(error, lines=False, limit=300) or "git gave no reason"
