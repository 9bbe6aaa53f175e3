"""The figures of a project equal a second count of its events, second by second."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from core.journal.engine import EngineJournal
from core.journal.tables import ModelCall
from core.machine.apply import fold
from core.machine.commands import Authority, Move, SetCondition
from core.machine.events import Event, EventType
from core.machine.states import (
    DEADLINES,
    FINAL,
    PHASE_EVIDENCE,
    PHASES,
    Condition,
    Role,
    State,
    StateKind,
    actor_in,
    phase_of,
)
from core.machine.states import STATES as INFO
from core.machine.transitions import BACK, Kind, Order, transitions_from
from core.machine.workflow import Workflow
from core.progress import Progress, Stopped
from core.service import OrchestrationService, stats
from core.service.plain import plain
from tests.service.conftest import ADA, ENGINE, T0, Build, Clock


async def wander(build: Build, clock: Clock, dice: random.Random, steps: int) -> None:
    """Lead a build through whatever comes: work, calls of a model, waits, rests, failures, moves back."""
    journal = EngineJournal("", database=build.service._database)
    for number in range(steps):
        clock.wait(dice.randint(0, 40))
        view = await build.now()
        if view.state is FINAL or view.condition is Condition.CANCELLED:
            return
        if view.condition is not Condition.ACTIVE:
            assert (await build.give(SetCondition, by=ADA, order=Order.RESUME)).ok
            continue
        match dice.randint(0, 9):
            case 0:
                await build.wait("answer", "which?")
            case 1:
                assert (await build.give(SetCondition, by=dice.choice([ADA, ENGINE]), order=Order.PAUSE)).ok
            case 2:
                assert (await build.give(SetCondition, order=Order.FAIL, reason="broken")).ok
            case 3 | 4:
                key, attempt = f"turn-{number}", view.attempt_id
                journal.reserve(build.id, attempt, key, 0.5, role=view.role.value)
                clock.wait(dice.randint(1, 30))
                journal.settle(build.id, attempt, key, cost_usd=dice.randint(1, 90) / 100, model="m")
            case 5 if back := [t for t in transitions_from(view.state) if t.kind in BACK]:
                step = dice.choice(back)
                by = dice.choice([ADA, Authority.role(view.role)]) if step.actor else ADA
                if view.state in PHASE_EVIDENCE and dice.random() < 0.5:
                    await build.prove(PHASE_EVIDENCE[view.state], ok=False)
                await build.give(Move, by=by, target=step.target, reason="not good")
            case 7:
                limits = {dice.choice(DEADLINES): dice.choice([None, dice.randint(1, 300)])}
                answer = await build.service.set_deadlines(
                    build.id, by=ADA, expected_version=view.version, limits=limits
                )
                assert answer.ok, answer.text
            case 6 if dice.random() < 0.1:
                assert (await build.give(SetCondition, by=ADA, order=Order.CANCEL)).ok
            case _:
                await build.step()


async def histories(service: OrchestrationService, builds: list[Build]) -> list[list[Event]]:
    """Return the events of the builds as the machine knows them."""
    found = []
    for build in builds:
        rows = await service.get_workflow_history(build.id, limit=0)
        found.append([Event(EventType(r.event_type), build.id, r.at, r.triggered_by, r.data) for r in rows])
    return found


def spent_on(workflow: Workflow, past: list[Event], called: bool) -> str:
    """Say what the second after these events, which made `workflow`, is spent on."""
    if workflow.condition is Condition.ACTIVE:
        return "model" if called else "working"
    changed = [e for e in past if e.event_type is EventType.CONDITION_CHANGED][-1]
    by_engine = workflow.condition is Condition.PAUSED and changed.triggered_by.startswith("engine")
    return "model" if by_engine else "person"


def recount(events: list[Event], calls: list[Any], now: datetime) -> Counter[tuple[State, str]]:
    """Look at every second of a workflow's life."""
    seconds: Counter[tuple[State, str]] = Counter()
    at, index = events[0].at, 0
    workflow, kinds = fold(events[:1]), ("", "")
    while at < now:
        while index < len(events) and events[index].at <= at:
            index += 1
            past = events[:index]
            workflow = fold(past)
            kinds = spent_on(workflow, past, False), spent_on(workflow, past, True)
        if workflow.state is FINAL or workflow.condition is Condition.CANCELLED:
            break
        called = any(c.at <= at < c.settled for c in calls)
        seconds[phase_of(workflow.state), kinds[called]] += 1
        at += timedelta(seconds=1)
    return seconds


