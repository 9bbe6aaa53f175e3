"""What the service is asked: plain reads of the journal, each in one short session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.board import BOARD_VIEW, COLUMNS, OVERLAP, BoardRow, BoardUnreadable, read_board
from core.errors import JournalError, UnknownError
from core.journal import artifacts
from core.journal.database import Database
from core.journal.ledger import MICROS
from core.journal.log import history
from core.journal.records import find_row, undone_by_rollback
from core.journal.tables import (
    Attempt,
    BuildWorkflow,
    Checkpoint,
    Message,
    ModelCall,
    Project,
    Receipt,
    StreamChunk,
    WorkflowHandoff,
)
from core.machine.events import EventType
from core.machine.states import Role, State
from core.service.reading import view_of
from core.service.sentences import event_text
from core.service.views import (
    AttemptView,
    CheckpointView,
    ChunkView,
    EventView,
    HandoffView,
    MessageView,
    ModelCallView,
    ProjectView,
    ReceiptView,
    WorkflowView,
)


def status(database: Database, wanted: str) -> WorkflowView:
    """Return the card of one workflow. Raises UnknownError."""
    with database.read() as session:
        return view_of(session, find_row(session, wanted), database.clock())


def events(database: Database, wanted: str, limit: int, after: int) -> list[EventView]:
    """Return the events behind `after`, oldest first."""
    with database.read() as session:
        rows = history(session, find_row(session, wanted).workflow_id, after=after, limit=limit)
    return [
        EventView(
            seq=row.seq,
            event_type=row.event_type,
            triggered_by=row.triggered_by,
            at=row.timestamp,
            text=event_text(EventType(row.event_type), row.event_data, row.triggered_by),
            data=row.event_data,
            command_id=row.command_id,
            prev_hash=row.prev_hash,
            hash=row.hash,
        )
        for row in rows
    ]


def projects(database: Database) -> list[ProjectView]:
    """Return the registered projects by name."""
    query = (
        select(Project, sa.func.count(col(BuildWorkflow.workflow_id)))
        .join(BuildWorkflow, isouter=True)
        .group_by(col(Project.project_id))
        .order_by(col(Project.name))
    )
    with database.read() as session:
        return [project_view(project, count) for project, count in session.exec(query)]


def project_view(project: Project, workflows: int = 0) -> ProjectView:
    """Return the view of a project's row."""
    return ProjectView(
        project_id=project.project_id,
        name=project.name,
        path=project.path,
        default_branch=project.default_branch,
        settings=project.settings,
        created_at=project.created_at,
        workflows=workflows,
    )


def board(database: Database, since: float) -> list[BoardRow]:
    """Return the rows of the board that changed since then, or all."""
    if database.path is not None:
        try:
            return read_board(database.path, since)
        except BoardUnreadable as error:
            raise JournalError(str(error), "See `qdeck doctor`.") from error
    recent = "WHERE updated_at > :since" if since else ""
    # S608: constants only.
    query = sa.text(f"SELECT {COLUMNS} FROM {BOARD_VIEW} {recent} ORDER BY created_at DESC")  # noqa: S608
    with database.read() as session:
        return [BoardRow(*row) for row in session.execute(query, {"since": since - OVERLAP} if since else {})]


def attempts(database: Database, wanted: str) -> list[AttemptView]:
    """Return every attempt, first to last."""
    with database.read() as session:
        workflow_id = find_row(session, wanted).workflow_id
        costs = _costs(session, workflow_id)
        query = select(Attempt).where(Attempt.workflow_id == workflow_id)
        rows = session.exec(query.order_by(col(Attempt.started_at))).all()
    return [
        AttemptView(
            attempt_id=row.attempt_id,
            workflow_id=row.workflow_id,
            state=State(row.state),
            number=row.number,
            role=Role(row.role),
            executor=row.executor,
            started_at=row.started_at,
            ended_at=row.ended_at,
            outcome=row.outcome,
            summary=row.summary,
            cost_usd=costs.get(row.attempt_id, 0) / MICROS,
        )
        for row in rows
    ]


