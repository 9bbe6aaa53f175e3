"""The steps of a release, each of which looks whether it was done before doing it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.engine.conclusion import short
from core.engine.files import base_of
from core.engine.grants import Grants
from core.engine.proof import Proof, objections
from core.engine.scene import Scene
from core.errors import ProjectError
from core.evidence import collect_smoke, run_configured
from core.journal.engine import MISSING
from core.machine.asking import only_asks
from core.machine.commands import Note, RecordCheckpoint, RecordEvidence, Subject
from core.machine.gates import approval_of, why_not_current
from core.machine.states import EvidenceKind, State
from core.machine.workflow import CheckpointMark, Evidence, Workflow
from core.roles.context import EngineReport
from core.workspace import (
    Blocked,
    Conflict,
    Landed,
    Repository,
    changed_files,
    commit_tree,
    is_ancestor,
    land,
    merge_commits,
    open_repository,
    remove_worktree,
    resolve,
    restore,
    revert,
    tag,
    tree_of,
)

_log = logging.getLogger("core.engine.release")

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


class Release:
    """Merges, deploys and smoke-tests the current checkpoint of a workflow."""

    def __init__(self, scene: Scene, proof: Proof) -> None:
        self._scene = scene
        self._orders = scene.orders
        self._proof = proof
        self._grants = Grants(scene)
        self._merge = ""

    async def outlook(self) -> EngineReport:
        """Return what the Release Manager should know before speaking."""
        workflow = await self._orders.workflow()
        repository = await self._repository()
        mark = current_mark(workflow)
        moved = repository.head != self._scene.files.base
        lines = [
            f"default branch: {repository.default_branch} at {repository.head[:12]}",
            "It has moved since this build began; the engine merges it in and checks everything anew."
            if moved
            else "It has not moved since this build began.",
            f"checkpoint {mark.number}, tree {mark.tree[:12]}",
        ]
        lines += [f"{e.kind.value}: {e.summary}" for e in workflow.evidence.values()]
        lines += await self._grants.told(mark.commit)
        return EngineReport("\n".join(lines), ok=True, data={"base": repository.head, "tree": mark.tree})

    async def _repository(self) -> Repository:
        """Open the project anew: its default branch may have moved since the last look."""
        known = self._scene.files.repository
        return await asyncio.to_thread(open_repository, known.path, known.default_branch)

    async def granted(self) -> list[str]:
        """Return what the deploy and the rollback command are granted for this very tree, in sentences."""
        return await self._grants.told(current_mark(await self._orders.workflow()).commit)

    # --- before the yes

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

    # --- after the yes

    async def landed(self, workflow: Workflow) -> str:
        """Return the commit of the default branch that already holds exactly our tree, or nothing."""
        mark = current_mark(workflow)
        repository = await self._repository()
        # A fork finds the merge of what it comes from, which may have been taken back since.
        gone = await asyncio.to_thread(self._scene.shop.journal.reverted, workflow.project_id)
        return await asyncio.to_thread(_find_landed, repository, self._scene.files.base, mark.tree, gone)

    async def land(self, notes: Mapping[str, Any]) -> str | Blocked | Landed | None:
        """Smoke-test the merge and move the default branch to it.

        Returns why it is red as text, what is in the way, what has landed, or None when the default branch
        moved meanwhile and everything is to be prepared anew.
        """
        workflow = await self._orders.workflow()
        if found := await self.landed(workflow):
            self._merge = found
            return Landed(found)
        mark = current_mark(workflow)
        repository = await self._repository()
        if repository.head != self._scene.files.base:
            return None
        if not approval_of(workflow, Subject.RELEASE) or workflow.release_approval != mark.tree:
            return None  # only the very tree that was approved is ever merged
        self._merge = await self._merge_commit(repository, workflow, mark, notes)
        if not self._deploys:
            smoke = await self._smoke(workflow)
            if not smoke.ok:
                await self._record(smoke)
                return objections(smoke)
        await self._scene.desk.activity(f"merging into {repository.default_branch}")
        result = await asyncio.to_thread(
            land,
            repository,
            branch=repository.default_branch,
            expected=repository.head,
            commit=self._merge,
        )
        if isinstance(result, Blocked) and (await self._repository()).head != repository.head:
            return None
        if isinstance(result, Landed):
            data = {"commit": self._merge, "branch": repository.default_branch, "tree": mark.tree}
            await self._orders.give(f"landed-{self._merge[:12]}", Note, kind="landed", data=data)
        return result

    async def _merge_commit(
        self, repository: Repository, workflow: Workflow, mark: CheckpointMark, notes: Mapping[str, Any]
    ) -> str:
        """Make the merge: the whole change as one commit on the default branch's tip, and its merge."""

        async def work() -> Any:
            summary = str(notes.get("summary", ""))
            points = "\n".join(f"- {note}" for note in notes.get("notes", ()))
            body = "\n\n".join(part for part in (summary, points, f"Build: {workflow.build_id}") if part)
            title = short(workflow.title)[:72]
            change = await asyncio.to_thread(
                commit_tree, repository, mark.tree, [repository.head], f"{title}\n\n{body}\n"
            )
            return await asyncio.to_thread(
                commit_tree,
                repository,
                mark.tree,
                [repository.head, change],
                f"Merge {workflow.build_id}: {title}\n",
            )

        made = await self._scene.steps.once(f"merge-{repository.head[:12]}-{mark.tree[:12]}", work)
        return str(made)

    @property
    def _deploys(self) -> bool:
        return bool(self._scene.bench.settings.deploy_command)

    async def _smoke(self, workflow: Workflow, earlier: tuple[str, ...] = ()) -> Evidence:
        """Run what shows that the merge works, once for each merge."""
        current = workflow.current
        merge = self._merge
        key = f"smoke-{merge[:12]}"

        async def work() -> Any:
            bench = self._scene.bench_for(key)
            requirement, plan = current.get("requirement", ""), current.get("plan", "")
            return (await collect_smoke(bench, merge, plan, requirement, earlier=earlier)).to_data()

        return Evidence.from_data(await self._scene.steps.once(key, work))

    async def deploy_and_smoke(self) -> str:
        """Tag and deploy what has landed and record its smoke evidence; return why it is red, or nothing."""
        workflow = await self._orders.workflow()
        await self._tag(workflow)
        earlier: tuple[str, ...] = ()
        if self._deploys:
            receipt_id, red = await self._deployed()
            earlier = (receipt_id,)
            if red:
                return await self._roll_back(red)
        smoke = await self._smoke(workflow, earlier)
        await self._record(smoke)
        return "" if smoke.ok else await self._roll_back(objections(smoke))

    async def _record(self, smoke: Evidence) -> None:
        evidence = replace(smoke, approved_by="", stale="")
        await self._orders.give(f"smoke-{self._merge[:12]}", RecordEvidence, evidence=evidence)

    async def _deployed(self) -> tuple[str, str]:
        """Deploy what has landed, unless it is deployed already; return the receipt and why it is red."""
        rows = await asyncio.to_thread(self._scene.shop.journal.receipts, self._orders.workflow_id)
        done = [row for row in rows if re.search(f"(deploy|rollback):{self._merge[:16]}", row.key)]
        if done and done[-1].kind == "deploy" and done[-1].data["exit_code"] == 0:
            return done[-1].receipt_id, ""
        return await self._run("deploy", self._scene.bench.settings.deploy_command)

    async def _run(self, kind: str, command: tuple[str, ...]) -> tuple[str, str]:
        """Run one configured command on what has landed; return its receipt and why it is red."""
        await self._scene.desk.activity(f"running the {kind} command")
        bench = self._scene.bench_for(f"{kind}-{self._merge[:12]}")
        given = await self._grants.given(kind, command, self._merge)
        done = await run_configured(
            bench, kind, command, self._merge, secrets=given.secrets, hosts=given.hosts
        )
        red = (
            "" if done.receipt.ok else f"the {kind} command: {done.receipt.ending}\n{done.receipt.text(2000)}"
        )
        return done.receipt_id, red

    async def _roll_back(self, red: str) -> str:
        """Take a red deployment back by itself: the configured rollback, then the merge; say what came of it.

        Without a deploy command the smoke test ran before the branch moved; nothing is to be taken back then.
        """
        if not self._deploys:
            return red
        told = [red]
        if command := self._scene.bench.settings.rollback_command:
            _, failed = await self._run("rollback", command)
            told.append(failed or "The rollback command ran and is green.")
        told.append(await self._reverted())
        return "\n".join(told)

    async def _reverted(self) -> str:
        """Revert the merge and return what to say of it."""
        repository = await self._repository()
        workflow = await self._orders.workflow()
        message = f"Revert the merge of {workflow.build_id}\n\nIts smoke test was red after the deployment.\n"
        result = await asyncio.to_thread(
            revert, repository, branch=repository.default_branch, merge=self._merge, message=message
        )
        if isinstance(result, Blocked):
            return f"The merge could not be taken back: {result.why} {result.command}"
        data = {"commit": self._merge, "by": result.commit, "branch": repository.default_branch}
        await self._orders.give(f"reverted-{self._merge[:12]}", Note, kind="reverted", data=data)
        return f"The merge was taken back on {repository.default_branch} ({result.commit[:12]})."

    async def _tag(self, workflow: Workflow) -> None:
        pattern = self._scene.settings.tag
        if not pattern:
            return
        packet = (await self._scene.packets()).get(State.DEPLOYMENT, {})
        version = str(packet.get("version") or workflow.build_id)
        name = pattern.replace("{build_id}", workflow.build_id).replace("{version}", version)
        await asyncio.to_thread(tag, self._scene.files.repository, name, self._merge)

    async def tidy_up(self) -> None:
        """Remove the worktree, which git proves to be kept in a ref. The build is complete either way."""
        try:
            await asyncio.to_thread(remove_worktree, self._scene.files.worktree)
        except (ProjectError, OSError) as error:
            _log.warning("the worktree stays: %s", error)


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
