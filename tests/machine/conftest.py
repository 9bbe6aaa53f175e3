"""Builders for pure workflows: histories made by the machine itself, never by hand."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from core.machine.apply import apply
from core.machine.commands import (
    Authority,
    BeginAttempt,
    Command,
    EndAttempt,
    Move,
    RecordCheckpoint,
    RecordEvidence,
    SetCondition,
    Start,
)
from core.machine.decide import decide
from core.machine.events import Event
from core.machine.refusal import Refusal
from core.machine.states import PHASE_EVIDENCE, STATES, Autonomy, EvidenceKind, State, StateKind, actor_in
from core.machine.transitions import Order
from core.machine.workflow import RESTS_ON, CheckpointMark, Evidence, Workflow

ADA = Authority.person("ada")
ENGINE = Authority.engine()
T0 = datetime(2026, 1, 1, tzinfo=UTC)


class Driver:
    """Plays commands against the pure machine and keeps the whole history."""

    def __init__(self, autonomy: Autonomy = Autonomy.GATED, retry_budget: int = 3) -> None:
        self.workflow: Workflow | None = None
        self.events: list[Event] = []
        self._clock = itertools.count()
        started = self.do(
            Start,
            by=ADA,
            build_id="B-0001",
            project_id="p",
            title="t",
            request="Build it",
            autonomy=autonomy,
            retry_budget=retry_budget,
            base_commit="base",
        )
        assert not isinstance(started, Refusal)
        self.do(
            RecordCheckpoint,
            by=ENGINE,
            mark=CheckpointMark(0, "base", "tree-0", State.DISCOVERY, 1),
            ref="refs/0",
        )

    @property
    def now(self) -> Workflow:
        assert self.workflow is not None
        return self.workflow

    def command(
        self, command_type: type[Command], /, *, by: Authority, version: int | None = None, **rest: object
    ) -> Command:
        """Build a command for the current version, or for the one given."""
        tick = next(self._clock)
        have = self.workflow.version if self.workflow else 0
        return command_type(
            command_id=f"c{tick}",
            workflow_id="w1",
            expected_version=have if version is None else version,
            by=by,
            at=T0 + timedelta(seconds=tick),
            **rest,  # type: ignore[arg-type]
        )

    def do(self, command_type: type[Command], /, *, by: Authority, **rest: object) -> list[Event] | Refusal:
        """Decide and, where it is not refused, fold the events in."""
        decided = decide(self.workflow, self.command(command_type, by=by, **rest))
        if not isinstance(decided, Refusal):
            for event in decided:
                self.workflow = apply(self.workflow, event)
                self.events.append(event)
        return decided

    def supply(self, kind: EvidenceKind, *, ok: bool = True, digest: str = "") -> None:
        """Record one green piece of evidence bound to what is current now."""
        current = {"requirement": "?", "plan": "?", "tree": "?", **self.now.current}
        piece = Evidence(
            kind, ok, digest or f"{kind.value}-digest", {k: current[k] for k in RESTS_ON[kind]}, "fine"
        )
        assert not isinstance(self.do(RecordEvidence, by=ENGINE, evidence=piece), Refusal)

    def checkpoint(self, tree: str) -> None:
        """Record the next checkpoint with `tree`."""
        number = len(self.now.checkpoints)
        mark = CheckpointMark(number, f"commit-{number}", tree, self.now.state, self.now.attempt)
        assert not isinstance(self.do(RecordCheckpoint, by=ENGINE, mark=mark, ref=f"refs/{number}"), Refusal)

    def step(self) -> None:
        """Do the current state's honest work and move one state forward, as a person."""
        state = self.now.state
        if STATES[state].kind is StateKind.WORK:
            if state is State.IMPLEMENTATION:
                self.checkpoint(f"tree-{len(self.now.checkpoints)}")
            self.supply(PHASE_EVIDENCE[state])
        rank = STATES[state].rank
        target = next(s for s, info in STATES.items() if info.rank == rank + 1)
        moved = self.do(Move, by=ADA, target=target, role=actor_in(state))
        assert not isinstance(moved, Refusal), moved

    def go_to(self, state: State) -> Driver:
        """Walk forward until `state`."""
        while self.now.state is not state:
            self.step()
        return self

    def attempt(self, outcome: str = "done") -> None:
        """Begin and end the current attempt."""
        here = {"state": self.now.state, "number": self.now.attempt}
        self.do(BeginAttempt, by=ENGINE, executor="x", **here)
        self.do(EndAttempt, by=ENGINE, outcome=outcome, **here)

    def condition(self, order: Order, **rest: object) -> list[Event] | Refusal:
        """Change the condition as a person."""
        return self.do(SetCondition, by=ADA, order=order, **rest)


@pytest.fixture
def driver() -> Driver:
    """A gated workflow at its start."""
    return Driver()
