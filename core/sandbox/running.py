"""Run a contained command to its end, in a thread of its own, and kill all of it at any end."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from core.errors import SandboxError
from core.sandbox.capture import Capture
from core.sandbox.disk import DiskUse
from core.sandbox.hosts import reaching
from core.sandbox.launch import launch
from core.sandbox.redaction import Redactor
from core.sandbox.supervision import Stop, Supervision
from core.sandbox.types import Contained, Run, Sandbox, SandboxKind
from core.text import clean


async def run(command: Contained, sandbox: Sandbox, on_output: Callable[[bytes], None] | None = None) -> Run:
    """Run `command` in `sandbox` and return what it did, whatever that was.

    `on_output` gets every piece of output as it comes, on the event loop's thread. When the caller is
    cancelled the command and all of its processes are killed first. Raises SandboxError when it cannot be
    started at all.
    """
    async with reaching(command) as prepared:
        return replace(await _run(prepared, sandbox, on_output), argv=command.argv)


async def _run(command: Contained, sandbox: Sandbox, on_output: Callable[[bytes], None] | None) -> Run:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Run] = loop.create_future()
    # Cancelled twice, nobody may be left to take the result; asyncio would print about that.
    done.add_done_callback(lambda future: future.cancelled() or future.exception())
    stop = Stop()

    def tell(data: bytes) -> None:
        if on_output is not None:
            with suppress(RuntimeError):  # the loop is closed; nobody listens any more
                loop.call_soon_threadsafe(on_output, data)

    def settle(result: Run | BaseException) -> None:
        if not done.done():
            done.set_exception(result) if isinstance(result, BaseException) else done.set_result(result)

    def work() -> None:
        result: Run | BaseException
        try:
            result = _execute(command, sandbox, stop, tell)
        except BaseException as error:
            result = error
        finally:
            stop.close()
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result)

    # Not the loop's own pool: a few long commands would keep everybody else's work waiting. And the thread
    # must live as long as the command, since bubblewrap dies with the thread that started it.
    threading.Thread(target=work, name=f"run {command.argv[:1]}", daemon=True).start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        stop()
        with suppress(Exception):
            await done
        raise


def _execute(command: Contained, sandbox: Sandbox, stop: Stop, tell: Callable[[bytes], None]) -> Run:
    started = time.monotonic()
    with ExitStack() as stack:
        home = ""
        if sandbox.kind is SandboxKind.UNSANDBOXED:
            made = tempfile.TemporaryDirectory(prefix="qdeck-home-", ignore_cleanup_errors=True)
            home = stack.enter_context(made)
        launched = launch(command, sandbox, Path(home))
        stack.callback(launched.close)
        capture = Capture(command.limits.kept_bytes)
        disk, redactor = DiskUse(command.writable), Redactor(command.secrets)
        seen = Supervision(launched, command.limits, stop, tell, capture, disk, redactor)
        seen.watch()
    if not seen.killed and not seen.started:
        raise _not_started(command, capture)
    return _result(command, sandbox, seen, time.monotonic() - started)


def _not_started(command: Contained, capture: Capture) -> SandboxError:
    """Return the error for a command that bubblewrap never came to, in its own words."""
    words = clean(capture.kept().decode("utf-8", "replace"), lines=False, limit=300).removeprefix("bwrap: ")
    shown = clean(" ".join(command.argv), lines=False, limit=120)
    return SandboxError(
        f"The sandbox for `{shown}` could not be set up: {words or 'bubblewrap gave no reason'}",
        "`qdeck doctor` tells what works on this machine.",
    )


def _result(command: Contained, sandbox: Sandbox, seen: Supervision, seconds: float) -> Run:
    status = seen.returncode if seen.returncode is not None else -signal.SIGKILL
    # bubblewrap and the limiting shell report a command that a signal ended as 128 + n, as shells do.
    by_signal = -status if status < 0 else status - 128 if 128 < status < 193 else None
    capture = seen.capture
    return Run(
        argv=command.argv,
        exit_code=None if seen.killed or by_signal is not None else status,
        signal=signal.SIGKILL.value if seen.killed else by_signal,
        seconds=round(seconds, 3),
        cpu_seconds=round(seen.cpu_seconds, 3),
        peak_memory_bytes=seen.peak,
        output=capture.kept(),
        output_bytes=capture.total,
        output_digest=capture.digest,
        cut=capture.cut,
        limit=seen.limit,
        sandbox=sandbox.name,
    )
