"""The branch that a build is merged into is chosen once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from core.config import Paths
from core.engine.orders import Orders
from core.engine.scene import open_files
from core.journal.engine import EngineJournal
from core.machine.commands import Authority
from core.service import OrchestrationService
from tests.journeys.world import git, make_repository

ADA = Authority.person("ada")


@pytest.mark.parametrize("registered", ["", "trunk"])
async def test_a_switched_branch_does_not_move_a_running_build(
    path: Path, tmp_path: Path, registered: str
) -> None:
    """Neither a checkout of another branch nor another branch of the project; the next build follows."""
    repo = make_repository(tmp_path / "repo")
    git(repo, "branch", "-m", "main", "trunk")
    head = git(repo, "rev-parse", "HEAD")
    url = f"sqlite:///{path}"
    service, journal = await OrchestrationService.open(url), EngineJournal(url)
    paths = Paths(*(tmp_path / name for name in ("data", "config", "cache", "log")))
    shop = SimpleNamespace(journal=journal, settings=SimpleNamespace(paths=paths))

    async def begin() -> str:
        project = await service.register_project(str(repo), default_branch=registered)
        answer = await service.start_workflow(project.project_id, "Build a thing", by=ADA)
        assert answer.workflow is not None
        return answer.workflow.workflow_id

    async def attempt(workflow_id: str) -> tuple[str, str]:
        workflow = journal.workflow(workflow_id)
        orders = Orders(service, journal, workflow_id, workflow.attempt_id)
        files = await open_files(shop, workflow, orders)  # type: ignore[arg-type]
        return files.repository.default_branch, files.base

    first = await begin()
    if not registered:
        assert await attempt(first) == ("trunk", head)
    git(repo, "switch", "-q", "-c", "topic")
    git(repo, "commit", "-q", "--allow-empty", "-m", "Elsewhere")
    await service.register_project(str(repo), default_branch="topic")

    assert await attempt(first) == ("trunk", head)
    assert journal.workflow(first).base_commit == head
    registered = "topic"
    assert (await attempt(await begin()))[0] == "topic"
    await service.close()
    journal.close()
