"""Two services on one journal at once: one wins, the others are told, and both databases answer alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.errors import ExitCode
from core.journal import records
from core.journal.database import Database
from core.machine.refusal import Reason
from core.service import OrchestrationService, commands
from tests.service.conftest import ADA, build, service

__all__ = ["build", "service"]


@pytest.fixture
async def other(address: str) -> AsyncIterator[OrchestrationService]:
    """A second program on the same journal."""
    other = await OrchestrationService.open(address)
    yield other
    await other.close()


async def _press_at_once(build: Any, other: OrchestrationService, times: int) -> list[Any]:
    version = (await build.now()).version
    clients = [build.service, other] * times
    orders = [(s.pause, s.cancel)[n % 2] for n, s in enumerate(clients)]
    return list(await asyncio.gather(*(o(build.id, by=ADA, expected_version=version) for o in orders)))


async def test_one_of_many_wins_and_the_losers_are_told_and_refreshed(build: Any, other: Any) -> None:
    """Twenty different orders from two programs on one version: one is carried out, nineteen are stale."""
    answers = await _press_at_once(build, other, 10)
    won = [a for a in answers if a.ok]
    lost = [a for a in answers if not a.ok]
    assert (len(won), len(lost)) == (1, 19)
    for answer in lost:
        assert answer.exit_code == ExitCode.STALE
        assert answer.refusal.reason is Reason.STALE
        assert answer.workflow.version == won[0].workflow.version == 2
        assert answer.workflow.condition == won[0].workflow.condition
    assert (await build.service.verify(), await build.service.rebuild()) == ([], [])


async def test_without_any_lock_the_unique_number_decides(
    build: Any, other: Any, database_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is second to be event 2 is refused by the database itself, looks again, and is stale."""
    unlocked = lambda session, wanted, lock=False: records.find_row(session, wanted)  # noqa: E731
    monkeypatch.setattr(commands, "find_row", unlocked)
    monkeypatch.setattr(Database, "one_at_a_time", lambda self, session: None)
    for _ in range(5):
        version = (await build.now()).version
        answers = await asyncio.gather(
            *(s.chat(build.id, "hello", by=ADA) for s in (build.service, other)),
            *(s.pause(build.id, by=ADA, expected_version=version) for s in (build.service, other)),
        )
        assert sum(a.ok for a in answers[2:]) <= 1
        assert all(a.ok or a.exit_code == ExitCode.STALE for a in answers)
        view = await build.now()
        await build.service.resume(build.id, by=ADA, expected_version=view.version)
    events = await build.service.get_workflow_history(build.id, limit=0)
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert (await build.service.verify(), await build.service.rebuild()) == ([], [])


async def test_one_command_sent_twice_at_once_is_done_once(build: Any, other: Any) -> None:
    """The same command id through two programs at the same moment: one effect, one answer."""
    version = (await build.now()).version
    answers = await asyncio.gather(
        *(
            s.pause(build.id, by=ADA, expected_version=version, command_id="the-one")
            for s in (build.service, other, build.service, other)
        )
    )
    assert all(a.ok for a in answers)
    assert [a.repeated for a in answers].count(False) == 1
    assert len({(a.text, a.event_seqs) for a in answers}) == 1
    assert (await build.now()).version == version + 1
