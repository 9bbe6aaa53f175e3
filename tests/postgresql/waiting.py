"""A change counter that is told of changes by a server is told a moment later."""

from __future__ import annotations

import time
from collections.abc import Callable

_SECONDS = 10.0
_QUIET = 0.3


def moved_from(before: int, counter: Callable[[], int]) -> bool:
    """Say whether the counter leaves `before` within a moment."""
    end = time.monotonic() + _SECONDS
    while counter() == before:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def settled(counter: Callable[[], int]) -> int:
    """Return the counter once it rests."""
    end = time.monotonic() + _SECONDS
    last, since = counter(), time.monotonic()
    while time.monotonic() - since < _QUIET and time.monotonic() < end:
        time.sleep(0.01)
        if (now := counter()) != last:
            last, since = now, time.monotonic()
    return last
