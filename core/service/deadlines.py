"""Deadlines through the door: set by a person, and missed on record once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col

from core.durations import LONGEST
from core.journal.database import Database
from core.journal.records import find_row
from core.journal.tables import BuildWorkflow
from core.machine.commands import Authority, AuthorityKind, Note
from core.machine.deadlines import BREACHED, SET
from core.machine.permission import condition_word
from core.machine.refusal import Reason, Refusal
from core.machine.states import DEADLINES, FINAL, Condition
from core.machine.workflow import Workflow
from core.service.commands import Order, Plan, Refused, carry_out
from core.service.orders import Frame
from core.service.reading import clock_of

Limits = Mapping[str, float | None]
"""Seconds for "workflow" or a phase; None lifts that deadline."""


def check_limits(limits: Limits) -> dict[str, float | None]:
    """Return the limits as they are kept. Raises Refused for a name or a span that is none."""
    for name, seconds in limits.items():
        if name not in DEADLINES:
            raise Refused(
                Refusal(
                    Reason.NOT_POSSIBLE,
                    f"There is no deadline {name[:40]!r}.",
                    hint=f"Deadlines are: {', '.join(DEADLINES)}.",
                )
            )
        if seconds is not None and not 1 <= seconds <= LONGEST:
            raise Refused(
                Refusal(
                    Reason.NOT_POSSIBLE,
                    f"A deadline of {seconds} seconds is none.",
                    hint="Give a second or more, and ten years at most; or none, to lift it.",
                )
            )
    return {name: None if value is None else float(value) for name, value in limits.items()}


def change(frame: Frame, workflow: Workflow, *, limits: Limits) -> Plan:
    """Other deadlines; those that are not named stay."""
    if frame.by.kind is not AuthorityKind.PERSON:
        raise Refused(Refusal(Reason.NOT_YOURS, "Only a person changes a deadline."))
    if workflow.state is FINAL or workflow.condition is Condition.CANCELLED:
        what = f"{workflow.build_id} is {condition_word(workflow)}; nothing is due any more."
        raise Refused(Refusal(Reason.NOT_POSSIBLE, what))
    if not limits:
        raise Refused(Refusal(Reason.NOT_READY, "No deadline was named.", hint="Name one, and how long."))
    fields: dict[str, Any] = {**frame.fields(workflow), "by": Authority.engine(str(frame.by))}
    yield Note(**fields, kind=SET, data={"limits": check_limits(limits), "by": str(frame.by)})


def record_breaches(database: Database, only: str = "") -> list[str]:
    """Put on record every breach that is not yet; return the ids of the workflows concerned.

    Cheap while there is none: one look at an index. Two who find the same breach write it once, since each
    looks again behind the lock.
    """
    due = sa.select(col(BuildWorkflow.workflow_id)).where(col(BuildWorkflow.watch_at) <= database.clock())
    if only:
        due = due.where(col(BuildWorkflow.workflow_id) == only)
    with database.read() as session:
        found = list(session.execute(due).scalars())
    by = Authority.engine()

    def order(workflow_id: str) -> Order:
        frame = Frame(uuid4().hex, by, database.clock())
        return Order(
            frame.command_id, "breach", by, workflow_id, lambda session, flow: _breach(session, frame, flow)
        )

    return [workflow_id for workflow_id in found if carry_out(database, order(workflow_id)).ok]


def _breach(session: Session, frame: Frame, workflow: Workflow | None) -> Plan:
    assert workflow is not None  # noqa: S101 - the order names one
    clock = clock_of(find_row(session, workflow.workflow_id))
    missed = [d for d in clock.now(frame.at) if d.breached and not d.recorded] if clock else []
    if not missed:
        raise Refused(Refusal(Reason.NOT_POSSIBLE, "No deadline was missed."))
    for number, deadline in enumerate(missed):
        data = {
            "deadline": deadline.name,
            "limit": deadline.limit,
            "state": workflow.state.value,
            "due_at": deadline.due_at.isoformat() if deadline.due_at else None,
        }
        workflow = yield Note(**frame.fields(workflow, first=not number), kind=BREACHED, data=data)
