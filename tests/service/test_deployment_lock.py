"""One deployment of a project at a time, by a lock that lies in the journal and dies with its holder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.journal.engine import EngineJournal
from core.machine.commands import Authority
from core.machine.states import State
from tests.service.conftest import Build

ADA = Authority.person("ada")


async def test_two_builds_of_a_project_deploy_one_after_the_other(service: Any, tmp_path: Path) -> None:
    """The second learns who is at it; a holder that waits, lost its lease or gave it back is no holder."""
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")
    journal = EngineJournal("", database=service._database)
    builds = [
        Build(service, await service.start_workflow(project.project_id, "Build it", by=ADA)) for _ in "ab"
    ]
    held = []
    for build in builds:
        view = await (await build.go_to(State.DEPLOYMENT)).now()
        held.append((view.attempt_id, journal.claim_attempt(view.attempt_id, "worker")))
    one, two = held
    take = lambda who: journal.take_deployment(project.project_id, *who)  # noqa: E731

    assert take(one) == "" and take(one) == ""
    assert take(two) == "B-0001"
    await builds[0].wait("person")
    assert take(two) == ""
    journal.leave_deployment(project.project_id, one[1])
    assert (await service.projects())[0].settings["deploying"]["attempt"] == two[0], "not his to give back"
    journal.claim_attempt(two[0], "another worker")
    view = await builds[0].now()
    await service.resume(builds[0].id, by=ADA, expected_version=view.version)
    again = (one[0], journal.claim_attempt(one[0], "worker"))
    assert take(again) == "", "a lease that was taken over holds nothing"
    journal.leave_deployment(project.project_id, again[1])
    assert "deploying" not in (await service.projects())[0].settings
