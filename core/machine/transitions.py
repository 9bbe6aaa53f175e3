"""The twenty-eight legal moves, as a table, and what can be read off it.

Equal to the specification `machine.json`; a test compares them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.machine.states import (
    FINAL,
    INITIAL,
    PHASE_EVIDENCE,
    STATES,
    Condition,
    EvidenceKind,
    Role,
    State,
)

MACHINE_VERSION = 1
"""Pinned in each workflow, so that histories of a released version keep their meaning."""


class Kind(StrEnum):
    """What sort of move a transition is."""

    ADVANCE = "advance"
    ACCEPT = "accept"
    REFUSE = "refuse"
    RETRY = "retry"
    ROLLBACK = "rollback"


BACK = frozenset({Kind.REFUSE, Kind.RETRY, Kind.ROLLBACK})
"""The kinds that go back; each needs a reason."""

USER = "user"
"""The actor of rollbacks, which belong to no role."""


class Order(StrEnum):
    """Commands about the condition, beside the moves."""

    WAIT = "wait"
    PAUSE = "pause"
    RESUME = "resume"
    FAIL = "fail"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Transition:
    """One legal move of a workflow. `actor` is None where only a person may order it."""

    id: str
    source: State
    target: State
    kind: Kind
    actor: Role | None
    default: bool = True
    needs: tuple[EvidenceKind, ...] = ()


def _table() -> tuple[Transition, ...]:
    s, e = State, tuple(EvidenceKind)
    q, c, t, v, r = tuple(Role)
    forward: list[tuple[State, State, Kind, Role, int]] = [
        (s.DISCOVERY, s.PLANNING, Kind.ADVANCE, q, 1),
        (s.PLANNING, s.HANDOFF_TO_CODER, Kind.ADVANCE, q, 2),
        (s.HANDOFF_TO_CODER, s.IMPLEMENTATION, Kind.ACCEPT, c, 0),
        (s.IMPLEMENTATION, s.HANDOFF_TO_TESTER, Kind.ADVANCE, c, 3),
        (s.HANDOFF_TO_TESTER, s.TESTING, Kind.ACCEPT, t, 0),
        (s.TESTING, s.HANDOFF_TO_VERIFIER, Kind.ADVANCE, t, 4),
        (s.HANDOFF_TO_VERIFIER, s.VERIFICATION, Kind.ACCEPT, v, 0),
        (s.VERIFICATION, s.HANDOFF_TO_RELEASER, Kind.ADVANCE, v, 5),
        (s.HANDOFF_TO_RELEASER, s.DEPLOYMENT, Kind.ACCEPT, r, 0),
        (s.DEPLOYMENT, s.COMPLETE, Kind.ADVANCE, r, 6),
    ]
    back: list[tuple[State, State, Kind, Role | None, bool]] = [
        (s.HANDOFF_TO_CODER, s.PLANNING, Kind.REFUSE, c, True),
        (s.HANDOFF_TO_TESTER, s.IMPLEMENTATION, Kind.REFUSE, t, True),
        (s.HANDOFF_TO_VERIFIER, s.TESTING, Kind.REFUSE, v, True),
        (s.HANDOFF_TO_RELEASER, s.VERIFICATION, Kind.REFUSE, r, True),
        (s.IMPLEMENTATION, s.PLANNING, Kind.RETRY, c, True),
        (s.TESTING, s.IMPLEMENTATION, Kind.RETRY, t, True),
        (s.VERIFICATION, s.IMPLEMENTATION, Kind.RETRY, v, True),
        (s.VERIFICATION, s.TESTING, Kind.RETRY, v, False),
        (s.DEPLOYMENT, s.IMPLEMENTATION, Kind.RETRY, r, True),
        (s.DEPLOYMENT, s.VERIFICATION, Kind.RETRY, r, False),
        (s.PLANNING, s.DISCOVERY, Kind.ROLLBACK, None, True),
        (s.IMPLEMENTATION, s.DISCOVERY, Kind.ROLLBACK, None, False),
        (s.TESTING, s.PLANNING, Kind.ROLLBACK, None, True),
        (s.TESTING, s.DISCOVERY, Kind.ROLLBACK, None, False),
        (s.VERIFICATION, s.PLANNING, Kind.ROLLBACK, None, True),
        (s.VERIFICATION, s.DISCOVERY, Kind.ROLLBACK, None, False),
        (s.DEPLOYMENT, s.TESTING, Kind.ROLLBACK, None, True),
        (s.DEPLOYMENT, s.PLANNING, Kind.ROLLBACK, None, False),
    ]
    rows = [Transition("", a, b, k, who, True, e[:n]) for a, b, k, who, n in forward]
    rows += [Transition("", a, b, k, who, default) for a, b, k, who, default in back]
    return tuple(
        Transition(f"T{n:02d}", x.source, x.target, x.kind, x.actor, x.default, x.needs)
        for n, x in enumerate(rows, start=1)
    )


TRANSITIONS: tuple[Transition, ...] = _table()
_BY_PAIR = {(t.source, t.target): t for t in TRANSITIONS}
BY_ID: dict[str, Transition] = {t.id: t for t in TRANSITIONS}

CONDITION_ALLOWS: dict[Condition, frozenset[Kind | Order]] = {
    Condition.ACTIVE: frozenset({*Kind, Order.WAIT, Order.PAUSE, Order.FAIL, Order.CANCEL}),
    Condition.WAITING: frozenset({*Kind, Order.RESUME, Order.PAUSE, Order.FAIL, Order.CANCEL}),
    Condition.PAUSED: frozenset({*BACK, Order.RESUME, Order.CANCEL}),
    Condition.FAILED: frozenset({*BACK, Order.RESUME, Order.CANCEL}),
    Condition.CANCELLED: frozenset(),
}


def transition_between(source: State, target: State) -> Transition | None:
    """Return the move from `source` to `target`, or None: 28 of the 121 pairs have one."""
    return _BY_PAIR.get((source, target))


def transitions_from(source: State) -> tuple[Transition, ...]:
    """Return the legal moves out of `source`, in the order of the table."""
    return tuple(t for t in TRANSITIONS if t.source is source)


def default_target(source: State, kind: Kind) -> State | None:
    """Return where a move of `kind` goes from `source` when nobody names a target."""
    return next((t.target for t in transitions_from(source) if t.kind is kind and t.default), None)


def shortest_path(source: State, target: State) -> tuple[Transition, ...]:
    """Return the fewest legal moves from `source` to `target`; empty when there are none."""
    queue: deque[tuple[State, tuple[Transition, ...]]] = deque([(source, ())])
    seen = {source}
    while queue:
        state, path = queue.popleft()
        if state is target:
            return path
        for step in transitions_from(state):
            if step.target not in seen:
                seen.add(step.target)
                queue.append((step.target, (*path, step)))
    return ()


def machine_as_data() -> dict[str, Any]:
    """Return the whole table with the keys of the specification `machine.json`."""
    kinds = [*Kind, *Order]
    order = ["advance", "accept", "refuse", "retry", "rollback", "wait", "resume", "pause", "fail", "cancel"]
    kinds.sort(key=lambda k: order.index(k.value))
    return {
        "version": MACHINE_VERSION,
        "initial": INITIAL.value,
        "final": [FINAL.value],
        "roles": [role.value for role in Role],
        "conditions": [condition.value for condition in Condition],
        "evidence": [{"key": kind.value, "phase": phase.value} for phase, kind in PHASE_EVIDENCE.items()],
        "condition_allows": {
            condition.value: [k.value for k in kinds if k in allowed]
            for condition, allowed in CONDITION_ALLOWS.items()
        },
        "orders": "a person may order any transition in its actor's place, under its gate; "
        "a role only its own; complete allows nothing",
        "states": [
            {
                "id": info.state.value,
                "rank": info.rank,
                "kind": info.kind.value,
                "owner": info.owner.value,
                "receiver": info.receiver.value if info.receiver else None,
            }
            for info in STATES.values()
        ],
        "transitions": [
            {
                "id": t.id,
                "from": t.source.value,
                "to": t.target.value,
                "kind": t.kind.value,
                "actor": t.actor.value if t.actor else USER,
                "default": t.default,
                "needs_current": [n.value for n in t.needs],
            }
            for t in TRANSITIONS
        ],
    }
