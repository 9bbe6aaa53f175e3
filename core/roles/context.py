"""What the engine hands a role for one attempt, and the desk through which the role is heard.

A role knows no journal: everything that outlives the attempt goes through `Steps` and `Desk`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from core.evidence.bench import Bench
from core.evidence.protocols import Record, Steps
from core.llm.types import Completion, Gateway, Message
from core.machine.states import Role, State
from core.machine.workflow import Workflow
from core.roles.packets import Packet


@dataclass(frozen=True, slots=True)
class EngineReport:
    """What the engine's own checks found before the role was asked.

    `text` is what the role reads: counts, failing tests, findings with `path:line`; `ok` says whether the
    checks were green. `receipts` maps a short label ("test", "security") to the receipt's id; a review's
    references may name either.
    """

    text: str
    ok: bool = True
    data: Mapping[str, Any] = field(default_factory=dict)
    receipts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """Where an attempt ends by itself.

    `steps` counts model calls, `seconds` is wall-clock, `format_errors` is how often a bad answer is sent
    back before the attempt fails, `context_chars` is where old tool results are left out of the
    conversation.
    """

    steps: int = 100
    cost_usd: float = 3.0
    seconds: float = 1800.0
    format_errors: int = 3
    context_chars: int = 240_000


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a person said to the role. `id` grows with every message."""

    id: int
    text: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Earlier:
    """How an earlier attempt of this state ended."""

    attempt: int
    outcome: str
    summary: str


class Desk(Record, Protocol):
    """Where the role is heard and hears. Every write is idempotent by its key."""

    async def say(self, key: str, author: str, kind: str, text: str, data: Mapping[str, Any]) -> None:
        """Keep a message. `kind` is "text", "tool_call", "tool_result", "note" or "blocked"."""
        ...

    async def stream(self, text: str) -> None:
        """Show live output; it need not survive."""
        ...

    async def inbox(self, after: int) -> list[Said]:
        """Return what the person said to this role with an id above `after`, oldest first, marking
        nothing.
        """
        ...

    async def reserve(self, key: str, usd: float) -> None:
        """Set the likely cost aside; raises `ModelError` with fault BUDGET when there is not enough."""
        ...

    async def settle(self, key: str, completion: Completion, prompt_digest: str, model: str) -> None:
        """Book what the call really cost in place of the reservation."""
        ...

    async def stop_requested(self) -> bool:
        """Say whether a person wants this turn to stop."""
        ...


async def accept_all(packet: Packet) -> str:
    """Object to nothing: the check of an attempt that has none of its own."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleContext:
    """One attempt of one role in one state.

    `packets` holds the latest packet of each phase, by the phase that made it. `conversation` is the chat
    with this very role before the attempt, never another role's; `heard` is the id of the last person's
    message in it. `check` is the engine's say on a packet: empty to accept it, else the reason for the
    model.
    """

    workflow: Workflow
    state: State
    attempt: int
    role: Role
    model: str
    bench: Bench
    gateway: Gateway
    steps: Steps
    desk: Desk
    packets: Mapping[State, Mapping[str, Any]] = field(default_factory=dict)
    conversation: tuple[Message, ...] = ()
    heard: int = 0
    earlier: tuple[Earlier, ...] = ()
    refusal: str = ""
    report: EngineReport | None = None
    limits: TurnLimits = TurnLimits()
    prompt_folder: Path | None = None
    api_base: str | None = None
    api_key: str | None = field(default=None, repr=False)
    check: Callable[[Packet], Awaitable[str]] = accept_all

    @property
    def root(self) -> Path:
        """The worktree's folder, outside which no tool reaches."""
        return self.bench.worktree.path
