"""Figures over many workflows."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from core.journal.database import Database
from core.journal.ledger import MICROS
from core.journal.tables import Attempt, BuildWorkflow, ModelCall, WorkflowEvent
from core.machine.events import EventType
from core.machine.states import FINAL, Condition, State
from core.machine.transitions import Kind
from core.service.questions import project_of
from core.service.views import StatsView


def stats(database: Database, project_id: str | None) -> StatsView:
    """Return the figures of one project, or of all. Raises UnknownError."""
    with database.read() as session:
        if project_id is not None:
            project_of(session, project_id)
        ours = sa.select(col(BuildWorkflow.workflow_id))
        if project_id is not None:
            ours = ours.where(col(BuildWorkflow.project_id) == project_id)
        by_state = _counted(session, BuildWorkflow.current_state, ours)
        by_condition = _counted(session, BuildWorkflow.condition, ours)
        completed = by_state.get(FINAL.value, 0)
        over = completed + by_condition.get(Condition.FAILED.value, 0) + by_condition.get("cancelled", 0)
        moves = _moves(session, ours)
        calls = _calls(session, ours)
        seconds, attempts = _seconds(session, ours)
        return StatsView(
            project_id=project_id,
            workflows=sum(by_state.values()),
            completed=completed,
            by_state={State(k): n for k, n in by_state.items()},
            by_condition={Condition(k): n for k, n in by_condition.items()},
            success_rate=completed / over if over else None,
            average_seconds=_average(session, ours),
            seconds_by_state=seconds,
            retries=moves.get(Kind.RETRY.value, 0),
            refusals=moves.get(Kind.REFUSE.value, 0),
            rollbacks=moves.get(Kind.ROLLBACK.value, 0),
            attempts=attempts,
            **calls,
        )


def _counted(session: Session, column: Any, ours: Any) -> dict[str, int]:
    query = (
        sa.select(column, sa.func.count()).where(col(BuildWorkflow.workflow_id).in_(ours)).group_by(column)
    )
    return {str(key): int(count) for key, count in session.execute(query)}


def _moves(session: Session, ours: Any) -> dict[str, int]:
    kind = col(WorkflowEvent.event_data)["kind"].as_string()
    query = (
        sa.select(kind, sa.func.count())
        .where(
            col(WorkflowEvent.workflow_id).in_(ours), col(WorkflowEvent.event_type) == EventType.MOVED.value
        )
        .group_by(kind)
    )
    return {str(key): int(count) for key, count in session.execute(query)}


def _average(session: Session, ours: Any) -> float | None:
    query = sa.select(col(BuildWorkflow.created_at), col(BuildWorkflow.completed_at)).where(
        col(BuildWorkflow.workflow_id).in_(ours), col(BuildWorkflow.completed_at).is_not(None)
    )
    took = [(end - start).total_seconds() for start, end in session.execute(query) if end is not None]
    return sum(took) / len(took) if took else None


def _seconds(session: Session, ours: Any) -> tuple[dict[State, float], int]:
    """The mean time that an attempt takes in each state, and how many attempts there were."""
    query = sa.select(col(Attempt.state), col(Attempt.started_at), col(Attempt.ended_at)).where(
        col(Attempt.workflow_id).in_(ours)
    )
    took: dict[State, list[float]] = defaultdict(list)
    count = 0
    for state, start, end in session.execute(query):
        count += 1
        if end is not None:
            took[State(state)].append((end - start).total_seconds())
    return {state: sum(all_) / len(all_) for state, all_ in took.items()}, count


def _calls(session: Session, ours: Any) -> dict[str, Any]:
    query = (
        sa.select(
            col(ModelCall.model),
            sa.func.count(),
            sa.func.sum(ModelCall.prompt_tokens),
            sa.func.sum(ModelCall.completion_tokens),
            sa.func.sum(sa.func.coalesce(ModelCall.cost_micros, 0)),
        )
        .where(col(ModelCall.workflow_id).in_(ours), col(ModelCall.status) == "settled")
        .group_by(col(ModelCall.model))
    )
    rows = session.execute(query).all()
    return {
        "model_calls": sum(int(r[1]) for r in rows),
        "prompt_tokens": sum(int(r[2] or 0) for r in rows),
        "completion_tokens": sum(int(r[3] or 0) for r in rows),
        "cost_usd": sum(int(r[4] or 0) for r in rows) / MICROS,
        "cost_by_model": {str(r[0]): int(r[4] or 0) / MICROS for r in rows},
    }
