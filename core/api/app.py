"""Puts the HTTP face together: the endpoints, the description of them, and nothing that decides."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

from core.api import events, faults, steering, workflows
from core.api.door import Wake, security_schemes
from core.api.page import page
from core.config import Settings, load_settings
from core.service.service import OrchestrationService

_PAGE_HEADERS = {
    # The page is ours alone: no script, and nothing from anywhere else.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def create_app(
    service: OrchestrationService, *, settings: Settings | None = None, wake: Wake | None = None
) -> FastAPI:
    """Return the app over an open service; whoever opened the service closes it.

    `settings` say how workflows start (autonomy, budgets), else the user's own. `wake` is called after every
    order that gives somebody work, to see to it that a worker is alive.
    """
    app = FastAPI(
        title="qdeck",
        version=version("qdeck"),
        description="Software built by AI roles, where nothing moves on without proof.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.state.settings = settings or load_settings()
    app.state.wake = wake or _nobody
    app.state.ending = False
    faults.install(app)
    for router in (workflows.router, steering.router, events.router):
        app.include_router(router)
    app.openapi = lambda: _description(app)  # type: ignore[method-assign]

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """Show the description to people."""
        return HTMLResponse(page(app.openapi()), headers=_PAGE_HEADERS)

    return app


def _nobody() -> None:
    """Wakes nobody: somebody else sees to the worker."""


def _description(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        made["components"]["securitySchemes"] = security_schemes()
        app.openapi_schema = made
    return app.openapi_schema
