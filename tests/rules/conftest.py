"""The builds of the service's tests, for walks and races."""

from __future__ import annotations

from tests.service.conftest import build, service, timed

__all__ = ["build", "service", "timed"]
