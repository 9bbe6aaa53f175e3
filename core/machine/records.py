"""What the engine records about itself: evidence, checkpoints, attempts, notes."""

from __future__ import annotations

from typing import Any

from core.machine.commands import (
    AuthorityKind,
    BeginAttempt,
    EndAttempt,
    Note,
    RecordCheckpoint,
    RecordEvidence,
)
from core.machine.events import Event, EventType, event_of
from core.machine.forking import TAKEN_OVER
from core.machine.permission import condition_word
from core.machine.refusal import Reason, Refusal
from core.machine.states import FINAL, Condition, EvidenceKind, state_title
from core.machine.workflow import AttemptPhase, Evidence, Workflow

Decision = list[Event] | Refusal


def decide_record(
    workflow: Workflow, command: RecordEvidence | RecordCheckpoint | BeginAttempt | EndAttempt | Note
) -> Decision:
    """Return the events of something that the engine has seen; only the engine may record."""
    if command.by.kind is not AuthorityKind.ENGINE:
        return Refusal(Reason.NOT_YOURS, "Only the engine records what it has seen itself.")
    if isinstance(command, Note):
        return [event_of(command, EventType.NOTED, {**dict(command.data), "kind": command.kind})]
    if workflow.state is FINAL or workflow.condition is Condition.CANCELLED:
        return Refusal(Reason.NOT_POSSIBLE, f"{workflow.build_id} is {condition_word(workflow)}.")
    match command:
        case RecordEvidence():
            return _record_evidence(workflow, command)
        case RecordCheckpoint():
            if any(m.number >= command.mark.number for m in workflow.checkpoints):
                return Refusal(Reason.NOT_POSSIBLE, f"Checkpoint {command.mark.number} is already recorded.")
            data = {**command.mark.to_data(), "ref": command.ref, **dict(command.data)}
            return [event_of(command, EventType.CHECKPOINT_RECORDED, data)]
        case _:
            return _record_attempt(workflow, command)


def _record_evidence(workflow: Workflow, command: RecordEvidence) -> Decision:
    evidence = command.evidence
    if evidence.approved_by or evidence.stale:
        return Refusal(
            Reason.NOT_YOURS, "Evidence is recorded without an approval; a person or the policy adds it."
        )
    known = workflow.evidence.get(evidence.kind)
    data = evidence.to_data()
    same = known is not None and known.digest == evidence.digest and not known.stale
    if same and known is not None and evidence.kind in (EvidenceKind.REQUIREMENT, EvidenceKind.PLAN):
        # The same words collected again keep the approval that they already have.
        data["approved_by"] = known.approved_by if dict(known.rests_on) == dict(evidence.rests_on) else ""
    if known is not None and known.stale.startswith(TAKEN_OVER) and _equal(known, evidence):
        # What a fork took over stood the check: it is what a person has seen and approved, to the digest.
        data["approved_by"] = known.approved_by
    return [event_of(command, EventType.EVIDENCE_RECORDED, data)]


def _equal(known: Evidence, found: Evidence) -> bool:
    return (known.digest, known.ok, dict(known.rests_on)) == (found.digest, found.ok, dict(found.rests_on))


def _record_attempt(workflow: Workflow, command: BeginAttempt | EndAttempt) -> Decision:
    name = f"Attempt {command.number} of {state_title(command.state)}"
    if (command.state, command.number) != (workflow.state, workflow.attempt):
        return Refusal(Reason.STALE, f"{name} is not the current one any more.")
    if workflow.attempt_phase is AttemptPhase.ENDED:
        return Refusal(Reason.NOT_POSSIBLE, f"{name} has ended.")
    if isinstance(command, BeginAttempt):
        data: dict[str, Any] = {"executor": command.executor}
        kind = EventType.ATTEMPT_BEGUN
    else:
        data = {"outcome": command.outcome, "summary": command.summary}
        kind = EventType.ATTEMPT_ENDED
    return [event_of(command, kind, {"state": command.state.value, "number": command.number, **data})]
