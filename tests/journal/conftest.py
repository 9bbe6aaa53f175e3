"""A desk that gives commands to a real journal, on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.journal.database import Database
from core.journal.engine import EngineJournal
from core.journal.records import find_row, workflow_of
from core.machine.commands import Authority, Command, Start
from core.machine.states import Autonomy
from core.machine.workflow import Workflow
from core.service import orders, registry
from core.service.commands import Order, carry_out
from core.service.views import Answer

ADA = Authority.person("ada")
ENGINE = Authority.engine()
T0 = datetime(2026, 1, 1, tzinfo=UTC)


class Desk:
    """Gives the machine's commands to a real journal, at times that only go forward."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ids = itertools.count()

    def start(self, workflow_id: str = "w1", build_id: str = "B-0001", **rest: Any) -> Answer:
        """Start a workflow in the one project."""
        project = registry.register(
            self.database, str(self.database.path), name="demo", default_branch="main", settings=None
        )
        command = Start(
            command_id=f"start-{workflow_id}",
            workflow_id=workflow_id,
            expected_version=0,
            by=ADA,
            at=T0,
            build_id=build_id,
            project_id=project.project_id,
            title="Add slugify()",
            request="Add slugify() with Unicode support",
            autonomy=Autonomy.GATED,
            **rest,
        )
        return self._carry_out(command, "")

    def give(
        self, command_type: type[Command], /, by: Authority = ENGINE, workflow_id: str = "w1", **rest: Any
    ) -> Answer:
        """Give one command for the stored version, unless another one is named."""
        tick = next(self.ids)
        fields = {"command_id": f"c{tick}", "expected_version": self.workflow(workflow_id).version, **rest}
        at = T0 + timedelta(seconds=tick + 1)
        return self._carry_out(command_type(workflow_id=workflow_id, by=by, at=at, **fields), workflow_id)

    def workflow(self, workflow_id: str = "w1") -> Workflow:
        """Return the stored workflow."""
        with self.database.read() as session:
            return workflow_of(find_row(session, workflow_id))

    def _carry_out(self, command: Command, workflow_id: str) -> Answer:
        order = Order(
            command.command_id,
            type(command).__name__,
            command.by,
            workflow_id,
            lambda *_: orders.given(command),
        )
        return carry_out(self.database, order)


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    """The open journal."""
    database = Database(address)
    yield database
    database.close()


@pytest.fixture
def desk(database: Database) -> Desk:
    """A desk with the workflow w1 started."""
    desk = Desk(database)
    desk.start()
    return desk


@pytest.fixture
def journal(desk: Desk) -> EngineJournal:
    """The worker's face of the journal that holds w1."""
    return EngineJournal("", database=desk.database)
