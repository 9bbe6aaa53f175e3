"""Serves the app on a port until it is told to end. Loopback unless somebody says otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from core.errors import QdeckError

LOOPBACK = "127.0.0.1"
PORT = 8642
_GRACE = 3
"""Seconds that requests under way are given when the server ends."""


def listen(host: str, port: int) -> socket.socket:
    """Take the port, 0 for any free one. Raises QdeckError when it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, protocol)
        try:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(address)
        except OSError:
            taken.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no address"
        what = f"The API cannot listen on {host}:{port}: {reason}."
        raise QdeckError(what, "Choose another --port, or --port 0 for any free one.") from error
    return taken


def address_of(taken: socket.socket) -> str:
    """Return the address under which the server is reached."""
    host, port = taken.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(taken: socket.socket) -> bool:
    """Say whether only this machine can reach it."""
    host = str(taken.getsockname()[0])
    return host.startswith("127.") or host == "::1"


async def serve(
    app: FastAPI, taken: socket.socket, *, log: Path, ready: Callable[[], None] = lambda: None
) -> None:
    """Answer requests until the process is asked to end. What goes wrong inside is written to `log`."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        # Nobody stands before us whose word on the caller's address would count.
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_GRACE,
    )
    with _logged(log):
        await _Server(config, app, ready).serve(sockets=[taken])


class _Server(uvicorn.Server):
    """uvicorn, ended by a signal in order: it would give the signal back to a process that has ended well."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app, self._ready = app, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._end)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _end(self) -> None:
        # Asked twice: do not wait for anybody.
        self.force_exit = self.should_exit
        self.should_exit = True
        # Streams of events have no end of their own.
        self._app.state.ending = True


@contextlib.contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Let the server's troubles go to a file: the terminal is for people."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in ("uvicorn", "core.api")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        handler.close()
