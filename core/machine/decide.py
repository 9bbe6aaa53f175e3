"""Say what a command does to a workflow, without doing it."""

from __future__ import annotations

from typing import Any

from core.machine.apply import apply
from core.machine.asking import decide_accept, decide_override
from core.machine.commands import (
    ACCEPTANCE,
    Accept,
    Approve,
    AuthorityKind,
    BeginAttempt,
    Command,
    EndAttempt,
    Move,
    Note,
    Override,
    RecordCheckpoint,
    RecordEvidence,
    Say,
    SetCondition,
    Start,
    Subject,
)
from core.machine.events import Event, EventType, event_of
from core.machine.forking import fork_data, standing_of
from core.machine.gates import APPROVALS, approval_of, digest_to_approve
from core.machine.permission import (
    carries_approval,
    condition_refusal,
    condition_word,
    move_refusal,
    title_of,
    who_may,
)
from core.machine.records import decide_record
from core.machine.refusal import Missing, Reason, Refusal
from core.machine.states import FINAL, Condition, State, state_title
from core.machine.transitions import (
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
        case Accept():
            return decide_accept(workflow, command)
        case Override():
            return decide_override(workflow, command)
        case SetCondition():
            return _set_condition(workflow, command)
        case Say():
            return _say(workflow, command)
        case RecordEvidence() | RecordCheckpoint() | BeginAttempt() | EndAttempt() | Note():
            return decide_record(workflow, command)
        case _:
            raise TypeError(f"no rule for {type(command).__name__}")


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
    started = event_of(command, EventType.STARTED, data)
    if command.fork is None:
        return [started]
    if command.by.kind is not AuthorityKind.PERSON:
        return Refusal(Reason.NOT_YOURS, "Only a person forks a build.")
    standing = standing_of(command.fork, apply(None, started))
    return [event_of(command, EventType.STARTED, {**data, "fork": fork_data(command.fork, standing)})]


def _move(workflow: Workflow, command: Move) -> Decision:
    if command.completed is not None and command.completed is not workflow.state:
        return Refusal(
            Reason.STALE,
            f"{workflow.build_id} stands in {state_title(workflow.state)}, "
            f"not in {state_title(command.completed)}. "
            "Nothing was done.",
            hint="Look again, then decide.",
        )
    found = _named(workflow, command)
    if isinstance(found, Refusal):
        return found
    if command.role is not None and found.actor is not None and command.role is not found.actor:
        return Refusal(
            Reason.NOT_YOURS,
            f"{found.id} belongs to the {title_of(found.actor)}, not to the {title_of(command.role)}.",
            path=(found.id,),
            hint=who_may(found),
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
        if mark is None and number != 0:  # 0 is the base, which needs no mark
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
    return [*approvals, event_of(command, EventType.MOVED, moved)]


def _named(workflow: Workflow, command: Move) -> Transition | Refusal:
    """Find the transition that the command names."""
    if workflow.state is FINAL:
        return Refusal(Reason.NOT_POSSIBLE, f"{workflow.build_id} is complete; nothing moves it any more.")
    if workflow.condition is Condition.CANCELLED:
        return Refusal(
            Reason.NOT_POSSIBLE,
            f"{workflow.build_id} is cancelled; nothing moves it any more.",
            hint="It is over for good.",
        )
    target = command.target
    if target is None and command.kind is not None:
        target = default_target(workflow.state, command.kind)
        if target is None:
            return _no_such_kind(workflow, command.kind)
    if target is None:
        return Refusal(Reason.NOT_POSSIBLE, "The move names neither a target nor a kind.")
    found = transition_between(workflow.state, target)
    if found is None or (command.kind is not None and found.kind is not command.kind):
        way = command.kind.value if command.kind else "way"
        return Refusal(
            Reason.NOT_POSSIBLE,
            f"There is no {way} from {state_title(workflow.state)} to {state_title(target)}.",
            path=_legal_now(workflow, shortest_path(workflow.state, target)),
            hint="It stands there already." if target is workflow.state else "",
        )
    return found


def _legal_now(workflow: Workflow, path: tuple[Transition, ...]) -> tuple[str, ...]:
    """The way by name: after a resume where the condition holds up its first step."""
    names, allowed = tuple(step.id for step in path), CONDITION_ALLOWS[workflow.condition]
    return names if not path or path[0].kind in allowed else (Order.RESUME.value, *names)


def _no_such_kind(workflow: Workflow, kind: Kind) -> Refusal:
    legal = transitions_from(workflow.state)
    ways = ", ".join(f"{t.kind.value} to {state_title(t.target)} ({t.id})" for t in legal)
    return Refusal(
        Reason.NOT_POSSIBLE,
        f"There is no {kind.value} from {state_title(workflow.state)}.",
        path=_legal_now(workflow, tuple(legal[:1])),
        hint=f"From here: {ways}.",
    )


def _approvals(workflow: Workflow, transition: Transition, command: Command) -> list[Event]:
    """The approvals that an advance carries with it when a person, or the policy in auto, orders it."""
    if not carries_approval(workflow, command.by):
        return []
    return [
        _approved(workflow, command, subject)
        for subject in APPROVALS.get(transition.id, ())
        if not approval_of(workflow, subject)
    ]


def _approved(workflow: Workflow, command: Command, subject: Subject, reason: str = "") -> Event:
    by = "auto" if command.by.kind is AuthorityKind.POLICY else str(command.by)
    digest = digest_to_approve(workflow, subject)
    return event_of(
        command,
        EventType.APPROVED,
        {"subject": subject.value, "digest": digest, "approved_by": by, "reason": reason},
    )


def _approve(workflow: Workflow, command: Approve) -> Decision:
    if workflow.state is FINAL or workflow.condition not in (Condition.ACTIVE, Condition.WAITING):
        return Refusal(Reason.NOT_POSSIBLE, f"{workflow.build_id} is {condition_word(workflow)}.")
    if not carries_approval(workflow, command.by):
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
    return event_of(
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
        return condition_refusal(workflow, command.order)
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
    return [event_of(command, EventType.CONDITION_CHANGED, data)]


def _say(workflow: Workflow, command: Say) -> Decision:
    if command.by.kind is not AuthorityKind.PERSON:
        return Refusal(Reason.NOT_YOURS, "Only a person's words are recorded as said.")
    if workflow.state is FINAL or workflow.condition is Condition.CANCELLED:
        return Refusal(
            Reason.NOT_POSSIBLE, f"{workflow.build_id} is {condition_word(workflow)}; nobody listens."
        )
    data = {"message_id": command.message_id, "text_digest": command.text_digest}
    events = [event_of(command, EventType.SAID, data)]
    waits = workflow.waiting_for
    answers = waits in ("answer", ACCEPTANCE) or waits.startswith("approval:")
    if workflow.condition is Condition.WAITING and answers:
        events.append(_resumed(workflow, command, "a person spoke"))
    return events
