"""How it went: handoffs from role to role, attempts, and every event of the journal."""

from __future__ import annotations

from collections.abc import Mapping

from core.machine.states import PHASES, STATES, State
from tui import words
from tui.ink import BLANK, Line, Span, cut_line, said, spread, wrap
from tui.pages.parts import NARROW, heading, paragraph
from tui.pages.timeline import evidence_letters, outcome_mark, seconds_of
from tui.picture import Picture
from tui.track import gate_mark, phase_mark

_ANSWERS = {"accepted": (words.OK, "ok"), "refused": (words.BAD, "bad"), "": (words.FUTURE, "muted")}


def handoffs_page(picture: Picture, width: int, now: float) -> list[Line]:
    """Return every packet that went from role to role, the newest first."""
    if not picture.handoffs:
        return [
            (Span("Nothing was handed over yet.", "muted"),),
            BLANK,
            *wrap(
                (Span("Each role hands its work to the next, who accepts or refuses it.", "faint"),), width
            ),
        ]
    lines: list[Line] = []
    for handoff in reversed(picture.handoffs):
        mark, ink = _ANSWERS.get(handoff.answer, _ANSWERS[""])
        answer = handoff.answer or "waits for an answer"
        if handoff.from_role is handoff.to_role:
            # Nobody accepts from themselves: the role that asked goes on to plan.
            mark, ink, answer = words.OK, "muted", "goes on with it"
        names = f"{words.ROLE_NAMES[handoff.from_role]} → {words.ROLE_NAMES[handoff.to_role]}"
        right = (
            Span(f"{mark} {answer}", ink),
            Span(f"  {words.age(now - handoff.at.timestamp())} ago", "faint"),
        )
        if width < NARROW:
            lines += [(Span(names, "role bold"),), (Span("  "), *right)]
        else:
            lines += [spread((Span(names, "role bold"),), right, width)]
        if summary := _summary(handoff.data):
            lines += paragraph(summary, width, indent=2)
        for note in (handoff.notes, handoff.answer_notes):
            if note:
                lines += paragraph(note, width, "muted", indent=2)
        lines.append(BLANK)
    return lines


def _summary(data: Mapping[str, object]) -> str:
    for key in ("summary", "notes", "verdict"):
        value = data.get(key)
        if isinstance(value, str) and value:
            return value
    packet = data.get("packet")
    return _summary(packet) if isinstance(packet, Mapping) else ""


def events_page(picture: Picture, width: int, now: float) -> list[Line]:
    """Return attempts by phase, then every event of the journal, the newest first."""
    lines = [*heading("attempts", width), *_attempts(picture, width, now), BLANK]
    count = words.plural(len(picture.events), "event")
    lines += heading("events", width, (Span(count, "muted"),))
    day = ""
    for event in reversed(picture.events):
        at = event.at.astimezone()
        if (today := f"{at:%Y-%m-%d}") != day:
            day = today
            lines.append((Span(today, "faint"),))
        first = (Span(f"{event.seq:>4} ", "faint"), Span(f"{at:%H:%M:%S} ", "muted"))
        rows = wrap((said(event.text, _ink(event.event_type), 600),), max(10, width - 14))
        lines.append((*first, *rows[0]))
        lines += [(Span(" " * 14), *row) for row in rows[1:]]
    return lines


def _ink(event_type: str) -> str:
    return {
        "moved": "run",
        "approved": "ok",
        "condition_changed": "need",
        "attempt_begun": "muted",
        "attempt_ended": "muted",
        "checkpoint_recorded": "muted",
        "noted": "muted",
    }.get(str(event_type), "text")


def _attempts(picture: Picture, width: int, now: float) -> list[Line]:
    lines: list[Line] = []
    for attempt in picture.attempts:
        seconds = seconds_of(attempt, now)
        mark, ink = (words.RUN, "run") if attempt.ended_at is None else outcome_mark(attempt.outcome)
        again = f" {attempt.number}" if attempt.number > 1 else ""
        name = Span(f"{words.state_word(attempt.state, short=True) + again:<18}", "strong")
        came = said(attempt.summary or attempt.outcome or "at work", "text")
        cost = words.money(attempt.cost_usd) if attempt.cost_usd else ""
        right = (Span(f"{cost}{words.duration(seconds):>8}", "muted"),)
        if width < NARROW:
            lines += [
                spread((Span(f"{mark} ", ink), name), right, width),
                cut_line((Span("  "), came._replace(ink="muted")), width),
            ]
        else:
            lines.append(spread((Span(f"{mark} ", ink), name, came), right, width))
    return lines or [(Span("Nobody has begun yet.", "muted"),)]


def ribbon(picture: Picture, width: int, now: float) -> list[Line]:
    """Return the phase track in two lines: the phases in words, and below each its attempts and duration."""
    view = picture.view
    letters = evidence_letters(picture)
    long = width >= 88
    names = [p.value if long else words.SHORT_PHASES[p] for p in PHASES]
    gap = 3 if width >= 72 else 1
    # Where not all fit, those ahead go without a name, then those long ago.
    here = max(i for i, phase in enumerate(PHASES) if STATES[phase].rank <= STATES[view.state].rank)
    for i in (*range(len(PHASES) - 1, here, -1), *range(here)):
        if sum(2 + len(name) for name in names) + gap * (len(PHASES) - 1) > width:
            names[i] = ""
    top: list[Span] = []
    below: list[Span] = []
    for i, phase in enumerate(PHASES):
        mark, ink = phase_mark(i, view.state, view.condition, letters)
        is_here = phase is view.state
        top += [Span(f"{mark} " if names[i] else mark, ink)]
        top += [Span(names[i], "strong bold" if is_here else _quiet(ink))]
        size = 2 + len(names[i]) if names[i] else 1
        if i < len(PHASES) - 1:
            link, link_ink = gate_mark(i, view.state, view.condition)
            pad = " " * (gap // 2)
            top.append(Span(f"{pad}{link}{pad}", link_ink))
            size += 1 + 2 * len(pad)
        text = _spent(picture, phase, now)
        text = text if names[i] else ""
        below.append(Span(f"  {text}"[:size].ljust(size), "need" if "×" in text else "faint"))
    return [cut_line(tuple(top), width), cut_line(tuple(below), width)]


def _quiet(ink: str) -> str:
    return "faint" if ink == "faint" else "text"


def _spent(picture: Picture, phase: State, now: float) -> str:
    attempts = [a for a in picture.attempts if a.state is phase]
    if not attempts:
        return ""
    seconds = sum(seconds_of(a, now) for a in attempts)
    again = f"×{len(attempts)} " if len(attempts) > 1 else ""
    return again + words.duration(seconds)
