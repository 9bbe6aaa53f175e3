"""Figures over many workflows, counted from their events and from the ledger of model calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col

from core.journal.database import Database
from core.journal.ledger import MICROS
from core.journal.tables import Attempt, BuildWorkflow, ModelCall, Project, WorkflowEvent
from core.machine.deadlines import Clock
from core.machine.events import EventType
from core.machine.states import DEADLINES, FINAL, PHASES, State, phase_of
from core.machine.transitions import Kind
from core.progress import Progress
from core.service.figures import Figures, Span, Step, figures
from core.service.questions import project_of
from core.service.reports import MetView, StatsView
from core.service.sides import (
    by_project_of,
    by_role_of,
    for_each,
    most_first,
    outcomes,
    per_week,
    spent_in,
)

_COUNTED = (
    EventType.STARTED,
    EventType.MOVED,
    EventType.CONDITION_CHANGED,
    EventType.EVIDENCE_RECORDED,
)
_COUNTED_ALONE = col(WorkflowEvent.event_type).in_([kind.value for kind in _COUNTED])
_AT_ONCE = 500
"""Rows that are fetched, and told of, together."""
T = TypeVar("T")


def stats(
    database: Database,
    project_id: str | None,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> StatsView:
    """Return the figures of one project, or of all, up to now.

    Raises UnknownError, and Stopped when `progress` says so.
    """
    now, progress = now or database.clock(), progress or Progress()
    with database.read() as session:
        if project_id is not None:
            project_of(session, project_id)
        ours = sa.select(col(BuildWorkflow.workflow_id))
        if project_id is not None:
            ours = ours.where(col(BuildWorkflow.project_id) == project_id)
        _expect(session, ours, progress)
        names = _projects(session, project_id)
        found = list(_figures(session, ours, now, progress))
        seconds, attempts = _seconds(session, ours, progress)
        calls = _calls(session, ours)
        deadlines = _deadlines(session, ours, now)
    all_ = [figures for _, figures in found]
    by_role = by_role_of(all_, attempts, calls.by_role)
    return StatsView(
        project_id=project_id,
        **outcomes(all_),
        **_times(all_),
        **_back(all_),
        **_weeks(all_),
        per_week=per_week(all_, now),
        seconds_by_state=seconds,
        attempts=attempts.total(),
        cost_per_accepted=for_each(calls.usd, sum(f.state is FINAL for f in all_)),
        model_calls=calls.count,
        prompt_tokens=calls.prompt_tokens,
        completion_tokens=calls.completion_tokens,
        cost_usd=calls.usd,
        cost_by_model={name: micros / MICROS for name, micros in calls.by_model.items()},
        cost_by_role={name: micros / MICROS for name, micros in calls.by_role.items() if name},
        by_role=by_role,
        by_project=by_project_of(names, found, calls.by_project, now),
        **deadlines,
    )


def _expect(session: Session, ours: Any, progress: Progress) -> None:
    """Tell how many rows there are to go through."""
    for table, more in ((WorkflowEvent, _COUNTED_ALONE), (ModelCall, None), (Attempt, None)):
        query = sa.select(sa.func.count()).where(col(table.workflow_id).in_(ours))
        progress.expect(int(session.scalar(query if more is None else query.where(more)) or 0))


def _stepped(rows: Iterable[T], progress: Progress) -> Iterator[T]:
    """Yield the rows, and tell every few of them how far it has come."""
    count = 0
    for count, row in enumerate(rows, start=1):
        if count % _AT_ONCE == 0:
            progress.step(_AT_ONCE)
        yield row
    progress.step(count % _AT_ONCE)


def _projects(session: Session, project_id: str | None) -> dict[str, str]:
    """The names of the projects that are counted."""
    query = sa.select(col(Project.project_id), col(Project.name)).order_by(col(Project.name))
    if project_id is not None:
        query = query.where(col(Project.project_id) == project_id)
    return {str(row[0]): str(row[1]) for row in session.execute(query)}


def _figures(session: Session, ours: Any, now: datetime, progress: Progress) -> Iterator[tuple[str, Figures]]:
    """The project and the figures of each workflow, in turn; only a few small fields of events are read."""
    calls = _spans(session, ours, progress)
    homes = sa.select(col(BuildWorkflow.workflow_id), col(BuildWorkflow.project_id))
    homes = homes.where(col(BuildWorkflow.workflow_id).in_(ours))
    home = {str(workflow): str(project) for workflow, project in session.execute(homes)}
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
            data[("fork", "standing", "state")].as_string(),
        )
        .where(col(WorkflowEvent.workflow_id).in_(ours), _COUNTED_ALONE)
        .order_by(col(WorkflowEvent.workflow_id), col(WorkflowEvent.seq))
    )
    rows = session.execute(query.execution_options(yield_per=_AT_ONCE))
    for workflow_id, group in groupby(_stepped(rows, progress), key=lambda row: row[0]):
        steps = [Step(*row[1:]) for row in group]
        yield home[workflow_id], figures(steps, calls.get(workflow_id, []), now)


def _spans(session: Session, ours: Any, progress: Progress) -> dict[str, list[Span]]:
    """The times at which each workflow's model calls were out; one that never ended is not counted."""
    query = sa.select(
        col(ModelCall.workflow_id), col(ModelCall.at), col(ModelCall.settled_at), col(ModelCall.status)
    ).where(col(ModelCall.workflow_id).in_(ours))
    found: dict[str, list[Span]] = defaultdict(list)
    for workflow_id, start, end, status in _stepped(session.execute(query), progress):
        if end is not None and status == "settled":
            found[workflow_id].append((start, end))
    return found


