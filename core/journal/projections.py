"""What is derived from events: the board's row, handoffs, checkpoints. A pure fold; `records` writes it down.

All of it can be dropped and built again, equal to the last byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.journal.tables import BuildWorkflow, Checkpoint, WorkflowHandoff
from core.machine.apply import apply
from core.machine.deadlines import Clock, tick
from core.machine.events import Event, EventType
from core.machine.gates import why_not_current
from core.machine.states import (
    FINAL,
    PHASE_EVIDENCE,
    STATES,
    Condition,
    EvidenceKind,
    State,
    StateKind,
    actor_in,
)
from core.machine.transitions import TRANSITIONS, Kind
from core.machine.workflow import Workflow

_LETTER = dict(zip(EvidenceKind, "rpctvs", strict=True))


@dataclass
class Picture:
    """Everything that is derived of one workflow."""

    workflow: Workflow | None = None
    row: BuildWorkflow | None = None
    handoffs: dict[int, WorkflowHandoff] = field(default_factory=dict)
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    dirty: list[WorkflowHandoff | Checkpoint] = field(default_factory=list)


def picture_of(events: Iterable[Event]) -> Picture:
    """Fold a whole history."""
    picture = Picture()
    for seq, event in enumerate(events, start=1):
        advance(picture, event, seq)
    return picture


def advance(picture: Picture, event: Event, seq: int) -> None:
    """Fold one more event into the picture."""
    picture.workflow = workflow = apply(picture.workflow, event)
    if picture.row is None:
        picture.row = _new_row(workflow, event)
    match event.event_type:
        case EventType.STARTED if fork := event.data.get("fork"):
            _forked(picture, event, seq, fork)
        case EventType.MOVED:
            _moved(picture, event, seq)
        case EventType.NOTED if event.data.get("kind") == "packet":
            _keep_packet(picture.row, State(event.data["state"]), event.data["packet"])
        case EventType.NOTED if event.data.get("kind") == "budget":
            picture.row.budget_micros = _micros(event.data.get("budget_usd"))
        case EventType.CHECKPOINT_RECORDED:
            _keep_checkpoint(picture, event, event.data)
    _refresh(picture.row, workflow, event)
    _refresh_deadlines(picture.row, event)


def evidence_letters(workflow: Workflow) -> str:
    """Return the board's short form: a letter, "!" not green, "~" stale or "-" none, for each piece."""
    letters = []
    for kind, letter in _LETTER.items():
        evidence = workflow.evidence.get(kind)
        if evidence is None:
            letters.append("-")
        elif why := why_not_current(workflow, kind):
            letters.append("!" if not evidence.ok and why.startswith("not green") else "~")
        else:
            letters.append(letter)
    return "".join(letters)


def column_of(phase: State) -> str:
    """Return the name of the column that holds what `phase` has made."""
    return f"{phase.value}_phase"


def _new_row(workflow: Workflow, event: Event) -> BuildWorkflow:
    settings = workflow.settings
    number = workflow.build_id.removeprefix("B-")
    nothing: dict[str, Any] = {column_of(phase): {} for phase in PHASE_EVIDENCE}
    return BuildWorkflow(
        workflow_id=workflow.workflow_id,
        build_id=workflow.build_id,
        build_number=int(number) if number.isdecimal() and number.isascii() and len(number) < 10 else 0,
        project_id=workflow.project_id,
        user_id=str(settings.get("user_id") or ""),
        title=workflow.title,
        request=workflow.request,
        autonomy=workflow.autonomy.value,
        retry_budget=workflow.retry_budget,
        base_commit=workflow.base_commit,
        parent=workflow.parent,
        budget_micros=_micros(settings.get("budget_usd")),
        machine_version=workflow.machine_version,
        created_at=event.at,
        meta=dict(settings.get("metadata") or {}),
        **nothing,
    )


def _micros(usd: Any) -> int | None:
    return None if usd is None else round(float(usd) * 1_000_000)


def _refresh(row: BuildWorkflow, workflow: Workflow, event: Event) -> None:
    """Bring what the row repeats of the workflow up to date."""
    waits = workflow.condition is Condition.WAITING
    if not waits:
        row.waiting_since = None
    elif row.condition != Condition.WAITING.value or row.waiting_for != workflow.waiting_for:
        row.waiting_since = event.at
    row.current_state = workflow.state.value
    row.condition = workflow.condition.value
    row.waiting_for = workflow.waiting_for
    row.condition_reason = workflow.condition_reason
    row.version = workflow.version
    row.retries_used = workflow.retries_used
    row.attempt = workflow.attempt
    row.evidence = evidence_letters(workflow)
    row.checkpoint = workflow.checkpoint
    row.updated_at = event.at
    if workflow.state is FINAL and row.completed_at is None:
        row.completed_at = event.at
    for phase, kind in PHASE_EVIDENCE.items():
        _refresh_phase(row, workflow, phase, kind)
    row.folded = workflow.to_data()


