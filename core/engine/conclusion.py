"""From how a role's attempt ended to what becomes of its workflow. The engine gives the commands; the machine
decides them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from core.engine.scene import Scene
from core.errors import ModelFault
from core.machine.asking import only_asks, open_asks
from core.machine.commands import ACCEPTANCE, Authority, EndAttempt, Move, Note, SetCondition
from core.machine.gates import APPROVALS, approval_of
from core.machine.refusal import Reason
from core.machine.states import Autonomy, Condition, State
from core.machine.transitions import Kind, Order, Transition, transitions_from
from core.machine.workflow import AttemptPhase, Workflow
from core.roles.outcomes import Accept, Ask, Back, Failed, Outcome, Stopped, Submit
from core.service.views import Answer
from core.text import clean

_SHORT = 300
_REASON = 2_000
_PAUSES = frozenset({ModelFault.RETRYABLE, ModelFault.UNREACHABLE, ModelFault.QUOTA})
_KEEPS_ATTEMPT = frozenset(fault.value for fault in ModelFault) | {"sandbox", "project"}
"""Faults that lie outside the attempt: once they are mended it goes on from its last kept step."""


def short(text: str) -> str:
    """Return `text` as one harmless line, for a condition or a summary."""
    return clean(text, lines=False, limit=_SHORT)


def reason_of(text: str) -> str:
    """Return `text` harmless, with its lines, for the reason of a condition."""
    return clean(text, limit=_REASON).strip()


class Conclusion:
    """Gives the last commands of an attempt."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._orders = scene.orders

    async def take(self, outcome: Outcome) -> str:
        """Carry `outcome` into the journal and return it as one word."""
        match outcome:
            case Submit():
                await self._handed_in(outcome)
                return await self.advance(outcome.packet.to_data(), outcome.summary)
            case Accept():
                await self.end("accepted", outcome.notes)
                return await self._move(Kind.ACCEPT, short(outcome.notes), {"notes": outcome.notes})
            case Back():
                return await self.back(outcome.kind, outcome.target, outcome.reason)
            case Ask():
                await self.end("asked", " ".join(outcome.questions))
                return await self.wait("answer", " ".join(outcome.questions) or "The role asks a question.")
            case Stopped():
                await self.end("stopped", outcome.reason)
                await asyncio.to_thread(self._scene.shop.journal.clear_stop, self._orders.workflow_id)
                return await self.wait("answer", outcome.reason or "The turn was stopped.")
            case Failed():
                return await self.failed(outcome)

    async def _handed_in(self, outcome: Submit) -> None:
        """Keep the packet before the gate: whoever opens it may be a person, who has no packet to give."""
        data = {
            "state": self._scene.state.value,
            "attempt": self._scene.number,
            "packet": outcome.packet.to_data(),
        }
        await self._orders.give("packet", Note, kind="packet", data=data)
        await self.end("submitted", outcome.summary)

    async def end(self, outcome: str, summary: str) -> None:
        """Write down that the attempt came to its end, if it has not been."""
        workflow = await self._orders.workflow()
        if workflow.attempt_phase is AttemptPhase.ENDED:
            return
        await self._orders.give(
            "end",
            EndAttempt,
            state=self._scene.state,
            number=self._scene.number,
            outcome=outcome,
            summary=short(summary),
        )

    async def advance(self, packet: Mapping[str, Any], summary: str) -> str:
        """Go forward if the autonomy lets it, else wait for the person who may."""
        workflow = await self._orders.workflow()
        step = next(t for t in transitions_from(workflow.state) if t.kind is Kind.ADVANCE)
        asked = [kind for kind in step.needs if only_asks(workflow, kind)]
        if asked:
            count = sum(ask.kind in asked for ask in open_asks(workflow))
            what = "1 thing needs" if count == 1 else f"{count} things need"
            return await self.wait(ACCEPTANCE, f"{what} your yes or no before the gate opens.")
        if (waiting := _waits_for(workflow, step)) is not None:
            return await self.wait(waiting, short(summary))
        return await self._move(Kind.ADVANCE, short(summary), packet)

    async def back(self, kind: Kind, target: State, reason: str) -> str:
        """Send the work back. When the retry budget is spent a person decides."""
        await self.end("sent back" if kind is Kind.RETRY else "refused", reason)
        return await self._move(kind, clean(reason, limit=4_000), {"reason": reason}, target)

    async def _move(
        self, kind: Kind, reason: str, packet: Mapping[str, Any], target: State | None = None
    ) -> str:
        workflow = await self._orders.workflow()
        answer = await self._orders.give(
            "move",
            Move,
            by=_authority(workflow, kind),
            kind=kind,
            target=target,
            role=workflow.actor,
            completed=workflow.state,
            reason=reason,
            packet=dict(packet),
        )
        return await self._moved_or_waits(answer, kind)

    async def _moved_or_waits(self, answer: Answer, kind: Kind) -> str:
        if answer.refusal is None:
            return kind.value
        spent = any(missing.what == "retry budget" for missing in answer.refusal.missing)
        if answer.refusal.reason is Reason.NOT_POSSIBLE:
            return "superseded"
        if spent:
            # A count of steps back, no money: a bigger budget in dollars does not lift it.
            return await self.wait("retries", answer.refusal.text)
        return await self.wait("person", str(answer.refusal))

    async def wait(self, waiting_for: str, reason: str) -> str:
        """Leave the workflow to a person."""
        # A person's answers let the very same attempt go on, which may wait for something else then.
        await self._orders.give(
            f"wait:{self._scene.lease}",
            SetCondition,
            order=Order.WAIT,
            reason=reason_of(reason),
            waiting_for=waiting_for,
        )
        return f"waits for {waiting_for}"

    async def failed(self, outcome: Failed) -> str:
        """Say why it went no further, and keep the phase. What can be mended leaves the attempt open."""
        if outcome.fault == ModelFault.BUDGET:
            return await self._stand_still(Order.WAIT, outcome.reason, "budget")
        if not keeps_attempt(outcome):
            await self.end("failed", outcome.reason)
        return await self._stand_still(order_for(outcome.fault), outcome.reason)

    async def _stand_still(self, order: Order, reason: str, waiting_for: str = "") -> str:
        workflow = await self._orders.workflow()
        if workflow.condition is not Condition.ACTIVE:
            return "superseded"
        await self._orders.give(
            # A mended attempt goes on under its own id, and may stand still again for another reason.
            f"{order.value}:{self._scene.lease}",
            SetCondition,
            order=order,
            reason=reason_of(reason),
            waiting_for=waiting_for,
        )
        return {Order.WAIT: "waits", Order.PAUSE: "paused"}.get(order, "failed")


def _waits_for(workflow: Workflow, step: Transition) -> str | None:
    """What a person has to give before the advance, None when it may go by itself."""
    if workflow.autonomy is Autonomy.AUTO:
        return None
    lacking = [s for s in APPROVALS.get(step.id, ()) if not approval_of(workflow, s)]
    if lacking:
        return f"approval:{lacking[-1].value}"
    return "person" if workflow.autonomy is Autonomy.MANUAL else None


def _authority(workflow: Workflow, kind: Kind) -> Authority:
    """The role moves in its own name; in auto the policy does where an approval goes with it."""
    step = next((t for t in transitions_from(workflow.state) if t.kind is kind), None)
    if workflow.autonomy is Autonomy.AUTO and step is not None and step.id in APPROVALS:
        return Authority.policy(workflow.autonomy)
    return Authority.role(workflow.actor)


def keeps_attempt(outcome: Outcome) -> bool:
    """Say whether the attempt stays open: what failed lies outside of it."""
    return isinstance(outcome, Failed) and outcome.fault in _KEEPS_ATTEMPT


def order_for(fault: str) -> Order:
    """Return what a model's fault does to a workflow: it pauses where time can mend it, else it fails."""
    return Order.PAUSE if fault in _PAUSES else Order.FAIL
