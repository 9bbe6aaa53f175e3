"""`qdeck web`: the same app in a browser of this machine."""

from __future__ import annotations

import asyncio
import signal
from importlib.util import find_spec
from typing import Annotated

import typer

from core.errors import ExitCode, QdeckError
from tui.commands.flags import Db, Json
from tui.commands.output import note, say, show_json
from tui.commands.session import insist_on_journal, settings_of

Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, metavar="N", help="The port; 0 takes any free one.")
]
Approve = Annotated[
    bool, typer.Option("--approve", help="Let the browser act: approve, retry, start. Without it, it looks.")
]


def web(port: Port = 8643, approve: Approve = False, json: Json = False, db: Db = "") -> int:
    """Show the app in a browser of this machine. To look only, unless --approve is given; ctrl+c ends it."""
    if find_spec("textual_serve") is None:
        what = "The app in a browser needs the extra `web`, which is not installed."
        raise QdeckError(
            what, "Install it, in the clone: `uv tool install '.[web]'` or `uv sync --extra web`."
        )
    from tui.web import Door, listen

    settings = settings_of(db)
    if not approve:
        insist_on_journal(settings)
    taken = listen(port)
    # The address of a journal may hold a password, and arguments are there for all to read.
    door = Door(taken, {"QDECK_DATABASE_URL": settings.database_url}, approve=approve)

    async def serve() -> None:
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)

        def ready() -> None:
            show_json({"url": door.address, "approve": approve}) if json else say(door.address)
            may = "It may act in your name." if approve else "It can only look; --approve lets it act."
            note(f"Open this once, in a browser of this machine. {may} ctrl+c ends it, builds go on.")

        await door.answer(ended, ready)

    asyncio.run(serve())
    return ExitCode.DONE
