"""Who may make which move now, and why not."""

from __future__ import annotations

from core.machine.commands import Authority, AuthorityKind
from core.machine.gates import APPROVALS, GateItem, approval_of, gate, missing
from core.machine.refusal import Missing, Reason, Refusal
from core.machine.states import (
    EVIDENCE_TITLES,
    FINAL,
    PHASE_EVIDENCE,
    ROLE_TITLES,
    STATES,
    Autonomy,
    Role,
    State,
    state_title,
)
from core.machine.transitions import (
    BACK,
    CONDITION_ALLOWS,
    Kind,
    Order,
    Transition,
    default_target,
    shortest_path,
)
from core.machine.workflow import Workflow

_COUNTS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def move_refusal(
    workflow: Workflow, transition: Transition, by: Authority, *, reason_given: bool = True
) -> Refusal | None:
    """Return why `by` may not make `transition` now, or None when they may."""
    kind = transition.kind
    if kind not in CONDITION_ALLOWS[workflow.condition]:
        return condition_refusal(workflow, kind, transition)
    if why := _why_not_yours(workflow, transition, by):
        return Refusal(Reason.NOT_YOURS, why, path=(transition.id,), hint=who_may(transition))
    if kind in BACK and not reason_given:
        return Refusal(
            Reason.NOT_READY,
            f"Going back to {state_title(transition.target)} needs a reason.",
            (Missing("reason", "none was given", str(by)),),
            (transition.id,),
            "Say what is wrong, so that the next attempt can do better.",
        )
    automatic = by.kind is not AuthorityKind.PERSON
    if kind in BACK and automatic and workflow.retries_used >= workflow.retry_budget:
        return Refusal(
            Reason.NOT_READY,
            _used_up(workflow.retry_budget),
            (Missing("retry budget", "used up; a person decides how to go on", "a person"),),
            (transition.id,),
            "A person can retry, roll back or cancel.",
        )
    items = gate(workflow, transition)
    if carries_approval(workflow, by):
        items = tuple(item for item in items if not item.approval)
    if lacking := missing(items):
        return Refusal(
            Reason.NOT_READY,
            f"The gate to {state_title(transition.target)} is closed.",
            lacking,
            *_way_on(workflow, transition, items),
        )
    return None


def _way_on(
    workflow: Workflow, transition: Transition, items: tuple[GateItem, ...]
) -> tuple[tuple[str, ...], str]:
    """The shortest legal way through a closed gate, and a hint where a move alone is none.

    It leads over the earliest phase that has evidence to make. Where that is the current one, the refused
    move is no way: what is red is sent back first, and what is not there is made here.
    """
    lacking = {item.what for item in items if not item.ok and not item.approval}
    phases = [phase for phase, kind in PHASE_EVIDENCE.items() if kind.value in lacking]
    first = min((workflow.state, *phases), key=lambda state: STATES[state].rank)
    if first not in phases or first is not workflow.state:
        return _steps(workflow.state, first, transition.target), ""
    kind = PHASE_EVIDENCE[first]
    maker, wanted = title_of(STATES[first].owner), EVIDENCE_TITLES[kind]
    piece = workflow.evidence.get(kind)
    back = default_target(first, Kind.RETRY)
    if back is None or piece is None or piece.ok or piece.stale:
        if workflow.waiting_for == "answer":
            return (
                (),
                f"The {maker} has asked something: answer in the chat, then the {wanted} can follow.",
            )
        return (
            (),
            f"The {maker} supplies the {wanted} in {state_title(first)}; then the gate opens.",
        )
    return _steps(first, back, transition.target), ""


def _steps(start: State, over: State, target: State) -> tuple[str, ...]:
    way = (*shortest_path(start, over), *shortest_path(over, target))
    return tuple(step.id for step in way)


def _used_up(steps: int) -> str:
    """Say that the retry budget is used up, in words that nobody takes for money."""
    if not steps:
        return "No automatic step back is allowed here; a person decides."
    count = _COUNTS[steps] if steps < len(_COUNTS) else str(steps)
    noun = "step back is" if steps == 1 else "steps back are"
    return f"{count} automatic {noun} used up; a person decides."


def carries_approval(workflow: Workflow, by: Authority) -> bool:
    """Say whether an advance ordered by `by` carries the approvals that the gate asks for."""
    if by.kind is AuthorityKind.PERSON:
        return True
    return workflow.autonomy is Autonomy.AUTO and by == Authority.policy(Autonomy.AUTO)


def _why_not_yours(workflow: Workflow, transition: Transition, by: Authority) -> str:
    match by.kind:
        case AuthorityKind.PERSON:
            return ""
        case AuthorityKind.ENGINE:
            return "The engine records; it does not move a workflow in its own name."
        case AuthorityKind.ROLE if transition.actor is None:
            return "Only a person may roll back."
        case AuthorityKind.ROLE if by.name != transition.actor:
            return f"{transition.id} belongs to the {title_of(transition.actor)}, not to the {_called(by)}."
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
        return f"In gated a person approves before {state_title(transition.target)}."
    return ""


def who_may(transition: Transition) -> str:
    """Return one sentence on who may order the transition."""
    who = f"the {title_of(transition.actor)} or a person" if transition.actor else "a person"
    return f"{transition.id} may be ordered by {who}."


def title_of(role: Role | None) -> str:
    """Return a role's name as people write it; None is a person."""
    return "person" if role is None else ROLE_TITLES[role]


def _called(by: Authority) -> str:
    """The role that gives an order; the name comes from outside, and may be no role's."""
    return ROLE_TITLES[Role(by.name)] if by.name in ROLE_TITLES else by.name


def condition_word(workflow: Workflow) -> str:
    """Return the one word that says how the workflow stands."""
    return "complete" if workflow.state is FINAL else workflow.condition.value


def condition_refusal(
    workflow: Workflow, order: Kind | Order, transition: Transition | None = None
) -> Refusal:
    """Refuse what the condition does not allow, and say what it does: a resume may open the transition."""
    allowed = sorted(o.value for o in CONDITION_ALLOWS[workflow.condition])
    resumes = transition is not None and Order.RESUME in CONDITION_ALLOWS[workflow.condition]
    now = f"While it is {workflow.condition.value}: {', '.join(allowed)}."
    return Refusal(
        Reason.NOT_POSSIBLE,
        f"{workflow.build_id} is {workflow.condition.value}; {order.value} is not possible now.",
        path=(Order.RESUME.value, transition.id) if transition is not None and resumes else (),
        hint=now if allowed else "It is over for good.",
    )
