"""What was said in a workflow: by its roles, to them, and what a rollback took back of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.journal import attempts
from core.journal.records import touch
from core.journal.tables import Message
from core.machine.commands import AuthorityKind
from core.machine.states import Role

_ROLES = frozenset(role.value for role in Role)


@dataclass(frozen=True, slots=True)
class Said:
    """One message of an attempt, before it is kept."""

    author: str
    kind: str
    text: str
    data: dict[str, Any]
    at: datetime


def add(session: Session, workflow_id: str, attempt_id: str, key: str, said: Said) -> int:
    """Keep one message of an attempt and return its number; the same key again changes nothing."""
    query = select(Message).where(Message.attempt_id == attempt_id, Message.key == key)
    if known := session.exec(query).first():
        return known.seq or 0
    _, state, _ = attempts.split(attempt_id)
    message = Message(
        message_id=uuid4().hex,
        workflow_id=workflow_id,
        attempt_id=attempt_id,
        key=key,
        state=state.value,
        role=said.author if said.author in _ROLES else "",
        author=said.author,
        kind=said.kind,
        text=said.text,
        data=said.data,
        at=said.at,
    )
    session.add(message)
    touch(session, workflow_id, said.at.timestamp())
    session.flush()
    return message.seq or 0


def behind(
    session: Session, workflow_id: str, after: int, *, role: str, voided: bool, limit: int
) -> list[Message]:
    """Return the messages behind `after`, oldest first; what a rollback took back only on request."""
    query = select(Message).where(Message.workflow_id == workflow_id, col(Message.seq) > after)
    if role:
        query = query.where(Message.role == role)
    if not voided:
        query = query.where(col(Message.voided_by).is_(None))
    query = query.order_by(col(Message.seq))
    return list(session.exec(query.limit(limit) if limit else query))


def unread(session: Session, workflow_id: str, after: int, *, role: str) -> list[Message]:
    """Return a person's words that nobody has taken up yet, to one role or to all, oldest first."""
    query = select(Message).where(
        Message.workflow_id == workflow_id,
        col(Message.seq) > after,
        col(Message.author).startswith(f"{AuthorityKind.PERSON.value}:"),
        col(Message.read_at).is_(None),
        col(Message.voided_by).is_(None),
    )
    if role:
        query = query.where(Message.role == role)
    return list(session.exec(query.order_by(col(Message.seq))))


def mark_read(session: Session, seqs: Iterable[int], now: datetime) -> None:
    """Write down that these messages were taken up."""
    session.execute(
        sa.update(Message)
        .where(col(Message.seq).in_(list(seqs)), col(Message.read_at).is_(None))
        .values(read_at=now)
    )
