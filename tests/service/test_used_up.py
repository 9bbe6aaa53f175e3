"""A build that has no automatic step back left waits for a decision, and not for money."""

from __future__ import annotations

import pytest

from core.machine.states import Condition
from core.service.sentences import waiting_text
from tests.service.conftest import ADA, Build
from tui.commands.follow import rest_text


@pytest.mark.parametrize(("waits", "goes_on"), [("retries", False), ("budget", True)])
async def test_only_a_wait_for_money_ends_with_more_money(build: Build, waits: str, goes_on: bool) -> None:
    """Another budget does not bring a step back; each wait is told with the commands that end it."""
    await build.wait(waits, "so it is")
    view = await build.now()
    told = rest_text(view)
    assert (f"qdeck retry {view.build_id}" in told) is not goes_on
    assert (f"qdeck budget {view.build_id}" in told) is goes_on
    assert "--autonomy" not in told and "advance" not in told
    assert ("money" in waiting_text(waits)) is goes_on

    answer = await build.service.set_budget(build.id, by=ADA, expected_version=view.version, budget_usd=9.0)

    assert answer.ok
    assert ((await build.now()).condition is Condition.ACTIVE) is goes_on
