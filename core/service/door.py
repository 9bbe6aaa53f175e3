"""What every part of the service stands on: the open journal, and threads of its own to use it in."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Self, TypeVar

from core.journal.database import Clock, Database, utc_now
from core.service.opening import open_database, worker_alive

T = TypeVar("T")
_THREADS = 4


class Door:
    """An open journal. No event loop waits for its disk: all work happens in a few threads of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Threads of our own: DBOS replaces the loop's default executor, and shuts it down with itself.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="qdeck-journal")

    @classmethod
    async def open(cls, url: str | None = None, *, migrate: bool = True, clock: Clock = utc_now) -> Self:
        """Open the journal at `url`, or a path, or where the settings say, and bring it up to date."""
        opening = partial(open_database, url, migrate=migrate, clock=clock)
        with ThreadPoolExecutor(1) as thread:
            return cls(await asyncio.get_running_loop().run_in_executor(thread, opening))

    async def close(self) -> None:
        """Let go of the journal."""
        await self._do(self._database.close)
        self._threads.shutdown(wait=False)

    @property
    def url(self) -> str:
        """The full address of the journal, password included: for child processes, never for eyes."""
        return self._database.url.render_as_string(hide_password=False)

    def changed(self) -> int:
        """Return a number that differs as soon as anybody changed anything; takes microseconds."""
        return self._database.changed()

    def worker_alive(self) -> bool:
        """Say whether a worker lives for this journal; two system calls."""
        return worker_alive(self.url)

    async def _do(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        call = partial(work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def this_user() -> str:
    """The person at this machine, as far as the system knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"
