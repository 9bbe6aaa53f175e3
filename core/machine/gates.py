"""What a transition needs before it opens, and why each piece does or does not count."""

from __future__ import annotations

from dataclasses import dataclass

from core.machine.commands import Subject
from core.machine.refusal import Missing
from core.machine.states import PHASE_EVIDENCE, STATES, EvidenceKind, Role
from core.machine.transitions import Transition
from core.machine.workflow import RESTS_ON, Workflow

APPROVALS: dict[str, tuple[Subject, ...]] = {
    "T02": (Subject.REQUIREMENT, Subject.PLAN),
    "T08": (Subject.REVIEW,),
    "T10": (Subject.RELEASE,),
}
"""Which approvals a transition rests on. The requirement is approved together with the plan."""

_MAKER: dict[EvidenceKind, Role] = {kind: STATES[phase].owner for phase, kind in PHASE_EVIDENCE.items()}


@dataclass(frozen=True, slots=True)
class GateItem:
    """One clause of a gate. `why` is one line for people, `who` can supply it where it is missing."""

    what: str
    ok: bool
    why: str
    who: str
    approval: bool = False


def why_not_current(workflow: Workflow, kind: EvidenceKind) -> str:
    """Return why the evidence does not count now; empty when it is green and current."""
    evidence = workflow.evidence.get(kind)
    if evidence is None:
        return "there is none yet"
    if evidence.stale:
        return f"stale: {evidence.stale}"
    for name in RESTS_ON[kind]:
        bound = evidence.rests_on.get(name, "")
        if not bound:
            return f"not bound to any {name}"
        if bound != workflow.current.get(name, ""):
            return f"stale: the {name} has changed since"
    return "" if evidence.ok else f"not green: {evidence.summary}"


def approval_of(workflow: Workflow, subject: Subject) -> str:
    """Return who approved the current digest of `subject`; empty when nobody has."""
    if subject is Subject.RELEASE:
        tree = workflow.current.get("tree", "")
        return workflow.release_approved_by if tree and workflow.release_approval == tree else ""
    evidence = workflow.evidence.get(EvidenceKind(subject.value))
    return evidence.approved_by if evidence else ""


def digest_to_approve(workflow: Workflow, subject: Subject) -> str:
    """Return the digest that an approval of `subject` must name now; empty when there is none."""
    if subject is Subject.RELEASE:
        return workflow.current.get("tree", "")
    evidence = workflow.evidence.get(EvidenceKind(subject.value))
    return evidence.digest if evidence else ""


def gate(workflow: Workflow, transition: Transition) -> tuple[GateItem, ...]:
    """Return every clause of the transition's gate, met or not: the evidence first, then the approvals."""
    items = []
    for kind in transition.needs:
        why = why_not_current(workflow, kind)
        summary = why or workflow.evidence[kind].summary
        items.append(GateItem(kind.value, not why, summary, _MAKER[kind].value))
    for subject in APPROVALS.get(transition.id, ()):
        by = approval_of(workflow, subject)
        why = f"approved by {by}" if by else "waits for approval"
        items.append(GateItem(f"approval of the {subject.value}", bool(by), why, "a person", True))
    return tuple(items)


def missing(items: tuple[GateItem, ...]) -> tuple[Missing, ...]:
    """Return the unmet clauses as what a refusal lists."""
    return tuple(Missing(item.what, item.why, item.who) for item in items if not item.ok)
