"""A world in small for whole builds: a home, a repository, a journal, and worker processes that can die."""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from core.journal.migrate import migrate
from core.machine.commands import Authority
from core.machine.states import Autonomy, Condition, State
from core.service import OrchestrationService
from core.service.views import Answer, WorkflowView

ROOT = Path(__file__).parents[2]
SLUGIFY = ROOT / "prompts" / "rehearsal" / "slugify" / "project"
REQUEST = "Add slugify() with Unicode support"
ADA = Authority.person("ada")


def git(folder: Path, *words: str) -> str:
    """Run git as a person would, and return what it prints."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(
        ["git", *names, *words], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def make_repository(folder: Path, source: Path = SLUGIFY) -> Path:
    """Make a repository with one commit of `source` on main."""
    shutil.copytree(source, folder)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "The package")
    return folder


@cache
def empty_journal() -> Path:
    """A journal at the newest schema, made once for all worlds: migrating takes seconds."""
    folder = Path(tempfile.mkdtemp(prefix="qdeck-journal-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    migrate(f"sqlite:///{folder / 'qdeck.db'}")
    return folder / "qdeck.db"


class World:
    """Everything of one journey. Nothing of it lies in the real home."""

    def __init__(
        self, folder: Path, *, pace: str = "0", env: Mapping[str, str] | None = None, address: str = ""
    ) -> None:
        self.home = folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.repo = folder / "repo"
        self.db = self.home / "data" / "qdeck.db"
        self.address = address or str(self.db)
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("QDECK_", "OPENAI_", "ANTHROPIC_"))},
            "QDECK_HOME": str(self.home),
            "QDECK_REHEARSAL_PACE": pace,
            **(env or {}),
        }
        self.workers: list[subprocess.Popen[bytes]] = []
        self.service: OrchestrationService | None = None

    async def open(self, source: Path = SLUGIFY) -> World:
        """Make the repository and open the journal."""
        if not self.repo.exists():
            make_repository(self.repo, source)
        self.db.parent.mkdir(parents=True, exist_ok=True)
        if self.address == str(self.db) and not self.db.exists():
            shutil.copy(empty_journal(), self.db)
        self.service = await OrchestrationService.open(self.address)
        return self

    async def close(self) -> None:
        """End the workers and let go of the journal."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
        if self.service is not None:
            await self.service.close()

    def worker(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a worker process."""
        worker = subprocess.Popen(
            [sys.executable, "-P", "-m", "core.engine", "--db", self.address, *words],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.workers.append(worker)
        return worker

    @property
    def log(self) -> str:
        """What the workers wrote."""
        path = self.home / "log" / "worker.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    @property
    def door(self) -> OrchestrationService:
        """The open service."""
        assert self.service is not None
        return self.service

    async def start(
        self,
        request: str = REQUEST,
        *,
        autonomy: Autonomy = Autonomy.AUTO,
        model: str = "rehearsal/slugify",
        models: Mapping[str, str] | None = None,
        **more: object,
    ) -> WorkflowView:
        """Register the repository and start a workflow."""
        project = await self.door.register_project(str(self.repo))
        answer = await self.door.start_workflow(
            project.project_id,
            request,
            autonomy=autonomy,
            models=({"default": model} if model else {}) | dict(models or {}),
            by=ADA,
            **more,  # type: ignore[arg-type]
        )
        assert answer.ok and answer.workflow is not None, answer.text
        return answer.workflow

    async def status(self, workflow_id: str) -> WorkflowView:
        """Return the workflow as it is now."""
        return await self.door.get_workflow_status(workflow_id)

    async def until(
        self, workflow_id: str, wanted: Callable[[WorkflowView], bool], seconds: float = 120.0
    ) -> WorkflowView:
        """Wait until the workflow is as wanted, and say what the worker wrote when it never is."""
        end = time.monotonic() + seconds
        while True:
            view = await self.status(workflow_id)
            if wanted(view):
                return view
            if time.monotonic() > end or view.condition is Condition.FAILED:
                raise AssertionError(
                    f"{view.state} {view.condition} {view.waiting_for!r} {view.reason!r}\n{self.log[-6000:]}"
                )
            await asyncio.sleep(0.05)

    async def complete(self, workflow_id: str, seconds: float = 180.0) -> WorkflowView:
        """Wait until the build is complete."""
        return await self.until(workflow_id, lambda v: v.state is State.COMPLETE, seconds)

    async def waits(self, workflow_id: str, waiting_for: str, seconds: float = 120.0) -> WorkflowView:
        """Wait until the build waits for something."""
        return await self.until(workflow_id, lambda v: v.waiting_for == waiting_for, seconds)

    async def approve(self, view: WorkflowView) -> Answer:
        """Advance as a person, which approves what waits."""
        return await self.door.advance_workflow(view.workflow_id, by=ADA, expected_version=view.version)

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker with no time for any last word."""
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    def merges(self) -> list[str]:
        """Return the merge commits on the default branch."""
        return git(self.repo, "log", "--first-parent", "--merges", "--format=%H", "main").splitlines()

    def run_tests(self) -> str:
        """Run the repository's own tests on a fresh clone of its default branch, as a person would."""
        clone = self.home / f"clone-{time.monotonic_ns()}"
        git(self.home, "clone", "-q", str(self.repo), str(clone))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            cwd=clone,
            capture_output=True,
            text=True,
            check=False,
            # A wheel is found like a folder: what the repository brings along needs no installation here.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (clone, *clone.glob("vendor/*.whl"))))},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
