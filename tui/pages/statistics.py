"""Figures over all workflows, in words and small bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.machine.states import PHASES, Condition, State
from tui import words
from tui.ink import BLANK, Line, Span, cut_line, said
from tui.pages.parts import heading

if TYPE_CHECKING:
    from core.service.views import StatsView


def statistics_page(stats: StatsView, width: int) -> list[Line]:
    """Return throughput, time by phase, what went back, and money."""
    if not stats.workflows:
        return [(Span("There is nothing to count yet.", "muted"),)]
    lines = [*heading("builds", width), *_builds(stats), BLANK]
    lines += [*heading("time by phase", width), *_bars(_times(stats), width), BLANK]
    lines += [*heading("where they stand", width), *_bars(_standing(stats), width), BLANK]
    lines += [*heading("what went back", width), *_back(stats), BLANK]
    lines += [*heading("models", width), *_models(stats, width)]
    return lines


def _pair(name: str, value: str, ink: str = "strong") -> Line:
    return (Span(f"{name:<18}", "muted"), Span(value, ink))


def _builds(stats: StatsView) -> list[Line]:
    rate = "no build has ended yet" if stats.success_rate is None else f"{stats.success_rate:.0%}"
    average = "" if stats.average_seconds is None else words.duration(stats.average_seconds)
    waiting = stats.by_condition.get(Condition.WAITING, 0)
    return [
        _pair("started", str(stats.workflows)),
        _pair("complete", str(stats.completed), "ok bold"),
        _pair("success rate", rate),
        *([_pair("average time", average)] if average else []),
        *([_pair("need you", str(waiting), "need bold")] if waiting else []),
    ]


def _times(stats: StatsView) -> list[tuple[str, float, str]]:
    rows = []
    for phase in PHASES:
        seconds = stats.seconds_by_state.get(phase, 0.0)
        rows.append((phase.value, seconds, words.duration(seconds) if seconds else "-"))
    return rows


def _standing(stats: StatsView) -> list[tuple[str, float, str]]:
    return [
        (words.state_word(state), float(stats.by_state[state]), str(stats.by_state[state]))
        for state in State
        if stats.by_state.get(state)
    ]


def _bars(rows: Sequence[tuple[str, float, str]], width: int) -> list[Line]:
    largest = max((value for _, value, _ in rows), default=0.0) or 1.0
    room = max(10, min(60, width - 40))
    lines: list[Line] = []
    for name, value, shown in rows:
        bar = "━" * max(1 if value else 0, round(room * value / largest))
        lines.append(
            cut_line(
                (Span(f"{name:<24}", "text"), Span(f"{bar:<{room}}", "run"), Span(f"  {shown}", "strong")),
                width,
            )
        )
    return lines


def _back(stats: StatsView) -> list[Line]:
    return [
        _pair("retries", str(stats.retries)),
        _pair("refused packets", str(stats.refusals)),
        _pair("rollbacks", str(stats.rollbacks)),
        _pair("attempts", str(stats.attempts)),
    ]


def _models(stats: StatsView, width: int) -> list[Line]:
    tokens = f"{stats.prompt_tokens:,} in, {stats.completion_tokens:,} out"
    lines = [
        _pair("calls", str(stats.model_calls)),
        _pair("tokens", tokens),
        _pair("cost", words.money(stats.cost_usd)),
    ]
    for model, usd in sorted(stats.cost_by_model.items(), key=lambda item: -item[1])[:12]:
        name = said(model or "unnamed", "text", 60)
        lines.append(cut_line((Span("  "), name, Span(f"  {words.money(usd)}", "muted")), width))
    return lines
