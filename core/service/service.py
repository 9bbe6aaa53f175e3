"""OrchestrationService: the one door through which every face, and the engine, commands and asks.

Everything is async and happens in a few threads of its own, so that no event loop waits for a disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from sqlmodel import Session

from core.journal.tables import storable
from core.machine.commands import Authority, Command
from core.machine.states import Autonomy, EvidenceKind, Role, State
from core.machine.transitions import Order as ConditionOrder
from core.machine.workflow import Verdict, Workflow
from core.service import acceptances, deadlines, forking, orders, registry
from core.service.asking import Questions
from core.service.commands import Order, Plan, carry_out
from core.service.deadlines import Limits
from core.service.door import this_user
from core.service.grants import Granting
from core.service.orders import Frame, Spoken
from core.service.tokens import Tokens
from core.service.upkeep import Upkeep
from core.service.views import Answer, ProjectView, StandingView


class OrchestrationService(Questions, Upkeep, Granting):
    """Commands and questions about workflows.

    A command returns an `Answer`, also when it is refused; it raises only UnknownError (no such workflow or
    project) and JournalError. Workflows are named by workflow id or build id.
    """

    @property
    def tokens(self) -> Tokens:
        """The rights of those who speak over the network."""
        return Tokens(self._database, self._do)

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
        deadlines: Limits | None = None,
        by: Authority | None = None,
        command_id: str | None = None,
    ) -> Answer:
        """Begin a workflow in discovery. Raises UnknownError for an unknown project.

        `deadlines` are seconds by "workflow" and phase, see `core.machine.deadlines`.
        """
        by = by or Authority.person(user_id or this_user())
        settings = {
            "models": dict(models or {}),
            "budget_usd": budget_usd,
            "user_id": user_id or by.name,
            "metadata": dict(metadata or {}),
            "deadlines": dict(deadlines or {}),
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

    async def fork_workflow(
        self,
        workflow_id: str,
        *,
        by: Authority,
        seq: int,
        request: str | None = None,
        autonomy: Autonomy | None = None,
        budget_usd: float | None = None,
        command_id: str | None = None,
    ) -> Answer:
        """Start a new workflow from where this one stood right after its event `seq`; this one stays.

        It begins in that phase, with the files of that checkpoint, the packets and the conversation up to
        there; evidence counts once the engine has checked it again by digest. Another `request` begins in
        discovery. What is not given is the parent's. Raises UnknownError for an unknown workflow or event.
        """
        frame = self._frame(by, None, command_id)
        wish = storable(request) if request is not None else None
        return await self._do(
            forking.fork,
            self._database,
            frame,
            workflow_id,
            seq,
            request=wish,
            autonomy=autonomy,
            budget_usd=budget_usd,
        )

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

    async def accept_finding(
        self,
        workflow_id: str,
        key: str,
        *,
        by: Authority,
        expected_version: int,
        reason: str,
        accept: bool = True,
        standing: bool = False,
        command_id: str | None = None,
    ) -> Answer:
        """Say yes, or no, to one thing that a gate asks about: `DecisionView.asks` and findings have the key.

        Only a person may, and each thing by itself. Once all is answered the engine judges again by itself; a
        no sends the role to work. A no to what was accepted before takes the yes back. `standing` gives the
        same yes for the whole project, where the question allows it.
        """
        verdict = Verdict.ACCEPTED if accept else Verdict.DECLINED
        word = storable(reason)
        plan = partial(acceptances.accept, key=key, verdict=verdict, reason=word, standing=standing)
        also = acceptances.also_standing(key, by, word, self._database.clock()) if standing else None
        return await self._order("accept", workflow_id, by, expected_version, command_id, plan, also=also)

    async def override_gate(
        self,
        workflow_id: str,
        evidence: EvidenceKind,
        *,
        by: Authority,
        expected_version: int,
        reason: str,
        digest: str = "",
        command_id: str | None = None,
    ) -> Answer:
        """Let a red piece of evidence count as it is: by a person, with a reason, loud, for ever on record.

        It covers what is red now on these very files; whatever is red beside that shuts the gate again.
        """
        plan = partial(
            acceptances.override, kind=EvidenceKind(evidence), reason=storable(reason), digest=digest
        )
        return await self._order("override", workflow_id, by, expected_version, command_id, plan)

    async def give_standing_yes(self, project_id: str, key: str, *, by: Authority, reason: str) -> Answer:
        """Say yes to one thing, by its key, for all builds of a project; only a person may."""
        return await self._do(
            acceptances.give_standing, self._database, project_id, key, by, storable(reason)
        )

    async def revoke_standing_yes(self, project_id: str, key: str, *, by: Authority, reason: str) -> Answer:
        """Take a standing yes back; it stays in the list as taken back."""
        return await self._do(
            acceptances.revoke_standing, self._database, project_id, key, by, storable(reason)
        )

    async def standing_yeses(self, project_id: str) -> list[StandingView]:
        """Return every standing yes that a project was ever given, oldest first. Raises UnknownError."""
        return await self._do(acceptances.standing, self._database, project_id)

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

    async def set_deadlines(
        self,
        workflow_id: str,
        *,
        by: Authority,
        expected_version: int,
        limits: Limits,
        command_id: str | None = None,
    ) -> Answer:
        """Change how long the workflow or its phases may take, in seconds; None lifts a deadline."""
        plan = partial(deadlines.change, limits=limits)
        return await self._order("deadline", workflow_id, by, expected_version, command_id, plan)

    async def record_breaches(self, only: str = "") -> list[str]:
        """Put on record each deadline that ran out, once; return the workflows. The worker asks this."""
        return await self._do(deadlines.record_breaches, self._database, only)

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
        also: Callable[[Session, Workflow], None] | None = None,
    ) -> Answer:
        frame = self._frame(by, expected_version, command_id)
        order = Order(
            frame.command_id,
            verb,
            by,
            workflow_id,
            lambda session, workflow: plan(frame, workflow),  # type: ignore[arg-type]
            also=spoken.keep if spoken else also,
            said=said,
        )
        return await self._do(carry_out, self._database, order)

    def _frame(self, by: Authority, expected_version: int | None, command_id: str | None) -> Frame:
        return Frame(command_id or uuid4().hex, by, self._database.clock(), expected_version)
