"""The reconcile loop on a real journal and the real scheduler; only what an attempt does is small here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.engine.dbos_port import DbosScheduler
from core.engine.worker import Worker
from core.journal.engine import EngineJournal
from core.machine.commands import Authority
from core.machine.states import State
from core.machine.workflow import Workflow
from core.service import OrchestrationService
from core.service.views import WorkflowView

ADA = Authority.person("ada")


@dataclass
class Trace:
    """What the jobs of a test did."""

    begun: list[str] = field(default_factory=list)
    cleaned: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    leases: list[str] = field(default_factory=list)
    breaks: int = 0


@dataclass
class Sitting:
    """A job that sits until it is stopped."""

    trace: Trace
    attempt_id: str
    lease: str
    closing: bool = False

    async def run(self) -> str:
        """Sit, and note that the clean-up ran."""
        self.trace.begun.append(self.attempt_id)
        self.trace.leases.append(self.lease)
        if self.trace.breaks > 0:
            self.trace.breaks -= 1
            raise OSError("the disk is on fire")
        try:
            await asyncio.sleep(60)
        finally:
            self.trace.cleaned.append(self.attempt_id)
        return "never"

    async def give_up(self, why: str) -> None:
        """Note why."""
        self.trace.given_up.append(why)


@dataclass
class Desk:
    """A running worker with everything around it."""

    service: OrchestrationService
    journal: EngineJournal
    worker: Worker
    trace: Trace
    running: asyncio.Task[None]

    async def start(self, request: str = "Build a thing") -> WorkflowView:
        """Start a workflow."""
        project = await self.service.register_project("/nowhere", name="nowhere")
        answer = await self.service.start_workflow(project.project_id, request, by=ADA)
        assert answer.workflow is not None
        return answer.workflow

    async def soon(self, wanted: object, seconds: float = 5.0) -> None:
        """Wait until `wanted()` holds."""
        assert callable(wanted)
        for _ in range(int(seconds / 0.02)):
            if wanted():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it never came to that")


@pytest.fixture
async def desk(path: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    """A worker at work on an empty journal."""
    url = f"sqlite:///{path}"
    service = await OrchestrationService.open(url)
    journal = EngineJournal(url)
    scheduler = DbosScheduler(
        f"sqlite:///{tmp_path / 'qdeck.engine.db'}", executor="test", log=logging.NullHandler()
    )
    await scheduler.launch()
    trace = Trace()

    def make(workflow: Workflow, lease: str) -> Sitting:
        return Sitting(trace, workflow.attempt_id, lease)

    worker = Worker(journal, service, scheduler, "test", make, parallel=2)
    running = asyncio.create_task(worker.run())
    yield Desk(service, journal, worker, trace, running)
    worker.end()
    await asyncio.wait_for(running, 5)
    await scheduler.close()
    await service.close()
    journal.close()


async def test_a_started_workflow_gets_its_attempt_and_only_one(desk: Desk) -> None:
    """One attempt for one workflow, however often the journal changes."""
    flow = await desk.start()
    await desk.soon(lambda: desk.trace.begun)
    await desk.service.chat(flow.workflow_id, "hello", by=ADA)
    await asyncio.sleep(0.4)
    assert desk.trace.begun == [f"{flow.workflow_id}:{State.DISCOVERY.value}:1"]


async def test_pause_stops_the_attempt_and_resume_goes_on_with_it(desk: Desk) -> None:
    """The same attempt goes on under a new lease, so that its kept steps count."""
    flow = await desk.start()
    await desk.soon(lambda: desk.trace.begun)
    paused = await desk.service.pause(flow.workflow_id, by=ADA, expected_version=flow.version)
    assert paused.workflow is not None
    await desk.soon(lambda: desk.trace.cleaned)
    await asyncio.sleep(0.3)
    assert len(desk.trace.begun) == 1

    await desk.service.resume(flow.workflow_id, by=ADA, expected_version=paused.workflow.version)
    await desk.soon(lambda: len(desk.trace.begun) == 2)
    assert desk.trace.begun[0] == desk.trace.begun[1]
    assert desk.trace.leases[0] != desk.trace.leases[1]


async def test_cancel_stops_the_attempt_for_good(desk: Desk) -> None:
    """Nothing runs for a cancelled workflow."""
    flow = await desk.start()
    await desk.soon(lambda: desk.trace.begun)
    await desk.service.cancel(flow.workflow_id, by=ADA, expected_version=flow.version)
    await desk.soon(lambda: desk.trace.cleaned)
    await asyncio.sleep(0.3)
    assert len(desk.trace.begun) == 1


async def test_no_more_attempts_than_allowed_run_at_once(desk: Desk) -> None:
    """The third waits until one of two is done."""
    flows = [await desk.start(f"Build thing {number}") for number in range(3)]
    await desk.soon(lambda: len(desk.trace.begun) == 2)
    await asyncio.sleep(0.3)
    assert len(desk.trace.begun) == 2
    first = flows[0]
    await desk.service.cancel(first.workflow_id, by=ADA, expected_version=first.version)
    await desk.soon(lambda: len(desk.trace.begun) == 3)


async def test_an_attempt_that_breaks_off_is_tried_again(desk: Desk) -> None:
    """A passing trouble costs a moment, not the build."""
    desk.trace.breaks = 1
    await desk.start()
    await desk.soon(lambda: len(desk.trace.begun) == 2)
    assert desk.trace.given_up == []


async def test_an_attempt_that_always_breaks_off_is_given_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a few tries the journal is told, instead of trying for ever."""
    monkeypatch.setattr("core.engine.worker._BACKOFF", (0.01, 0.01, 0.01))
    desk.trace.breaks = 100
    await desk.start()
    await desk.soon(lambda: desk.trace.given_up)
    assert "disk is on fire" in desk.trace.given_up[0]


async def test_a_worker_with_nothing_to_do_ends_after_its_time(desk: Desk) -> None:
    """A forgotten worker does not stay on the machine for ever."""
    desk.worker.linger = 0.3
    await asyncio.wait_for(desk.running, 5)


async def test_a_deadline_that_runs_out_while_nothing_happens_is_noticed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop looks now and then by itself, and the breach stands in the history once."""
    monkeypatch.setattr("core.engine.worker._LOOK_AGAIN", 0.1)
    project = await desk.service.register_project("/nowhere", name="nowhere")
    answer = await desk.service.start_workflow(
        project.project_id, "Build a thing", by=ADA, deadlines={"discovery": 1}
    )
    assert answer.workflow is not None
    flow, found = answer.workflow.workflow_id, list[str]()
    for _ in range(200):
        events = await desk.service.get_workflow_history(flow, limit=0)
        found = [e.data["deadline"] for e in events if e.data.get("kind") == "deadline_breached"]
        if found:
            break
        await asyncio.sleep(0.05)
    assert found == ["discovery"]
