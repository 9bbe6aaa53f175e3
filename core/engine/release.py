"""The steps of a release, each of which looks whether it was done before doing it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.engine.conclusion import short
from core.engine.grants import Grants
from core.engine.proof import Proof, objections
from core.engine.readiness import Readiness, current_mark
from core.engine.scene import Scene
from core.errors import ProjectError
from core.evidence import collect_smoke, run_configured
from core.machine.commands import Note, RecordEvidence, Subject
from core.machine.gates import approval_of
from core.machine.states import State
from core.machine.workflow import CheckpointMark, Evidence, Workflow
from core.roles.context import EngineReport
from core.workspace import (
    Blocked,
    Landed,
    Repository,
    commit_tree,
    land,
    remove_worktree,
    revert,
    tag,
)

_log = logging.getLogger("core.engine.release")


class Release(Readiness):
    """Merges, deploys and smoke-tests the current checkpoint of a workflow."""

    def __init__(self, scene: Scene, proof: Proof) -> None:
        super().__init__(scene, proof)
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

    async def granted(self) -> list[str]:
        """Return what the deploy and the rollback command are granted for this very tree, in sentences."""
        return await self._grants.told(current_mark(await self._orders.workflow()).commit)

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
