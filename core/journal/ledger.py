"""The money: set aside before a model call, settled after it, never more than the workflow's budget."""

from __future__ import annotations

import math
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.journal.records import find_row, touch
from core.journal.tables import ModelCall, WorkflowLive

MICROS = 1_000_000
"""Micro-dollars in a dollar; sums of whole numbers do not drift."""


def reserve(
    session: Session,
    workflow_id: str,
    attempt_id: str,
    key: str,
    usd: float,
    now: datetime,
    *,
    role: str = "",
) -> bool:
    """Set `usd` aside for one call; False, and nothing set aside, when the budget does not hold it.

    The same call again keeps its reservation.
    """
    call = session.get(ModelCall, (attempt_id, key))
    if call is not None and call.status != "released":
        return True
    micros = max(0, math.ceil(usd * MICROS))
    row = find_row(session, workflow_id, lock=True)
    if row.budget_micros is not None and _bound(session, row.workflow_id) + micros > row.budget_micros:
        return False
    if call is None:
        call = ModelCall(
            attempt_id=attempt_id, key=key, workflow_id=row.workflow_id, reserved_micros=micros, at=now
        )
    call.reserved_micros, call.status, call.role, call.settled_at = micros, "reserved", role, None
    session.add(call)
    return True


def _bound(session: Session, workflow_id: str) -> int:
    """What is spent and what is set aside."""
    spent = sa.case(
        (col(ModelCall.status) == "settled", sa.func.coalesce(ModelCall.cost_micros, 0)),
        (col(ModelCall.status) == "reserved", ModelCall.reserved_micros),
        else_=0,
    )
    total = session.exec(select(sa.func.sum(spent)).where(ModelCall.workflow_id == workflow_id)).one()
    return int(total or 0)


def settle(
    session: Session,
    workflow_id: str,
    attempt_id: str,
    key: str,
    now: datetime,
    *,
    cost_usd: float | None,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    estimated: bool = False,
    prompt_digest: str = "",
    model: str = "",
    role: str = "",
) -> None:
    """Replace a reservation by what the call cost; once. A cost nobody knows counts as nothing."""
    call = session.get(ModelCall, (attempt_id, key))
    if call is None:
        call = ModelCall(attempt_id=attempt_id, key=key, workflow_id=workflow_id, reserved_micros=0, at=now)
    if call.status == "settled":
        return
    call.cost_micros = None if cost_usd is None else round(cost_usd * MICROS)
    call.prompt_tokens, call.completion_tokens = prompt_tokens, completion_tokens
    call.estimated, call.prompt_digest = estimated, prompt_digest
    call.model, call.role = model or call.model, role or call.role
    call.status, call.settled_at = "settled", max(now, call.at)
    session.add(call)
    live = touch(session, workflow_id, now.timestamp())
    live.cost_micros += call.cost_micros or 0


def spent(session: Session, workflow_id: str) -> float:
    """Return what the workflow's settled calls cost, in dollars."""
    live = session.get(WorkflowLive, workflow_id)
    return (live.cost_micros if live else 0) / MICROS
