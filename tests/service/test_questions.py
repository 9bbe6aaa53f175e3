"""What the service tells: cards, decisions, histories, figures, all readable after any number of events."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from core.config import worker_lock_path
from core.errors import JournalError
from core.journal.engine import EngineJournal
from core.machine.commands import Authority, Move, SetCondition
from core.machine.states import PHASES, STATES, Role, State
from core.machine.transitions import Kind, Order
from core.service import OrchestrationService
from tests.postgresql.waiting import moved_from, settled

ADA = Authority.person("ada")


async def test_a_card_says_who_acts_and_what_is_missing(build: Any) -> None:
    """Role, next role, description and expectations fit the state."""
    view = await build.now()
    assert (view.role, view.progress, view.completed_phases) == (Role.Q_ASSISTANT, 0.0, ())
    assert view.next_expectations == ("requirement: there is none yet (Q Assistant).",)
    await build.go_to(State.IMPLEMENTATION)
    view = await build.now()
    assert (view.role, view.next_role) == (Role.CODE_WRITER, Role.TEST_AUDITOR)
    assert view.completed_phases == (State.DISCOVERY, State.PLANNING)
    assert view.progress == pytest.approx(2 / 6)
    assert view.state_description == STATES[State.IMPLEMENTATION].description


async def test_a_whole_build_reads_well(build: Any) -> None:
    """At the end everything is done, proved and counted, and the history tells it in sentences."""
    await build.complete()
    view = await build.now()
    assert (view.state, view.progress, view.completed_phases) == (State.COMPLETE, 1.0, PHASES)
    assert view.completed_at is not None and view.elapsed == view.completed_at - view.created_at
    assert view.next_expectations == () and view.next_role is None
    history = await build.service.get_workflow_history(build.id, limit=0)
    assert [event.seq for event in history] == list(range(1, view.version + 1))
    texts = [event.text for event in history]
    assert "ada handed over to the Verification Overseer (T06)" in texts
    assert "ada accepted the handoff: implementation (T03)" in texts
    assert all(text and "_" not in text.replace("handoff_", "") for text in texts)
    assert len(await build.service.handoffs(build.id)) == 6


async def test_every_view_is_json(build: Any) -> None:
    """What a face prints with --json needs no further work."""
    await build.complete()
    service = build.service
    views = [
        await build.now(),
        await service.get_project_stats(),
        *await service.get_workflow_history(build.id),
        *await service.attempts(build.id),
        *await service.handoffs(build.id),
        *await service.checkpoints(build.id),
        *await service.projects(),
        await service.advance_workflow(build.id, by=ADA, expected_version=1),
    ]
    for view in views:
        assert json.loads(json.dumps(view.to_data())) == view.to_data()


async def test_history_pages_forward(build: Any) -> None:
    """Who tails the history asks for what comes after the last number."""
    await build.go_to(State.PLANNING)
    first = await build.service.get_workflow_history(build.id, limit=2)
    rest = await build.service.get_workflow_history(build.id, limit=0, after=first[-1].seq)
    assert [e.seq for e in first] == [1, 2]
    assert rest[0].seq == 3 and rest[-1].seq == (await build.now()).version


async def test_a_plan_decision_fits_together(build: Any) -> None:
    """Criteria with their proofs, the gate, the digest that a yes would name, and the moves."""
    await build.go_to(State.PLANNING)
    assert await build.service.decision(build.id) is None
    await build.work()
    await build.wait("approval:plan")
    decision = await build.service.decision(build.id, ADA)
    assert (decision.kind, decision.subject, decision.digest) == ("approval", "approval:plan", "plan-digest")
    assert [(c.number, c.text, c.proof) for c in decision.criteria] == [
        (1, "Umlauts fold", "tests/test_slug.py::test_umlauts"),
        (2, "Emoji vanish", "person"),
    ]
    assert [(item.what, item.ok, item.approval) for item in decision.gate] == [
        ("requirement", True, False),
        ("plan", True, False),
        ("approval of the requirement", False, True),
        ("approval of the plan", False, True),
    ]
    assert {m.transition: m.ready for m in decision.moves} == {"T02": True, "T21": True}
    assert next(m for m in decision.moves if m.kind is Kind.ADVANCE).ready


async def test_a_review_decision_shows_diff_findings_and_receipts(build: Any) -> None:
    """What changed, what ran and what the reviewer found are on one screen."""
    await build.go_to(State.VERIFICATION)
    journal = EngineJournal("", database=build.service._database)
    for n, kind in enumerate(("test", "lint", "test")):
        journal.add_receipt(
            build.id,
            f"{build.id}:testing:1",
            None,
            f"run-{n}",
            kind,
            {"argv": ["pytest"], "exit_code": 0},
            b"ok",
        )
    await build.work()
    await build.wait("approval:review")
    decision = await build.service.decision(build.id)
    assert (decision.diff.files, decision.diff.added, decision.diff.paths) == (1, 9, ("slug.py",))
    assert decision.findings == ({"rule": "S101"},)
    assert decision.checklist == ({"point": "security"},)
    assert [(r.kind, r.key) for r in decision.receipts] == [("test", "run-2"), ("lint", "run-1")]
    assert (decision.receipts[0].argv, decision.receipts[0].output) == (("pytest",), "ok")


async def test_a_question_is_what_the_role_asked(build: Any) -> None:
    """When a role waits for an answer, its own words are the question."""
    journal = EngineJournal("", database=build.service._database)
    journal.add_message(build.id, f"{build.id}:discovery:1", None, "t", "q_assistant", "text", "Hyphen or _?")
    await build.wait("answer", "one question")
    decision = await build.service.decision(build.id)
    assert (decision.kind, decision.question) == ("answer", "Hyphen or _?")


async def test_a_failure_waits_for_a_decision_too(build: Any) -> None:
    """Nobody has to find a failed build by chance."""
    await build.give(SetCondition, order=Order.FAIL, reason="no such model")
    decision = await build.service.decision(build.id)
    assert (decision.kind, decision.question) == ("failed", "no such model")


async def test_moves_say_why_not(build: Any) -> None:
    """Every legal move is listed, with the reason where it is not open."""
    await build.go_to(State.TESTING)
    person = {m.transition: m for m in await build.service.moves(build.id, ADA)}
    role = {m.transition: m for m in await build.service.moves(build.id, Authority.role(Role.TEST_AUDITOR))}
    assert set(person) == {"T06", "T16", "T23", "T24"}
    assert not person["T06"].ready and "tests: there is none yet" in person["T06"].why_not
    assert person["T23"].ready and person["T23"].needs_reason
    assert role["T16"].ready
    assert not role["T23"].ready and "person" in role["T23"].why_not


async def test_rows_are_rebuilt_from_events_byte_for_byte(build: Any, path: Path) -> None:
    """Rows, handoffs and checkpoints come from the events alone, after back moves and a rollback too."""
    await build.go_to(State.TESTING)
    await build.give(Move, by=ADA, kind=Kind.RETRY, reason="slow")
    await build.go_to(State.VERIFICATION)
    await build.give(
        Move, by=ADA, target=State.PLANNING, kind=Kind.ROLLBACK, reason="other way", checkpoint=1
    )
    await build.complete()

    def stored() -> list[list[tuple[Any, ...]]]:
        tables = ("build_workflows", "workflow_handoffs", "checkpoints")
        order = "ORDER BY 1, 2"
        with sqlite3.connect(path) as connection:
            return [connection.execute(f"SELECT * FROM {t} {order}").fetchall() for t in tables]  # noqa: S608

    before = stored()
    assert await build.service.rebuild() == []
    assert stored() == before


async def test_a_row_that_was_tampered_with_is_found_and_repaired(build: Any, path: Path) -> None:
    """Somebody who makes the board say complete is contradicted by the events."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE build_workflows SET current_state = 'complete'")
    (difference,) = await build.service.rebuild(build.id)
    assert "differed from its events" in difference
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT current_state FROM build_workflows").fetchone() == ("discovery",)


