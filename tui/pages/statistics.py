"""Figures over many workflows: charts as data, and the same as numbers. Pure; draws nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from core.machine.states import PHASES, Condition, Role, State, actor_in
from tui import words
from tui.ink import BLANK, Line, Span, cells, cut_line, fit, said
from tui.pages.parts import heading

if TYPE_CHECKING:
    from core.service.views import StatsView

WEEKS = 12
"""Weeks that the throughput shows."""
TIME_STEPS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800)
"""Seconds between two values of an axis of time: what a clock or a calendar has."""
NUMBER, SUM = 12, 10
"""Cells that a column of figures has at least, where a bar has several parts, and those of their sum."""
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
    sums: dict[Role, list[float]] = {role: [0.0, 0.0, 0.0] for role in Role}
    for phase in PHASES:
        times = stats.times.get(phase)
        if times is not None:
            mine = sums[actor_in(phase)]
            for i, part in enumerate((times.working, times.person, times.model)):
                mine[i] += part
    parts = [(a, b, c) for a, b, c in sums.values()]
    return Chart(
        "roles",
        "time of each role, all builds together",
        tuple(words.SHORT_ROLES[role] for role in Role),
        _split(parts),
        shown=words.duration,
        steps=TIME_STEPS,
        empty="No role has worked yet.",
    )


def _label(text: str) -> str:
    """A name for an axis: cleaned, short, and of single cells, because the axis counts characters."""
    shown = "".join(c if cells(c) == 1 else "?" for c in said(text, limit=60).text)
    return shown if len(shown) <= 20 else shown[:19] + "…"


# --- as numbers


def numbers_page(chart: Chart, stats: StatsView, width: int) -> list[Line]:
    """Return the chart as a table, and what else belongs to it."""
    lines = heading(chart.title, width)
    if not chart.drawable:
        return [*lines, (Span(chart.empty, "muted"),), *_facts(chart, stats, width)]
    several, sizes = len(chart.series) > 1, [SUM]
    name_size = max(len(label) for label in chart.labels) + 2
    if several:
        # What the marks stand for is said in full where there is room.
        short = width < 70
        names = [s.name.removeprefix("waits for ") if short else s.name for s in chart.series]
        heads = [f"{s.marker} {name}" for s, name in zip(chart.series, names, strict=True)]
        sizes = [max(NUMBER - 3 * short, cells(head) + 2) for head in heads]
        head = [
            Span(fit(name, size, "right"), f"{s.ink} bold")
            for name, size, s in zip(heads, sizes, chart.series, strict=True)
        ]
        lines.append(cut_line((Span(" " * name_size), *head, Span(fit("all", SUM, "right"), "muted")), width))
    for i, label in enumerate(chart.labels):
        values = [series.values[i] for series in chart.series]
        if chart.columns and not any(values):
            continue
        row = [Span(fit(label, name_size), "text")]
        for value, size in zip(values, sizes, strict=True):
            text = chart.shown(value) if value else "-"
            row.append(Span(fit(text, size, "right"), "strong" if value else "faint"))
        if several:
            total = chart.shown(sum(values)) if any(values) else "-"
            row.append(Span(fit(total, SUM, "right"), "text" if any(values) else "faint"))
        lines.append(cut_line(tuple(row), width))
    return [*lines, *_facts(chart, stats, width)]


def _facts(chart: Chart, stats: StatsView, width: int) -> list[Line]:
    facts = {
        "throughput": _throughput_facts,
        "retries": _back_facts,
        "cost": _cost_facts,
        "success": _success_facts,
        "deadlines": _deadline_facts,
        "roles": _role_facts,
    }.get(chart.name)
    rows = facts(stats) if facts else []
    pairs = [
        cut_line((Span(f"{name:<22}", "muted"), said(value, "strong", 200)), width) for name, value in rows
    ]
    return [BLANK, *pairs] if pairs else []


def _throughput_facts(stats: StatsView) -> list[tuple[str, str]]:
    rows = [("started", str(stats.workflows)), ("complete", str(stats.completed))]
    if stats.per_week is not None:
        rows.append(("complete each week", f"{stats.per_week:.1f}"))
    if stats.average_seconds is not None:
        rows.append(("average time", words.duration(stats.average_seconds)))
    return rows


def _back_facts(stats: StatsView) -> list[tuple[str, str]]:
    rows = [
        ("retries", str(stats.retries)),
        ("refused packets", str(stats.refusals)),
        ("rollbacks", str(stats.rollbacks)),
        ("attempts", str(stats.attempts)),
    ]
    if stats.worst_phase is not None:
        rows.append(("most trouble in", stats.worst_phase.value))
    return rows


def _cost_facts(stats: StatsView) -> list[tuple[str, str]]:
    rows = [
        ("cost", words.money(stats.cost_usd)),
        ("calls", f"{stats.model_calls:,}"),
        ("tokens", f"{stats.prompt_tokens:,} in, {stats.completion_tokens:,} out"),
    ]
    if stats.cost_per_accepted is not None:
        rows.append(("for each complete one", words.money(stats.cost_per_accepted)))
    return rows


def _success_facts(stats: StatsView) -> list[tuple[str, str]]:
    rate = "no build has ended yet" if stats.success_rate is None else f"{stats.success_rate:.0%}"
    rows = [("success rate", rate)]
    if waiting := stats.by_condition.get(Condition.WAITING, 0):
        rows.append(("need you", str(waiting)))
    rows += [
        (f"in {words.state_word(state)}", str(stats.by_state[state]))
        for state in State
        if stats.by_state.get(state) and state is not State.COMPLETE
    ]
    return rows


def _deadline_facts(stats: StatsView) -> list[tuple[str, str]]:
    return [] if stats.deadlines_met is None else [("met", f"{stats.deadlines_met:.0%}")]


def _role_facts(stats: StatsView) -> list[tuple[str, str]]:
    """What each role has cost; the roles that are known first, in their order."""
    names = {role.value: words.ROLE_NAMES[role] for role in Role}
    known = [(names[role], stats.cost_by_role[role]) for role in names if role in stats.cost_by_role]
    others = [(role, usd) for role, usd in stats.cost_by_role.items() if role not in names]
    return [(f"{name} cost", words.money(usd)) for name, usd in [*known, *others]]
