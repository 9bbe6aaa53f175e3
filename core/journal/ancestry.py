"""What a fork can read of the workflows that it comes from: each up to the event that the next began at."""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import Session, col, select

from core.journal.tables import Attempt, Message, WorkflowEvent
from core.machine.events import EventType


def ancestry(session: Session, workflow_id: str) -> Iterator[WorkflowEvent]:
    """Yield the event of each ancestor at which its fork began, the parent's first."""
    for _ in range(_DEEPEST):
        query = select(WorkflowEvent).where(WorkflowEvent.workflow_id == workflow_id, WorkflowEvent.seq == 1)
        start = session.exec(query).first()
        fork = start.event_data.get("fork") if start else None
        if not fork:
            return
        workflow_id = str(fork["workflow_id"])
        query = select(WorkflowEvent).where(
            WorkflowEvent.workflow_id == workflow_id, WorkflowEvent.seq == int(fork["seq"])
        )
        event = session.exec(query).first()
        if event is None:
            return
        yield event


_DEEPEST = 1_000
"""A record that somebody forged into a circle ends as well."""


def earlier_messages(session: Session, workflow_id: str) -> list[Message]:
    """Return what was said in the ancestors up to where each was left, oldest first."""
    found: list[Message] = []
    for event in ancestry(session, workflow_id):
        query = select(Message).where(
            Message.workflow_id == event.workflow_id,
            col(Message.at) <= event.timestamp,
            # What a rollback took back afterwards had still been said then.
            (col(Message.voided_by).is_(None)) | (col(Message.voided_by) > event.seq),
        )
        found[:0] = session.exec(query.order_by(col(Message.seq)))
    return found


def earlier_attempts(session: Session, workflow_id: str) -> list[Attempt]:
    """Return the attempts that had ended in the ancestors by then, oldest first."""
    found: list[Attempt] = []
    for event in ancestry(session, workflow_id):
        query = select(Attempt).where(
            Attempt.workflow_id == event.workflow_id, col(Attempt.ended_at) <= event.timestamp
        )
        found[:0] = session.exec(query.order_by(col(Attempt.started_at)))
    return found


def earlier_notes(session: Session, workflow_id: str) -> list[WorkflowEvent]:
    """Return the notes of the ancestors up to where each was left, oldest first."""
    found: list[WorkflowEvent] = []
    for event in ancestry(session, workflow_id):
        query = select(WorkflowEvent).where(
            WorkflowEvent.workflow_id == event.workflow_id,
            WorkflowEvent.event_type == EventType.NOTED.value,
            col(WorkflowEvent.seq) <= event.seq,
        )
        found[:0] = session.exec(query.order_by(col(WorkflowEvent.seq)))
    return found


def inherited_receipts(session: Session, workflow_id: str) -> dict[str, str]:
    """Return the digests of the receipts that the start of a fork names."""
    query = select(WorkflowEvent).where(WorkflowEvent.workflow_id == workflow_id, WorkflowEvent.seq == 1)
    start = session.exec(query).first()
    fork = start.event_data.get("fork") if start else None
    return dict(fork["receipts"]) if fork else {}
