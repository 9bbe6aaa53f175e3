"""Fold events into a workflow. Total over every history that was ever recorded; never refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from core.machine.commands import NOT_TAKEN_OVER, PINNED, Subject
from core.machine.events import Event, EventType
from core.machine.forking import TAKEN_OVER
from core.machine.states import PHASE_EVIDENCE, STATES, Autonomy, Condition, EvidenceKind, State
from core.machine.transitions import BACK, Kind
from core.machine.workflow import Acceptance, AttemptPhase, CheckpointMark, Evidence, Verdict, Workflow


def apply(workflow: Workflow | None, event: Event) -> Workflow:
    """Return the workflow after `event`. Raises ValueError when a history does not begin with its start."""
    if event.event_type is EventType.STARTED:
        return _started(event)
    if workflow is None:
        raise ValueError(f"a history begins with its start, not with {event.event_type.value}")
    changed = _APPLY[event.event_type](workflow, event.data)
    return replace(changed, version=workflow.version + 1)


def fold(events: Iterable[Event]) -> Workflow:
    """Return the workflow that a whole history leads to. Raises ValueError for an empty one."""
    workflow: Workflow | None = None
    for event in events:
        workflow = apply(workflow, event)
    if workflow is None:
        raise ValueError("an empty history leads nowhere")
    return workflow


def _started(event: Event) -> Workflow:
    data = event.data
    begun = _begun(event.workflow_id, data)
    if not (fork := data.get("fork")):
        return begun
    own = {name: value for name, value in begun.to_data().items() if name in data}
    return Workflow.from_data({**fork["standing"], **own, "workflow_id": event.workflow_id})


def _begun(workflow_id: str, data: Mapping[str, Any]) -> Workflow:
    return Workflow(
        workflow_id=workflow_id,
        build_id=str(data["build_id"]),
        project_id=str(data["project_id"]),
        title=str(data["title"]),
        request=str(data["request"]),
        autonomy=Autonomy(data["autonomy"]),
        retry_budget=int(data["retry_budget"]),
        base_commit=str(data["base_commit"]),
        parent=str(data["parent"]),
        settings=dict(data["settings"]),
        attempts={State.DISCOVERY: 1},
        entered_at={State.DISCOVERY: 0},
        version=1,
    )


def _moved(workflow: Workflow, data: Mapping[str, Any]) -> Workflow:
    target, kind = State(data["to"]), Kind(data["kind"])
    back = kind in BACK
    attempts = {**workflow.attempts, target: workflow.attempts.get(target, 0) + 1}
    changed = replace(
        workflow,
        state=target,
        condition=Condition.ACTIVE,
        waiting_for="",
        condition_reason="",
        attempts=attempts,
        attempt_phase=AttemptPhase.DUE,
        last_refusal=str(data["reason"]) if back else workflow.last_refusal,
    )
    if not back:
        return replace(changed, entered_at={**workflow.entered_at, target: workflow.checkpoint})
    spent = workflow.retries_used + (1 if data["automatic"] else 0)
    changed = replace(
        changed, retries_used=spent, evidence=_voided(workflow, target, data), release_approval=""
    )
    if kind is not Kind.ROLLBACK:
        return changed
    number = int(data["checkpoint"])
    current = {**workflow.current, "tree": str(data["tree"])}
    return replace(changed, checkpoint=number, restore=number, current=current)


def _voided(workflow: Workflow, target: State, data: Mapping[str, Any]) -> Mapping[EvidenceKind, Evidence]:
    """The evidence after a move back: the target's and everything later is stale."""
    limit = STATES[target].rank
    late = {kind for phase, kind in PHASE_EVIDENCE.items() if STATES[phase].rank >= limit}
    why = f"went back from {data['from']} to {data['to']}"
    return {kind: _void(piece, why) if kind in late else piece for kind, piece in workflow.evidence.items()}


def _void(piece: Evidence, why: str) -> Evidence:
    """The piece does not count any more. What a fork has yet to check is not checked then either."""
    known = "" if piece.stale.startswith(TAKEN_OVER) else piece.stale
    return replace(piece, stale=known or why, approved_by="")


