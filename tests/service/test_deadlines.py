"""Deadlines: what counts against them, who sets them, and that a missed one is on record once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.durations import seconds_of
from core.journal.migrate import migrate
from core.machine.commands import Authority, Move
from core.machine.states import Role, State
from core.machine.transitions import Kind
from core.service import OrchestrationService
from tests.service.conftest import ADA, Build, Clock


async def begun(timed: Any, tmp_path: Path, **limits: float) -> tuple[Build, Clock]:
    """Start a build with deadlines."""
    service, clock = timed
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")
    started = await service.start_workflow(project.project_id, "Add slugify()", by=ADA, deadlines=limits)
    return Build(service, started), clock


async def notes(build: Build, kind: str = "deadline_breached") -> list[Any]:
    """Return the events of that kind."""
    events = await build.service.get_workflow_history(build.id, limit=0)
    return [e for e in events if e.data.get("kind") == kind]


async def test_a_clock_counts_work_and_stands_still_while_a_person_is_waited_for(
    timed: Any, tmp_path: Path
) -> None:
    """The phase presses first; a wait stops both clocks; a pause of the engine's own does not."""
    build, clock = await begun(timed, tmp_path, workflow=1000, discovery=100)
    at = clock()
    clock.wait(40)
    view = await build.now()
    assert (view.due_for, view.due_at, view.breached) == ("discovery", at + timedelta(seconds=100), False)
    assert [(d.name, d.spent, d.left) for d in view.deadlines] == [
        ("workflow", 40, 960),
        ("discovery", 40, 60),
    ]
    await build.wait("answer", "which?")
    clock.wait(5_000)
    view = await build.now()
    assert (view.due_at, view.due_left, view.due_for) == (None, 60, "discovery")
    (row,) = await build.service.board()
    assert (row.due_at, row.due_left, row.due_for, row.breached) == (None, 60, "discovery", "")

    await build.service.resume(build.id, by=ADA, expected_version=view.version)
    clock.wait(10)
    await build.step()
    clock.wait(7)
    view = await build.now()
    assert view.state is State.PLANNING and view.due_for == "workflow"
    assert {d.name: d.spent for d in view.deadlines} == {"workflow": 57, "discovery": 50}
    (row,) = await build.service.board()
    assert row.due_at == pytest.approx((clock() + timedelta(seconds=1000 - 57)).timestamp(), abs=0.01)
    past = await build.service.workflow_at(build.id, 1)
    assert (past.due_for, past.due_at) == ("discovery", at + timedelta(seconds=100))


async def test_a_missed_deadline_is_on_record_once(timed: Any, tmp_path: Path) -> None:
    """Twenty who look at the same moment write one event; it names what was missed, and is in the chain."""
    build, clock = await begun(timed, tmp_path, discovery=60)
    assert await build.service.record_breaches() == []
    clock.wait(61)
    assert (await build.now()).breached
    found = await asyncio.gather(*(build.service.record_breaches() for _ in range(20)))
    assert sum(len(each) for each in found) == 1
    (note,) = await notes(build)
    assert note.triggered_by == "engine:engine"
    assert (note.data["deadline"], note.data["limit"], note.data["state"]) == ("discovery", 60.0, "discovery")
    assert datetime.fromisoformat(note.data["due_at"]) == clock() - timedelta(seconds=1)
    assert "the deadline of the discovery ran out (1m00s)" in note.text
    (row,) = await build.service.board()
    assert row.breached == "discovery"
    assert await build.service.verify() == []
    assert (await build.service.rebuild_rows(check=True)).equal


async def test_a_deadline_that_ran_out_before_anybody_looked_is_recorded_later(
    timed: Any, tmp_path: Path
) -> None:
    """The phase is long over when the worker looks; a kept deadline is never recorded as missed."""
    build, clock = await begun(timed, tmp_path, discovery=30, planning=500)
    clock.wait(31)
    await build.go_to(State.PLANNING)
    clock.wait(5)
    await build.go_to(State.IMPLEMENTATION)
    assert await build.service.record_breaches("another") == []
    assert await build.service.record_breaches(build.id) == [build.id]
    assert [n.data["deadline"] for n in await notes(build)] == ["discovery"]
    clock.wait(9_999)
    assert await build.service.record_breaches() == []
    await build.complete()
    stats = await build.service.get_project_stats()
    assert {name: (m.met, m.missed) for name, m in stats.deadlines.items()} == {
        "discovery": (0, 1),
        "planning": (1, 0),
    }
    assert stats.deadlines_met == 0.5


