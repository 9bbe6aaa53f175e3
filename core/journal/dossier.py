"""The dossier: all that is on record about one workflow, as one piece of data that proves itself.

Everything in it is data; text of models, repositories and tools stands in it as it was kept.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from sqlmodel import Session, col, select

from core.journal import artifacts
from core.journal.chain import canonical, digest
from core.journal.log import history
from core.journal.receipts import receipt_data
from core.journal.tables import (
    Artifact,
    Attempt,
    BuildWorkflow,
    Checkpoint,
    Message,
    ModelCall,
    Project,
    Receipt,
    WorkflowEvent,
    WorkflowHandoff,
)
from core.progress import Progress

FORMAT = "qdeck dossier 1"
_EVENT = (
    *("workflow_id", "seq", "event_type", "triggered_by", "event_data", "timestamp"),
    *("command_id", "ordinal", "answer", "prev_hash", "hash"),
)


def verifier() -> bytes:
    """Return the script that verifies a dossier on a machine without qdeck."""
    return resources.files("core.journal").joinpath("verify_dossier.py").read_bytes()


def collect(session: Session, row: BuildWorkflow, more: Mapping[str, Any], progress: Progress) -> bytes:
    """Return the dossier of a workflow as canonical JSON and a newline. `more` are sections of the caller's.

    Each entry of each section has its seal, the sha256 of its canonical JSON, and the whole has a digest; the
    events have their chain besides, which binds receipts, and these bind their outputs. Raises Stopped when
    `progress` says so.
    """
    events = history(session, row.workflow_id)
    receipts = _receipts(session, row.workflow_id, events)
    checkpoints = _rows(session, Checkpoint, row.workflow_id, Checkpoint.number)
    wanted = [r["artifact"] for r in receipts] + [c["data"].get("diff_digest") for c in checkpoints]
    project = session.get(Project, row.project_id)
    sections: dict[str, Any] = {
        "format": FORMAT,
        "workflow": {
            **{name: _plain(getattr(row, name)) for name in _ABOUT},
            "project": project.name if project else "",
            "events": len(events),
            "head": events[-1].hash,
        },
        "events": [{name: _plain(getattr(e, name)) for name in _EVENT} for e in events],
        "receipts": receipts,
        "artifacts": _artifacts(session, wanted, progress),
        "attempts": _rows(session, Attempt, row.workflow_id, Attempt.started_at),
        "checkpoints": checkpoints,
        "handoffs": _rows(session, WorkflowHandoff, row.workflow_id, WorkflowHandoff.seq),
        "messages": _rows(session, Message, row.workflow_id, Message.seq),
        "model_calls": _rows(session, ModelCall, row.workflow_id, ModelCall.at),
        **more,
    }
    return sealed(sections, progress)


_ABOUT = (
    *("workflow_id", "build_id", "project_id", "user_id", "title", "request", "current_state", "condition"),
    *("autonomy", "version", "base_commit", "parent", "created_at", "updated_at", "completed_at"),
)


def sealed(sections: Mapping[str, Any], progress: Progress | None = None) -> bytes:
    """Return sections with their seals and the digest of all as canonical JSON."""
    progress = progress or Progress()
    progress.expect(sum(sum(1 for _ in _entries(section)) for section in sections.values()))
    seals = {
        name: [_seal(entry, progress) for entry in _entries(section)] for name, section in sections.items()
    }
    whole = {**sections, "seals": seals}
    return canonical({**whole, "digest": digest(canonical(whole))}).encode("ascii") + b"\n"


def _seal(entry: Any, progress: Progress) -> str:
    progress.step()
    return digest(canonical(entry))


def _entries(section: Any) -> Iterable[Any]:
    return section if isinstance(section, list) else [section]


def _plain(value: Any) -> Any:
    """Times as the hashes have them; JSON is data already."""
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value


def _rows(session: Session, table: Any, workflow_id: str, order: Any) -> list[dict[str, Any]]:
    query = select(table).where(table.workflow_id == workflow_id).order_by(col(order))
    # A lease is a right to write, and nothing that happened.
    names = [name for name in table.model_fields if name != "lease"]
    return [{name: _plain(getattr(row, name)) for name in names} for row in session.exec(query)]


def _receipts(session: Session, workflow_id: str, events: Sequence[WorkflowEvent]) -> list[dict[str, Any]]:
    """Its own receipts, and those of a parent on which a fork's evidence rests."""
    bound = {k for e in events for k in ((e.answer or {}).get("binds") or {}).get("receipts") or {}}
    own = col(Receipt.workflow_id) == workflow_id
    query = select(Receipt).where(own | col(Receipt.receipt_id).in_(bound))
    return [receipt_data(row) for row in session.exec(query.order_by(col(Receipt.at)))]


def _artifacts(session: Session, wanted: Iterable[str | None], progress: Progress) -> list[dict[str, Any]]:
    found = []
    keys = sorted({key for key in wanted if key})
    progress.expect(len(keys))
    for key in keys:
        progress.step()
        known = session.get(Artifact, key)
        data = artifacts.read(session, key)
        if known is not None and data is not None:
            found.append({"digest": key, "media": known.media, "size": known.size, **_content(data)})
    return found


def _content(data: bytes) -> dict[str, str]:
    """Text where it is text, so that a person can read it in the file."""
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}
