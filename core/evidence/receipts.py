"""Receipts: the engine's own record of one command that it ran.

A receipt is plain data. It survives a crash as JSON, so everything that was seen of the run is in it, the
output bounded and compressed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from core.text import clean

JsonValue = Any
"""Data that `json` writes and reads back equal."""


def digest_of(data: JsonValue) -> str:
    """Return the sha256 of `data` as canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0

    @property
    def ran(self) -> int:
        """The tests that gave a verdict; skipped ones did not."""
        return self.passed + self.failed + self.errors

    @property
    def green(self) -> bool:
        """Whether at least one test passed and none failed."""
        return self.passed > 0 and not self.failed and not self.errors

    def __str__(self) -> str:
        named = (("passed", self.passed), ("failed", self.failed), ("errors", self.errors))
        parts = [f"{number} {word}" for word, number in named if number]
        if self.skipped:
            parts.append(f"{self.skipped} skipped")
        return ", ".join(parts) or "no test ran"

    def to_data(self) -> dict[str, int]:
        """Return the counts as JSON data."""
        return {
            "passed": self.passed,
            "failed": self.failed,
            "errors": self.errors,
            "skipped": self.skipped,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Counts:
        """Read what `to_data` wrote."""
        return cls(*(int(data.get(name, 0)) for name in ("passed", "failed", "errors", "skipped")))


@dataclass(frozen=True, slots=True)
class Receipt:
    """One command that the engine ran, and everything that it saw of it.

    `key` is unique within an attempt. `kind` is one of "test", "coverage", "lint", "security", "smoke",
    "deploy", "setup", "command". `title` says for people what was run on what. `output` holds both streams,
    cut in the middle when `cut`; `output_digest` is of all of it. `limit` names the limit that ended the run:
    "" for none, else as `Run.limit`. `tree_before` is a git tree id; `tree_after` is another when tracked
    files were changed by the run.
    """

    key: str
    kind: str
    argv: tuple[str, ...]
    exit_code: int | None
    signal: int | None
    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    sandbox: str
    output_digest: str
    output: bytes
    cut: bool
    tree_before: str
    tree_after: str
    counts: Counts | None
    asked_by: str
    at: datetime
    limit: str = ""
    title: str = ""

    @property
    def ok(self) -> bool:
        """Whether the command ended by itself with exit code 0 and left the tracked files alone."""
        return self.exit_code == 0 and not self.limit and self.tree_before == self.tree_after

    @property
    def ending(self) -> str:
        """How the run ended, for people: `exit 1`, `killed by signal 9`, `stopped: time limit`."""
        if self.limit:
            return f"stopped at the {self.limit} limit"
        if self.exit_code is None:
            return f"killed by signal {self.signal}"
        return f"exit {self.exit_code}"

    def text(self, limit: int = 20_000) -> str:
        """Return the tail of the output, harmless to show."""
        return clean(self.output[-limit:].decode("utf-8", "replace"), limit=limit)

    def with_counts(self, counts: Counts | None) -> Receipt:
        """Return the receipt with the counts that were read from the run's report."""
        return replace(self, counts=counts)

    def to_data(self) -> dict[str, Any]:
        """Return the receipt as JSON data, the output compressed."""
        return {
            "key": self.key,
            "kind": self.kind,
            "argv": list(self.argv),
            "exit_code": self.exit_code,
            "signal": self.signal,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "peak_memory_bytes": self.peak_memory_bytes,
            "sandbox": self.sandbox,
            "output_digest": self.output_digest,
            "output": base64.b64encode(zlib.compress(self.output)).decode("ascii"),
            "cut": self.cut,
            "tree_before": self.tree_before,
            "tree_after": self.tree_after,
            "counts": self.counts.to_data() if self.counts else None,
            "asked_by": self.asked_by,
            "at": self.at.astimezone(UTC).isoformat(),
            "limit": self.limit,
            "title": self.title,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Receipt:
        """Read what `to_data` wrote; raises KeyError or ValueError on anything else."""
        counts = data["counts"]
        return cls(
            key=str(data["key"]),
            kind=str(data["kind"]),
            argv=tuple(data["argv"]),
            exit_code=data["exit_code"],
            signal=data["signal"],
            seconds=float(data["seconds"]),
            cpu_seconds=float(data["cpu_seconds"]),
            peak_memory_bytes=int(data["peak_memory_bytes"]),
            sandbox=str(data["sandbox"]),
            output_digest=str(data["output_digest"]),
            output=zlib.decompress(base64.b64decode(data["output"])),
            cut=bool(data["cut"]),
            tree_before=str(data["tree_before"]),
            tree_after=str(data["tree_after"]),
            counts=Counts.from_data(counts) if counts else None,
            asked_by=str(data["asked_by"]),
            at=datetime.fromisoformat(data["at"]),
            limit=str(data.get("limit", "")),
            title=str(data.get("title", "")),
        )
