"""One command, one transaction: read, decide, append, project, answer. Knows the journal and the machine."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from core.errors import ExitCode, JournalError, UnknownError
from core.journal.database import Database
from core.journal.log import LostRace, by_command, event_of, history
from core.journal.projections import picture_of
from core.journal.records import find_row, record, workflow_of
from core.journal.tables import Project, WorkflowEvent
from core.machine.apply import apply
from core.machine.commands import Authority, Command, Start
from core.machine.decide import decide
from core.machine.events import Event
from core.machine.refusal import Reason, Refusal
from core.machine.workflow import Workflow
from core.service.reading import view_of
from core.service.sentences import happened
from core.service.views import Answer

_RACES = 3
"""How often a lost race is looked at again; each time somebody else has won it."""

Plan = Generator[Command, Workflow, None]
"""Yields the commands of one order; is handed the workflow as each one leaves it."""


class Refused(Exception):
    """An order that is refused before the machine is asked."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants, as the service understood it.

    `plan` turns the stored workflow into commands; `also` writes what belongs to them and is no event; `verb`
    and `by` tell a repetition from another use of the same command id.
    """

    command_id: str
    verb: str
    by: Authority
    workflow_id: str
    plan: Callable[[Session, Workflow | None], Plan]
    also: Callable[[Session, Workflow], None] | None = None
    said: Callable[[Workflow | None, Workflow], str] | None = None


@dataclass
class _Decided:
    workflow: Workflow | None
    events: list[Event] = field(default_factory=list)


def carry_out(database: Database, order: Order) -> Answer:
    """Carry the order out, all of it or nothing. Raises UnknownError for an unknown workflow or project."""
    for _ in range(_RACES):
        try:
            return _carry_out(database, order)
        except LostRace:
            continue
        except JournalError as error:
            # Two were event N of one workflow, and UNIQUE let the other one in: look again, and be told.
            if not isinstance(error.__cause__, IntegrityError):
                raise
    return _carry_out(database, order)


def refusal_of(database: Database, order: Order) -> Refusal | None:
    """Return how the order would be refused now, None when it would be carried out. Writes nothing."""
    with database.read() as session:
        row = find_row(session, order.workflow_id)
        try:
            _decide(session, order, workflow_of(row), row.updated_at)
        except Refused as refused:
            return refused.refusal
    return None


def _carry_out(database: Database, order: Order) -> Answer:
    with database.write() as session:
        # The lock comes first: what is read before it may be another writer's past.
        row = find_row(session, order.workflow_id, lock=True) if order.workflow_id else None
        if row is None:
            database.one_at_a_time(session)
        if kept := by_command(session, order.command_id):
            return _repeated(session, database, order, kept)
        before = workflow_of(row) if row else None
        try:
            decided = _decide(session, order, before, row.updated_at if row else None)
        except Refused as refused:
            view = view_of(session, row, database.clock()) if row else None
            return _refusal(refused.refusal, view)
        assert decided.workflow is not None  # noqa: S101 - a plan yields one command at least
        workflow = decided.workflow
        text = order.said(before, workflow) if order.said else happened(decided.events, workflow)
        kept_answer = {"verb": order.verb, "by": str(order.by), "text": text}
        row, stored = record(
            session,
            row,
            decided.events,
            command_id=order.command_id,
            answer=kept_answer,
            now=database.clock().timestamp(),
        )
        if order.also:
            order.also(session, before or workflow)
        session.flush()
        view = view_of(session, row, database.clock())
        return Answer(True, view, None, ExitCode.DONE, text, tuple(e.seq for e in stored))


def _decide(session: Session, order: Order, workflow: Workflow | None, floor: datetime | None) -> _Decided:
    """Ask the machine about each command in turn; no event is earlier than `floor`. Raises Refused."""
    decided = _Decided(workflow)
    plan = order.plan(session, workflow)
    try:
        command = next(plan)
        while True:
            _check_project(session, command)
            decision = decide(decided.workflow, command)
            if isinstance(decision, Refusal):
                raise Refused(decision)
            for event in (_in_time(event, floor) for event in decision):
                decided.workflow = apply(decided.workflow, event)
                decided.events.append(event)
            assert decided.workflow is not None  # noqa: S101 - a decision is one event at least
            command = plan.send(decided.workflow)
    except StopIteration:
        return decided


def _in_time(event: Event, floor: datetime | None) -> Event:
    """The event in UTC, and never before the last one: a clock that was set back moves no history."""
    if event.at.utcoffset() is None:
        raise ValueError("the time of a command needs its zone")
    at = event.at.astimezone(UTC)
    return replace(event, at=at if floor is None else max(at, floor))


def _check_project(session: Session, command: Command) -> None:
    if isinstance(command, Start) and session.get(Project, command.project_id) is None:
        raise UnknownError(
            f"There is no project {command.project_id[:80]!r}.", "Register the repository first."
        )


def _refusal(refusal: Refusal, view: Any) -> Answer:
    stale = refusal.reason is Reason.STALE
    return Answer(False, view, refusal, ExitCode.STALE if stale else ExitCode.REFUSED, str(refusal))


def _repeated(session: Session, database: Database, order: Order, kept: list[WorkflowEvent]) -> Answer:
    """Return the answer that the command got the first time, with the workflow as it was then."""
    answer: Mapping[str, Any] = kept[0].answer or {}
    workflow_id = kept[0].workflow_id
    asked = find_row(session, order.workflow_id).workflow_id if order.workflow_id else workflow_id
    if (answer.get("verb"), answer.get("by"), workflow_id) != (order.verb, str(order.by), asked):
        refusal = Refusal(
            Reason.NOT_POSSIBLE,
            "This command id was already used for another command. Nothing was done.",
            hint="Give every command an id of its own.",
        )
        return _refusal(refusal, None)
    then = picture_of(event_of(e) for e in history(session, workflow_id, until=kept[-1].seq))
    assert then.row is not None  # noqa: S101 - the kept events are part of it
    view = view_of(session, then.row, database.clock())
    seqs = tuple(e.seq for e in kept)
    return Answer(True, view, None, ExitCode.DONE, str(answer["text"]), seqs, repeated=True)
