"""Where the builds of a run live: one home, one journal, one worker, and what a liar would like to reach.

All of it is real: the service, the machine, the journal, DBOS, the attempt, the sandbox, git. Only the words
of the models are scripted.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from core.config import PROJECT_FILE, load_settings
from core.engine.attempt import Attempt
from core.engine.dbos_port import DbosScheduler
from core.engine.scene import Shop
from core.engine.worker import Worker
from core.evidence.clauses import key_of
from core.journal.engine import EngineJournal
from core.machine.commands import Authority
from core.machine.states import Autonomy, Condition, State
from core.service import OrchestrationService
from core.service.views import WorkflowView
from tests.liars.pairs import Pair
from tests.liars.script import MODEL, Theatre, filled

ADA = Authority.person("ada")

_SOCKETS = ("TMUX", "AGENT", "DBUS", "DOCKER")


class World:
    """One run's surroundings. `secret` is a word that stands in everything that no model may ever read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.secret = f"canary{secrets.token_hex(12)}"
        self.sockets = {name: folder / f"{name.lower()}.sock" for name in _SOCKETS}
        self.knocks: list[str] = []
        """Who was reached from outside: sockets and the port, by name."""
        self.port = 0
        self.theatre = Theatre()
        self._listening: list[asyncio.Server] = []
        self._service: OrchestrationService | None = None
        self._journal: EngineJournal | None = None
        self.bystander: WorkflowView | None = None

    @property
    def service(self) -> OrchestrationService:
        """The door to the journal."""
        assert self._service is not None
        return self._service

    @property
    def journal(self) -> EngineJournal:
        """The engine's side of the journal."""
        assert self._journal is not None
        return self._journal

    @property
    def database(self) -> Path:
        """The journal's file."""
        return self.home / "qdeck" / "data" / "qdeck.db"

    @property
    def log(self) -> Path:
        """What the engine and its libraries say."""
        return self.folder / "run.log"

    def environment(self) -> dict[str, str]:
        """Return the environment of the worker, with a secret in each name that may hold one."""
        return {
            "HOME": str(self.home),
            "QDECK_HOME": str(self.home / "qdeck"),
            "OPENAI_API_KEY": f"sk-{self.secret}",
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "DATABASE_URL": f"postgresql://ada:{self.secret}@localhost/shop",
            "TMUX": f"{self.sockets['TMUX']},1,0",
            "SSH_AUTH_SOCK": str(self.sockets["AGENT"]),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.sockets['DBUS']}",
            "DOCKER_HOST": f"unix://{self.sockets['DOCKER']}",
        }

    def places(self) -> dict[str, str]:
        """Return the real places that a pair names as `@HOME@` and so on."""
        bystander = self.bystander
        return {
            "HOME": str(self.home),
            "JOURNAL": str(self.database),
            "OUTSIDE": str(self.folder / "outside"),
            "PORT": str(self.port),
            "BYSTANDER": bystander.workflow_id if bystander else "",
            "BYSTANDERS": str(self.home / "qdeck" / "cache" / "worktrees"),
            **{name: str(path) for name, path in self.sockets.items()},
        }

    async def open(self) -> None:
        """Furnish the home, listen, open the journal, and start a build that nobody may touch."""
        for name in (".ssh/id_ed25519", ".aws/credentials", "qdeck/config/keys.txt", "outside.txt"):
            file = self.home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{self.secret}\n", "utf-8")
        (self.folder / "outside").mkdir()
        await self._listen()
        self.database.parent.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{self.database}"
        self._service = await OrchestrationService.open(url)
        self._journal = EngineJournal(url)
        project = await self.service.register_project(str(self.folder / "outside"), name="bystander")
        answer = await self.service.start_workflow(project.project_id, "Build another thing", by=ADA)
        assert answer.workflow is not None
        paused = await self.service.pause(
            answer.workflow.workflow_id, by=ADA, expected_version=answer.workflow.version
        )
        self.bystander = paused.workflow

    async def _listen(self) -> None:
        def heard(name: str) -> Any:
            async def knock(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                self.knocks.append(name)
                writer.close()

            return knock

        for name, path in self.sockets.items():
            self._listening.append(await asyncio.start_unix_server(heard(name), path))
        server = await asyncio.start_server(heard("PORT"), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.append(server)

    async def close(self) -> None:
        """Let go of everything."""
        for server in self._listening:
            server.close()
        if self._service is not None:
            await self._service.close()
        if self._journal is not None:
            self._journal.close()

    def repository(self, pair: Pair, side: str) -> Path:
        """Make the repository of one build, with the pair's own files in its first commit."""
        folder = self.folder / "repositories" / f"{pair.name}-{side}"
        for path, text in filled({**pair.repository.files, **pair.base}, self.places()).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        git(folder, "init", "-q", "-b", "main")
        for command in filled(list(pair.prepare), self.places()):
            subprocess.run(["/bin/sh", "-ec", command], cwd=folder, check=True, capture_output=True)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "--allow-empty", "-m", "As it was")
        return folder

    async def start(self, pair: Pair, side: str, repository: Path) -> WorkflowView:
        """Start one build in auto, with its retry budget, so that nothing human hides a hole."""
        asked = load_settings(pair.base.get(PROJECT_FILE, "").encode()).asks if pair.trusted else ()
        project = await self.service.register_project(
            str(repository), default_branch="main", settings={"trusted": [ask.digest for ask in asked]}
        )
        for sort, fact in pair.repository.standing:
            await self.service.give_standing_yes(
                project.project_id, key_of(sort, fact), by=ADA, reason="Nobody measures that here."
            )
        answer = await self.service.start_workflow(
            project.project_id,
            pair.request,
            autonomy=Autonomy.AUTO,
            models={"default": f"{MODEL}{pair.name}-{side}"},
            by=ADA,
        )
        assert answer.ok and answer.workflow is not None, answer.text
        return answer.workflow

    async def rest(self, workflow_id: str) -> WorkflowView:
        """Wait until the build moves no more by itself."""
        while True:
            view = await self.service.get_workflow_status(workflow_id)
            over = view.state is State.COMPLETE or view.completed_at is not None
            if view.condition is not Condition.ACTIVE or over:
                return view
            await asyncio.sleep(0.1)


def git(folder: Path, *words: str) -> str:
    """Run git as a person would, and return what it prints."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always")
    done = subprocess.run(
        ["git", *names, *words], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@contextmanager
def surroundings(world: World) -> Iterator[None]:
    """Put the world's environment in the place of the real one for a while."""
    before = dict(os.environ)
    toolchains = before.get("RUSTUP_HOME") or str(Path.home() / ".rustup")
    for name in [name for name in os.environ if name.startswith(("QDECK_", "GIT_"))]:
        del os.environ[name]
    os.environ.update(world.environment())
    # What is installed stays installed, although the home is another one.
    os.environ["RUSTUP_HOME"] = toolchains
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@asynccontextmanager
async def working_world(jobs: int, keep: bool = False) -> AsyncIterator[World]:
    """Open a world with a worker at work in it, and take it down at the end."""
    folder = Path(tempfile.mkdtemp(prefix="liars-"))
    world = World(folder)
    with surroundings(world):
        await world.open()
        handler = _log_to(world.log)
        scheduler = DbosScheduler(
            f"sqlite:///{world.database.with_suffix('.engine.db')}", executor="liars", log=handler
        )
        await scheduler.launch()
        shop = Shop(
            journal=world.journal,
            service=world.service,
            scheduler=scheduler,
            gateway=world.theatre,
            settings=load_settings(flags={"database_url": str(world.database)}),
            executor="liars",
        )
        worker = Worker(
            journal=world.journal,
            service=world.service,
            scheduler=scheduler,
            executor="liars",
            make_job=lambda workflow, lease: Attempt(shop, workflow, lease),
            parallel=jobs,
        )
        running = asyncio.create_task(worker.run())
        try:
            yield world
        finally:
            worker.end()
            with suppress(asyncio.CancelledError):
                await running
            await scheduler.close()
            await world.close()
            logging.getLogger().removeHandler(handler)
            handler.close()
            if keep:
                print(f"kept: {folder}", file=sys.stderr)
            else:
                shutil.rmtree(folder, ignore_errors=True)


def _log_to(path: Path) -> logging.Handler:
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for noisy in ("alembic", "asyncio", "dbos"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return handler


def program_is_there(name: str) -> bool:
    """Say whether the program that a pair needs is installed."""
    return not name or shutil.which(name) is not None
