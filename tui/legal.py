"""Which keys make sense for a workflow as it stands. Pure: the table and a few words.

This is for drawing: a dim key at once, without asking anyone. Whoever does a thing, or wants to know why not,
asks the service, whose answer is the only one that counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.machine.states import Condition, State
from core.machine.transitions import Kind, transitions_from
from tui import words

OPENING = "The journal is still being opened; a moment."
NOTHING = "There is no workflow here yet: ctrl+n starts one."

RULED = ("approve", "retry", "rollback", "pause", "cancel", "chat")
"""The actions that depend on how a workflow stands."""


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


def nothing_yet(standing: Standing | None, *, opened: bool = True) -> str:
    """Return why nobody can be asked about any action yet; empty when there is a workflow to ask about."""
    if not opened:
        return OPENING
    return "" if standing else NOTHING


def possible(action: str, standing: Standing | None, *, opened: bool = True) -> bool:
    """Say whether the key of `action` ("approve", "retry", …) has something to do now."""
    if nothing_yet(standing, opened=opened):
        return False
    if standing is None or action not in RULED:
        return True
    if standing.over:
        return False
    if action == "approve":
        return standing.condition is Condition.WAITING and standing.waiting_for != "answer"
    return action != "rollback" or bool(back_targets(standing, Kind.ROLLBACK))


def unasked(standing: Standing) -> str:
    """What `a` says where the step could be ordered, but nothing waits for it."""
    return f"Nothing waits for your yes: the {words.actor_name(standing.state)} is at work."


def back_targets(standing: Standing, *kinds: Kind) -> tuple[State, ...]:
    """Return the states that a move back of these kinds can go to from here."""
    return tuple(t.target for t in transitions_from(standing.state) if t.kind in kinds)


def resumes(standing: Standing | None) -> bool:
    """Whether `p` lets go on what rests; else it pauses."""
    return standing is not None and standing.condition in (Condition.PAUSED, Condition.FAILED)


def pause_word(standing: Standing | None) -> str:
    """Return what `p` does now: pause, let go on, or try again what failed."""
    if not resumes(standing):
        return "pause"
    return "try again" if standing and standing.condition is Condition.FAILED else "go on"
