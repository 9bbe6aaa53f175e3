"""The service, as in the tests of the service."""

from __future__ import annotations

from tests.service.conftest import service

__all__ = ["service"]
