"""The builds of the service's tests, for walks and races."""

from __future__ import annotations

from tests.service.conftest import build, service

__all__ = ["build", "service"]
