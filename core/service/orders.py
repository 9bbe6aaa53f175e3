"""What the verbs of people mean in the machine's commands. Only plans: the machine decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlmodel import Session

from core.journal.chain import digest
from core.journal.tables import Message
from core.machine.commands import (
    Approve,
    Authority,
    AuthorityKind,
    Command,
    Move,
    Note,
    Say,
    SetCondition,
    Subject,
)
from core.machine.gates import approval_of, digest_to_approve, why_not_current
from core.machine.refusal import Missing, Reason, Refusal
from core.machine.states import (
    FINAL,
    STATES,
    Condition,
    EvidenceKind,
    Role,
    State,
    StateKind,
    state_title,
)
from core.machine.transitions import CONDITION_ALLOWS, Kind, default_target, transition_between
from core.machine.transitions import Order as ConditionOrder
from core.machine.workflow import Workflow
from core.service.commands import Plan, Refused
from core.service.sentences import role_title
from core.text import MESSAGE_LIMIT

BUDGET_LIMIT = 1_000_000
"""US dollars that one workflow may be given; a larger number is a mistake."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What all commands of one order share."""

    command_id: str
    by: Authority
    at: datetime
    expected_version: int | None = None

    def fields(self, workflow: Workflow, *, first: bool = True) -> dict[str, Any]:
        """Return the shared fields; a command after the first one follows its own forerunner."""
        given = self.expected_version if first else None
        return {
            "command_id": self.command_id,
            "workflow_id": workflow.workflow_id,
            "expected_version": workflow.version if given is None else given,
            "by": self.by,
            "at": self.at,
        }


@dataclass(frozen=True, slots=True)
class Spoken:
    """A person's words on their way into a command and into the chat."""

    text: str
    by: Authority
    at: datetime
    message_id: str = field(default_factory=lambda: uuid4().hex)

    def keep(self, session: Session, workflow: Workflow) -> None:
        """Write the message down, to the role that acted when it was said."""
        session.add(
            Message(
                message_id=self.message_id,
                workflow_id=workflow.workflow_id,
                attempt_id=workflow.attempt_id,
                key=self.message_id,
                state=workflow.state.value,
                role=workflow.actor.value,
                author=str(self.by),
                kind="text",
                text=self.text,
                data={},
                at=self.at,
            )
        )


def advance(
    frame: Frame,
    workflow: Workflow,
    *,
    role: Role | None,
    completed: State | None,
    packet: Mapping[str, Any],
    target: State | None,
    reason: str,
) -> Plan:
    """One step forward: advance, accept, or the approval of the release."""
    if frame.by.kind is AuthorityKind.PERSON and completed in (None, workflow.state):
        subject = Subject.RELEASE
        if target in (None, FINAL) and _release_first(workflow):
            wanted = digest_to_approve(workflow, subject)
            yield Approve(**frame.fields(workflow), subject=subject, digest=wanted, reason=reason)
            return
    handoff = STATES[workflow.state].kind is StateKind.HANDOFF
    first = True
    if packet and not handoff:
        # What the engine took from the role goes on, since evidence and approvals rest on that; a face's
        # words stand beside it and never in its place.
        fields: dict[str, Any] = {**frame.fields(workflow), "by": Authority.engine(str(frame.by))}
        data = {"state": workflow.state.value, "by": str(frame.by), "result": dict(packet)}
        workflow = yield Note(**fields, kind="phase_result", data=data)
        packet, first = {}, False
    yield Move(
        **frame.fields(workflow, first=first),
        kind=Kind.ACCEPT if handoff else Kind.ADVANCE,
        target=target,
        role=role,
        completed=completed,
        packet=packet,
        reason=reason,
    )


def _release_first(workflow: Workflow) -> bool:
    """In deployment a person's yes comes before the merge, and complete only after its smoke test."""
    return (
        workflow.state is State.DEPLOYMENT
        and not approval_of(workflow, Subject.RELEASE)
        and bool(why_not_current(workflow, EvidenceKind.SMOKE))
    )


def retry(frame: Frame, workflow: Workflow, *, reason: str, target: State | None, spoken: Spoken) -> Plan:
    """Back to an earlier phase, as the table says; where it has no way back, the same phase once more."""
    by_person = frame.by.kind is AuthorityKind.PERSON
    over = workflow.state is FINAL or workflow.condition is Condition.CANCELLED
    if by_person and not over and _same_phase(workflow, target):
        yield from _once_more(frame, workflow, reason, spoken)
        return
    handoff = STATES[workflow.state].kind is StateKind.HANDOFF
    kind = Kind.REFUSE if handoff else Kind.RETRY
    yield Move(**frame.fields(workflow), kind=kind, target=target, reason=reason)


