"""DBOS behind the scheduler port. The only module that imports it.

DBOS gets a database file of its own beside the journal (its tables are unprefixed, and its clean-up calls
would take ours with them); on PostgreSQL a schema of its own in the same database.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from sqlalchemy import event

from core.engine.port import Body

APPLICATION_VERSION = "qdeck-attempt-1"
"""Names the shape of a run. By default DBOS hashes its sources and strands running builds at every edit."""

_ENDED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
_OPEN = ["PENDING", "ENQUEUED"]
_THREADS = 32
_SUPERSEDED = "superseded"
_STOPPED = "stopped"


@dataclass
class _Run:
    body: Body
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[str] | None = None
    stopping: bool = False


# DBOS finds workflow functions by name in a registry of the process; their bodies are found the same way.
_runs: dict[str, _Run] = {}


@DBOS.workflow(name="attempt")
async def _attempt(run_id: str) -> str:
    """Do the body that this process registered for the run.

    DBOS recovers the pending runs of its executor by itself, one second after launch. By then the worker has
    claimed the attempt with a new lease, under a new run id, so the old run has nothing left to do.
    """
    run = _runs.get(run_id)
    if run is None:
        return _SUPERSEDED
    try:
        if run.stopping:
            return _STOPPED
        run.task = asyncio.ensure_future(run.body())
        return await run.task
    except asyncio.CancelledError:
        if not run.stopping:
            raise
        return _STOPPED
    finally:
        if run.task is not None and not run.task.done():
            run.task.cancel()
        _runs.pop(run_id, None)
        run.ended.set()


class DbosScheduler:
    """The scheduler of one worker process. One at a time: DBOS is a singleton of its process."""

    def __init__(self, url: str, *, executor: str, log: logging.Handler) -> None:
        self._url = url
        self._executor = executor
        self._log = log
        self._engine: sa.Engine | None = None
        self._closed = False

    async def launch(self) -> None:
        """Open DBOS quietly, and close what a dead process of this executor left open."""
        logger = logging.getLogger("dbos")
        # DBOS writes to stderr unless a handler is there before it is made.
        logger.handlers[:] = [self._log]
        logger.propagate = False
        sqlite = self._url.startswith("sqlite")
        self._engine = _sqlite_engine(Path(self._url.removeprefix("sqlite:///"))) if sqlite else None
        config = DBOSConfig(
            name="qdeck",
            system_database_url=self._url,
            application_version=APPLICATION_VERSION,
            executor_id=self._executor,
            serializer=DBOSPortableJSONSerializer(),
            notification_listener_polling_interval_sec=0.2,
            max_executor_threads=_THREADS,
            use_listen_notify=not sqlite,
            log_level="WARNING",
        )
        if self._engine is not None:
            config["system_database_engine"] = self._engine
        else:
            config["sys_db_pool_size"] = 5
        DBOS(config=config)
        # On the thread of the loop, so that DBOS runs the bodies on this loop and not on one of its own.
        DBOS.launch()
        left = [run for run in await self.open_runs() if run not in _runs]
        if left:
            await DBOS.cancel_workflows_async(left)

    async def start(self, run_id: str, body: Body) -> bool:
        """Run `body` under `run_id`, unless that id is known."""
        if run_id in _runs or await DBOS.get_workflow_status_async(run_id) is not None:
            return False
        _runs[run_id] = _Run(body)
        try:
            with SetWorkflowID(run_id):
                await DBOS.start_workflow_async(_attempt, run_id)
        except BaseException:
            _runs.pop(run_id, None)
            raise
        return True

    async def step(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do `work` as a DBOS step. Its result passes DBOS by, which would keep a copy of every artifact."""
        if DBOS.workflow_id is None or DBOS.step_id is not None:
            return await work()
        kept: list[Any] = []
        failed: list[Exception] = []

        async def body() -> str:
            try:
                kept.append(await work())
            except Exception as error:
                # It goes to whoever waits for the step, as it is: DBOS would write it down and give a copy.
                failed.append(error)
            return name

        await DBOS.run_step_async({"name": name}, body)
        if failed:
            raise failed[0]
        return kept[0]

    async def stop(self, run_id: str) -> None:
        """Cancel the run's own task, so that its sandboxed children end with it, and wait for its end."""
        run = _runs.get(run_id)
        if run is None:
            return
        run.stopping = True
        if run.task is not None:
            run.task.cancel()
        await run.ended.wait()

    def live(self) -> frozenset[str]:
        """Return the runs of this process."""
        return frozenset(_runs)

    async def open_runs(self) -> list[str]:
        """Return the ids that DBOS holds as pending or queued for this executor."""
        rows = await DBOS.list_workflows_async(
            status=_OPEN, executor_id=[self._executor], load_input=False, load_output=False
        )
        return [row.workflow_id for row in rows]

    async def outcome(self, run_id: str) -> str | None:
        """Return the text that the run's body returned, or DBOS' word for another end."""
        status = await DBOS.get_workflow_status_async(run_id)
        if status is None or status.status not in _ENDED:
            return None
        return str(status.output) if status.status == "SUCCESS" else str(status.status).lower()

    async def steps(self, run_id: str) -> list[str]:
        """Return the names of the steps that DBOS kept for the run."""
        return [str(step["function_name"]) for step in await DBOS.list_workflow_steps_async(run_id)]

    async def forget(self, keep: int) -> int:
        """Delete old ended runs: DBOS keeps everything for ever by itself."""
        rows = await DBOS.list_workflows_async(
            status=list(_ENDED), sort_desc=True, offset=keep, limit=1_000, load_input=False, load_output=False
        )
        ids = [row.workflow_id for row in rows]
        if ids:
            await DBOS.delete_workflows_async(ids)
        return len(ids)

    async def close(self) -> None:
        """Stop the runs and DBOS. Their attempts stay open in the journal, for the next worker."""
        if self._closed:
            return
        self._closed = True
        for run in list(_runs.values()):
            run.stopping = True
            if run.task is not None:
                run.task.cancel()
        waiting = [run.ended.wait() for run in list(_runs.values())]
        if waiting:
            await asyncio.wait([asyncio.ensure_future(wait) for wait in waiting], timeout=5)
        DBOS.destroy()
        if self._engine is not None:
            self._engine.dispose()
        # DBOS took the loop's executor with it; whatever is still to be closed needs one.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=4))


def _sqlite_engine(path: Path) -> sa.Engine:
    """Return an engine as DBOS builds it, but in WAL mode: as shipped it is eight times slower."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}", pool_size=20, max_overflow=0, pool_timeout=30)

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", prepare)
    return engine
