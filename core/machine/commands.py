"""What somebody wants to happen, decided against the stored workflow and never against the caller's word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.machine.states import Autonomy, EvidenceKind, Role, State
from core.machine.transitions import Kind, Order
from core.machine.workflow import CheckpointMark, Evidence, Verdict, Workflow


class AuthorityKind(StrEnum):
    """Who stands behind a command. The engine only records; it never moves a workflow in its own name."""

    ROLE = "role"
    PERSON = "person"
    POLICY = "policy"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class Authority:
    """Who orders: a role (`name` its id), a person (their name), the policy (the autonomy) or the engine."""

    kind: AuthorityKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.name}"

    @classmethod
    def role(cls, role: Role) -> Authority:
        """The authority of a role over its own moves."""
        return cls(AuthorityKind.ROLE, role.value)

    @classmethod
    def person(cls, name: str) -> Authority:
        """The authority of a person."""
        return cls(AuthorityKind.PERSON, name)

    @classmethod
    def policy(cls, autonomy: Autonomy) -> Authority:
        """The authority that an autonomy gives by itself."""
        return cls(AuthorityKind.POLICY, autonomy.value)

    @classmethod
    def engine(cls, name: str = "engine") -> Authority:
        """The authority to record what the engine itself has seen."""
        return cls(AuthorityKind.ENGINE, name)


class Subject(StrEnum):
    """What a person can approve."""

    REQUIREMENT = "requirement"
    PLAN = "plan"
    REVIEW = "review"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The part that all commands share.

    `command_id` makes a repetition harmless, `expected_version` a stale view; `at` is the time, handed in by
    the caller (aware UTC).
    """

    command_id: str
    workflow_id: str
    expected_version: int
    by: Authority
    at: datetime


@dataclass(frozen=True, slots=True)
class Fork:
    """Where a fork begins: the parent as it stood right after its event `seq`, which has the hash `hash`.

    `packets` are what its phases had handed in by then, `checkpoints` the rows of its kept worktrees, and
    `receipts` the digests that the parent's record binds its receipts with.
    """

    parent: Workflow
    seq: int
    hash: str
    packets: Mapping[str, Any] = field(default_factory=dict)
    checkpoints: tuple[Mapping[str, Any], ...] = ()
    receipts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Command):
    """Begin a workflow. `settings` is kept as given: models, budget and the like.

    With `fork` it begins where another one stood; only a person begins one so.
    """

    build_id: str
    project_id: str
    title: str
    request: str
    autonomy: Autonomy = Autonomy.GATED
    retry_budget: int = 3
    base_commit: str = ""
    parent: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    fork: Fork | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Command):
    """Make one transition, named by `target`, or by `kind` (its default target), or both.

    `role` is the actor that the caller speaks for, `completed` the state that it believes to have completed;
    both are checked, never trusted. `packet` is what is handed over, `checkpoint` the number of the
    checkpoint that a rollback restores.
    """

    target: State | None = None
    kind: Kind | None = None
    role: Role | None = None
    completed: State | None = None
    reason: str = ""
    packet: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve(Command):
    """Approve exactly `digest` of `subject`: evidence digests, or the tree digest for a release."""

    subject: Subject
    digest: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Command):
    """A person says yes or no to one thing that a gate asks about, named by its key, and why.

    `standing` says that the same yes was given for the whole project.
    """

    key: str
    verdict: Verdict = Verdict.ACCEPTED
    reason: str
    standing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Override(Command):
    """A person lets a red piece of evidence count as it is. `digest` names the very piece that they saw."""

    evidence: EvidenceKind
    digest: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvidence(Command):
    """The engine made a piece of evidence."""

    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCheckpoint(Command):
    """The engine made a checkpoint. `data` is shown to people (diffstat, artifact digests)."""

    mark: CheckpointMark
    ref: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginAttempt(Command):
    """An executor begins the current attempt, or takes it over."""

    state: State
    number: int
    executor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAttempt(Command):
    """The current attempt came to its end, with `outcome` as one word and `summary` as one line."""

    state: State
    number: int
    outcome: str
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCondition(Command):
    """Wait, pause, resume, fail or cancel.

    `waiting_for` says what a wait is for: "approval:SUBJECT", "answer", "acceptance" (a gate asks about
    single things), "budget" (the money is spent), "retries" (the automatic steps back are used up) or
    "person".
    """

    order: Order
    reason: str = ""
    waiting_for: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say(Command):
    """A person spoke to the active role; the words are kept as message `message_id`."""

    message_id: str
    text_digest: str


NOT_TAKEN_OVER = "not_taken_over"
"""The kind of the note that says which evidence of a fork did not stand the check, and why."""

ACCEPTANCE = "acceptance"
"""What a workflow waits for while all that is open in its evidence are questions to a person."""

PINNED = "pinned"
"""The kind of the note that pins a workflow's default branch and base commit, once and for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Command):
    """Something worth keeping that changes nothing, such as a blocked act.

    Two kinds change something: see PINNED and NOT_TAKEN_OVER.
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
