"""Figures over many workflows, counted from their events and from the ledger of model calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from core.journal.database import Database
from core.journal.ledger import MICROS
from core.journal.tables import Attempt, BuildWorkflow, ModelCall, WorkflowEvent
from core.machine.deadlines import Clock
from core.machine.events import EventType
from core.machine.states import DEADLINES, FINAL, PHASES, Condition, State
from core.machine.transitions import Kind
from core.service.figures import Figures, Span, Step, figures
from core.service.questions import project_of
from core.service.reports import MetView, StatsView, TimesView

_COUNTED = (
    EventType.STARTED,
    EventType.MOVED,
    EventType.CONDITION_CHANGED,
    EventType.EVIDENCE_RECORDED,
)
_WEEK = 7 * 86_400.0


def stats(database: Database, project_id: str | None, now: datetime | None = None) -> StatsView:
    """Return the figures of one project, or of all, up to now. Raises UnknownError."""
    now = now or database.clock()
    with database.read() as session:
        if project_id is not None:
            project_of(session, project_id)
        ours = sa.select(col(BuildWorkflow.workflow_id))
        if project_id is not None:
            ours = ours.where(col(BuildWorkflow.project_id) == project_id)
        all_ = list(_figures(session, ours, now))
        calls = _calls(session, ours)
        seconds, attempts = _seconds(session, ours)
        deadlines = _deadlines(session, ours, now)
    return StatsView(
        project_id=project_id,
        **_outcomes(all_),
        **_times(all_),
        **_back(all_),
        **_weeks(all_, now),
        seconds_by_state=seconds,
        attempts=attempts,
        cost_per_accepted=_for_each(calls["cost_usd"], sum(f.state is FINAL for f in all_)),
        **calls,
        **deadlines,
    )


def _figures(session: Session, ours: Any, now: datetime) -> Iterator[Figures]:
    """The figures of each workflow, one after the other; only a few small fields of events are read."""
    calls = _spans(session, ours)
    data = col(WorkflowEvent.event_data)
    query = (
        sa.select(
            col(WorkflowEvent.workflow_id),
            col(WorkflowEvent.event_type),
            col(WorkflowEvent.timestamp),
            col(WorkflowEvent.triggered_by),
            data["kind"].as_string(),
            data["from"].as_string(),
            data["to"].as_string(),
            data["condition"].as_string(),
            data["ok"].as_boolean(),
        )
        .where(
            col(WorkflowEvent.workflow_id).in_(ours),
            col(WorkflowEvent.event_type).in_([kind.value for kind in _COUNTED]),
        )
        .order_by(col(WorkflowEvent.workflow_id), col(WorkflowEvent.seq))
    )
    rows = session.execute(query.execution_options(yield_per=1_000))
    for workflow_id, group in groupby(rows, key=lambda row: row[0]):
        yield figures([Step(*row[1:]) for row in group], calls.get(workflow_id, []), now)


def _spans(session: Session, ours: Any) -> dict[str, list[Span]]:
    """The times at which each workflow's model calls were out; one that never ended is not counted."""
    query = sa.select(col(ModelCall.workflow_id), col(ModelCall.at), col(ModelCall.settled_at)).where(
        col(ModelCall.workflow_id).in_(ours), col(ModelCall.status) == "settled"
    )
    found: dict[str, list[Span]] = defaultdict(list)
    for workflow_id, start, end in session.execute(query):
        if end is not None:
            found[workflow_id].append((start, end))
    return found


def _for_each(total: float, count: int) -> float | None:
    return total / count if count else None


def _outcomes(all_: list[Figures]) -> dict[str, Any]:
    by_state = Counter(f.state for f in all_)
    by_condition = Counter(f.condition for f in all_)
    completed = by_state[FINAL]
    failed, cancelled = by_condition[Condition.FAILED], by_condition[Condition.CANCELLED]
    handoffs = sum(f.handoffs for f in all_)
    return {
        "workflows": len(all_),
        "completed": completed,
        "in_progress": len(all_) - completed - failed - cancelled,
        "failed": failed,
        "cancelled": cancelled,
        "by_state": dict(by_state),
        "by_condition": dict(by_condition),
        "success_rate": _for_each(completed, completed + failed + cancelled),
        "average_seconds": _for_each(sum(f.seconds for f in all_ if f.state is FINAL), completed),
        "handoffs": handoffs,
        "average_handoffs": _for_each(handoffs, len(all_)),
    }


