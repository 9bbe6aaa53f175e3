"""Figures as numbers: what the charts show, and roles and projects side by side. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from core.machine.states import Condition, Role, State
from tui import words
from tui.ink import BLANK, Line, Span, cells, cut_line, fit, said
from tui.pages.parts import bullet, heading, paragraph
from tui.pages.statistics import Chart

if TYPE_CHECKING:
    from core.service.views import StatsView

NUMBER, SUM = 12, 10
"""Cells that a column of figures has at least, where a bar has several parts, and those of their sum."""
NONE = "-"
"""Stands where there is nothing to count."""


class Column(NamedTuple):
    """Figures of one kind, one for each row."""

    head: str
    cells: tuple[str, ...]


def numbers_page(chart: Chart, stats: StatsView, width: int) -> list[Line]:
    """Return the chart as a table, and what else belongs to it."""
    lines = heading(chart.title, width)
    if not chart.drawable:
        return [*lines, (Span(chart.empty, "muted"),), *_facts(chart, stats, width)]
    names = chart.names or chart.labels
    lead = max(cells(name) for name in names) + 2
    several, sizes = len(chart.series) > 1, [SUM]
    if several:
        heads, sizes = _heads(chart, width - lead - SUM)
        head = [
            Span(fit(name, size, "right"), f"{s.ink} bold")
            for name, size, s in zip(heads, sizes, chart.series, strict=True)
        ]
        lines.append(cut_line((Span(" " * lead), *head, Span(fit("all", SUM, "right"), "muted")), width))
    for i, name in enumerate(names):
        values = [series.values[i] for series in chart.series]
        if chart.columns and not any(values):
            continue
        row = [Span(fit(name, lead), "text")]
        for value, size in zip(values, sizes, strict=True):
            text = chart.shown(value) if value else NONE
            row.append(Span(fit(text, size, "right"), "strong" if value else "faint"))
        if several:
            total = chart.shown(sum(values)) if any(values) else NONE
            row.append(Span(fit(total, SUM, "right"), "text" if any(values) else "faint"))
        lines.append(cut_line(tuple(row), width))
    return [*lines, *_facts(chart, stats, width), *_sides(chart, stats, width)]


def _heads(chart: Chart, room: int) -> tuple[list[str], list[int]]:
    """What the marks stand for, and the cells of each column; said in full where there is room."""
    heads, sizes = [], []
    for short in (False, True):
        heads = [f"{s.marker} {s.name.removeprefix('waits for ') if short else s.name}" for s in chart.series]
        sizes = [max(NUMBER - 3 * short, cells(head) + 2) for head in heads]
        if sum(sizes) <= room:
            break
    return heads, sizes


def _facts(chart: Chart, stats: StatsView, width: int) -> list[Line]:
    facts = {
        "throughput": _throughput_facts,
        "retries": _back_facts,
        "cost": _cost_facts,
        "success": _success_facts,
        "deadlines": _deadline_facts,
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
    ended = stats.completed + stats.failed + stats.cancelled
    rate = share(stats.success_rate, ended)
    rows = [("success rate", "no build has ended yet" if rate == NONE else f"{rate} that ended")]
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


# --- side by side


def share(rate: float | None, count: int) -> str:
    """Return a rate and of how many it is one: one of one is less than a hundred of a hundred."""
    return NONE if rate is None else f"{rate:.0%} of {count}"


def _sides(chart: Chart, stats: StatsView, width: int) -> list[Line]:
    if chart.name == "roles":
        return _roles_beside(stats, width)
    return _projects_beside(stats, chart.names, width) if chart.name == "projects" else []


def _roles_beside(stats: StatsView, width: int) -> list[Line]:
    names = [words.SHORT_ROLES[role] for role in stats.by_role]
    rows = list(stats.by_role.values())
    columns = [
        _counts("attempts", [row.attempts for row in rows]),
        _counts("stood", [row.stood for row in rows]),
        _counts("sent back", [sum(row.sent_back.values()) for row in rows]),
        _counts("failed", [row.failed for row in rows]),
        Column("success", tuple(share(row.success_rate, row.ended) for row in rows)),
        _moneys("cost", [row.cost_usd for row in rows]),
    ]
    told = "Success: of the work that went forward or failed, what never came back to the role."
    return [
        BLANK,
        *heading("what became of each role's work", width),
        *table(names, columns, width),
        *paragraph(told, width, "muted"),
        *_causes("what sent work back to it", names, [row.sent_back for row in rows], width),
        *_nameless(stats, width),
    ]


def _nameless(stats: StatsView, width: int) -> list[Line]:
    """What was paid for somebody who is no role: it is counted above, so it must not be missing here."""
    known = {role.value for role in Role}
    others = [(role, usd) for role, usd in stats.cost_by_role.items() if role not in known]
    lines = [
        cut_line((said(f"{role} cost", "muted", 60), Span("  "), Span(words.money(usd), "strong")), width)
        for role, usd in others
    ]
    return [BLANK, *lines] if lines else []


def _projects_beside(stats: StatsView, names: Sequence[str], width: int) -> list[Line]:
    rows = stats.by_project
    ended = [row.completed + row.failed + row.cancelled for row in rows]
    columns = [
        Column("success", tuple(share(r.success_rate, n) for r, n in zip(rows, ended, strict=True))),
        Column("a week", tuple(_rounded(r.per_week) for r in rows)),
        _times("average", [row.average_seconds for row in rows]),
        _counts("sent back", [sum(row.sent_back.values()) for row in rows]),
        _moneys("cost", [row.cost_usd for row in rows]),
        _moneys("per complete", [row.cost_per_accepted for row in rows]),
    ]
    times = [
        _times("working", [row.times.working for row in rows]),
        _times("waits for you", [row.times.person for row in rows]),
        _times("waits for model", [row.times.model for row in rows]),
    ]
    return [
        BLANK,
        *heading("projects side by side", width),
        *table(names, columns, width),
        BLANK,
        *heading("time of each project, all its builds together", width),
        *table(names, times, width),
        *_causes("what sent work back", names, [row.sent_back for row in rows], width),
    ]


def _rounded(value: float | None) -> str:
    """A small rate with one digit; what rounds to nothing is not nothing."""
    return NONE if not value else f"{value:.1f}" if value >= 0.05 else "<0.1"


def _counts(head: str, values: Sequence[int]) -> Column:
    return Column(head, tuple(f"{value:,}" if value else NONE for value in values))


def _moneys(head: str, values: Sequence[float | None]) -> Column:
    return Column(head, tuple(words.money(usd) if usd else NONE for usd in values))


def _times(head: str, values: Sequence[float | None]) -> Column:
    return Column(head, tuple(words.duration(seconds) if seconds else NONE for seconds in values))


def table(names: Sequence[str], columns: Sequence[Column], width: int) -> list[Line]:
    """Return a row for each name; columns that find no room beside the others stand in a table below."""
    lead = max((cells(name) for name in names), default=0) + 2
    blocks = _blocks(columns, width - lead, len(columns))
    if len(blocks) > 1:
        # As many in each, so that none stands alone.
        blocks = _blocks(columns, width - lead, -(-len(columns) // len(blocks)))
    lines: list[Line] = []
    for block in blocks:
        lines += [BLANK] * bool(lines)
        heads = [Span(fit(column.head, _size(column), "right"), "muted bold") for column in block]
        lines.append(cut_line((Span(" " * lead), *heads), width))
        for i, name in enumerate(names):
            row = [Span(fit(name, lead), "text")]
            for column in block:
                told = column.cells[i]
                row.append(Span(fit(told, _size(column), "right"), "faint" if told == NONE else "strong"))
            lines.append(cut_line(tuple(row), width))
    return lines


def _blocks(columns: Sequence[Column], room: int, most: int) -> list[list[Column]]:
    """The columns in groups that find room, of at most so many each."""
    blocks: list[list[Column]] = []
    used = 0
    for column in columns:
        if not blocks or used + _size(column) > room or len(blocks[-1]) == most:
            blocks.append([])
            used = 0
        blocks[-1].append(column)
        used += _size(column)
    return blocks


def _size(column: Column) -> int:
    return max(cells(text) for text in (column.head, *column.cells)) + 2


def _causes(title: str, names: Sequence[str], causes: Sequence[Mapping[str, int]], width: int) -> list[Line]:
    """Return the causes of each name that has any, the most frequent first."""
    lead = max((cells(name) for name in names), default=0) + 2
    lines: list[Line] = []
    for name, counts in zip(names, causes, strict=True):
        told = ", ".join(f"{cause} {count:,}" for cause, count in counts.items())
        if told:
            lines += bullet(Span(fit(name, lead), "text"), (said(told, "strong", 1_000),), width)
    return [BLANK, *heading(title, width), *lines] if lines else []
