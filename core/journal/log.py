"""The event log: append and read. Append-only, without gaps, each event bound to the one before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from core.journal.chain import GENESIS, event_hash
from core.journal.tables import WorkflowEvent
from core.machine.events import Event, EventType


class LostRace(Exception):
    """Somebody else's event came in between; what was decided is decided on the past."""


def append(
    session: Session, events: Sequence[Event], *, after: int, command_id: str, answer: Mapping[str, Any]
) -> list[WorkflowEvent]:
    """Add the events of one command, all of one workflow, behind event `after`, on which they were decided.

    `answer` is kept with the first of them. Raises LostRace when that is not the last one any more; UNIQUE
    refuses whoever comes between this look and the insert.
    """
    last = last_event(session, events[0].workflow_id)
    seq, prev_hash = (last.seq, last.hash) if last else (0, GENESIS)
    if seq != after:
        raise LostRace(f"{events[0].workflow_id} is at event {seq}, not at {after}")
    rows = []
    for ordinal, event in enumerate(events):
        seq += 1
        fields: dict[str, Any] = {
            "workflow_id": event.workflow_id,
            "seq": seq,
            "event_type": event.event_type.value,
            "triggered_by": event.triggered_by,
            "event_data": dict(event.data),
            "timestamp": event.at,
            "command_id": command_id,
            "ordinal": ordinal,
            "prev_hash": prev_hash,
            "answer": dict(answer) if ordinal == 0 else None,
        }
        prev_hash = event_hash(**fields)
        rows.append(WorkflowEvent(**fields, hash=prev_hash))
    session.add_all(rows)
    session.flush()
    session.info.setdefault("heads", []).append((rows[-1].workflow_id, seq, prev_hash))
    return rows


def last_event(session: Session, workflow_id: str) -> WorkflowEvent | None:
    """Return the newest event of the workflow, None before its start."""
    query = select(WorkflowEvent).where(WorkflowEvent.workflow_id == workflow_id)
    return session.exec(query.order_by(col(WorkflowEvent.seq).desc()).limit(1)).first()


def history(
    session: Session, workflow_id: str, *, after: int = 0, until: int = 0, limit: int = 0
) -> list[WorkflowEvent]:
    """Return the events behind `after`, oldest first; up to `until`, at most `limit`, where given."""
    query = select(WorkflowEvent).where(
        WorkflowEvent.workflow_id == workflow_id, col(WorkflowEvent.seq) > after
    )
    if until:
        query = query.where(col(WorkflowEvent.seq) <= until)
    query = query.order_by(col(WorkflowEvent.seq))
    return list(session.exec(query.limit(limit) if limit else query))


def by_command(session: Session, command_id: str) -> list[WorkflowEvent]:
    """Return the events that a command has caused, none when it is new."""
    query = select(WorkflowEvent).where(WorkflowEvent.command_id == command_id)
    return list(session.exec(query.order_by(col(WorkflowEvent.ordinal))))


def event_of(row: WorkflowEvent) -> Event:
    """Return the machine's event that a row holds."""
    return Event(EventType(row.event_type), row.workflow_id, row.timestamp, row.triggered_by, row.event_data)
