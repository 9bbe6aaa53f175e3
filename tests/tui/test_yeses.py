"""Standing yeses and grants: all of them are listed as text, and taken back; grants are given here, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.service import OrchestrationService
from core.service.views import GrantView
from screenshots import story
from screenshots.scenes import Journal, until
from tests.tui.driving import armed, on, press, running, shown, told
from tests.tui.evil import assert_harmless
from tests.tui.hard_journals import NAMES


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
        await until(pilot, lambda: "asked again" in told(app) and app.screen.entries[1][1].revoked_by != "")  # type: ignore[attr-defined]
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


async def test_secrets_and_hosts_are_granted_where_the_release_waits_and_taken_back(
    journal_of: Callable[[str], Journal],
) -> None:
    """A wrong name is told and can be put right; without a yes to the very words nothing is granted."""
    journal = journal_of("releasing")

    async def grants() -> list[GrantView]:
        service = await OrchestrationService.open(str(journal.path))
        (project,) = [p for p in await service.projects() if p.path == str(story.PROJECT)]
        found = await service.grants(project.project_id)
        await service.close()
        return found

    async with running(journal) as (app, pilot):
        app.open_decision(journal.workflow_id)
        await armed(app, pilot)
        await until(pilot, lambda: "its grant does not count" in " ".join(shown(app).split()))
        assert "grant it anew with s." in " ".join(shown(app).split())
        await press(app, pilot, "s")
        await until(pilot, lambda: on(app) == "ConfirmScreen")
        await armed(app, pilot)
        await press(app, pilot, "d", *"PATH", "enter")
        assert "no name of a variable" in told(app) and on(app) == "AskScreen"
        await press(app, pilot, "ctrl+a", "ctrl+k", *"TOKEN, ship.example.org:8443", "enter")
        await armed(app, pilot)
        assert "make deploy" in shown(app) and "the secret TOKEN" in shown(app)
        await press(app, pilot, "escape")
        await until(pilot, lambda: not app.workers._workers)
        assert on(app) == "DecisionScreen" and len(await grants()) == 2
        await armed(app, pilot)
        await press(app, pilot, "s")
        await until(pilot, lambda: on(app) == "ConfirmScreen")
        await armed(app, pilot)
        await press(app, pilot, "d", *"TOKEN ship.example.org:8443", "enter")
        await armed(app, pilot)
        await press(app, pilot, "y")
        await until(pilot, lambda: "Granted to the deploy command" in told(app))
        await until(pilot, lambda: "reaches ship.example.org:8443" in " ".join(shown(app).split()))
        assert on(app) == "DecisionScreen"
        await press(app, pilot, "f5")
        await until(pilot, lambda: app.screen.settled)  # type: ignore[attr-defined]
        assert "text-tools  deploy gets TOKEN, ship.example.org:8443" in shown(app)
        await press(app, pilot, "G", "x")
        await armed(app, pilot)
        await press(app, pilot, "y")
        await until(pilot, lambda: "counts no more" in told(app))

    old, _, new = await grants()
    assert new.argv == ("make", "deploy") and not old.revoked_by
    assert new.secrets == ("TOKEN",) and new.hosts == ("ship.example.org:8443",)
    assert new.by.startswith("person:") and new.revoked_by == new.by
