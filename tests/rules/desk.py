"""Two clients of one journal, and what every command that is given through them must leave behind."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Coroutine
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine

from core.machine.commands import Authority, Command
from core.service import OrchestrationService
from core.service.views import Answer, EventView, WorkflowView
from tests.rules.model import Model
from tests.rules.story import Forest, Story


class Desk(RuleBasedStateMachine):
    """Two clients of one journal, and the model beside them: of one workflow, and of forks of it."""

    def __init__(self, address: str, forest: Forest) -> None:
        super().__init__()
        self.address, self.forest = address, forest
        self.loop = asyncio.new_event_loop()
        self.clients = [self.run(OrchestrationService.open(address)) for _ in range(2)]
        self.ids = itertools.count()
        self.last: tuple[Command, Answer] | None = None
        self.stories: list[Story] = []
        file = address.removeprefix("sqlite:///")
        self.looker = None if file == address else sqlite3.connect(file)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Wait for a piece of work."""
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        """Let go of everything."""
        for client in self.clients:
            self.run(client.close())
        if self.looker:
            self.looker.close()
        self.loop.close()

    @property
    def id(self) -> str:
        """The workflow that is told of now."""
        return self.story.id

    @property
    def model(self) -> Model:
        """What should be stored of it."""
        return self.story.model

    @property
    def client(self) -> OrchestrationService:
        """The clients take turns."""
        return self.clients[next(self.ids) % 2]

    def view(self) -> WorkflowView:
        """The card."""
        return self.run(self.client.get_workflow_status(self.id))

    def look(self) -> list[EventView]:
        """What has happened since the last look."""
        behind = len(self.story.seen)
        new = self.run(self.client.get_workflow_history(self.id, limit=0, after=behind))
        self.story.seen += new
        return new

    def give(self, kind: type[Command], by: Authority, allowed: bool, **rest: Any) -> Answer:
        """Submit a command that must be carried out, or refused without a trace."""
        client = self.client
        command = kind(
            command_id=f"c{next(self.ids)}",
            workflow_id=self.id,
            expected_version=len(self.model.past),
            by=by,
            at=client._database.clock(),
            **rest,
        )
        answer = self.done(client.submit(command))
        assert answer.ok == allowed, (command, answer.text)
        if answer.ok:
            self.last = (command, answer)
        return answer

    def done(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """A refusal writes nothing, and a command exactly what it says."""
        file = self.written()
        answer = self.run(work)
        assert [e.seq for e in self.look()] == list(answer.event_seqs)
        assert bool(answer.event_seqs) == answer.ok
        if not answer.ok:
            assert self.written() == file
        return answer

    def written(self) -> int:
        """Another number after anything was written to the file by whomever; always 0 on a server."""
        return self.looker.execute("PRAGMA data_version").fetchone()[0] if self.looker else 0
