"""How evidence binds its receipts: the event that records it carries a digest of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Session, col, select

from core.journal.chain import canonical, digest
from core.journal.tables import Receipt
from core.machine.events import Event, EventType

_BATCH = 500


def receipt_data(row: Any) -> dict[str, Any]:
    """Return everything that a receipt says, as JSON data."""
    return {
        "receipt_id": row.receipt_id,
        "workflow_id": row.workflow_id,
        "attempt_id": row.attempt_id,
        "key": row.key,
        "kind": row.kind,
        "data": row.data,
        "output": row.output,
        "artifact": row.artifact,
        "at": row.at.isoformat(timespec="microseconds"),
    }


def receipt_digest(row: Any) -> str:
    """Return the digest of everything that a receipt says; `artifact` is itself the digest of the output."""
    return digest(canonical(receipt_data(row)))


def bound_receipts(session: Session, events: Iterable[Event]) -> dict[str, str]:
    """Return the digests of the receipts that the evidence among the events rests on."""
    wanted = [
        receipt_id
        for event in events
        if event.event_type is EventType.EVIDENCE_RECORDED
        for receipt_id in _named(event.data)
    ]
    if not wanted:
        return {}
    rows = session.exec(select(Receipt).where(col(Receipt.receipt_id).in_(wanted)))
    return {row.receipt_id: receipt_digest(row) for row in rows}


def _named(data: Mapping[str, Any]) -> list[str]:
    detail = data.get("detail")
    found = detail.get("receipts") if isinstance(detail, Mapping) else None
    return [item for item in found if isinstance(item, str)] if isinstance(found, (list, tuple)) else []


def altered_receipts(
    connection: Connection, bound: Mapping[str, tuple[str, int, str]]
) -> Iterator[tuple[str, int, str]]:
    """Yield workflow, event and a sentence for each bound receipt that is gone or not what was bound."""
    columns = [col(getattr(Receipt, name)) for name in Receipt.model_fields]
    names = sorted(bound)
    for part in (names[i : i + _BATCH] for i in range(0, len(names), _BATCH)):
        query = sa.select(*columns).where(col(Receipt.receipt_id).in_(part))
        known = {row.receipt_id: row for row in connection.execute(query)}
        for receipt_id in part:
            workflow_id, seq, wanted = bound[receipt_id]
            row = known.get(receipt_id)
            if row is None:
                yield workflow_id, seq, f"receipt {receipt_id}, which event {seq} rests on, is gone"
            elif receipt_digest(row) != wanted:
                yield workflow_id, seq, f"receipt {receipt_id}, which event {seq} rests on, was changed"
