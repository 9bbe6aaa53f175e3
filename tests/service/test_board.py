"""The first picture of the board: quick, read-only, and nothing missed afterwards."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from core.board import BoardUnreadable, Totals, first_look, read_board
from core.journal.engine import EngineJournal
from core.machine.commands import Authority, Move, SetCondition
from core.machine.states import EvidenceKind, State
from core.machine.transitions import Kind, Order

ADA = Authority.person("ada")


def test_no_journal_is_an_empty_board(tmp_path: Path) -> None:
    """Before the first start there is nothing to draw and nothing is made."""
    assert read_board(tmp_path / "qdeck.db") == []
    assert not (tmp_path / "qdeck.db").exists()


def test_a_journal_without_a_board_is_an_empty_board(tmp_path: Path) -> None:
    """A file that is about to be migrated is no error."""
    sqlite3.connect(tmp_path / "qdeck.db").close()
    (tmp_path / "qdeck.db").touch()
    assert read_board(tmp_path / "qdeck.db") == []


def test_rubbish_is_unreadable(tmp_path: Path) -> None:
    """The text says which file and why."""
    path = tmp_path / "qd?eck#.db"
    path.write_bytes(b"rubbish" * 1_000)
    with pytest.raises(BoardUnreadable, match=r"qd.eck#\.db cannot be read"):
        read_board(path)


async def test_the_first_look_counts_all_and_reads_what_needs_you_first(build: Any, path: Path) -> None:
    """A screen's worth of rows, and the sums of the whole board."""
    assert first_look(path.with_name("none.db"), 5) == ([], Totals())
    (one,) = read_board(path)
    assert first_look(path, 5) == ([one], Totals(running=1, budget_usd=one.budget_usd))
    await build.wait("person", "it is your turn")
    rows, totals = first_look(path, 0)
    assert (rows, totals.need, totals.running, totals.failed) == ([], 1, 0, 0)


async def test_a_row_shows_the_workflow(build: Any, path: Path) -> None:
    """Everything that the board draws is in the row."""
    journal = EngineJournal("", database=build.service._database)
    journal.set_activity(build.id, "reads slug.py", "3 passed")
    (row,) = read_board(path)
    assert (row.build_id, row.title, row.project, row.state) == (
        "B-0001",
        "Add slugify()",
        "demo",
        "discovery",
    )
    assert (row.activity, row.tests, row.evidence, row.version) == ("reads slug.py", "3 passed", "------", 1)
    assert (row.cost_usd, row.budget_usd, row.completed_at, row.attempt) == (0.0, None, None, 1)
    assert abs(row.created_at - time.time()) < 60
    assert row.created_at == pytest.approx((await build.now()).created_at.timestamp(), abs=0.001)


async def test_a_row_says_why_it_failed_or_rests(build: Any, path: Path) -> None:
    """The board shows the reason as long as it holds, and no activity of before."""
    EngineJournal("", database=build.service._database).set_activity(build.id, "reads slug.py")
    await build.give(SetCondition, order=Order.FAIL, reason="the key\nwas refused")
    assert read_board(path)[0].activity == "the key was refused"
    await build.service.resume(build.id, by=ADA, expected_version=2)
    assert read_board(path)[0].activity == ""


async def test_evidence_is_a_letter_when_it_counts(build: Any, path: Path) -> None:
    """Green and current, not green, stale and missing differ by their character."""
    await build.go_to(State.TESTING)
    await build.prove(EvidenceKind.TESTS, ok=False, summary="1 failed")
    (row,) = read_board(path)
    assert (row.evidence, row.tests) == ("rpc!--", "1 failed")
    await build.give(Move, by=ADA, kind=Kind.RETRY, reason="red")
    assert read_board(path)[0].evidence == "rp~~--"
    await build.complete()
    assert read_board(path)[0].evidence == "rpctvs"


async def test_only_changes_are_read_again(build: Any, path: Path, service: Any) -> None:
    """After the first picture only rows that changed come, live activity and cost included."""
    project = (await service.projects())[0]
    for _ in range(5):
        await service.start_workflow(project.project_id, "x", by=ADA)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE workflow_live SET touched = touched - 60")
    connection.commit()
    connection.close()
    seen = max(row.updated_at for row in read_board(path)) + 10
    assert read_board(path, seen) == []
    EngineJournal("", database=service._database).settle(
        build.id, f"{build.id}:discovery:1", "t", cost_usd=0.5
    )
    (row,) = read_board(path, seen)
    assert (row.build_id, row.cost_usd) == ("B-0001", 0.5)
    assert [r.build_id for r in await service.board(seen)] == ["B-0001"]


async def test_a_clock_that_was_set_back_hides_no_change(build: Any, path: Path) -> None:
    """Each change counts as later than every one before it."""
    connection = sqlite3.connect(path)
    connection.execute("UPDATE workflow_live SET touched = touched + 3600")
    connection.commit()
    connection.close()
    seen = read_board(path)[0].updated_at
    await build.service.pause(build.id, by=ADA, expected_version=1)
    (row,) = read_board(path, seen)
    assert row.updated_at > seen and row.condition == "paused"


async def test_ten_thousand_workflows_are_one_query(build: Any, path: Path) -> None:
    """A board of 10,000 rows is read at once, and a change among them without looking at the others."""
    connection = sqlite3.connect(path)
    columns = [r[1] for r in connection.execute("PRAGMA table_info(build_workflows)")]
    chosen = ", ".join({"workflow_id": "'w' || n", "build_id": "'X-' || n"}.get(c, c) for c in columns)
    numbers = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 9999)"
    connection.execute(f"{numbers} INSERT INTO build_workflows SELECT {chosen} FROM t, build_workflows")  # noqa: S608
    connection.execute(
        f"{numbers} INSERT INTO workflow_live SELECT 'w' || n, '', '', 0, 0, 1000.0 FROM t"  # noqa: S608
    )
    connection.commit()
    connection.close()
    started = time.perf_counter()
    rows = read_board(path)
    whole = time.perf_counter() - started
    started = time.perf_counter()
    changed = read_board(path, time.time() - 3_000)
    part = time.perf_counter() - started
    assert (len(rows), len(changed)) == (10_000, 1)
    # Generous, since other work may share the machine; a scan per row would take minutes.
    assert whole < 2.0 and part < whole / 3


async def test_looking_writes_nothing_and_waits_for_nobody(build: Any, path: Path) -> None:
    """While somebody writes, the board is read as it was before."""
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE build_workflows SET title = 'half'")
    assert [row.title for row in read_board(path)] == ["Add slugify()"]
    writer.execute("ROLLBACK")
    writer.close()
