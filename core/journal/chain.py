"""The hash chain over a workflow's events: tamper-evident, never tamper-proof."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64
"""The `prev_hash` of a workflow's first event."""


def canonical(data: Any) -> str:
    """Return `data` as JSON, equal text for equal data. Raises ValueError for what JSON cannot hold."""
    return json.dumps(data, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def digest(data: bytes | str) -> str:
    """Return the sha256 of bytes, or of a text in UTF-8, in hex."""
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()


def event_hash(
    *,
    workflow_id: str,
    seq: int,
    event_type: str,
    triggered_by: str,
    event_data: Mapping[str, Any],
    timestamp: datetime,
    command_id: str,
    ordinal: int,
    prev_hash: str,
    answer: Mapping[str, Any] | None = None,
) -> str:
    """Return the hash of one event, which binds its content, its place and all that came before it.

    `answer` is what the command was answered, kept with its first event and bound as well.
    """
    return digest(
        canonical(
            {
                "workflow_id": workflow_id,
                "seq": seq,
                "event_type": event_type,
                "triggered_by": triggered_by,
                "event_data": event_data,
                "timestamp": timestamp.astimezone(UTC).isoformat(timespec="microseconds"),
                "command_id": command_id,
                "ordinal": ordinal,
                "prev_hash": prev_hash,
                "answer": answer,
            }
        )
    )
