"""What a card and a history say stays true after the work went back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.machine.states import EvidenceKind, State
from tests.service.conftest import ADA, T0, Build


async def test_progress_counts_what_is_current_and_not_what_was_ever_made(build: Any) -> None:
    """After a rollback the share of phases done is smaller, though every piece is still on the card."""
    await build.go_to(State.VERIFICATION)
    before = await build.now()
    await build.service.rollback_workflow(
        build.id, by=ADA, expected_version=before.version, target_state=State.PLANNING, reason="wrong way"
    )
    after = await build.now()
    assert (before.progress, after.progress) == (4 / 6, 1 / 6)
    assert set(after.evidence) == set(EvidenceKind) - {EvidenceKind.REVIEW, EvidenceKind.SMOKE}
    assert after.completed_phases == (State.DISCOVERY,)


async def test_a_rollback_moves_and_brings_the_files_of_the_phase_back(build: Any) -> None:
    """What is answered is what was done: state, checkpoint and tree are those of the target."""
    await build.go_to(State.DEPLOYMENT)
    checkpoints = [c.number for c in await build.service.checkpoints(build.id)]
    before = await build.now()
    answer = await build.service.rollback_workflow(
        build.id, by=ADA, expected_version=before.version, target_state=State.TESTING, reason="flaky"
    )
    after = await build.now()
    assert answer.ok and answer.workflow.state is after.state is State.TESTING
    assert (checkpoints, after.checkpoint) == ([1], 1)
    assert after.version == before.version + 1


async def test_a_second_attempt_leaves_the_first_one_readable(build: Any) -> None:
    """Both attempts, their evidence and their end stand in the history under their own numbers."""
    await build.go_to(State.TESTING)
    version = (await build.now()).version
    await build.service.request_retry(build.id, by=ADA, expected_version=version, reason="two tests fail")
    await build.go_to(State.TESTING)
    events = await build.service.get_workflow_history(build.id, limit=0)
    here = [e.data for e in events if e.data.get("state") == "implementation"]
    begun = [e["number"] for e in here if "executor" in e]
    ended = [e["number"] for e in here if "outcome" in e]
    trees = [e["tree"] for e in here if "tree" in e]
    assert (begun, ended, trees) == ([1, 2], [1, 2], ["tree-1", "tree-2"])


async def test_a_refused_packet_goes_back_to_its_own_sender(build: Any) -> None:
    """A retry without a target leads where the table says from here, not where it mostly leads."""
    await build.go_to(State.HANDOFF_TO_VERIFIER)
    version = (await build.now()).version
    answer = await build.service.request_retry(build.id, by=ADA, expected_version=version, reason="no report")
    assert answer.ok, answer.text
    assert (await build.now()).state is State.TESTING


async def test_a_cut_tail_is_found_by_heads_that_are_kept_elsewhere(build: Any, address: str) -> None:
    """Also a server's: whoever commits keeps them here, and a look names the first event that is lost."""
    await build.step()
    last = (await build.now()).version
    found = await build.service.verify_log()
    assert found.whole and (found.events, found.anchored) == (last, 1)
    off, on = (f"ALTER TABLE workflow_events {word} TRIGGER USER" for word in ("DISABLE", "ENABLE"))
    with build.service._database.write() as session:
        if address.startswith("sqlite"):
            query = "SELECT sql FROM sqlite_master WHERE name = 'workflow_events_no_delete'"
            off, on = "DROP TRIGGER workflow_events_no_delete", session.execute(sa.text(query)).scalar_one()
        for statement in (off, f"DELETE FROM workflow_events WHERE seq > {last - 2}", on):  # noqa: S608
            session.connection().exec_driver_sql(statement)
    found = await build.service.verify_log()
    assert not found.whole and found.anchor
    cut = [(b.build_id, b.seq, b.text) for b in found.breaks if b.sign == "cut"]
    text = f"the log ends after event {last - 2}, but event {last} was anchored"
    assert cut == [("B-0001", last - 1, text)]


async def test_a_clock_that_jumps_back_turns_no_history_around(timed: Any, tmp_path: Path) -> None:
    """Times of one workflow never fall, whatever the machine's clock does; they are read back in UTC."""
    service, clock = timed
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")
    build = Build(service, await service.start_workflow(project.project_id, "Add slugify()", by=ADA))
    for seconds in (60, -3_600, 5, -7):
        clock.wait(seconds)
        assert (await service.chat(build.id, "hello", by=ADA)).ok
    times = [event.at for event in await service.get_workflow_history(build.id, limit=0)]
    assert times == [T0, *[T0 + timedelta(seconds=60)] * 4]
    assert all(at.utcoffset() == timedelta(0) for at in times)
    assert await service.verify() == []
