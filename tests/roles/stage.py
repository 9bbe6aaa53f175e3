"""A stage for roles: a real repository and sandbox, steps and desk in memory, a model that plays lists."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.errors import ModelError, ModelFault
from core.evidence import Bench, ProjectSettings, Receipt, own_toolchain
from core.llm import Call, Completion, Delta, TextDelta, ToolCall, Usage
from core.machine.states import Autonomy, State, actor_in
from core.machine.workflow import Workflow
from core.roles import RoleContext, Said
from core.sandbox import Sandbox
from core.workspace import create_worktree, open_repository

WORKFLOW = "0123456789abcdef0123456789abcdef"
PROJECT = Path(__file__).parents[2] / "prompts" / "rehearsal" / "slugify" / "project"
REQUEST = "Add slugify() with Unicode support"


class Killed(Exception):
    """The process died here."""


class KeptSteps:
    """Steps that keep their results as JSON text, as the journal does.

    `die_at` ends the run after that step's work and before its result is kept, as a crash would.
    """

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.ran: list[str] = []
        self.die_at = ""

    async def once(self, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        if key not in self.kept:
            self.ran.append(key)
            result = json.dumps(await work())
            if key == self.die_at:
                self.die_at = ""
                raise Killed(key)
            self.kept[key] = result
        return json.loads(self.kept[key])


@dataclass
class KeptDesk:
    """Everything that a role said, by key; the same key again changes nothing."""

    said: dict[str, tuple[str, str, str, Mapping[str, Any]]] = field(default_factory=dict)
    streamed: list[str] = field(default_factory=list)
    words: list[Said] = field(default_factory=list)
    reserved: dict[str, float] = field(default_factory=dict)
    settled: list[tuple[str, str, str]] = field(default_factory=list)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    activities: list[str] = field(default_factory=list)
    budget: float = 1_000.0
    stop: bool = False

    async def say(self, key: str, author: str, kind: str, text: str, data: Mapping[str, Any]) -> None:
        self.said.setdefault(key, (author, kind, text, data))

    async def stream(self, text: str) -> None:
        self.streamed.append(text)

    async def inbox(self, after: int) -> list[Said]:
        return [word for word in self.words if word.id > after]

    async def reserve(self, key: str, usd: float) -> None:
        self.reserved[key] = usd
        if sum(self.reserved.values()) > self.budget or self.budget <= 0:
            raise ModelError(ModelFault.BUDGET, "The budget is used up.", "Raise it.")

    async def settle(self, key: str, completion: Completion, prompt_digest: str, model: str) -> None:
        self.settled.append((key, prompt_digest, model))

    async def stop_requested(self) -> bool:
        return self.stop

    async def receipt(self, receipt: Receipt) -> str:
        self.receipts.setdefault(receipt.key, receipt)
        return f"r{list(self.receipts).index(receipt.key) + 1}"

    async def artifact(self, data: bytes, media: str) -> str:
        return media

    async def activity(self, text: str) -> None:
        self.activities.append(text)

    def kinds(self, kind: str) -> list[str]:
        """Return the texts of one kind, in order."""
        return [text for _, what, text, _ in self.said.values() if what == kind]


Answer = Completion | ModelError
"""What the listed model does at one turn."""


class ListedModel:
    """A model that plays a list of answers and remembers what it was asked."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.answers = list(answers)
        self.calls: list[Call] = []

    async def stream(self, call: Call) -> AsyncIterator[Delta]:
        self.calls.append(call)
        answer = self.answers[min(len(self.calls) - 1, len(self.answers) - 1)]
        if isinstance(answer, ModelError):
            raise answer
        for word in answer.text.split(" "):
            yield TextDelta(word + " ")
        yield answer

    async def aclose(self) -> None:
        """Nothing is open."""

    def heard(self, turn: int) -> str:
        """Return everything that the model was told at one call."""
        return "\n".join(message.content for message in self.calls[turn].messages)


def says(text: str = "", *calls: tuple[str, Any], cost: float | None = None) -> Completion:
    """Return an answer with tool calls; arguments that are no text are written as JSON."""
    made = tuple(
        ToolCall(f"call_{at}", name, given if isinstance(given, str) else json.dumps(given))
        for at, (name, given) in enumerate(calls)
    )
    return Completion(text, made, Usage(10, 5, cost), "tool_calls" if made else "stop", "listed")


@dataclass
class Stage:
    """A repository with a workflow's worktree, and what an attempt needs besides."""

    bench: Bench
    steps: KeptSteps
    desk: KeptDesk

    @property
    def root(self) -> Path:
        """The worktree."""
        return self.bench.worktree.path

    def write(self, files: Mapping[str, str]) -> None:
        """Put files into the worktree."""
        lay(self.root, files)

    def context(self, state: State, gateway: Any = None, **more: Any) -> RoleContext:
        """Return the context of an attempt in `state`."""
        autonomy = more.pop("autonomy", Autonomy.GATED)
        workflow = Workflow(
            WORKFLOW, "B-0001", "p", REQUEST, more.pop("request", REQUEST), state, autonomy=autonomy
        )
        given: dict[str, Any] = {
            "workflow": workflow,
            "state": state,
            "attempt": 1,
            "role": actor_in(state),
            "model": "listed",
            "bench": self.bench,
            "gateway": gateway or ListedModel([]),
            "steps": self.steps,
            "desk": self.desk,
        }
        return RoleContext(**{**given, **more})

    def fresh(self) -> Stage:
        """Return the stage for another attempt: the same files, new steps and desk."""
        steps, desk = KeptSteps(), KeptDesk()
        return Stage(replace(self.bench, steps=steps, record=desk), steps, desk)


def lay(root: Path, files: Mapping[str, str]) -> None:
    """Write files below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def git(folder: Path, *words: str) -> None:
    """Run git as a user would, without the user's configuration."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *words], cwd=folder, env=env, check=True, capture_output=True)


def set_stage(place: Path, sandbox: Sandbox, project: Path = PROJECT) -> Stage:
    """Make a repository out of a folder, and a workflow's worktree on it."""
    origin = place / "origin"
    shutil.copytree(project, origin)
    git(origin, "init", "--quiet")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--message=base")
    repo = open_repository(origin)
    tree = create_worktree(
        repo, build_id="B-0001", workflow_id=WORKFLOW, root=place / "worktrees", base=repo.head
    )
    steps, desk = KeptSteps(), KeptDesk()
    scratch, cache = place / "scratch", place / "cache"
    bench = Bench(
        repo, tree, repo.head, sandbox, own_toolchain(), ProjectSettings(), steps, desk, scratch, cache
    )
    return Stage(bench, steps, desk)
