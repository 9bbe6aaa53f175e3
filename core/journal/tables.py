"""The tables. `workflow_events` is the truth; what is marked derived can be dropped and built again from it.

Column names of `build_workflows`, `workflow_handoffs` and `workflow_events` are part of the public interface.
Money is kept in whole micro-dollars, times in UTC, JSON in its canonical text.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

# A migration can only change a constraint that has a name.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

_NEVER_REUSE = {"sqlite_autoincrement": True}
"""Readers ask for what comes after the last number seen, so that a number must not come twice."""


def _json(name: str | None = None, *, nullable: bool = False) -> sa.Column[Any]:
    # JSON, not JSONB: the text is hashed, and JSONB rewrites numbers.
    return sa.Column(name, sa.JSON(none_as_null=True), nullable=nullable)


def _serial() -> Any:
    # SQLite counts up only in a column of exactly this type.
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Project(SQLModel, table=True):
    """A repository that workflows build in."""

    __tablename__ = "projects"

    project_id: str = Field(primary_key=True)
    name: str
    path: str = Field(unique=True)
    default_branch: str = ""
    settings: dict[str, Any] = Field(sa_column=_json())
    created_at: datetime
    updated_at: datetime


class BuildWorkflow(SQLModel, table=True):
    """One workflow: the row of the board, derived. `folded` is the machine's own picture of it.

    Each `*_phase` column holds what that phase has made: its attempts, evidence and packet. `evidence` is the
    board's short form of six characters. `clock` is what deadlines are counted from; of the one that presses
    most, `due_for`, `due_at` is when it runs out, or `due_left` the seconds that stand still. `watch_at` is
    when the engine has to look for a breach, `breached` names those on record.
    """

    __tablename__ = "build_workflows"

    workflow_id: str = Field(primary_key=True)
    build_id: str = Field(unique=True)
    build_number: int = Field(default=0, index=True)
    project_id: str = Field(foreign_key="projects.project_id", index=True)
    user_id: str = ""
    title: str
    current_state: str
    condition: str = Field(index=True)
    waiting_for: str = ""
    condition_reason: str = ""
    autonomy: str
    version: int
    retry_budget: int
    retries_used: int
    attempt: int
    evidence: str
    checkpoint: int
    base_commit: str = ""
    parent: str = ""
    budget_micros: int | None = Field(default=None, sa_type=sa.BigInteger)
    machine_version: int
    created_at: datetime = Field(index=True)
    updated_at: datetime
    completed_at: datetime | None = None
    waiting_since: datetime | None = None
    due_at: datetime | None = None
    due_left: float | None = None
    due_for: str = ""
    breached: str = ""
    watch_at: datetime | None = Field(default=None, index=True)
    clock: dict[str, Any] = Field(sa_column=_json(nullable=True))
    request: str
    discovery_phase: dict[str, Any] = Field(sa_column=_json())
    planning_phase: dict[str, Any] = Field(sa_column=_json())
    implementation_phase: dict[str, Any] = Field(sa_column=_json())
    testing_phase: dict[str, Any] = Field(sa_column=_json())
    verification_phase: dict[str, Any] = Field(sa_column=_json())
    deployment_phase: dict[str, Any] = Field(sa_column=_json())
    meta: dict[str, Any] = Field(sa_column=_json("metadata"))
    folded: dict[str, Any] = Field(sa_column=_json())


class WorkflowHandoff(SQLModel, table=True):
    """One packet that went from role to role, and what its receiver answered. Derived."""

    __tablename__ = "workflow_handoffs"

    workflow_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    from_role: str
    to_role: str
    from_state: str
    to_state: str
    data_transferred: dict[str, Any] = Field(sa_column=_json())
    notes: str = ""
    timestamp: datetime
    answer: str = ""
    answer_notes: str = ""
    answered_at: datetime | None = None


class WorkflowEvent(SQLModel, table=True):
    """One thing that happened. Append-only by triggers, hash-chained per workflow.

    `answer` is kept with the first event of a command, so that a repeated command gets the same answer.
    """

    __tablename__ = "workflow_events"
    __table_args__ = (
        sa.UniqueConstraint("workflow_id", "seq"),
        sa.UniqueConstraint("command_id", "ordinal"),
        sa.Index(None, "workflow_id", "event_type"),
        _NEVER_REUSE,
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_serial())
    workflow_id: str
    seq: int
    event_type: str
    triggered_by: str
    event_data: dict[str, Any] = Field(sa_column=_json())
    timestamp: datetime
    command_id: str
    ordinal: int
    answer: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    prev_hash: str
    hash: str


class Checkpoint(SQLModel, table=True):
    """One kept worktree. Derived."""

    __tablename__ = "checkpoints"

    workflow_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    ref: str
    commit: str
    tree: str
    state: str
    attempt: int
    data: dict[str, Any] = Field(sa_column=_json())
    timestamp: datetime


class Attempt(SQLModel, table=True):
    """One run of a role in a state. Whoever holds `lease` may write for it; an empty lease is nobody's."""

    __tablename__ = "attempts"

    attempt_id: str = Field(primary_key=True)
    workflow_id: str = Field(index=True)
    state: str
    number: int
    role: str
    executor: str
    lease: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = ""
    summary: str = ""
    claims: int = 1