class _Call:
    def __init__(self, at: datetime, settled: datetime) -> None:
        self.at, self.settled = at, settled


def calls_of(service: OrchestrationService, build: Build) -> list[_Call]:
    """Return when calls of the build's models were out."""
    with service._database.read() as session:
        rows = session.exec(select(ModelCall).where(ModelCall.workflow_id == build.id)).all()
    return [_Call(row.at, row.settled_at) for row in rows if row.settled_at]


@pytest.mark.parametrize("seed", range(3))
async def test_figures_equal_a_recount(timed: Any, tmp_path: Path, seed: int) -> None:
    """Every second, move and dollar of a project's builds is counted once, and nothing of another's."""
    service, clock = timed
    dice = random.Random(seed)  # noqa: S311
    foreign = await service.register_project(str(tmp_path / "other"), default_branch="main")
    started = await service.start_workflow(foreign.project_id, "x", by=ADA, deadlines={"discovery": 1})
    await wander(Build(service, started), clock, random.Random(9), 12)  # noqa: S311
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")
    builds = []
    for _ in range(3):
        started = await service.start_workflow(
            project.project_id, "Add slugify()", by=ADA, retry_budget=99, deadlines={"planning": 40}
        )
        builds.append(Build(service, started))
        await wander(builds[-1], clock, dice, 30)
        if dice.random() < 0.5:
            await service.record_breaches()
    clock.wait(17)
    figures = await service.get_project_stats(project.project_id)
    all_events = await histories(service, builds)

    times: Counter[tuple[State, str]] = Counter()
    for build, events in zip(builds, all_events, strict=True):
        times += recount(events, calls_of(service, build), clock())
    counted = {
        (phase, kind): getattr(figures.times[phase], kind)
        for phase in figures.times
        for kind in ("working", "person", "model")
    }
    assert {k: v for k, v in counted.items() if v} == pytest.approx(dict(times))

    ends = [fold(events) for events in all_events]
    moves = [e for events in all_events for e in events if e.event_type is EventType.MOVED]
    kinds = Counter(Kind(e.data["kind"]) for e in moves)
    ended = figures.completed + figures.failed + figures.cancelled
    assert figures.workflows == 3 == ended + figures.in_progress
    assert figures.completed == sum(w.state is FINAL for w in ends)
    assert figures.failed == sum(w.condition is Condition.FAILED for w in ends)
    assert figures.cancelled == sum(w.condition is Condition.CANCELLED for w in ends)
    assert figures.success_rate == (figures.completed / ended if ended else None)
    assert (figures.retries, figures.refusals, figures.rollbacks) == (
        kinds[Kind.RETRY],
        kinds[Kind.REFUSE],
        kinds[Kind.ROLLBACK],
    )
    assert sum(figures.back_by_cause.values()) == sum(kinds[kind] for kind in BACK)
    offered = [m for m in moves if INFO[State(m.data["to"])].kind is StateKind.HANDOFF]
    assert figures.handoffs == len(offered)
    assert figures.average_handoffs == pytest.approx(len(offered) / 3)
    calls = [call for build in builds for call in await service.model_calls(build.id)]
    cost = sum(call.cost_usd or 0 for call in calls)
    assert figures.cost_usd == pytest.approx(cost)
    if figures.completed:
        assert figures.cost_per_accepted == pytest.approx(cost / figures.completed)
    spans = [
        (events[0].at, event.at) for events in all_events for event in events if event.data.get("to") == FINAL
    ]
    assert figures.completed_by_week == Counter(f"{end:%G-W%V}" for _, end in spans)
    lasted = [(end - start).total_seconds() for start, end in spans]
    assert figures.average_seconds == (pytest.approx(sum(lasted) / len(lasted)) if lasted else None)
    trouble = Counter(phase_of(State(m.data["from"])) for m in moves if Kind(m.data["kind"]) in BACK)
    for events in all_events:
        for index, event in enumerate(events):
            if event.data.get("condition") == "failed":
                trouble[phase_of(fold(events[: index + 1]).state)] += 1
    assert figures.worst_phase == (max(PHASES, key=trouble.__getitem__) if trouble else None)
    met, missed = Counter[str](), Counter[str]()
    for build, events in zip(builds, all_events, strict=True):
        found = kept(events, recount(events, calls_of(service, build), clock()))
        met.update(name for name, good in found.items() if good)
        missed.update(name for name, good in found.items() if not good)
    assert {n: (m.met, m.missed) for n, m in figures.deadlines.items()} == {
        n: (met[n], missed[n]) for n in DEADLINES if met[n] or missed[n]
    }
    roles = roles_recounted(all_events)
    for role, mine in figures.by_role.items():
        assert (mine.ended, mine.stood, mine.failed) == tuple(roles[role][:3])
        assert mine.success_rate == (mine.stood / mine.ended if mine.ended else None)
        assert sum(mine.sent_back.values()) == roles[role][3]
        theirs = [figures.times[p] for p in PHASES if actor_in(p) is role and p in figures.times]
        assert mine.times.working == pytest.approx(sum(t.working for t in theirs))
        assert mine.cost_usd == pytest.approx(sum(c.cost_usd or 0 for c in calls if c.role == role.value))
    assert sum(mine.attempts for mine in figures.by_role.values()) == figures.attempts
    (side,) = figures.by_project
    whole = await service.get_project_stats()
    assert [view.name for view in whole.by_project] == ["demo", "other"] and side in whole.by_project
    for view in whole.by_project:
        alone = await service.get_project_stats(view.project_id)
        for name in ("workflows", "completed", "failed", "cancelled", "success_rate", "per_week"):
            assert getattr(view, name) == getattr(alone, name), name
        assert view.sent_back == alone.back_by_cause and view.cost_per_accepted == alone.cost_per_accepted
        assert view.average_seconds == alone.average_seconds and view.cost_usd == alone.cost_usd
        for what in ("working", "person", "model"):
            spent = sum(getattr(times, what) for times in alone.times.values())
            assert getattr(view.times, what) == pytest.approx(spent)
    assert (await service.rebuild_rows(check=True)).equal
    assert plain(figures)


