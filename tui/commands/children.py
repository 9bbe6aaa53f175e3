"""The processes that commands start: the worker, and short questions to its side.

A face imports neither git nor a model nor the sandbox; what it wants to know of them it asks a child process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import ModelError, ModelFault, ProjectError, QdeckError
from core.home import expanded
from tui.worker import start_worker

_QUESTION_SECONDS = 120.0


def ask_child(module: str, *arguments: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run one of our modules and return the JSON object that it prints. Raises QdeckError without one."""
    # -P: a folder called `core` where the user stands must not be taken for ours.
    command = [sys.executable, "-P", "-m", module, *arguments]
    last = ""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_QUESTION_SECONDS,
            check=False,
        )
        last = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
        answer = json.loads(done.stdout.decode(errors="replace").strip().splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as error:
        what = f"qdeck could not ask {module}: it gave no answer."
        raise QdeckError(what, f"{last or type(error).__name__}; `qdeck doctor` looks further.") from error
    if not isinstance(answer, dict):
        raise QdeckError(f"qdeck could not understand the answer of {module}.", "Install qdeck again.")
    return answer


def check_project(folder: Path) -> dict[str, Any]:
    """Return what a build would find in the folder: `path`, `default_branch`, `head`, `dirty`, …

    Raises ProjectError when no build can run there.
    """
    answer = ask_child("core.engine", "check", "--json", str(expanded(folder).absolute()))
    if not answer.get("ok"):
        raise ProjectError(
            str(answer.get("error") or "No build can run there."), str(answer.get("hint") or "")
        )
    return answer


def check_model(model: str, api_base: str, request: str) -> None:
    """Raise ModelError, with the ways to a model, when this one cannot even be tried for the request."""
    question = ("model", "--json", f"--name={model}", f"--api-base={api_base}")
    # A long request is never one that a scripted model knows, and may not fit into an argument.
    answer = ask_child("core.engine", *question, f"--request={request[:1_000]}")
    if not answer.get("ok"):
        fault = ModelFault(answer.get("fault") or ModelFault.NONE_CONFIGURED)
        raise ModelError(fault, str(answer.get("error")), str(answer.get("hint") or ""))


class WorkerChild:
    """A worker of this command's own for one workflow: started again when it dies, ended with it."""

    def __init__(self, url: str, workflow_id: str, arguments: Sequence[str] = ()) -> None:
        self._url = url
        self._arguments = ("--once", workflow_id, *arguments)
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the worker, unless it lives."""
        if self._child is None or self._child.poll() is not None:
            self._child = start_worker(self._url, self._arguments)

    def ended(self) -> int | None:
        """Return the exit code of the worker that ended, None while it lives or before it was started."""
        return None if self._child is None else self._child.poll()

    def stop(self) -> None:
        """End the worker and wait for it; what it was doing stays open in the journal."""
        if self._child is None or self._child.poll() is not None:
            return
        self._child.terminate()
        try:
            self._child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
