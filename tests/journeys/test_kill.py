"""kill -9, again and again: nothing that was shown is lost, nothing done twice, and the build completes."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.journal.engine import EngineJournal
from core.machine.states import State
from tests.journeys.world import World, git

pytestmark = [pytest.mark.journey, pytest.mark.timeout(580)]

MOMENTS = (1, 4, 9, 15, 18, 20, 27, 33, 41, 48, 55, 62, 71, 79, 82, 83)
"""Versions of the workflow, spread over its life from the first checkpoint to the landed merge."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A fresh world whose rehearsal speaks slowly enough to be interrupted in the middle of a sentence."""
    made = World(tmp_path, pace="0.001")
    await made.open()
    yield made
    await made.close()


def _rows(world: World, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(f"file:{world.db}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchall()


async def test_a_build_killed_at_many_moments_is_completed_with_exactly_one_merge(world: World) -> None:
    """Each kill comes at another step; the next worker goes on from there."""
    started = await world.start()
    kills = 0
    for moment in MOMENTS:
        worker = world.worker()
        end = time.monotonic() + 120
        while True:
            view = await world.status(started.workflow_id)
            if view.version >= moment or view.state is State.COMPLETE:
                break
            assert time.monotonic() < end, world.log[-4000:]
            await asyncio.sleep(0.01)
        # A little later each time: in the middle of what follows the event, not always right after it.
        await asyncio.sleep(0.03 * (moment % 7))
        if (await world.status(started.workflow_id)).state is State.COMPLETE:
            break
        world.kill(worker)
        kills += 1
    world.worker()

    done = await world.complete(started.workflow_id)

    assert kills >= 10
    assert all(evidence.ok and evidence.current for evidence in done.evidence.values())
    assert len(world.merges()) == 1
    assert git(world.repo, "status", "--porcelain") == ""
    assert done.retries_used == 2, "a kill is no retry"
    assert "passed" in world.run_tests()
    _nothing_twice(world)


def _nothing_twice(world: World) -> None:
    """The journal holds each message, model call and receipt of an attempt once, and the chain is whole."""
    for table, columns in (
        ("messages", "attempt_id, key"),
        ("model_calls", "attempt_id, key"),
        ("receipts", "attempt_id, key"),
    ):
        rows = _rows(world, f"SELECT {columns} FROM {table} WHERE key != ''")  # noqa: S608
        assert [row for row, times in Counter(rows).items() if times > 1] == [], table
    begun = _rows(world, "SELECT count(*) FROM attempts WHERE claims > 1")
    assert begun[0][0], "attempts were taken over, not begun again"


async def test_every_event_that_was_seen_before_a_kill_is_there_after_it(world: World) -> None:
    """What was answered survives: the history only grows."""
    started = await world.start()
    worker = world.worker()
    await world.until(started.workflow_id, lambda v: v.version >= 12)
    seen = [(e.seq, e.hash) for e in await world.door.get_workflow_history(started.workflow_id, limit=500)]
    world.kill(worker)

    world.worker()
    await world.until(started.workflow_id, lambda v: v.version >= len(seen) + 5)

    now = [(e.seq, e.hash) for e in await world.door.get_workflow_history(started.workflow_id, limit=500)]
    assert now[: len(seen)] == seen


async def test_a_worker_that_is_asked_to_end_ends_in_order(world: World) -> None:
    """SIGTERM is obeyed and not died of; what it worked on is taken up by the next."""
    started = await world.start()
    worker = world.worker()
    await world.until(started.workflow_id, lambda v: v.state is State.IMPLEMENTATION)

    worker.terminate()
    assert await asyncio.to_thread(worker.wait, 60) == 0

    resting = await world.status(started.workflow_id)
    assert not world.door.worker_alive()
    world.worker()
    await world.until(started.workflow_id, lambda v: v.version > resting.version)


async def test_a_second_worker_of_the_same_database_leaves_at_once(world: World) -> None:
    """Two hands on one build would do everything twice."""
    started = await world.start()
    first = world.worker()
    await world.until(started.workflow_id, lambda v: v.version > 3)
    second = world.worker()
    assert await asyncio.to_thread(second.wait, 10) == 3
    assert first.poll() is None
    assert world.door.worker_alive()


async def test_an_attempt_whose_lease_was_taken_writes_nothing_more(world: World) -> None:
    """A worker that lost its attempt stops by itself; the attempt goes on under a lease of its own."""
    started = await world.start()
    world.worker()
    view = await world.until(started.workflow_id, lambda v: v.state is State.IMPLEMENTATION)
    journal = EngineJournal(f"sqlite:///{world.db}")
    stolen = journal.claim_attempt(view.attempt_id, "a thief")
    journal.close()
    assert stolen

    done = await world.complete(started.workflow_id)

    assert len(world.merges()) == 1
    assert done.retries_used == 2
    _nothing_twice(world)
