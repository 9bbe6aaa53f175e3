"""Starts a workflow where another one stood after one of its events. The parent is only read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from sqlmodel import Session

from core.errors import UnknownError
from core.journal.chain import GENESIS, event_hash
from core.journal.database import Database
from core.journal.log import event_of, history
from core.journal.projections import Picture, packets_of, picture_of
from core.journal.records import find_row
from core.journal.tables import Checkpoint, WorkflowEvent
from core.machine.commands import Fork, Start
from core.machine.refusal import Reason, Refusal
from core.machine.states import Autonomy
from core.service.commands import Order, Plan, Refused, carry_out
from core.service.orders import Frame, check_budget
from core.service.registry import next_build_id, title_of
from core.service.views import Answer


def fork(
    database: Database,
    frame: Frame,
    wanted: str,
    seq: int,
    *,
    request: str | None,
    autonomy: Autonomy | None,
    budget_usd: float | None,
) -> Answer:
    """Start the fork. Raises UnknownError for a workflow or an event that is not there."""
    with database.read() as session:
        parent_id = find_row(session, wanted).workflow_id

    def plan(session: Session, _: Any) -> Plan:
        check_budget(budget_usd)
        rows = history(session, parent_id, until=max(1, seq))
        if not rows or rows[-1].seq != seq:
            raise UnknownError(f"{wanted[:80]} has no event {seq}.", "`qdeck history` lists the events.")
        _check_record(rows)
        picture = picture_of(event_of(row) for row in rows)
        yield _start(session, frame, rows, picture, request, autonomy, budget_usd)

    # The same id for another event is another command, though both are forks.
    verb = f"fork {parent_id} {seq}"
    return carry_out(database, Order(frame.command_id, verb, frame.by, "", plan))


def _check_record(rows: Sequence[WorkflowEvent]) -> None:
    """Take nothing over from a record that was touched. Raises Refused, and names the first bad event."""
    previous = GENESIS
    for row in rows:
        fields = {name: getattr(row, name) for name in _HASHED}
        if row.prev_hash != previous or event_hash(**fields) != row.hash:
            raise Refused(
                Refusal(
                    Reason.NOT_POSSIBLE,
                    f"Event {row.seq} of the record is not what was written then; nothing is built on it.",
                    hint="`qdeck verify` looks at the whole record.",
                )
            )
        previous = row.hash


_HASHED = (
    *("workflow_id", "seq", "event_type", "triggered_by", "event_data", "timestamp"),
    *("command_id", "ordinal", "prev_hash", "answer"),
)


def _start(
    session: Session,
    frame: Frame,
    rows: Sequence[WorkflowEvent],
    picture: Picture,
    request: str | None,
    autonomy: Autonomy | None,
    budget_usd: float | None,
) -> Start:
    parent, row = picture.workflow, picture.row
    assert parent is not None and row is not None  # noqa: S101 - there is one event at least
    workflow_id = uuid4().hex
    if budget_usd is None and row.budget_micros is not None:
        budget_usd = row.budget_micros / 1_000_000
    asked = (request or "").strip() and (request or "").strip() != parent.request.strip()
    return Start(
        command_id=frame.command_id,
        workflow_id=workflow_id,
        expected_version=0,
        by=frame.by,
        at=frame.at,
        build_id=next_build_id(session),
        project_id=parent.project_id,
        title=title_of(request or "") if asked else parent.title,
        request=request or "" if asked else parent.request,
        autonomy=Autonomy(autonomy or parent.autonomy),
        retry_budget=parent.retry_budget,
        base_commit=parent.base_commit,
        parent=parent.workflow_id,
        settings={
            **parent.settings,
            "budget_usd": budget_usd,
            "user_id": frame.by.name,
            "deadlines": dict((row.clock or {}).get("limits") or {}),
        },
        fork=Fork(
            parent,
            rows[-1].seq,
            rows[-1].hash,
            packets={state.value: packet for state, packet in packets_of(row).items()},
            checkpoints=tuple(_mark(c, workflow_id) for c in picture.checkpoints.values()),
            receipts=_bound(rows),
        ),
    )


def _mark(kept: Checkpoint, workflow_id: str) -> dict[str, Any]:
    """A checkpoint as the fork has it: the same commit under a ref of its own."""
    names = ("number", "commit", "tree", "state", "attempt")
    own = {name: getattr(kept, name) for name in names}
    return {**kept.data, **own, "ref": f"refs/qdeck/{workflow_id}/{kept.number}"}


def _bound(rows: Sequence[WorkflowEvent]) -> dict[str, str]:
    """The receipts that the parent's record binds up to there, each with its digest; the newest counts."""
    found: dict[str, str] = {}
    for row in rows:
        if row.event_data.get("fork"):
            found.update(row.event_data["fork"]["receipts"])
        found.update(((row.answer or {}).get("binds") or {}).get("receipts") or {})
    return found
