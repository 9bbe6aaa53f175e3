"""What faces ask of the worker's side: can a build run in this folder, which models are there, is all well.

Faces do not import git, models or the sandbox; they start a child process that prints one of these answers.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.config import PROJECT_FILE, Settings, load_settings
from core.errors import ModelError, QdeckError
from core.evidence import ProjectSettings, find_test_command
from core.llm import check_model, find_ways
from core.sandbox import detect
from core.workspace import Repository, export_tree, open_repository, read_file_at

_GIT_AT_LEAST = (2, 30)
_PYTHON_AT_LEAST = (3, 11)
_FREE_AT_LEAST = 100_000_000
"""Bytes that a worktree, an environment and the journal of a small build take."""


def check_project(path: Path) -> dict[str, Any]:
    """Say whether a build can run in the folder, and what it would find there."""
    repository = open_repository(path)
    settings = load_settings(read_file_at(repository, repository.head, PROJECT_FILE))
    command = _test_command(repository, settings)
    dirty = _changes(repository.path)
    return {
        "ok": True,
        "path": str(repository.path),
        "default_branch": repository.default_branch,
        "head": repository.head,
        "dirty": bool(dirty),
        "changes": dirty,
        "test_command": list(command) if command else None,
        "asks": [{"key": ask.key, "value": ask.value, "digest": ask.digest} for ask in settings.asks],
        "ignored": list(settings.ignored),
        "error": "",
        "hint": "" if command else "No test command was found; the Code Writer will have to add tests.",
    }


def _test_command(repository: Repository, settings: Settings) -> tuple[str, ...] | None:
    """Find the test command on a clean export: the checkout may hold anything."""
    with tempfile.TemporaryDirectory(prefix="qdeck-check-") as folder:
        tree = Path(folder) / "tree"
        export_tree(repository, repository.head, tree)
        return find_test_command(tree, ProjectSettings.from_data(settings.to_data()))


def _changes(checkout: Path) -> int:
    """Count the uncommitted changes of the user's checkout, which a build leaves alone."""
    found = subprocess.run(
        ["git", "-c", "core.fsmonitor=false", "-C", str(checkout), "status", "--porcelain", "-z"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    return sum(1 for entry in found.stdout.split(b"\0") if entry)


def model(name: str, api_base: str, request: str) -> dict[str, Any]:
    """Say whether the model can be tried, for this request; if not, what is wrong and what to do."""
    try:
        check_model(name, api_base or None, request=request)
    except ModelError as error:
        return {"ok": False, "fault": error.fault.value, "error": error.what, "hint": error.hint}
    return {"ok": True, "model": name}


async def models() -> dict[str, Any]:
    """Say which ways to a model there are: what is configured, keys in the environment, local servers."""
    settings = load_settings()
    ways = find_ways()
    configured = {"model": settings.model, "models": dict(settings.models), "api_base": settings.api_base}
    found = bool(settings.model or settings.models or ways.keys or ways.servers)
    return {"ok": True, "configured": configured, "any": found, **ways.to_data()}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a build needs, and whether it is there."""

    name: str
    ok: bool
    what: str
    hint: str = ""
    covers: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return the check as JSON data."""
        data = {"name": self.name, "ok": self.ok, "what": self.what, "hint": self.hint}
        return data | ({"covers": list(self.covers)} if self.covers else {})


def doctor() -> dict[str, Any]:
    """Look at everything that a build needs and say what is missing."""
    checks = [_python(), _git(), _sandbox(), _library("dbos"), _library("litellm"), _writable()]
    return {"ok": all(check.ok for check in checks), "checks": [check.to_data() for check in checks]}


def _python() -> Check:
    ok = sys.version_info[:2] >= _PYTHON_AT_LEAST
    what = f"Python {platform.python_version()} at {sys.executable}"
    return Check("python", ok, what, "" if ok else "qdeck needs Python 3.11 or newer.")


def _git() -> Check:
    program = shutil.which("git")
    if program is None:
        return Check("git", False, "git is not installed", "Install git.")
    found = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10)
    words = found.stdout.split()
    numbers = words[2].split(".")[:2] if len(words) > 2 else []
    known = len(numbers) == 2 and all(number.isdigit() for number in numbers)
    ok = known and (int(numbers[0]), int(numbers[1])) >= _GIT_AT_LEAST
    return Check("git", ok, found.stdout.strip() or "unknown", "" if ok else "qdeck needs git 2.30 or newer.")


def _sandbox() -> Check:
    try:
        sandbox = detect(unsandboxed=load_settings().unsandboxed)
    except QdeckError as error:
        return Check("sandbox", False, error.what, error.hint)
    return Check("sandbox", True, sandbox.name, covers=sandbox.covers)


def _library(name: str) -> Check:
    try:
        return Check(name, True, f"{name} {importlib.metadata.version(name)}")
    except importlib.metadata.PackageNotFoundError:
        return Check(name, False, f"{name} is not installed", "Install qdeck again.")


def _writable() -> Check:
    paths = load_settings().paths
    for folder in (paths.data, paths.cache, paths.log):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            return Check("folders", False, f"{folder}: {error.strerror}", "Set QDECK_HOME to another folder.")
        free = shutil.disk_usage(folder).free
        if free < _FREE_AT_LEAST:
            left = f"{free // 1_000_000} MB are free in {folder}"
            return Check("folders", False, left, "Free some space; builds stop where the disk is full.")
    return Check("folders", True, f"{paths.data}, {paths.cache} and {paths.log} can be written")
