"""Deployment: what was approved is merged, deployed and smoke-tested, and nothing else.

Each step looks whether it was done before doing it, so a crash anywhere repeats no side effect: the merge is
found by its tree on the default branch, runs by their kept receipts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from core.engine.conclusion import Conclusion, keeps_attempt, reason_of
from core.engine.proof import Proof
from core.engine.release import Release
from core.engine.scene import Scene, role_context
from core.llm import check_model
from core.machine.commands import ACCEPTANCE, Approve, Authority, Note, SetCondition, Subject
from core.machine.gates import approval_of, digest_to_approve
from core.machine.states import Autonomy, State
from core.machine.transitions import Kind, Order
from core.roles import work
from core.roles.outcomes import Submit
from core.workspace import Blocked

_RACES = 5
"""How often the default branch may move while we merge before a person is asked."""
_LOOK_AGAIN = 0.5
"""Seconds between two looks whether another deployment of the project is over."""
_TOO_FAST = Blocked("The default branch moves faster than this build can be merged.", "Resume it later.")


class Deployment:
    """One attempt in deployment."""

    def __init__(self, scene: Scene, close: Callable[[], None]) -> None:
        self._scene = scene
        self._orders = scene.orders
        self._close = close
        self._conclusion = Conclusion(scene)
        self._proof = Proof(scene)
        self._release = Release(scene, self._proof)

    async def run(self) -> str:
        """Let the Release Manager speak, prepare, wait for the yes where one is due, and release."""
        notes = (await self._scene.packets()).get(State.DEPLOYMENT)
        workflow = await self._orders.workflow()
        if notes is None or not approval_of(workflow, Subject.RELEASE):
            spoken = await self._speak()
            if isinstance(spoken, str):
                return spoken
            notes = spoken.packet.to_data()
        async with self._one_at_a_time(workflow.project_id):
            return await self._carry_out(notes)

    @asynccontextmanager
    async def _one_at_a_time(self, project_id: str) -> AsyncIterator[None]:
        """Hold the journal's lock on deployments of the project; another worker's build is waited for."""
        journal, scene = self._scene.shop.journal, self._scene
        while other := await asyncio.to_thread(
            journal.take_deployment, project_id, scene.attempt_id, scene.lease
        ):
            await scene.desk.activity(f"waits for the deployment of {other}")
            await asyncio.sleep(_LOOK_AGAIN)
        try:
            yield
        finally:
            await asyncio.to_thread(journal.leave_deployment, project_id, scene.lease)

    async def _speak(self) -> Submit | str:
        """Return what the role submits, or how the attempt ended otherwise."""
        context = await role_context(
            self._scene, await self._orders.workflow(), await self._release.outlook(), self._proof.check
        )
        await asyncio.to_thread(
            check_model, context.model, context.api_base, request=context.workflow.request
        )
        outcome = await work(context)
        if isinstance(outcome, Submit):
            data = {
                "state": State.DEPLOYMENT.value,
                "attempt": self._scene.number,
                "packet": outcome.packet.to_data(),
            }
            await self._orders.give("packet", Note, kind="packet", data=data)
            return outcome
        if not keeps_attempt(outcome):
            await self._scene.files.checkpoint("end", self._scene.steps)
        self._close()
        return await self._conclusion.take(outcome)

    async def _carry_out(self, notes: Mapping[str, Any]) -> str:
        for _ in range(_RACES):
            trouble = await self._release.prepare()
            if trouble is not None and trouble.asks:
                return await self._asked(trouble.reason)
            if trouble is not None:
                return await self._back(trouble.target, trouble.reason)
            if (waiting := await self._approved_or_waits(notes)) is not None:
                return waiting
            result = await self._release.land(notes)
            if result is None:
                continue
            if isinstance(result, Blocked):
                return await self._blocked(result)
            if isinstance(result, str):
                return await self._back(State.IMPLEMENTATION, result)
            return await self._finish(notes)
        return await self._blocked(_TOO_FAST)

    async def _approved_or_waits(self, notes: Mapping[str, Any]) -> str | None:
        """Approve by policy in auto; elsewhere wait until a person has approved this very tree."""
        workflow = await self._orders.workflow()
        if approval_of(workflow, Subject.RELEASE) or await self._release.landed(workflow):
            return None
        if workflow.autonomy is Autonomy.AUTO:
            await self._orders.give(
                f"approve-{digest_to_approve(workflow, Subject.RELEASE)}",
                Approve,
                by=Authority.policy(workflow.autonomy),
                subject=Subject.RELEASE,
                digest=digest_to_approve(workflow, Subject.RELEASE),
            )
            return None
        self._close()
        summary = str(notes.get("summary", "")) or "Everything is ready to be merged."
        summary = " ".join([summary, *await self._release.granted()])
        await self._conclusion.end("prepared", summary)
        return await self._conclusion.wait(f"approval:{Subject.RELEASE.value}", summary)

    async def _asked(self, reason: str) -> str:
        """Leave single questions to a person; once they are answered this attempt goes on by itself."""
        self._close()
        await self._conclusion.end("prepared", reason)
        return await self._conclusion.wait(ACCEPTANCE, reason)

    async def _back(self, target: State, reason: str) -> str:
        self._close()
        return await self._conclusion.back(Kind.RETRY, target, reason)

    async def _blocked(self, blocked: Blocked) -> str:
        """Leave the checkout alone and show the command. The attempt stays open: a resume goes on with it."""
        reason = f"{blocked.why} {blocked.command}".strip()
        await self._orders.give(
            f"blocked:{self._scene.lease}",
            SetCondition,
            order=Order.WAIT,
            reason=reason_of(reason),
            waiting_for="person",
        )
        return "blocked"

    async def _finish(self, notes: Mapping[str, Any]) -> str:
        """Deploy and smoke what has landed, then hand in the evidence and complete."""
        red = await self._release.deploy_and_smoke()
        if red:
            return await self._back(State.IMPLEMENTATION, red)
        self._close()
        await self._conclusion.end("released", str(notes.get("summary", "")))
        ended = await self._conclusion.advance(notes, str(notes.get("summary", "")))
        if ended == Kind.ADVANCE.value:
            await self._release.tidy_up()
        return ended
