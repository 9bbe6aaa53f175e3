"""Requests made from our own description: whatever fits it or does not, no answer is a fault of ours."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from core.api import create_app, events
from core.config import load_settings
from core.service import OrchestrationService
from core.service.tokens import Scope
from tests.service.conftest import ADA

OPERATIONS = 18
EXAMPLES = 200 if settings().max_examples > 100 else 12
"""For each operation and mode; `QDECK_TEST_PROPERTIES=long` asks many more."""

pytestmark = pytest.mark.sqlite


async def _prepared(path: Path, tmp: Path) -> tuple[Any, OrchestrationService, str]:
    service = await OrchestrationService.open(str(path))
    project = await service.register_project(str(tmp / "demo"), default_branch="main")
    for _ in range(3):
        await service.start_workflow(project.project_id, "Add slugify()", by=ADA)
    await service.cancel("B-0003", by=ADA, expected_version=1)
    token = await service.tokens.mint(issued_to="ada", scope=Scope.APPROVE, lasts=timedelta(days=1))
    app = create_app(service, settings=load_settings(env={"QDECK_HOME": str(tmp / "home")}))
    return app, service, token.token


@pytest.fixture
def schema(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The description of the app over a journal with workflows, read as a stranger reads it."""
    path = tmp_path / "qdeck.db"
    shutil.copy(migrated, path)
    app, service, token = asyncio.run(_prepared(path, tmp_path))
    config = SchemathesisConfig.from_dict(
        {"headers": {"Authorization": f"Bearer {token}"}, "generation": {"mode": "all"}}
    )
    # As while the server ends: a stream tells what there is and then ends too, instead of waiting for more.
    app.state.ending = True
    monkeypatch.setattr(events, "_POLL", 0.0)
    yield schemathesis.openapi.from_asgi("/openapi.json", app, config=config)
    asyncio.run(service.close())


def test_no_request_from_the_description_is_a_fault_of_ours(schema: Any) -> None:
    """No 5xx, only described statuses, types and shapes; what does not fit is refused, what fits is taken."""
    checked: dict[str, int] = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _fuzz(operation, mode, checked)
    assert len(checked) == OPERATIONS and min(checked.values()) >= EXAMPLES // 2, checked


def _fuzz(operation: Any, mode: GenerationMode, checked: dict[str, int]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.call_and_validate()
        checked[operation.label] = checked.get(operation.label, 0) + 1

    ask()
