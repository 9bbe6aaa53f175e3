"""What the service tells of the record: a row each of events, attempts, words, receipts, packets and calls.

As it was written and as it stays; how a workflow stands because of it is in `views`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.machine.states import Role, State
from core.service.plain import View


@dataclass(frozen=True, slots=True)
class EventView(View):
    """One row of the journal. `text` is what happened, for people."""

    seq: int
    event_type: str
    triggered_by: str
    at: datetime
    text: str
    data: Mapping[str, Any]
    command_id: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class AttemptView(View):
    """One run of a role in a state."""

    attempt_id: str
    workflow_id: str
    state: State
    number: int
    role: Role
    executor: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    summary: str
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class MessageView(View):
    """One turn of the chat, or one tool call or result. `seq` grows: ask for what comes after the last.

    `author` is a role or "person:NAME"; `kind` is "text", "tool_call", "tool_result", "note" or "blocked".
    `role` is who speaks or is spoken to; `voided` says that a rollback took it back.
    """

    seq: int
    message_id: str
    workflow_id: str
    attempt_id: str
    author: str
    kind: str
    text: str
    data: Mapping[str, Any]
    at: datetime
    role: str = ""
    voided: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptView(View):
    """One command that the engine ran. `output` is its tail; the whole lies under `artifact`.

    `data` is the receipt as its maker wrote it, without the output.
    """

    receipt_id: str
    workflow_id: str
    attempt_id: str
    key: str
    kind: str
    argv: tuple[str, ...]
    exit_code: int | None
    signal: int | None
    seconds: float
    sandbox: str
    tree_before: str
    tree_after: str
    counts: Mapping[str, int] | None
    asked_by: str
    output: str
    output_digest: str
    artifact: str
    cut: bool
    limit: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    title: str = ""


@dataclass(frozen=True, slots=True)
class HandoffView(View):
    """One packet that went from role to role. `answer` is "", "accepted" or "refused" by the receiver."""

    seq: int
    from_role: Role
    to_role: Role
    from_state: State
    to_state: State
    data: Mapping[str, Any]
    notes: str
    at: datetime
    answer: str
    answer_notes: str
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class CheckpointView(View):
    """The whole worktree, kept at one moment.

    `diff_digest` names the artifact with the unified diff from the base; `diffstat` counts it.
    """

    number: int
    ref: str
    commit: str
    tree: str
    state: State
    attempt: int
    at: datetime
    diff_digest: str = ""
    diffstat: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelCallView(View):
    """One call of a model: what was set aside for it, and what it cost."""

    attempt_id: str
    key: str
    model: str
    role: str
    prompt_tokens: int
    completion_tokens: int
    reserved_usd: float
    cost_usd: float | None
    estimated: bool
    settled: bool
    prompt_digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChunkView(View):
    """A piece of live output; short-lived, the finished message is in `messages`."""

    seq: int
    attempt_id: str
    text: str
    at: datetime
