"""The scheduler port over DBOS, on a real file: once per id, stoppable, quiet, and clean after a crash."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.engine.dbos_port import DbosScheduler


@pytest.fixture
async def log() -> io.StringIO:
    """Where DBOS may write."""
    return io.StringIO()


@pytest.fixture
async def scheduler(tmp_path: Path, log: io.StringIO) -> AsyncIterator[DbosScheduler]:
    """A launched scheduler on an empty file."""
    made = DbosScheduler(
        f"sqlite:///{tmp_path / 'engine.db'}", executor="local", log=logging.StreamHandler(log)
    )
    await made.launch()
    yield made
    await made.close()


async def _ended(scheduler: DbosScheduler, run_id: str) -> str | None:
    for _ in range(200):
        if (outcome := await scheduler.outcome(run_id)) is not None:
            return outcome
        await asyncio.sleep(0.02)
    return None


async def test_starting_a_run_twice_runs_it_once(scheduler: DbosScheduler) -> None:
    """The id is the run: a second start with it does nothing, while it runs and after it ended."""
    done: list[str] = []

    async def body() -> str:
        await asyncio.sleep(0.05)
        done.append("body")
        return "end"

    assert await scheduler.start("w:discovery:1", body)
    assert not await scheduler.start("w:discovery:1", body)
    assert await _ended(scheduler, "w:discovery:1") == "end"
    assert not await scheduler.start("w:discovery:1", body)
    assert done == ["body"]


async def test_steps_are_traced_by_name_and_hand_their_result_through(scheduler: DbosScheduler) -> None:
    """A step gives its result to the body, and DBOS remembers the name, not the content."""
    seen: list[object] = []

    async def work() -> object:
        return {"big": "x" * 1000}

    async def body() -> str:
        seen.append(await scheduler.step("turn-1", work))
        seen.append(await scheduler.step("turn-2", work))
        return "end"

    await scheduler.start("w:planning:1", body)
    assert await _ended(scheduler, "w:planning:1") == "end"
    assert seen == [{"big": "x" * 1000}] * 2
    assert await scheduler.steps("w:planning:1") == ["turn-1", "turn-2"]


async def test_stopping_a_run_lets_it_clean_up_first(scheduler: DbosScheduler) -> None:
    """A stop cancels the body inside its step, and returns only after the body's clean-up."""
    trace: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            trace.append("killed the child")

    async def body() -> str:
        await scheduler.step("turn-1", work)
        return "never"

    await scheduler.start("w:testing:1", body)
    await asyncio.sleep(0.2)
    assert scheduler.live() == {"w:testing:1"}
    await asyncio.wait_for(scheduler.stop("w:testing:1"), 2)
    assert trace == ["killed the child"]
    assert scheduler.live() == frozenset()


async def test_what_a_step_raises_reaches_the_body_as_it_is(scheduler: DbosScheduler) -> None:
    """The very exception comes through, attributes and all, not a copy that a database could hold."""

    class Stop(Exception):
        """Not importable, so not to be rebuilt from text."""

    raised = Stop("enough")
    seen: list[BaseException] = []

    async def work() -> None:
        raise raised

    async def body() -> str:
        try:
            await scheduler.step("turn-1", work)
        except Stop as error:
            seen.append(error)
        return "end"

    await scheduler.start("w:testing:2", body)
    assert await _ended(scheduler, "w:testing:2") == "end"
    assert seen == [raised]


async def test_a_step_outside_a_run_is_simply_done(scheduler: DbosScheduler) -> None:
    """Engine work between attempts needs no run around it."""

    async def work() -> int:
        return 7

    assert await scheduler.step("free", work) == 7


async def test_nothing_reaches_the_terminal(
    scheduler: DbosScheduler, capfd: pytest.CaptureFixture[str]
) -> None:
    """A failing body is logged to our handler and never printed."""

    async def body() -> str:
        raise RuntimeError("boom")

    await scheduler.start("w:deployment:1", body)
    assert await _ended(scheduler, "w:deployment:1") == "error"
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


async def test_the_next_process_closes_what_a_dead_one_left(tmp_path: Path, log: io.StringIO) -> None:
    """A run left pending does not start by itself again: the worker decides, with a new lease."""
    url = f"sqlite:///{tmp_path / 'engine.db'}"
    started: list[int] = []

    async def body() -> str:
        started.append(1)
        await asyncio.sleep(60)
        return "never"

    first = DbosScheduler(url, executor="local", log=logging.StreamHandler(log))
    await first.launch()
    await first.start("w:discovery:1", body)
    await asyncio.sleep(0.2)
    await first.close()

    second = DbosScheduler(url, executor="local", log=logging.StreamHandler(log))
    await second.launch()
    await asyncio.sleep(2)
    try:
        assert await second.open_runs() == []
        assert started == [1]
        assert await second.start("w:discovery:1~2", body)
    finally:
        await second.close()


async def test_old_runs_are_forgotten(scheduler: DbosScheduler) -> None:
    """The scheduler's file does not grow for ever."""

    async def body() -> str:
        return "end"

    for number in range(4):
        await scheduler.start(f"w:discovery:{number}", body)
        await _ended(scheduler, f"w:discovery:{number}")
    assert await scheduler.forget(keep=1) == 3
    assert await scheduler.outcome("w:discovery:3") == "end"
    assert await scheduler.outcome("w:discovery:0") is None
