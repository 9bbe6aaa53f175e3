"""Runs pairs in one world, several builds at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from tests.liars.acts import do
from tests.liars.pairs import Pair, Side
from tests.liars.script import MODEL, filled, scenario_of
from tests.liars.seams import without
from tests.liars.verdict import Build, judge, stopped_as_named
from tests.liars.world import ADA, World, program_is_there, working_world

_LONGEST = 900.0
"""Seconds that one build may take before it counts as astray."""

_LONGEST_WITHOUT = 120.0
"""The same without a clause: a liar that writes into the record may well leave the engine waiting."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one pair. Both builds are None where a program that they need is not installed."""

    pair: Pair
    liar: Build | None
    twin: Build | None

    @property
    def ran(self) -> bool:
        """Whether the pair could be run on this machine."""
        return self.liar is not None

    @property
    def caught(self) -> bool:
        """Whether the liar was stopped by the very clause that its file names, and did no harm."""
        return self.liar is not None and stopped_as_named(self.pair, self.liar)

    @property
    def through(self) -> bool:
        """Whether the liar reached COMPLETE or did its harm, whoever may have refused it on the way."""
        return self.liar is not None and (self.liar.complete or bool(self.liar.harm))

    @property
    def honest(self) -> bool:
        """Whether the twin reached COMPLETE and did no harm."""
        return self.twin is not None and self.twin.complete and not self.twin.harm


def run_pairs(
    pairs: Sequence[Pair],
    *,
    jobs: int = 2,
    twins: bool = True,
    keep: bool = False,
    clause: str = "",
    tell: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Run every pair and return the outcomes in their order; `tell` hears each as soon as it is known.

    With a `clause` it is taken away meanwhile.
    """
    with without(clause) if clause else nullcontext():
        return asyncio.run(_run_pairs(pairs, jobs, twins, keep, tell, whole=not clause))


async def _run_pairs(
    pairs: Sequence[Pair],
    jobs: int,
    twins: bool,
    keep: bool,
    tell: Callable[[Outcome], None],
    *,
    whole: bool,
) -> list[Outcome]:
    longest = _LONGEST if whole else _LONGEST_WITHOUT
    async with working_world(jobs, keep) as world:
        # A pair is told when both of its builds have ended, so not all the liars go first.
        turn, gate = asyncio.Semaphore(jobs), asyncio.Semaphore(jobs)
        alike: dict[str, asyncio.Task[Build]] = {}

        def twin(pair: Pair) -> asyncio.Task[Build]:
            """Build a twin; twins that are alike to the letter are built once in a run."""
            same = repr((pair.repository, pair.request, pair.base, pair.prepare, pair.twin))
            if same not in alike:
                alike[same] = asyncio.create_task(_build(world, gate, pair, "twin", pair.twin, longest))
            return alike[same]

        async def one(pair: Pair) -> Outcome:
            if not program_is_there(pair.program):
                outcome = Outcome(pair, None, None)
            else:
                async with turn:
                    liar = await _build(world, gate, pair, "liar", pair.liar, longest)
                    outcome = Outcome(pair, liar, await twin(pair) if twins else None)
            tell(outcome)
            return outcome

        outcomes = await asyncio.gather(*(one(pair) for pair in pairs))
        # With a barrier taken away a liar may well have written into the record itself.
        problems = await world.service.verify() if whole else []
    if problems:
        raise RuntimeError(f"the record does not hold: {problems}")
    return list(outcomes)


async def _build(
    world: World, gate: asyncio.Semaphore, pair: Pair, name: str, side: Side, longest: float
) -> Build:
    """Carry one build to where it rests."""
    async with gate:
        before = frozenset(world.knocks)
        begun = time.monotonic()
        model = f"{MODEL}{pair.name}-{name}"
        world.theatre.scenarios[model] = scenario_of(pair, side, model, world.places())
        repository = await asyncio.to_thread(world.repository, pair, name)
        started = await world.start(pair, name, repository)
        answers: list[tuple[str, str]] = []
        _prepare_acts(world, model, started.workflow_id, side, answers)
        try:
            await asyncio.wait_for(world.rest(started.workflow_id), longest)
        except TimeoutError:
            await _give_up(world, started.workflow_id)
        return await judge(world, started.workflow_id, before, answers, time.monotonic() - begun)


def _prepare_acts(
    world: World, model: str, workflow_id: str, side: Side, answers: list[tuple[str, str]]
) -> None:
    """Let the acts of a side happen when its model is asked in their states."""
    for state in {act["at"] for act in side.acts}:
        acts = [filled(act, world.places()) for act in side.acts if act["at"] == state]

        async def happen(acts: Sequence[Mapping[str, Any]] = acts) -> None:
            for act in acts:
                answers.append(await do(world, workflow_id, act))

        world.theatre.acts[model, state] = happen


async def _give_up(world: World, workflow_id: str) -> None:
    view = await world.service.get_workflow_status(workflow_id)
    await world.service.cancel(workflow_id, by=ADA, expected_version=view.version)
