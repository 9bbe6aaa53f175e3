"""One open service for the length of one command, and who is asking."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
import termios
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from core.config import Settings, load_settings, sqlite_path
from core.errors import JournalError
from core.machine.commands import Authority
from tui.commands.output import note
from tui.worker import start_worker

if TYPE_CHECKING:
    from core.service.service import OrchestrationService

T = TypeVar("T")
_LINE_BYTES = 65_536


def settings_of(db: str, **flags: object) -> Settings:
    """Return the settings with the flags of this call over them."""
    return load_settings(flags={"database_url": db or None, **flags})


def insist_on_journal(settings: Settings) -> None:
    """Raise JournalError when somebody named a journal's file that is not there: nothing is to be made of a
    typing error. The usual place needs no naming, and may be empty still.
    """
    file = sqlite_path(settings.database_url)
    source = settings.sources.get("database_url", "default")
    if file is None or source == "default" or file.exists():
        return
    named = "--db" if source == "flag" else source
    raise JournalError(
        f"There is no journal at {file}, which is what {named} names. Nothing was made there.",
        "Correct the path, or leave it out for the usual one (`qdeck config path` shows it). A new journal "
        "begins with `qdeck run` or `qdeck start`.",
    )


def with_service(db: str, work: Callable[[OrchestrationService], Awaitable[T]], *, begins: bool = False) -> T:
    """Open the journal, do the work with it, close it. Only what `begins` something makes a new journal where
    it was told to."""
    settings = settings_of(db)
    if not begins:
        insist_on_journal(settings)
    # Here, because it costs half a second that `qdeck machine` and wrong usage need not pay.
    from core.service import OrchestrationService

    async def session() -> T:
        service = await OrchestrationService.open(settings.database_url)
        try:
            return await work(service)
        finally:
            await service.close()

    return asyncio.run(session())


def person() -> Authority:
    """The person at this terminal, as far as the system knows."""
    try:
        return Authority.person(getpass.getuser())
    except (OSError, KeyError):
        return Authority.person("somebody")


def at_terminal() -> bool:
    """Say whether somebody can be asked: questions go to standard error, answers come from standard input."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def ask(question: str) -> str:
    """Ask a person and return the line that they typed; the end of the input is an empty answer."""
    terminal, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    # What was typed before the question was there cannot be its answer.
    termios.tcflush(terminal, termios.TCIFLUSH)
    print(question, end=" ", file=sys.stderr, flush=True)
    answered: asyncio.Future[bytes] = loop.create_future()

    def read() -> None:
        if not answered.done():
            answered.set_result(os.read(terminal, _LINE_BYTES))

    # Not input(): a thread or a loop that hangs in it cannot be interrupted.
    loop.add_reader(terminal, read)
    try:
        line = await answered
    finally:
        loop.remove_reader(terminal)
    if not line:
        print(file=sys.stderr)
    return line.decode(errors="replace").strip()


async def ask_yes(question: str) -> bool:
    """Ask a person for a yes; everything else is a no."""
    return (await ask(f"{question} [y/N]")).lower() in ("y", "yes")


def ensure_worker(service: OrchestrationService, wanted: bool) -> None:
    """Start a worker that outlives this command when there is none, so that the order is carried out."""
    if wanted and not service.worker_alive():
        start_worker(service.url)
        note("A worker was started; it goes on without this terminal.")
