"""Why not? What an order would be told, asked without giving it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import uuid4

from core.journal.database import Database
from core.machine.commands import Authority
from core.machine.states import PHASES, STATES, State
from core.machine.transitions import Order as ConditionOrder
from core.machine.workflow import Workflow
from core.service import orders
from core.service.commands import Order, Plan, refusal_of
from core.service.orders import Frame, Spoken

_WORDS = "some words"
"""Stand for the reason or message that is asked for before the order is given."""


def why_not(database: Database, workflow_id: str, verb: str, by: Authority) -> str:
    """Return what `by` would be told who ordered `verb` now; empty when it would be carried out.

    Verbs are approve, retry, rollback (to the phase before), chat, pause, resume and cancel. Raises
    UnknownError for an unknown workflow, ValueError for another verb.
    """
    frame = Frame(uuid4().hex, by, database.clock())
    plan = _plan(verb, frame)
    order = Order(frame.command_id, verb, by, workflow_id, lambda session, workflow: plan(frame, workflow))  # type: ignore[arg-type]
    refusal = refusal_of(database, order)
    return str(refusal) if refusal else ""


def _plan(verb: str, frame: Frame) -> Callable[[Frame, Workflow], Plan]:
    match verb:
        case "approve":
            return partial(orders.advance, role=None, completed=None, packet={}, target=None, reason="")
        case "retry":
            spoken = Spoken(_WORDS, frame.by, frame.at)
            return partial(orders.retry, reason=_WORDS, target=None, spoken=spoken)
        case "chat":
            return partial(orders.say, spoken=Spoken(_WORDS, frame.by, frame.at))
        case "rollback":
            return _rollback
        case _:
            return partial(orders.condition, order=ConditionOrder(verb), reason="")


def _rollback(frame: Frame, workflow: Workflow) -> Plan:
    target = _phase_before(workflow.state)
    return orders.rollback(frame, workflow, target=target, reason=_WORDS, checkpoint=None)


def _phase_before(state: State) -> State:
    """The phase that a rollback to the one before would lead to; where there is none, the state itself."""
    before = [phase for phase in PHASES if STATES[phase].rank < STATES[state].rank]
    return before[-1] if before else state
