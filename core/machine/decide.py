"""Say what a command does to a workflow, without doing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.machine.commands import (
    Approve,
    Authority,
    AuthorityKind,
    BeginAttempt,
    Command,
    EndAttempt,
    Move,
    Note,
    RecordCheckpoint,
    RecordEvidence,
    Say,
    SetCondition,
    Start,
    Subject,
)
from core.machine.events import Event, EventType
from core.machine.gates import APPROVALS, approval_of, digest_to_approve, gate, missing
from core.machine.refusal import Missing, Reason, Refusal
from core.machine.states import FINAL, Autonomy, Condition, EvidenceKind, Role, State
from core.machine.transitions import (
    BACK,
    CONDITION_ALLOWS,
    USER,
    Kind,
    Order,
    Transition,
    default_target,
    shortest_path,
    transition_between,
    transitions_from,
)
from core.machine.workflow import AttemptPhase, Workflow

Decision = list[Event] | Refusal


def decide(workflow: Workflow | None, command: Command) -> Decision:
    """Return the events that `command` causes, in order, or a refusal that says why and what would help.

    `workflow` is the stored one, None before its start. Raises TypeError for a command that nobody knows.
    """
    if isinstance(command, Start):
        return _start(workflow, command)
    if workflow is None:
        return Refusal(Reason.NOT_POSSIBLE, "There is no such workflow.")
    if command.expected_version != workflow.version:
        return Refusal(
            Reason.STALE,
            f"{workflow.build_id} has changed since you looked (version {workflow.version}, "
            f"you saw {command.expected_version}). Nothing was done.",
            hint="Look again, then decide.",
        )
    match command:
        case Move():
            return _move(workflow, command)
        case Approve():
            return _approve(workflow, command)
        case SetCondition():
            return _set_condition(workflow, command)
        case Say():
            return _say(workflow, command)
        case RecordEvidence() | RecordCheckpoint() | BeginAttempt() | EndAttempt() | Note():
            return _record(workflow, command)
        case _:
            raise TypeError(f"no rule for {type(command).__name__}")


def move_refusal(
    workflow: Workflow, transition: Transition, by: Authority, *, reason_given: bool = True
) -> Refusal | None:
    """Return why `by` may not make `transition` now, or None when they may."""
    kind = transition.kind
    if kind not in CONDITION_ALLOWS[workflow.condition]:
        return _condition_refusal(workflow, kind)
    if not (why := _why_not_yours(workflow, transition, by)):
        pass
    else:
        return Refusal(Reason.NOT_YOURS, why, path=(transition.id,), hint=_who_may(transition))
    if kind in BACK and not reason_given:
        return Refusal(
            Reason.NOT_READY,
            f"Going back to {transition.target.value} needs a reason.",
            (Missing("reason", "none was given", str(by)),),
            (transition.id,),
            "Say what is wrong, so that the next attempt can do better.",
        )
    if (
        kind in BACK
        and by.kind is not AuthorityKind.PERSON
        and workflow.retries_used >= workflow.retry_budget
    ):
        return Refusal(
            Reason.NOT_READY,
            f"The retry budget of {workflow.retry_budget} is spent.",
            (Missing("retry budget", "spent; a person decides how to go on", "a person"),),
            (transition.id,),
            "A person can retry, roll back or cancel.",
        )
    items = gate(workflow, transition)
    open_items = tuple(
        i for i in items if not (i.what.startswith("approval of ") and _approves(workflow, by))
    )
    if lacking := missing(open_items):
        return Refusal(
            Reason.NOT_READY,
            f"The gate to {transition.target.value} is closed.",
            lacking,
            tuple(t.id for t in shortest_path(workflow.state, transition.target)),
        )
    return None


def _approves(workflow: Workflow, by: Authority) -> bool:
    """Say whether an advance ordered by `by` carries the approvals that the gate asks for."""
    if by.kind is AuthorityKind.PERSON:
        return True
    return by.kind is AuthorityKind.POLICY and workflow.autonomy is Autonomy.AUTO


def _why_not_yours(workflow: Workflow, transition: Transition, by: Authority) -> str:
    match by.kind:
        case AuthorityKind.PERSON:
            return ""
        case AuthorityKind.ENGINE:
            return "The engine records; it does not move a workflow in its own name."
        case AuthorityKind.ROLE if transition.actor is None:
            return "Only a person may roll back."
        case AuthorityKind.ROLE if by.name != transition.actor:
            return f"{transition.id} belongs to the {_title(transition.actor)}, not to {by.name}."
        case AuthorityKind.POLICY if by.name != workflow.autonomy.value:
            return f"This workflow's autonomy is {workflow.autonomy.value}, not {by.name}."
        case AuthorityKind.POLICY if transition.kind is Kind.ROLLBACK:
            return "Only a person may roll back."
        case AuthorityKind.POLICY if workflow.autonomy is Autonomy.MANUAL:
            return "In manual nothing moves by policy."
    if transition.kind is not Kind.ADVANCE:
        return ""
    if workflow.autonomy is Autonomy.MANUAL:
        return "In manual every advance waits for a person."
    if (
        by.kind is AuthorityKind.POLICY
        and workflow.autonomy is Autonomy.GATED
        and any(not approval_of(workflow, s) for s in APPROVALS.get(transition.id, ()))
    ):
        return f"In gated a person approves before {transition.target.value}."
    return ""


def _who_may(transition: Transition) -> str:
    who = f"the {_title(transition.actor)} or a person" if transition.actor else "a person"
    return f"{transition.id} may be ordered by {who}."


def _title(role: Role | None) -> str:
    return "person" if role is None else role.value.replace("_", " ")


def _start(workflow: Workflow | None, command: Start) -> Decision:
    if workflow is not None:
        return Refusal(Reason.NOT_POSSIBLE, f"{workflow.build_id} has already started.")
    if not command.request.strip():
        return Refusal(
            Reason.NOT_READY, "The request is empty.", hint="Say in a sentence what should be built."
        )
    data = {
        "build_id": command.build_id,
        "project_id": command.project_id,
        "title": command.title,
        "request": command.request,
        "autonomy": command.autonomy.value,
        "retry_budget": command.retry_budget,
        "base_commit": command.base_commit,
        "parent": command.parent,
        "settings": dict(command.settings),
    }
    return [_event(command, EventType.STARTED, data)]


def _event(command: Command, event_type: EventType, data: Mapping[str, Any]) -> Event:
    return Event(event_type, command.workflow_id, command.at, str(command.by), data)


def _move(workflow: Workflow, command: Move) -> Decision:
    if command.completed is not None and command.completed is not workflow.state:
        return Refusal(
            Reason.STALE,
            f"{workflow.build_id} stands in {workflow.state.value}, not in {command.completed.value}. "
            "Nothing was done.",
            hint="Look again, then decide.",
        )
    found = _named(workflow, command)
    if isinstance(found, Refusal):
        return found
    if command.role is not None and found.actor is not None and command.role is not found.actor:
        return Refusal(
            Reason.NOT_YOURS,
            f"{found.id} belongs to the {_title(found.actor)}, not to the {_title(command.role)}.",
            path=(found.id,),
            hint=_who_may(found),
        )
    refusal = move_refusal(workflow, found, command.by, reason_given=bool(command.reason.strip()))
    if refusal:
        return refusal
    restored: dict[str, Any] = {}
    if found.kind is Kind.ROLLBACK:
        number = command.checkpoint
        if number is None:
            number = workflow.entered_at.get(found.target, 0)
        mark = workflow.mark(number)
        if mark is None and workflow.checkpoints:
            return Refusal(
                Reason.NOT_POSSIBLE, f"There is no checkpoint {number}.", hint="Choose one of the timeline."
            )
        restored = {"checkpoint": number, "tree": mark.tree if mark else ""}
    moved = {
        "transition": found.id,
        "from": found.source.value,
        "to": found.target.value,
        "kind": found.kind.value,
        "actor": found.actor.value if found.actor else USER,
        "automatic": command.by.kind is not AuthorityKind.PERSON,
        "reason": command.reason,
        "packet": dict(command.packet),
        **restored,
    }
    approvals = _approvals(workflow, found, command) if found.kind is Kind.ADVANCE else []
    return [*approvals, _event(command, EventType.MOVED, moved)]


def _named(workflow: Workflow, command: Move) -> Transition | Refusal:
    """Find the transition that the command names."""
    if workflow.state is FINAL:
        return Refusal(Reason.NOT_POSSIBLE, f"{workflow.build_id} is complete; nothing moves it any more.")
    target = command.target
    if target is None and command.kind is not None:
        target = default_target(workflow.state, command.kind)
        if target is None:
            return _no_such_kind(workflow, command.kind)
    if target is None:
        return Refusal(Reason.NOT_POSSIBLE, "The move names neither a target nor a kind.")
    found = transition_between(workflow.state, target)
    if found is None or (command.kind is not None and found.kind is not command.kind):
        path = shortest_path(workflow.state, target)
        way = ", then ".join(f"{t.id} to {t.target.value}" for t in path)
        kind = f" by {command.kind.value}" if found and command.kind else ""
        return Refusal(
            Reason.NOT_POSSIBLE,
            f"There is no way from {workflow.state.value} to {target.value}{kind}.",
            path=tuple(t.id for t in path),
            hint=f"The shortest legal way is {way}." if way and not kind else "",
        )
    return found


def _no_such_kind(workflow: Workflow, kind: Kind) -> Refusal:
    legal = transitions_from(workflow.state)
    ways = ", ".join(f"{t.kind.value} to {t.target.value} ({t.id})" for t in legal)
    return Refusal(
        Reason.NOT_POSSIBLE,
        f"There is no {kind.value} from {workflow.state.value}.",
        path=tuple(t.id for t in legal[:1]),
        hint=f"From here: {ways}.",
    )


def _approvals(workflow: Workflow, transition: Transition, command: Command) -> list[Event]:
    """The approvals that an advance carries with it when a person, or the policy in auto, orders it."""
    if not _approves(workflow, command.by):
        return []
    return [
        _approved(workflow, command, subject)
        for subject in APPROVALS.get(transition.id, ())
        if not approval_of(workflow, subject)
    ]


def _approved(workflow: Workflow, command: Command, subject: Subject, reason: str = "") -> Event:
    by = "auto" if command.by.kind is AuthorityKind.POLICY else str(command.by)
    digest = digest_to_approve(workflow, subject)
    return _event(
        command,
        EventType.APPROVED,
        {"subject": subject.value, "digest": digest, "approved_by": by, "reason": reason},
    )


def _approve(workflow: Workflow, command: Approve) -> Decision:
    if workflow.state is FINAL or workflow.condition not in (Condition.ACTIVE, Condition.WAITING):
        return Refusal(Reason.NOT_POSSIBLE, f"{workflow.build_id} is {_condition_word(workflow)}.")
    if not _approves(workflow, command.by):
        return Refusal(
            Reason.NOT_YOURS,
            f"{command.by} may not approve.",
            hint="A person approves; the policy does so in auto only.",
        )
    digest = digest_to_approve(workflow, command.subject)
    if not digest:
        return Refusal(
            Reason.NOT_READY,
            f"There is no {command.subject.value} to approve yet.",
            (Missing(command.subject.value, "there is none yet", workflow.actor.value),),
        )
    if digest != command.digest:
        return Refusal(
            Reason.STALE,
            f"The {command.subject.value} has changed since you looked. Nothing was approved.",
            hint="Look again, then decide.",
        )
    if command.subject is Subject.RELEASE and workflow.state is not State.DEPLOYMENT:
        return Refusal(Reason.NOT_READY, "A release is approved in deployment, once it is prepared.")
    events = [_approved(workflow, command, command.subject, command.reason)]
    if command.subject is Subject.RELEASE and workflow.waiting_for == f"approval:{Subject.RELEASE.value}":
        events.append(_resumed(workflow, command, "the release is approved"))
    return events


def _resumed(workflow: Workflow, command: Command, reason: str) -> Event:
    """The workflow goes on; with a new attempt if the last one came to its end."""
    return _event(
        command,
        EventType.CONDITION_CHANGED,
        {
            "order": Order.RESUME.value,
            "condition": Condition.ACTIVE.value,
            "reason": reason,
            "waiting_for": "",
            "new_attempt": workflow.attempt_phase is AttemptPhase.ENDED,
        },
    )


_BECOMES = {
    Order.WAIT: Condition.WAITING,
    Order.PAUSE: Condition.PAUSED,
    Order.RESUME: Condition.ACTIVE,
    Order.FAIL: Condition.FAILED,
    Order.CANCEL: Condition.CANCELLED,
}


def _set_condition(workflow: Workflow, command: SetCondition) -> Decision:
    if workflow.state is FINAL:
        return Refusal(Reason.NOT_POSSIBLE, f"{workflow.build_id} is complete.")
    if command.order not in CONDITION_ALLOWS[workflow.condition]:
        return _condition_refusal(workflow, command.order)
    if command.by.kind is AuthorityKind.ROLE:
        return Refusal(Reason.NOT_YOURS, "A role does not change the condition of a workflow.")
    if command.order is Order.RESUME:
        return [_resumed(workflow, command, command.reason)]
    data = {
        "order": command.order.value,
        "condition": _BECOMES[command.order].value,
        "reason": command.reason,
        "waiting_for": command.waiting_for if command.order is Order.WAIT else "",
        "new_attempt": False,
    }
    return [_event(command, EventType.CONDITION_CHANGED, data)]


def _condition_word(workflow: Workflow) -> str:
    return "complete" if workflow.state is FINAL else workflow.condition.value


def _condition_refusal(workflow: Workflow, order: Kind | Order) -> Refusal:
    allowed = sorted(o.value for o in CONDITION_ALLOWS[workflow.condition])
    hint = (
        f"While it is {workflow.condition.value}: {', '.join(allowed)}."
        if allowed
        else "It is over for good."
    )
    return Refusal(
        Reason.NOT_POSSIBLE,
        f"{workflow.build_id} is {workflow.condition.value}; {order.value} is not possible now.",
        hint=hint,
    )


def _say(workflow: Workflow, command: Say) -> Decision:
    if command.by.kind is not AuthorityKind.PERSON:
        return Refusal(Reason.NOT_YOURS, "Only a person's words are recorded as said.")
    if workflow.state is FINAL or workflow.condition is Condition.CANCELLED:
        return Refusal(
            Reason.NOT_POSSIBLE, f"{workflow.build_id} is {_condition_word(workflow)}; nobody listens."
        )
    data = {"message_id": command.message_id, "text_digest": command.text_digest}
    events = [_event(command, EventType.SAID, data)]
    answers = workflow.waiting_for == "answer" or workflow.waiting_for.startswith("approval:")
    if workflow.condition is Condition.WAITING and answers:
        events.append(_resumed(workflow, command, "a person spoke"))
    return events


def _record(
    workflow: Workflow, command: RecordEvidence | RecordCheckpoint | BeginAttempt | EndAttempt | Note
) -> Decision:
    if command.by.kind is not AuthorityKind.ENGINE:
        return Refusal(Reason.NOT_YOURS, "Only the engine records what it has seen itself.")
    if isinstance(command, Note):
        return [_event(command, EventType.NOTED, {"kind": command.kind, **dict(command.data)})]
    if workflow.state is FINAL or workflow.condition is Condition.CANCELLED:
        return Refusal(Reason.NOT_POSSIBLE, f"{workflow.build_id} is {_condition_word(workflow)}.")
    match command:
        case RecordEvidence():
            return _record_evidence(workflow, command)
        case RecordCheckpoint():
            if any(m.number >= command.mark.number for m in workflow.checkpoints):
                return Refusal(Reason.NOT_POSSIBLE, f"Checkpoint {command.mark.number} is already recorded.")
            data = {**command.mark.to_data(), "ref": command.ref, **dict(command.data)}
            return [_event(command, EventType.CHECKPOINT_RECORDED, data)]
        case _:
            return _record_attempt(workflow, command)


def _record_evidence(workflow: Workflow, command: RecordEvidence) -> Decision:
    evidence = command.evidence
    if evidence.approved_by or evidence.stale:
        return Refusal(
            Reason.NOT_YOURS, "Evidence is recorded without an approval; a person or the policy adds it."
        )
    known = workflow.evidence.get(evidence.kind)
    data = evidence.to_data()
    same = known is not None and known.digest == evidence.digest and not known.stale
    if same and known is not None and evidence.kind in (EvidenceKind.REQUIREMENT, EvidenceKind.PLAN):
        # The same words collected again keep the approval that they already have.
        data["approved_by"] = known.approved_by if dict(known.rests_on) == dict(evidence.rests_on) else ""
    return [_event(command, EventType.EVIDENCE_RECORDED, data)]


def _record_attempt(workflow: Workflow, command: BeginAttempt | EndAttempt) -> Decision:
    if (command.state, command.number) != (workflow.state, workflow.attempt):
        return Refusal(
            Reason.STALE,
            f"Attempt {command.number} of {command.state.value} is not the current one any more.",
        )
    if isinstance(command, BeginAttempt):
        if workflow.attempt_phase is AttemptPhase.ENDED:
            return Refusal(
                Reason.NOT_POSSIBLE, f"Attempt {command.number} of {command.state.value} has ended."
            )
        data: dict[str, Any] = {"executor": command.executor}
        kind = EventType.ATTEMPT_BEGUN
    else:
        if workflow.attempt_phase is AttemptPhase.ENDED:
            return Refusal(
                Reason.NOT_POSSIBLE, f"Attempt {command.number} of {command.state.value} has ended."
            )
        data = {"outcome": command.outcome, "summary": command.summary}
        kind = EventType.ATTEMPT_ENDED
    return [_event(command, kind, {"state": command.state.value, "number": command.number, **data})]
