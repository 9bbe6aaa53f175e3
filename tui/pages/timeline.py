"""The way of a workflow as a column: every phase with its attempts, and between the phases who took over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from core.machine.states import PHASE_EVIDENCE, PHASES, Condition, State, actor_in
from tui import words
from tui.ink import Line, Span, said, spread
from tui.picture import Picture
from tui.track import GATES, gate_mark, phase_mark

if TYPE_CHECKING:
    from core.service.views import AttemptView

SHOWN = 3
"""Attempts of one phase that are told one by one, the newest; those before them share a line."""


def timeline(picture: Picture, width: int, now: float) -> list[Line]:
    """Return the phases from top to bottom, with what each took, and the handoffs between them."""
    lines: list[Line] = []
    for index, phase in enumerate(PHASES):
        lines += _phase(picture, index, phase, width, now)
        if index < len(PHASES) - 1:
            lines.append(_between(picture, index, width))
    return lines


def line_of_now(picture: Picture, now: float) -> int:
    """Return the line on which the workflow stands."""
    line = 0
    for index, phase in enumerate(PHASES):
        if picture.view.state in (phase, GATES.get(index)):
            break
        line += len(_phase(picture, index, phase, 80, now)) + 1
    return line


def evidence_letters(picture: Picture) -> str:
    """Return one letter per phase, as the track reads them: current, stale, red or none."""
    letters = ""
    for phase in PHASES:
        evidence = picture.view.evidence.get(PHASE_EVIDENCE[phase])
        if evidence is None:
            letters += "-"
        elif evidence.current:
            letters += "x"
        else:
            letters += "!" if not evidence.ok else "~"
    return letters


def outcome_mark(outcome: str) -> tuple[str, str]:
    """Return glyph and ink of how an attempt ended."""
    word = outcome.lower()
    if word in {"failed", "error", "lost"}:
        return words.BAD, "bad"
    if word in {"sent back", "retry", "refused", "back", "stopped", "rolled_back"}:
        return "↶", "need"
    return (words.NEED, "need") if word == "asked" else (words.OK, "ok")


def seconds_of(attempt: AttemptView, now: float) -> float:
    """Return how long an attempt took, or takes until now."""
    return ((attempt.ended_at or datetime.fromtimestamp(now, UTC)) - attempt.started_at).total_seconds()


def _phase(picture: Picture, index: int, phase: State, width: int, now: float) -> list[Line]:
    view = picture.view
    attempts = [a for a in picture.attempts if a.state is phase]
    mark, ink = phase_mark(index, view.state, view.condition, evidence_letters(picture))
    name = "strong bold" if phase is view.state else "faint" if ink == "faint" else "text"
    begun = _clock(attempts[0].started_at) if attempts else ""
    link = "screen.pane('events')" if attempts else ""
    lines = [
        spread((Span(f"{mark} ", ink, link), Span(phase.value, name, link)), (Span(begun, "faint"),), width)
    ]
    early = attempts[:-SHOWN]
    if early:
        took = words.duration(sum(seconds_of(a, now) for a in early))
        lines.append(_attempt("+", "muted", f"{len(early)} before", took, width))
    for attempt in attempts[-SHOWN:]:
        took = words.duration(seconds_of(attempt, now))
        if attempt.ended_at is None:
            lines.append(_attempt(*_open(view.condition), took, width))
        else:
            outcome = attempt.outcome.replace("_", " ") or "ended"
            lines.append(_attempt(*outcome_mark(attempt.outcome), outcome, took, width))
    return lines


def _open(condition: Condition) -> tuple[str, str, str]:
    """An attempt without an end: the role works, or stands still with the workflow."""
    if condition is Condition.ACTIVE:
        return words.RUN, "run", "at work"
    return words.PAUSED, "muted", "stands still"


def _attempt(mark: str, ink: str, what: str, took: str, width: int) -> Line:
    return spread((Span(f"  {mark} ", ink), said(what, "muted", 40)), (Span(took, "muted"),), width)


def _between(picture: Picture, index: int, width: int) -> Line:
    """The step to the next phase: a bare line, or the handoff with who takes over and since when."""
    gate = GATES.get(index)
    mark, ink = gate_mark(index, picture.view.state, picture.view.condition)
    if gate is None:
        return (Span("│", ink),)
    receiver = actor_in(gate)
    given = [h for h in picture.handoffs if h.to_state is gate]
    if not given:
        return (Span(f"{mark} ", ink), Span(words.SHORT_ROLES[receiver], "faint"))
    last = given[-1]
    refused = sum(h.answer == "refused" for h in given)
    name = f"{words.SHORT_ROLES[receiver]}{f' ↶{refused}' if refused else ''}"
    role = "need" if refused else "role"
    return spread(
        (Span(f"{mark} ", ink), Span(name, role, "screen.pane('handoffs')")),
        (Span(_clock(last.answered_at or last.at), "faint"),),
        width,
    )


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone():%H:%M}"
