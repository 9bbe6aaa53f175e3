"""Steps of an attempt: done once, whatever happens to the process.

The journal is the truth; the scheduler only keeps a trace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from core.engine.port import Scheduler
from core.journal.engine import MISSING, EngineJournal


class JournalSteps:
    """The `Steps` that roles and evidence are handed: results live in the journal under `{attempt}:{key}`."""

    def __init__(self, journal: EngineJournal, scheduler: Scheduler, attempt_id: str, lease: str) -> None:
        self._journal = journal
        self._scheduler = scheduler
        self._attempt_id = attempt_id
        self._lease = lease

    async def once(self, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Return the kept result of `key`, or do `work` now and keep what it gives.

        A crash between the end of `work` and the keeping makes it run again: work that changes the world
        looks first whether it was done. Raises LeaseLost when another worker has taken the attempt over.
        """
        kept = await asyncio.to_thread(self._journal.step_result, self._attempt_id, key)
        if kept is not MISSING:
            return kept

        async def body() -> Any:
            result = await work()
            await asyncio.to_thread(self._journal.keep_step, self._attempt_id, self._lease, key, result)
            return result

        return await self._scheduler.step(key, body)
