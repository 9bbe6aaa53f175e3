"""Any past of a workflow and of the board can be looked at again, and looking writes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.errors import UnknownError
from core.machine.commands import Move
from core.machine.states import State
from core.machine.transitions import Kind
from tests.service.conftest import ADA, Build


def _state(service: Any) -> list[Any]:
    """Everything that is in the database."""
    from sqlmodel import SQLModel

    with service._database.read() as session:
        return [session.execute(sa.select(t)).all() for t in SQLModel.metadata.sorted_tables]


async def test_every_past_of_a_workflow_and_the_board_can_be_seen(build: Any, tmp_path: Path) -> None:
    """After each event a note is taken of card and row; later the same is given for its number."""
    service = build.service
    project = (await build.now()).project_id
    other = Build(service, await service.start_workflow(project, "Something else", by=ADA))
    seen = []
    steps = [build.step] * 5 + [other.step, lambda: build.give(Move, by=ADA, kind=Kind.RETRY, reason="slow")]
    for step in [*steps, build.step]:
        await step()
        view = await build.now()
        seen.append((view, await service.board()))
    assert (await build.now()).state is State.HANDOFF_TO_TESTER
    before = _state(service)
    for view, rows in seen:
        then = await service.workflow_at(build.id, view.version)
        assert replace(then, elapsed=view.elapsed) == replace(view, activity="")
        assert (await service.past(build.id)).at(view.version) == then
        last = max(rows, key=lambda row: row.updated_at).workflow_id
        version = next(row.version for row in rows if row.workflow_id == last)
        board = await service.board_at(event=(last, version))
        assert [_row(r) for r in board] == [_row(r) for r in rows]
        assert [r.created_at for r in board] == pytest.approx([r.created_at for r in rows], abs=0.002)
    assert _state(service) == before
    assert await service.board_at(seen[0][0].created_at.replace(year=2000)) == []
    assert len(await service.board_at()) == 2


def _row(row: Any) -> Any:
    """What a row of the past has to repeat to the letter: all but the moments and the live activity."""
    return replace(row, updated_at=0.0, activity="", created_at=0.0)


@pytest.mark.parametrize("seq", [0, -1, 99])
async def test_an_event_that_is_not_there_is_said_so(build: Any, seq: int) -> None:
    """There is no card of a moment that never was."""
    with pytest.raises(UnknownError, match=f"no event {seq}"):
        await build.service.workflow_at(build.id, seq)
    with pytest.raises(UnknownError, match=f"no event {seq}"):
        await build.service.board_at(event=(build.id, seq))
