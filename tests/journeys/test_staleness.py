"""Edits by hand while a build waits: what rests on the files is stale, and no decision covers them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.machine.states import Autonomy, EvidenceKind, State
from tests.journeys.world import ADA, World, git

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world that plays without a pause."""
    made = World(tmp_path)
    await made.open()
    yield made
    await made.close()


async def test_an_edit_by_hand_makes_evidence_stale_and_is_never_merged_unseen(world: World) -> None:
    """Seen while it waits, undone by undoing it; unseen by a dead worker it sends the release back."""
    started = await world.start(autonomy=Autonomy.GATED)
    worker = world.worker()
    name = started.workflow_id
    await world.approve(await world.waits(name, "approval:plan", 300))
    await world.waits(name, "approval:review", 500)
    slug = next((world.home / "cache" / "worktrees").iterdir()) / "textkit" / "slug.py"
    honest = slug.read_text()

    slug.write_text(honest + "\n\nSTOLEN = open('/etc/passwd').read()\n")
    stale = await world.until(name, lambda v: not v.evidence[EvidenceKind.REVIEW].current)
    assert "the tree has changed since" in stale.evidence[EvidenceKind.REVIEW].why
    refused = await world.approve(stale)
    assert not refused.ok and "the tree has changed since" in refused.text

    slug.write_text(honest)
    again = await world.until(name, lambda v: v.evidence[EvidenceKind.REVIEW].current)
    assert (await world.approve(again)).ok
    release = await world.waits(name, "approval:release", 300)
    main = git(world.repo, "rev-parse", "main")

    world.kill(worker)
    slug.write_text(honest + "\n\nSTOLEN = 1\n")
    assert (await world.approve(release)).ok, "nobody was there to see the edit"
    world.worker()
    back = await world.until(name, lambda v: v.state is State.VERIFICATION, 300)

    assert "changed since they were reviewed" in back.last_refusal
    assert git(world.repo, "rev-parse", "main") == main
    told = [e.text for e in await world.door.get_workflow_history(name, limit=0)]
    assert sum("edited by hand" in text for text in told) >= 2
    view = await world.status(name)
    await world.door.cancel(name, by=ADA, expected_version=view.version)
