"""Records golden histories: `python -m tests.golden RELEASE [SCENE …]`. Each once for a release, never again.

They come from the real service on a real journal; what a later release makes of them is `test_golden`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core.journal.engine import EngineJournal
from core.journal.records import find_row
from core.machine.commands import (
    PINNED,
    Approve,
    Authority,
    Move,
    Note,
    RecordEvidence,
    SetCondition,
    Subject,
)
from core.machine.gates import APPROVALS
from core.machine.states import FINAL, STATES, Autonomy, EvidenceKind, State, StateKind
from core.machine.transitions import Kind, Order, default_target, transition_between
from core.machine.workflow import RESTS_ON, Evidence
from core.service import OrchestrationService
from tests.golden.replay import FOLDER, picture_data, rows_of
from tests.service.conftest import ADA, ENGINE, Build


class Clock:
    """Goes on by a second at every look."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the next second."""
        self.now += timedelta(seconds=1)
        return self.now


async def by_itself(build: Build, until: State = FINAL) -> None:
    """Walk on as the engine does in auto: roles move in their own names, the policy where it approves."""
    while (view := await build.now()).state is not until:
        await build.work()
        policy = Authority.policy(Autonomy.AUTO)
        if view.state is State.DEPLOYMENT:
            tree = (await build.service.checkpoints(build.id))[-1].tree
            await give(build, Approve, by=policy, subject=Subject.RELEASE, digest=tree)
        handoff = STATES[view.state].kind is StateKind.HANDOFF
        kind = Kind.ACCEPT if handoff else Kind.ADVANCE
        target = default_target(view.state, kind)
        step = transition_between(view.state, target) if target else None
        approves = step is not None and step.id in APPROVALS
        await give(build, Move, by=policy if approves else Authority.role(view.role), kind=kind)


async def give(build: Build, command: Any, /, by: Authority = ENGINE, **rest: Any) -> None:
    """Give a command that must be carried out."""
    answer = await build.give(command, by=by, **rest)
    assert answer.ok, answer.text


async def straight(build: Build) -> None:
    """A person says yes three times."""
    await give(build, Note, kind=PINNED, data={"default_branch": "main", "base_commit": "a" * 40})
    await build.complete()


async def auto(build: Build) -> None:
    """Nobody is asked, one failing test on the way."""
    await by_itself(build, State.TESTING)
    await build.prove(EvidenceKind.TESTS, ok=False, summary="1 of 2 failed")
    await back(build, Kind.RETRY, "a test is red")
    await by_itself(build)


async def back(build: Build, kind: Kind, reason: str, target: State | None = None) -> None:
    """The role that acts sends the work back."""
    role = (await build.now()).role
    await give(build, Move, by=Authority.role(role), kind=kind, reason=reason, target=target)


async def retries(build: Build) -> None:
    """Back by a role until the retry budget is used up; then a person decides."""
    await build.go_to(State.VERIFICATION)
    await back(build, Kind.RETRY, "a finding")
    await build.go_to(State.VERIFICATION)
    await back(build, Kind.RETRY, "more tests", State.TESTING)
    await build.go_to(State.TESTING)
    await back(build, Kind.RETRY, "red")
    await build.go_to(State.TESTING)
    refused = await build.give(
        Move, by=Authority.role((await build.now()).role), kind=Kind.RETRY, reason="red"
    )
    assert not refused.ok
    await build.wait("retries", refused.text)
    await build.complete()


async def refusals(build: Build) -> None:
    """Each receiver refuses a packet once."""
    for state in (State.HANDOFF_TO_CODER, State.HANDOFF_TO_TESTER, State.HANDOFF_TO_VERIFIER):
        await build.go_to(state)
        await back(build, Kind.REFUSE, f"not complete at {state.value}")
    await build.complete()


async def rollback(build: Build) -> None:
    """A person talks, rolls back from deployment and from testing, and lets it go on."""
    await build.go_to(State.DEPLOYMENT)
    await build.service.chat(build.id, "That is not what I meant. ä \U0001f600", by=ADA)
    await give(build, Move, by=ADA, kind=Kind.ROLLBACK, target=State.PLANNING, reason="another plan")
    await build.go_to(State.TESTING)
    await give(build, Move, by=ADA, kind=Kind.ROLLBACK, target=State.DISCOVERY, reason="another wish")
    await build.complete()


async def failed(build: Build) -> None:
    """Fails, is resumed, paused, runs out of money, gets more, and fails again."""
    await build.go_to(State.IMPLEMENTATION)
    await give(build, SetCondition, order=Order.FAIL, reason="the model answered nothing")
    version = (await build.now()).version
    assert (await build.service.resume(build.id, by=ADA, expected_version=version)).ok
    await give(build, SetCondition, by=ADA, order=Order.PAUSE, reason="later")
    version = (await build.now()).version
    assert (await build.service.resume(build.id, by=ADA, expected_version=version)).ok
    await build.wait("budget", "the money is spent")
    version = (await build.now()).version
    assert (await build.service.set_budget(build.id, by=ADA, expected_version=version, budget_usd=7.5)).ok
    await give(build, SetCondition, order=Order.FAIL, reason="no sandbox")


