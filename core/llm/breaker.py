"""Stops calls to a provider that has said a final no, for a while, so that it is never hammered."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from core.errors import ModelError
from core.llm.providers import Endpoint

HOLD_SECONDS = 60.0
"""How long a provider is left alone after a refused key or a spent quota that names no time."""


class Breaker:
    """Remembers which endpoints refused for good. Another key, or another address, is another endpoint."""

    def __init__(self, hold: float = HOLD_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._hold = hold
        self._clock = clock
        self._open: dict[str, tuple[float, ModelError]] = {}

    def check(self, endpoint: Endpoint) -> None:
        """Raise what the endpoint last said, if that was a moment ago."""
        until, error = self._open.get(_name(endpoint), (0.0, None))
        if error is not None and self._clock() < until:
            raise ModelError(error.fault, error.what, error.hint)

    def trip(self, endpoint: Endpoint, error: ModelError, seconds: float | None = None) -> None:
        """Leave the endpoint alone for `seconds`, or the usual while."""
        self._open[_name(endpoint)] = (self._clock() + max(seconds or 0.0, self._hold), error)

    def reset(self, endpoint: Endpoint) -> None:
        """Forget what an endpoint said, because it has answered."""
        self._open.pop(_name(endpoint), None)


def _name(endpoint: Endpoint) -> str:
    key = hashlib.sha256((endpoint.api_key or "").encode()).hexdigest()[:12]
    return f"{endpoint.provider}|{endpoint.api_base or ''}|{key}"
