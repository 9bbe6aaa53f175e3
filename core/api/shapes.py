"""What goes over the wire: the fields of every request and answer, as OpenAPI describes them.

Field names are part of the public interface. Unknown fields are refused: a misspelt one is a mistake, and a
made-up one (`approved_by`) shall not look as if it had worked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from core.durations import LONGEST
from core.machine.refusal import Reason
from core.machine.states import EvidenceKind, Role, State
from core.service.views import WorkflowView

WORDS = 80_000
"""Characters of a request, a message or a reason: escaped as JSON they fit into a body. More is a file."""


def _whole(value: Any) -> Any:
    """To JSON Schema 7.0 is an integer as well."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Words = Annotated[str, Field(min_length=1, max_length=WORDS)]
Version = Annotated[
    int | None,
    Field(
        strict=True,
        ge=0,
        le=2**53,
        description="The version that you have seen (header Workflow-Version); any other one now is refused.",
    ),
    BeforeValidator(_whole),
]
Standing = Literal["active", "waiting", "paused", "failed", "cancelled", "complete"]


def standing(view: WorkflowView) -> Standing:
    """Return the one word that says how a workflow stands."""
    return "complete" if view.state is State.COMPLETE else view.condition.value


class Body(BaseModel):
    """What all requests share."""

    model_config = ConfigDict(extra="forbid")


Span = Annotated[
    float | None, Field(strict=True, ge=1, le=LONGEST, description="Seconds; null lifts the deadline.")
]


class Deadlines(Body):
    """How long a workflow and its phases may take. Time in which a person is waited for is not counted."""

    workflow: Span = None
    discovery: Span = None
    planning: Span = None
    implementation: Span = None
    testing: Span = None
    verification: Span = None
    deployment: Span = None


class StartBody(Body):
    """Begin a workflow. How much moves by itself, models and budget are the server's settings."""

    requirements: Words = Field(description="What to build, in your own words.")
    build_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$",
        description="A short name of your own; the next number without one.",
    )
    user_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="For whom; kept, and no authority: orders are recorded under the token's own person.",
    )
    metadata: dict[str, JsonValue] = Field(default={}, description="Kept as it is; nothing reads it.")
    deadlines: Deadlines = Field(default=Deadlines(), description="Else the server's settings.")


class AcceptBody(Body):
    """Say yes or no to one thing that a gate asks about."""

    key: str = Field(min_length=1, max_length=200, description="The question's key, as `asks` lists it.")
    accept: bool = Field(default=True, description="False declines, and takes back what was accepted.")
    reason: Words = Field(description="Why; it stays in the record.")
    standing: bool = Field(default=False, description="For the whole project, where the question allows it.")
    expected_version: Version = None


class OverrideBody(Body):
    """Let red evidence count as it is."""

    evidence: EvidenceKind = Field(description="Which piece.")
    digest: str = Field(min_length=1, max_length=200, description="The very piece that was seen.")
    reason: Words = Field(description="Why; it stays on the card and in the record for good.")
    expected_version: Version = None


class AdvanceBody(Body):
    """Move one step forward: complete a phase, or accept a handoff."""

    role: Role = Field(description="Who has completed the state.")
    completed_state: State = Field(description="The state that is completed; refused when it is another one.")
    phase_result: dict[str, JsonValue] = Field(
        default={}, description="Kept beside the move. It is no evidence: that is made by the engine alone."
    )
    next_state: State | None = Field(default=None, description="Where to; else where the table says.")
    expected_version: Version = None


class RetryBody(Body):
    """Send the work back to an earlier phase; the files stay."""

    reason: Words = Field(description="What is wrong; the next attempt is told.")
    role: Role | None = Field(default=None, description="Who asks; else the role that acts now.")
    target_state: State | None = Field(default=None, description="Where to; else where the table says.")
    expected_version: Version = None


class RollbackBody(Body):
    """Go back to an earlier phase with files and conversations as they were then."""

    target_state: State
    reason: Words
    checkpoint: Annotated[int | None, Field(strict=True, ge=0, le=2**31), BeforeValidator(_whole)] = None
    expected_version: Version = None


class SteerBody(Body):
    """Pause, resume or cancel."""

    reason: str = Field(default="", max_length=WORDS)
    expected_version: Version = None


class ForkBody(Body):
    """Begin a new workflow where this one stood after one of its events. Autonomy and budget are its own."""

    at: Annotated[int, Field(strict=True, ge=1, le=2**31), BeforeValidator(_whole)] = Field(
        description="The number of the event; `history` lists them."
    )
    request: Words | None = Field(
        default=None, description="What to build instead; then the fork begins in discovery."
    )


class DeadlineBody(Body):
    """Other deadlines; those that are not named stay."""

    deadlines: Deadlines
    expected_version: Version = None


