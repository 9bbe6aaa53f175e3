"""A workflow as the machine sees it: the fold of its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from core.machine.states import Autonomy, Condition, EvidenceKind, Role, State, actor_in
from core.machine.transitions import MACHINE_VERSION

RESTS_ON: dict[EvidenceKind, tuple[str, ...]] = {
    EvidenceKind.REQUIREMENT: (),
    EvidenceKind.PLAN: ("requirement",),
    EvidenceKind.CODE: ("requirement", "plan", "tree"),
    EvidenceKind.TESTS: ("requirement", "plan", "tree"),
    EvidenceKind.REVIEW: ("requirement", "plan", "tree"),
    EvidenceKind.SMOKE: ("requirement", "plan", "tree"),
}
"""Which digests each piece of evidence must be bound to; a piece that leaves one out is never current."""


class AttemptPhase(StrEnum):
    """How far the current attempt of the current state has come."""

    DUE = "due"
    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence, made by the engine.

    `digest` is the sha256 of its own content, `rests_on` the digests (requirement, plan, tree) that it is
    bound to, `stale` the reason why a back move voided it; `approved_by` is empty, "auto" or "person:NAME".
    """

    kind: EvidenceKind
    ok: bool
    digest: str
    rests_on: Mapping[str, str]
    summary: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    approved_by: str = ""
    stale: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return the evidence as JSON data."""
        return {
            "kind": self.kind.value,
            "ok": self.ok,
            "digest": self.digest,
            "rests_on": dict(self.rests_on),
            "summary": self.summary,
            "detail": dict(self.detail),
            "approved_by": self.approved_by,
            "stale": self.stale,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Evidence:
        """Read what `to_data` wrote; raises KeyError or ValueError on anything else."""
        return cls(
            kind=EvidenceKind(data["kind"]),
            ok=bool(data["ok"]),
            digest=str(data["digest"]),
            rests_on={str(k): str(v) for k, v in data["rests_on"].items()},
            summary=str(data["summary"]),
            detail=dict(data.get("detail", {})),
            approved_by=str(data.get("approved_by", "")),
            stale=str(data.get("stale", "")),
        )


class Verdict(StrEnum):
    """What a person said to one thing that a gate asks about, or to a whole piece of evidence."""

    ACCEPTED = "accepted"
    STRUCK = "struck"
    DECLINED = "declined"
    OVERRIDDEN = "overridden"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A person's word on one thing: its key, what it is, what was said, by whom ("person:NAME") and why.

    `covers` holds, for an override, what the evidence rested on and the keys of what was red in it.
    """

    key: str
    verdict: Verdict
    by: str
    reason: str
    what: str = ""
    covers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether the thing does not stand in the way any more."""
        return self.verdict in (Verdict.ACCEPTED, Verdict.STRUCK)

    def __str__(self) -> str:
        return f"{self.verdict.value} by {self.by.removeprefix('person:')}: {self.reason}"

    def to_data(self) -> dict[str, Any]:
        """Return the word as JSON data."""
        return {
            "key": self.key,
            "verdict": self.verdict.value,
            "by": self.by,
            "reason": self.reason,
            "what": self.what,
            "covers": dict(self.covers),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Acceptance:
        """Read what `to_data` wrote, also from an event, which has more in it."""
        return cls(
            str(data["key"]),
            Verdict(data["verdict"]),
            str(data["by"]),
            str(data["reason"]),
            str(data.get("what", "")),
            dict(data.get("covers", {})),
        )


@dataclass(frozen=True, slots=True)
class CheckpointMark:
    """A checkpoint as the machine knows it: its number and the tree it holds."""

    number: int
    commit: str
    tree: str
    state: State
    attempt: int

    def to_data(self) -> dict[str, Any]:
        """Return the mark as JSON data."""
        return {
            "number": self.number,
            "commit": self.commit,
            "tree": self.tree,
            "state": self.state.value,
            "attempt": self.attempt,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> CheckpointMark:
        """Read what `to_data` wrote."""
        return cls(
            int(data["number"]),
            str(data["commit"]),
            str(data["tree"]),
            State(data["state"]),
            int(data["attempt"]),
        )


_PLAIN = (
    *("workflow_id", "build_id", "project_id", "title", "request", "version", "retry_budget", "retries_used"),
    *(
        "current",
        "release_approval",
        "release_approved_by",
        "waiting_for",
        "condition_reason",
        "last_refusal",
    ),
    *("checkpoint", "restore", "base_commit", "parent", "settings", "machine_version"),
)


@dataclass(frozen=True, slots=True)
class Workflow:
    """One build request on its way. `version` is the number of events folded in.

    `attempts` holds the current attempt number of every state entered; `current` the digests that evidence is
    compared with; `entered_at` the checkpoint number at which each state was last entered from before;
    `restore` the checkpoint that a rollback ordered, or a fork begins with, and the engine has yet to bring
    back; `parent` and `parent_event` the workflow and its event that a fork began at; `acceptances` what
    persons said to single things, by key.
    """

    workflow_id: str
    build_id: str
    project_id: str
    title: str
    request: str
    state: State = State.DISCOVERY
    condition: Condition = Condition.ACTIVE
    autonomy: Autonomy = Autonomy.GATED
    version: int = 0
    retry_budget: int = 3
    retries_used: int = 0
    attempts: Mapping[State, int] = field(default_factory=lambda: MappingProxyType({}))
    attempt_phase: AttemptPhase = AttemptPhase.DUE
    evidence: Mapping[EvidenceKind, Evidence] = field(default_factory=lambda: MappingProxyType({}))
    current: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    release_approval: str = ""
    release_approved_by: str = ""
    waiting_for: str = ""
    condition_reason: str = ""
    last_refusal: str = ""
    checkpoint: int = 0
    checkpoints: tuple[CheckpointMark, ...] = ()
    entered_at: Mapping[State, int] = field(default_factory=lambda: MappingProxyType({}))
    restore: int | None = None
    base_commit: str = ""
    parent: str = ""
    parent_event: int = 0
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    machine_version: int = MACHINE_VERSION
    acceptances: Mapping[str, Acceptance] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def attempt(self) -> int:
        """The number of the current attempt in the current state, from 1."""
        return self.attempts.get(self.state, 1)

    @property
    def attempt_id(self) -> str:
        """The id of the current attempt: `{workflow_id}:{state}:{number}`."""
        return f"{self.workflow_id}:{self.state.value}:{self.attempt}"

    @property
    def actor(self) -> Role:
        """The role that acts now."""
        return actor_in(self.state)

    def mark(self, number: int) -> CheckpointMark | None:
        """Return the checkpoint `number`, or None."""
        return next((c for c in self.checkpoints if c.number == number), None)

    def to_data(self) -> dict[str, Any]:
        """Return the whole workflow as JSON data, equal for equal workflows."""
        return {
            "workflow_id": self.workflow_id,
            "build_id": self.build_id,
            "project_id": self.project_id,
            "title": self.title,
            "request": self.request,
            "state": self.state.value,
            "condition": self.condition.value,
            "autonomy": self.autonomy.value,
            "version": self.version,
            "retry_budget": self.retry_budget,
            "retries_used": self.retries_used,
            "attempts": {k.value: v for k, v in self.attempts.items()},
            "attempt_phase": self.attempt_phase.value,
            "evidence": {k.value: v.to_data() for k, v in self.evidence.items()},
            "current": dict(self.current),
            "release_approval": self.release_approval,
            "release_approved_by": self.release_approved_by,
            "waiting_for": self.waiting_for,
            "condition_reason": self.condition_reason,
            "last_refusal": self.last_refusal,
            "checkpoint": self.checkpoint,
            "checkpoints": [c.to_data() for c in self.checkpoints],
            "entered_at": {k.value: v for k, v in self.entered_at.items()},
            "restore": self.restore,
            "base_commit": self.base_commit,
            "parent": self.parent,
            "settings": dict(self.settings),
            "machine_version": self.machine_version,
            # Only where there is one: rows of journals from before there were forks stay as they are.
            **({"parent_event": self.parent_event} if self.parent_event else {}),
            # Left out while empty: rows of journals from before acceptances stay equal to the byte.
            **({"acceptances": [a.to_data() for a in self.acceptances.values()]} if self.acceptances else {}),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Workflow:
        """Read what `to_data` wrote; raises KeyError or ValueError on anything else."""
        plain = {name: data[name] for name in _PLAIN}
        return cls(
            **plain,
            state=State(data["state"]),
            condition=Condition(data["condition"]),
            autonomy=Autonomy(data["autonomy"]),
            attempts={State(k): int(v) for k, v in data["attempts"].items()},
            attempt_phase=AttemptPhase(data["attempt_phase"]),
            evidence={EvidenceKind(k): Evidence.from_data(v) for k, v in data["evidence"].items()},
            checkpoints=tuple(CheckpointMark.from_data(c) for c in data["checkpoints"]),
            entered_at={State(k): int(v) for k, v in data["entered_at"].items()},
            parent_event=int(data.get("parent_event", 0)),
            acceptances={a["key"]: Acceptance.from_data(a) for a in data.get("acceptances", ())},
        )
