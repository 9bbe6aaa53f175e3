"""The table itself: equal to the specification, and sound as a graph."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.machine.states import FINAL, STATES, State, StateKind, phase_of
from core.machine.transitions import (
    TRANSITIONS,
    Kind,
    default_target,
    machine_as_data,
    shortest_path,
    transition_between,
    transitions_from,
)

SPECIFICATION = json.loads(Path(__file__).with_name("machine.json").read_text())


def test_the_table_equals_the_specification() -> None:
    """Every state, owner, transition, default and need is as specified, in order."""
    assert machine_as_data() == SPECIFICATION


def test_there_are_eleven_states_and_twenty_eight_transitions() -> None:
    """28 of the 121 pairs are legal; the other 93 are not."""
    legal = [(a, b) for a in State for b in State if transition_between(a, b)]
    assert (len(State), len(TRANSITIONS), len(legal)) == (11, 28, 28)


def test_forward_goes_only_to_the_next_state() -> None:
    """No advance or acceptance skips a state, so every path to complete passes through all of them."""
    for t in TRANSITIONS:
        if t.kind in (Kind.ADVANCE, Kind.ACCEPT):
            assert STATES[t.target].rank == STATES[t.source].rank + 1
        else:
            assert STATES[t.target].rank < STATES[t.source].rank


@pytest.mark.parametrize("state", [s for s in State if s is not FINAL])
def test_complete_can_be_reached_from_every_open_state(state: State) -> None:
    """There is no dead end."""
    path = shortest_path(state, FINAL)
    assert path[0].source is state
    assert path[-1].target is FINAL


def test_nothing_leaves_complete() -> None:
    """Complete is final."""
    assert transitions_from(FINAL) == ()
    assert shortest_path(FINAL, State.DISCOVERY) == ()


def test_each_kind_has_at_most_one_default_from_a_state() -> None:
    """A move named by its kind alone is never ambiguous."""
    for state in State:
        for kind in Kind:
            of_kind = [t for t in transitions_from(state) if t.kind is kind]
            assert sum(t.default for t in of_kind) <= 1
            assert default_target(state, kind) == next((t.target for t in of_kind if t.default), None)


def test_a_handoff_belongs_to_the_phase_that_made_its_packet() -> None:
    """phase_of maps the handoffs back to their makers."""
    assert phase_of(State.HANDOFF_TO_TESTER) is State.IMPLEMENTATION
    assert phase_of(State.TESTING) is State.TESTING
    assert all(STATES[phase_of(s)].kind is StateKind.WORK for s in State if s is not FINAL)