class ChatBody(Body):
    """Say something to the role that is at work, or that waits."""

    text: Words


class StartReply(BaseModel):
    """A workflow at its start."""

    workflow_id: str
    build_id: str
    initial_state: State
    status: Standing
    current_role: Role
    next_role: Role | None
    instructions: str


class ForkReply(StartReply):
    """A fork at its start, and where it comes from."""

    parent_workflow_id: str
    parent_build_id: str
    parent_event: int


class AdvanceReply(BaseModel):
    """What became of an advance. A release's approval leaves the state: the engine completes it."""

    workflow_id: str
    previous_state: State
    new_state: State
    next_role: Role | None
    handoff_data: dict[str, Any]
    is_complete: bool
    state_description: str


class Handoff(BaseModel):
    """A packet that went from role to role, and what its receiver answered."""

    from_role: Role
    to_role: Role
    from_state: State
    to_state: State
    data_transferred: dict[str, Any]
    notes: str
    timestamp: datetime
    answer: Literal["", "accepted", "refused"]
    answer_notes: str
    answered_at: datetime | None


class DeadlineEntry(BaseModel):
    """How a deadline stands: `due_at` is null while its clock rests, `left` negative once it is missed."""

    name: str
    limit: float
    spent: float
    left: float
    due_at: datetime | None
    breached: bool


class StatusReply(BaseModel):
    """How a workflow stands. `progress` is the share of the six phases whose evidence counts now."""

    workflow_id: str
    build_id: str
    project_id: str
    current_state: State
    current_role: Role
    progress: float = Field(ge=0, le=1)
    completed_phases: list[State]
    handoff_history: list[Handoff]
    elapsed_time: float = Field(description="Seconds.")
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    next_expectations: list[str]
    status: Standing
    deadlines: list[DeadlineEntry]
    due_at: datetime | None = Field(description="When the deadline that presses most runs out.")
    breached: bool = Field(description="Whether any deadline was missed.")


class MoveReply(BaseModel):
    """What became of a step back."""

    workflow_id: str
    previous_state: State
    new_state: State
    current_role: Role
    status: Standing
    attempt: int
    retries_used: int
    retry_budget: int
    text: str


class EventEntry(BaseModel):
    """One row of the journal: what happened, who stands behind it, and its place in the chain of hashes."""

    seq: int
    event_type: str
    triggered_by: str
    event_data: dict[str, Any]
    timestamp: datetime
    text: str
    command_id: str
    prev_hash: str
    hash: str


class HistoryReply(BaseModel):
    """The latest events, or those behind `after`; oldest first."""

    workflow_id: str
    events: list[EventEntry]


class StatsReply(BaseModel):
    """Figures of one project. Times are seconds, rates shares of one, null where nothing is to be counted."""

    total_workflows: int
    completed: int
    in_progress: int
    failed: int
    average_duration: float | None
    success_rate: float | None
    most_common_failure_point: State | None
    average_handoffs: float | None
    deadlines_met: float | None = Field(description="Of the deadlines that were met or missed.")


class Question(BaseModel):
    """One thing that a gate asks a person about."""

    key: str
    evidence: EvidenceKind
    name: str
    text: str
    standing: bool
    strikes: bool
    open: bool
    answer: str


class AsksReply(BaseModel):
    """What the gates of a workflow ask now, answered or not."""

    workflow_id: str
    asks: list[Question]


class SteerReply(BaseModel):
    """What became of an order, and the version that it left."""

    workflow_id: str
    build_id: str
    current_state: State
    status: Standing
    version: int
    text: str


class Row(BaseModel):
    """A workflow as a line of the board. Times are seconds since 1970."""

    workflow_id: str
    build_id: str
    title: str
    project: str
    state: State
    condition: str
    waiting_for: str
    autonomy: str
    activity: str
    tests: str
    cost_usd: float
    budget_usd: float | None
    retries_used: int
    retry_budget: int
    attempt: int
    version: int
    created_at: float
    updated_at: float
    completed_at: float | None
    due_at: float | None
    due_left: float | None
    due_for: str
    breached: str


class ListReply(BaseModel):
    """Workflows, newest first, and how many there are in all."""

    total: int
    workflows: list[Row]


class Missing(BaseModel):
    """One thing that a move still needs."""

    what: str
    why: str
    who: str


class WhyNot(BaseModel):
    """Why the machine refused, and the shortest legal way on; `lines` says the same to people."""

    reason: Reason
    missing: list[Missing]
    path: list[str]
    lines: list[str]


class FaultReply(BaseModel):
    """What went wrong and what to do. `why_not` is set where the machine refused."""

    code: str
    what: str
    hint: str
    why_not: WhyNot | None
