"""Deadlines: how long a workflow, or one of its phases, may take; a fold of the events like everything else.

A deadline counts the seconds that qdeck has: at work, or waiting for a model. Its clock stands still while a
person is waited for: while the workflow waits, has failed, or was paused by a person. A phase's clock counts
all its attempts, and the handoff that carries its packet. So what is counted here against a deadline is what
the statistics call "working" and "for a model".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from core.machine.commands import AuthorityKind
from core.machine.events import Event, EventType
from core.machine.states import DEADLINES, FINAL, WHOLE, Condition, State, phase_of

SET, BREACHED = "deadline", "deadline_breached"
"""The kinds of the notes by which a person changes deadlines, and by which the engine records a breach."""

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Deadline:
    """One deadline, as it stands at some moment. Times are seconds.

    `left` is negative once it is missed; `due_at` is when it runs out, None while its clock stands still;
    `recorded` says that the engine has put a breach of exactly this deadline on record.
    """

    name: str
    limit: float
    spent: float
    due_at: datetime | None
    breached: bool
    recorded: bool

    @property
    def left(self) -> float:
        """What is left of it."""
        return self.limit - self.spent


@dataclass(frozen=True, slots=True)
class Clock:
    """What all deadlines of a workflow rest on, right after one of its events.

    `spent` holds the counted microseconds of each phase up to `at`; the clock runs on from there when
    `running`. `limits` are seconds; `noted` holds, for each name, the limit whose breach is on record.
    """

    at: datetime
    phase: State = State.DISCOVERY
    running: bool = True
    ended: bool = False
    spent: Mapping[State, int] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    noted: Mapping[str, float] = field(default_factory=dict)

    def now(self, moment: datetime) -> tuple[Deadline, ...]:
        """Return every deadline as it stands at `moment`, in the order of DEADLINES."""
        return tuple(self._deadline(name, moment) for name in DEADLINES if name in self.limits)

    def _deadline(self, name: str, moment: datetime) -> Deadline:
        counts = name in (WHOLE, self.phase.value)
        spent = sum(self.spent.values()) if name == WHOLE else self.spent.get(State(name), 0)
        limit, used = self.limits[name], spent / 1_000_000
        due_at = None
        if self.running and counts:
            due_at = self.at + timedelta(seconds=limit - used)
            used += max(0.0, (moment - self.at).total_seconds())
        recorded = self.noted.get(name) == limit
        return Deadline(name, limit, used, due_at, recorded or used > limit, recorded)

    def pressing(self, moment: datetime) -> Deadline | None:
        """Return the deadline that runs out first, of those that count now; None when there is none."""
        if self.ended:
            return None
        ours = [d for d in self.now(moment) if d.name in (WHOLE, self.phase.value)]
        return min(ours, key=lambda d: d.left, default=None)

    def next_breach(self) -> datetime | None:
        """Return when a breach is, or was, to be put on record; None when none can come by itself."""
        found = []
        for deadline in self.now(self.at):
            if not deadline.recorded and deadline.breached:
                found.append(self.at)
            elif not deadline.recorded and deadline.due_at is not None:
                found.append(deadline.due_at)
        return min(found, default=None)

    def to_data(self) -> dict[str, Any]:
        """Return the clock as JSON data."""
        return {
            "at": self.at.isoformat(),
            "phase": self.phase.value,
            "running": self.running,
            "ended": self.ended,
            "spent": {phase.value: micros for phase, micros in self.spent.items()},
            "limits": dict(self.limits),
            "noted": dict(self.noted),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote."""
        return cls(
            datetime.fromisoformat(data["at"]),
            State(data["phase"]),
            bool(data["running"]),
            bool(data["ended"]),
            {State(phase): int(micros) for phase, micros in data["spent"].items()},
            {str(name): float(limit) for name, limit in data["limits"].items()},
            {str(name): float(limit) for name, limit in data["noted"].items()},
        )


def tick(clock: Clock | None, event: Event) -> Clock:
    """Return the clock after `event`."""
    if clock is None or event.event_type is EventType.STARTED:
        return _begun(event)
    moved = replace(clock, at=event.at, spent=_counted(clock, event.at))
    match event.event_type:
        case EventType.MOVED:
            target = State(event.data["to"])
            over = target is FINAL
            return replace(moved, phase=phase_of(target), running=not over, ended=over)
        case EventType.CONDITION_CHANGED:
            condition = Condition(event.data["condition"])
            running = _runs(condition, event.triggered_by)
            return replace(moved, running=running, ended=condition is Condition.CANCELLED)
        case EventType.NOTED if event.data.get("kind") == SET:
            changed = {**clock.limits, **(event.data.get("limits") or {})}
            return replace(moved, limits=limits_of(changed))
        case EventType.NOTED if event.data.get("kind") == BREACHED:
            name = str(event.data["deadline"])
            return replace(moved, noted={**clock.noted, name: float(event.data["limit"])})
    return moved


def _begun(event: Event) -> Clock:
    """A fork's time begins anew as well, in the phase where it begins."""
    standing = (event.data.get("fork") or {}).get("standing") or {}
    state = State(standing.get("state", State.DISCOVERY))
    running = _runs(Condition(standing.get("condition", Condition.ACTIVE)), event.triggered_by)
    limits = limits_of(event.data["settings"].get("deadlines"))
    return Clock(event.at, phase_of(state), running, limits=limits)


def limits_of(data: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the limits in `data` by name, as far as they are deadlines; None lifts one."""
    data = data or {}
    return {name: float(data[name]) for name in DEADLINES if data.get(name) is not None}


def _runs(condition: Condition, by: str) -> bool:
    """A pause of the engine's own waits for a model; every other rest waits for a person."""
    if condition is Condition.PAUSED:
        return by.startswith(f"{AuthorityKind.ENGINE.value}:")
    return condition is Condition.ACTIVE


def _counted(clock: Clock, until: datetime) -> Mapping[State, int]:
    if not clock.running or until <= clock.at:
        return clock.spent
    more = (until - clock.at) // _TICK
    return {**clock.spent, clock.phase: clock.spent.get(clock.phase, 0) + more}
