"""What a person has to decide about one workflow, put together for one screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, col, select

from core.journal.database import Database
from core.journal.records import find_row, workflow_of
from core.journal.tables import Attempt, BuildWorkflow, Message
from core.machine.commands import Authority, Subject
from core.machine.gates import digest_to_approve
from core.machine.states import Condition, EvidenceKind, Role, state_title
from core.machine.workflow import Workflow
from core.service.questions import checkpoint_views, receipt_views
from core.service.reading import evidence_views, forward_of, gate_views, move_views, view_of
from core.service.said import ask_views
from core.service.views import AskView, CriterionView, DecisionView, DiffStatView, MoveView, ReceiptView


def decision(database: Database, wanted: str, by: Authority) -> DecisionView | None:
    """Return what waits for a person; None while nothing does. A failed workflow waits for one too."""
    with database.read() as session:
        row = find_row(session, wanted)
        workflow = workflow_of(row)
        if workflow.condition not in (Condition.WAITING, Condition.FAILED):
            return None
        subject = workflow.waiting_for or workflow.condition.value
        kind, _, what = subject.partition(":")
        view = view_of(session, row, database.clock())
        forward = forward_of(workflow)
        return DecisionView(
            workflow_id=row.workflow_id,
            build_id=row.build_id,
            version=workflow.version,
            kind=kind,
            subject=subject,
            title=row.title,
            question=_question(session, workflow, kind, what),
            digest=digest_to_approve(workflow, Subject(what)) if kind == "approval" else "",
            gate=gate_views(workflow, forward) if forward else (),
            criteria=_criteria(workflow),
            diff=_diff(session, row),
            evidence=evidence_views(workflow),
            findings=_list(workflow, EvidenceKind.REVIEW, "findings"),
            checklist=_list(workflow, EvidenceKind.REVIEW, "checklist"),
            receipts=_latest_receipts(session, row.workflow_id),
            moves=move_views(workflow, by),
            cost_usd=view.cost_usd,
            budget_usd=view.budget_usd,
            since=row.waiting_since or row.updated_at,
            asks=ask_views(workflow),
        )


def asks(database: Database, wanted: str) -> list[AskView]:
    """Return what the gates ask a person now, answered or not."""
    with database.read() as session:
        return list(ask_views(workflow_of(find_row(session, wanted))))


def moves(database: Database, wanted: str, by: Authority) -> list[MoveView]:
    """Return every legal move from here, and for each whether `by` may make it now."""
    with database.read() as session:
        return list(move_views(workflow_of(find_row(session, wanted)), by))


def _question(session: Session, workflow: Workflow, kind: str, what: str) -> str:
    match kind, what:
        case "approval", Subject.REQUIREMENT.value:
            return "Is this what you want built?"
        case "approval", Subject.PLAN.value:
            return "Shall it be built like this?"
        case "approval", Subject.REVIEW.value:
            return "Is the reviewed change good enough to be released?"
        case "approval", Subject.RELEASE.value:
            return "Shall it be merged and released?"
        case "answer", _ if _was_stopped(session, workflow):
            return f"{workflow.condition_reason} What should it do now?".lstrip()
        case "answer", _:
            return _last_words(session, workflow) or workflow.condition_reason
        case "acceptance", _:
            return "May these things stand as they are? Each has a yes or no of its own."
        case "failed", _:
            failed = f"{state_title(workflow.state)} failed. How shall it go on?"
            return workflow.condition_reason or failed[0].upper() + failed[1:]
    return workflow.condition_reason or "How shall it go on?"


def _was_stopped(session: Session, workflow: Workflow) -> bool:
    """Whether a person ended the last attempt in the middle: then its last words ask nothing."""
    query = (
        select(Attempt.outcome)
        .where(Attempt.workflow_id == workflow.workflow_id)
        .order_by(col(Attempt.started_at).desc())
        .limit(1)
    )
    return session.exec(query).first() == "stopped"


def _last_words(session: Session, workflow: Workflow) -> str:
    """What the role asked last."""
    query = (
        select(Message)
        .where(
            Message.workflow_id == workflow.workflow_id,
            Message.kind == "text",
            col(Message.author).in_([role.value for role in Role]),
            col(Message.voided_by).is_(None),
        )
        .order_by(col(Message.seq).desc())
        .limit(1)
    )
    message = session.exec(query).first()
    return message.text if message else ""


def _criteria(workflow: Workflow) -> tuple[CriterionView, ...]:
    proofs: dict[Any, list[str]] = {}
    for proof in _list(workflow, EvidenceKind.PLAN, "proofs"):
        proofs.setdefault(proof.get("criterion"), []).append(
            str(proof.get("proof") or proof.get("kind") or "")
        )
    return tuple(
        CriterionView(
            int(c.get("number") or n), str(c.get("text") or ""), ", ".join(proofs.get(c.get("number"), ()))
        )
        for n, c in enumerate(_list(workflow, EvidenceKind.REQUIREMENT, "criteria"), start=1)
    )


def _list(workflow: Workflow, kind: EvidenceKind, name: str) -> tuple[Mapping[str, Any], ...]:
    """The list `name` in the evidence's detail, as far as it holds what is expected of it."""
    evidence = workflow.evidence.get(kind)
    found = evidence.detail.get(name) if evidence else None
    return (
        tuple(item for item in found if isinstance(item, Mapping)) if isinstance(found, (list, tuple)) else ()
    )


def _diff(session: Session, row: BuildWorkflow) -> DiffStatView | None:
    current = [c for c in checkpoint_views(session, row.workflow_id) if c.number == row.checkpoint]
    if not current or not current[0].diffstat:
        return None
    stat = current[0].diffstat
    paths = tuple(str(c.get("path")) for c in stat.get("changes") or () if isinstance(c, Mapping))
    return DiffStatView(
        int(stat.get("files") or 0), int(stat.get("added") or 0), int(stat.get("removed") or 0), paths
    )


def _latest_receipts(session: Session, workflow_id: str) -> tuple[ReceiptView, ...]:
    """The newest receipt of each kind: what the decision rests on."""
    latest = {receipt.kind: receipt for receipt in receipt_views(session, workflow_id)}
    return tuple(latest.values())
