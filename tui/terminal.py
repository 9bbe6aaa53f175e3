"""The terminal around the app: is it one, and nothing but the app may write to it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.app import App

_ORDERLY = 5.0
"""Seconds that the app has to leave in order after its terminal went."""


def unusable() -> str:
    """Return why the app cannot be drawn here, and what works instead; empty when it can."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "qdeck needs a terminal. Without one, `qdeck run` and the other commands do the same work."
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        return "This terminal cannot place text (TERM is dumb). `qdeck run` and the other commands work here."
    return ""


def leave_on_signals(app: App[int]) -> None:
    """Give the terminal back in order when somebody ends the app from outside."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, partial(app.exit, 128 + number, 128 + number))


def leave_without_terminal() -> None:
    """End the app when its terminal is gone for good, also where nobody sends a signal for that.

    An app that is not the terminal's own session (started by another program) gets no SIGHUP. Textual would
    read an ended input for ever, and block on the first output that it cannot place.
    """
    threading.Thread(target=_watch_terminal, args=(sys.__stdin__.fileno(),), daemon=True).start()  # type: ignore[union-attr]


def _watch_terminal(descriptor: int) -> None:
    watch = select.poll()
    watch.register(descriptor, 0)  # a hang-up is always told
    while not any(happened & (select.POLLHUP | select.POLLERR) for _, happened in watch.poll()):
        pass
    os.kill(os.getpid(), signal.SIGHUP)
    time.sleep(_ORDERLY)
    os._exit(128 + signal.SIGHUP)


class _Screen(io.TextIOWrapper):
    """The terminal as Textual writes to it. What cannot be placed any more is dropped.

    Textual's writing thread would die of the error, and the whole app wait for it.
    """

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def _opened(log_file: Path) -> tuple[Path, int]:
    """Open the log, or nothing in its place: who cannot write there can still look."""
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return log_file, os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        return Path(os.devnull), os.open(os.devnull, os.O_WRONLY)


@contextlib.contextmanager
def guarded(log_file: Path) -> Iterator[None]:
    """Send everything that any library or child prints to the log while the app draws.

    Textual draws through `sys.__stderr__` and asks `sys.__stdout__` for the size, so both are given the real
    terminal under new numbers before the numbers 1 and 2 go to the log.
    """
    log_file, log_descriptor = _opened(log_file)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = (sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr)
    out, err = os.dup(1), os.dup(2)
    terminal = open(out, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    drawn = open(err if os.isatty(err) else out, "wb", closefd=False)  # noqa: SIM115
    screen = _Screen(drawn, encoding="utf-8", errors="replace")
    os.dup2(log_descriptor, 1)
    os.dup2(log_descriptor, 2)
    os.close(log_descriptor)
    sys.__stdout__, sys.__stderr__ = terminal, screen  # type: ignore[misc]
    sys.stdout, sys.stderr = terminal, screen
    handler = logging.FileHandler(log_file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        terminal.flush()
        screen.flush()
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr = kept  # type: ignore[misc]
        logging.getLogger().removeHandler(handler)
        handler.close()
        os.close(out)
        os.close(err)
