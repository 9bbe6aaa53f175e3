"""Standing yeses: all of them are listed as text, and one is taken back with a reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.service import OrchestrationService
from screenshots.scenes import Journal, until
from tests.tui.driving import on, press, running, shown, told
from tests.tui.hard_journals import NAMES
from tests.tui.test_hostile import assert_harmless


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_a_standing_yes_is_taken_back(
    size: tuple[int, int], journal_of: Callable[[str], Journal]
) -> None:
    """Without a reason nothing happens; with one it counts no more, stays listed, and cannot go twice."""
    journal = journal_of("names")
    async with running(journal, size=size) as (app, pilot):
        await press(app, pilot, "f5")
        await until(pilot, lambda: app.screen.settled)  # type: ignore[attr-defined]
        assert_harmless(shown(app))
        assert "tests:skipped:1" in shown(app) and NAMES[0][:30] in " ".join(shown(app).split())
        await press(app, pilot, "x", "enter", "escape")
        assert on(app) == "YesesScreen" and not told(app)
        await press(app, pilot, "x", *"the tool is there now", "enter")
        await until(pilot, lambda: "asked again" in told(app) and app.screen._yeses[1][1].revoked_by != "")  # type: ignore[attr-defined]
        await press(app, pilot, "slash", *"skipped:1", "enter")
        assert "took it back" in shown(app) and "the tool is there now" in shown(app)
        await press(app, pilot, "x")
        assert "taken back already" in told(app)
        await press(app, pilot, "escape", "escape")
        assert on(app) == "BoardScreen"
    service = await OrchestrationService.open(str(journal.path))
    project = (await service.projects())[0]
    yeses = {y.key: y.revoked_reason for y in await service.standing_yeses(project.project_id)}
    await service.close()
    assert yeses == {"tests:skipped:1": "the tool is there now", "tests:skipped:2": ""}
