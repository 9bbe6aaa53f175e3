"""The reconcile loop: makes what runs equal to what the journal says should run.

It keeps no list of jobs. Each time the journal changes it asks which workflows could go on, starts an attempt
for each that has none, and stops the attempts of those that a person paused, cancelled or moved. So a lost
start, a crash or a late message heal by themselves at the next look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from core.engine.port import Scheduler
from core.journal.engine import EngineJournal
from core.machine.states import FINAL, Condition
from core.machine.workflow import Workflow
from core.service import OrchestrationService

_log = logging.getLogger("core.engine.worker")

_POLL = 0.06
"""Seconds between two looks at the journal's change counter; a look costs microseconds."""
_LOOK_AGAIN = 2.0
"""Seconds after which the journal is read even though nothing seems to have changed."""
_BACKOFF = (0.5, 2.0, 8.0)
"""Pauses before an attempt that ended without any word to the journal is tried again."""
_KEEP_RUNS = 500
_SWEEP_EVERY = 600.0


class Job(Protocol):
    """One attempt at work, as the worker sees it."""

    closing: bool
    """True while the attempt gives its last commands; it must not be stopped in between."""

    async def run(self) -> str:
        """Carry the attempt to its end and return how it ended."""
        ...

    async def give_up(self, why: str) -> None:
        """Tell the journal that the attempt cannot be carried out at all."""
        ...


MakeJob = Callable[[Workflow, str], Job]
"""Makes the job for a workflow's current attempt under a lease."""


@dataclass
class _Live:
    workflow_id: str
    attempt_id: str
    run_id: str
    job: Job
    stopping: bool = False


@dataclass
class _Trouble:
    times: int = 0
    not_before: float = 0.0


