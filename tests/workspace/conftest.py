"""Real repositories in temporary folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.workspace import Repository, Worktree, create_worktree, open_repository
from tests.workspace.repos import WORKFLOW, commit, git, write


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A user's checkout with one commit on main."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    write(
        folder,
        {
            "README.md": "hello\n",
            "src/app.py": "def run():\n    return 1\n",
            "src/deep/er/mod.py": "x = 1\n",
            "tests/test_app.py": "def test_run():\n    assert True\n",
            ".gitignore": "*.log\nbuild/\n",
        },
    )
    commit(folder, "first")
    return folder


@pytest.fixture
def repo(checkout: Path) -> Repository:
    """The checkout, opened."""
    return open_repository(checkout)


@pytest.fixture
def make_worktree(repo: Repository, tmp_path: Path) -> Callable[..., Worktree]:
    """Make the worktree of a workflow, the same for the same ids."""

    def make(build_id: str = "B-0001", workflow_id: str = WORKFLOW, base: str = "") -> Worktree:
        return create_worktree(
            repo, build_id=build_id, workflow_id=workflow_id, root=tmp_path / "cache", base=base or repo.head
        )

    return make


@pytest.fixture
def worktree(make_worktree: Callable[..., Worktree]) -> Worktree:
    """A worktree at the first commit."""
    return make_worktree()
