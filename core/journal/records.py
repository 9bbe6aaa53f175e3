"""Writes what a command caused, in one session: events, row, handoffs, checkpoints and what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.errors import UnknownError
from core.journal.log import append
from core.journal.projections import Picture, advance
from core.journal.receipts import bound_receipts
from core.journal.tables import (
    Attempt,
    BuildWorkflow,
    Message,
    ModelCall,
    WorkflowEvent,
    WorkflowHandoff,
    WorkflowLive,
)
from core.machine.commands import AuthorityKind
from core.machine.events import Event, EventType
from core.machine.states import FINAL, STATES, Condition, EvidenceKind, State
from core.machine.transitions import BACK, Kind
from core.machine.workflow import Workflow


def find_row(session: Session, workflow_or_build_id: str, *, lock: bool = False) -> BuildWorkflow:
    """Return the row of a workflow by its id or its build id. Raises UnknownError."""
    wanted = workflow_or_build_id.strip()
    query = select(BuildWorkflow).where(BuildWorkflow.workflow_id == wanted)
    row = session.exec(query.with_for_update() if lock else query).first()
    if row is None:
        query = select(BuildWorkflow).where(sa.func.lower(BuildWorkflow.build_id) == wanted.lower())
        row = session.exec(query.with_for_update() if lock else query).first()
    if row is None:
        raise UnknownError(f"There is no workflow {wanted[:80]!r}.", "`qdeck status` lists the workflows.")
    return row


def workflow_of(row: BuildWorkflow) -> Workflow:
    """Return the machine's picture of the row."""
    return Workflow.from_data(row.folded)


def record(
    session: Session,
    row: BuildWorkflow | None,
    events: Sequence[Event],
    *,
    command_id: str,
    answer: Mapping[str, Any],
    now: float,
) -> tuple[BuildWorkflow, list[WorkflowEvent]]:
    """Append the events of one command and bring everything derived up to date."""
    if bound := bound_receipts(session, events):
        answer = {**answer, "binds": {"receipts": bound}}
    stored = append(session, events, after=row.version if row else 0, command_id=command_id, answer=answer)
    workflow_id = events[0].workflow_id
    picture = Picture(
        workflow_of(row) if row else None, row, _open_handoffs(session, workflow_id) if row else {}
    )
    for event, kept in zip(events, stored, strict=True):
        advance(picture, event, kept.seq)
    assert picture.row is not None and picture.workflow is not None  # noqa: S101 - one event at least
    session.add(picture.row)
    session.add_all(picture.dirty)
    session.flush()
    live = touch(session, workflow_id, now)
    for event, kept in zip(events, stored, strict=True):
        _follow(session, live, event, kept.seq)
    if picture.workflow.condition in (Condition.FAILED, Condition.PAUSED):
        # What happens is nothing; what a person wants to read on the board is why.
        live.activity = " ".join(picture.workflow.condition_reason.split())[:200]
    elif picture.workflow.condition is not Condition.ACTIVE or picture.workflow.state is FINAL:
        live.activity = ""
    return picture.row, stored


def _open_handoffs(session: Session, workflow_id: str) -> dict[int, WorkflowHandoff]:
    query = select(WorkflowHandoff).where(
        WorkflowHandoff.workflow_id == workflow_id, WorkflowHandoff.answer == ""
    )
    return {h.seq: h for h in session.exec(query.order_by(col(WorkflowHandoff.seq)))}


def touch(session: Session, workflow_id: str, now: float) -> WorkflowLive:
    """Mark the workflow as changed for whoever draws a board, and return its live row."""
    live = session.get(WorkflowLive, workflow_id)
    latest = session.exec(select(sa.func.max(WorkflowLive.touched))).one()
    # A clock that was set back must not hide a change.
    now = max(now, (latest or 0.0) + 1e-6)
    if live is None:
        live = WorkflowLive(workflow_id=workflow_id, touched=now)
    live.touched = now
    session.add(live)
    return live


def _follow(session: Session, live: WorkflowLive, event: Event, seq: int) -> None:
    """Do what an event brings with it beside the row."""
    data = event.data
    match event.event_type:
        case EventType.MOVED:
            live.stop_requested, live.activity = False, ""
            by_person = event.triggered_by.startswith(f"{AuthorityKind.PERSON.value}:")
            if by_person and Kind(data["kind"]) in BACK:
                _revoke(session, event)
            if data["kind"] == Kind.ROLLBACK.value:
                _void_messages(session, event, State(data["to"]), seq)
        case EventType.CONDITION_CHANGED:
            live.stop_requested, live.activity = False, ""
            if data["condition"] == Condition.CANCELLED.value:
                _revoke(session, event)
        case EventType.ATTEMPT_ENDED:
            attempt = session.get(Attempt, f"{event.workflow_id}:{data['state']}:{data['number']}")
            if attempt is not None and attempt.ended_at is None:
                attempt.ended_at, attempt.outcome = max(event.at, attempt.started_at), str(data["outcome"])
                attempt.summary = str(data["summary"])
                session.add(attempt)
        case EventType.EVIDENCE_RECORDED if data["kind"] == EvidenceKind.TESTS.value:
            live.tests = str(data["summary"])[:60]


def _revoke(session: Session, event: Event) -> None:
    """Take every running attempt's right to write, and free the money that was set aside for it."""
    session.execute(
        sa.update(Attempt)
        .where(col(Attempt.workflow_id) == event.workflow_id, col(Attempt.ended_at).is_(None))
        .values(lease="", ended_at=event.at, outcome="stopped", summary="taken back by a person")
    )
    session.execute(
        sa.update(ModelCall)
        .where(col(ModelCall.workflow_id) == event.workflow_id, col(ModelCall.status) == "reserved")
        .values(status="released", settled_at=event.at)
    )


def _void_messages(session: Session, event: Event, target: State, seq: int) -> None:
    """A rollback takes back what was said in the target and in everything later; it stays readable."""
    undone = undone_by_rollback(event.workflow_id, target)
    session.execute(sa.update(Message).where(*undone).values(voided_by=seq))


def undone_by_rollback(workflow_id: str, target: State) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions that choose the messages which a rollback to `target` takes back."""
    late = [s.value for s, info in STATES.items() if info.rank >= STATES[target].rank]
    return (
        col(Message.workflow_id) == workflow_id,
        col(Message.state).in_(late),
        col(Message.voided_by).is_(None),
    )
