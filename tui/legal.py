"""Which keys make sense for a workflow as it stands, and why the others do not. Pure: the table and a few
words.

This is for drawing: a dim key at once, without asking anyone. Whoever does a thing asks the service,
whose answer is the only one that counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.machine.states import Condition, State
from core.machine.transitions import Kind, transitions_from
from tui import words

OPENING = "The journal is still being opened; a moment."
NOTHING = "There is no workflow here yet: ctrl+n starts one."


@dataclass(frozen=True, slots=True)
class Standing:
    """How a workflow stands, as far as keys depend on it."""

    build_id: str
    state: State
    condition: Condition
    waiting_for: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.state is State.COMPLETE or self.condition is Condition.CANCELLED


def why_not(action: str, standing: Standing | None, *, opened: bool = True) -> str:
    """Return why `action` ("approve", "retry", …) is not possible now; empty when it is."""
    if not opened:
        return OPENING
    if standing is None:
        return NOTHING
    rule = _RULES.get(action)
    if rule is None:
        return ""
    if standing.over:
        word = "complete" if standing.state is State.COMPLETE else "cancelled"
        return f"{standing.build_id} is {word}; nothing can be changed any more."
    return rule(standing)


def back_targets(standing: Standing, *kinds: Kind) -> tuple[State, ...]:
    """Return the states that a move back of these kinds can go to from here."""
    return tuple(t.target for t in transitions_from(standing.state) if t.kind in kinds)


def pause_word(standing: Standing | None) -> str:
    """Return what `p` does now: pause, or let go on."""
    resumes = standing and standing.condition in (Condition.PAUSED, Condition.FAILED)
    return "go on" if resumes else "pause"


def _approve(standing: Standing) -> str:
    who = words.actor_name(standing.state)
    match standing.condition:
        case Condition.ACTIVE:
            return f"Nothing waits for your yes: the {who} is at work."
        case Condition.PAUSED:
            return f"{standing.build_id} is paused; p lets it go on."
        case Condition.FAILED:
            return f"{standing.build_id} failed; r sends it back with a reason, p tries the phase again."
    if standing.waiting_for == "answer":
        return f"The {who} asked you something; c opens the chat to answer."
    return ""


def _rollback(standing: Standing) -> str:
    if back_targets(standing, Kind.ROLLBACK):
        return ""
    if standing.state is State.DISCOVERY:
        return "Discovery is the first phase; there is nothing to roll back to."
    return "In a handoff there is no rollback: r sends the packet back, or wait for the next phase."


def _always(standing: Standing) -> str:
    return ""


_RULES = {
    "approve": _approve,
    "retry": _always,
    "rollback": _rollback,
    "pause": _always,
    "cancel": _always,
    "chat": _always,
}
