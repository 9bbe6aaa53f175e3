"""The journal as the worker sees it: attempts under leases, steps, messages, receipts, money, live output.

Synchronous and safe to use from several threads. Every write of an attempt carries its lease and is refused
(LeaseLost) once the lease is another's, so that a worker that was only frozen writes nothing when it wakes.
Commands do not go this way: they go through the service, like everybody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from core.journal import ancestry, artifacts, attempts, deploying, ledger, messages
from core.journal.attempts import MISSING, LeaseLost
from core.journal.chain import canonical, digest
from core.journal.database import Clock, Database, utc_now
from core.journal.projections import packets_of
from core.journal.receipts import receipt_digest
from core.journal.records import find_row, touch, workflow_of
from core.journal.tables import (
    Attempt,
    BuildWorkflow,
    Checkpoint,
    Message,
    Project,
    Receipt,
    StreamChunk,
    WorkflowEvent,
    WorkflowLive,
    storable,
)
from core.machine.events import EventType
from core.machine.states import FINAL, Condition, State
from core.machine.workflow import Workflow

__all__ = ["MISSING", "EngineJournal", "LeaseLost", "ProjectRow"]

_TAIL = 4_000
"""Characters of a receipt's output that are shown without opening the artifact."""


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project as it was registered."""

    project_id: str
    name: str
    path: str
    default_branch: str
    settings: Mapping[str, Any] = field(default_factory=dict)


class EngineJournal:
    """What the worker reads and writes."""

    def __init__(self, url: str, *, clock: Clock = utc_now, database: Database | None = None) -> None:
        self._database = database or Database(url, clock=clock)
        self._now = self._database.clock

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    # -- what there is to do

    def workflow(self, workflow_id: str) -> Workflow:
        """Return the stored workflow. Raises UnknownError."""
        with self._database.read() as session:
            return workflow_of(find_row(session, workflow_id))

    def runnable(self) -> list[Workflow]:
        """Return every workflow that could go on: active and not complete, oldest first."""
        query = select(BuildWorkflow.folded).where(
            BuildWorkflow.condition == Condition.ACTIVE.value, BuildWorkflow.current_state != FINAL.value
        )
        with self._database.read() as session:
            found = session.exec(query.order_by(col(BuildWorkflow.created_at))).all()
        return [Workflow.from_data(folded) for folded in found]

    def waiting(self) -> list[Workflow]:
        """Return every workflow that waits for a person, oldest first."""
        query = select(BuildWorkflow.folded).where(
            BuildWorkflow.condition == Condition.WAITING.value, BuildWorkflow.current_state != FINAL.value
        )
        with self._database.read() as session:
            found = session.exec(query.order_by(col(BuildWorkflow.created_at))).all()
        return [Workflow.from_data(folded) for folded in found]

    def project(self, project_id: str) -> ProjectRow:
        """Return a registered project. Raises UnknownError."""
        from core.errors import UnknownError

        with self._database.read() as session:
            row = session.get(Project, project_id)
            if row is None:
                raise UnknownError(f"There is no project {project_id[:80]!r}.")
            return ProjectRow(row.project_id, row.name, row.path, row.default_branch, row.settings)

    def packets(self, workflow_id: str) -> dict[State, dict[str, Any]]:
        """Return the newest packet that each phase has handed in."""
        with self._database.read() as session:
            return packets_of(find_row(session, workflow_id))

    def notes(self, workflow_id: str, kind: str) -> list[dict[str, Any]]:
        """Return what the notes of one kind hold, first to last."""
        query = select(WorkflowEvent.event_data).where(
            WorkflowEvent.workflow_id == workflow_id, WorkflowEvent.event_type == EventType.NOTED.value
        )
        with self._database.read() as session:
            found = session.exec(query.order_by(col(WorkflowEvent.seq))).all()
        return [dict(data) for data in found if data.get("kind") == kind]

    def reverted(self, project_id: str) -> set[str]:
        """Return the merges of a project that were taken back, by whichever of its builds."""
        query = (
            select(WorkflowEvent.event_data)
            .join(BuildWorkflow, col(BuildWorkflow.workflow_id) == col(WorkflowEvent.workflow_id))
            .where(
                BuildWorkflow.project_id == project_id,
                WorkflowEvent.event_type == EventType.NOTED.value,
            )
        )
        with self._database.read() as session:
            found = session.exec(query).all()
        return {str(data["commit"]) for data in found if data.get("kind") == "reverted"}

    def checkpoints(self, workflow_id: str) -> list[Checkpoint]:
        """Return the recorded checkpoints, first to last."""
        query = select(Checkpoint).where(Checkpoint.workflow_id == workflow_id)
        with self._database.read() as session:
            return list(session.exec(query.order_by(col(Checkpoint.number))))

    # -- attempts

    def claim_attempt(self, attempt_id: str, executor: str) -> str:
        """Return a new lease for the attempt; the one before it is void. "" when it is not to be run now."""
        with self._database.write() as session:
            return attempts.claim(session, attempt_id, executor, self._now())

    def end_attempt(self, attempt_id: str, lease: str, outcome: str, summary: str = "") -> None:
        """Write down how the attempt ended."""
        with self._database.write() as session:
            attempts.end(attempts.holder(session, attempt_id, lease), outcome, summary, self._now())

    def holds(self, attempt_id: str, lease: str) -> bool:
        """Say whether the lease is still the attempt's."""
        with self._database.read() as session:
            attempt = session.get(Attempt, attempt_id)
            return attempt is not None and bool(lease) and attempt.lease == lease

    def open_attempts(self, executor: str | None = None) -> list[Attempt]:
        """Return the attempts that have not ended, of one executor or of all."""
        with self._database.read() as session:
            return attempts.open_attempts(session, executor)

    def attempts(self, workflow_id: str) -> list[Attempt]:
        """Return all attempts of a workflow, first to last."""
        query = select(Attempt).where(Attempt.workflow_id == workflow_id)
        with self._database.read() as session:
            return list(session.exec(query.order_by(col(Attempt.started_at))))

    # -- deployments

    def take_deployment(self, project_id: str, attempt_id: str, lease: str) -> str:
        """Take the project's one right to deploy; return the build that has it, "" when it is ours now.

        A holder that lost its lease, came to its end or waits for a person has it no more.
        """
        with self._database.write() as session:
            return deploying.take(session, project_id, attempt_id, lease)

    def leave_deployment(self, project_id: str, lease: str) -> None:
        """Give the right to deploy back, if it is still ours."""
        with self._database.write() as session:
            deploying.leave(session, project_id, lease)

    # -- steps

    def step_result(self, attempt_id: str, key: str) -> Any:
        """Return what the finished step gave, MISSING when it has not finished."""
        with self._database.read() as session:
            return attempts.step_result(session, attempt_id, key)

    def keep_step(self, attempt_id: str, lease: str, key: str, result: Any) -> None:
        """Keep what a step gave; JSON only. The first result of a key stays. Raises LeaseLost."""
        canonical(result)  # a result that is no JSON fails here, and not when it is read again
        with self._database.write() as session:
            attempts.holder(session, attempt_id, lease)
            attempts.keep_step(session, attempt_id, key, result, self._now())

    # -- messages

    def add_message(
        self,
        workflow_id: str,
        attempt_id: str,
        lease: str | None,
        key: str,
        author: str,
        kind: str,
        text: str,
        data: Mapping[str, Any] | None = None,
    ) -> int:
        """Keep one message of an attempt and return its number; the same key again changes nothing."""
        with self._database.write() as session:
            if lease is not None:
                attempts.holder(session, attempt_id, lease)
            said = messages.Said(author, kind, storable(text), dict(data or {}), self._now())
            return messages.add(session, workflow_id, attempt_id, key, said)

    def messages(
        self, workflow_id: str, after: int = 0, *, role: str = "", voided: bool = False, limit: int = 0
    ) -> list[Message]:
        """Return the messages behind `after`, oldest first; what a rollback took back only on request."""
        with self._database.read() as session:
            return messages.behind(session, workflow_id, after, role=role, voided=voided, limit=limit)

    def earlier_messages(self, workflow_id: str) -> list[Message]:
        """Return what was said in the workflows that a fork comes from, up to where each was left."""
        with self._database.read() as session:
            return ancestry.earlier_messages(session, workflow_id)

    def earlier_attempts(self, workflow_id: str) -> list[Attempt]:
        """Return the attempts that had ended in the workflows that a fork comes from."""
        with self._database.read() as session:
            return ancestry.earlier_attempts(session, workflow_id)

    def earlier_notes(self, workflow_id: str, kind: str) -> list[dict[str, Any]]:
        """Return what the notes of one kind hold in the workflows that a fork comes from, oldest first."""
        with self._database.read() as session:
            found = [dict(event.event_data) for event in ancestry.earlier_notes(session, workflow_id)]
        return [data for data in found if data.get("kind") == kind]

    def unread(self, workflow_id: str, role: str = "", after: int = 0) -> list[Message]:
        """Return a person's words that nobody has taken up yet, to one role or to all, oldest first."""
        with self._database.read() as session:
            return messages.unread(session, workflow_id, after, role=role)

    def mark_read(self, seqs: Iterable[int]) -> None:
        """Write down that these messages were taken up."""
        with self._database.write() as session:
            messages.mark_read(session, seqs, self._now())

    # -- receipts and artifacts

    def add_receipt(
        self,
        workflow_id: str,
        attempt_id: str,
        lease: str | None,
        key: str,
        kind: str,
        data: Mapping[str, Any],
        output: bytes = b"",
    ) -> str:
        """Keep a receipt and return its id; the same key of the same attempt is the same receipt."""
        receipt_id = digest(f"{attempt_id}\n{key}")[:32]
        with self._database.write() as session:
            if lease is not None:
                attempts.holder(session, attempt_id, lease)
            if session.get(Receipt, receipt_id) is None:
                artifact = artifacts.put(session, output, "text/plain", self._now()) if output else None
                session.flush()  # the artifact has to be there before the receipt names it
                receipt = Receipt(
                    receipt_id=receipt_id,
                    workflow_id=workflow_id,
                    attempt_id=attempt_id,
                    key=key,
                    kind=kind,
                    data=dict(data),
                    output=storable(output[-4 * _TAIL :].decode("utf-8", "replace"))[-_TAIL:],
                    artifact=artifact,
                    at=self._now(),
                )
                session.add(receipt)
                touch(session, workflow_id, self._now().timestamp())
        return receipt_id

    def receipt(self, receipt_id: str) -> Receipt | None:
        """Return a receipt by its id."""
        with self._database.read() as session:
            return session.get(Receipt, receipt_id)

    def receipt_digest(self, receipt_id: str) -> str:
        """Return the digest of all that a receipt says now; empty when there is none."""
        row = self.receipt(receipt_id)
        return receipt_digest(row) if row is not None else ""

    def inherited_receipts(self, workflow_id: str) -> dict[str, str]:
        """Return the digests of the receipts that a fork's start names."""
        with self._database.read() as session:
            return ancestry.inherited_receipts(session, workflow_id)

    def receipts(self, workflow_id: str, attempt_id: str = "") -> list[Receipt]:
        """Return the receipts of a workflow, or of one attempt, oldest first."""
        query = select(Receipt).where(Receipt.workflow_id == workflow_id)
        if attempt_id:
            query = query.where(Receipt.attempt_id == attempt_id)
        with self._database.read() as session:
            return list(session.exec(query.order_by(col(Receipt.at))))

    def put_artifact(self, data: bytes, media: str) -> str:
        """Keep bytes under the digest of their content and return it."""
        with self._database.write() as session:
            return artifacts.put(session, data, media, self._now())

    def get_artifact(self, artifact_digest: str) -> bytes | None:
        """Return the bytes kept under the digest, None when there are none."""
        with self._database.read() as session:
            return artifacts.read(session, artifact_digest)

    # -- money

    def reserve(
        self,
        workflow_id: str,
        attempt_id: str,
        key: str,
        usd: float,
        *,
        lease: str | None = None,
        role: str = "",
    ) -> bool:
        """Set money aside for one model call; False when the workflow's budget does not hold it."""
        with self._database.write() as session:
            if lease is not None:
                attempts.holder(session, attempt_id, lease)
            return ledger.reserve(session, workflow_id, attempt_id, key, usd, self._now(), role=role)

    def settle(self, workflow_id: str, attempt_id: str, key: str, **call: Any) -> None:
        """Replace a reservation by what the call cost: see `ledger.settle` for what can be told."""
        with self._database.write() as session:
            ledger.settle(session, workflow_id, attempt_id, key, self._now(), **call)

    def spent(self, workflow_id: str) -> float:
        """Return what the workflow has cost so far, in dollars."""
        with self._database.read() as session:
            return ledger.spent(session, workflow_id)

    # -- live

    def chunk(self, workflow_id: str, attempt_id: str, text: str) -> None:
        """Show a piece of live output; a power cut may lose it."""
        with self._database.write(loose=True) as session:
            session.execute(
                sa.insert(StreamChunk).values(
                    workflow_id=workflow_id, attempt_id=attempt_id, text=storable(text), at=self._now()
                )
            )

    def prune_chunks(self, workflow_id: str = "", *, older_than: float = 0.0, attempt_id: str = "") -> None:
        """Remove live output that nobody needs any more: of a workflow or attempt, or older than seconds."""
        statement = sa.delete(StreamChunk)
        if workflow_id:
            statement = statement.where(col(StreamChunk.workflow_id) == workflow_id)
        if attempt_id:
            statement = statement.where(col(StreamChunk.attempt_id) == attempt_id)
        if older_than:
            statement = statement.where(col(StreamChunk.at) < self._now() - timedelta(seconds=older_than))
        with self._database.write(loose=True) as session:
            session.execute(statement)

    def set_activity(self, workflow_id: str, text: str, tests: str | None = None) -> None:
        """Show what happens this second, and, where given, the latest word on the tests."""
        with self._database.write(loose=True) as session:
            live = touch(session, workflow_id, self._now().timestamp())
            live.activity = storable(text)[:200]
            if tests is not None:
                live.tests = storable(tests)[:60]

    def stop_requested(self, workflow_id: str) -> bool:
        """Say whether a person wants the running turn to stop."""
        with self._database.read() as session:
            live = session.get(WorkflowLive, workflow_id)
            return live is not None and live.stop_requested

    def clear_stop(self, workflow_id: str) -> None:
        """Forget the wish to stop: it was heard."""
        with self._database.write() as session:
            touch(session, workflow_id, self._now().timestamp()).stop_requested = False

    def changed(self) -> int:
        """Return a number that differs as soon as anybody changed anything."""
        return self._database.changed()
