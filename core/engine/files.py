"""The files of one workflow: its worktree, its checkpoints, and what a rollback brings back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from core.engine.orders import Orders
from core.engine.steps import JournalSteps
from core.errors import ProjectError
from core.journal.engine import EngineJournal
from core.machine.commands import Note, RecordCheckpoint
from core.machine.workflow import CheckpointMark, Workflow
from core.workspace import (
    Checkpoint,
    Repository,
    Worktree,
    changed_files,
    checkpoint,
    create_worktree,
    diff,
    is_ancestor,
    list_checkpoints,
    merge_base,
    resolve,
    restore,
    tree_digest,
)

_CHANGES_SHOWN = 200


class Files:
    """A workflow's worktree and the checkpoints made of it. All git runs in threads."""

    def __init__(
        self, repository: Repository, worktree: Worktree, orders: Orders, journal: EngineJournal, base: str
    ) -> None:
        self.repository = repository
        self.worktree = worktree
        self.base = base
        """The commit of the default branch that the files are built on."""
        self._orders = orders
        self._journal = journal

    @classmethod
    async def open(
        cls, repository: Repository, workflow: Workflow, orders: Orders, journal: EngineJournal, root: Path
    ) -> Files:
        """Open the workflow's worktree; it is made at the first time, and again when it was swept away."""
        worktree, base = await asyncio.to_thread(_open, repository, workflow, root)
        return cls(repository, worktree, orders, journal, base)

    async def begin(self, workflow: Workflow) -> None:
        """Record checkpoint 0, the tree that everything starts from."""
        if workflow.checkpoints:
            return
        kept = await asyncio.to_thread(
            checkpoint,
            self.worktree,
            workflow_id=workflow.workflow_id,
            number=0,
            message=f"{workflow.build_id}: the start",
        )
        mark = CheckpointMark(0, kept.commit, kept.tree, workflow.state, workflow.attempt)
        data = {"base": self.base}
        await self._orders.give("checkpoint-0", RecordCheckpoint, mark=mark, ref=kept.ref, data=data)

    async def bring_back(self, workflow: Workflow) -> None:
        """Make the files those of the checkpoint that a rollback ordered. May be repeated at any time."""
        if workflow.restore is None:
            return
        mark = workflow.mark(workflow.restore)
        if mark is None:
            raise ProjectError(
                f"Checkpoint {workflow.restore} of {workflow.build_id} is not known; nothing was restored.",
                "Roll back to another checkpoint.",
            )
        tree = await asyncio.to_thread(tree_digest, self.worktree)
        if tree != mark.tree:
            await self._keep_before_restore(workflow, tree)
            await asyncio.to_thread(restore, self.worktree, mark.commit)
            tree = await asyncio.to_thread(tree_digest, self.worktree)
        if tree != mark.tree:
            raise ProjectError(
                f"The files of {workflow.build_id} could not be brought back to checkpoint {mark.number}.",
                f"Look at {self.worktree.path}: something there cannot be written.",
            )

    async def _keep_before_restore(self, workflow: Workflow, tree: str) -> None:
        """What stands in the worktree is kept in a ref before a rollback overwrites it."""
        if any(mark.tree == tree for mark in workflow.checkpoints):
            return
        number = await asyncio.to_thread(self._next_number, workflow)
        kept = await asyncio.to_thread(
            checkpoint,
            self.worktree,
            workflow_id=workflow.workflow_id,
            number=number,
            message=f"{workflow.build_id}: before the rollback to checkpoint {workflow.restore}",
        )
        data = {"ref": kept.ref, "commit": kept.commit, "tree": kept.tree, "restored": workflow.restore}
        await self._orders.give(f"kept-{kept.tree}", Note, kind="kept_before_rollback", data=data)

    def _next_number(self, workflow: Workflow) -> int:
        used = [mark.number for mark in workflow.checkpoints]
        used += [kept.number for kept in list_checkpoints(self.repository, workflow.workflow_id)]
        return max(used, default=-1) + 1

    async def checkpoint(self, key: str, steps: JournalSteps) -> CheckpointMark:
        """Keep the worktree as it stands and record it, unless it is what the last checkpoint holds."""

        async def work() -> dict[str, Any]:
            workflow = await self._orders.workflow()
            return await asyncio.to_thread(self._make, workflow)

        kept = await steps.once(f"{key}-checkpoint", work)
        mark = CheckpointMark.from_data(kept["mark"])
        if kept["ref"]:
            await self._orders.give(
                f"{key}-checkpoint", RecordCheckpoint, mark=mark, ref=kept["ref"], data=kept["data"]
            )
        return mark

    def _make(self, workflow: Workflow) -> dict[str, Any]:
        last = workflow.mark(workflow.checkpoint)
        if last is not None and tree_digest(self.worktree) == last.tree:
            return {"mark": last.to_data(), "ref": "", "data": {}}
        return self.keep(workflow, f"{workflow.build_id}: {workflow.state.value}, attempt {workflow.attempt}")

    def keep(self, workflow: Workflow, message: str) -> dict[str, Any]:
        """Make a checkpoint under the next number and return what is recorded of it."""
        kept = checkpoint(
            self.worktree,
            workflow_id=workflow.workflow_id,
            number=self._next_number(workflow),
            message=message,
        )
        mark = CheckpointMark(kept.number, kept.commit, kept.tree, workflow.state, workflow.attempt)
        return {"mark": mark.to_data(), "ref": kept.ref, "data": self.describe(kept.commit)}

    def describe(self, commit: str) -> dict[str, Any]:
        """Return what people are shown of a checkpoint: its diff from the base and the counts of it."""
        base = self.base
        changes = changed_files(self.repository, base, commit)
        text = diff(self.repository, base, commit)
        return {
            "base": base,
            "diff_digest": self._journal.put_artifact(text.encode("utf-8", "surrogateescape"), "text/x-diff"),
            "diffstat": {
                "files": len(changes),
                "added": sum(change.added for change in changes),
                "removed": sum(change.removed for change in changes),
                "changes": [
                    {"path": c.path, "status": c.status, "added": c.added, "removed": c.removed}
                    for c in changes[:_CHANGES_SHOWN]
                ],
            },
        }


def _open(repository: Repository, workflow: Workflow, root: Path) -> tuple[Worktree, str]:
    start = workflow.base_commit or repository.head
    if resolve(repository, start) is None:
        raise ProjectError(
            f"The commit {start[:12]} that {workflow.build_id} started from is gone from the repository.",
            "Bring it back, or start the build again.",
        )
    worktree = create_worktree(
        repository, build_id=workflow.build_id, workflow_id=workflow.workflow_id, root=root, base=start
    )
    mark = workflow.mark(workflow.checkpoint)
    return worktree, base_of(repository, worktree, mark.commit) if mark else worktree.base


def base_of(repository: Repository, worktree: Worktree, commit: str) -> str:
    """Return the newest commit of the default branch that `commit` is built on.

    It is where the workflow started, until the default branch moved and was merged in. A default branch that
    was rewritten since does not take the start away.
    """
    if resolve(repository, commit) is None:
        return worktree.base
    found = merge_base(repository, repository.head, commit)
    return found if is_ancestor(repository, worktree.base, found) else worktree.base


def as_checkpoint(workflow_id: str, mark: CheckpointMark) -> Checkpoint:
    """Return a recorded checkpoint as the workspace knows it."""
    return Checkpoint(mark.number, f"refs/qdeck/{workflow_id}/{mark.number}", mark.commit, mark.tree)
