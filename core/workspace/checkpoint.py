"""Checkpoints: the whole worktree at one moment, kept under a private ref, and the way back to it."""

from __future__ import annotations

from dataclasses import dataclass

from core.workspace.git import run_git
from core.workspace.repository import Repository, commit_tree, resolve, tree_of
from core.workspace.snapshot import make_files_equal, show_as_committed, tree_digest
from core.workspace.worktree import Worktree, in_words, restore_pointer


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One kept state of a worktree. `tree` is what evidence binds to."""

    number: int
    ref: str
    commit: str
    tree: str


@in_words
def checkpoint(worktree: Worktree, *, workflow_id: str, number: int, message: str) -> Checkpoint:
    """Keep the files as they are now under `refs/qdeck/<workflow_id>/<number>`.

    The branch moves to it in the same transaction. The same files under the same number give the same
    checkpoint; when they differ, the number takes the new files and the old commit becomes its parent, so
    that nothing which was ever kept is lost.
    """
    repo = worktree.repository
    ref = checkpoint_ref(workflow_id, number)
    restore_pointer(worktree)
    tree = tree_digest(worktree)
    before = resolve(repo, ref)
    branch = f"refs/heads/{worktree.branch}"
    tip = resolve(repo, branch) or worktree.base
    if before is not None and tree_of(repo, before) == tree:
        commit = before
    else:
        parents = list(dict.fromkeys((before or tip, tip)))
        commit = commit_tree(repo, tree, parents, message)
    if commit != before or commit != tip:
        feed = f"start\nupdate {ref} {commit} {before or '0' * len(commit)}\nupdate {branch} {commit}\n"
        run_git("update-ref", "--stdin", git_dir=repo.git_dir, feed=f"{feed}prepare\ncommit\n".encode())
    show_as_committed(worktree, tree)
    return Checkpoint(number, ref, commit, tree)


@in_words
def restore(worktree: Worktree, commit: str) -> None:
    """Make the files exactly those of `commit` and the branch point to it; ignored files stay. Idempotent.

    A bare tree is taken too; the branch then stays where it is.
    """
    repo = worktree.repository
    found = resolve(repo, commit)
    tree = make_files_equal(worktree, found or commit)
    if found is not None:
        run_git("update-ref", f"refs/heads/{worktree.branch}", found, git_dir=repo.git_dir)
    show_as_committed(worktree, tree)


def adopt(repo: Repository, workflow_id: str, number: int, commit: str) -> None:
    """Keep a commit of another workflow as this one's checkpoint too. Twice is as good as once."""
    run_git("update-ref", checkpoint_ref(workflow_id, number), commit, git_dir=repo.git_dir)


def list_checkpoints(repo: Repository, workflow_id: str) -> list[Checkpoint]:
    """Return the workflow's checkpoints by number."""
    prefix = f"refs/qdeck/{workflow_id}/"
    form = "--format=%(refname) %(objectname) %(tree)"
    found: list[Checkpoint] = []
    for line in run_git("for-each-ref", form, prefix, git_dir=repo.git_dir).text.splitlines():
        ref, commit, tree = line.split(" ")
        number = ref.removeprefix(prefix)
        if number.isdecimal():
            found.append(Checkpoint(int(number), ref, commit, tree))
    return sorted(found, key=lambda one: one.number)


def checkpoint_ref(workflow_id: str, number: int) -> str:
    """Return the name of the ref that keeps a checkpoint."""
    return f"refs/qdeck/{workflow_id}/{number}"
