"""OrchestrationService: the one door through which every face, and the engine, commands and asks.

Everything is async and happens in a few threads of its own, so that no event loop waits for a disk.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

from core.board import BoardRow
from core.journal.database import Clock, Database, utc_now
from core.journal.engine import storable
from core.machine.commands import Authority, Command
from core.machine.states import Autonomy, Role, State
from core.machine.transitions import Order as ConditionOrder
from core.machine.workflow import Workflow
from core.service import decisions, orders, questions, registry, stats
from core.service.commands import Order, Plan, carry_out
from core.service.opening import open_database, worker_alive
from core.service.orders import Frame, Spoken
from core.service.views import (
    Answer,
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

T = TypeVar("T")
_THREADS = 4


class OrchestrationService:
    """Commands and questions about workflows.

    A command returns an `Answer`, also when it is refused; it raises only UnknownError (no such workflow or
    project) and JournalError. Workflows are named by workflow id or build id.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        # Threads of our own: DBOS replaces the loop's default executor, and shuts it down with itself.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="qdeck-journal")

    @classmethod
    async def open(
        cls, url: str | None = None, *, migrate: bool = True, clock: Clock = utc_now
    ) -> OrchestrationService:
        """Open the journal at `url`, or a path, or where the settings say, and bring it up to date."""
        opening = partial(open_database, url, migrate=migrate, clock=clock)
        with ThreadPoolExecutor(1) as thread:
            return cls(await asyncio.get_running_loop().run_in_executor(thread, opening))

    async def close(self) -> None:
        """Let go of the journal."""
        await self._do(self._database.close)
        self._threads.shutdown(wait=False)

    @property
    def url(self) -> str:
        """The full address of the journal, password included: for child processes, never for eyes."""
        return self._database.url.render_as_string(hide_password=False)

    # -- commands

    async def register_project(
        self,
        path: str,
        *,
        name: str | None = None,
        default_branch: str = "",
        settings: Mapping[str, Any] | None = None,
    ) -> ProjectView:
        """Make a repository known, or bring what is known of it up to date. One path is one project."""
        return await self._do(
            registry.register,
            self._database,
            path,
            name=name,
            default_branch=default_branch,
            settings=settings,
        )

    async def start_workflow(
        self,
        project_id: str,
        requirements: str,
        *,
        title: str | None = None,
        user_id: str | None = None,
        autonomy: Autonomy = Autonomy.GATED,
        budget_usd: float | None = None,
        models: Mapping[str, str] | None = None,
        retry_budget: int = 3,
        metadata: Mapping[str, Any] | None = None,
        build_id: str | None = None,
        base_commit: str = "",
        by: Authority | None = None,
        command_id: str | None = None,
    ) -> Answer:
        """Begin a workflow in discovery. Raises UnknownError for an unknown project."""
        by = by or Authority.person(user_id or _user())
        settings = {
            "models": dict(models or {}),
            "budget_usd": budget_usd,
            "user_id": user_id or by.name,
            "metadata": dict(metadata or {}),
        }
        plan = partial(
            registry.start,
            project_id=project_id,
            title=title,
            request=storable(requirements),
            autonomy=Autonomy(autonomy),
            retry_budget=retry_budget,
            base_commit=base_commit,
            build_id=build_id,
            settings=settings,
        )
        frame = self._frame(by, None, command_id)
        order = Order(frame.command_id, "start", by, "", lambda session, _: plan(session, frame))
        return await self._do(carry_out, self._database, order)

    async def advance_workflow(
        self,
        workflow_id: str,
        *,
        by: Authority,
        expected_version: int,
        role: Role | None = None,
        completed_state: State | None = None,
        phase_result: Mapping[str, Any] | None = None,
        next_state: State | None = None,
        reason: str = "",
        command_id: str | None = None,
    ) -> Answer:
        """Move one step forward: advance, or accept a handoff. A person's step carries its approvals.

        In deployment a person's step approves the release; the engine then merges, proves and completes it.
        """
        plan = partial(
            orders.advance,
            role=role,
            completed=completed_state,
            packet=dict(phase_result or {}),
            target=next_state,
            reason=storable(reason),
        )
        return await self._order("advance", workflow_id, by, expected_version, command_id, plan)

    async def request_retry(
        self,
        workflow_id: str,
        *,
        by: Authority,
        expected_version: int,
        reason: str,
        target: State | None = None,
        command_id: str | None = None,
    ) -> Answer:
        """Send the work back to an earlier phase with a reason; files stay as they are.

        A person's retry of a phase that has no way back (discovery, planning), of a failed attempt, or with
        the phase itself as target, is the same phase once more, told the reason.
        """
        spoken = Spoken(storable(reason), by, self._database.clock())
        plan = partial(orders.retry, reason=spoken.text, target=target, spoken=spoken)
        return await self._order("retry", workflow_id, by, expected_version, command_id, plan, spoken=spoken)

    async def rollback_workflow(
        self,
        workflow_id: str,
        *,
        by: Authority,
        expected_version: int,
        target_state: State,
        reason: str,
        checkpoint: int | None = None,
        command_id: str | None = None,
    ) -> Answer:
        """Go back to an earlier phase with files, conversations and reservations as they were then."""
        plan = partial(
            orders.rollback, target=State(target_state), reason=storable(reason), checkpoint=checkpoint
        )
        return await self._order("rollback", workflow_id, by, expected_version, command_id, plan)

    async def pause(
        self,
        workflow_id: str,
        *,
        by: Authority,
        expected_version: int,
        reason: str = "",
        command_id: str | None = None,
    ) -> Answer:
        """Let the workflow rest until it is resumed."""
        plan = partial(orders.condition, order=ConditionOrder.PAUSE, reason=storable(reason))
        return await self._order("pause", workflow_id, by, expected_version, command_id, plan)

    async def resume(
        self,
        workflow_id: str,
        *,
        by: Authority,
        expected_version: int,
        reason: str = "",
        command_id: str | None = None,
    ) -> Answer:
        """Let a paused, failed or waiting workflow go on in its phase."""
        plan = partial(orders.condition, order=ConditionOrder.RESUME, reason=storable(reason))
        return await self._order("resume", workflow_id, by, expected_version, command_id, plan)

    async def cancel(
        self,
        workflow_id: str,
        *,
        by: Authority,
        expected_version: int,
        reason: str = "",
        command_id: str | None = None,
    ) -> Answer:
        """End the workflow for good, unfinished."""
        plan = partial(orders.condition, order=ConditionOrder.CANCEL, reason=storable(reason))
        return await self._order("cancel", workflow_id, by, expected_version, command_id, plan)

    async def set_budget(
        self,
        workflow_id: str,
        *,
        by: Authority,
        expected_version: int,
        budget_usd: float | None,
        command_id: str | None = None,
    ) -> Answer:
        """Change what the workflow may spend, None for no limit; if it waits for that, it goes on."""
        plan = partial(orders.budget, budget_usd=budget_usd)
        return await self._order("budget", workflow_id, by, expected_version, command_id, plan)

    async def chat(
        self, workflow_id: str, text: str, *, by: Authority, command_id: str | None = None
    ) -> Answer:
        """Say something to the active role; wakes a workflow that waits for an answer or an approval."""
        spoken = Spoken(storable(text), by, self._database.clock())
        plan = partial(orders.say, spoken=spoken)
        return await self._order(
            "chat", workflow_id, by, None, command_id, plan, spoken=spoken, said=orders.heard
        )

    async def stop_turn(self, workflow_id: str, *, by: Authority) -> Answer:
        """Ask the role that is at work to stop at its next step."""
        return await self._do(registry.stop_turn, self._database, workflow_id, by)

    async def submit(self, command: Command) -> Answer:
        """Carry out one command of the machine as it is. Raises UnknownError."""
        known = "" if type(command).__name__ == "Start" else command.workflow_id
        order = Order(
            command.command_id,
            type(command).__name__,
            command.by,
            known,
            lambda session, workflow: orders.given(command),
        )
        return await self._do(carry_out, self._database, order)

    # -- questions

    async def get_workflow_status(self, workflow_or_build_id: str) -> WorkflowView:
        """Return all that is known of a workflow now. Raises UnknownError."""
        return await self._do(questions.status, self._database, workflow_or_build_id)

    async def get_workflow_history(
        self, workflow_id: str, limit: int = 50, after: int = 0
    ) -> list[EventView]:
        """Return at most `limit` events (0: all) behind number `after`, oldest first."""
        return await self._do(questions.events, self._database, workflow_id, limit, after)

    async def get_project_stats(self, project_id: str | None = None) -> StatsView:
        """Return figures of one project, or of all."""
        return await self._do(stats.stats, self._database, project_id)

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
        return await self._do(
            decisions.decision, self._database, workflow_id, by or Authority.person(_user())
        )

    async def moves(self, workflow_id: str, by: Authority | None = None) -> list[MoveView]:
        """Return every legal move from here, and for each whether `by` may make it now and why not."""
        return await self._do(decisions.moves, self._database, workflow_id, by or Authority.person(_user()))

    # -- the journal itself

    def changed(self) -> int:
        """Return a number that differs as soon as anybody changed anything; takes microseconds."""
        return self._database.changed()

    def worker_alive(self) -> bool:
        """Say whether a worker lives for this journal; two system calls."""
        return worker_alive(self.url)

    async def verify(self, workflow_id: str = "") -> list[str]:
        """Return a sentence for every sign that the event log was touched; none when it is whole."""
        return await self._do(questions.broken, self._database, workflow_id)

    async def rebuild(self, workflow_id: str = "") -> list[str]:
        """Build rows, handoffs and checkpoints again from the events; return what differed from before."""
        return await self._do(registry.rebuild_rows, self._database, workflow_id)

    # -- inside

    async def _order(
        self,
        verb: str,
        workflow_id: str,
        by: Authority,
        expected_version: int | None,
        command_id: str | None,
        plan: Callable[[Frame, Workflow], Plan],
        *,
        spoken: Spoken | None = None,
        said: Callable[[Workflow | None, Workflow], str] | None = None,
    ) -> Answer:
        frame = self._frame(by, expected_version, command_id)
        order = Order(
            frame.command_id,
            verb,
            by,
            workflow_id,
            lambda session, workflow: plan(frame, workflow),  # type: ignore[arg-type]
            also=spoken.keep if spoken else None,
            said=said,
        )
        return await self._do(carry_out, self._database, order)

    def _frame(self, by: Authority, expected_version: int | None, command_id: str | None) -> Frame:
        return Frame(command_id or uuid4().hex, by, self._database.clock(), expected_version)

    async def _do(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        call = partial(work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def _user() -> str:
    """The person at this machine, as far as the system knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"