def _times(all_: list[Figures]) -> dict[str, Any]:
    found = {phase: spent_in(all_, (phase,)) for phase in PHASES if any(phase in f.times for f in all_)}
    return {"times": found}


def _back(all_: list[Figures]) -> dict[str, Any]:
    causes: Counter[str] = Counter()
    trouble: Counter[State] = Counter()
    moves: Counter[Kind] = Counter()
    for found in all_:
        moves += found.moves
        for state, count in found.failures.items():
            trouble[phase_of(state)] += count
        for (phase, _, cause), count in found.back.items():
            causes[cause] += count
            trouble[phase] += count
    worst = max(PHASES, key=lambda phase: trouble[phase])
    return {
        "retries": moves[Kind.RETRY],
        "refusals": moves[Kind.REFUSE],
        "rollbacks": moves[Kind.ROLLBACK],
        "back_by_cause": most_first(causes),
        "worst_phase": worst if trouble[worst] else None,
    }


def _weeks(all_: list[Figures]) -> dict[str, Any]:
    ends = [f.ended for f in all_ if f.state is FINAL and f.ended is not None]
    weeks = Counter(f"{at.isocalendar().year}-W{at.isocalendar().week:02d}" for at in ends)
    return {"completed_by_week": dict(sorted(weeks.items()))}


def _seconds(session: Session, ours: Any, progress: Progress) -> tuple[dict[State, float], Counter[str]]:
    """The mean time that an attempt takes in each state, and how many attempts each role had."""
    query = sa.select(
        col(Attempt.state), col(Attempt.role), col(Attempt.started_at), col(Attempt.ended_at)
    ).where(col(Attempt.workflow_id).in_(ours))
    took: dict[State, list[float]] = defaultdict(list)
    count: Counter[str] = Counter()
    for state, role, start, end in _stepped(session.execute(query), progress):
        count[role] += 1
        if end is not None:
            took[State(state)].append((end - start).total_seconds())
    return {state: sum(all_) / len(all_) for state, all_ in took.items()}, count


@dataclass(slots=True)
class _Calls:
    """What settled calls of models come to; costs in micros."""

    count: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    by_model: Counter[str] = field(default_factory=Counter)
    by_role: Counter[str] = field(default_factory=Counter)
    by_project: Counter[str] = field(default_factory=Counter)

    @property
    def usd(self) -> float:
        """What all of them cost."""
        return self.by_model.total() / MICROS


def _calls(session: Session, ours: Any) -> _Calls:
    query = (
        sa.select(
            col(ModelCall.model),
            col(ModelCall.role),
            col(BuildWorkflow.project_id),
            sa.func.count(),
            sa.func.sum(ModelCall.prompt_tokens),
            sa.func.sum(ModelCall.completion_tokens),
            sa.func.sum(sa.func.coalesce(ModelCall.cost_micros, 0)),
        )
        .join(BuildWorkflow, col(BuildWorkflow.workflow_id) == col(ModelCall.workflow_id))
        .where(col(ModelCall.workflow_id).in_(ours), col(ModelCall.status) == "settled")
        .group_by(col(ModelCall.model), col(ModelCall.role), col(BuildWorkflow.project_id))
    )
    found = _Calls()
    for model, role, project, count, prompt, completion, micros in session.execute(query):
        found.count += int(count)
        found.prompt_tokens += int(prompt or 0)
        found.completion_tokens += int(completion or 0)
        found.by_model[str(model)] += int(micros or 0)
        found.by_role[str(role or "")] += int(micros or 0)
        found.by_project[str(project)] += int(micros or 0)
    return found


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
