"""Which keys make sense, and when a key is dim: checked against the machine's own table."""

from __future__ import annotations

import pytest

from core.machine.states import Condition, State
from core.machine.transitions import CONDITION_ALLOWS, Kind, Order, transitions_from
from tui.legal import NOTHING, OPENING, RULED, Standing, nothing_yet, pause_word, possible


def stands(state: State, condition: Condition, waiting_for: str = "") -> Standing:
    """A workflow that stands like this."""
    return Standing("B-0001", state, condition, waiting_for)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("condition", list(Condition))
def test_a_key_is_legal_exactly_where_the_table_allows_it(state: State, condition: Condition) -> None:
    """What the hint line says agrees with the machine in every state and condition."""
    standing = stands(state, condition, "approval:plan")
    allowed = CONDITION_ALLOWS[condition]
    over = state is State.COMPLETE or condition is Condition.CANCELLED
    kinds = {t.kind for t in transitions_from(state)}
    assert possible("rollback", standing) == (not over and Kind.ROLLBACK in kinds & allowed)
    assert possible("cancel", standing) == (not over and Order.CANCEL in allowed)
    pauses = Order.PAUSE in allowed or Order.RESUME in allowed
    assert possible("pause", standing) == (not over and pauses)
    assert possible("approve", standing) == (not over and condition is Condition.WAITING)
    assert possible("retry", standing) == (not over)


def test_the_key_of_a_pause_says_what_it_does() -> None:
    """What failed is tried again, what rests goes on."""
    told = {
        c: pause_word(stands(State.TESTING, c))
        for c in (Condition.ACTIVE, Condition.PAUSED, Condition.FAILED)
    }
    assert list(told.values()) == ["pause", "go on", "try again"]


def test_before_the_journal_is_open_no_key_acts() -> None:
    """Until then everything says the same thing."""
    standing = stands(State.TESTING, Condition.WAITING)
    assert not any(possible(action, standing, opened=False) for action in RULED)
    assert nothing_yet(standing, opened=False) == OPENING


def test_without_a_workflow_the_way_to_one_is_told() -> None:
    """An empty board leads on."""
    assert not any(possible(action, None) for action in RULED)
    assert nothing_yet(None) == NOTHING


def test_a_question_is_answered_in_words_and_not_with_a_yes() -> None:
    """Approve is dim while a role has asked something."""
    assert not possible("approve", stands(State.DISCOVERY, Condition.WAITING, "answer"))
