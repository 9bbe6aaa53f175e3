"""Starting the worker: a process of its own that outlives the app and never writes to the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

_WAITS = (0.0, 2.0, 5.0, 15.0, 60.0)


def start_worker(url: str, arguments: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Start a detached worker on the journal at `url` and return at once.

    The address travels in the environment: it may hold a password, and arguments are there for all to
    read. `-P` keeps the current folder off the import path, where a repository's own `core` would be run
    in place of ours.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "core.engine", *arguments],
        env={**os.environ, "QDECK_DATABASE_URL": url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


class WorkerKeeper:
    """Starts a worker when none lives, less and less often when it does not stay up."""

    def __init__(self, url: str, arguments: Sequence[str] = ()) -> None:
        self._url, self._arguments = url, arguments
        self._started = 0
        self._last = float("-inf")
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def struggling(self) -> bool:
        """Whether several workers in a row did not stay up."""
        return self._started >= 3

    def check(self, alive: bool, now: float) -> None:
        """Start a worker if none is alive and it is time to try. `now` is a monotonic time."""
        if self._child is not None and self._child.poll() is not None:
            self._child = None
        if alive:
            self._started = 0 if now - self._last > 30 else self._started
            return
        wait = _WAITS[min(self._started, len(_WAITS) - 1)]
        # A worker needs a few seconds until it holds its lock; a second one meanwhile would only give up.
        if now - self._last < wait or (self._child is not None and now - self._last < 15):
            return
        self._child = start_worker(self._url, self._arguments)
        self._started += 1
        self._last = now
