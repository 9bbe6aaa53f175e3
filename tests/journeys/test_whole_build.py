"""Whole builds in real processes: from the request to the merge, by itself and with a person's yes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.journal.engine import EngineJournal
from core.machine.states import Autonomy, Condition, EvidenceKind, State
from tests.journeys.world import ADA, World, git
from tui import words
from tui.ink import plain
from tui.pages.parts import newest_receipts, receipt_lines

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A fresh world."""
    made = World(tmp_path)
    await made.open()
    yield made
    await made.close()


async def test_in_auto_a_build_goes_from_the_request_to_the_merge_by_itself(world: World) -> None:
    """The rehearsal fails a test, then a scanner, then ships; in the end all evidence is current."""
    started = await world.start()
    world.worker("--once", started.workflow_id)

    done = await world.complete(started.workflow_id)

    assert set(done.evidence) == set(EvidenceKind)
    assert all(evidence.ok and evidence.current for evidence in done.evidence.values())
    assert done.retries_used == 2
    assert len(world.merges()) == 1
    assert git(world.repo, "status", "--porcelain") == ""
    assert "passed" in world.run_tests()
    checkpoints = await world.door.checkpoints(started.workflow_id)
    ran = newest_receipts(await world.door.receipts(started.workflow_id), checkpoints[-1].tree)
    shown = plain(line for run in ran for line in receipt_lines(run, 118, 0.0, checkpoints[-1].tree))
    assert len(ran) > 8 and words.BAD not in shown, "what must fail is no fault of a build that is complete"
    attempts = [(a.state, a.number, a.outcome) for a in await world.door.attempts(started.workflow_id)]
    assert (State.IMPLEMENTATION, 3, "submitted") in attempts


async def test_gated_waits_for_plan_review_and_release_and_for_nothing_else(world: World) -> None:
    """A person says yes three times; nothing is merged before the third."""
    started = await world.start(autonomy=Autonomy.GATED)
    world.worker()

    plan = await world.waits(started.workflow_id, "approval:plan")
    assert plan.state is State.PLANNING
    assert (await world.approve(plan)).ok
    review = await world.waits(started.workflow_id, "approval:review")
    assert review.state is State.VERIFICATION
    assert (await world.approve(review)).ok
    release = await world.waits(started.workflow_id, "approval:release")
    assert world.merges() == []
    assert (await world.approve(release)).ok
    done = await world.complete(started.workflow_id)

    approved = {kind: evidence.approved_by for kind, evidence in done.evidence.items()}
    assert approved[EvidenceKind.PLAN] == approved[EvidenceKind.REQUIREMENT] == "person:ada"
    assert approved[EvidenceKind.REVIEW] == "person:ada"
    assert len(world.merges()) == 1
    attempts = [a for a in await world.door.attempts(started.workflow_id) if a.state is State.DEPLOYMENT]
    assert [a.number for a in attempts] == [1, 2]
    spoken = [
        m for m in await world.door.messages(started.workflow_id) if m.attempt_id.endswith("deployment:2")
    ]
    assert spoken == []


async def test_manual_waits_at_every_advance(address: str, tmp_path: Path) -> None:
    """Handoffs go by themselves; every step forward out of a phase is a person's. On PostgreSQL as well."""
    world = await World(tmp_path, address=address).open()
    try:
        await _led_by_hand(world)
        assert await world.door.verify() == []
        assert (await world.door.rebuild_rows(check=True)).equal
    finally:
        await world.close()


async def _led_by_hand(world: World) -> None:
    started = await world.start(autonomy=Autonomy.MANUAL)
    world.worker()
    seen: list[tuple[State, str]] = []
    view = started
    while view.state is not State.COMPLETE:
        view = await world.until(
            started.workflow_id, lambda v: v.condition is Condition.WAITING or v.state is State.COMPLETE
        )
        if view.state is State.COMPLETE:
            break
        seen.append((view.state, view.waiting_for))
        assert (await world.approve(view)).ok
    assert seen[0] == (State.DISCOVERY, "person")
    assert (State.PLANNING, "approval:plan") in seen
    assert (State.VERIFICATION, "approval:review") in seen
    assert seen[-2:] == [(State.DEPLOYMENT, "approval:release"), (State.DEPLOYMENT, "person")]
    assert len(world.merges()) == 1