def _costs(session: Session, workflow_id: str) -> dict[str, int]:
    query = (
        select(ModelCall.attempt_id, sa.func.sum(sa.func.coalesce(ModelCall.cost_micros, 0)))
        .where(ModelCall.workflow_id == workflow_id)
        .group_by(col(ModelCall.attempt_id))
    )
    return {attempt_id: int(total or 0) for attempt_id, total in session.exec(query)}


def messages(database: Database, wanted: str, after: int, limit: int) -> list[MessageView]:
    """Return the messages behind `after`, oldest first, also those that a rollback took back."""
    with database.read() as session:
        said = select(Message).where(Message.workflow_id == find_row(session, wanted).workflow_id)
        query = said.where(col(Message.seq) > after).order_by(col(Message.seq)).limit(limit)
        return [_message_view(row) for row in session.exec(query)]


def last_messages(database: Database, wanted: str, before: int, limit: int) -> list[MessageView]:
    """Return the newest messages before number `before` (0: of all), oldest first."""
    with database.read() as session:
        said = select(Message).where(Message.workflow_id == find_row(session, wanted).workflow_id)
        if before:
            said = said.where(col(Message.seq) < before)
        query = said.order_by(col(Message.seq).desc()).limit(limit)
        return [_message_view(row) for row in session.exec(query)][::-1]


def messages_undone(database: Database, wanted: str, target: State) -> int:
    """Return how many messages a rollback to `target` would take back now."""
    with database.read() as session:
        undone = undone_by_rollback(find_row(session, wanted).workflow_id, target)
        return session.exec(select(sa.func.count()).select_from(Message).where(*undone)).one()


def _message_view(row: Message) -> MessageView:
    return MessageView(
        seq=row.seq or 0,
        message_id=row.message_id,
        workflow_id=row.workflow_id,
        attempt_id=row.attempt_id,
        author=row.author,
        kind=row.kind,
        text=row.text,
        data=row.data,
        at=row.at,
        role=row.role,
        voided=row.voided_by is not None,
    )


def receipts(database: Database, wanted: str) -> list[ReceiptView]:
    """Return every receipt, oldest first."""
    with database.read() as session:
        return receipt_views(session, find_row(session, wanted).workflow_id)


def receipt_views(session: Session, workflow_id: str) -> list[ReceiptView]:
    """Return the workflow's receipts, oldest first."""
    query = select(Receipt).where(Receipt.workflow_id == workflow_id)
    rows = session.exec(query.order_by(col(Receipt.at), col(Receipt.receipt_id))).all()
    return [_receipt_view(row) for row in rows]


def _receipt_view(row: Receipt) -> ReceiptView:
    data: Mapping[str, Any] = row.data
    return ReceiptView(
        receipt_id=row.receipt_id,
        workflow_id=row.workflow_id,
        attempt_id=row.attempt_id,
        key=row.key,
        kind=row.kind,
        argv=tuple(str(word) for word in data.get("argv") or ()),
        exit_code=data.get("exit_code"),
        signal=data.get("signal"),
        seconds=float(data.get("seconds") or 0.0),
        sandbox=str(data.get("sandbox") or ""),
        tree_before=str(data.get("tree_before") or ""),
        tree_after=str(data.get("tree_after") or ""),
        counts=data.get("counts"),
        asked_by=str(data.get("asked_by") or ""),
        output=row.output,
        output_digest=str(data.get("output_digest") or ""),
        artifact=row.artifact or "",
        cut=bool(data.get("cut")),
        limit=str(data.get("limit") or ""),
        at=row.at,
        data=data,
        cpu_seconds=float(data.get("cpu_seconds") or 0.0),
        peak_memory_bytes=int(data.get("peak_memory_bytes") or 0),
        title=str(data.get("title") or ""),
    )