@dataclass
class Worker:
    """Starts and stops attempts until it is told to end."""

    journal: EngineJournal
    service: OrchestrationService
    scheduler: Scheduler
    executor: str
    make_job: MakeJob
    parallel: int = 4
    only: str = ""
    """The one workflow to work for, by its id or build id; empty for all."""
    sweep: Callable[[], None] | None = None
    """Clears away what no build needs any more; called now and then."""
    watch: Callable[[], Awaitable[None]] | None = None
    """Looks whether somebody edits the files of builds that wait."""
    linger: float = 0.0
    """Seconds without anything to do after which the worker ends by itself; 0 for never."""
    gone: Callable[[], bool] = lambda: False
    """Says whether the database was taken away, as the demo's is when it ends."""

    _live: dict[str, _Live] = field(default_factory=dict)
    _trouble: dict[str, _Trouble] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _end: asyncio.Event = field(default_factory=asyncio.Event)
    _crowd: int = 0
    _watched: float = 0.0
    _stops: set[asyncio.Task[None]] = field(default_factory=set)

    def end(self) -> None:
        """Let the loop end. Attempts stay open in the journal, for the next worker."""
        self._end.set()
        self._wake.set()

    async def run(self) -> None:
        """Work until `end()` is called, or until the only workflow has come to rest."""
        if self.only:
            self.only = (await asyncio.to_thread(self.journal.workflow, self.only)).workflow_id
        seen: object = None
        looked = swept = 0.0
        busy = time.monotonic()
        while not self._end.is_set():
            now, moment = self.journal.changed(), time.monotonic()
            if self._wake.is_set() or now != seen or moment - looked > _LOOK_AGAIN:
                if moment - looked > _LOOK_AGAIN and self.gone():
                    _log.info("the database is gone")
                    return
                self._wake.clear()
                seen, looked = now, moment
                await self._reconcile_safely()
                await self._watch_deadlines()
                await self._watch_files()
                if self.only and not self._live and await self._at_rest():
                    return
                if self._live or self._crowd:
                    busy = moment
                elif self.linger and moment - busy > self.linger:
                    _log.info("nothing to do for %.0f seconds", self.linger)
                    return
            if moment - swept > _SWEEP_EVERY:
                swept = moment
                await self._tidy_up()
            # A look at a crowded journal takes its time; most of it is left to the work itself.
            pause = max(_POLL, 4 * (time.monotonic() - moment))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    async def _tidy_up(self) -> None:
        try:
            await self.scheduler.forget(_KEEP_RUNS)
            if self.sweep is not None:
                await asyncio.to_thread(self.sweep)
        except Exception:
            _log.exception("could not tidy up")

    async def _reconcile_safely(self) -> None:
        try:
            await self.reconcile()
        except Exception:
            # A locked or full database passes or is repaired; until then nothing is started or lost.
            _log.exception("could not compare the journal with what runs")
            await asyncio.sleep(0.5)

    async def _watch_deadlines(self) -> None:
        """Put missed deadlines on record. The loop comes here every few seconds, also when nothing runs."""
        try:
            for workflow_id in await self.service.record_breaches(self.only):
                _log.info("a deadline of %s ran out", workflow_id)
        except Exception:
            # No work may stand still for it; the next look finds it again.
            _log.exception("could not look after the deadlines")

    async def _watch_files(self) -> None:
        if self.watch is None or time.monotonic() - self._watched < _LOOK_AGAIN:
            return
        try:
            await self.watch()
        except Exception:
            _log.exception("could not look at the files of waiting builds")
        self._watched = time.monotonic()

    async def reconcile(self) -> None:
        """Stop what should not run, start what should."""
        rows = await asyncio.to_thread(self.journal.runnable)
        wanted = {w.workflow_id: w for w in rows if not self.only or w.workflow_id == self.only}
        self._crowd = len(wanted)
        for live in list(self._live.values()):
            workflow = wanted.get(live.workflow_id)
            overtaken = workflow is None or workflow.attempt_id != live.attempt_id
            if overtaken and not live.job.closing and not live.stopping:
                self._stop(live)
        now = time.monotonic()
        for workflow in wanted.values():
            if len(self._live) >= self.parallel:
                break
            trouble = self._trouble.get(workflow.attempt_id)
            if workflow.workflow_id in self._live or (trouble and now < trouble.not_before):
                continue
            await self._start(workflow)

    async def _start(self, workflow: Workflow) -> None:
        """Claim the workflow's current attempt and run it. A lease of a dead worker ends with the claim."""
        attempt_id = workflow.attempt_id
        lease = await asyncio.to_thread(self.journal.claim_attempt, attempt_id, self.executor)
        if not lease:
            return
        job = self.make_job(workflow, lease)
        # The id of a run is used once only: what a dead worker began under it goes on under the new lease.
        run_id = attempt_id
        live = _Live(workflow.workflow_id, attempt_id, run_id, job)
        self._live[workflow.workflow_id] = live
        try:
            if not await self.scheduler.start(run_id, self._body(live)):
                live.run_id = f"{attempt_id}~{lease}"
                await self.scheduler.start(live.run_id, self._body(live))
        except BaseException:
            self._live.pop(workflow.workflow_id, None)
            raise
        _log.info("%s runs as %s", attempt_id, live.run_id)

    def _body(self, live: _Live) -> Callable[[], Awaitable[str]]:
        async def body() -> str:
            try:
                outcome = await live.job.run()
                _log.info("%s ended: %s", live.attempt_id, outcome)
                if await self._got_somewhere(live):
                    self._trouble.pop(live.attempt_id, None)
                else:
                    await self._broke_off(live, RuntimeError(outcome))
                return outcome
            except Exception as error:
                _log.exception("%s broke off", live.attempt_id)
                await self._broke_off(live, error)
                return "broke off"
            finally:
                if self._live.get(live.workflow_id) is live:
                    del self._live[live.workflow_id]
                self._wake.set()

        return body

    async def _got_somewhere(self, live: _Live) -> bool:
        """Say whether the workflow does not want the very same attempt again at once."""
        workflow = await asyncio.to_thread(self.journal.workflow, live.workflow_id)
        return workflow.attempt_id != live.attempt_id or workflow.condition is not Condition.ACTIVE

    async def _broke_off(self, live: _Live, error: Exception) -> None:
        """Try again a little later; when that does not help either, say so in the journal."""
        trouble = self._trouble.setdefault(live.attempt_id, _Trouble())
        if trouble.times >= len(_BACKOFF):
            self._trouble.pop(live.attempt_id, None)
            await live.job.give_up(f"{type(error).__name__}: {error}")
            return
        pause = _BACKOFF[trouble.times]
        trouble.times += 1
        trouble.not_before = time.monotonic() + pause
        asyncio.get_running_loop().call_later(pause, self._wake.set)

    def _stop(self, live: _Live) -> None:
        live.stopping = True
        _log.info("%s is stopped", live.attempt_id)
        task = asyncio.ensure_future(self._stopped(live))
        self._stops.add(task)
        task.add_done_callback(self._stops.discard)

    async def _stopped(self, live: _Live) -> None:
        await self.scheduler.stop(live.run_id)
        if self._live.get(live.workflow_id) is live:
            del self._live[live.workflow_id]
        self._wake.set()

    async def _at_rest(self) -> bool:
        workflow = await asyncio.to_thread(self.journal.workflow, self.only)
        return workflow.state is FINAL or workflow.condition is not Condition.ACTIVE
