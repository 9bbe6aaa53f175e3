"""Whole builds in real processes: from the request to the merge, by itself and with a person's yes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.machine.states import EvidenceKind, State
from tests.journeys.world import World, git

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
    attempts = [(a.state, a.number, a.outcome) for a in await world.door.attempts(started.workflow_id)]
    assert (State.IMPLEMENTATION, 3, "submitted") in attempts
