"""Figures over many workflows: charts as data. Pure; draws nothing itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from core.machine.states import PHASES, Role
from tui import words
from tui.ink import cells, cut, said

if TYPE_CHECKING:
    from core.service.views import StatsView

WEEKS = 12
"""Weeks that the throughput shows."""
TIME_STEPS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800)
"""Seconds between two values of an axis of time: what a clock or a calendar has."""
FULL, HALF, LIGHT = "█", "▒", "░"
"""What the parts of a bar are drawn with, so that they can be told apart without colour."""


@dataclass(frozen=True, slots=True)
class Series:
    """One part of every bar."""

    name: str
    values: tuple[float, ...]
    ink: str
    marker: str = FULL


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture. `columns` stand up, otherwise bars lie; the parts of a bar stand one on the other.

    `shown` gives a value as people say it; `empty` is said when there is nothing to draw. `steps` are the
    distances that an axis may have between two values; without them those are whole numbers, or simple ones.
    `names` are the labels as a table has them, where an axis cannot show them as they are.
    """

    name: str
    title: str
    labels: tuple[str, ...] = ()
    series: tuple[Series, ...] = ()
    columns: bool = False
    shown: Callable[[float], str] = lambda value: f"{value:g}"
    whole: bool = True
    steps: tuple[float, ...] = ()
    empty: str = "There is nothing to count yet."
    names: tuple[str, ...] = ()

    @property
    def drawable(self) -> bool:
        """Whether there is anything to draw."""
        return any(value > 0 for series in self.series for value in series.values)


def charts_of(stats: StatsView, today: date) -> tuple[Chart, ...]:
    """Return every chart, in the order of their keys."""
    return (
        _throughput(stats, today),
        _times(stats),
        _back(stats),
        _cost(stats),
        _success(stats),
        _deadlines(stats),
        _roles(stats),
        _projects(stats),
    )


def _throughput(stats: StatsView, today: date) -> Chart:
    weeks = [today - timedelta(weeks=n) for n in reversed(range(WEEKS))]
    names = [f"{w.isocalendar().year}-W{w.isocalendar().week:02d}" for w in weeks]
    done = tuple(float(stats.completed_by_week.get(name, 0)) for name in names)
    return Chart(
        "throughput",
        "builds completed, by week",
        tuple(name[5:] for name in names),
        (Series("complete", done, "ok"),),
        columns=True,
        empty=f"No build was completed in the last {WEEKS} weeks.",
    )


def _times(stats: StatsView) -> Chart:
    found = [stats.times.get(phase) for phase in PHASES]
    parts = [(t.working, t.person, t.model) if t else (0.0, 0.0, 0.0) for t in found]
    return Chart(
        "time",
        "time in each phase, all builds together",
        tuple(words.SHORT_PHASES[phase] for phase in PHASES),
        _split(parts),
        shown=words.duration,
        steps=TIME_STEPS,
        empty="No build has spent any time yet.",
    )


def _split(parts: Sequence[tuple[float, float, float]]) -> tuple[Series, ...]:
    columns = list(zip(*parts, strict=True)) if parts else [(), (), ()]
    return (
        Series("working", tuple(columns[0]), "run", FULL),
        Series("waits for you", tuple(columns[1]), "need", HALF),
        Series("waits for model", tuple(columns[2]), "role", LIGHT),
    )


def _back(stats: StatsView) -> Chart:
    causes = list(stats.back_by_cause.items())[:8]
    return Chart(
        "retries",
        "what sent work back",
        tuple(_label(cause) for cause, _ in causes),
        (Series("times", tuple(float(n) for _, n in causes), "need"),),
        empty="Nothing was ever sent back.",
    )


def _cost(stats: StatsView) -> Chart:
    costs = sorted(stats.cost_by_model.items(), key=lambda item: -item[1])[:8]
    return Chart(
        "cost",
        "cost by model, in US dollars",
        tuple(_label(model or "unnamed") for model, _ in costs),
        (Series("cost", tuple(usd for _, usd in costs), "code"),),
        shown=words.money,
        whole=False,
        empty="No money was spent yet.",
        names=tuple(_name(model or "unnamed") for model, _ in costs),
    )


def _success(stats: StatsView) -> Chart:
    counts = (stats.completed, stats.failed, stats.cancelled, stats.in_progress)
    return Chart(
        "success",
        "what became of the builds",
        ("complete", "failed", "cancelled", "open"),
        (Series("builds", tuple(map(float, counts)), "ok"),),
    )


def _deadlines(stats: StatsView) -> Chart:
    names = list(stats.deadlines)
    met = tuple(float(stats.deadlines[name].met) for name in names)
    missed = tuple(float(stats.deadlines[name].missed) for name in names)
    return Chart(
        "deadlines",
        "deadlines met and missed",
        tuple(_label(name) for name in names),
        (Series("met", met, "ok", FULL), Series("missed", missed, "bad", LIGHT)),
        empty="No build has a deadline: `qdeck run --deadline` gives one.",
    )


def _roles(stats: StatsView) -> Chart:
    times = [stats.by_role[role].times for role in Role if role in stats.by_role]
    return Chart(
        "roles",
        "time of each role, all builds together",
        tuple(words.SHORT_ROLES[role] for role in Role if role in stats.by_role),
        _split([(t.working, t.person, t.model) for t in times]),
        shown=words.duration,
        steps=TIME_STEPS,
        empty="No role has worked yet.",
    )


def _projects(stats: StatsView) -> Chart:
    rows = stats.by_project
    lost = tuple(float(row.failed + row.cancelled) for row in rows)
    open_ = tuple(float(row.workflows - row.completed - row.failed - row.cancelled) for row in rows)
    return Chart(
        "projects",
        "what became of each project's builds",
        _numbered(_label(row.name) for row in rows),
        (
            Series("complete", tuple(float(row.completed) for row in rows), "ok", FULL),
            Series("came to nothing", lost, "bad", HALF),
            Series("open", open_, "run", LIGHT),
        ),
        empty="No project has a build yet.",
        names=_numbered(_name(row.name) for row in rows),
    )


def _numbered(names: Iterable[str]) -> tuple[str, ...]:
    """The names, those that are there already with a number: each bar and each row needs its own."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(found)


def _name(text: str) -> str:
    """A name for a table: cleaned, and so short that figures have room beside it."""
    return cut(said(text).text, 18)


def _label(text: str) -> str:
    """A name for an axis: cleaned, short, and of single cells, because the axis counts characters."""
    shown = "".join(c if cells(c) == 1 else "?" for c in said(text, limit=60).text)
    return shown if len(shown) <= 20 else shown[:19] + "…"
