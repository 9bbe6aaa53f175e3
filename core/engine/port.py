"""The engine's port to a durable scheduler: what we ask of DBOS, and no more.

The scheduler only schedules and remembers which runs and steps there were. The truth about an attempt, and
the results of its steps, are in our journal; so a scheduler can be exchanged without losing a build.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

Body = Callable[[], Awaitable[str]]
"""What a run does; the text that it returns is kept as the run's end."""


class Scheduler(Protocol):
    """Runs one body under one id, at most once at a time, and keeps a trace of its steps."""

    async def launch(self) -> None:
        """Open the scheduler's own database and begin to work. Runs that a dead process left are closed."""

    async def start(self, run_id: str, body: Body) -> bool:
        """Run `body` in the background. False when a run of this id exists already: nothing is started."""

    async def step(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do `work` as one named step of the run around it; outside a run it is simply done."""

    async def stop(self, run_id: str) -> None:
        """Cancel the run and wait until its clean-up has ended. An unknown id is no error."""

    def live(self) -> frozenset[str]:
        """Return the ids of the runs that this process is working on."""

    async def open_runs(self) -> list[str]:
        """Return the ids that the scheduler's database holds as not ended, of any process."""

    async def outcome(self, run_id: str) -> str | None:
        """Return how a run ended; None when it has not, or never was."""

    async def steps(self, run_id: str) -> list[str]:
        """Return the names of the steps of a run, in the order in which they were begun."""

    async def forget(self, keep: int) -> int:
        """Drop all but the newest `keep` ended runs; return how many were dropped."""

    async def close(self) -> None:
        """Stop every run where it stands, to be taken up by the next process, and close the database."""
