"""`qdeck serve`: the HTTP API in the foreground, for programs."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import ExitCode, QdeckError
from tui.commands.flags import Db, Json, Worker
from tui.commands.output import note, say, show_json
from tui.commands.session import settings_of, with_service
from tui.worker import WorkerKeeper

if TYPE_CHECKING:
    from core.service.service import OrchestrationService

Host = Annotated[
    str, typer.Option("--host", metavar="NAME", help="Where to listen; loopback reaches this machine alone.")
]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, metavar="N", help="The port; 0 takes any free one.")
]


def serve(
    host: Host = "127.0.0.1", port: Port = 8642, start_worker: Worker = True, json: Json = False, db: Db = ""
) -> int:
    """Serve the HTTP API until it is told to end (ctrl+c). Needs the extra `api`, and a token per caller."""
    if any(find_spec(name) is None for name in ("fastapi", "uvicorn")):
        what = "The HTTP API needs the extra `api`, which is not installed."
        raise QdeckError(
            what, "Install it, in the clone: `uv tool install '.[api]'` or `uv sync --extra api`."
        )
    # Here, because both cost the better part of a second.
    from core.api import create_app
    from core.api.serving import address_of, is_loopback, listen
    from core.api.serving import serve as answer_requests

    taken, settings = listen(host, port), settings_of(db)
    address = address_of(taken)

    async def work(service: OrchestrationService) -> int:
        keeper = WorkerKeeper(service.url)

        def wake() -> None:
            if start_worker:
                keeper.check(service.worker_alive(), time.monotonic())

        def ready() -> None:
            show_json({"url": address}) if json else say(address)
            note(f"The API listens; {address}/docs says how. ctrl+c ends it, builds go on.")

        if not is_loopback(taken):
            note("Others can reach it, and tokens travel unencrypted: put a proxy with TLS before it.")
        if not any(t.standing(service.tokens.now()) == "good" for t in await service.tokens.listed()):
            note("Nobody has a token yet; `qdeck token new` mints one.")
        app = create_app(service, settings=settings, wake=wake)
        await answer_requests(app, taken, log=settings.paths.log / "api.log", ready=ready)
        return ExitCode.DONE

    try:
        return with_service(db, work, begins=True)
    finally:
        taken.close()
