"""Evidence of the first two phases: what a role wrote, as far as a machine can judge it."""

from __future__ import annotations

from core.machine.states import EvidenceKind
from core.machine.workflow import Evidence, Workflow
from core.roles.packets import Plan, Requirement


def requirement_evidence(packet: Requirement) -> Evidence:
    """Return the requirement as evidence: green when no question is open."""
    criteria, questions = len(packet.criteria), len(packet.open_questions)
    summary = _count(criteria, "criterion", "criteria")
    if packet.assumptions:
        summary += f", {_count(len(packet.assumptions), 'assumption', 'assumptions')}"
    if questions:
        summary += f", {_count(questions, 'open question', 'open questions')}"
    return Evidence(
        kind=EvidenceKind.REQUIREMENT,
        ok=not questions,
        digest=packet.digest(),
        rests_on={},
        summary=summary,
        detail=packet.to_data(),
    )


def plan_evidence(packet: Plan, requirement: Requirement, workflow: Workflow) -> Evidence:
    """Return the plan as evidence: green when every criterion has a task and names its proof."""
    gaps = packet.gaps(requirement)
    summary = f"{_count(len(packet.tasks), 'task', 'tasks')}, {_count(len(packet.proofs), 'proof', 'proofs')}"
    return Evidence(
        kind=EvidenceKind.PLAN,
        ok=not gaps,
        digest=packet.digest(),
        rests_on={"requirement": workflow.current.get("requirement", "")},
        summary=f"{summary}; {'; '.join(gaps)}" if gaps else summary,
        detail=packet.to_data(),
    )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