async def cancelled(build: Build) -> None:
    """Ends for good while a decision waits."""
    await build.go_to(State.PLANNING)
    await build.work()
    await build.wait("approval:plan", "the plan is there")
    await give(build, SetCondition, by=ADA, order=Order.CANCEL, reason="not needed any more")


async def fork(build: Build) -> None:
    """Begins where another one stood before its rollback, takes over what stands the check, and ends."""
    parent = Build(build.service, await build.service.start_workflow(
        (await build.now()).project_id, "Add slugify()", by=ADA, build_id="PARENT"
    ))  # fmt: skip
    await parent.go_to(State.VERIFICATION)
    at = (await parent.now()).version
    await give(parent, Move, by=ADA, kind=Kind.ROLLBACK, target=State.PLANNING, reason="no")
    answer = await build.service.fork_workflow(parent.id, by=ADA, seq=at)
    child = Build(build.service, answer)
    kept = (await child.now()).evidence
    for kind in (EvidenceKind.REQUIREMENT, EvidenceKind.PLAN, EvidenceKind.CODE):
        assert kind in kept
        await child.prove(kind)
    await give(
        child, Note, kind="not_taken_over", data={"evidence": "tests", "why": "an output of it is gone"}
    )
    await back(child, Kind.RETRY, "the tests are gone", State.TESTING)
    await child.complete()
    build.id = child.id


async def accepted(build: Build) -> None:
    """A person strikes a hidden check, says yes, takes it back, says no, and at last overrides a gate."""
    await build.go_to(State.TESTING)
    await build.work()
    await red(build, "test:a", "hidden:1")
    await build.wait("acceptance", "two questions")
    await answer(build, "hidden:1")
    await answer(build, "test:a")
    await red(build, accepted=("test:a", "hidden:1"))
    await answer(build, "test:a", accept=False)
    await red(build, "test:b")
    await build.wait("acceptance", "one question")
    await answer(build, "test:b", accept=False)
    await build.work()
    await red(build, "test:b")
    await build.wait("retries", "used up")
    version = (await build.now()).version
    assert (
        await build.service.override_gate(
            build.id, EvidenceKind.TESTS, by=ADA, expected_version=version, reason="the runner is broken"
        )
    ).ok
    await give(build, Move, by=ADA, kind=Kind.ADVANCE)
    await build.complete()


async def red(build: Build, *asked: str, accepted: tuple[str, ...] = ()) -> None:
    """Tests evidence that asks a person about each key; green where all were accepted."""
    workflow = EngineJournal("", database=build.service._database).workflow(build.id)
    rests_on = {name: workflow.current[name] for name in RESTS_ON[EvidenceKind.TESTS]}
    detail = {"failures": [_ask(key) for key in asked], "accepted": [_ask(key) for key in accepted]}
    digest = f"tests-{workflow.version}"
    piece = Evidence(EvidenceKind.TESTS, not asked, digest, rests_on, f"{len(asked)} open", detail)
    await give(build, RecordEvidence, evidence=piece)


def _ask(key: str) -> dict[str, Any]:
    hidden = key.startswith("hidden")
    return {"key": key, "name": f"tests/{key}", "text": "is gone", "askable": True, "strikes": hidden}


async def answer(build: Build, key: str, *, accept: bool = True) -> None:
    """A person says yes or no to one question."""
    version = (await build.now()).version
    said = await build.service.accept_finding(
        build.id, key, by=ADA, expected_version=version, reason=f"as to {key}", accept=accept
    )
    assert said.ok, said.text


SCENES: tuple[Callable[[Build], Awaitable[None]], ...] = (
    *(straight, auto, retries, refusals, rollback, failed, cancelled, fork, accepted),
)


async def record(folder: Path, names: list[str]) -> None:
    """Play every scene, or those named, and write down its history and its end. Overwrites nothing."""
    for scene in SCENES:
        if names and scene.__name__ not in names:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            service = await OrchestrationService.open(f"{scratch}/qdeck.db", clock=Clock())
            project = await service.register_project("/projects/textkit", default_branch="main")
            autonomy = Autonomy.AUTO if scene is auto else Autonomy.GATED
            build = Build(
                service,
                await service.start_workflow(
                    project.project_id, "Add slugify()", by=ADA, autonomy=autonomy, budget_usd=5.0
                ),
            )
            await scene(build)
            with service._database.read() as session:
                data = {
                    "about": (scene.__doc__ or "").strip(),
                    "events": rows_of(session, build.id),
                    "end": picture_data(session, find_row(session, build.id)),
                }
            await service.close()
        text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=True)
        with (folder / f"{scene.__name__}.json").open("x", encoding="ascii") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    (FOLDER / sys.argv[1]).mkdir(exist_ok=True)
    asyncio.run(record(FOLDER / sys.argv[1], sys.argv[2:]))
