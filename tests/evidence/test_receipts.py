"""Receipts survive the way through a journal."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from core.evidence import Counts, Receipt
from core.evidence.execution import together
from core.sandbox import Sandbox, SandboxKind


def receipt(**changes: object) -> Receipt:
    values: dict[str, object] = {
        "key": "k",
        "kind": "test",
        "argv": ("python", "-m", "pytest"),
        "exit_code": 0,
        "signal": None,
        "seconds": 1.5,
        "cpu_seconds": 1.0,
        "peak_memory_bytes": 1024,
        "sandbox": "bubblewrap 0.8.0",
        "output_digest": "d",
        "output": b"\x00\xffok\n" * 1000,
        "cut": False,
        "tree_before": "t",
        "tree_after": "t",
        "counts": Counts(3, 0, 0, 1),
        "asked_by": "engine",
        "at": datetime(2026, 1, 2, tzinfo=UTC),
    }
    return Receipt(**{**values, **changes})  # type: ignore[arg-type]


def test_a_receipt_comes_back_equal_from_json() -> None:
    """Every field survives, bytes that are no text included, and the output is stored compressed."""
    kept = receipt()

    text = json.dumps(kept.to_data())

    assert Receipt.from_data(json.loads(text)) == kept
    assert len(text) < 1000


def test_only_a_whole_clean_run_is_ok() -> None:
    """An exit code, a limit, a signal or a changed tree spoils a receipt, and its ending says how."""
    assert receipt().ok
    assert not receipt(exit_code=1).ok
    assert not receipt(limit="time").ok
    assert not receipt(tree_after="other").ok
    assert receipt(limit="time").ending == "stopped at the time limit"
    assert receipt(exit_code=None, signal=9).ending == "killed by signal 9"


def test_counts_read_well() -> None:
    """Only what happened is said."""
    assert str(Counts(3, 1, 0, 2)) == "3 passed, 1 failed, 2 skipped"
    assert str(Counts()) == "no test ran"
    assert not Counts(0, 0, 0, 5).green


async def test_what_does_not_wait_for_each_other_runs_together_where_it_is_contained(
    calc: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that wait for each other come to their end; without a sandbox one follows the other."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    met = [asyncio.Event(), asyncio.Event()]
    seen: list[str] = []

    async def meets(mine: int) -> int:
        met[mine].set()
        await met[1 - mine].wait()
        return mine

    async def alone(name: str) -> None:
        seen.append(f"{name} begins")
        await asyncio.sleep(0)
        seen.append(f"{name} ends")

    async def fails() -> int:
        raise ValueError(await met[0].wait())

    bare = replace(calc.bench, sandbox=Sandbox("none", SandboxKind.UNSANDBOXED, None, ()))
    assert await together(calc.bench, lambda: meets(0), lambda: meets(1)) == [0, 1]
    await together(bare, lambda: alone("a"), lambda: alone("b"))
    assert seen == ["a begins", "a ends", "b begins", "b ends"]
    met[1].clear()
    with pytest.raises(ValueError):
        await together(calc.bench, lambda: meets(0), fails)