class AttemptStep(SQLModel, table=True):
    """What a finished step gave; it is never done again."""

    __tablename__ = "attempt_steps"

    attempt_id: str = Field(primary_key=True, foreign_key="attempts.attempt_id")
    key: str = Field(primary_key=True)
    result: Any = Field(default=None, sa_column=_json(nullable=True))
    at: datetime


class Message(SQLModel, table=True):
    """One turn of the chat, or one tool call or result. `voided_by` is the rollback that took it back."""

    __tablename__ = "messages"
    __table_args__ = (
        sa.UniqueConstraint("attempt_id", "key"),
        sa.Index(None, "workflow_id", "seq"),
        _NEVER_REUSE,
    )

    seq: int | None = Field(default=None, primary_key=True, sa_type=_serial())
    message_id: str = Field(unique=True)
    workflow_id: str
    attempt_id: str
    key: str
    state: str
    role: str
    author: str
    kind: str
    text: str
    data: dict[str, Any] = Field(sa_column=_json())
    at: datetime
    read_at: datetime | None = None
    voided_by: int | None = None


class Receipt(SQLModel, table=True):
    """One command that the engine ran. `data` is its maker's own record; the output lies in an artifact."""

    __tablename__ = "receipts"
    __table_args__ = (sa.UniqueConstraint("attempt_id", "key"),)

    receipt_id: str = Field(primary_key=True)
    workflow_id: str = Field(index=True)
    attempt_id: str
    key: str
    kind: str
    data: dict[str, Any] = Field(sa_column=_json())
    output: str = ""
    artifact: str | None = Field(default=None, foreign_key="artifacts.digest")
    at: datetime


class Artifact(SQLModel, table=True):
    """Bytes kept under the sha256 of their content, compressed."""

    __tablename__ = "artifacts"

    digest: str = Field(primary_key=True)
    media: str
    size: int = Field(sa_type=sa.BigInteger)
    data: bytes
    at: datetime


class ModelCall(SQLModel, table=True):
    """One call of a model: reserved before, settled after. Released when the attempt was taken back."""

    __tablename__ = "model_calls"

    attempt_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    workflow_id: str = Field(index=True)
    role: str = ""
    model: str = ""
    reserved_micros: int = Field(sa_type=sa.BigInteger)
    cost_micros: int | None = Field(default=None, sa_type=sa.BigInteger)
    estimated: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_digest: str = ""
    status: str = "reserved"
    at: datetime
    settled_at: datetime | None = None


class ApprovalToken(SQLModel, table=True):
    """A right to speak over the network as far as `scope` goes. Of the token itself only a hash is kept.

    `token_id` is the token's public part; `issued_to` the person who minted it, in whose name it speaks;
    `used_at` when it was last seen, to the minute.
    """

    __tablename__ = "approval_tokens"

    token_id: str = Field(primary_key=True)
    token_hash: str = Field(unique=True)
    scope: str
    name: str = ""
    issued_to: str
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None


class StreamChunk(SQLModel, table=True):
    """A piece of live output; short-lived, since the finished message is in `messages`."""

    __tablename__ = "stream_chunks"
    __table_args__ = (sa.Index(None, "workflow_id", "seq"), _NEVER_REUSE)

    seq: int | None = Field(default=None, primary_key=True, sa_type=_serial())
    workflow_id: str
    attempt_id: str
    text: str
    at: datetime


class WorkflowLive(SQLModel, table=True):
    """What the board shows beside the row and no event records: the activity of this second, and the cost.

    `touched` (seconds since 1970) grows with every change of anything that the board shows.
    """

    __tablename__ = "workflow_live"

    workflow_id: str = Field(primary_key=True)
    activity: str = ""
    tests: str = ""
    cost_micros: int = Field(default=0, sa_type=sa.BigInteger)
    stop_requested: bool = False
    touched: float = Field(index=True)


def storable(text: str) -> str:
    """Return the text without what no column can hold: NUL characters and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
