"""The seven endpoints that a workflow is carried by."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from core.api.answers import Guarded, Id, ProjectId, caused, described, granted, moved_from, reply
from core.api.door import Desk, Ordering, Reading
from core.api.shapes import (
    AdvanceBody,
    AdvanceReply,
    DeadlineEntry,
    EventEntry,
    Handoff,
    HistoryReply,
    MoveReply,
    RetryBody,
    RollbackBody,
    StartBody,
    StartReply,
    StatsReply,
    StatusReply,
    standing,
)
from core.machine.commands import Authority
from core.machine.states import STATES, Role, State, StateKind, actor_in
from core.service.tokens import Scope
from core.service.views import Answer, EventView, HandoffView, WorkflowView
from core.text import clean

router = APIRouter(prefix="/api/workflows", route_class=Guarded, tags=["workflows"])

Limit = Annotated[int, Query(ge=1, le=1_000, description="How many events at most.")]
After = Annotated[int | None, Query(ge=0, le=2**53, description="Only events behind this number.")]


@router.post("/{project_id}/start", **described(Scope.OPERATE, StartReply))
async def start(project_id: ProjectId, body: StartBody, desk: Ordering) -> Response:
    """Begin a workflow in a project; a worker carries it out."""
    settings = desk.settings
    answer = await desk.service.start_workflow(
        project_id,
        body.requirements,
        user_id=clean(body.user_id or "", lines=False).strip() or desk.caller.issued_to,
        metadata=body.metadata,
        build_id=body.build_id,
        autonomy=settings.autonomy,
        retry_budget=settings.retry_budget,
        budget_usd=settings.budget_usd,
        deadlines={**settings.deadlines, **body.deadlines.model_dump(exclude_unset=True)},
        by=desk.person,
        command_id=desk.command_id,
    )
    view = granted(answer, desk)
    told = StartReply(
        workflow_id=view.workflow_id,
        build_id=view.build_id,
        initial_state=view.state,
        status=standing(view),
        current_role=view.role,
        next_role=view.next_role,
        instructions=instructions(view),
    )
    return reply(told, view, repeated=answer.repeated)


def instructions(view: WorkflowView) -> str:
    """Return what has to happen in a workflow now, a line each."""
    return "\n".join((view.state_description, *view.next_expectations))


@router.post("/{workflow_id}/advance", **described(Scope.OPERATE, AdvanceReply))
async def advance(workflow_id: Id, body: AdvanceBody, desk: Ordering) -> Response:
    """Complete a phase or accept a handoff, under the state's gate.

    A token of the scope operate moves as the role that is named. One of the scope approve moves as the person
    who minted it, and so gives the approvals that the gate asks for; in deployment it approves the release.
    """
    seen = await desk.service.get_workflow_status(workflow_id)
    answer = await desk.service.advance_workflow(
        seen.workflow_id,
        by=_mover(desk, body),
        expected_version=seen.version if body.expected_version is None else body.expected_version,
        role=body.role,
        completed_state=body.completed_state,
        phase_result=body.phase_result,
        next_state=body.next_state,
        command_id=desk.command_id,
    )
    view = granted(answer, desk)
    told = AdvanceReply(
        workflow_id=view.workflow_id,
        previous_state=body.completed_state,
        new_state=view.state,
        next_role=view.next_role,
        handoff_data=await _handed_over(desk, answer, body.completed_state),
        is_complete=view.state is State.COMPLETE,
        state_description=view.state_description,
    )
    return reply(told, view, repeated=answer.repeated)


def _mover(desk: Desk, body: AdvanceBody) -> Authority:
    # Whoever speaks for a role that does not act there is that role and no person: the machine refuses it.
    if desk.approves and body.role is actor_in(body.completed_state):
        return desk.person
    return Authority.role(body.role)


async def _handed_over(desk: Desk, answer: Answer, left: State) -> dict[str, Any]:
    """Return the packet that an advance handed on, or that an acceptance took."""
    workflow = answer.workflow
    if workflow is None or not answer.event_seqs:
        return {}
    packets = [
        h for h in await desk.service.handoffs(workflow.workflow_id) if h.seq <= max(answer.event_seqs)
    ]
    if STATES[left].kind is StateKind.HANDOFF:
        packets = [h for h in packets if h.to_state is left]
    else:
        packets = [h for h in packets if h.seq in answer.event_seqs]
    return dict(packets[-1].data) if packets else {}


@router.get("/{workflow_id}/status", **described(Scope.READ, StatusReply))
async def status(workflow_id: Id, desk: Reading) -> Response:
    """Say how a workflow stands, what it has proven, and what has to happen next."""
    view = await desk.service.get_workflow_status(workflow_id)
    told = StatusReply(
        workflow_id=view.workflow_id,
        build_id=view.build_id,
        project_id=view.project_id,
        current_state=view.state,
        current_role=view.role,
        progress=view.progress,
        completed_phases=list(view.completed_phases),
        handoff_history=[_handoff(h) for h in await desk.service.handoffs(view.workflow_id)],
        elapsed_time=view.elapsed.total_seconds(),
        created_at=view.created_at,
        updated_at=view.updated_at,
        completed_at=view.completed_at,
        next_expectations=list(view.next_expectations),
        status=standing(view),
        deadlines=[DeadlineEntry(**asdict(d)) for d in view.deadlines],
        due_at=view.due_at,
        breached=view.breached,
    )
    return reply(told, view)


def _handoff(view: HandoffView) -> Handoff:
    return Handoff(
        from_role=view.from_role,
        to_role=view.to_role,
        from_state=view.from_state,
        to_state=view.to_state,
        data_transferred=dict(view.data),
        notes=view.notes,
        timestamp=view.at,
        answer=view.answer,  # type: ignore[arg-type]  # checked by the model
        answer_notes=view.answer_notes,
        answered_at=view.answered_at,
    )


@router.post("/{workflow_id}/request-retry", **described(Scope.OPERATE, MoveReply))
async def request_retry(workflow_id: Id, body: RetryBody, desk: Ordering) -> Response:
    """Send the work back with a reason, or refuse a handoff; the files stay.

    A token of the scope operate asks as a role, which the workflow's retry budget bounds.
    """
    seen = await desk.service.get_workflow_status(workflow_id)
    answer = await desk.service.request_retry(
        seen.workflow_id,
        by=desk.person if desk.approves else await _asker(desk, seen, body.role),
        expected_version=seen.version if body.expected_version is None else body.expected_version,
        reason=body.reason,
        target=body.target_state,
        command_id=desk.command_id,
    )
    return await _went_back(desk, answer)


async def _asker(desk: Desk, seen: WorkflowView, named: Role | None) -> Authority:
    """Return the role that asks: the one that is named, or that acts, or that acted the first time."""
    if named is not None:
        return Authority.role(named)
    events = await desk.service.get_workflow_history(seen.workflow_id, limit=0)
    before = next((e.triggered_by for e in events if e.command_id == desk.command_id), "")
    kind, _, name = before.partition(":")
    return Authority.role(Role(name) if kind == "role" else seen.role)


@router.post("/{workflow_id}/rollback", **described(Scope.APPROVE, MoveReply))
async def rollback(workflow_id: Id, body: RollbackBody, desk: Ordering) -> Response:
    """Go back to an earlier phase, files and conversations included. Only a person may."""
    seen = await desk.service.get_workflow_status(workflow_id)
    answer = await desk.service.rollback_workflow(
        seen.workflow_id,
        by=desk.person,
        expected_version=seen.version if body.expected_version is None else body.expected_version,
        target_state=body.target_state,
        reason=body.reason,
        checkpoint=body.checkpoint,
        command_id=desk.command_id,
    )
    return await _went_back(desk, answer)


async def _went_back(desk: Desk, answer: Answer) -> Response:
    view = granted(answer, desk)
    told = MoveReply(
        workflow_id=view.workflow_id,
        previous_state=moved_from(await caused(desk, answer, view.workflow_id)) or view.state,
        new_state=view.state,
        current_role=view.role,
        status=standing(view),
        attempt=view.attempt,
        retries_used=view.retries_used,
        retry_budget=view.retry_budget,
        text=answer.text,
    )
    return reply(told, view, repeated=answer.repeated)


@router.get("/{workflow_id}/history", **described(Scope.READ, HistoryReply))
async def history(workflow_id: Id, desk: Reading, limit: Limit = 50, after: After = None) -> Response:
    """Return the latest events, or the next ones behind `after`: who, when, why, on what evidence."""
    view = await desk.service.get_workflow_status(workflow_id)
    behind = max(0, view.version - limit) if after is None else after
    events = await desk.service.get_workflow_history(view.workflow_id, limit=limit, after=behind)
    return reply(HistoryReply(workflow_id=view.workflow_id, events=[entry(e) for e in events]), view)


def entry(event: EventView) -> EventEntry:
    """Return an event as it goes over the wire."""
    return EventEntry(
        seq=event.seq,
        event_type=event.event_type,
        triggered_by=event.triggered_by,
        event_data=dict(event.data),
        timestamp=event.at,
        text=event.text,
        command_id=event.command_id,
        prev_hash=event.prev_hash,
        hash=event.hash,
    )


@router.get("/project/{project_id}/stats", **described(Scope.READ, StatsReply, versioned=False))
async def stats(project_id: ProjectId, desk: Reading) -> Response:
    """Return the figures of a project."""
    found = await desk.service.get_project_stats(project_id)
    return reply(
        StatsReply(
            total_workflows=found.workflows,
            completed=found.completed,
            in_progress=found.in_progress,
            failed=found.failed,
            average_duration=found.average_seconds,
            success_rate=found.success_rate,
            most_common_failure_point=found.worst_phase,
            average_handoffs=found.average_handoffs,
            deadlines_met=found.deadlines_met,
        )
    )
