"""What goes into the sandbox and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run; past any of them the whole process group is killed.

    `memory_bytes` is the resident memory of all its processes together, `file_bytes` the size of one file,
    `disk_bytes` what it may add to the folders that it writes in, `output_bytes` what it may print,
    `kept_bytes` how much of that is kept.
    """

    wall_seconds: float = 600.0
    cpu_seconds: int = 600
    memory_bytes: int = 4 << 30
    processes: int = 512
    file_bytes: int = 512 << 20
    disk_bytes: int = 4 << 30
    output_bytes: int = 200 << 20
    kept_bytes: int = 256 << 10


@dataclass(frozen=True, slots=True)
class Contained:
    """One command and all that it may see.

    `writable` and `readable` are bound at their own paths; `hidden` are paths below them that must look
    empty, and the `.git` of each of these folders is hidden without asking. Of two rules the one for the
    deeper path counts. `env` is added to the allow-list that every run gets. `network` is off unless asked
    for; with it everything that the machine reaches is reached. `hosts` ("name:port") are reached without it,
    through a proxy that the environment names, and nothing beside them. `secrets` come on top of `env`, and
    what the command prints holds `[NAME]` in the place of their values.
    """

    argv: tuple[str, ...]
    cwd: Path
    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    network: bool = False
    hosts: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """What one command did.

    `exit_code` is None when a signal ended it. When that was ours, `limit` says for what: "time", "output",
    "memory", "processes" or "disk". `output` is stdout and stderr together, cut in the middle past a bound;
    `output_bytes` and `output_digest` (sha256) speak of all of it. Seconds are wall-clock and CPU;
    `peak_memory_bytes` is the resident memory of all processes together, as seen a few times a second.
    """

    argv: tuple[str, ...]
    exit_code: int | None
    signal: int | None
    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    output: bytes
    output_bytes: int
    output_digest: str
    cut: bool
    limit: str
    sandbox: str


class SandboxKind(StrEnum):
    """What contains a command."""

    BUBBLEWRAP = "bubblewrap"
    UNSANDBOXED = "unsandboxed"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The containment that works on this machine. `covers` are sentences on what it does and does not do."""

    name: str
    kind: SandboxKind
    program: Path | None = None
    covers: tuple[str, ...] = ()
