"""The scenario slugify, played by the real rehearsal on real files, judged by the engine's own evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from core.evidence import collect_code, collect_scans, collect_tests, review_evidence, review_references
from core.llm import open_gateway
from core.machine.states import State
from core.machine.transitions import Kind
from core.machine.workflow import Evidence
from core.roles import Accept, Back, EngineReport, Outcome, Packet, Submit, accept_all, work
from core.workspace import Checkpoint, changed_files, checkpoint
from tests.roles.stage import WORKFLOW, KeptDesk, Stage

REQUIREMENT, PLAN = "1" * 64, "2" * 64
Check = Callable[[Packet], Awaitable[str]]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDECK_REHEARSAL_PACE", "0")


class Build:
    """Plays one state after the other and hands the packets on, as the engine does."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.gateway = open_gateway()
        self.packets: dict[State, dict[str, Any]] = {}
        self.attempts: dict[State, int] = {}
        self.refusal = ""
        self.number = 0
        self.desk = KeptDesk()

    async def play(
        self, state: State, report: EngineReport | None = None, check: Check = accept_all
    ) -> Outcome:
        self.attempts[state] = self.attempts.get(state, 0) + 1
        self.stage = self.stage.fresh()
        self.desk = self.stage.desk
        outcome = await work(
            self.stage.context(
                state,
                self.gateway,
                model="rehearsal/slugify",
                attempt=self.attempts[state],
                packets=dict(self.packets),
                refusal=self.refusal,
                report=report,
                check=check,
            )
        )
        self.refusal = outcome.reason if isinstance(outcome, Back) else ""
        if isinstance(outcome, Submit):
            self.packets[state] = outcome.packet.to_data()
        assert not self.desk.kinds("blocked")
        return outcome

    async def accept(self, state: State) -> None:
        assert isinstance(await self.play(state), Accept)

    async def keep(self) -> Checkpoint:
        self.number += 1
        return await asyncio.to_thread(
            checkpoint, self.stage.bench.worktree, workflow_id=WORKFLOW, number=self.number, message="step"
        )

    async def test(self) -> Evidence:
        self.stage = self.stage.fresh()
        return await collect_tests(self.stage.bench, await self.keep(), PLAN, REQUIREMENT)

    def ran(self) -> list[str]:
        """Return the results of the commands that the role ran last."""
        return [
            text
            for _, kind, text, data in self.desk.said.values()
            if kind == "tool_result" and data["name"] == "run"
        ]


async def test_the_scenario_plays_the_whole_diagram_on_real_evidence(stage: Stage) -> None:
    """The first code is red, the second is flagged, the third is green, clean and approved."""
    build = Build(stage)
    assert isinstance(await build.play(State.DISCOVERY), Submit)
    assert isinstance(await build.play(State.PLANNING), Submit)
    await build.accept(State.HANDOFF_TO_CODER)

    # The first code: its own tests are red.
    assert isinstance(await build.play(State.IMPLEMENTATION), Submit)
    assert "exit code 0" in build.ran()[0]
    assert (await collect_code(build.stage.bench, await build.keep(), PLAN, REQUIREMENT)).ok
    await build.accept(State.HANDOFF_TO_TESTER)
    red = await build.test()
    assert not red.ok
    outcome = await build.play(State.TESTING, EngineReport(red.summary, red.ok))
    assert (type(outcome), getattr(outcome, "target", None)) == (Back, State.IMPLEMENTATION)

    # The second code: green, and flagged by the scanners.
    assert isinstance(await build.play(State.IMPLEMENTATION), Submit)
    assert ["exit code 1" in build.ran()[0], "exit code 0" in build.ran()[1]] == [True, True]
    await build.accept(State.HANDOFF_TO_TESTER)
    green = await build.test()
    assert green.ok, green.detail["failures"]
    assert isinstance(await build.play(State.TESTING, EngineReport(green.summary, green.ok)), Submit)
    await build.accept(State.HANDOFF_TO_VERIFIER)
    build.stage = build.stage.fresh()
    scans = await collect_scans(build.stage.bench, await build.keep())
    assert {"B324"} <= {finding.rule for finding in scans.findings if finding.blocks}
    outcome = await build.play(State.VERIFICATION, EngineReport("B324", False))
    assert isinstance(outcome, Back)
    assert (outcome.kind, outcome.target) == (Kind.RETRY, State.IMPLEMENTATION)

    # The third code: green with more tests, clean, approved.
    assert isinstance(await build.play(State.IMPLEMENTATION), Submit)
    assert "exit code 0" in build.ran()[0]
    await build.accept(State.HANDOFF_TO_TESTER)
    again: list[Evidence] = []

    async def recollect(packet: Packet) -> str:
        again.append(await build.test())
        return "" if again[-1].ok else again[-1].summary

    assert isinstance(await build.play(State.TESTING, EngineReport("15 passed"), recollect), Submit)
    assert "exit code 0" in build.ran()[0]
    assert again[0].ok, again[0].detail["failures"]
    await build.accept(State.HANDOFF_TO_VERIFIER)
    build.stage = build.stage.fresh()
    last = await build.keep()
    scans = await collect_scans(build.stage.bench, last)
    assert not [finding for finding in scans.findings if finding.blocks]
    assert isinstance(await build.play(State.VERIFICATION, EngineReport(str(scans.findings))), Submit)
    review = review_evidence(
        scans,
        build.packets[State.VERIFICATION]["checklist"],
        verdict=build.packets[State.VERIFICATION]["verdict"],
        references=review_references(build.stage.bench, last.commit, criteria=range(1, 7), receipts=()),
        rests_on={},
        reviewer="verification_overseer",
    )
    assert review.ok, review.detail["failures"]
    await build.accept(State.HANDOFF_TO_RELEASER)
    assert isinstance(await build.play(State.DEPLOYMENT, EngineReport("green")), Submit)
    changed = {change.path for change in changed_files(stage.bench.repository, stage.bench.base, last.commit)}
    assert changed == {
        *("README.md", "textkit/__init__.py", "textkit/slug.py"),
        *("tests/test_slug.py", "tests/test_slug_edges.py"),
    }