async def test_chat_while_a_plan_waits_is_answered_and_the_plan_comes_again(world: World) -> None:
    """The workflow is woken by the words, and waits again with the same plan and the same digest."""
    started = await world.start(autonomy=Autonomy.GATED)
    world.worker()
    plan = await world.waits(started.workflow_id, "approval:plan")

    await world.door.chat(started.workflow_id, "What about emoji?", by=ADA)

    again = await world.until(
        started.workflow_id, lambda v: v.waiting_for == "approval:plan" and v.attempt > plan.attempt
    )
    assert again.evidence[EvidenceKind.PLAN].digest == plan.evidence[EvidenceKind.PLAN].digest
    said = [m for m in await world.door.messages(started.workflow_id) if m.attempt_id == again.attempt_id]
    assert any(m.author == "q_assistant" and m.kind == "text" for m in said)


async def test_a_users_dirty_checkout_is_left_alone(world: World) -> None:
    """Uncommitted work in the way: the build waits with the command, and goes on once the way is clear."""
    (world.repo / "README.md").write_text("my own words\n")
    started = await world.start()
    world.worker()

    blocked = await world.waits(started.workflow_id, "person")
    assert "merge --ff-only" in blocked.reason
    assert (world.repo / "README.md").read_text() == "my own words\n"
    assert world.merges() == []

    git(world.repo, "checkout", "README.md")
    await world.door.resume(started.workflow_id, by=ADA, expected_version=blocked.version)
    await world.complete(started.workflow_id)
    assert len(world.merges()) == 1


async def test_who_runs_the_shown_command_by_hand_has_merged(world: World) -> None:
    """The engine finds its merge on the branch and makes no second one."""
    (world.repo / "notes.txt").write_text("tracked\n")
    git(world.repo, "add", "notes.txt")
    started = await world.start()
    world.worker()
    blocked = await world.waits(started.workflow_id, "person")

    git(world.repo, "rm", "-q", "--cached", "notes.txt")
    commit = blocked.reason.split("--ff-only ")[1].split()[0]
    git(world.repo, "merge", "-q", "--ff-only", commit)
    await world.door.resume(started.workflow_id, by=ADA, expected_version=blocked.version)

    await world.complete(started.workflow_id)
    assert world.merges() == [commit]


async def test_a_default_branch_that_moved_is_merged_in_and_everything_checked_anew(world: World) -> None:
    """Somebody commits to main while the build runs; the merge holds both, and the evidence is of both."""
    started = await world.start(autonomy=Autonomy.GATED)
    world.worker()
    plan = await world.waits(started.workflow_id, "approval:plan")
    await world.approve(plan)
    review = await world.waits(started.workflow_id, "approval:review")
    (world.repo / "textkit" / "other.py").write_text('"""Something else."""\n')
    git(world.repo, "add", "-A")
    git(world.repo, "commit", "-q", "-m", "Something else")
    await world.approve(review)
    release = await world.waits(started.workflow_id, "approval:release")
    await world.approve(release)

    done = await world.complete(started.workflow_id)

    assert all(evidence.ok and evidence.current for evidence in done.evidence.values())
    files = git(world.repo, "ls-tree", "-r", "--name-only", "main").splitlines()
    assert "textkit/other.py" in files and "textkit/slug.py" in files
    assert len(world.merges()) == 1
    assert "passed" in world.run_tests()


async def test_a_rollback_brings_files_conversation_and_row_back_together(world: World) -> None:
    """From waiting for review back to planning: the worktree holds the base again."""
    started = await world.start(autonomy=Autonomy.GATED)
    world.worker()
    await world.approve(await world.waits(started.workflow_id, "approval:plan"))
    review = await world.waits(started.workflow_id, "approval:review")
    worktree = next((world.home / "cache" / "worktrees").iterdir())
    assert (worktree / "textkit" / "slug.py").exists()

    answer = await world.door.rollback_workflow(
        started.workflow_id,
        by=ADA,
        expected_version=review.version,
        target_state=State.PLANNING,
        reason="Think again",
    )
    assert answer.ok, answer.text
    await world.waits(started.workflow_id, "approval:plan")

    assert not (worktree / "textkit" / "slug.py").exists()
    assert git(worktree, "status", "--porcelain") == ""
    journal = EngineJournal(f"sqlite:///{world.db}")
    heard = journal.messages(started.workflow_id)
    journal.close()
    assert heard, "what was said before planning is still heard"
    assert not any(":implementation:" in (m.attempt_id or "") for m in heard)
