"""What the service says about the record itself and about many workflows: frozen values, like all views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.machine.states import Condition, Role, State
from core.service.plain import View


@dataclass(frozen=True, slots=True)
class BreakView(View):
    """One sign that the record was touched: which workflow, which event (0: none), and a sentence."""

    sign: str
    workflow_id: str
    build_id: str
    seq: int
    text: str

    def __str__(self) -> str:
        name = self.build_id or self.workflow_id
        return f"{name}: {self.text}." if name else f"{self.text[:1].upper()}{self.text[1:]}."


@dataclass(frozen=True, slots=True)
class VerifiedView(View):
    """What a look through the whole event log found; `breaks` holds the first of them, `broken` counts all.

    `seal` names the state of the log: kept somewhere else, it shows later that nothing was rewritten up to
    then. `limits` says what such a look cannot find.
    """

    whole: bool
    events: int
    workflows: int
    seconds: float
    anchor: str
    anchored: int
    broken: int
    breaks: tuple[BreakView, ...]
    seal: str
    limits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RebuiltView(View):
    """What came out when all that is derived was built again from the events; `kept`: and it stayed."""

    equal: bool
    kept: bool
    workflows: int
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DossierView(View):
    """A dossier that was written: its file, the script that verifies it, and the sha256 of the file."""

    build_id: str
    path: str
    verifier: str
    digest: str
    events: int
    size: int


@dataclass(frozen=True, slots=True)
class TimesView(View):
    """Seconds that builds spent in a phase: at work, waiting for a person, waiting for a model."""

    working: float
    person: float
    model: float


@dataclass(frozen=True, slots=True)
class MetView(View):
    """How often a deadline was met, and how often it was missed."""

    met: int
    missed: int


@dataclass(frozen=True, slots=True)
class RoleFiguresView(View):
    """What one role has done, beside the others.

    Its work ends by going forward or with a build that failed in its hands: `ended` counts both. `stood` is
    what went forward and never came back to it, `success_rate` the share of that. `sent_back` counts by cause
    what had to be done again by this role.
    """

    attempts: int
    ended: int
    stood: int
    failed: int
    success_rate: float | None
    sent_back: Mapping[str, int]
    times: TimesView
    cost_usd: float


@dataclass(frozen=True, slots=True)
class ProjectFiguresView(View):
    """What became of one project's builds, beside the others; each figure means what it means for all."""

    project_id: str
    name: str
    workflows: int
    completed: int
    failed: int
    cancelled: int
    success_rate: float | None
    per_week: float | None
    average_seconds: float | None
    sent_back: Mapping[str, int]
    times: TimesView
    cost_usd: float
    cost_per_accepted: float | None


@dataclass(frozen=True, slots=True)
class StatsView(View):
    """Figures over the workflows of one project, or of all.

    `times` are sums over all builds, `seconds_by_state` the mean of an attempt. `back_by_cause` counts every
    move back. `worst_phase` is the one from which most was sent back or in which most failed.
    `cost_per_accepted` is all that was spent, on builds that came to nothing too, for each complete one.
    `completed_by_week` has the ISO weeks, `per_week` the mean since the first start. `deadlines` counts by
    "workflow" and phase, `deadlines_met` is the share of them all that was met. `by_role` has the five roles,
    `by_project` the projects that are counted, the one with most builds first.
    """

    project_id: str | None
    workflows: int
    completed: int
    in_progress: int
    failed: int
    cancelled: int
    by_state: Mapping[State, int]
    by_condition: Mapping[Condition, int]
    success_rate: float | None
    average_seconds: float | None
    seconds_by_state: Mapping[State, float]
    times: Mapping[State, TimesView]
    retries: int
    refusals: int
    rollbacks: int
    back_by_cause: Mapping[str, int]
    worst_phase: State | None
    attempts: int
    handoffs: int
    average_handoffs: float | None
    completed_by_week: Mapping[str, int]
    per_week: float | None
    model_calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    cost_per_accepted: float | None
    cost_by_model: Mapping[str, float]
    cost_by_role: Mapping[str, float] = field(default_factory=dict)
    deadlines: Mapping[str, MetView] = field(default_factory=dict)
    deadlines_met: float | None = None
    by_role: Mapping[Role, RoleFiguresView] = field(default_factory=dict)
    by_project: tuple[ProjectFiguresView, ...] = ()
