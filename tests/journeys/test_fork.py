"""A build that was rolled back goes on in a fork from the checkpoint before it, to complete."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.machine.states import Autonomy, Condition, EvidenceKind, State
from core.service.views import EventView, WorkflowView
from tests.journeys.carpenter import REQUEST, Carpenter
from tests.journeys.test_fresh_repository import MODEL, source
from tests.journeys.world import ADA, World, git, make_repository
from tests.llm.openai_server import OpenAIServer, Reply

__all__ = ["source"]

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]
SLOW = 400.0


class Listener(Carpenter):
    """Builds, and keeps what it was told."""

    checks = (
        {
            "criterion": 1,
            "code": "from abacus.double import double\n\n\ndef test_it():\n    assert double(0.5) == 1\n",
        },
    )

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def __call__(self, body: dict[str, Any]) -> Reply:
        """Answer one request."""
        self.told.append(str(body["messages"]))
        return super().__call__(body)


@pytest.fixture
def model() -> Iterator[Listener]:
    """The model of the build."""
    yield Listener()


@pytest.fixture
async def world(tmp_path: Path, source: Path, model: Listener) -> AsyncIterator[World]:
    """A world with a small repository and that model."""
    made = World(tmp_path)
    make_repository(made.repo, source)
    await made.open()
    with OpenAIServer(respond=model) as server:
        made.env |= {"OPENAI_API_BASE": server.url, "OPENAI_API_KEY": "sk-carpenter"}
        yield made
        await made.close()


def _again(events: list[EventView]) -> dict[str, str]:
    """What the engine recorded anew before the fork's first attempt began, and who has approved it."""
    first = next(e.seq for e in events if e.event_type == "attempt_begun")
    found = [e.data for e in events if e.event_type == "evidence_recorded" and e.seq < first]
    return {item["kind"]: item["approved_by"] for item in found}


async def test_a_fork_before_the_rollback_undoes_it_and_goes_on_to_complete(
    world: World, model: Listener
) -> None:
    """Files, talk and proven evidence are those of before; what a lost output rests on does not count."""
    started = await world.start(REQUEST, model=MODEL, autonomy=Autonomy.GATED)
    world.worker()
    assert (await world.approve(await world.waits(started.workflow_id, "approval:plan", SLOW))).ok
    await world.waits(started.workflow_id, "approval:review", SLOW)
    await world.door.chat(started.workflow_id, "Mind the docstring, please.", by=ADA)
    before = await world.waits(started.workflow_id, "approval:review", SLOW)
    rolled = await _rolled_back(world, before)
    model.told.clear()

    forked = await world.door.fork_workflow(started.workflow_id, by=ADA, seq=before.version)
    assert forked.ok and forked.workflow is not None, forked.text
    review = await world.waits(forked.workflow.workflow_id, "approval:review", SLOW)

    assert (review.state, review.parent_build_id, review.parent_event) == (
        *(State.VERIFICATION, "B-0001", before.version),
    )
    again = _again(await world.door.get_workflow_history(review.workflow_id, limit=0))
    assert again == {"requirement": "person:ada", "plan": "person:ada", "code": "", "tests": "", "review": ""}
    assert any("Mind the docstring, please." in told for told in model.told), "the role reads what was said"
    tree = (await world.door.checkpoints(started.workflow_id))[before.checkpoint].tree
    kept = git(world.repo, "rev-parse", f"refs/qdeck/{review.workflow_id}/{before.checkpoint}^{{tree}}")
    assert kept == tree == git(world.repo, "rev-parse", "qdeck/B-0002^{tree}")
    (world.repo / "CHANGES").write_text("main moves on, so the tests are collected anew\n")
    git(world.repo, "add", "CHANGES")
    git(world.repo, "commit", "-q", "-m", "Something else")
    assert (await world.approve(review)).ok
    assert (await world.approve(await world.waits(review.workflow_id, "approval:release", SLOW))).ok
    done = await world.complete(review.workflow_id, SLOW)
    assert all(evidence.ok and evidence.current for evidence in done.evidence.values())
    assert [(h["criterion"], h["outcome"]) for h in done.evidence[EvidenceKind.TESTS].detail["hidden"]] == [
        (1, "passed")
    ], "the hidden checks of the parent are the fork's, though it never stood in testing"
    assert "2 passed" in world.run_tests()
    parent = await world.status(started.workflow_id)
    assert (parent.condition, parent.version) == (Condition.CANCELLED, rolled)
    assert await world.door.verify() == []
    assert (await world.door.rebuild_rows(check=True)).equal

    await _a_lost_output_does_not_count(world, before)


async def _rolled_back(world: World, before: WorkflowView) -> int:
    """Roll back to planning, which brings the old files back; then leave it alone for good."""
    answer = await world.door.rollback_workflow(
        before.workflow_id,
        by=ADA,
        expected_version=before.version,
        target_state=State.PLANNING,
        reason="I want it another way",
    )
    assert answer.ok, answer.text
    rolled = await world.waits(before.workflow_id, "approval:plan", SLOW)
    assert rolled.checkpoint != before.checkpoint
    cancelled = await world.door.cancel(before.workflow_id, by=ADA, expected_version=rolled.version)
    assert cancelled.ok and cancelled.workflow is not None
    return cancelled.workflow.version


async def _a_lost_output_does_not_count(world: World, before: WorkflowView) -> None:
    """The same fork again after an output of the tests was changed: they do not count, no gate opens."""
    bound = before.evidence[EvidenceKind.TESTS].detail["receipts"]
    lost = next(r for r in await world.door.receipts(before.workflow_id) if r.receipt_id in bound)
    other = (
        "UPDATE artifacts SET data = (SELECT data FROM artifacts WHERE digest <> :lost) WHERE digest = :lost"
    )
    with world.door._database.write() as session:
        session.execute(sa.text(other), {"lost": lost.artifact})
    again = await world.door.fork_workflow(before.workflow_id, by=ADA, seq=before.version)
    assert again.workflow is not None, again.text
    waits = await world.until(again.workflow.workflow_id, lambda v: v.condition is Condition.WAITING, SLOW)
    assert waits.state is State.VERIFICATION
    assert lost.receipt_id in waits.evidence[EvidenceKind.TESTS].why
    advanced = await world.approve(waits)
    assert advanced.refusal is not None
    assert [missing.what for missing in advanced.refusal.missing] == ["tests"]