async def test_a_person_changes_deadlines_and_it_stays_on_record(timed: Any, tmp_path: Path) -> None:
    """Only a person; those not named stay; a deadline set anew can be missed anew, the old breach stays."""
    build, clock = await begun(timed, tmp_path, workflow=60, testing=600)
    service = build.service
    clock.wait(61)
    assert await service.record_breaches()
    view = await build.now()
    for by in (Authority.role(Role.CODE_WRITER), Authority.engine()):
        answer = await service.set_deadlines(
            build.id, by=by, expected_version=view.version, limits={"workflow": 9_000}
        )
        assert (answer.ok, answer.exit_code) == (False, 2) and "Only a person" in answer.text
    for limits in ({"tuesday": 60.0}, {"workflow": 0.0}, {"workflow": float("nan")}, {}):
        answer = await service.set_deadlines(build.id, by=ADA, expected_version=view.version, limits=limits)
        assert answer.exit_code == 2, limits
    answer = await service.set_deadlines(
        build.id, by=ADA, expected_version=view.version, limits={"workflow": 100, "testing": None}
    )
    assert answer.ok and "gave the workflow 1m40s and lifted the deadline of the testing" in answer.text
    assert answer.workflow is not None and not answer.workflow.breached
    assert [(d.name, d.limit) for d in answer.workflow.deadlines] == [("workflow", 100)]
    clock.wait(40)
    assert await service.record_breaches()
    assert [n.data["limit"] for n in await notes(build)] == [60.0, 100.0]
    (changed,) = await notes(build, "deadline")
    assert changed.data["by"] == "person:ada"
    view = await build.now()
    await service.cancel(build.id, by=ADA, expected_version=view.version)
    answer = await service.set_deadlines(
        build.id, by=ADA, expected_version=view.version + 1, limits={"workflow": 5_000}
    )
    assert answer.exit_code == 2 and "cancelled" in answer.text


async def test_a_deadline_that_is_none_starts_nothing(timed: Any, tmp_path: Path) -> None:
    """A name or a span that is none is refused, and says what there is."""
    service, _ = timed
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")
    answer = await service.start_workflow(project.project_id, "x", by=ADA, deadlines={"lunch": 60})
    assert not answer.ok and "workflow, discovery" in answer.text
    assert await service.board() == []


async def test_phases_count_all_their_attempts(timed: Any, tmp_path: Path) -> None:
    """Testing, sent back and tested again, spends one deadline."""
    build, clock = await begun(timed, tmp_path, testing=100)
    await build.go_to(State.TESTING)
    clock.wait(30)
    assert (await build.give(Move, by=ADA, kind=Kind.RETRY, reason="red")).ok
    clock.wait(500)
    await build.go_to(State.TESTING)
    clock.wait(40)
    (deadline,) = (await build.now()).deadlines
    assert (deadline.spent, deadline.left) == (70, 30)


@pytest.mark.sqlite
async def test_workflows_of_an_older_journal_get_their_clock(tmp_path: Path) -> None:
    """The migration counts from the events, to the byte as if the clock had always been there."""
    import sqlite3

    path = tmp_path / "old.db"
    migrate(f"sqlite:///{path}")
    service = await OrchestrationService.open(str(path))
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")
    started = await service.start_workflow(project.project_id, "x", by=ADA, deadlines={"workflow": 60})
    await Build(service, started).go_to(State.PLANNING)
    await service.close()
    with sqlite3.connect(path) as old:
        old.execute("DROP VIEW board_v3")
        old.execute("DROP VIEW board_v2")
        old.execute("DROP INDEX ix_build_workflows_watch_at")
        for column in ("due_at", "due_left", "due_for", "breached", "watch_at", "clock"):
            old.execute(f"ALTER TABLE build_workflows DROP COLUMN {column}")
        old.execute("UPDATE qdeck_schema SET version_num = '0002'")
    service = await OrchestrationService.open(str(path))
    assert (await service.rebuild_rows(check=True)).equal
    (row,) = await service.board()
    assert row.due_for == "workflow" and row.due_at
    await service.close()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1_800), ("1h30m", 5_400), ("2d", 172_800), ("1.5h", 5_400), ("45", 45), (7, 7)],
)
def test_spans_are_read_as_people_write_them(text: str | float, seconds: float) -> None:
    """With units, or in seconds."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "0", "-3", "4x", "h", "inf", "nan", "1e99", True, "99999d"])
def test_what_is_no_span_is_refused(text: str | bool) -> None:
    """No guess is made."""
    with pytest.raises(ValueError, match="it has to be"):
        seconds_of(text)
