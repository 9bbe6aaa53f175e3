"""What each state gives its role: the tools, and what it is shown at the start."""

from __future__ import annotations

from core.machine.states import STATES, State, StateKind
from core.roles.phases import deployment, discovery, handoffs, implementation, planning, testing, verification
from core.roles.phases.play import Play

PLAYS: dict[State, Play] = {
    State.DISCOVERY: discovery.PLAY,
    State.PLANNING: planning.PLAY,
    State.IMPLEMENTATION: implementation.PLAY,
    State.TESTING: testing.PLAY,
    State.VERIFICATION: verification.PLAY,
    State.DEPLOYMENT: deployment.PLAY,
    **{state: handoffs.PLAY for state, info in STATES.items() if info.kind is StateKind.HANDOFF},
}
"""How each state is played; complete has nothing to play."""

__all__ = ["PLAYS", "Play"]