def _times(all_: list[Figures]) -> dict[str, Any]:
    found = {}
    for phase in PHASES:
        parts = [f.times[phase] for f in all_ if phase in f.times]
        if parts:
            found[phase] = TimesView(
                sum(t.working for t in parts), sum(t.person for t in parts), sum(t.model for t in parts)
            )
    return {"times": found}


def _back(all_: list[Figures]) -> dict[str, Any]:
    causes: Counter[str] = Counter()
    trouble: Counter[State] = Counter()
    moves: Counter[Kind] = Counter()
    for found in all_:
        moves += found.moves
        trouble += found.failures
        for (phase, cause), count in found.back.items():
            causes[cause] += count
            trouble[phase] += count
    worst = max(PHASES, key=lambda phase: trouble[phase])
    return {
        "retries": moves[Kind.RETRY],
        "refusals": moves[Kind.REFUSE],
        "rollbacks": moves[Kind.ROLLBACK],
        "back_by_cause": dict(sorted(causes.items(), key=lambda item: (-item[1], item[0]))),
        "worst_phase": worst if trouble[worst] else None,
    }


def _weeks(all_: list[Figures], now: datetime) -> dict[str, Any]:
    ends = [f.ended for f in all_ if f.state is FINAL and f.ended is not None]
    weeks = Counter(f"{at.isocalendar().year}-W{at.isocalendar().week:02d}" for at in ends)
    per_week = None
    if all_:
        past = (now - min(f.started for f in all_)).total_seconds() / _WEEK
        per_week = len(ends) / max(1.0, past)
    return {"completed_by_week": dict(sorted(weeks.items())), "per_week": per_week}


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
            col(ModelCall.role),
        )
        .where(col(ModelCall.workflow_id).in_(ours), col(ModelCall.status) == "settled")
        .group_by(col(ModelCall.model), col(ModelCall.role))
    )
    rows = session.execute(query).all()
    by_model, by_role = Counter[str](), Counter[str]()
    for row in rows:
        by_model[str(row[0])] += int(row[4] or 0)
        by_role[str(row[5] or "")] += int(row[4] or 0)
    return {
        "model_calls": sum(int(r[1]) for r in rows),
        "prompt_tokens": sum(int(r[2] or 0) for r in rows),
        "completion_tokens": sum(int(r[3] or 0) for r in rows),
        "cost_usd": sum(int(r[4] or 0) for r in rows) / MICROS,
        "cost_by_model": {name: micros / MICROS for name, micros in by_model.items()},
        "cost_by_role": {name: micros / MICROS for name, micros in by_role.items() if name},
    }


def _deadlines(session: Session, ours: Any, now: datetime) -> dict[str, Any]:
    """Count the deadlines that were met and missed, of the workflows `ours`.

    Missed is what ran out, or is on record as missed even where a person set it anew later. Met is what a
    complete workflow kept. What is still open, or was cancelled in time, counts as neither.
    """
    query = sa.select(col(BuildWorkflow.clock), col(BuildWorkflow.current_state)).where(
        col(BuildWorkflow.workflow_id).in_(ours)
    )
    kept: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for data, state in session.execute(query):
        if not data:
            continue
        clock = Clock.from_data(data)
        broken = {d.name for d in clock.now(now) if d.breached} | set(clock.noted)
        missed.update(broken)
        kept.update(clock.limits.keys() - broken if state == FINAL.value else ())
    total = kept.total() + missed.total()
    names = [name for name in DEADLINES if kept[name] or missed[name]]
    return {
        "deadlines": {name: MetView(kept[name], missed[name]) for name in names},
        "deadlines_met": kept.total() / total if total else None,
    }
