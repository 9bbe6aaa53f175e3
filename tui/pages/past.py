"""A workflow as it was at a moment of its history. Pure: what is known now, less what came later."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from core.machine.states import STATES, EvidenceKind, State
from core.text import clean
from tui import words
from tui.ink import BLANK, Line, Span, cut_line, said, spread, width_of
from tui.pages.notice import notice_of
from tui.pages.parts import evidence_line, heading, paragraph
from tui.pages.story import ribbon
from tui.picture import Picture

if TYPE_CHECKING:
    from core.service.views import AttemptView, EventView, HandoffView, MessageView, WorkflowView

LAST_WORDS = 6
"""Turns of the conversation that are shown of a moment."""

_MARKS: dict[str, tuple[str, str]] = {
    "started": (words.RUN, "run"),
    "approved": (words.OK, "ok"),
    "checkpoint_recorded": ("▪", "muted"),
    "attempt_begun": ("▸", "muted"),
    "attempt_ended": ("▹", "muted"),
    "said": ("“", "role"),
    "noted": ("·", "faint"),
}


def picture_at(now: Picture, view: WorkflowView, said: Sequence[MessageView]) -> Picture:
    """Return the picture as it was right after the event that `view` belongs to, with all of what is `said`
    now that had been said by then."""
    at, seq = view.updated_at, view.version
    events = now.events[:seq]
    begun = {(e.data["state"], e.data["number"]) for e in events if e.event_type == "attempt_begun"}
    ended = {(e.data["state"], e.data["number"]) for e in events if e.event_type == "attempt_ended"}
    kept = {e.data["number"] for e in events if e.event_type == "checkpoint_recorded"}
    return Picture(
        view=view,
        attempts=tuple(_attempt(a, ended) for a in now.attempts if (a.state.value, a.number) in begun),
        messages=_messages(said, events, at),
        receipts=tuple(r for r in now.receipts if r.at <= at),
        handoffs=tuple(_handoff(h, at) for h in now.handoffs if h.seq <= seq),
        checkpoints=tuple(c for c in now.checkpoints if c.number in kept),
        events=events,
    )


def _attempt(attempt: AttemptView, ended: Container[tuple[str, int]]) -> AttemptView:
    if (attempt.state.value, attempt.number) in ended:
        return attempt
    return replace(attempt, ended_at=None, outcome="", summary="")


def _handoff(handoff: HandoffView, at: datetime) -> HandoffView:
    if handoff.answered_at is None or handoff.answered_at <= at:
        return handoff
    return replace(handoff, answer="", answer_notes="", answered_at=None)


def _messages(
    messages: Sequence[MessageView], events: Sequence[EventView], at: datetime
) -> tuple[MessageView, ...]:
    """What had been said; only a rollback that had happened by then had taken words back."""
    rollbacks = [
        (e.at, STATES[State(e.data["to"])].rank)
        for e in events
        if e.event_type == "moved" and e.data.get("kind") == "rollback"
    ]
    found = []
    for message in messages:
        if message.at > at:
            continue
        if message.voided:
            rank = _rank(message)
            taken = any(message.at <= when and rank >= target for when, target in rollbacks)
            message = message if taken else replace(message, voided=False)
        found.append(message)
    return tuple(found)


def _rank(message: MessageView) -> int:
    """The rank of the state in which something was said."""
    parts = message.attempt_id.rsplit(":", 2)
    try:
        return STATES[State(parts[1])].rank if len(parts) == 3 else 0
    except ValueError:
        return 0


def past_page(picture: Picture, width: int) -> list[Line]:
    """Return the workflow as it was: what had just happened, where it stood, what counted, what was said."""
    at = picture.view.updated_at.timestamp()
    lines = [*event_lines(picture, width), BLANK, *ribbon(picture, width, at), BLANK]
    notice = notice_of(picture, narrow=True, past=True)
    if notice:
        lines += [*notice(width), BLANK]
    counting = sum(1 for e in picture.view.evidence.values() if e.current)
    lines += heading("what counted then", width, (Span(f"{counting} of {len(EvidenceKind)}", "muted"),))
    for kind in EvidenceKind:
        lines += evidence_line(picture.view.evidence.get(kind), kind, width)
    return [*lines, BLANK, *_facts(picture, width), BLANK, *_last_words(picture, width)]


def event_lines(picture: Picture, width: int) -> list[Line]:
    """Return the event itself: what, who, when, and its place in the chain."""
    if not picture.events:
        return []
    event = picture.events[-1]
    who = words.author_name(event.triggered_by)
    at = event.at.astimezone()
    lines = heading(event.event_type.replace("_", " "), width, (Span(f"event {event.seq}", "muted"),))
    lines += paragraph(event.text, width, "strong")
    reason = event.data.get("reason")
    if isinstance(reason, str) and reason and reason not in event.text:
        lines += paragraph(reason, width, "muted")
    facts = f"by {clean(who, lines=False, limit=60)} · {at:%Y-%m-%d %H:%M:%S}"
    lines.append(
        cut_line((Span(facts, "muted"), Span(f" · hash {words.digest(event.hash, 12)}", "faint")), width)
    )
    return lines


def _facts(picture: Picture, width: int) -> list[Line]:
    view = picture.view
    last = picture.kept
    facts = [
        ("spent", words.spent(view.cost_usd, view.budget_usd)),
        ("tests", view.tests or "none yet"),
        (
            "files",
            f"checkpoint {last.number}, tree {words.digest(last.tree)}" if last else "no checkpoint yet",
        ),
        ("retries", f"{view.retries_used} of {view.retry_budget} used"),
    ]
    return [cut_line((Span(f"{name:<10}", "muted"), said(text, "text", 200)), width) for name, text in facts]


def _last_words(picture: Picture, width: int) -> list[Line]:
    spoken = [m for m in picture.messages if m.kind == "text"]
    lines = heading(
        "what had been said", width, (Span(words.plural(len(picture.messages), "message"), "muted"),)
    )
    if not spoken:
        return [*lines, (Span("Nothing yet.", "muted"),)]
    for message in spoken[-LAST_WORDS:][::-1]:
        name = Span(clean(words.author_name(message.author), lines=False, limit=60), "role bold")
        when = Span(f"{message.at.astimezone():%H:%M:%S}", "faint")
        lines.append(
            spread((name, Span("  "), when), (Span("taken back", "need"),) if message.voided else (), width)
        )
        ink = "muted strike" if message.voided else "text"
        for row in clean(message.text, limit=2000).strip().split("\n")[:4]:
            lines += paragraph(row, width, ink, indent=2, limit=300)
    return lines


def event_line(event: EventView, width: int) -> Line:
    """Return an event in one line, for a list of thousands."""
    mark, ink = _event_mark(event)
    at = event.at.astimezone()
    return cut_line(
        (
            Span(f"{event.seq:>4} ", "faint"),
            Span(f"{at:%H:%M:%S} ", "muted"),
            Span(f"{mark} ", ink),
            said(event.text, ink if ink in ("need", "bad", "run", "ok") else "text", 300),
        ),
        width,
    )


def _event_mark(event: EventView) -> tuple[str, str]:
    data = event.data
    match event.event_type:
        case "moved":
            back = data.get("kind") in ("retry", "rollback", "refuse")
            return ("↶", "need") if back else ("→", "run")
        case "evidence_recorded":
            return (words.OK, "ok") if data.get("ok") else (words.BAD, "bad")
        case "condition_changed":
            condition = str(data.get("condition", ""))
            return {"failed": (words.BAD, "bad"), "waiting": (words.NEED, "need")}.get(
                condition, ("‖", "muted")
            )
    return _MARKS.get(str(event.event_type), ("·", "faint"))


def is_turn(event: EventView) -> bool:
    """Whether this is where a workflow changed its state; what one jumps between."""
    return event.event_type in ("moved", "started")


def scrubber(events: Sequence[EventView], index: int, width: int) -> Line:
    """Return the whole history as one line: every move a stroke, every step back a cross, and here."""
    if not events or width < 8:
        return ()
    cells = ["─"] * width
    inks = ["rule"] * width

    def place(i: int) -> int:
        return round(i * (width - 1) / max(1, len(events) - 1))

    for i, event in enumerate(events):
        if event.event_type == "moved":
            mark, ink = _event_mark(event)
            cells[place(i)], inks[place(i)] = ("╳" if mark == "↶" else "┼"), ink
    cells[place(index)], inks[place(index)] = "◆", "need bold"
    spans: list[Span] = []
    for cell, ink in zip(cells, inks, strict=True):
        if spans and spans[-1].ink == ink:
            spans[-1] = Span(spans[-1].text + cell, ink)
        else:
            spans.append(Span(cell, ink))
    return tuple(spans)


def when_lines(picture: Picture, index: int, width: int, now: float) -> list[Line]:
    """Return that this is the past, and where in it."""
    events = picture.events
    event = events[min(index, len(events) - 1)]
    last = index >= len(events) - 1
    where = f"event {event.seq} of {len(events)}"
    at = event.at.astimezone()
    if last:
        left: Line = (Span(" NOW ", "ok bold reverse"), Span(f" {where}, the newest", "text"))
    else:
        left = (
            Span(" PAST ", "need bold reverse"),
            Span(f" {where} · {at:%Y-%m-%d %H:%M:%S}", "need"),
        )
    ago = f"{words.age(now - event.at.timestamp())} ago"
    told = Span("  nothing here can be changed", "muted")
    if not last and width_of((*left, told)) + len(ago) + 2 <= width:
        left = (*left, told)
    return [spread(left, (Span(ago, "muted"),), width), cut_line(scrubber(events, index, width), width)]
