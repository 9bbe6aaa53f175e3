"""A real repository, a real worktree and the real sandbox, with steps and records kept in memory."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from core.evidence import Bench, ProjectSettings, Receipt, Toolchain, own_toolchain
from core.sandbox import Sandbox, detect
from core.workspace import Checkpoint, checkpoint, create_worktree, open_repository

WORKFLOW = "0123456789abcdef0123456789abcdef"


class KeptSteps:
    """Steps that keep their results as JSON text, as a journal would."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.ran: list[str] = []

    async def once(self, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        if key not in self.kept:
            self.ran.append(key)
            self.kept[key] = json.dumps(await work())
        return json.loads(self.kept[key])


@dataclass
class KeptRecord:
    """Receipts and activity in the order in which they came."""

    receipts: dict[str, Receipt] = field(default_factory=dict)
    activities: list[str] = field(default_factory=list)

    async def receipt(self, receipt: Receipt) -> str:
        self.receipts.setdefault(receipt.key, receipt)
        return f"r{list(self.receipts).index(receipt.key) + 1}"

    async def artifact(self, data: bytes, media: str) -> str:
        return media

    async def activity(self, text: str) -> None:
        self.activities.append(text)


@dataclass
class Workshop:
    """One repository with a workflow's worktree, and the bench to collect evidence on it."""

    bench: Bench
    steps: KeptSteps
    record: KeptRecord
    number: int = 0

    def change(self, files: dict[str, str | None]) -> Checkpoint:
        """Write the files into the worktree, None deletes one, and keep a checkpoint."""
        lay(self.bench.worktree.path, files)
        self.number += 1
        return checkpoint(self.bench.worktree, workflow_id=WORKFLOW, number=self.number, message="step")

    def configure(self, **settings: Any) -> None:
        """Change settings of the project."""
        self.bench = replace(self.bench, settings=replace(self.bench.settings, **settings))

    def accept(self, *keys: str) -> None:
        """Say yes to findings, as a person would."""
        words = dict.fromkeys(keys, "accepted by ada: it is meant so")
        self.bench = replace(self.bench, accepted={**self.bench.accepted, **words})

    def output(self, kind: str = "test") -> str:
        """Return the output of the last receipt of a kind."""
        return [r for r in self.record.receipts.values() if r.kind == kind][-1].text()


def lay(root: Path, files: dict[str, str | bytes | None]) -> None:
    """Write files below `root`."""
    for name, text in files.items():
        path = root / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())


def git(folder: Path, *words: str) -> None:
    """Run git as a user would, without the user's configuration."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *words], cwd=folder, env=env, check=True, capture_output=True)


BASE = {
    "calc.py": "def double(n):\n    return n * 2\n",
    "tests/test_calc.py": (
        "from calc import double\n\n\ndef test_double():\n    assert double(2) == 4\n\n\n"
        "def test_zero():\n    assert double(0) == 0\n"
    ),
}
"""A package with one function and two green tests."""


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """The sandbox of this machine."""
    return detect()


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """The environment of the program itself."""
    return own_toolchain()


@pytest.fixture
def workshop(tmp_path: Path, sandbox: Sandbox, toolchain: Toolchain) -> Callable[[dict[str, str]], Workshop]:
    """Make a repository out of files and open a bench on it."""

    def make(files: dict[str, str]) -> Workshop:
        origin = tmp_path / "origin"
        origin.mkdir()
        git(origin, "init", "--quiet")
        lay(origin, dict(files))
        git(origin, "add", "--all")
        git(origin, "commit", "--quiet", "--allow-empty", "--message=base")
        repo = open_repository(origin)
        root = tmp_path / "worktrees"
        tree = create_worktree(repo, build_id="B-0001", workflow_id=WORKFLOW, root=root, base=repo.head)
        steps, record = KeptSteps(), KeptRecord()
        settings = ProjectSettings(test_timeout=60.0)
        scratch, cache = tmp_path / "scratch", tmp_path / "cache"
        bench = Bench(repo, tree, repo.head, sandbox, toolchain, settings, steps, record, scratch, cache)
        return Workshop(bench, steps, record)

    return make


@pytest.fixture
def calc(workshop: Callable[[dict[str, str]], Workshop]) -> Workshop:
    """The bench on the base package."""
    return workshop(BASE)
