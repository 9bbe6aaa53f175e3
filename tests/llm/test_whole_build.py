"""Whole builds by a model behind HTTP: litellm's own path, in a real worker process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.machine.states import Condition, State
from tests.journeys.world import World
from tests.llm.openai_server import Fault, OpenAIServer, Reply, Tool
from tests.llm.scenario_server import scenario_responder

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]

MODEL = "openai/scripted"
WRONG_KEY = "sk-wrong-0123456789abcdef"


MOODS = {
    2: Reply("I begin and", fault=Fault.CUT),
    4: Reply(fault=Fault.SERVER_ERROR),
    6: Reply("I begin and", [Tool("list", {"path": "."})], fault=Fault.EOF),
    9: Reply(fault=Fault.RATE_LIMIT, retry_after=0.2),
    12: Reply("Now this.", [Tool("read", '{"path": "sl')]),
    15: Reply("I begin and", fault=Fault.STALL),
}
"""How the server answers some requests, by their number."""


class Moody:
    """Plays the rehearsal's words over HTTP, and fails at some requests in the ways that servers do."""

    def __init__(self) -> None:
        self._play = scenario_responder("rehearsal/slugify")
        self.asked = 0

    def __call__(self, body: dict[str, Any]) -> Reply:
        """Answer one request."""
        self.asked += 1
        return MOODS.get(self.asked) or replace(self._play(body), usage=(1000, 100))


@pytest.fixture
async def worlds(tmp_path: Path) -> AsyncIterator[list[World]]:
    """The worlds of a test, which are left behind clean."""
    made: list[World] = []
    yield made
    for world in made:
        await world.close()


async def world_with(worlds: list[World], folder: Path, server: OpenAIServer, **env: str) -> World:
    """A world whose workers find their model at the server."""
    settings = {"OPENAI_API_BASE": server.url, "QDECK_MODEL_BACKOFF": "0.05", "QDECK_MODEL_IDLE": "3", **env}
    worlds.append(World(folder, env=settings))
    return await worlds[-1].open()


async def test_a_build_is_carried_to_the_merge_by_a_server_that_fails_now_and_then(
    worlds: list[World], tmp_path: Path
) -> None:
    """Cut, silent, busy and broken answers and malformed calls cost time, and nothing else."""
    moody = Moody()
    with OpenAIServer(respond=moody) as server:
        world = await world_with(worlds, tmp_path, server)
        started = await world.start(model=MODEL)
        world.worker("--once", started.workflow_id)
        done = await world.complete(started.workflow_id, 300.0)
    assert moody.asked > max(MOODS)
    assert done.retries_used == 2
    assert len(world.merges()) == 1
    assert "passed" in world.run_tests()


async def test_a_refused_key_stops_the_build_in_its_phase(worlds: list[World], tmp_path: Path) -> None:
    """One sentence on what happened, the phase kept, the key nowhere, the provider asked once."""
    with OpenAIServer(respond=scenario_responder("rehearsal/slugify"), key="sk-right-0123456789") as server:
        world = await world_with(worlds, tmp_path, server, OPENAI_API_KEY=WRONG_KEY)
        started = await world.start(model=MODEL)
        world.worker("--once", started.workflow_id).wait(60)
        stopped = await world.status(started.workflow_id)
        history = await world.door.get_workflow_history(started.workflow_id, limit=0)
        assert (stopped.state, stopped.condition) == (State.DISCOVERY, Condition.FAILED)
        assert "refused the key" in stopped.reason
        assert WRONG_KEY not in str(history) + world.log
        assert "echoed0123" not in str(history) + world.log
        assert len(server.requests) == 1
