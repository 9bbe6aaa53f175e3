"""Drops what is derived of a workflow and builds it again from its events, equal to the last byte."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from core.errors import JournalError
from core.journal.log import event_of, history
from core.journal.projections import Picture, picture_of
from core.journal.tables import BuildWorkflow, Checkpoint, ModelCall, WorkflowHandoff, WorkflowLive

DERIVED: tuple[tuple[type[Any], str], ...] = (
    (BuildWorkflow, ""),
    (WorkflowHandoff, "seq"),
    (Checkpoint, "number"),
)
"""The tables that come from events, and what tells the rows of one workflow apart."""

Stored = dict[tuple[str, str], dict[str, str | None]]


def rebuild(session: Session, workflow_id: str) -> list[str]:
    """Drop and build again what is derived of one workflow; return what differed from before.

    Raises JournalError when its events cannot be read.
    """
    before = _stored(session, workflow_id)
    picture = _picture(session, workflow_id)
    if picture.row is None:
        return [f"{workflow_id}: there are rows, but no events"]
    for table, _ in DERIVED:
        session.execute(sa.delete(table).where(col(table.workflow_id) == workflow_id))
    session.expunge_all()
    session.add_all([picture.row, *picture.handoffs.values(), *picture.checkpoints.values()])
    session.flush()
    name = picture.row.build_id
    found = _differences(name, before, _stored(session, workflow_id))
    return found + _cost(session, workflow_id, name)


def _picture(session: Session, workflow_id: str) -> Picture:
    try:
        return picture_of(event_of(row) for row in history(session, workflow_id))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JournalError(
            f"The events of {workflow_id} cannot be read back ({type(error).__name__}: {error}).",
            "`qdeck verify` says which row was changed. Nothing was rebuilt.",
        ) from error


def _stored(session: Session, workflow_id: str) -> Stored:
    """The rows as the database holds them, every column as text that differs when a byte does."""
    text = "quote({})" if session.get_bind().dialect.name == "sqlite" else "CAST({} AS text)"
    stored: Stored = {}
    for table, key in DERIVED:
        columns = table.__table__.columns.keys()
        fields = ", ".join(text.format(f'"{column}"') for column in columns)
        # S608: the names are those of our own tables.
        query = sa.text(f"SELECT {fields} FROM {table.__tablename__} WHERE workflow_id = :id")  # noqa: S608
        for row in session.execute(query, {"id": workflow_id}):
            values = dict(zip(columns, row, strict=True))
            stored[table.__tablename__, values.get(key) or ""] = values
    return stored


def _differences(name: str, before: Stored, after: Stored) -> list[str]:
    found = []
    for table, key in sorted(before.keys() | after.keys()):
        old, new = before.get((table, key)), after.get((table, key))
        if old == new:
            continue
        where = f"{name}: {table}{f' {key}' if key else ''}"
        if old is None or new is None:
            found.append(f"{where} {'was missing' if old is None else 'has no event'}")
        else:
            columns = ", ".join(column for column in new if new[column] != old[column])
            found.append(f"{where} differed from its events in {columns}")
    return found


def _cost(session: Session, workflow_id: str, name: str) -> list[str]:
    """The cost on the board is the sum of the settled calls."""
    settled = sa.select(sa.func.coalesce(sa.func.sum(ModelCall.cost_micros), 0)).where(
        col(ModelCall.workflow_id) == workflow_id, col(ModelCall.status) == "settled"
    )
    cost = int(session.execute(settled).scalar() or 0)
    live = session.get(WorkflowLive, workflow_id)
    shown = live.cost_micros if live else 0
    if shown == cost:
        return []
    live = live or WorkflowLive(workflow_id=workflow_id, touched=0.0)
    live.cost_micros = cost
    session.add(live)
    return [f"{name}: the cost on the board differed from the sum of its calls"]
