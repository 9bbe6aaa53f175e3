"""How a recorded history and its end are read and written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from core.journal.log import history
from core.journal.tables import BuildWorkflow, Checkpoint, WorkflowEvent, WorkflowHandoff

FOLDER = Path(__file__).parent
EVENT = (
    *("workflow_id", "seq", "event_type", "triggered_by", "event_data", "timestamp"),
    *("command_id", "ordinal", "answer", "prev_hash", "hash"),
)


def files() -> list[Path]:
    """Return every history of every release."""
    return sorted(FOLDER.glob("*/*.json"))


def rows_of(session: Session, workflow_id: str) -> list[dict[str, Any]]:
    """Return the rows of a history as JSON data."""
    return [{name: _plain(getattr(row, name)) for name in EVENT} for row in history(session, workflow_id)]


def rows_from(data: list[dict[str, Any]]) -> list[WorkflowEvent]:
    """Return the rows again."""
    return [WorkflowEvent(**{**row, "timestamp": datetime.fromisoformat(row["timestamp"])}) for row in data]


def picture_data(session: Session, row: BuildWorkflow) -> dict[str, Any]:
    """Return all that is derived of a workflow as JSON data."""
    found: dict[str, Any] = {"row": _data(row)}
    tables: tuple[Any, ...] = (WorkflowHandoff, Checkpoint)
    for table in tables:
        key = table.seq if table is WorkflowHandoff else table.number
        query = select(table).where(table.workflow_id == row.workflow_id).order_by(col(key))
        found[table.__tablename__] = [_data(one) for one in session.exec(query)]
    return found


def _data(row: Any) -> dict[str, Any]:
    return {name: _plain(getattr(row, name)) for name in type(row).model_fields}


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
