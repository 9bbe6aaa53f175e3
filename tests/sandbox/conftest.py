"""A worktree to run in, and every sandbox that works on this machine."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from core.sandbox import Contained, Limits, Run, Sandbox, SandboxKind, detect, interpreter_paths, run
from core.sandbox.detection import candidates

PYTHON = Path(sys.executable)
Runner = Callable[..., Awaitable[Run]]


@pytest.fixture(
    params=candidates(), ids=lambda program: "wheel" if "site-packages" in str(program) else "system"
)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """bubblewrap, the system's and the one of the wheel."""
    return replace(detect(), program=request.param)


@pytest.fixture
def bare() -> Sandbox:
    """No containment at all, as a user may switch on."""
    return Sandbox("limits only, unsandboxed", SandboxKind.UNSANDBOXED)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A worktree with its pointer to git, and a file."""
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / ".git").write_text("gitdir: /somewhere/else\n")
    (folder / "file.txt").write_text("content\n")
    return folder


def contained(tree: Path, *argv: str, **options: object) -> Contained:
    """Return a command that works in `tree` and can run Python."""
    made = Contained(argv=argv, cwd=tree, writable=(tree,), readable=interpreter_paths(PYTHON))
    return replace(made, **options)  # type: ignore[arg-type]


@pytest.fixture
def shell(sandbox: Sandbox, tree: Path) -> Runner:
    """Run a line of shell in the sandbox."""

    async def go(line: str, **options: object) -> Run:
        limits = options.pop("limits", Limits(wall_seconds=60))
        return await run(contained(tree, "/bin/sh", "-c", line, limits=limits, **options), sandbox)

    return go


@pytest.fixture
def python(sandbox: Sandbox, tree: Path) -> Runner:
    """Run Python source in the sandbox."""

    async def go(source: str, env: Mapping[str, str] | None = None, **options: object) -> Run:
        limits = options.pop("limits", Limits(wall_seconds=60))
        command = contained(tree, str(PYTHON), "-c", source, env=env or {}, limits=limits, **options)
        return await run(command, sandbox)

    return go


def text(seen: Run) -> str:
    """Return the output as text."""
    return seen.output.decode("utf-8", "replace")
