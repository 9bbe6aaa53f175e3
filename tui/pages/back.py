"""What going back means, before it is done: the reason that suggests itself, and what a rollback undoes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from core.machine.states import EVIDENCE_TITLES, PHASE_EVIDENCE, STATES, Condition, State
from core.text import clean
from tui import words
from tui.diff_model import changed_between
from tui.ink import BLANK, Line, Span, cut_line, said, spread, wrap
from tui.pages.parts import NARROW, bullet, heading, mappings
from tui.picture import Picture

if TYPE_CHECKING:
    from core.service.views import CheckpointView


def likely_reason(picture: Picture) -> str:
    """Return why the attempt failed, and what is wrong as far as the evidence says it."""
    view = picture.view
    told = (
        [clean(view.reason, limit=600).strip()] if view.condition is Condition.FAILED and view.reason else []
    )
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


@dataclass(frozen=True, slots=True)
class Loss:
    """What only the journal can say of a rollback: the diff that the checkpoint holds which comes back, and
    how many messages are taken back."""

    diff: str
    messages: int


def undone(picture: Picture, target: State, width: int, now: float, loss: Loss | None) -> list[Line]:
    """Return what a rollback to `target` undoes: checkpoints, files, conversation, evidence, money.

    `loss` is None while it is being read.
    """
    number = restored_checkpoint(picture, target)
    since = entered_at(picture, target)
    lines = [*heading("checkpoints", width), *_timeline(picture, number, width, now), BLANK]
    lines += heading(f"what goes back with {target.value}", width, ink="need bold")
    lines += _files(picture, number, loss.diff if loss else None, width)
    lines += _row("conversation", _spoken(loss), width)
    rank = STATES[target].rank
    kinds = [
        EVIDENCE_TITLES[kind]
        for phase, kind in PHASE_EVIDENCE.items()
        if STATES[phase].rank >= rank and kind in picture.view.evidence
    ]
    lines += _row("evidence", f"{words.listing(kinds)} no longer count" if kinds else "none is lost", width)
    money = sum(a.cost_usd for a in picture.attempts if since is None or a.started_at >= since)
    lines += _row(
        "money", f"{words.money(money)} spent since stays spent; what was set aside is freed", width
    )
    return [
        *lines,
        BLANK,
        *wrap(
            (
                Span("Nothing is destroyed: the files of now stay kept as a checkpoint. Its undo is a "),
                Span("fork", "strong bold"),
                Span(": "),
                Span("h", "run bold"),
                Span(" opens the history, and "),
                Span("f", "run bold"),
                Span(" at the moment before it begins a new build from there."),
            ),
            width,
        ),
    ]


def _spoken(loss: Loss | None) -> str:
    """How much of the conversation is taken back."""
    if loss is None:
        return "…"
    if not loss.messages:
        return "nothing is taken back"
    return f"{words.plural(loss.messages, 'message')} taken back; still readable, struck"


def _timeline(picture: Picture, number: int, width: int, now: float) -> list[Line]:
    """Every kept state of the files, from the first to now: the one that comes back, and what is undone."""
    lines: list[Line] = []
    checkpoints = _not_undone(picture)
    last = len(checkpoints) - MOST_CHECKPOINTS
    folded = 0
    for place, checkpoint in enumerate(checkpoints):
        back, undone_ = checkpoint.number == number, checkpoint.number > number
        if place < last and not back:
            folded += 1
            continue
        if folded:
            what = ", undone too" if undone_ else ""
            lines.append((Span(f"  … {words.plural(folded, 'more checkpoint')}{what}", "faint"),))
            folded = 0
        mark, ink = ("◀", "need bold") if back else ((words.STALE, "muted") if undone_ else (words.OK, "ok"))
        stat = checkpoint.diffstat
        size = f"+{stat.get('added') or 0} -{stat.get('removed') or 0}" if stat else "as the base"
        left: Line = (
            Span(f"{mark} ", ink),
            Span(f"{checkpoint.number:>3}  {words.state_word(checkpoint.state, short=True):<16}", "strong"),
            Span(size, "muted strike" if undone_ else "text"),
            Span(" " * (12 - len(size))),
            Span("comes back" if back else ("undone" if undone_ else ""), ink),
        )
        age = f"{words.age(now - checkpoint.at.timestamp())} ago"
        # In a narrow line what becomes of the files is worth more than their digest.
        age += f"  tree {words.digest(checkpoint.tree)}" if width >= NARROW else ""
        lines.append(spread(left, (Span(age, "faint"),), width))
    return lines or [(Span("There is no checkpoint yet.", "muted"),)]


def _not_undone(picture: Picture) -> list[CheckpointView]:
    """The checkpoints on the way to the files of now: not those that a rollback took back already."""
    way: list[int] = []
    for event in picture.events:
        if event.event_type == "checkpoint_recorded":
            way.append(int(event.data.get("number", -1)))
        elif event.event_type == "moved" and event.data.get("kind") == "rollback":
            way = [number for number in way if number <= int(event.data.get("checkpoint", number))]
    # A fork begins with checkpoints that its own events do not tell of.
    told = {e.data.get("number") for e in picture.events if e.event_type == "checkpoint_recorded"}
    return [c for c in picture.checkpoints if c.number in way or c.number not in told]


def _row(name: str, text: str, width: int, ink: str = "text") -> list[Line]:
    return bullet(Span(f"{name:<14}", "strong"), (said(text, ink, 400),), width)


_DONE = {
    "gone": ("taken away", "del"),
    "back": ("as the base has it", "add"),
    "again": ("comes back", "add"),
    "other": ("as it was then", "need"),
}
MOST_CHECKPOINTS = 10
"""Checkpoints that are shown one by one, the newest; and always the one that comes back."""
MOST_FILES = 10
"""Files that are named one by one."""


def _files(picture: Picture, number: int, then: str | None, width: int) -> list[Line]:
    if picture.kept is None or picture.kept.number == number:
        return _row("files", "stay as they are", width)
    if then is None:
        return _row("files", "being compared", width, "muted")
    changed = changed_between(picture.diff, then)
    if not changed:
        return _row("files", "are the same as they are now", width)
    lines = _row("files", f"{words.plural(len(changed), 'file')} put back", width)
    for path, how in changed[:MOST_FILES]:
        told, ink = _DONE[how]
        lines.append(cut_line((Span(" " * 14), Span(f"{told:<20}", ink), said(path, "code", 300)), width))
    if len(changed) > MOST_FILES:
        lines.append((Span(" " * 14), Span(f"and {len(changed) - MOST_FILES} more", "faint")))
    return lines


def prices_back(picture: Picture) -> list[tuple[State, str, str]]:
    """Return what each step back throws away, the dearest last: its phase, the money and the time."""
    found = []
    targets = {m.target for m in picture.moves if m.needs_reason}
    for target in sorted(targets, key=lambda state: -STATES[state].rank):
        since = entered_at(picture, target)
        again = [a for a in picture.attempts if since is None or a.started_at >= since]
        if not again or STATES[target].rank > STATES[picture.view.state].rank:
            continue
        usd = sum(a.cost_usd for a in again)
        seconds = sum((a.ended_at - a.started_at).total_seconds() for a in again if a.ended_at)
        found.append((target, words.money(usd), words.duration(seconds)))
    return found


def kept(picture: Picture, target: State, width: int) -> list[Line]:
    """Return what a retry means: files stay, evidence from the target on does not count."""
    rank = STATES[target].rank
    lost = [
        EVIDENCE_TITLES[kind]
        for phase, kind in PHASE_EVIDENCE.items()
        if STATES[phase].rank >= rank and kind in picture.view.evidence
    ]
    text = "A new attempt begins; the files stay as they are."
    if lost and target is not picture.view.state:
        text += f" {words.listing(lost).capitalize()} will be made anew."
    left = picture.view.retry_budget - picture.view.retries_used
    budget = f"Your own retries are free; {left} automatic {'retry' if left == 1 else 'retries'} left."
    costs: list[Line] = []
    for phase, money, took in prices_back(picture):
        if phase is target:
            costs = wrap((Span(f"It costs about {money} and {took} of work once more.", "muted"),), width)
    return [*wrap((Span(text, "muted"),), width), *costs, *wrap((Span(budget, "muted"),), width)]
