"""The bench that evidence is collected on: the repository, its tools, and the project's settings."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from core.evidence.protocols import Record, Steps
from core.sandbox import Sandbox
from core.workspace import Repository, Worktree


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """What a project has configured; empty means: find it, or do without.

    Commands are argument lists. What persons have accepted is no setting: see `Bench.accepted`.
    """

    test_command: tuple[str, ...] = ()
    setup_command: tuple[str, ...] = ()
    smoke_command: tuple[str, ...] = ()
    deploy_command: tuple[str, ...] = ()
    rollback_command: tuple[str, ...] = ()
    review_command: tuple[str, ...] = ()
    test_paths: tuple[str, ...] = ()
    coverage_floor: float = 80.0
    test_timeout: float = 600.0
    setup_timeout: float = 900.0
    scan_timeout: float = 180.0
    mutation_seconds: float = 3.0

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> ProjectSettings:
        """Read the known keys of `data` and leave the others; a command may also be one string."""
        known: dict[str, Any] = {}
        for name, default in _DEFAULTS.items():
            value = data.get(name)
            if value is None or value == "":
                continue
            if isinstance(default, float):
                known[name] = float(value)
            elif isinstance(value, str):
                known[name] = tuple(shlex.split(value)) if name.endswith("_command") else (value,)
            else:
                known[name] = tuple(str(item) for item in value)
        return cls(**known)


_DEFAULTS: dict[str, Any] = {f.name: f.default for f in fields(ProjectSettings)}


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The interpreter and environment that the project's own commands run with.

    `readable` are the paths to bind read-only, `digest` names the set of installed dependencies, `label` says
    for people what it is.
    """

    python: Path
    readable: tuple[Path, ...]
    env: Mapping[str, str]
    label: str
    digest: str


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that collectors and tools work with in one attempt.

    `base` is the commit that the workflow started from. `scratch` is a folder of this attempt's own, outside
    the worktree; `cache` outlives attempts and is never writable from inside the sandbox. Both may be removed
    at any time between collections.

    `accepted` holds what a person has said yes to, by the finding's key, with the words that are shown for it
    ("accepted by ada: reason", "struck by …", "standing yes of …"); `declined` what a person has said no to.
    A gate lets an accepted finding stand and lists it; it never adds to either of them.
    """

    repository: Repository
    worktree: Worktree
    base: str
    sandbox: Sandbox
    toolchain: Toolchain
    settings: ProjectSettings
    steps: Steps
    record: Record
    scratch: Path
    cache: Path | None = None
    asked_by: str = "engine"
    accepted: Mapping[str, str] = field(default_factory=dict)
    declined: Mapping[str, str] = field(default_factory=dict)