def _approved(workflow: Workflow, data: Mapping[str, Any]) -> Workflow:
    subject, by = Subject(data["subject"]), str(data["approved_by"])
    if subject is Subject.RELEASE:
        return replace(workflow, release_approval=str(data["digest"]), release_approved_by=by)
    kind = EvidenceKind(subject.value)
    evidence = replace(workflow.evidence[kind], approved_by=by)
    return replace(workflow, evidence={**workflow.evidence, kind: evidence})


def _accepted(workflow: Workflow, data: Mapping[str, Any]) -> Workflow:
    """Keep a person's word; where they take a yes back, what counted through it does not any more."""
    said = Acceptance.from_data(data)
    known = workflow.acceptances.get(said.key)
    changed = replace(workflow, acceptances={**workflow.acceptances, said.key: said})
    if said.verdict is not Verdict.DECLINED or known is None or not known.counts:
        return changed
    why = f"{said.by.removeprefix('person:')} took back the yes to {said.what or said.key}"
    evidence = {
        kind: _void(piece, why) if _rests_on_yes(piece, said) else piece
        for kind, piece in workflow.evidence.items()
    }
    return replace(changed, evidence=evidence)


def _rests_on_yes(piece: Evidence, said: Acceptance) -> bool:
    return any(item.get("key") == said.key for item in piece.detail.get("accepted", ()))


def _evidence_recorded(workflow: Workflow, data: Mapping[str, Any]) -> Workflow:
    evidence = Evidence.from_data(data)
    current = dict(workflow.current)
    if evidence.kind in (EvidenceKind.REQUIREMENT, EvidenceKind.PLAN):
        current[evidence.kind.value] = evidence.digest
    return replace(workflow, evidence={**workflow.evidence, evidence.kind: evidence}, current=current)


def _checkpoint_recorded(workflow: Workflow, data: Mapping[str, Any]) -> Workflow:
    mark = CheckpointMark.from_data(data)
    return replace(
        workflow,
        checkpoint=mark.number,
        checkpoints=(*workflow.checkpoints, mark),
        current={**workflow.current, "tree": mark.tree},
    )


def _attempt_begun(workflow: Workflow, data: Mapping[str, Any]) -> Workflow:
    return replace(workflow, attempt_phase=AttemptPhase.OPEN, restore=None)


def _attempt_ended(workflow: Workflow, data: Mapping[str, Any]) -> Workflow:
    return replace(workflow, attempt_phase=AttemptPhase.ENDED)


def _condition_changed(workflow: Workflow, data: Mapping[str, Any]) -> Workflow:
    changed = replace(
        workflow,
        condition=Condition(data["condition"]),
        condition_reason=str(data["reason"]),
        waiting_for=str(data["waiting_for"]),
    )
    if not data["new_attempt"]:
        return changed
    attempts = {**workflow.attempts, workflow.state: workflow.attempt + 1}
    return replace(changed, attempts=attempts, attempt_phase=AttemptPhase.DUE)


def _noted(workflow: Workflow, data: Mapping[str, Any]) -> Workflow:
    """A note changes nothing, save two: where a build starts, and what a fork could not take over."""
    if data.get("kind") == NOT_TAKEN_OVER:
        kind = EvidenceKind(data["evidence"])
        left = replace(workflow.evidence[kind], stale=str(data["why"]), approved_by="")
        return replace(workflow, evidence={**workflow.evidence, kind: left})
    if data.get("kind") != PINNED:
        return workflow
    branch = workflow.settings.get("default_branch") or str(data["default_branch"])
    settings = {**workflow.settings, "default_branch": branch}
    return replace(workflow, settings=settings, base_commit=workflow.base_commit or str(data["base_commit"]))


def _unchanged(workflow: Workflow, data: Mapping[str, Any]) -> Workflow:
    return workflow


_APPLY: dict[EventType, Callable[[Workflow, Mapping[str, Any]], Workflow]] = {
    EventType.MOVED: _moved,
    EventType.APPROVED: _approved,
    EventType.ACCEPTED: _accepted,
    EventType.EVIDENCE_RECORDED: _evidence_recorded,
    EventType.CHECKPOINT_RECORDED: _checkpoint_recorded,
    EventType.ATTEMPT_BEGUN: _attempt_begun,
    EventType.ATTEMPT_ENDED: _attempt_ended,
    EventType.CONDITION_CHANGED: _condition_changed,
    EventType.SAID: _unchanged,
    EventType.NOTED: _noted,
}
