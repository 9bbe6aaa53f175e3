"""A person interferes while roles are at work: stop, pause, cancel, talk, send back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from core.machine.states import Autonomy, Condition, State
from tests.journeys.carpenter import REQUEST, Carpenter
from tests.journeys.test_fresh_repository import MODEL
from tests.journeys.world import ADA, World, git
from tests.llm.openai_server import OpenAIServer, Tool

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose rehearsal speaks slowly enough for a person to cut in."""
    made = World(tmp_path, pace="0.02")
    await made.open()
    yield made
    await made.close()


class Sleeper(Carpenter):
    """Runs a command that takes a minute."""

    def build(self, turn: int, results: list[str]) -> list[Tool]:
        """Sleep first, then build as usual."""
        if turn == 0:
            return [Tool("run", {"command": "sleep 61"})]
        return super().build(turn - 1, results)


def _sleeping() -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if process.info["cmdline"] == ["sleep", "61"]:
            found.append(process)
    return found


async def test_escape_stops_the_turn_and_the_next_words_start_a_new_one(world: World) -> None:
    """The role stops in the middle of its sentence and waits to be told what to do."""
    started = await world.start(autonomy=Autonomy.GATED)
    world.worker()
    await world.until(started.workflow_id, lambda v: v.state is State.PLANNING)
    stopped = await world.door.stop_turn(started.workflow_id, by=ADA)
    assert stopped.ok

    waiting = await world.waits(started.workflow_id, "answer")
    decision = await world.door.decision(started.workflow_id)
    # Not the words in whose middle it was stopped: those ask nothing.
    assert decision and decision.question == "A person stopped the turn. What should it do now?"
    await world.door.chat(started.workflow_id, "Go on, please.", by=ADA)

    plan = await world.waits(started.workflow_id, "approval:plan")
    assert plan.attempt > waiting.attempt or plan.state is not waiting.state


async def test_pause_kills_the_running_command_and_resume_begins_it_again(world: World) -> None:
    """Nothing of a paused build eats the machine; the attempt goes on where it was."""
    with OpenAIServer(respond=Sleeper()) as server:
        world.env |= {"OPENAI_API_BASE": server.url, "OPENAI_API_KEY": "sk-carpenter"}
        started = await world.start(REQUEST, model=MODEL)
        world.worker()
        for _ in range(1200):
            if _sleeping():
                break
            await asyncio.sleep(0.05)
        running = _sleeping()
        assert running, world.log[-3000:]
        view = await world.status(started.workflow_id)

        assert (await world.door.pause(view.workflow_id, by=ADA, expected_version=view.version)).ok
        _, alive = await asyncio.to_thread(psutil.wait_procs, running, 5)
        assert alive == []

        paused = await world.status(started.workflow_id)
        assert paused.condition is Condition.PAUSED and paused.state is State.IMPLEMENTATION
        await world.door.resume(paused.workflow_id, by=ADA, expected_version=paused.version)
        for _ in range(200):
            if _sleeping():
                break
            await asyncio.sleep(0.05)
        assert _sleeping(), "the command runs again"
        again = await world.status(started.workflow_id)
        assert again.attempt == paused.attempt
        await world.door.cancel(again.workflow_id, by=ADA, expected_version=again.version)
        await asyncio.sleep(1)
        assert _sleeping() == []


async def test_words_to_a_working_role_are_taken_up_at_its_next_step(world: World) -> None:
    """The answer comes in the same attempt; the build does not stop for it."""
    started = await world.start(autonomy=Autonomy.GATED)
    world.worker()
    view = await world.until(started.workflow_id, lambda v: v.state is State.PLANNING)
    await world.door.chat(started.workflow_id, "What about emoji?", by=ADA)

    await world.waits(started.workflow_id, "approval:plan")

    said = await world.door.messages(started.workflow_id)
    mine = next(m.seq for m in said if m.author == "person:ada")
    after = [m for m in said if m.seq > mine and m.kind == "text" and m.author == "q_assistant"]
    assert after and view.attempt == 1


async def test_a_persons_retry_keeps_the_files_and_tells_the_role_why(world: World) -> None:
    """From verification back to implementation: the code is still there, and the reason is in the prompt."""
    started = await world.start(autonomy=Autonomy.GATED)
    world.worker()
    await world.approve(await world.waits(started.workflow_id, "approval:plan"))
    review = await world.waits(started.workflow_id, "approval:review")
    worktree = next((world.home / "cache" / "worktrees").iterdir())

    answer = await world.door.request_retry(
        started.workflow_id, by=ADA, expected_version=review.version, reason="Name it better"
    )

    assert answer.ok, answer.text
    assert (worktree / "textkit" / "slug.py").exists()
    again = await world.waits(started.workflow_id, "approval:review")
    assert again.last_refusal == "Name it better"
    assert again.retries_used == review.retries_used, "a person's retry costs no budget"


async def test_a_cancelled_build_leaves_the_repository_as_it_was(world: World) -> None:
    """Its files stay in private refs, its worktree goes, main is untouched."""
    head = git(world.repo, "rev-parse", "main")
    started = await world.start()
    worker = world.worker()
    view = await world.until(started.workflow_id, lambda v: v.state is State.HANDOFF_TO_TESTER)
    answer = await world.door.cancel(view.workflow_id, by=ADA, expected_version=view.version)
    while not answer.ok:
        view = await world.status(view.workflow_id)
        answer = await world.door.cancel(view.workflow_id, by=ADA, expected_version=view.version)
    worker.terminate()
    await asyncio.to_thread(worker.wait, 10)
    world.worker()

    for _ in range(200):
        if not list((world.home / "cache" / "worktrees").iterdir()):
            break
        await asyncio.sleep(0.05)
    assert list((world.home / "cache" / "worktrees").iterdir()) == []
    assert git(world.repo, "rev-parse", "main") == head
    assert git(world.repo, "for-each-ref", f"refs/qdeck/{view.workflow_id}/")


async def test_without_a_model_the_build_fails_with_the_ways_to_one(world: World) -> None:
    """One clear text, no traceback, and the phase is kept."""
    started = await world.start(model="")
    world.worker()
    failed = await world.until(started.workflow_id, lambda v: v.condition is Condition.FAILED)
    assert failed.state is State.DISCOVERY
    assert failed.reason.startswith("No model is configured.")
    assert "qdeck demo" in failed.reason
    assert "Traceback" not in world.log


async def test_the_rehearsal_does_not_play_for_another_request(world: World) -> None:
    """A script that knows nothing of the request says so, instead of building something else."""
    started = await world.start("Write me a compiler")
    world.worker()
    failed = await world.until(started.workflow_id, lambda v: v.condition is Condition.FAILED)
    assert "slugify" in failed.reason
