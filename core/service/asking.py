"""The service's questions. Each reads the journal in one short session and writes nothing."""

from __future__ import annotations

from datetime import datetime

from core.board import BoardRow
from core.machine.commands import Authority
from core.machine.states import State
from core.progress import Progress
from core.service import decisions, questions, stats, why_not
from core.service.door import Door, this_user
from core.service.views import (
    AskView,
    AttemptView,
    CheckpointView,
    ChunkView,
    DecisionView,
    EventView,
    HandoffView,
    MessageView,
    ModelCallView,
    MoveView,
    ProjectView,
    ReceiptView,
    StatsView,
    WorkflowView,
)


class Questions(Door):
    """What every face may ask."""

    async def get_workflow_status(self, workflow_or_build_id: str) -> WorkflowView:
        """Return all that is known of a workflow now. Raises UnknownError."""
        return await self._do(questions.status, self._database, workflow_or_build_id)

    async def get_workflow_history(
        self, workflow_id: str, limit: int = 50, after: int = 0
    ) -> list[EventView]:
        """Return at most `limit` events (0: all) behind number `after`, oldest first."""
        return await self._do(questions.events, self._database, workflow_id, limit, after)

    async def get_project_stats(
        self,
        project_id: str | None = None,
        *,
        now: datetime | None = None,
        progress: Progress | None = None,
    ) -> StatsView:
        """Return figures of one project, or of all; what is open is counted up to `now`.

        Raises UnknownError, and Stopped when `progress` says so.
        """
        return await self._do(stats.stats, self._database, project_id, now, progress)

    async def projects(self) -> list[ProjectView]:
        """Return the registered projects by name."""
        return await self._do(questions.projects, self._database)

    async def board(self, changed_since: datetime | float | None = None) -> list[BoardRow]:
        """Return the board's rows, newest workflow first; with a time, those that changed since."""
        return await self._do(questions.board, self._database, questions.since_epoch(changed_since))

    async def attempts(self, workflow_id: str) -> list[AttemptView]:
        """Return every attempt, first to last."""
        return await self._do(questions.attempts, self._database, workflow_id)

    async def messages(self, workflow_id: str, after: int = 0, limit: int = 1_000) -> list[MessageView]:
        """Return the messages behind number `after`, oldest first."""
        return await self._do(questions.messages, self._database, workflow_id, after, limit)

    async def last_messages(self, workflow_id: str, before: int = 0, limit: int = 200) -> list[MessageView]:
        """Return the newest `limit` messages before number `before` (0: of all), oldest first."""
        return await self._do(questions.last_messages, self._database, workflow_id, before, limit)

    async def messages_undone(self, workflow_id: str, target: State) -> int:
        """Return how many messages a rollback to `target` would take back now."""
        return await self._do(questions.messages_undone, self._database, workflow_id, target)

    async def receipts(self, workflow_id: str) -> list[ReceiptView]:
        """Return every command that the engine ran, oldest first."""
        return await self._do(questions.receipts, self._database, workflow_id)

    async def handoffs(self, workflow_id: str) -> list[HandoffView]:
        """Return every packet that went from role to role, first to last."""
        return await self._do(questions.handoffs, self._database, workflow_id)

    async def checkpoints(self, workflow_id: str) -> list[CheckpointView]:
        """Return every kept worktree, first to last."""
        return await self._do(questions.checkpoints, self._database, workflow_id)

    async def model_calls(self, workflow_id: str) -> list[ModelCallView]:
        """Return every call of a model and its cost, oldest first."""
        return await self._do(questions.model_calls, self._database, workflow_id)

    async def stream(self, workflow_id: str, after: int = 0) -> list[ChunkView]:
        """Return the live output behind number `after`, oldest first."""
        return await self._do(questions.stream, self._database, workflow_id, after)

    async def artifact(self, digest: str) -> bytes | None:
        """Return kept bytes by their digest, None when there are none."""
        return await self._do(questions.artifact, self._database, digest)

    async def decision(self, workflow_id: str, by: Authority | None = None) -> DecisionView | None:
        """Return what waits for a person, None while nothing does."""
        asker = by or Authority.person(this_user())
        return await self._do(decisions.decision, self._database, workflow_id, asker)

    async def asks(self, workflow_id: str) -> list[AskView]:
        """Return what the gates ask a person now, answered or not, also while nothing waits for it."""
        return await self._do(decisions.asks, self._database, workflow_id)

    async def moves(self, workflow_id: str, by: Authority | None = None) -> list[MoveView]:
        """Return every legal move from here, and for each whether `by` may make it now and why not."""
        asker = by or Authority.person(this_user())
        return await self._do(decisions.moves, self._database, workflow_id, asker)

    async def why_not(self, workflow_id: str, verb: str, by: Authority | None = None) -> str:
        """Return what `by` would be told who ordered `verb` now; empty when it would be carried out.

        Verbs are approve, retry, rollback, chat, pause, resume and cancel. Nothing is written.
        """
        asker = by or Authority.person(this_user())
        return await self._do(why_not.why_not, self._database, workflow_id, verb, asker)
