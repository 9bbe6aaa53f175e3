"""The hash chain over a workflow's events: tamper-evident, never tamper-proof."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
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
) -> str:
    """Return the hash of one event, which binds its content, its place and all that came before it."""
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
            }
        )
    )


class Anchor:
    """The heads of the chains, kept in a file of their own beside the database.

    A chain alone cannot show that its tail was cut off, or that a whole workflow is gone; this can.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def note(self, heads: Iterable[tuple[str, int, str]]) -> None:
        """Add the heads (workflow, seq, hash) of a commit. A failure is no reason to lose the commit."""
        lines = "".join(f"{workflow_id} {seq} {hash_}\n" for workflow_id, seq, hash_ in heads)
        if not lines or self._path is None:
            return
        try:
            # One write in append mode: writers of several processes never mix their lines.
            with self._path.open("a", encoding="ascii") as file:
                file.write(lines)
        except OSError:
            return

    def heads(self) -> dict[str, tuple[int, str]]:
        """Return the latest anchored head of each workflow; lines that are damaged do not count."""
        heads: dict[str, tuple[int, str]] = {}
        try:
            text = self._path.read_text("ascii", "replace") if self._path is not None else ""
        except OSError:
            return heads
        for line in text.splitlines():
            workflow_id, _, rest = line.partition(" ")
            seq, _, hash_ = rest.partition(" ")
            if seq.isdigit() and len(hash_) == len(GENESIS):
                heads[workflow_id] = max(heads.get(workflow_id, (0, "")), (int(seq), hash_))
        return heads
