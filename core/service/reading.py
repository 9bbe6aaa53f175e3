"""Makes the views of one workflow from its rows. Reads, never writes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from core.journal.ledger import MICROS
from core.journal.records import workflow_of
from core.journal.tables import BuildWorkflow, Project, WorkflowLive
from core.machine.commands import Authority
from core.machine.deadlines import Clock, Deadline
from core.machine.gates import gate, override_of, why_not_current
from core.machine.permission import move_refusal
from core.machine.states import (
    FINAL,
    PHASE_EVIDENCE,
    STATES,
    Autonomy,
    Condition,
    EvidenceKind,
    StateKind,
    actor_in,
)
from core.machine.transitions import (
    BACK,
    Kind,
    Transition,
    default_target,
    transition_between,
    transitions_from,
)
from core.machine.workflow import Workflow
from core.service.said import said_views
from core.service.sentences import role_title, waiting_text
from core.service.views import DeadlineView, EvidenceView, GateItemView, MoveView, WorkflowView


def view_of(session: Session, row: BuildWorkflow, now: datetime) -> WorkflowView:
    """Return all that a card shows of the workflow."""
    workflow = workflow_of(row)
    live = session.get(WorkflowLive, row.workflow_id)
    project = session.get(Project, row.project_id)
    deadlines = deadline_views(clock_of(row), now)
    return WorkflowView(
        **derived(workflow),
        project_name=project.name if project else "",
        cost_usd=(live.cost_micros if live else 0) / MICROS,
        budget_usd=None if row.budget_micros is None else row.budget_micros / MICROS,
        created_at=row.created_at,
        updated_at=row.updated_at,
        completed_at=row.completed_at,
        elapsed=max(timedelta(), (row.completed_at or now) - row.created_at),
        activity=live.activity if live else "",
        tests=live.tests if live else "",
        base_commit=row.base_commit,
        user_id=row.user_id,
        parent_build_id=_build_id(session, row.parent),
        metadata=row.meta,
        deadlines=deadlines,
        due_at=row.due_at,
        due_left=row.due_left,
        due_for=row.due_for,
        breached=any(d.breached for d in deadlines),
    )


def clock_of(row: BuildWorkflow) -> Clock | None:
    """Return the clock of a row; None in a journal whose rows have none yet."""
    return Clock.from_data(row.clock) if row.clock else None


def deadline_views(clock: Clock | None, now: datetime) -> tuple[DeadlineView, ...]:
    """Return every deadline as it stands now."""
    return tuple(_view(d) for d in clock.now(now)) if clock else ()


def _view(deadline: Deadline) -> DeadlineView:
    return DeadlineView(
        name=deadline.name,
        limit=deadline.limit,
        spent=deadline.spent,
        left=deadline.left,
        due_at=deadline.due_at,
        breached=deadline.breached,
    )


def _build_id(session: Session, workflow_id: str) -> str:
    parent = session.get(BuildWorkflow, workflow_id) if workflow_id else None
    return parent.build_id if parent else ""


def derived(workflow: Workflow) -> dict[str, Any]:
    """Return the fields of a card that follow from the workflow alone, at whatever moment of its history."""
    evidence = evidence_views(workflow)
    done = tuple(p for p, k in PHASE_EVIDENCE.items() if k in evidence and evidence[k].current)
    forward = forward_of(workflow)
    settings = dict(workflow.settings)
    return {
        "workflow_id": workflow.workflow_id,
        "build_id": workflow.build_id,
        "project_id": workflow.project_id,
        "title": workflow.title,
        "request": workflow.request,
        "state": workflow.state,
        "condition": workflow.condition,
        "autonomy": workflow.autonomy,
        "version": workflow.version,
        "waiting_for": workflow.waiting_for,
        "reason": workflow.condition_reason,
        "role": workflow.actor,
        "next_role": actor_in(forward.target) if forward else None,
        "progress": _progress(workflow, evidence),
        "completed_phases": tuple(p for p in done if p is not workflow.state),
        "evidence": evidence,
        "retries_used": workflow.retries_used,
        "retry_budget": workflow.retry_budget,
        "attempt": workflow.attempt,
        "attempt_id": workflow.attempt_id,
        "state_description": STATES[workflow.state].description,
        "next_expectations": expectations(workflow, forward),
        "last_refusal": workflow.last_refusal,
        "models": dict(settings.get("models") or {}),
        "checkpoint": workflow.checkpoint,
        "parent": workflow.parent,
        "parent_event": workflow.parent_event,
        "settings": settings,
        "said": said_views(workflow),
    }


def evidence_views(workflow: Workflow) -> dict[EvidenceKind, EvidenceView]:
    """Return each piece of evidence that there is, in the order of the phases, and whether it counts now."""
    views = {}
    for kind in filter(workflow.evidence.__contains__, EvidenceKind):
        evidence = workflow.evidence[kind]
        why = why_not_current(workflow, kind)
        views[kind] = EvidenceView(
            kind=kind,
            ok=evidence.ok,
            current=not why,
            why=why,
            summary=evidence.summary,
            detail=evidence.detail,
            approved_by=evidence.approved_by,
            digest=evidence.digest,
            overridden="" if evidence.ok or why else str(override_of(workflow, evidence) or ""),
            tree=evidence.rests_on.get("tree", ""),
        )
    return views


def _progress(workflow: Workflow, evidence: dict[EvidenceKind, EvidenceView]) -> float:
    if workflow.state is FINAL:
        return 1.0
    return sum(1 for e in evidence.values() if e.current) / len(EvidenceKind)


def forward_of(workflow: Workflow) -> Transition | None:
    """Return the one move forward from here, None at the end."""
    handoff = STATES[workflow.state].kind is StateKind.HANDOFF
    target = default_target(workflow.state, Kind.ACCEPT if handoff else Kind.ADVANCE)
    return transition_between(workflow.state, target) if target else None


def expectations(workflow: Workflow, forward: Transition | None) -> tuple[str, ...]:
    """Return what has to happen before the workflow moves on, a line each."""
    if forward is None:
        return ()
    if workflow.condition is Condition.CANCELLED:
        return ("It is cancelled; nothing moves it any more.",)
    lines = []
    if workflow.condition is Condition.WAITING:
        lines.append(f"It waits for {waiting_text(workflow.waiting_for)}.")
    elif workflow.condition is not Condition.ACTIVE:
        lines.append(f"It is {workflow.condition.value}; somebody has to resume it.")
    # Without approvals by policy the gate would ask for what nobody will be asked in auto.
    items = [i for i in gate(workflow, forward) if not i.ok]
    if workflow.autonomy is Autonomy.AUTO:
        items = [i for i in items if not i.approval]
    lines += [f"{i.what}: {i.why} ({role_title(i.who)})." for i in items]
    if STATES[workflow.state].kind is StateKind.HANDOFF:
        lines.append(f"The {role_title(workflow.actor)} accepts or refuses what was handed over.")
    return tuple(lines)


def gate_views(workflow: Workflow, transition: Transition) -> tuple[GateItemView, ...]:
    """Return the clauses of a gate, met or not."""
    return tuple(GateItemView(i.what, i.ok, i.why, i.who, i.approval) for i in gate(workflow, transition))


def move_views(workflow: Workflow, by: Authority) -> tuple[MoveView, ...]:
    """Return every legal move from here, and for each whether `by` may make it now and why not."""
    views = []
    for transition in transitions_from(workflow.state):
        refusal = move_refusal(workflow, transition, by)
        views.append(
            MoveView(
                transition=transition.id,
                kind=transition.kind,
                source=transition.source,
                target=transition.target,
                actor=transition.actor,
                ready=refusal is None,
                why_not=str(refusal) if refusal else "",
                hint=refusal.hint if refusal else "",
                path=refusal.path if refusal else (transition.id,),
                gate=gate_views(workflow, transition),
                needs_reason=transition.kind in BACK,
            )
        )
    return tuple(views)
