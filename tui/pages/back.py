"""What going back means, before it is done: the reason that suggests itself, and what a rollback undoes."""

from __future__ import annotations

from datetime import datetime

from core.machine.states import PHASE_EVIDENCE, STATES, State
from core.text import clean
from tui import words
from tui.ink import BLANK, Line, Span, said, wrap
from tui.pages.parts import EVIDENCE_WORDS, bullet, heading, mappings
from tui.picture import Picture


def likely_reason(picture: Picture) -> str:
    """Return what is wrong as far as the evidence says it; empty when nothing is."""
    told: list[str] = []
    for evidence in picture.view.evidence.values():
        if evidence.ok or evidence.why.startswith("stale"):
            continue
        for failure in mappings(evidence.detail.get("failures"))[:5]:
            text = clean(str(failure.get("text", "")), limit=400).strip().split("\n")
            told.append(f"{clean(str(failure.get('name', '')), lines=False, limit=200)}: {text[0]}")
        if not told:
            told.append(clean(evidence.summary, lines=False, limit=400))
    return "\n".join(told)


def restored_checkpoint(picture: Picture, target: State) -> int:
    """Return the number of the checkpoint that a rollback to `target` brings back.

    It is the latest one that was there when the target was last entered from before, as the machine counts.
    """
    number = 0
    entered = 0
    for event in picture.events:
        if event.event_type == "checkpoint_recorded":
            number = int(event.data.get("number", number))
        elif event.event_type == "moved":
            forward = event.data.get("kind") in ("advance", "accept")
            if forward and event.data.get("to") == target.value:
                entered = number
            if event.data.get("kind") == "rollback":
                number = int(event.data.get("checkpoint", number))
    return entered


def entered_at(picture: Picture, target: State) -> datetime | None:
    """Return when the target was last entered from before; None for the beginning."""
    moved = [
        e.at
        for e in picture.events
        if e.event_type == "moved"
        and e.data.get("to") == target.value
        and e.data.get("kind") in ("advance", "accept")
    ]
    return moved[-1] if moved else None


def undone(picture: Picture, target: State, width: int, now: float) -> list[Line]:
    """Return what a rollback to `target` undoes: files, conversation, evidence, money."""
    number = restored_checkpoint(picture, target)
    checkpoint = next((c for c in picture.checkpoints if c.number == number), None)
    since = entered_at(picture, target)
    lines = heading(f"what goes back with {target.value}", width, ink="need bold")
    lines += _row("files", _files(picture, number), width)
    if checkpoint:
        age = words.age(now - checkpoint.at.timestamp())
        lines += _row(
            "",
            f"to checkpoint {number}, made in {checkpoint.state.value} {age} ago",
            width,
            "muted",
        )
    spoken = [m for m in picture.messages if not m.voided and (since is None or m.at >= since)]
    lines += _row(
        "conversation", f"{words.plural(len(spoken), 'message')} taken back; still readable, struck", width
    )
    rank = STATES[target].rank
    kinds = [
        EVIDENCE_WORDS[kind]
        for phase, kind in PHASE_EVIDENCE.items()
        if STATES[phase].rank >= rank and kind in picture.view.evidence
    ]
    lines += _row("evidence", f"{', '.join(kinds)} no longer count" if kinds else "none is lost", width)
    money = sum(a.cost_usd for a in picture.attempts if since is None or a.started_at >= since)
    lines += _row(
        "money", f"{words.money(money)} spent since stays spent; what was set aside is freed", width
    )
    return [
        *lines,
        BLANK,
        (Span("Nothing is destroyed: the files as they are now stay kept as a checkpoint.", "muted"),),
    ]


def _row(name: str, text: str, width: int, ink: str = "text") -> list[Line]:
    return bullet(Span(f"{name:<14}", "strong"), (said(text, ink, 400),), width)


def _files(picture: Picture, number: int) -> str:
    if not picture.checkpoints or picture.checkpoints[-1].number == number:
        return "stay as they are"
    stat = picture.checkpoints[-1].diffstat
    paths = [str(c.get("path", "")) for c in mappings(stat.get("changes"))]
    shown = ", ".join(paths[:6]) + (f" and {len(paths) - 6} more" if len(paths) > 6 else "")
    return f"{words.plural(len(paths), 'file')} put back: {shown}" if paths else "put back as they were"


def kept(picture: Picture, target: State, width: int) -> list[Line]:
    """Return what a retry means: files stay, evidence from the target on does not count."""
    rank = STATES[target].rank
    lost = [
        EVIDENCE_WORDS[kind]
        for phase, kind in PHASE_EVIDENCE.items()
        if STATES[phase].rank >= rank and kind in picture.view.evidence
    ]
    text = "A new attempt begins; the files stay as they are."
    if lost and target is not picture.view.state:
        text += f" {', '.join(lost).capitalize()} will be made anew."
    left = picture.view.retry_budget - picture.view.retries_used
    budget = f"Your own retries are free; {left} automatic {'retry' if left == 1 else 'retries'} left."
    return [*wrap((Span(text, "muted"),), width), *wrap((Span(budget, "muted"),), width)]
