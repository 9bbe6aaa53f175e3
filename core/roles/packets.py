"""What one role hands the next, as typed packets. The prompts' schemas are generated from these models.

Strict on purpose: a model's answer is either exactly one of these or it goes back with the errors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.machine.states import State
from core.text import clean


def _harmless(text: str) -> str:
    """Strip what could forge a screen, since every packet is shown to people, and refuse what is empty
    then.
    """
    text = clean(text).strip()
    if not text:
        raise ValueError("must not be empty")
    return text


def _one_line(text: str) -> str:
    return " ".join(_harmless(text).split())


Prose = Annotated[str, Field(max_length=4000), AfterValidator(_harmless)]
Sentence = Annotated[str, Field(max_length=1000), AfterValidator(_one_line)]
Name = Annotated[str, Field(max_length=300), AfterValidator(_one_line)]
Number = Annotated[int, Field(ge=1, le=99)]
M = TypeVar("M", bound=BaseModel)


class Packet(BaseModel):
    """The part that all packets share: frozen, no unknown keys, nothing converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def to_data(self) -> dict[str, Any]:
        """Return the packet as JSON data."""
        data: dict[str, Any] = self.model_dump(mode="json")
        return data

    def digest(self) -> str:
        """Return the sha256 of the packet's canonical JSON; equal content has an equal digest."""
        text = json.dumps(self.to_data(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


class Part(BaseModel):
    """A piece of a packet, under the same rules."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Criterion(Part):
    """One acceptance criterion, as a sentence that a test or a person can decide."""

    number: Number
    text: Sentence


class Requirement(Packet):
    """What is wanted, in numbered acceptance criteria."""

    summary: Prose
    criteria: Annotated[list[Criterion], Field(min_length=1, max_length=40)]
    assumptions: Annotated[list[Sentence], Field(max_length=20)] = []
    open_questions: Annotated[list[Sentence], Field(max_length=10)] = []

    @model_validator(mode="after")
    def _numbered(self) -> Requirement:
        numbers = [criterion.number for criterion in self.criteria]
        if numbers != list(range(1, len(numbers) + 1)):
            raise ValueError(f"criteria must be numbered 1, 2, 3 … in order, not {numbers}")
        return self


class ChangeKind(StrEnum):
    """What sort of change a plan makes."""

    FEATURE = "feature"
    FIX = "fix"
    REFACTORING = "refactoring"
    DOCUMENTATION = "documentation"
    MAINTENANCE = "maintenance"


class Task(Part):
    """One step of the work and the criteria that it serves."""

    text: Sentence
    criteria: Annotated[list[Number], Field(min_length=1, max_length=40)]


class ProofKind(StrEnum):
    """What shows that a criterion holds."""

    NEW_TEST = "new_test"
    EXISTING_TEST = "existing_test"
    COMMAND = "command"
    PERSON = "person"


class Proof(Part):
    """What will show that a criterion holds: a test's node id, a command, or what a person looks at."""

    criterion: Number
    kind: ProofKind
    proof: Name


class Plan(Packet):
    """How the requirement will be met, and what will prove each criterion."""

    summary: Prose
    kind_of_change: ChangeKind
    tasks: Annotated[list[Task], Field(min_length=1, max_length=60)]
    files: Annotated[list[Name], Field(min_length=1, max_length=200)]
    risks: Annotated[list[Sentence], Field(min_length=1, max_length=20)]
    proofs: Annotated[list[Proof], Field(min_length=1, max_length=120)]

    def gaps(self, requirement: Requirement) -> list[str]:
        """Return what is wrong between this plan and `requirement`, one sentence each."""
        known = {criterion.number for criterion in requirement.criteria}
        planned = {number for task in self.tasks for number in task.criteria}
        proved = {proof.criterion for proof in self.proofs}
        wrong = [f"criterion {n} has no task" for n in sorted(known - planned)]
        wrong += [f"criterion {n} names no proof" for n in sorted(known - proved)]
        return wrong + [f"there is no criterion {n}" for n in sorted((planned | proved) - known)]


class CodeHandoff(Packet):
    """What the Code Writer did. The engine believes the tree, not these words."""

    summary: Prose
    files: Annotated[list[Name], Field(min_length=1, max_length=200)]
    notes: Annotated[list[Sentence], Field(max_length=20)] = []


class TestReport(Packet):
    """The Test Auditor hands the tested code on; red code goes back with `request_retry` instead."""

    __test__ = False  # pytest collects classes by this name.

    verdict: Literal["pass"]
    summary: Prose
    added_tests: Annotated[list[Name], Field(max_length=100)] = []


class Point(StrEnum):
    """The eight points of a review, in the order in which they are shown."""

    SECURITY = "security"
    PERFORMANCE = "performance"
    ARCHITECTURE = "architecture"
    DOCUMENTATION = "documentation"
    TESTING = "testing"
    DEPLOYMENT_READINESS = "deployment_readiness"
    MONITORING = "monitoring"
    SCALING = "scaling"


class ReviewItem(Part):
    """The answer to one point, with a reference that anybody can open: `path:line`, `criterion N`,
    `receipt:LABEL`."""

    point: Point
    verdict: Literal["pass", "concern", "not_applicable"]
    answer: Sentence
    reference: Name


class ReviewReport(Packet):
    """The Verification Overseer approves; what is not good enough goes back with `request_retry` instead."""

    verdict: Literal["approve"]
    summary: Prose
    checklist: Annotated[list[ReviewItem], Field(min_length=8, max_length=8)]

    @model_validator(mode="after")
    def _each_point_once(self) -> ReviewReport:
        missing = [point.value for point in Point if point not in {item.point for item in self.checklist}]
        if missing:
            raise ValueError(f"each of the eight points exactly once; not answered: {', '.join(missing)}")
        return self


class ReleaseNotes(Packet):
    """What is released, for the people who use it."""

    summary: Prose
    notes: Annotated[list[Sentence], Field(max_length=30)] = []
    version: Name | None = None


PACKETS: dict[State, type[Packet]] = {
    State.DISCOVERY: Requirement,
    State.PLANNING: Plan,
    State.IMPLEMENTATION: CodeHandoff,
    State.TESTING: TestReport,
    State.VERIFICATION: ReviewReport,
    State.DEPLOYMENT: ReleaseNotes,
}
"""The packet that each phase makes."""


class BadPacket(ValueError):
    """What a model or a file gave is not the packet that it should be; the text lists every error."""


def read_packet(phase: State, data: Mapping[str, Any]) -> Packet:
    """Return the packet of `phase` from JSON data, or raise `BadPacket`."""
    return parse(PACKETS[phase], json.dumps(dict(data)))


def parse(model: type[M], text: str) -> M:
    """Return `text` read as `model`, or raise `BadPacket` with the errors in words for a model."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise BadPacket(errors_for_model(error)) from None


def errors_for_model(error: ValidationError, limit: int = 12) -> str:
    """Return the errors as lines of `path: what is wrong`, never repeating the input itself."""
    lines = []
    for item in error.errors(include_url=False, include_context=False, include_input=False)[:limit]:
        where = ".".join(str(part) for part in item["loc"]) or "the whole"
        lines.append(
            f"- {clean(where, lines=False, limit=120)}: {clean(item['msg'], lines=False, limit=300)}"
        )
    left = error.error_count() - limit
    return "\n".join(lines + ([f"- and {left} more"] if left > 0 else []))