def handoffs(database: Database, wanted: str) -> list[HandoffView]:
    """Return every packet that was handed over, first to last."""
    with database.read() as session:
        query = select(WorkflowHandoff).where(
            WorkflowHandoff.workflow_id == find_row(session, wanted).workflow_id
        )
        rows = session.exec(query.order_by(col(WorkflowHandoff.seq))).all()
    return [
        HandoffView(
            seq=row.seq,
            from_role=Role(row.from_role),
            to_role=Role(row.to_role),
            from_state=State(row.from_state),
            to_state=State(row.to_state),
            data=row.data_transferred,
            notes=row.notes,
            at=row.timestamp,
            answer=row.answer,
            answer_notes=row.answer_notes,
            answered_at=row.answered_at,
        )
        for row in rows
    ]


def checkpoints(database: Database, wanted: str) -> list[CheckpointView]:
    """Return every checkpoint, first to last."""
    with database.read() as session:
        return checkpoint_views(session, find_row(session, wanted).workflow_id)


def checkpoint_views(session: Session, workflow_id: str) -> list[CheckpointView]:
    """Return the workflow's checkpoints, first to last."""
    query = select(Checkpoint).where(Checkpoint.workflow_id == workflow_id)
    rows = session.exec(query.order_by(col(Checkpoint.number))).all()
    return [
        CheckpointView(
            number=row.number,
            ref=row.ref,
            commit=row.commit,
            tree=row.tree,
            state=State(row.state),
            attempt=row.attempt,
            at=row.timestamp,
            diff_digest=str(row.data.get("diff_digest") or ""),
            diffstat=row.data.get("diffstat") or {},
            data=row.data,
        )
        for row in rows
    ]


def model_calls(database: Database, wanted: str) -> list[ModelCallView]:
    """Return every model call, oldest first."""
    with database.read() as session:
        query = select(ModelCall).where(ModelCall.workflow_id == find_row(session, wanted).workflow_id)
        rows = session.exec(query.order_by(col(ModelCall.at), col(ModelCall.key))).all()
    return [
        ModelCallView(
            attempt_id=row.attempt_id,
            key=row.key,
            model=row.model,
            role=row.role,
            prompt_tokens=row.prompt_tokens,
            completion_tokens=row.completion_tokens,
            reserved_usd=row.reserved_micros / MICROS,
            cost_usd=None if row.cost_micros is None else row.cost_micros / MICROS,
            estimated=row.estimated,
            settled=row.status == "settled",
            prompt_digest=row.prompt_digest,
            at=row.at,
        )
        for row in rows
    ]


def stream(database: Database, wanted: str, after: int) -> list[ChunkView]:
    """Return the live output behind `after`, oldest first."""
    with database.read() as session:
        query = (
            select(StreamChunk)
            .where(
                StreamChunk.workflow_id == find_row(session, wanted).workflow_id,
                col(StreamChunk.seq) > after,
            )
            .order_by(col(StreamChunk.seq))
            .limit(2_000)
        )
        rows = session.exec(query).all()
    return [ChunkView(row.seq or 0, row.attempt_id, row.text, row.at) for row in rows]


def artifact(database: Database, digest: str) -> bytes | None:
    """Return kept bytes by their digest."""
    with database.read() as session:
        return artifacts.read(session, digest)


def project_of(session: Session, project_id: str, *, lock: bool = False) -> Project:
    """Return a project's row. Raises UnknownError."""
    project = session.get(Project, project_id, with_for_update=lock or None)
    if project is None:
        raise UnknownError(f"There is no project {project_id[:80]!r}.", "`qdeck projects` lists them.")
    return project


def since_epoch(moment: datetime | float | None) -> float:
    """Return seconds since 1970 of a moment; 0 for none."""
    return moment.timestamp() if isinstance(moment, datetime) else float(moment or 0.0)
