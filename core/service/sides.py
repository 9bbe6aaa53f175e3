"""What the figures come to for each role and each project, side by side. Pure, like the figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from core.journal.ledger import MICROS
from core.machine.states import FINAL, PHASES, Condition, Role, State, actor_in
from core.service.figures import Figures
from core.service.reports import ProjectFiguresView, RoleFiguresView, TimesView

_WEEK = 7 * 86_400.0


def for_each(total: float, count: int) -> float | None:
    """Return how much there is for each; None where there is nothing to share."""
    return total / count if count else None


def most_first(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts, the largest first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def outcomes(all_: Sequence[Figures]) -> dict[str, Any]:
    """Return what became of the builds, as fields of the statistics."""
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
        "success_rate": for_each(completed, completed + failed + cancelled),
        "average_seconds": for_each(sum(f.seconds for f in all_ if f.state is FINAL), completed),
        "handoffs": handoffs,
        "average_handoffs": for_each(handoffs, len(all_)),
    }


def per_week(all_: Sequence[Figures], now: datetime) -> float | None:
    """Return how many were completed in a week since the first began; a week at least is counted."""
    if not all_:
        return None
    past = (now - min(f.started for f in all_)).total_seconds() / _WEEK
    return sum(f.state is FINAL and f.ended is not None for f in all_) / max(1.0, past)


def spent_in(all_: Iterable[Figures], phases: Sequence[State]) -> TimesView:
    """Return what the time in these phases was spent on."""
    parts = [f.times[phase] for f in all_ for phase in phases if phase in f.times]
    return TimesView(sum(t.working for t in parts), sum(t.person for t in parts), sum(t.model for t in parts))


def by_role_of(
    all_: Sequence[Figures], attempts: Mapping[str, int], micros: Mapping[str, int]
) -> dict[Role, RoleFiguresView]:
    """Return the figures of each role; what it did is what was done in the phases in which it acts."""
    found = {}
    for role in Role:
        phases = [phase for phase in PHASES if actor_in(phase) is role]
        forward = sum(f.handed_on[phase] for f in all_ for phase in phases)
        stood = forward - sum(f.fell[phase] for f in all_ for phase in phases)
        failed = sum(n for f in all_ for state, n in f.failures.items() if actor_in(state) is role)
        sent_back: Counter[str] = Counter()
        for (_, target, cause), count in (item for f in all_ for item in f.back.items()):
            if target in phases:
                sent_back[cause] += count
        found[role] = RoleFiguresView(
            attempts=attempts.get(role.value, 0),
            ended=forward + failed,
            stood=stood,
            failed=failed,
            success_rate=for_each(stood, forward + failed),
            sent_back=most_first(sent_back),
            times=spent_in(all_, phases),
            cost_usd=micros.get(role.value, 0) / MICROS,
        )
    return found


def by_project_of(
    names: Mapping[str, str],
    found: Iterable[tuple[str, Figures]],
    micros: Mapping[str, int],
    now: datetime,
) -> tuple[ProjectFiguresView, ...]:
    """Return the figures of each project, the one with most builds first."""
    builds: dict[str, list[Figures]] = defaultdict(list)
    for project_id, figures in found:
        builds[project_id].append(figures)
    views = [
        _project(project_id, name, builds[project_id], micros.get(project_id, 0) / MICROS, now)
        for project_id, name in names.items()
    ]
    return tuple(sorted(views, key=lambda view: -view.workflows))


def _project(
    project_id: str, name: str, all_: Sequence[Figures], usd: float, now: datetime
) -> ProjectFiguresView:
    became = outcomes(all_)
    causes: Counter[str] = Counter()
    for (_, _, cause), count in (item for f in all_ for item in f.back.items()):
        causes[cause] += count
    shared = ("workflows", "completed", "failed", "cancelled", "success_rate", "average_seconds")
    return ProjectFiguresView(
        project_id=project_id,
        name=name,
        **{key: became[key] for key in shared},
        per_week=per_week(all_, now),
        sent_back=most_first(causes),
        times=spent_in(all_, PHASES),
        cost_usd=usd,
        cost_per_accepted=for_each(usd, became["completed"]),
    )
