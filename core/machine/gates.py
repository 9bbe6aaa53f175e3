"""What a transition needs before it opens, and why each piece does or does not count."""

from __future__ import annotations

from dataclasses import dataclass

from core.machine.commands import Subject
from core.machine.refusal import Missing
from core.machine.states import PHASE_EVIDENCE, STATES, EvidenceKind, Role
from core.machine.transitions import Transition
from core.machine.workflow import RESTS_ON, Acceptance, Evidence, Verdict, Workflow

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
    if why := _why_unbound(workflow, evidence):
        return why
    return "" if evidence.ok or override_of(workflow, evidence) else f"not green: {evidence.summary}"


def is_red(workflow: Workflow, kind: EvidenceKind) -> bool:
    """Say whether the evidence speaks of what is there now, and says no."""
    evidence = workflow.evidence.get(kind)
    return evidence is not None and not evidence.ok and not _why_unbound(workflow, evidence)


def override_of(workflow: Workflow, evidence: Evidence) -> Acceptance | None:
    """Return the override that covers the evidence: given for the same digests, and for all that is red."""
    red = {str(item.get("key", "")) for item in evidence.detail.get("failures", ())}
    return next(
        (
            said
            for said in workflow.acceptances.values()
            if said.verdict is Verdict.OVERRIDDEN
            and said.covers.get("evidence") == evidence.kind.value
            and said.covers.get("rests_on") == dict(evidence.rests_on)
            and red <= set(said.covers.get("keys", ()))
        ),
        None,
    )


def _why_unbound(workflow: Workflow, evidence: Evidence) -> str:
    if evidence.stale:
        return f"stale: {evidence.stale}"
    for name in RESTS_ON[evidence.kind]:
        bound = evidence.rests_on.get(name, "")
        if not bound:
            return f"not bound to any {name}"
        if bound != workflow.current.get(name, ""):
            return f"stale: the {name} has changed since"
    return ""


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
        summary = why or _summary(workflow, workflow.evidence[kind])
        items.append(GateItem(kind.value, not why, summary, _MAKER[kind].value))
    for subject in APPROVALS.get(transition.id, ()):
        by = approval_of(workflow, subject)
        why = f"approved by {by}" if by else "waits for approval"
        items.append(GateItem(f"approval of the {subject.value}", bool(by), why, "a person", True))
    return tuple(items)


def _summary(workflow: Workflow, evidence: Evidence) -> str:
    if evidence.ok:
        return evidence.summary
    return f"NOT GREEN, {override_of(workflow, evidence)} ({evidence.summary})"


def missing(items: tuple[GateItem, ...]) -> tuple[Missing, ...]:
    """Return the unmet clauses as what a refusal lists."""
    return tuple(Missing(item.what, item.why, item.who) for item in items if not item.ok)
