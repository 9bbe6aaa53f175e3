"""How long verifying the whole record takes: `python -m benchmarks.verify [--events N] [--runs N] [--json]`.

A journal of a thousand workflows with events as builds write them, 100,000 in all. Beside the time of
`verify` stands that of a bare read of the same rows by the standard library's sqlite3, in the same run and in
turn: trust the ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core.journal.chain import GENESIS, canonical, event_hash
from core.service import OrchestrationService

EVENTS, WORKFLOWS = 100_000, 1_000
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_INSERT = (
    "INSERT INTO workflow_events (workflow_id, seq, event_type, triggered_by, event_data, timestamp, "
    "command_id, ordinal, answer, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_READ = "SELECT * FROM workflow_events ORDER BY workflow_id, seq"


def rows(events: int, heads: list[str]) -> Iterator[tuple[Any, ...]]:
    """Yield rows whose chain holds, and note where each workflow ends."""
    each = max(1, events // WORKFLOWS)
    for workflow in range(0, events, each):
        name, previous = f"{workflow:032x}", GENESIS
        for seq in range(1, min(each, events - workflow) + 1):
            fields: dict[str, Any] = {
                "workflow_id": name,
                "seq": seq,
                "event_type": "evidence_recorded",
                "triggered_by": "engine:engine",
                "event_data": {"kind": "tests", "ok": True, "summary": f"{seq} passed é", "detail": _DETAIL},
                "timestamp": _BEGAN + timedelta(seconds=seq),
                "command_id": f"{name}:{seq}",
                "ordinal": 0,
                "answer": {"verb": "RecordEvidence", "by": "engine:engine", "text": "tests: green"},
                "prev_hash": previous,
            }
            previous = event_hash(**fields)
            at = fields["timestamp"].strftime("%Y-%m-%d %H:%M:%S.%f")
            stored = {**fields, "timestamp": at, "hash": previous}
            stored |= {key: canonical(fields[key]) for key in ("event_data", "answer")}
            names = ("workflow_id", "seq", "event_type", "triggered_by", "event_data", "timestamp")
            more = ("command_id", "ordinal", "answer", "prev_hash", "hash")
            yield tuple(stored[key] for key in (*names, *more))
        heads.append(f"{name} {seq} {previous}\n")


_DETAIL = {"failures": [], "counts": {"passed": 41, "failed": 0}, "files": [f"src/m{n}.py" for n in range(8)]}


async def measured(events: int, runs: int) -> dict[str, Any]:
    """Make the journal, verify it, read it, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "qdeck.db"
        service = await OrchestrationService.open(str(path))
        heads: list[str] = []
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.executemany(_INSERT, rows(events, heads))
        path.with_name("qdeck.db.heads").write_text("".join(heads), "ascii")
        verified, read, busy = [], [], []
        for _ in range(runs):
            began, working = time.perf_counter(), time.process_time()
            found = await service.verify_log()
            verified.append(time.perf_counter() - began)
            busy.append(time.process_time() - working)
            assert found.whole and (found.events, found.anchored) == (events, len(heads)), found.breaks
            began = time.perf_counter()
            with closing(sqlite3.connect(path)) as connection:
                count = sum(1 for _ in connection.execute(_READ))
            read.append(time.perf_counter() - began)
            assert count == events
        await service.close()
    took, bare = statistics.median(verified), statistics.median(read)
    return {
        "events": events,
        "workflows": len(heads),
        "verify_seconds": round(took, 3),
        "verify_processor_seconds": round(statistics.median(busy), 3),
        "bare_read_seconds": round(bare, 3),
        "ratio": round(took / bare, 1),
        "events_per_second": round(events / took),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = asyncio.run(measured(options.events, options.runs))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found['events']:,} events of {found['workflows']:,} workflows, median of {options.runs} runs")
    print(
        f"  qdeck verify        {found['verify_seconds']:>8.2f} s   {found['events_per_second']:,} events/s"
    )
    print(f"  of it on a processor{found['verify_processor_seconds']:>8.2f} s")
    print(f"  bare read of them   {found['bare_read_seconds']:>8.2f} s")
    print(f"  ratio               {found['ratio']:>8.1f}")


if __name__ == "__main__":
    main()
