"""The engine's commands: each given once, decided against the stored workflow, repeated without harm."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.journal.engine import EngineJournal
from core.machine.commands import Authority, Command
from core.machine.refusal import Reason
from core.machine.workflow import Workflow
from core.service import OrchestrationService
from core.service.views import Answer

_TRIES = 20


class Superseded(Exception):
    """The workflow went on without this attempt: a person moved it, paused it or cancelled it."""


class Orders:
    """Gives the commands of one attempt."""

    def __init__(
        self, service: OrchestrationService, journal: EngineJournal, workflow_id: str, attempt_id: str
    ) -> None:
        self._service = service
        self._journal = journal
        self.workflow_id = workflow_id
        self.attempt_id = attempt_id

    async def workflow(self) -> Workflow:
        """Return the stored workflow, as long as this attempt is its current one. Raises Superseded."""
        workflow = await asyncio.to_thread(self._journal.workflow, self.workflow_id)
        if workflow.attempt_id != self.attempt_id:
            raise Superseded(f"{self.attempt_id} is not the current attempt any more")
        return workflow

    async def give(
        self, step: str, order: type[Command], /, by: Authority | None = None, **fields: Any
    ) -> Answer:
        """Submit one command under the id `{attempt_id}:{step}` and return its answer.

        A person's words or clicks in between only change the version; the command is then decided anew.
        """
        answer: Answer | None = None
        for _ in range(_TRIES):
            workflow = await self.workflow()
            command = self._command(workflow, step, order, by or Authority.engine(), fields)
            answer = await self._service.submit(command)
            if answer.refusal is None or answer.refusal.reason is not Reason.STALE:
                return answer
            await asyncio.sleep(0.02)
        raise Superseded(f"{step}: {answer.text if answer else 'no answer'}")

    def _command(
        self, workflow: Workflow, step: str, order: type[Command], by: Authority, fields: Mapping[str, Any]
    ) -> Command:
        return order(
            command_id=f"{self.attempt_id}:{step}",
            workflow_id=self.workflow_id,
            expected_version=workflow.version,
            by=by,
            at=datetime.now(UTC),
            **fields,
        )
