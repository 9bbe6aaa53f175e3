"""Auto always ends: the longest run that no person takes part in, computed and tried."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from core.machine.commands import Authority, Move
from core.machine.refusal import Refusal
from core.machine.states import FINAL, INITIAL, PHASE_EVIDENCE, STATES, Autonomy, State, StateKind
from core.machine.transitions import BACK, TRANSITIONS, Kind, transitions_from
from tests.machine.conftest import Driver

AUTOMATIC = [t for t in TRANSITIONS if t.kind is not Kind.ROLLBACK]


@cache
def longest_run(state: State, budget: int) -> int:
    """Return the most moves that roles and policy can make from `state` with `budget` retries left."""
    longest = 0
    for move in transitions_from(state):
        if move.kind in (Kind.ADVANCE, Kind.ACCEPT):
            longest = max(longest, 1 + longest_run(move.target, budget))
        elif move.kind is not Kind.ROLLBACK and budget:
            longest = max(longest, 1 + longest_run(move.target, budget - 1))
    return longest


def test_the_bound_is_ten_moves_and_seven_for_each_retry() -> None:
    """The worst retry goes from deployment to implementation: one move back and six forward again."""
    assert [longest_run(INITIAL, budget) for budget in range(5)] == [10 + 7 * b for b in range(5)]


@given(st.lists(st.integers(0, 5), max_size=60))
def test_no_choice_of_automatic_moves_outlasts_the_bound(choices: list[int]) -> None:
    """Whatever roles and policy do with a budget of three, they stop after at most 31 moves."""
    driver, policy, moves = Driver(Autonomy.AUTO, 3), Authority.policy(Autonomy.AUTO), 0
    for choice in choices:
        state = driver.now.state
        if state is FINAL:
            break
        if state is State.IMPLEMENTATION:
            driver.checkpoint(f"tree-{len(driver.now.checkpoints)}")
        if STATES[state].kind is StateKind.WORK:
            driver.supply(PHASE_EVIDENCE[state])
        legal = [t for t in transitions_from(state) if t.kind is not Kind.ROLLBACK]
        row = legal[choice % len(legal)]
        decided = driver.do(Move, by=policy, target=row.target, reason="because")
        spent = row.kind in BACK and driver.now.retries_used == 3
        assert spent or not isinstance(decided, Refusal)
        moves += not isinstance(decided, Refusal)
    assert moves <= longest_run(INITIAL, 3)
    assert driver.now.retries_used <= 3


def test_every_state_dominates_complete() -> None:
    """Take any state away, and complete cannot be reached: nothing is skipped on any path."""
    for removed in State:
        if removed in (INITIAL, FINAL):
            continue
        seen, frontier = {INITIAL}, [INITIAL]
        while frontier:
            here = frontier.pop()
            for move in transitions_from(here):
                if move.target is not removed and move.target not in seen:
                    seen.add(move.target)
                    frontier.append(move.target)
        assert FINAL not in seen, removed


def test_only_moves_of_the_table_are_automatic() -> None:
    """Twenty of the twenty-eight belong to a role; the eight rollbacks belong to people."""
    assert len(AUTOMATIC) == 20
    assert all(t.actor is not None for t in AUTOMATIC)