def roles_recounted(all_events: list[list[Event]]) -> dict[Role, list[int]]:
    """What each role ended, what of it stood, what failed in its hands, and what came back to it."""
    found = {role: [0, 0, 0, 0] for role in Role}
    for events in all_events:
        moves = [e for e in events if e.event_type is EventType.MOVED]
        for index, move in enumerate(moves):
            source, target = State(move.data["from"]), State(move.data["to"])
            if Kind(move.data["kind"]) in BACK:
                found[actor_in(target)][3] += 1
            if Kind(move.data["kind"]) is not Kind.ADVANCE:
                continue
            backs = (State(m.data["to"]) for m in moves[index + 1 :] if Kind(m.data["kind"]) in BACK)
            undone = next((b for b in backs if INFO[b].rank <= INFO[source].rank), None)
            found[actor_in(source)][0] += 1
            found[actor_in(source)][1] += undone is not source
        for index, event in enumerate(events):
            if event.data.get("condition") == "failed":
                here = actor_in(fold(events[: index + 1]).state)
                found[here][0] += 1
                found[here][2] += 1
    return found


def kept(events: list[Event], times: Counter[tuple[State, str]]) -> dict[str, bool]:
    """Say of each deadline that came to its end whether it was met."""
    limits: dict[str, float] = dict(events[0].data["settings"]["deadlines"])
    recorded = set()
    for event in events:
        if event.data.get("kind") == "deadline":
            limits.update(event.data["limits"])
        if event.data.get("kind") == "deadline_breached":
            recorded.add(event.data["deadline"])
    over = set(recorded)
    for name, limit in limits.items():
        used = sum(n for (p, what), n in times.items() if what != "person" and name in ("workflow", p.value))
        if limit is not None and used > limit:
            over.add(name)
    done = fold(events).state is FINAL
    ours = {name for name, limit in limits.items() if limit is not None} | over
    return {name: name not in over for name in ours if done or name in over}


async def test_why_work_went_back_is_counted_by_cause(timed: Any, tmp_path: Path) -> None:
    """A red test, a reviewer's judgement, a refused packet and a person's order are told apart."""
    service, clock = timed
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")
    build = Build(service, await service.start_workflow(project.project_id, "Add slugify()", by=ADA))

    async def back(state: State, target: State, by: Authority | None = None) -> None:
        await build.go_to(state)
        actor = by or Authority.role((await build.now()).role)
        answer = await build.give(Move, by=actor, target=target, reason="not good")
        assert answer.ok, answer.text

    await back(State.HANDOFF_TO_TESTER, State.IMPLEMENTATION)
    await build.go_to(State.TESTING)
    await build.prove(PHASE_EVIDENCE[State.TESTING], ok=False)
    await back(State.TESTING, State.IMPLEMENTATION)
    await back(State.VERIFICATION, State.IMPLEMENTATION)
    await back(State.DEPLOYMENT, State.PLANNING, ADA)
    figures = await service.get_project_stats()
    assert figures.back_by_cause == {
        "a person's order": 1,
        "packet refused": 1,
        "role's judgement": 1,
        "tests not green": 1,
    }
    writer, auditor = figures.by_role[Role.CODE_WRITER], figures.by_role[Role.TEST_AUDITOR]
    assert writer.sent_back == {"packet refused": 1, "role's judgement": 1, "tests not green": 1}
    # A person sent the fourth to planning: nobody found fault with the code that was built on it.
    assert (writer.ended, writer.stood, writer.success_rate) == (4, 1, 0.25)
    assert (auditor.ended, auditor.stood, auditor.sent_back) == (2, 2, {})
    assert figures.by_role[Role.Q_ASSISTANT].sent_back == {"a person's order": 1}
    assert figures.by_role[Role.RELEASE_MANAGER].success_rate is None, "nothing of it has ended"
    assert clock() == T0