async def test_a_command_costs_the_same_after_a_long_history(build: Any) -> None:
    """The row holds the fold, so that a command never reads the history."""
    for n in range(60):
        await build.service.chat(build.id, f"message {n}", by=ADA)
    statements: list[str] = []
    import sqlalchemy as sa

    engine = build.service._database._reader
    sa.event.listen(engine, "before_cursor_execute", lambda c, cur, sql, *rest: statements.append(sql))
    await build.service.pause(build.id, by=ADA, expected_version=61)
    reads = [s for s in statements if "FROM workflow_events" in s]
    assert len(reads) == 2 and all("LIMIT" in s or "command_id =" in s for s in reads)


async def test_figures_count_what_happened(build: Any, tmp_path: Path) -> None:
    """Moves back, calls and costs of a project add up, and another project's do not count."""
    other = await build.service.register_project(str(tmp_path / "other"))
    await build.service.start_workflow(other.project_id, "x", by=ADA)
    await build.go_to(State.TESTING)
    await build.give(Move, by=ADA, kind=Kind.RETRY, reason="slow")
    await build.complete()
    journal = EngineJournal("", database=build.service._database)
    journal.reserve(build.id, f"{build.id}:planning:1", "turn-0", 0.5)
    journal.settle(
        build.id,
        f"{build.id}:planning:1",
        "turn-0",
        cost_usd=0.25,
        prompt_tokens=10,
        completion_tokens=4,
        model="m",
    )
    mine = await build.service.get_project_stats((await build.now()).project_id)
    every = await build.service.get_project_stats()
    assert (mine.workflows, mine.completed, mine.success_rate, mine.retries) == (1, 1, 1.0, 1)
    assert (mine.model_calls, mine.prompt_tokens, mine.cost_by_model) == (1, 10, {"m": 0.25})
    assert every.workflows == 2 and every.by_state[State.DISCOVERY] == 1
    assert (await build.now()).cost_usd == 0.25
    (call,) = await build.service.model_calls(build.id)
    assert (call.cost_usd, call.reserved_usd, call.settled) == (0.25, 0.5, True)


