"""The command line as its users have it: a home of its own, a real process, sometimes a real terminal.

Where many calls are compared they happen inside the tests' own process, which saves seconds for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from filelock import FileLock

from core.config import worker_lock_path
from core.machine.commands import Authority
from core.machine.states import Autonomy
from core.service import OrchestrationService
from core.service.views import WorkflowView
from tui.cli import main

SECONDS = 120.0
MODEL = "rehearsal/slugify"
REQUEST = "Add slugify() with Unicode support"
POWERLESS = (
    "import ctypes, os, sys; drop = ctypes.CDLL(None).prctl; "
    "[drop(24, capability, 0, 0, 0) for capability in (1, 2)]; os.execv(sys.argv[1], sys.argv[1:])"
)
"""Starts a program for which permissions count, even where the tests are root's."""


def powerless(argv: Sequence[str]) -> list[str]:
    """Return the command as one that no permission of a file lets through."""
    return [sys.executable, "-c", POWERLESS, *argv]


@contextlib.contextmanager
def only_read(file: Path) -> Iterator[bytes]:
    """Let nobody write the file or its folder for a while; gives what is in it."""
    file.chmod(0o444)
    file.parent.chmod(0o555)
    try:
        yield file.read_bytes()
    finally:
        file.parent.chmod(0o755)
        file.chmod(0o644)


@dataclass(frozen=True)
class Called:
    """What one call said and how it ended."""

    code: int
    out: str
    err: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """The JSON on standard output, which is nothing but JSON."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    def ended(self, code: int) -> Called:
        """Check the exit code, and that no traceback reached the user."""
        assert self.code == code, self
        assert "Traceback" not in self.out + self.err, self
        return self


@dataclass
class CommandLine:
    """`qdeck` for a user with a home of their own and no keys."""

    home: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """The user's environment; a rehearsal's words come without pauses."""
        dropped = ("QDECK_", "OPENAI_", "ANTHROPIC_", "COLUMNS", "LINES")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        return {**kept, "QDECK_HOME": str(self.home), "QDECK_REHEARSAL_PACE": "0", **self.more}

    @property
    def database(self) -> Path:
        """Where the journal is."""
        return self.home / "data" / "qdeck.db"

    def argv(self, *arguments: str) -> list[str]:
        """The command as a list, for the same interpreter that runs the tests."""
        return [sys.executable, "-P", "-m", "tui.cli", *arguments]

    def __call__(
        self, *arguments: str, cwd: Path | None = None, given: str = "", may_all: bool = True
    ) -> Called:
        """Call `qdeck` without a terminal; without `may_all` as somebody for whom permissions count."""
        argv = self.argv(*arguments)
        done = subprocess.run(
            argv if may_all else powerless(argv),
            env=self.env,
            cwd=cwd or self.home.parent,
            input=given.encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        return Called(done.returncode, done.stdout.decode(), done.stderr.decode())

    def inside(self, *arguments: str, given: str = "") -> Called:
        """Call `qdeck` in this process, as without a terminal."""
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, self.env, clear=True),
            mock.patch("sys.stdin", io.StringIO(given)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = main(arguments)
        return Called(code, out.getvalue(), err.getvalue())

    def open(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start `qdeck` and leave it running."""
        return subprocess.Popen(
            self.argv(*arguments),
            env={**self.env, **(env or {})},
            cwd=self.home.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def shell(self, script: str, cwd: Path, **env: str) -> subprocess.Popen[bytes]:
        """Start a script of the shell in which `qdeck` is this program."""
        shim = self.home.parent / "bin" / "qdeck"
        shim.parent.mkdir(exist_ok=True)
        shim.write_text(f'#!/bin/sh\nexec {shlex.join(self.argv())} "$@"\n')
        shim.chmod(0o755)
        return subprocess.Popen(
            ["bash", "-c", script],
            env={**self.env, **env, "PATH": f"{shim.parent}:{self.env['PATH']}"},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    @contextlib.contextmanager
    def worked(self) -> Iterator[None]:
        """As if a worker were alive: no call starts one."""
        with mock.patch.dict(os.environ, self.env, clear=True):
            lock = worker_lock_path(f"sqlite:///{self.database}")
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            yield

    def at_terminal(self, *arguments: str) -> Terminal:
        """Call `qdeck` in a terminal of its own."""
        return Terminal(self.argv(*arguments), self.env, self.home.parent)

    def start(self, repo: Path, autonomy: Autonomy = Autonomy.GATED) -> WorkflowView:
        """Start a workflow that nobody works on."""

        async def start() -> WorkflowView:
            service = await OrchestrationService.open(str(self.database))
            try:
                project = await service.register_project(str(repo), default_branch="main")
                answer = await service.start_workflow(
                    project.project_id,
                    REQUEST,
                    autonomy=autonomy,
                    models={"default": MODEL},
                    by=Authority.person("ada"),
                )
            finally:
                await service.close()
            assert answer.workflow is not None, answer.text
            return answer.workflow

        return asyncio.run(start())


class Terminal:
    """One call in a real terminal: what it prints can be waited for, and answered."""

    def __init__(self, argv: list[str], env: Mapping[str, str], cwd: Path) -> None:
        self.text = ""
        self._pid, self._side = pty.fork()
        if self._pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], argv, {**env, "TERM": "xterm-256color"})  # noqa: S606

    def wait_for(self, pattern: str, seconds: float = SECONDS) -> str:
        """Read until the pattern has been printed."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert self._read(end), f"{pattern!r} never came in:\n{self.text}"
        return self.text

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._side, f"{line}\n".encode())

    def interrupt(self) -> None:
        """Press ctrl+c."""
        os.write(self._side, b"\x03")

    def end(self, seconds: float = SECONDS) -> Called:
        """Read to the end and return what was said."""
        end = time.monotonic() + seconds
        while self._read(end):
            pass
        if time.monotonic() > end:
            os.kill(self._pid, signal.SIGKILL)
        _, status = os.waitpid(self._pid, 0)
        os.close(self._side)
        return Called(os.waitstatus_to_exitcode(status), self.text.replace("\r\n", "\n"))

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self._side], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return False
        try:
            found = os.read(self._side, 65536)
        except OSError:
            return False
        self.text += found.decode(errors="replace")
        return bool(found)


def git(folder: Path, *words: str) -> str:
    """Run git as a person would, and return what it prints."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(
        ["git", *names, *words], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
