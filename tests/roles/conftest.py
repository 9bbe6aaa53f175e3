"""The stage, made anew for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.sandbox import Sandbox, detect
from tests.roles.stage import Stage, set_stage


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """The sandbox of this machine."""
    return detect()


@pytest.fixture
def stage(tmp_path: Path, sandbox: Sandbox) -> Stage:
    """A worktree of the rehearsal's project, with nothing done yet."""
    return set_stage(tmp_path, sandbox)
