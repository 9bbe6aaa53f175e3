"""Wait for something, unless a person stops the turn or its time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from core.roles.context import Desk

T = TypeVar("T")

POLL = 0.25
"""Seconds between two looks at whether somebody wants the turn to stop."""


class TurnStopped(Exception):
    """A person stopped the turn."""


class OutOfTime(Exception):
    """The attempt's time is up."""


async def unless_stopped(desk: Desk, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
    """Return what `work` gives; end it with TurnStopped or OutOfTime when that comes first."""
    task = asyncio.ensure_future(work)
    end = None if seconds is None else asyncio.get_running_loop().time() + seconds
    try:
        while True:
            done, _ = await asyncio.wait({task}, timeout=POLL)
            if done:
                return task.result()
            if await desk.stop_requested():
                raise TurnStopped
            if end is not None and asyncio.get_running_loop().time() >= end:
                raise OutOfTime
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