def _same_phase(workflow: Workflow, target: State | None) -> bool:
    if target is not None:
        return target is workflow.state
    # A failed attempt is first of all to be tried again; discovery and planning have no retry in the table.
    if workflow.condition is Condition.FAILED:
        return True
    ways = (default_target(workflow.state, kind) for kind in (Kind.RETRY, Kind.REFUSE))
    return not any(ways)


def _once_more(frame: Frame, workflow: Workflow, reason: str, spoken: Spoken) -> Plan:
    if workflow.condition is Condition.ACTIVE and not reason:
        raise Refused(
            Refusal(
                Reason.NOT_READY,
                f"The {role_title(workflow.actor)} is at work on {state_title(workflow.state)} already.",
                (Missing("reason", "none was given", str(frame.by)),),
                hint="Say what should be different, or wait for the result.",
            )
        )
    first = True
    if reason:
        workflow = yield Say(
            **frame.fields(workflow), message_id=spoken.message_id, text_digest=digest(spoken.text)
        )
        first = False
    if workflow.condition is not Condition.ACTIVE:
        yield SetCondition(
            **frame.fields(workflow, first=first), order=ConditionOrder.RESUME, reason=reason or "tried again"
        )


def rollback(frame: Frame, workflow: Workflow, *, target: State, reason: str, checkpoint: int | None) -> Plan:
    """Back to an earlier phase with files, conversations and reservations."""
    found = transition_between(workflow.state, target)
    stale = frame.expected_version not in (None, workflow.version)
    keeps = found is not None and found.kind in (Kind.RETRY, Kind.REFUSE)
    if found and keeps and not stale and found.kind in CONDITION_ALLOWS[workflow.condition]:
        raise Refused(
            Refusal(
                Reason.NOT_POSSIBLE,
                f"From {state_title(workflow.state)} to {state_title(target)} goes a {found.kind.value} "
                f"({found.id}), which keeps the files.",
                path=(found.id,),
                hint="Use retry, or roll back to an earlier phase.",
            )
        )
    yield Move(
        **frame.fields(workflow), kind=Kind.ROLLBACK, target=target, reason=reason, checkpoint=checkpoint
    )


def condition(frame: Frame, workflow: Workflow, *, order: ConditionOrder, reason: str) -> Plan:
    """Pause, resume or cancel."""
    yield SetCondition(**frame.fields(workflow), order=order, reason=reason)


def say(frame: Frame, workflow: Workflow, spoken: Spoken) -> Plan:
    """A person's words to the active role; the machine wakes a workflow that waits for them."""
    if not spoken.text.strip():
        raise Refused(Refusal(Reason.NOT_READY, "There is nothing to send.", hint="Write a message first."))
    if len(spoken.text) > MESSAGE_LIMIT:
        raise Refused(
            Refusal(
                Reason.NOT_POSSIBLE,
                f"The message has {len(spoken.text):,} characters; {MESSAGE_LIMIT:,} are the most.",
                hint="Put it into a file of the repository and name the file.",
            )
        )
    yield Say(**frame.fields(workflow), message_id=spoken.message_id, text_digest=digest(spoken.text))


def heard(before: Workflow | None, workflow: Workflow) -> str:
    """Return what becomes of a person's words, for the answer."""
    role = role_title(workflow.actor)
    if workflow.condition is not Condition.ACTIVE:
        return f"Kept for the {role}; {workflow.build_id} is {workflow.condition.value}."
    if before is not None and before.condition is Condition.WAITING:
        return f"The {role} goes on with what you said."
    return f"Told the {role}, who takes it up at the next step."


def budget(frame: Frame, workflow: Workflow, *, budget_usd: float | None) -> Plan:
    """Another limit for the money; a workflow that waits for it goes on."""
    if frame.by.kind is not AuthorityKind.PERSON:
        raise Refused(Refusal(Reason.NOT_YOURS, "Only a person changes a budget."))
    check_budget(budget_usd)
    fields: dict[str, Any] = {**frame.fields(workflow), "by": Authority.engine(str(frame.by))}
    data = {"budget_usd": budget_usd, "by": str(frame.by)}
    workflow = yield Note(**fields, kind="budget", data=data)
    if workflow.condition is Condition.WAITING and workflow.waiting_for == "budget":
        yield SetCondition(
            **frame.fields(workflow, first=False),
            order=ConditionOrder.RESUME,
            reason="the budget was changed",
        )


def check_budget(budget_usd: float | None) -> None:
    """Refuse what is no amount of money. Raises Refused."""
    if budget_usd is not None and not 0 <= budget_usd <= BUDGET_LIMIT:
        raise Refused(
            Refusal(
                Reason.NOT_POSSIBLE,
                f"A budget of {budget_usd} US dollars is none.",
                hint=f"Give an amount from 0 to {BUDGET_LIMIT:,}, or none for no limit.",
            )
        )


def given(command: Command) -> Plan:
    """The one command that somebody made themselves."""
    yield command