async def test_a_forks_figures_are_its_own(timed: Any, tmp_path: Path) -> None:
    """Its time counts from the phase in which it began; what came before it was another build's work."""
    service, clock = timed
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")
    build = Build(service, await service.start_workflow(project.project_id, "Add slugify()", by=ADA))
    await build.go_to(State.TESTING)
    seq = (await build.now()).version
    assert (await build.give(SetCondition, by=ADA, order=Order.CANCEL)).ok
    fork = Build(service, await service.fork_workflow(build.id, by=ADA, seq=seq))
    clock.wait(60)
    answer = await fork.give(Move, by=ADA, target=State.IMPLEMENTATION, reason="not good")
    assert answer.ok, answer.text
    figures = await service.get_project_stats()
    spent = {phase: times.working for phase, times in figures.times.items() if times.working}
    assert spent == {State.TESTING: 60}
    writer = figures.by_role[Role.CODE_WRITER]
    assert (writer.ended, writer.stood, writer.sent_back) == (1, 1, {"a person's order": 1})


async def test_counting_can_be_given_up_and_says_how_far_it_is(
    timed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every event, call and attempt is told of as it is read; after stop nothing more is."""
    monkeypatch.setattr(stats, "_AT_ONCE", 2)
    service, _ = timed
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")
    build = Build(service, await service.start_workflow(project.project_id, "Add slugify()", by=ADA))
    await build.go_to(State.TESTING)
    told = Progress()
    await service.get_project_stats(progress=told)
    assert told.done == told.of > 6

    class Impatient(Progress):
        def step(self, count: int = 1) -> None:
            super().step(count)
            self.stop()

    given_up = Impatient()
    with pytest.raises(Stopped):
        await service.get_project_stats(progress=given_up)
    assert given_up.done <= 2 and (await service.get_project_stats()).workflows == 1


async def test_an_accepted_build_carries_the_cost_of_all(timed: Any, tmp_path: Path) -> None:
    """What was spent on a build that came to nothing is paid by the one that was accepted."""
    service, _ = timed
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")
    journal = EngineJournal("", database=service._database)
    for cost in (0.5, 0.25):
        build = Build(service, await service.start_workflow(project.project_id, "Add slugify()", by=ADA))
        journal.settle(build.id, f"{build.id}:discovery:1", "turn", cost_usd=cost, model="m")
    assert (await service.get_project_stats()).cost_per_accepted is None
    await build.complete()
    assert (await service.get_project_stats()).cost_per_accepted == pytest.approx(0.75)


async def test_throughput_is_counted_by_the_week_of_completion(timed: Any, tmp_path: Path) -> None:
    """Three of five builds over three weeks: where the year of the weeks changes too, and the mean of all."""
    service, clock = timed
    clock.at = datetime(2026, 12, 30, 9, tzinfo=T0.tzinfo)
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")

    async def started() -> Build:
        return Build(service, await service.start_workflow(project.project_id, "Add slugify()", by=ADA))

    first, second, third, given_up, _ = [await started() for _ in range(5)]
    await first.complete()
    clock.wait(4 * 86_400)
    await second.complete()
    clock.wait(2 * 86_400)
    await third.complete()
    assert (await given_up.give(SetCondition, by=ADA, order=Order.CANCEL)).ok
    assert (await service.get_project_stats()).per_week == pytest.approx(3), "a week at least is counted"
    clock.wait(15 * 86_400)
    found = await service.get_project_stats(project.project_id)
    assert found.completed_by_week == {"2026-W53": 2, "2027-W01": 1}
    assert found.per_week == pytest.approx(1.0)
    assert (found.success_rate, found.average_seconds) == (0.75, pytest.approx((0 + 4 + 6) * 86_400 / 3))
