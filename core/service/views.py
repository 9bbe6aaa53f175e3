"""What the service answers: frozen values, JSON-ready through `to_data`. Knows the machine, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.machine.refusal import Refusal
from core.machine.states import Autonomy, Condition, EvidenceKind, Role, State
from core.machine.transitions import Kind
from core.service.on_record import AttemptView as AttemptView
from core.service.on_record import CheckpointView as CheckpointView
from core.service.on_record import ChunkView as ChunkView
from core.service.on_record import EventView as EventView
from core.service.on_record import HandoffView as HandoffView
from core.service.on_record import MessageView as MessageView
from core.service.on_record import ModelCallView as ModelCallView
from core.service.on_record import ReceiptView as ReceiptView
from core.service.plain import View as View
from core.service.plain import plain as plain
from core.service.reports import StatsView as StatsView


@dataclass(frozen=True, slots=True)
class ProjectView(View):
    """A repository that workflows build in."""

    project_id: str
    name: str
    path: str
    default_branch: str
    settings: Mapping[str, Any]
    created_at: datetime
    workflows: int = 0


@dataclass(frozen=True, slots=True)
class EvidenceView(View):
    """One piece of evidence and whether it counts now. `why` says why it does not; empty when it does."""

    kind: EvidenceKind
    ok: bool
    current: bool
    why: str
    summary: str
    detail: Mapping[str, Any]
    approved_by: str
    digest: str
    overridden: str = ""
    """Who lets it count although it is red, and why; to be shown loudly wherever the evidence is."""
    tree: str = ""
    """The tree that it was made of; empty for what rests on no files."""


@dataclass(frozen=True, slots=True)
class AskView(View):
    """One thing that a gate asks a person about, to be answered by itself: `accept_finding(…, key, …)`.

    `evidence` is the piece that it keeps red; `name` is what it is about (a place, a test, a file), `text`
    what is wrong with it. `standing`: the yes may be given for the whole project. `strikes`: it is a hidden
    check, and a yes strikes it. `open` while nobody has answered; `answer` are the words of the answer.
    """

    key: str
    evidence: EvidenceKind
    name: str
    text: str
    standing: bool
    strikes: bool
    open: bool
    answer: str = ""


@dataclass(frozen=True, slots=True)
class SaidView(View):
    """A person's word that stays on the card: `verdict` is accepted, struck, declined or overridden.

    `what` is what it was about, `evidence` the piece that an override covers.
    """

    key: str
    verdict: str
    by: str
    reason: str
    what: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class StandingView(View):
    """A standing yes of a project: who gave it, why and when, and who took it back. Times are ISO texts."""

    project_id: str
    key: str
    what: str
    by: str
    reason: str
    at: str
    revoked_by: str = ""
    revoked_reason: str = ""
    revoked_at: str = ""


@dataclass(frozen=True, slots=True)
class GrantView(View):
    """What a person granted to one exact command of a project. No value of a secret is in it."""

    project_id: str
    grant_id: str
    command: str
    argv: tuple[str, ...]
    digest: str
    secrets: tuple[str, ...]
    hosts: tuple[str, ...]
    by: str
    at: str
    revoked_by: str = ""
    revoked_at: str = ""


@dataclass(frozen=True, slots=True)
class DeadlineView(View):
    """One deadline: of the "workflow", or of the phase that it is called after. Times are seconds.

    `due_at` is when it runs out; None while its clock stands still, since a person is waited for or another
    phase is at work. `left` is negative once it is missed.
    """

    name: str
    limit: float
    spent: float
    left: float
    due_at: datetime | None
    breached: bool


@dataclass(frozen=True, slots=True)
class WorkflowView(View):
    """All that a card shows of one workflow.

    `role` acts now and `next_role` after the next move forward; `progress` is the share of the six phases
    whose evidence counts now; `reason` says why the condition is what it is; `activity` is what happens
    this second. A fork names its `parent` and the event of it that it began at. `due_for` names the deadline
    that presses most: it runs out at `due_at`, or stands still with `due_left` seconds while a person is
    waited for; `breached` says that any deadline was missed.
    """

    workflow_id: str
    build_id: str
    project_id: str
    project_name: str
    title: str
    request: str
    state: State
    condition: Condition
    autonomy: Autonomy
    version: int
    waiting_for: str
    reason: str
    role: Role
    next_role: Role | None
    progress: float
    completed_phases: tuple[State, ...]
    evidence: Mapping[EvidenceKind, EvidenceView]
    retries_used: int
    retry_budget: int
    attempt: int
    attempt_id: str
    cost_usd: float
    budget_usd: float | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    elapsed: timedelta
    state_description: str
    next_expectations: tuple[str, ...]
    activity: str
    tests: str
    last_refusal: str
    models: Mapping[str, str]
    base_commit: str
    checkpoint: int
    user_id: str = ""
    parent: str = ""
    parent_build_id: str = ""
    parent_event: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    said: tuple[SaidView, ...] = ()
    """What persons said to single findings and gates, overrides first; shown for good."""
    deadlines: tuple[DeadlineView, ...] = ()
    due_at: datetime | None = None
    due_left: float | None = None
    due_for: str = ""
    breached: bool = False


@dataclass(frozen=True, slots=True)
class Answer(View):
    """What became of a command. `text` is a sentence for people, the why-not included."""

    ok: bool
    workflow: WorkflowView | None
    refusal: Refusal | None
    exit_code: int
    text: str
    event_seqs: tuple[int, ...] = ()
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class GateItemView(View):
    """One clause of a gate, met or not, and who can supply it."""

    what: str
    ok: bool
    why: str
    who: str
    approval: bool = False


@dataclass(frozen=True, slots=True)
class MoveView(View):
    """One legal transition from here. When it is not `ready`, `why_not` says why and `hint` what to do."""

    transition: str
    kind: Kind
    source: State
    target: State
    actor: Role | None
    ready: bool
    why_not: str
    hint: str
    path: tuple[str, ...]
    gate: tuple[GateItemView, ...]
    needs_reason: bool


@dataclass(frozen=True, slots=True)
class CriterionView(View):
    """One acceptance criterion, and what proves it."""

    number: int
    text: str
    proof: str = ""


@dataclass(frozen=True, slots=True)
class DiffStatView(View):
    """How much changed since the base commit."""

    files: int = 0
    added: int = 0
    removed: int = 0
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionView(View):
    """What a person has to decide, on one screen: what changed, what ran, what it proves, what it costs.

    `subject` is what the workflow waits for ("approval:plan", "answer", "acceptance", "budget",
    "retries", "person"), `kind` its first word; `digest` is what an approval would name. `asks` are the
    single questions of the gates, each with a yes or no of its own; those that are `open` keep the gate shut.
    """

    workflow_id: str
    build_id: str
    version: int
    kind: str
    subject: str
    title: str
    question: str
    digest: str
    gate: tuple[GateItemView, ...]
    criteria: tuple[CriterionView, ...]
    diff: DiffStatView | None
    evidence: Mapping[EvidenceKind, EvidenceView]
    findings: tuple[Mapping[str, Any], ...]
    checklist: tuple[Mapping[str, Any], ...]
    receipts: tuple[ReceiptView, ...]
    moves: tuple[MoveView, ...]
    cost_usd: float
    budget_usd: float | None
    since: datetime
    asks: tuple[AskView, ...] = ()
