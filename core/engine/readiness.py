"""What has to be so before a release is approved: the build lies on top of the default branch, proved there.

A branch that has moved meanwhile is merged in, and everything is collected anew for the merged tree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.engine.files import base_of
from core.engine.proof import Proof, objections
from core.engine.scene import Scene
from core.errors import ProjectError
from core.journal.engine import MISSING
from core.machine.asking import only_asks
from core.machine.commands import RecordCheckpoint
from core.machine.gates import why_not_current
from core.machine.states import EvidenceKind, State
from core.machine.workflow import CheckpointMark, Workflow
from core.workspace import (
    Conflict,
    Repository,
    changed_files,
    commit_tree,
    is_ancestor,
    merge_commits,
    open_repository,
    resolve,
    restore,
    tree_of,
)

_LOOK_BACK = 200
"""Commits of the default branch in which an earlier merge of the same tree is looked for."""

_RESTS_ON = (EvidenceKind.CODE, EvidenceKind.TESTS, EvidenceKind.REVIEW)
"""What must be current for the very tree that is merged, beside requirement and plan."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a release goes back, and where to; `asks` when a person can still answer what is red."""

    target: State
    reason: str
    asks: bool = False


def current_mark(workflow: Workflow) -> CheckpointMark:
    """Return the checkpoint that the evidence of the workflow rests on."""
    mark = workflow.mark(workflow.checkpoint)
    if mark is None:
        raise ProjectError(f"{workflow.build_id} has no checkpoint to release.", "Roll it back.")
    return mark


