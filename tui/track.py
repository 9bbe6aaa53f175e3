"""The phase track: six phases and the four gates between them, as spans. Pure.

    ●─●▸●▸◉▹○▹○

Glyph and ink say how a phase stands; the word beside it says where the workflow is.
"""

from __future__ import annotations

from core.machine.states import PHASES, STATES, Condition, State, StateKind
from tui import words
from tui.ink import Span

GATES: dict[int, State] = {
    1: State.HANDOFF_TO_CODER,
    2: State.HANDOFF_TO_TESTER,
    3: State.HANDOFF_TO_VERIFIER,
    4: State.HANDOFF_TO_RELEASER,
}
"""The handoff that lies behind each phase, by the phase's index; discovery leads to planning without one."""

_HERE: dict[Condition, tuple[str, str]] = {
    Condition.ACTIVE: (words.RUN, "run bold"),
    Condition.WAITING: (words.NEED, "need bold"),
    Condition.PAUSED: (words.PAUSED, "muted bold"),
    Condition.FAILED: (words.BAD, "bad bold"),
    Condition.CANCELLED: (words.CANCELLED, "muted"),
}


def phase_mark(index: int, state: State, condition: Condition, evidence: str) -> tuple[str, str]:
    """Return glyph and ink of the phase `index`, given where the workflow stands and its evidence letters."""
    if state is State.COMPLETE:
        return words.OK, "ok"
    letter = evidence[index : index + 1] or "-"
    phase, rank = PHASES[index], STATES[state].rank
    if phase is state:
        return _HERE[condition]
    if STATES[phase].rank > rank:
        return (words.STALE, "faint") if letter in "~!" else (words.FUTURE, "faint")
    if letter in "~-":
        return words.STALE, "need"
    return (words.BAD, "bad") if letter == "!" else (words.OK, "ok")


def gate_mark(index: int, state: State, condition: Condition) -> tuple[str, str]:
    """Return glyph and ink of the link behind the phase `index`."""
    gate = GATES.get(index)
    rank = STATES[state].rank
    if gate is None:
        return "─", "ok" if rank > STATES[PHASES[index]].rank else "faint"
    if gate is state:
        return ("▶", "run bold") if condition is Condition.ACTIVE else _HERE[condition]
    return ("▸", "ok") if rank > STATES[gate].rank else ("▹", "faint")


def track(state: State, condition: Condition, evidence: str) -> tuple[Span, ...]:
    """Return the whole track, eleven cells."""
    spans: list[Span] = []
    for index in range(len(PHASES)):
        spans.append(Span(*phase_mark(index, state, condition, evidence)))
        if index < len(PHASES) - 1:
            spans.append(Span(*gate_mark(index, state, condition)))
    return tuple(spans)


def state_ink(state: State, condition: Condition) -> str:
    """Return the ink of the word that says where a workflow stands."""
    if state is State.COMPLETE:
        return "ok"
    return _HERE[condition][1].removesuffix(" bold")


def is_handoff(state: State) -> bool:
    """Say whether the state is one of the four handoffs."""
    return STATES[state].kind is StateKind.HANDOFF
