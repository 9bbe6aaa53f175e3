"""The board and a workflow as they were after any event. Reads only, and asks no model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.board import BoardRow
from core.errors import UnknownError
from core.journal.database import Database
from core.journal.ledger import MICROS
from core.journal.log import event_of, history
from core.journal.projections import picture_of
from core.journal.records import find_row, workflow_of
from core.journal.tables import BuildWorkflow, ModelCall, Project, WorkflowEvent
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
            cost_usd=_costs(session, row.updated_at, workflow_id).get(workflow_id, 0) / MICROS,
            activity=activity_of(workflow),
            tests=tests_of(workflow),
        )


def board_at(database: Database, moment: datetime | None, event: tuple[str, int] | None) -> list[BoardRow]:
    """Return the board as it was at a moment, or right after an event, newest workflow first.

    Only workflows that went on after that are folded; the others' rows stand as they did then.
    """
    with database.read() as session:
        past, at = _past(session, moment or database.clock(), event)
        later = sa.select(col(WorkflowEvent.workflow_id)).where(sa.not_(past))
        names = dict(session.exec(select(Project.project_id, Project.name)).all())
        costs = _costs(session, at)
        parents = sa.select(col(BuildWorkflow.parent))
        query_builds = select(BuildWorkflow.workflow_id, BuildWorkflow.build_id)
        builds = dict(session.exec(query_builds.where(col(BuildWorkflow.workflow_id).in_(parents))).all())
        still = select(BuildWorkflow).where(col(BuildWorkflow.workflow_id).not_in(later))
        rows = [_board_row(row, names, costs, builds) for row in session.exec(still)]
        query = select(WorkflowEvent).where(past, col(WorkflowEvent.workflow_id).in_(later))
        query = query.order_by(col(WorkflowEvent.workflow_id), col(WorkflowEvent.seq))
        events = session.exec(query.execution_options(yield_per=500))
        for _, group in groupby(events, key=lambda found: found.workflow_id):
            row = picture_of(event_of(found) for found in group).row
            assert row is not None  # noqa: S101 - there is one event at least
            rows.append(_board_row(row, names, costs, builds))
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
    row: BuildWorkflow, names: dict[str, str], costs: dict[str, int], builds: dict[str, str]
) -> BoardRow:
    workflow = workflow_of(row)
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
        cost_usd=costs.get(row.workflow_id, 0) / MICROS,
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
        fork_of=builds.get(row.parent, ""),
    )


def _costs(session: Session, at: datetime, workflow_id: str = "") -> dict[str, int]:
    """What the calls that were settled by then cost, in micro-dollars, by workflow; of one, or of all."""
    query = (
        sa.select(col(ModelCall.workflow_id), sa.func.sum(sa.func.coalesce(ModelCall.cost_micros, 0)))
        .where(col(ModelCall.status) == "settled", col(ModelCall.settled_at) <= at)
        .group_by(col(ModelCall.workflow_id))
    )
    if workflow_id:
        query = query.where(col(ModelCall.workflow_id) == workflow_id)
    return {found: int(total or 0) for found, total in session.execute(query)}