def _refresh_deadlines(row: BuildWorkflow, event: Event) -> None:
    """Count the time up to the event against the deadlines, and say which one presses most."""
    clock = tick(Clock.from_data(row.clock) if row.clock else None, event)
    pressing = clock.pressing(event.at)
    row.clock = clock.to_data()
    row.due_for = pressing.name if pressing else ""
    row.due_at = pressing.due_at if pressing else None
    row.due_left = pressing.left if pressing and pressing.due_at is None else None
    row.breached = " ".join(d.name for d in clock.now(event.at) if d.recorded)
    row.watch_at = clock.next_breach()


def _refresh_phase(row: BuildWorkflow, workflow: Workflow, phase: State, kind: EvidenceKind) -> None:
    if phase not in workflow.attempts:
        return
    data: dict[str, Any] = dict(getattr(row, column_of(phase)))
    data["attempts"] = workflow.attempts[phase]
    if evidence := workflow.evidence.get(kind):
        data["evidence"] = {
            "ok": evidence.ok,
            "digest": evidence.digest,
            "summary": evidence.summary,
            "approved_by": evidence.approved_by,
            "stale": evidence.stale,
        }
    setattr(row, column_of(phase), data)


def _keep_packet(row: BuildWorkflow, state: State, packet: Mapping[str, Any]) -> None:
    if state in PHASE_EVIDENCE:
        setattr(row, column_of(state), {**getattr(row, column_of(state)), "packet": dict(packet)})


def _moved(picture: Picture, event: Event, seq: int) -> None:
    row, data = picture.row, event.data
    assert row is not None  # noqa: S101 - advance() has made it
    source, target, kind = State(data["from"]), State(data["to"]), Kind(data["kind"])
    packet = data["packet"]
    if kind in (Kind.ACCEPT, Kind.REFUSE):
        _answered(picture, source, kind, event)
        return
    if kind is Kind.ROLLBACK:
        _forget_packets(row, target)
        return
    if packet:
        _keep_packet(row, source, packet)
    if kind is Kind.ADVANCE and not packet:
        # A person's advance brings no packet of its own: what the role handed in is what goes on.
        packet = getattr(row, column_of(source)).get("packet", {})
    if packet or STATES[target].kind is StateKind.HANDOFF:
        _hand_over(picture, event, seq, source, target, packet, str(data["reason"]))


def _hand_over(
    picture: Picture,
    event: Event,
    seq: int,
    source: State,
    target: State,
    packet: Mapping[str, Any],
    notes: str,
) -> None:
    handoff = WorkflowHandoff(
        workflow_id=event.workflow_id,
        seq=seq,
        from_role=actor_in(source).value,
        to_role=actor_in(target).value,
        from_state=source.value,
        to_state=target.value,
        data_transferred=dict(packet),
        notes=notes,
        timestamp=event.at,
    )
    picture.handoffs[seq] = handoff
    picture.dirty.append(handoff)


def _forked(picture: Picture, event: Event, seq: int, fork: Mapping[str, Any]) -> None:
    """A fork has from its start what its parent had: packets, checkpoints, a packet that waits."""
    row, workflow = picture.row, picture.workflow
    assert row is not None and workflow is not None  # noqa: S101 - advance() has made them
    for state, packet in fork["packets"].items():
        _keep_packet(row, State(state), packet)
    for mark in fork["checkpoints"]:
        _keep_checkpoint(picture, event, mark)
    if STATES[workflow.state].kind is StateKind.HANDOFF:
        source = next(t.source for t in TRANSITIONS if t.target is workflow.state and t.kind is Kind.ADVANCE)
        packet = getattr(row, column_of(source)).get("packet", {})
        _hand_over(picture, event, seq, source, workflow.state, packet, "")


def _answered(picture: Picture, source: State, kind: Kind, event: Event) -> None:
    """Write the receiver's word on the packet that waits in the handoff `source`."""
    waiting = [h for h in picture.handoffs.values() if h.to_state == source.value and not h.answer]
    if not waiting:
        return
    handoff = waiting[-1]
    handoff.answer = "accepted" if kind is Kind.ACCEPT else "refused"
    handoff.answer_notes = str(event.data["reason"] or event.data["packet"].get("notes", ""))
    handoff.answered_at = event.at
    picture.dirty.append(handoff)


def _forget_packets(row: BuildWorkflow, target: State) -> None:
    """A rollback takes back what the target and all later phases have handed in."""
    for phase in PHASE_EVIDENCE:
        data = getattr(row, column_of(phase))
        if STATES[phase].rank >= STATES[target].rank and "packet" in data:
            setattr(row, column_of(phase), {k: v for k, v in data.items() if k != "packet"})


def _keep_checkpoint(picture: Picture, event: Event, kept: Mapping[str, Any]) -> None:
    data = dict(kept)
    mark = {name: data.pop(name) for name in ("number", "ref", "commit", "tree", "state", "attempt")}
    checkpoint = Checkpoint(workflow_id=event.workflow_id, data=data, timestamp=event.at, **mark)
    picture.checkpoints[checkpoint.number] = checkpoint
    picture.dirty.append(checkpoint)


def packets_of(row: BuildWorkflow) -> dict[State, dict[str, Any]]:
    """Return the newest packet of each phase that has one."""
    found = {phase: getattr(row, column_of(phase)).get("packet") for phase in PHASE_EVIDENCE}
    return {phase: packet for phase, packet in found.items() if packet}