class Readiness:
    """Looks whether a build may be released as it is, and makes it so where the engine can."""

    def __init__(self, scene: Scene, proof: Proof) -> None:
        self._scene = scene
        self._orders = scene.orders
        self._proof = proof

    async def _repository(self) -> Repository:
        """Open the project anew: its default branch may have moved since the last look."""
        known = self._scene.files.repository
        return await asyncio.to_thread(open_repository, known.path, known.default_branch)

    async def landed(self, workflow: Workflow) -> str:
        """Return the commit of the default branch that already holds exactly our tree, or nothing."""
        mark = current_mark(workflow)
        repository = await self._repository()
        # A fork finds the merge of what it comes from, which may have been taken back since.
        gone = await asyncio.to_thread(self._scene.shop.journal.reverted, workflow.project_id)
        return await asyncio.to_thread(_find_landed, repository, self._scene.files.base, mark.tree, gone)

    async def prepare(self) -> Trouble | None:
        """Make the checkpoint one that lies on top of the default branch, with all its evidence current."""
        repository = await self._repository()
        workflow = await self._orders.workflow()
        mark = current_mark(workflow)
        self._scene.files.repository = repository
        if await self.landed(workflow):
            return None
        if await asyncio.to_thread(is_ancestor, repository, repository.head, mark.commit):
            self._scene.files.base = await asyncio.to_thread(
                base_of, repository, self._scene.files.worktree, mark.commit
            )
            return await self._proved(mark, await self._merged_in(repository))
        await self._scene.desk.activity(f"merging {repository.default_branch} into the build")
        return await self._integrate(repository, workflow, mark)

    async def _integrate(
        self, repository: Repository, workflow: Workflow, mark: CheckpointMark
    ) -> Trouble | None:
        """The default branch has moved: merge it in and collect everything anew on the merged tree."""
        key = f"merged-{repository.head[:12]}"

        async def work() -> Any:
            return await asyncio.to_thread(self._merge_base_in, repository, workflow, mark)

        kept = await self._scene.steps.once(key, work)
        merged = CheckpointMark.from_data(kept["mark"])
        self._scene.files.base = repository.head
        if kept["ref"]:
            await self._orders.give(key, RecordCheckpoint, mark=merged, ref=kept["ref"], data=kept["data"])
        if kept["conflict"]:
            return Trouble(State.IMPLEMENTATION, _conflict_text(repository, kept))
        return await self._proved(merged, kept["touched"])

    async def _merged_in(self, repository: Repository) -> list[str] | None:
        """The files of this build that an earlier look merged in, None where nothing was merged in."""
        key = f"merged-{repository.head[:12]}"
        kept = await asyncio.to_thread(self._scene.shop.journal.step_result, self._scene.attempt_id, key)
        return None if kept is MISSING else list(kept.get("touched", ()))

    def _merge_base_in(
        self, repository: Repository, workflow: Workflow, mark: CheckpointMark
    ) -> dict[str, Any]:
        files = self._scene.files
        message = f"Merge {repository.default_branch} into {workflow.build_id}"
        merged = merge_commits(repository, ours=repository.head, theirs=mark.commit, message=message)
        if isinstance(merged, Conflict):
            return self._with_markers(repository, workflow, mark, merged)
        own = {change.path for change in changed_files(repository, files.base, mark.commit)}
        theirs = {change.path for change in changed_files(repository, mark.commit, merged)}
        restore(files.worktree, merged)
        files.base = repository.head
        made = files.keep(workflow, f"{workflow.build_id}: {repository.default_branch} merged in")
        return {**made, "conflict": [], "touched": sorted(own & theirs)}

    def _with_markers(
        self, repository: Repository, workflow: Workflow, mark: CheckpointMark, conflict: Conflict
    ) -> dict[str, Any]:
        """Put the half-made merge into the worktree, where the Code Writer can solve it."""
        if not conflict.tree:
            return {"mark": mark.to_data(), "ref": "", "data": {}, "conflict": list(conflict.files)}
        files = self._scene.files
        message = f"{workflow.build_id}: {repository.default_branch} merged in, with conflicts"
        half = commit_tree(repository, conflict.tree, [repository.head, mark.commit], message)
        restore(files.worktree, half)
        files.base = repository.head
        return {**files.keep(workflow, message), "conflict": list(conflict.files)}

    async def _proved(self, mark: CheckpointMark, touched: list[str] | None) -> Trouble | None:
        """Make sure that all evidence counts for this very tree; what does not is collected anew here.

        The checklist was given for other files unless the default branch alone brought new ones: `touched`
        names those of this build that it changed, None says that nothing was merged in.
        """
        await self._scene.hear_answers()
        key = f"release-{mark.tree[:12]}"
        for kind in _RESTS_ON:
            if not why_not_current(await self._orders.workflow(), kind):
                continue
            if kind is EvidenceKind.CODE:
                await self._proof.code(mark, key)
            elif kind is EvidenceKind.TESTS:
                await self._proof.tests(mark, key)
            elif (back := self._checklist_lost(await self._orders.workflow(), mark, touched)) is not None:
                return back
            else:
                await self._proof.review_again(mark, key)
            if trouble := await self._red(kind):
                return trouble
        return None

    def _checklist_lost(
        self, workflow: Workflow, mark: CheckpointMark, touched: list[str] | None
    ) -> Trouble | None:
        """Say why the reviewer has to look again; None when what they have seen is what is there."""
        review = workflow.evidence.get(EvidenceKind.REVIEW)
        if touched:
            named = ", ".join(touched)
            return Trouble(
                State.VERIFICATION, f"The moved default branch changed files of this build: {named}."
            )
        if review is None or (touched is None and review.rests_on.get("tree") != mark.tree):
            return Trouble(State.VERIFICATION, "The files have changed since they were reviewed.")
        return None

    async def _red(self, kind: EvidenceKind) -> Trouble | None:
        workflow = await self._orders.workflow()
        why = why_not_current(workflow, kind)
        if not why:
            return None
        piece = workflow.evidence.get(kind)
        text = (objections(piece) if piece else "") or why
        reason = f"What would be merged is not proved: {text}"
        return Trouble(State.IMPLEMENTATION, reason, only_asks(workflow, kind))


def _conflict_text(repository: Repository, kept: Mapping[str, Any]) -> str:
    told = (
        f"{repository.default_branch} has moved to {repository.head[:12]} and changes the same lines of "
        f"{', '.join(kept['conflict'])}. "
    )
    if kept["ref"]:
        return told + "These files now hold both sides between conflict markers: solve them."
    return told + "Build the change on what these files say there now."


def _find_landed(repository: Repository, base: str, tree: str, gone: set[str]) -> str:
    """Look on the default branch, from its tip back to the base, for the commit that holds the tree.

    What was merged and taken back, `gone`, is not there any more.
    """
    for step in range(_LOOK_BACK):
        commit = resolve(repository, f"{repository.head}~{step}")
        if commit is None or commit == base or commit in gone:
            return ""
        if tree_of(repository, commit) == tree:
            return commit
    return ""
