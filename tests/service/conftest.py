"""The service on a real journal, and a build that is led through it by honest work."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.journal.engine import EngineJournal
from core.machine.commands import (
    Authority,
    BeginAttempt,
    Command,
    EndAttempt,
    Move,
    Note,
    RecordCheckpoint,
    RecordEvidence,
    SetCondition,
)
from core.machine.states import FINAL, PHASE_EVIDENCE, STATES, EvidenceKind, State, StateKind
from core.machine.transitions import Kind, Order
from core.machine.workflow import RESTS_ON, CheckpointMark, Evidence
from core.service import OrchestrationService
from core.service.views import Answer, WorkflowView

ADA = Authority.person("ada")
ENGINE = Authority.engine()
T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)

DETAILS: dict[EvidenceKind, dict[str, Any]] = {
    EvidenceKind.REQUIREMENT: {
        "criteria": [{"number": 1, "text": "Umlauts fold"}, {"number": 2, "text": "Emoji vanish"}]
    },
    EvidenceKind.PLAN: {
        "tasks": [{"text": "write slugify()", "criteria": [1, 2]}],
        "proofs": [
            {"criterion": 1, "kind": "new_test", "proof": "tests/test_slug.py::test_umlauts"},
            {"criterion": 2, "kind": "person", "proof": ""},
        ],
    },
    EvidenceKind.REVIEW: {"findings": [{"rule": "S101"}], "checklist": [{"point": "security"}]},
}


class Clock:
    """A time that moves by whole seconds, when it is told to."""

    def __init__(self) -> None:
        self.at = T0

    def __call__(self) -> datetime:
        return self.at

    def wait(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)


class Build:
    """One workflow, and the engine's and roles' part of its way."""

    def __init__(self, service: OrchestrationService, started: Answer) -> None:
        assert started.workflow is not None, started.text
        self.service = service
        self.id = started.workflow.workflow_id
        self._ids = itertools.count()

    async def now(self) -> WorkflowView:
        """Return the card as it is now."""
        return await self.service.get_workflow_status(self.id)

    async def give(self, command_type: type[Command], /, by: Authority = ENGINE, **rest: Any) -> Answer:
        """Submit one command for the stored version."""
        fields = {"command_id": f"{self.id}-{next(self._ids)}", **rest}
        version = (await self.now()).version
        at = self.service._database.clock()
        return await self.service.submit(
            command_type(workflow_id=self.id, expected_version=version, by=by, at=at, **fields)
        )

    async def prove(self, kind: EvidenceKind, *, ok: bool = True, summary: str = "") -> None:
        """Record evidence bound to what is current."""
        workflow = EngineJournal("", database=self.service._database).workflow(self.id)
        evidence = Evidence(
            kind,
            ok,
            f"{kind.value}-digest",
            {name: workflow.current.get(name, "") for name in RESTS_ON[kind]},
            summary or f"{kind.value} is fine",
            DETAILS.get(kind, {}),
        )
        answer = await self.give(RecordEvidence, evidence=evidence)
        assert answer.ok, answer.text

    async def checkpoint(self, tree: str) -> None:
        """Record the next checkpoint."""
        number = len(await self.service.checkpoints(self.id)) + 1
        view = await self.now()
        mark = CheckpointMark(number, f"commit-{number}", tree, view.state, view.attempt)
        stat = {"files": 1, "added": 9, "removed": 2, "changes": [{"path": "slug.py"}]}
        data = {"diff_digest": f"diff-{number}", "diffstat": stat}
        answer = await self.give(RecordCheckpoint, mark=mark, ref=f"refs/qdeck/{number}", data=data)
        assert answer.ok, answer.text

    async def work(self) -> None:
        """Play the current phase's attempt to its end: packet, evidence, end of the attempt."""
        view = await self.now()
        here = {"state": view.state, "number": view.attempt}
        assert (await self.give(BeginAttempt, executor="x", **here)).ok
        if view.state is State.IMPLEMENTATION:
            await self.checkpoint(f"tree-{view.attempt}")
        if view.state in PHASE_EVIDENCE:
            await self.prove(PHASE_EVIDENCE[view.state])
        packet = {"state": view.state.value, "attempt": view.attempt, "packet": {"by": view.state.value}}
        assert (await self.give(Note, kind="packet", data=packet)).ok
        assert (await self.give(EndAttempt, outcome="submitted", summary="", **here)).ok

    async def wait(self, waiting_for: str, reason: str = "") -> None:
        """Let the engine make it wait."""
        answer = await self.give(SetCondition, order=Order.WAIT, waiting_for=waiting_for, reason=reason)
        assert answer.ok, answer.text

    async def step(self) -> Answer:
        """Do the current state's work and move on, approvals by ada."""
        view = await self.now()
        await self.work()
        handoff = STATES[view.state].kind is StateKind.HANDOFF
        answer = await self.give(Move, by=ADA, kind=Kind.ACCEPT if handoff else Kind.ADVANCE)
        assert answer.ok, answer.text
        return answer

    async def go_to(self, state: State) -> Build:
        """Walk on until `state`."""
        while (await self.now()).state is not state:
            await self.step()
        return self

    async def complete(self) -> Build:
        """Walk to the end."""
        return await self.go_to(FINAL)


@pytest.fixture
async def service(address: str) -> AsyncIterator[OrchestrationService]:
    """The open service."""
    service = await OrchestrationService.open(address)
    yield service
    await service.close()


@pytest.fixture
async def timed(address: str) -> AsyncIterator[tuple[OrchestrationService, Clock]]:
    """A service and its clock."""
    clock = Clock()
    service = await OrchestrationService.open(address, clock=clock)
    yield service, clock
    await service.close()


@pytest.fixture
async def build(service: OrchestrationService, tmp_path: Path) -> Build:
    """A gated workflow at its start."""
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")
    return Build(service, await service.start_workflow(project.project_id, "Add slugify()", by=ADA))