async def test_attempts_are_listed_with_what_they_cost(build: Any) -> None:
    """Each run of a role is a line of its own."""
    journal = EngineJournal("", database=build.service._database)
    first = f"{build.id}:discovery:1"
    lease = journal.claim_attempt(first, "worker-a")
    journal.settle(build.id, first, "turn-0", cost_usd=0.5)
    journal.end_attempt(first, lease, "submitted", "2 criteria")
    (attempt,) = await build.service.attempts(build.id)
    assert (attempt.role, attempt.outcome, attempt.cost_usd) == (Role.Q_ASSISTANT, "submitted", 0.5)


async def test_live_output_is_followed_by_number(build: Any) -> None:
    """Each look gives what came since the last."""
    journal = EngineJournal("", database=build.service._database)
    journal.chunk(build.id, f"{build.id}:discovery:1", "one ")
    (first,) = await build.service.stream(build.id)
    journal.chunk(build.id, f"{build.id}:discovery:1", "two")
    assert [c.text for c in await build.service.stream(build.id, first.seq)] == ["two"]


async def test_a_change_by_another_program_is_seen(build: Any, address: str) -> None:
    """The counter moves with others' commits, and rests when nothing happens."""
    before = settled(build.service.changed)
    other = await OrchestrationService.open(address)
    await other.pause(build.id, by=ADA, expected_version=1)
    await other.close()
    assert moved_from(before, build.service.changed)
    after = settled(build.service.changed)
    assert build.service.changed() == after


async def test_a_worker_is_alive_as_long_as_it_holds_its_lock(service: Any, path: Path) -> None:
    """A lock file that nobody holds is no worker."""
    assert not service.worker_alive()
    lock = FileLock(worker_lock_path(str(path)))
    with lock:
        assert service.worker_alive()
    assert not service.worker_alive()


async def test_registering_a_path_twice_is_one_project(service: Any, tmp_path: Path) -> None:
    """A second registration adds what it knows and keeps the rest."""
    first = await service.register_project(str(tmp_path), settings={"trusted": ["a"]})
    again = await service.register_project(f"{tmp_path}/.", default_branch="main", settings={"x": 1})
    assert again.project_id == first.project_id
    assert (again.default_branch, again.settings) == ("main", {"trusted": ["a"], "x": 1})
    assert len(await service.projects()) == 1


async def test_opening_makes_a_new_journal(tmp_path: Path) -> None:
    """The first start makes folder, file and schema in a child process."""
    service = await OrchestrationService.open(str(tmp_path / "new" / "qdeck.db"))
    assert await service.board() == []
    await service.close()


async def test_opening_without_migrating_refuses_an_old_journal(tmp_path: Path) -> None:
    """Who may not write the schema is told, and no file is made."""
    with pytest.raises(JournalError, match="older schema"):
        await OrchestrationService.open(str(tmp_path / "qdeck.db"), migrate=False)
    assert not (tmp_path / "qdeck.db").exists()


@pytest.mark.parametrize("content", [b"no database" * 500, b""])
async def test_opening_rubbish_says_so(tmp_path: Path, content: bytes) -> None:
    """A damaged file gives a sentence; an empty file is a new journal."""
    path = tmp_path / "qdeck.db"
    path.write_bytes(content)
    if not content:
        await (await OrchestrationService.open(str(path))).close()
        return
    with pytest.raises(JournalError, match="no journal of qdeck"):
        await OrchestrationService.open(str(path))


_IMPORTS = """
import asyncio, sys
from core.service.views import WorkflowView
from core.board import read_board
from core.config import load_settings
load_settings()
early = [m for m in ("sqlmodel", "sqlalchemy", "pydantic", "textual") if m in sys.modules]
from core.service import OrchestrationService
from core.machine.commands import Authority
async def main():
    service = await OrchestrationService.open(sys.argv[1])
    project = await service.register_project(sys.argv[1])
    answer = await service.start_workflow(project.project_id, "x", by=Authority.person("ada"))
    assert answer.ok
    service.changed(), service.worker_alive()
    await service.close()
asyncio.run(main())
late = [m for m in ("alembic", "dbos", "litellm", "textual", "typer") if m in sys.modules]
print(early, late)
"""


def test_faces_import_nothing_heavy(tmp_path: Path) -> None:
    """Views, board and settings need no database library; the service no Alembic, DBOS or litellm."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS, str(tmp_path / "qdeck.db")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("[] []\n", "")
