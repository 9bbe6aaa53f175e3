"""Deployment with everything configured: tag, deploy command, smoke command, rollback command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.machine.states import State
from tests.journeys.carpenter import REQUEST, Carpenter
from tests.journeys.test_fresh_repository import MODEL, source
from tests.journeys.world import World, git, make_repository
from tests.llm.openai_server import OpenAIServer

__all__ = ["source"]

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]

SMOKE = "import sys; sys.path.insert(0, 'src'); from abacus.double import double; assert double(4) == 8"


@pytest.fixture
async def world(tmp_path: Path, source: Path) -> AsyncIterator[World]:
    """A world with a model behind HTTP."""
    made = World(tmp_path)
    make_repository(made.repo, source)
    with OpenAIServer(respond=Carpenter()) as server:
        made.env |= {"OPENAI_API_BASE": server.url, "OPENAI_API_KEY": "sk-carpenter"}
        await made.open()
        yield made
        await made.close()


async def _start(world: World, **settings: Any) -> str:
    await world.door.register_project(str(world.repo), settings=settings)
    return (await world.start(REQUEST, model=MODEL, retry_budget=1)).workflow_id


async def test_what_is_configured_is_tagged_deployed_and_smoked(world: World) -> None:
    """Each command leaves its receipt, and the smoke evidence names them."""
    workflow_id = await _start(
        world,
        tag="release-{build_id}",
        deploy_command=["python", "-c", "print('deployed')"],
        smoke_command=["python", "-c", SMOKE],
    )
    world.worker()

    done = await world.complete(workflow_id, 350)

    kinds = [receipt.kind for receipt in await world.door.receipts(workflow_id)]
    assert kinds[-2:] == ["deploy", "smoke"]
    assert git(world.repo, "rev-parse", f"release-{done.build_id}^{{commit}}") == world.merges()[0]


async def test_a_red_smoke_runs_the_rollback_and_goes_back(world: World) -> None:
    """Deployment and merge are taken back by themselves each time, until the retry budget is spent."""
    before = git(world.repo, "rev-parse", "main^{tree}")
    workflow_id = await _start(
        world,
        deploy_command=["python", "-c", "print('deployed')"],
        smoke_command=["python", "-c", "raise SystemExit('it smokes')"],
        rollback_command=["python", "-c", "print('taken back')"],
    )
    world.worker()

    waiting = await world.waits(workflow_id, "retries", 380)

    assert waiting.state is State.DEPLOYMENT
    assert waiting.reason == "One automatic step back is used up; a person decides."
    receipts = await world.door.receipts(workflow_id)
    kinds = [receipt.kind for receipt in receipts if ":deployment:" in receipt.attempt_id]
    assert kinds.count("rollback") == kinds.count("deploy") == waiting.retries_used + 1
    assert "it smokes" in waiting.last_refusal
    assert "The merge was taken back on main" in waiting.last_refusal
    assert len(world.merges()) == 2, "what goes back is merged anew, when it is proved anew"
    assert git(world.repo, "rev-parse", "main^{tree}") == before
