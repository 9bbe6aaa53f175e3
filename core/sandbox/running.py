"""Run a contained command to its end, in a thread of its own, and kill all of it at any end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from core.errors import SandboxError
from core.sandbox.capture import Capture
from core.sandbox.detection import TRUSTED_PATH
from core.sandbox.mounts import bubblewrap_argv, inner_environment
from core.sandbox.types import Contained, Limits, Run, Sandbox, SandboxKind

_LOOK_EVERY = 0.2
"""Seconds between two looks at what the processes use."""

# Limits are inherited, so a shell sets them before anything else runs; one that is already stricter stays.
# File size is in blocks of 512 bytes (POSIX). The shell stays to tell the CPU time of what it ran, on a
# descriptor that its child does not get: bubblewrap does not pass its children's times on. The descriptor
# comes in as the shell's input, because dash cannot name one above 9, and the worker's are often above.
_LIMITING = """
exec 3>&0 </dev/null
ulimit -c 0; ulimit -t "$1" 2>/dev/null; ulimit -f "$2" 2>/dev/null; ulimit -n 4096 2>/dev/null
shift 2
"$@" 3>&-
status=$?
times >&3
exit $status
"""
_TIMES = re.compile(r"(\d+)m([\d.]+)s")


@dataclass(slots=True)
class _Supervision:
    """What the supervising thread has seen so far."""

    capture: Capture
    stop: threading.Event
    limit: str = ""
    status: int = 0
    cpu_seconds: float = 0.0
    peak: int = 0


async def run(command: Contained, sandbox: Sandbox, on_output: Callable[[bytes], None] | None = None) -> Run:
    """Run `command` in `sandbox` and return what it did, whatever that was.

    `on_output` gets every piece of output as it comes, on the event loop's thread. When the caller is
    cancelled the command and all of its processes are killed first. Raises SandboxError when it cannot be
    started at all.
    """
    loop = asyncio.get_running_loop()

    def tell(data: bytes) -> None:
        if on_output is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closing; nobody listens any more
                loop.call_soon_threadsafe(on_output, data)

    seen = _Supervision(Capture(command.limits.kept_bytes), threading.Event())
    work = loop.run_in_executor(None, _execute, command, sandbox, seen, tell)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        seen.stop.set()
        with contextlib.suppress(Exception):
            await work
        raise


def _execute(command: Contained, sandbox: Sandbox, seen: _Supervision, tell: Callable[[bytes], None]) -> Run:
    started = time.monotonic()
    times_end, report_end = os.pipe()
    with (
        tempfile.TemporaryDirectory(prefix="qdeck-home-", ignore_cleanup_errors=True) as home,
        os.fdopen(times_end, "rb") as times,
    ):
        try:
            process = _start(command, sandbox, report_end, Path(home))
        finally:
            os.close(report_end)
        _supervise(process, command.limits, seen, tell)
        os.set_blocking(times.fileno(), False)
        told = _TIMES.findall((times.read() or b"").decode(errors="replace"))
    if told:
        seen.cpu_seconds = sum(int(minutes) * 60 + float(seconds) for minutes, seconds in told)
    return _result(command, sandbox, seen, time.monotonic() - started)


def _start(command: Contained, sandbox: Sandbox, report: int, home: Path) -> subprocess.Popen[bytes]:
    """Start the command in its own session, with a shell around it that sets the limits."""
    limits = command.limits
    limiting = ("/bin/sh", "-c", _LIMITING, "sh", str(limits.cpu_seconds))
    wrapped = replace(command, argv=(*limiting, str(limits.file_bytes // 512), *command.argv))
    if sandbox.kind is SandboxKind.BUBBLEWRAP and sandbox.program is not None:
        argv = bubblewrap_argv(sandbox.program, wrapped)
        env, cwd = {"PATH": TRUSTED_PATH}, Path("/")
    else:
        argv, cwd = list(wrapped.argv), command.cwd
        env = {**inner_environment(command), "HOME": str(home), "TMPDIR": str(home), **dict(command.env)}
    try:
        return subprocess.Popen(
            argv,
            stdin=report,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxError(
            f"The command {command.argv[0]} could not be started: {error.strerror or error}.",
            "Check that the folder still exists and that the machine has room for processes.",
        ) from error


def _supervise(
    process: subprocess.Popen[bytes], limits: Limits, seen: _Supervision, tell: Callable[[bytes], None]
) -> None:
    """Read until the end, or until a limit; then make sure that nothing of the group is left."""
    assert process.stdout is not None  # noqa: S101 - it was opened as a pipe
    deadline = time.monotonic() + limits.wall_seconds
    next_look = 0.0
    open_end = True
    with selectors.DefaultSelector() as selector, process.stdout as output:
        selector.register(output, selectors.EVENT_READ)
        while open_end and not seen.limit and not seen.stop.is_set():
            now = time.monotonic()
            if now >= deadline:
                seen.limit = "time"
            elif now >= next_look:
                next_look = now + _LOOK_EVERY
                seen.limit = _use(process.pid, limits, seen)
                if _ended(process, seen):
                    # Only in a bare run can something outlive its parent and keep the pipe open.
                    _kill(process)
            if selector.select(timeout=min(_LOOK_EVERY, max(0.0, deadline - now))):
                data = os.read(output.fileno(), 65536)
                open_end = bool(data)
                seen.capture.feed(data)
                tell(data)
                if seen.capture.total > limits.output_bytes:
                    seen.limit = "output"
        if seen.limit or seen.stop.is_set():
            _kill(process)
    if process.returncode is None:
        _wait(process, seen, deadline, limits)


def _wait(process: subprocess.Popen[bytes], seen: _Supervision, deadline: float, limits: Limits) -> None:
    """The output has ended; wait for the process too, which may have closed it and gone on."""
    while not _ended(process, seen):
        if time.monotonic() >= deadline or seen.stop.is_set():
            seen.limit = seen.limit or ("time" if not seen.stop.is_set() else "")
            _kill(process)
        seen.limit = seen.limit or _use(process.pid, limits, seen)
        if seen.limit:
            _kill(process)
        time.sleep(0.005)
    _kill(process)


def _ended(process: subprocess.Popen[bytes], seen: _Supervision) -> bool:
    """Collect the process if it has ended."""
    if process.returncode is not None:
        return True
    try:
        pid, status = os.waitpid(process.pid, os.WNOHANG)
    except ChildProcessError:
        process.returncode = -signal.SIGKILL
        return True
    if pid == 0:
        return False
    process.returncode = seen.status = os.waitstatus_to_exitcode(status)
    return True


def _use(pid: int, limits: Limits, seen: _Supervision) -> str:
    """Add up what all processes below `pid` use, and name the limit that is passed."""
    try:
        family = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return ""
    memory, cpu = 0, 0.0
    for member in family:
        with contextlib.suppress(psutil.Error):
            memory += member.memory_info().rss
            times = member.cpu_times()
            cpu += times.user + times.system
    seen.peak = max(seen.peak, memory)
    seen.cpu_seconds = max(seen.cpu_seconds, cpu)
    if memory > limits.memory_bytes:
        return "memory"
    return "processes" if len(family) > limits.processes else ""


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the whole group; in bubblewrap its process namespace, and with it everything inside, ends too."""
    family = []
    with contextlib.suppress(psutil.Error):
        family = psutil.Process(process.pid).children(recursive=True)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()


def _result(command: Contained, sandbox: Sandbox, seen: _Supervision, seconds: float) -> Run:
    killed = bool(seen.limit) or seen.stop.is_set()
    status = seen.status
    # bubblewrap reports a child that a signal ended as 128 + n, as shells do.
    by_signal = -status if status < 0 else status - 128 if 128 < status < 193 else None
    capture = seen.capture
    return Run(
        argv=command.argv,
        exit_code=None if killed or status < 0 else status,
        signal=signal.SIGKILL.value if killed else by_signal,
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
