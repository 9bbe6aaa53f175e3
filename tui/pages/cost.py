"""What a workflow has cost: of its budget, by phase and attempt, and by role."""

from __future__ import annotations

from collections import defaultdict

from core.machine.states import PHASES, State
from tui import words
from tui.ink import BLANK, Line, Span, cut_line, fit, spread
from tui.pages.parts import heading
from tui.picture import Picture

BAR = 24
"""Cells of the bar that shows a share."""


def cost_page(picture: Picture, width: int, now: float) -> list[Line]:
    """Return the money: the whole, then each phase with its attempts, then each role."""
    view = picture.view
    lines = heading("cost", width, (Span(words.spent(view.cost_usd, view.budget_usd), "strong"),))
    if view.budget_usd:
        share = view.cost_usd / view.budget_usd
        lines.append(_bar(share, width, "bad" if share >= 1 else "need" if share > 0.8 else "run"))
        left = max(0.0, view.budget_usd - view.cost_usd)
        lines.append((Span(f"{words.money(left)} left; no call goes over it", "muted"),))
    else:
        lines.append((Span("No budget is set: nothing stops it but you.", "muted"),))
    if not picture.attempts:
        return [*lines, BLANK, (Span("Nobody has begun yet.", "muted"),)]
    lines += [BLANK, *heading("by phase", width)]
    most = max((a.cost_usd for a in picture.attempts), default=0.0) or 1.0
    for state in State:
        attempts = [a for a in picture.attempts if a.state is state]
        if not attempts or (state not in PHASES and not any(a.cost_usd for a in attempts)):
            continue
        for attempt in attempts:
            again = f" {attempt.number}" if attempt.number > 1 else ""
            ended = attempt.ended_at.timestamp() if attempt.ended_at else now
            name = Span(fit(f"{words.state_word(state, short=True)}{again}", 18), "text")
            right = (
                Span(words.duration(ended - attempt.started_at.timestamp()), "muted"),
                Span(fit(words.money(attempt.cost_usd), 10, "right"), "strong"),
            )
            room = max(4, min(BAR, width - 18 - 22))
            lines.append(spread((name, *_filled(attempt.cost_usd / most, room, "run")), right, width))
    lines += [BLANK, *heading("by role", width)]
    roles: dict[str, float] = defaultdict(float)
    for attempt in picture.attempts:
        roles[words.ROLE_NAMES[attempt.role]] += attempt.cost_usd
    for role, usd in sorted(roles.items(), key=lambda item: -item[1]):
        lines.append(spread((Span(role, "role"),), (Span(words.money(usd), "strong"),), width))
    return lines


def _bar(share: float, width: int, ink: str) -> Line:
    text = Span(f" {share * 100:.0f} %", "muted")
    return cut_line((*_filled(share, min(BAR * 2, width - 8), ink), text), width)


def _filled(share: float, width: int, ink: str) -> Line:
    full = max(0, min(width, round(share * width)))
    return (Span("█" * full, ink), Span("░" * (width - full), "rule"))
