"""Deployment with everything configured: tag, deploy command and what it is granted, smoke, rollback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.grants import grant_digest
from core.machine.states import State
from core.service.views import WorkflowView
from tests.journeys.carpenter import REQUEST, Carpenter
from tests.journeys.test_fresh_repository import MODEL, source
from tests.journeys.world import ADA, World, git, make_repository
from tests.llm.openai_server import OpenAIServer
from tests.sandbox.test_granted import Says

__all__ = ["source"]

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1000)]

TOKEN = "dpl_0123456789-abcdefghijk"
DEPLOY = """
import base64, os, sys, urllib.request
token = os.environ["DEPLOY_TOKEN"]
print("with", token, "or", base64.b64encode(token.encode()).decode())
print(urllib.request.urlopen(f"http://{sys.argv[1]}/shipped", timeout=300).read().decode())
"""
SMOKE = """
import os, sys, socket
sys.path.insert(0, "src")
from abacus.double import double
assert double(4) == 8
assert "DEPLOY_TOKEN" not in os.environ and "http_proxy" not in os.environ
try:
    socket.create_connection(sys.argv[1].split(":"), 5)
except OSError:
    sys.exit()
sys.exit("reached")
"""


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


class Target(ThreadingHTTPServer):
    """A server on this machine's loopback to which things are deployed, once it is free."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Deploys)
        self.asked = 0
        self.free = threading.Event()

    @property
    def host(self) -> str:
        """Its name and port."""
        return f"127.0.0.1:{self.server_port}"


class Deploys(Says):
    """Answers a deployment once the target is free."""

    def do_GET(self) -> None:
        """Wait, and tell what was asked."""
        assert isinstance(self.server, Target)
        self.server.asked += 1
        self.server.free.wait(300)
        super().do_GET()


@pytest.fixture
def target() -> Iterator[Target]:
    """What is deployed to."""
    with Target() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.free.set()
        server.shutdown()


async def _start(world: World, **settings: Any) -> str:
    await world.door.register_project(str(world.repo), settings=settings)
    return (await world.start(REQUEST, model=MODEL, retry_budget=1)).workflow_id


async def test_what_is_configured_is_tagged_deployed_and_smoked(world: World, target: Target) -> None:
    """Each command leaves its receipt; deploy alone gets what it was granted, and no record its secret.

    Two builds of the project deploy one after the other: while one is at it, the other says that it waits.
    """
    host = target.host
    deploy = ["python", "-c", DEPLOY, host]
    project = await world.door.register_project(str(world.repo))
    answer = await world.door.grant(
        project.project_id,
        command="deploy",
        argv=deploy,
        digest=grant_digest("deploy", deploy, lambda path: None),
        secrets=["DEPLOY_TOKEN"],
        hosts=[host],
        by=ADA,
    )
    assert answer.ok, answer.text
    configured = {
        "tag": "release-{build_id}",
        "deploy_command": deploy,
        "smoke_command": ["python", "-c", SMOKE, host],
    }
    builds = [await _start(world, **configured) for _ in range(2)]
    world.env["DEPLOY_TOKEN"] = TOKEN
    world.worker()
    waiting = [
        world.until(build, lambda view: "waits for the deployment of" in view.activity, 350)
        for build in builds
    ]
    tasks = [asyncio.ensure_future(wait) for wait in waiting]
    (waits,), others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    workflow_id = next(build for build in builds if build != waits.result().workflow_id)
    await world.until(workflow_id, lambda _: target.asked > 0, 350)
    at_once = target.asked
    target.free.set()

    done = await world.complete(workflow_id, 350)
    await world.complete(waits.result().workflow_id, 350)

    assert at_once == 1 and target.asked == 2

    kinds = [receipt.kind for receipt in await world.door.receipts(workflow_id)]
    assert kinds[-2:] == ["deploy", "smoke"]
    assert git(world.repo, "rev-parse", f"release-{done.build_id}^{{commit}}") == world.merges()[0]
    kept = {receipt.kind: receipt.output for receipt in await world.door.receipts(workflow_id)}
    assert kept["deploy"] == "with [DEPLOY_TOKEN] or [DEPLOY_TOKEN]\nserved /shipped\n"
    told = [event.text for event in await world.door.get_workflow_history(workflow_id, limit=500)]
    assert any(
        f"deploy command gets DEPLOY_TOKEN and reaches {host}, granted by ada" in text for text in told
    )
    dossier = await world.door.export_workflow(workflow_id, str(world.home / "dossier.html"))
    assert dossier.path
    for file in world.home.rglob("*"):
        assert not file.is_file() or TOKEN.encode() not in file.read_bytes(), file


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

    waiting = await world.waits(workflow_id, "retries", 600)

    assert waiting.state is State.DEPLOYMENT
    assert waiting.reason == "One automatic step back is used up; a person decides."
    receipts = await world.door.receipts(workflow_id)
    kinds = [receipt.kind for receipt in receipts if ":deployment:" in receipt.attempt_id]
    assert kinds.count("rollback") == kinds.count("deploy") == waiting.retries_used + 1
    assert "it smokes" in waiting.last_refusal
    assert "The merge was taken back on main" in waiting.last_refusal
    assert len(world.merges()) == 2, "what goes back is merged anew, when it is proved anew"
    assert git(world.repo, "rev-parse", "main^{tree}") == before

    await _a_fork_merges_what_was_taken_back(world, waiting)


async def _a_fork_merges_what_was_taken_back(world: World, parent: WorkflowView) -> None:
    """The old merge lies in the history of main still; a fork does not take it for its own."""
    await world.door.register_project(
        str(world.repo),
        settings={"deploy_command": ["python", "-c", ""], "smoke_command": ["python", "-c", ""]},
    )
    forked = await world.door.fork_workflow(parent.workflow_id, by=ADA, seq=parent.version)
    assert forked.workflow is not None, forked.text
    done = await world.complete(forked.workflow.workflow_id, 300)
    assert len(world.merges()) == 3
    tree = (await world.door.checkpoints(done.workflow_id))[-1].tree
    assert git(world.repo, "rev-parse", "main^{tree}") == tree
