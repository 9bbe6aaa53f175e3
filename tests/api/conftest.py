"""The app on a real journal, asked over HTTP as its users ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from core.api import create_app
from core.api.serving import address_of, listen, serve
from core.config import load_settings
from core.machine.states import Autonomy
from core.service import OrchestrationService
from core.service.tokens import Scope
from tests.service.conftest import ADA, Build

FAULT = {"code", "what", "hint", "why_not"}
WHY_NOT = {"reason", "missing", "path", "lines"}


@dataclass
class Api:
    """The app, and a client for each scope."""

    app: FastAPI
    service: OrchestrationService
    tokens: dict[Scope, str]
    project_id: str
    woken: list[bool] = field(default_factory=list)

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """Return a client that sends this token, or none. A fault inside is answered, as by the server."""
        sent = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://qdeck", headers=sent, timeout=120)

    async def ask(
        self, scope: Scope | None, method: str, path: str, json: Any = None, **headers: str
    ) -> httpx.Response:
        """Send one request with the token of that scope."""
        token = self.tokens[scope] if scope else None
        async with self.client(token) as client:
            url = f"/api/workflows{path}"
            return await client.request(
                method, url, headers=headers, **({} if json is None else {"json": json})
            )

    async def read(self, path: str) -> dict[str, Any]:
        """Look, and return the answer."""
        answer = await self.ask(Scope.READ, "GET", path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def operate(self, path: str, json: Any = None, **headers: str) -> httpx.Response:
        """Order something as a role may."""
        return await self.ask(Scope.OPERATE, "POST", path, json, **headers)

    async def approve(self, path: str, json: Any = None, **headers: str) -> httpx.Response:
        """Order something as ada."""
        return await self.ask(Scope.APPROVE, "POST", path, json, **headers)

    async def begun(self, autonomy: Autonomy = Autonomy.GATED) -> Build:
        """Start a workflow that the test leads."""
        answer = await self.service.start_workflow(
            self.project_id, "Add slugify()", by=ADA, autonomy=autonomy
        )
        return Build(self.service, answer)


def fault(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a fault of our shape, and return it."""
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    assert set(told) == FAULT and told["code"] == code and told["what"], told
    assert told["why_not"] is None or set(told["why_not"]) == WHY_NOT
    assert answer.headers["content-type"] == "application/json"
    return told


@pytest.fixture
async def api(address: str, tmp_path: Path) -> AsyncIterator[Api]:
    """The app with one project and a token of ada's for each scope."""
    service = await OrchestrationService.open(address)
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")
    tokens = {scope: (await service.tokens.mint(issued_to="ada", scope=scope)).token for scope in Scope}
    settings = load_settings(env={"QDECK_HOME": str(tmp_path / "home")})
    woken: list[bool] = []
    app = create_app(service, settings=settings, wake=lambda: woken.append(True))
    yield Api(app, service, tokens, project.project_id, woken)
    await service.close()


@pytest.fixture
async def url(api: Api, tmp_path: Path) -> AsyncIterator[str]:
    """The address of the app on a real port of this machine."""
    taken = listen("127.0.0.1", 0)
    ready = asyncio.Event()
    task = asyncio.create_task(serve(api.app, taken, log=tmp_path / "api.log", ready=ready.set))
    await asyncio.wait_for(ready.wait(), 30)
    yield address_of(taken)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    taken.close()
