"""Which keys make sense, and what a dim key says: checked against the machine's own table."""

from __future__ import annotations

import pytest

from core.machine.states import Condition, State
from core.machine.transitions import CONDITION_ALLOWS, Kind, Order, transitions_from
from tui.legal import NOTHING, OPENING, Standing, why_not

ACTIONS = ("approve", "retry", "rollback", "pause", "cancel", "chat")


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
    assert (why_not("rollback", standing) == "") == (not over and Kind.ROLLBACK in kinds & allowed)
    assert (why_not("cancel", standing) == "") == (not over and Order.CANCEL in allowed)
    pauses = Order.PAUSE in allowed or Order.RESUME in allowed
    assert (why_not("pause", standing) == "") == (not over and pauses)
    assert (why_not("approve", standing) == "") == (not over and condition is Condition.WAITING)
    assert (why_not("retry", standing) == "") == (not over)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_key_that_is_not_legal_says_why_in_a_sentence(action: str) -> None:
    """Complete allows nothing, and says so."""
    why = why_not(action, stands(State.COMPLETE, Condition.ACTIVE))
    assert why.endswith(".") and "B-0001 is complete" in why


def test_before_the_journal_is_open_no_key_acts() -> None:
    """Until then everything says the same thing."""
    standing = stands(State.TESTING, Condition.WAITING)
    assert {why_not(action, standing, opened=False) for action in ACTIONS} == {OPENING}


def test_without_a_workflow_the_way_to_one_is_told() -> None:
    """An empty board leads on."""
    assert why_not("approve", None) == NOTHING


def test_a_question_is_answered_in_words_and_not_with_a_yes() -> None:
    """Approve points to the chat when a role has asked something."""
    why = why_not("approve", stands(State.DISCOVERY, Condition.WAITING, "answer"))
    assert "c opens the chat" in why
