"""The figures of one workflow, folded from its events. Pure: whoever calls reads and hands in.

Every second of a workflow, from its start to its end or to now, is counted once: to the phase it was in (a
handoff counts to the phase whose packet it carries), and to what it was spent on. A person is waited for
while it waits, rests by a person's order or has failed; a model, while a call is out or the engine rests it
until a model answers again; the rest is work, the time until a worker takes it up included.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from core.machine.commands import AuthorityKind
from core.machine.events import EventType
from core.machine.states import FINAL, PHASE_EVIDENCE, Condition, EvidenceKind, State, phase_of
from core.machine.transitions import BACK, Kind

Span = tuple[datetime, datetime]


class Step(NamedTuple):
    """What the figures need of one event; `began` is where a fork stood at its start."""

    event_type: str
    at: datetime
    triggered_by: str
    kind: str | None = None
    source: str | None = None
    target: str | None = None
    condition: str | None = None
    ok: bool | None = None
    began: str | None = None


@dataclass(slots=True)
class Times:
    """Seconds of a phase, by what they were spent on."""

    working: float = 0.0
    person: float = 0.0
    model: float = 0.0

    @property
    def total(self) -> float:
        """All of them."""
        return self.working + self.person + self.model


@dataclass(slots=True)
class Figures:
    """What one workflow's history adds up to.

    `back` counts by the phase that was left, the phase that works again, and the cause; `failures`
    by the state in which the build failed. `handed_on` counts by phase how often its work went forward,
    `fell` how often that came back to it later; `standing` are the phases whose work has not.
    """

    started: datetime
    ended: datetime | None = None
    state: State = State.DISCOVERY
    condition: Condition = Condition.ACTIVE
    times: dict[State, Times] = field(default_factory=dict)
    back: Counter[tuple[State, State, str]] = field(default_factory=Counter)
    moves: Counter[Kind] = field(default_factory=Counter)
    failures: Counter[State] = field(default_factory=Counter)
    handoffs: int = 0
    handed_on: Counter[State] = field(default_factory=Counter)
    fell: Counter[State] = field(default_factory=Counter)
    standing: set[State] = field(default_factory=set)

    @property
    def seconds(self) -> float:
        """The time from its start to its end, or to now."""
        return sum(times.total for times in self.times.values())


def figures(steps: Sequence[Step], calls: Iterable[Span], now: datetime) -> Figures:
    """Fold a history, in order, and the times at which model calls were out."""
    found = Figures(steps[0].at, state=State(steps[0].began or State.DISCOVERY))
    waits = merged(calls)
    red: set[EvidenceKind] = set()
    since, spent_on = steps[0].at, "working"
    for step in steps[1:]:
        if found.ended is None:
            _count(found, (since, step.at), spent_on, waits)
            since = step.at
        spent_on = _follow(found, step, spent_on, red)
    if found.ended is None:
        _count(found, (since, max(now, since)), spent_on, waits)
    return found


def _count(found: Figures, span: Span, spent_on: str, waits: Sequence[Span]) -> None:
    times = found.times.setdefault(phase_of(found.state), Times())
    seconds = (span[1] - span[0]).total_seconds()
    if spent_on == "working":
        out = _out(span, waits)
        times.model += out
        times.working += seconds - out
    else:
        setattr(times, spent_on, getattr(times, spent_on) + seconds)


def _out(span: Span, waits: Sequence[Span]) -> float:
    """Seconds of the span in which a call was out; the waits are in order, so few are looked at."""
    first = bisect_right(waits, span[0], key=lambda wait: wait[1])
    out = 0.0
    for index in range(first, len(waits)):
        start, end = waits[index]
        if start >= span[1]:
            break
        out += (min(span[1], end) - max(span[0], start)).total_seconds()
    return out


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that overlap as one: two calls at once are waited for once."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _follow(found: Figures, step: Step, spent_on: str, red: set[EvidenceKind]) -> str:
    """Take the step and return what the time after it is spent on."""
    match step.event_type:
        case EventType.EVIDENCE_RECORDED:
            kind = EvidenceKind(step.kind or "")
            red.discard(kind) if step.ok else red.add(kind)
        case EventType.MOVED:
            _moved(found, step, red)
            return "working"
        case EventType.CONDITION_CHANGED:
            found.condition = Condition(step.condition or "")
            if found.condition is Condition.FAILED:
                found.failures[found.state] += 1
            if found.condition is Condition.CANCELLED:
                found.ended = step.at
            return _spent_on(found.condition, step.triggered_by)
    return spent_on


def _spent_on(condition: Condition, by: str) -> str:
    if condition is Condition.ACTIVE:
        return "working"
    engine = by.startswith(f"{AuthorityKind.ENGINE.value}:")
    return "model" if condition is Condition.PAUSED and engine else "person"


def _moved(found: Figures, step: Step, red: set[EvidenceKind]) -> None:
    kind, source, target = Kind(step.kind or ""), State(step.source or ""), State(step.target or "")
    found.moves[kind] += 1
    if kind in BACK:
        found.back[phase_of(source), target, cause(kind, source, step.triggered_by, red)] += 1
        # In a fork this can be the work of the build that it began from.
        found.fell[target] += target in found.standing
        found.standing.discard(target)
        red.clear()
    elif kind is Kind.ADVANCE:
        found.handed_on[source] += 1
        found.standing.add(source)
        found.handoffs += target is not FINAL and source is not State.DISCOVERY
    found.state, found.condition = target, Condition.ACTIVE
    if target is FINAL:
        found.ended = step.at


def cause(kind: Kind, source: State, by: str, red: set[EvidenceKind]) -> str:
    """Say in a word or two why the work went back."""
    if by.startswith(f"{AuthorityKind.PERSON.value}:"):
        return "a person's order"
    if kind is Kind.REFUSE:
        return "packet refused"
    own = PHASE_EVIDENCE[phase_of(source)]
    return f"{own.value} not green" if own in red else "role's judgement"
