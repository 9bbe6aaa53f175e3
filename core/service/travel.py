"""The board and a workflow as they were after any event. Reads only, and asks no model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.board import BoardRow
from core.errors import UnknownError
from core.journal.database import Database
from core.journal.ledger import MICROS
from core.journal.log import event_of, history
from core.journal.projections import picture_of
from core.journal.records import find_row
from core.journal.tables import ModelCall, Project, WorkflowEvent
from core.service.past import activity_of, tests_of
from core.service.reading import view_of
from core.service.views import WorkflowView


def workflow_at(database: Database, wanted: str, seq: int) -> WorkflowView:
    """Return the workflow as it was right after its event `seq`. Raises UnknownError when there is none."""
    with database.read() as session:
        workflow_id = find_row(session, wanted).workflow_id
        picture = picture_of(event_of(e) for e in history(session, workflow_id, until=max(1, seq)))
        row, workflow = picture.row, picture.workflow
        if row is None or workflow is None or workflow.version != seq:
            raise UnknownError(f"{wanted[:80]} has no event {seq}.", "`qdeck history` lists the events.")
        view = view_of(session, row, row.updated_at)
        return replace(
            view,
            cost_usd=_cost(session, workflow_id, row.updated_at) / MICROS,
            activity=activity_of(workflow),
            tests=tests_of(workflow),
        )


def board_at(database: Database, moment: datetime | None, event: tuple[str, int] | None) -> list[BoardRow]:
    """Return the board as it was at a moment, or right after an event, newest workflow first."""
    with database.read() as session:
        past, at = _past(session, moment or database.clock(), event)
        query = select(WorkflowEvent).where(past)
        query = query.order_by(col(WorkflowEvent.workflow_id), col(WorkflowEvent.seq))
        names = dict(session.exec(select(Project.project_id, Project.name)).all())
        rows, group = [], list[WorkflowEvent]()
        for found in session.exec(query.execution_options(yield_per=500)):
            if group and group[0].workflow_id != found.workflow_id:
                rows.append(_board_row(session, group, names, at))
                group = []
            group.append(found)
        if group:
            rows.append(_board_row(session, group, names, at))
    return sorted(rows, key=lambda row: -row.created_at)


def _past(session: Session, moment: datetime, event: tuple[str, int] | None) -> tuple[Any, datetime]:
    """What was written by then, and when that was."""
    if event is None:
        at = moment.astimezone(UTC)
        return col(WorkflowEvent.timestamp) <= at, at
    workflow_id = find_row(session, event[0]).workflow_id
    query = select(WorkflowEvent).where(
        WorkflowEvent.workflow_id == workflow_id, WorkflowEvent.seq == event[1]
    )
    row = session.exec(query).first()
    if row is None:
        raise UnknownError(f"{event[0][:80]} has no event {event[1]}.", "`qdeck history` lists the events.")
    return col(WorkflowEvent.id) <= row.id, row.timestamp


def _board_row(
    session: Session, events: list[WorkflowEvent], names: dict[str, str], at: datetime
) -> BoardRow:
    picture = picture_of(event_of(row) for row in events)
    row, workflow = picture.row, picture.workflow
    assert row is not None and workflow is not None  # noqa: S101 - there is one event at least
    return BoardRow(
        workflow_id=row.workflow_id,
        build_id=row.build_id,
        title=row.title,
        project=names.get(row.project_id, ""),
        state=row.current_state,
        condition=row.condition,
        waiting_for=row.waiting_for,
        autonomy=row.autonomy,
        activity=activity_of(workflow),
        tests=tests_of(workflow),
        cost_usd=_cost(session, row.workflow_id, at) / MICROS,
        budget_usd=None if row.budget_micros is None else row.budget_micros / MICROS,
        retries_used=row.retries_used,
        retry_budget=row.retry_budget,
        created_at=row.created_at.timestamp(),
        updated_at=row.updated_at.timestamp(),
        completed_at=row.completed_at.timestamp() if row.completed_at else None,
        version=row.version,
        evidence=row.evidence,
        attempt=row.attempt,
        due_at=row.due_at.timestamp() if row.due_at else None,
        due_left=row.due_left,
        due_for=row.due_for,
        breached=row.breached,
    )


def _cost(session: Session, workflow_id: str, at: datetime) -> int:
    """What the calls that were settled by then cost, in micro-dollars."""
    query = sa.select(sa.func.coalesce(sa.func.sum(ModelCall.cost_micros), 0)).where(
        col(ModelCall.workflow_id) == workflow_id,
        col(ModelCall.status) == "settled",
        col(ModelCall.settled_at) <= at,
    )
    return int(session.execute(query).scalar() or 0)
