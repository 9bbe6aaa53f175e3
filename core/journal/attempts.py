"""Attempts, their leases and their finished steps. A lease that is not the current one writes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlmodel import Session, col, select

from core.errors import JournalError
from core.journal.records import find_row, workflow_of
from core.journal.tables import Attempt, AttemptStep
from core.machine.states import FINAL, Condition, State, actor_in


class LeaseLost(JournalError):
    """The attempt is another's now, or was taken back; nothing was written."""


class Missing:
    """What `step_result` gives for a step that has not finished; a result may itself be None."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING = Missing()


def claim(session: Session, attempt_id: str, executor: str, now: datetime) -> str:
    """Make `executor` the holder of the attempt and return its lease; the one before it is void.

    Returns "" when the attempt is not the current one of an active workflow: there is nothing to claim.
    """
    workflow_id, state, number = split(attempt_id)
    workflow = workflow_of(find_row(session, workflow_id, lock=True))
    if workflow.attempt_id != attempt_id or workflow.state is FINAL:
        return ""
    if workflow.condition is not Condition.ACTIVE:
        return ""
    attempt = session.get(Attempt, attempt_id)
    if attempt is None:
        attempt = Attempt(
            attempt_id=attempt_id,
            workflow_id=workflow_id,
            state=state.value,
            number=number,
            role=actor_in(state).value,
            executor=executor,
            lease="",
            started_at=now,
            claims=0,
        )
    attempt.executor, attempt.lease = executor, uuid4().hex
    attempt.claims += 1
    session.add(attempt)
    return attempt.lease


def holder(session: Session, attempt_id: str, lease: str) -> Attempt:
    """Return the attempt, as long as `lease` is its lease. Raises LeaseLost."""
    attempt = session.exec(select(Attempt).where(Attempt.attempt_id == attempt_id).with_for_update()).first()
    if attempt is None or not lease or attempt.lease != lease:
        raise LeaseLost(f"The attempt {attempt_id} is not this worker's any more; it wrote nothing.")
    return attempt


def end(attempt: Attempt, outcome: str, summary: str, now: datetime) -> None:
    """Write down how the attempt ended; a second end keeps the first one's time."""
    # A clock that was set back makes no attempt end before it began.
    attempt.ended_at = attempt.ended_at or max(now, attempt.started_at)
    attempt.outcome, attempt.summary = outcome, summary


def open_attempts(session: Session, executor: str | None = None) -> list[Attempt]:
    """Return the attempts that have not ended, of one executor or of all."""
    query = select(Attempt).where(col(Attempt.ended_at).is_(None)).order_by(col(Attempt.started_at))
    if executor is not None:
        query = query.where(Attempt.executor == executor)
    return list(session.exec(query))


def step_result(session: Session, attempt_id: str, key: str) -> Any:
    """Return what the finished step gave, MISSING when it has not finished."""
    step = session.get(AttemptStep, (attempt_id, key))
    return MISSING if step is None else step.result


def keep_step(session: Session, attempt_id: str, key: str, result: Any, now: datetime) -> None:
    """Keep what a step gave. The first result stays: whoever ran it twice gets what was kept."""
    if session.get(AttemptStep, (attempt_id, key)) is None:
        session.add(AttemptStep(attempt_id=attempt_id, key=key, result=result, at=now))


def split(attempt_id: str) -> tuple[str, State, int]:
    """Return workflow, state and number of an attempt's id. Raises ValueError for what is none."""
    workflow_id, state, number = attempt_id.rsplit(":", 2)
    return workflow_id, State(state), int(number)
