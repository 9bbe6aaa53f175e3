"""Watches one command to its end or to a limit, and leaves nothing of it alive."""

from __future__ import annotations

import os
import re
import resource
import select
import selectors
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from core.sandbox.capture import Capture
from core.sandbox.disk import DiskUse
from core.sandbox.launch import Launched
from core.sandbox.redaction import Redactor
from core.sandbox.types import Limits

_FIRST_LOOK = 0.01
_LOOK_EVERY = 0.2
"""Seconds between two looks at what the processes use; the first ones are closer together."""

_END_SECONDS = 5.0
_TIMES = re.compile(rb"(\d+)m([\d.]+)s")
_PIECE = 65536
_LEFT_PIECES = 64  # a pipe holds at most a megabyte


class Stop:
    """A wish to end a run now, which wakes the thread that watches it."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        self.wanted = False
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Ask for the end; after the end it does nothing."""
        with self._lock:
            self.wanted = True
            if self._writer >= 0:
                os.write(self._writer, b"x")

    def close(self) -> None:
        """Close both ends."""
        with self._lock:
            os.close(self.reader)
            os.close(self._writer)
            self._writer = -1


@dataclass(slots=True)
class Supervision:
    """One run being watched, and what was seen of it."""

    launched: Launched
    limits: Limits
    stop: Stop
    tell: Callable[[bytes], None]
    capture: Capture
    disk: DiskUse
    redactor: Redactor
    limit: str = ""
    returncode: int | None = None
    cpu_seconds: float = 0.0
    peak: int = 0
    _family: dict[int, psutil.Process] = field(default_factory=dict)

    def watch(self) -> None:
        """Read and look until the end or a limit; then end everything that is left, and collect the rest."""
        try:
            self._until_the_end()
        finally:
            self._end_all()
        self._drain()
        self._keep(self.redactor.rest())
        self._read_times()

    @property
    def killed(self) -> bool:
        """Whether it was us who ended it."""
        return bool(self.limit) or self.stop.wanted

    @property
    def started(self) -> bool:
        """Whether the command itself ran; otherwise the output is bubblewrap's own complaint."""
        bare = self.launched.status < 0
        return bare or b'"exit-code"' in self.launched.told

    def _until_the_end(self) -> None:
        now = time.monotonic()
        deadline = now + self.limits.wall_seconds
        pause, next_look = _FIRST_LOOK, now + _FIRST_LOOK
        output = self.launched.output.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            selector.register(self.stop.reader, selectors.EVENT_READ)
            ended = _pidfd(self.launched.process.pid)
            if ended is not None:
                selector.register(ended, selectors.EVENT_READ)
            try:
                while not self.killed and not self._has_ended():
                    now = time.monotonic()
                    if now >= deadline:
                        self.limit = "time"
                        return
                    if now >= next_look:
                        self._look()
                        pause = min(_LOOK_EVERY, pause * 2)
                        next_look = time.monotonic() + pause
                    ready = selector.select(max(0.0, min(next_look, deadline) - now))
                    if any(key.fd == output for key, _ in ready) and not self._read(output):
                        selector.unregister(output)
            finally:
                if ended is not None:
                    os.close(ended)

    def _read(self, output: int) -> bool:
        """Take the next piece of output; False at its end."""
        data = os.read(output, _PIECE)
        self._keep(self.redactor.feed(data))
        if self.capture.total > self.limits.output_bytes:
            self.limit = self.limit or "output"
        return bool(data)

    def _keep(self, data: bytes) -> None:
        """Keep and tell what may be told."""
        self.capture.feed(data)
        if data:
            self.tell(data)

    def _has_ended(self) -> bool:
        """Say whether the process that we started has ended; it keeps its number until it is collected."""
        if self.returncode is not None:
            return True
        try:
            options = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self.launched.process.pid, options) is not None
        except ChildProcessError:
            self.returncode = self.launched.process.returncode = -signal.SIGKILL
            return True

    def _collect(self) -> None:
        """Take the status and the use of the process that has ended."""
        if self.returncode is not None:
            return
        process = self.launched.process
        with suppress(ChildProcessError):
            _, status, usage = os.wait4(process.pid, os.WNOHANG)
            self.returncode = process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu_seconds = max(self.cpu_seconds, usage.ru_utime + usage.ru_stime)
            # A forked child inherits what we hold ourselves; only a figure above that is its own.
            if usage.ru_maxrss > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
                self.peak = max(self.peak, usage.ru_maxrss * 1024)

    def _look(self) -> None:
        """Add up what all the processes use, and note the limit that is passed."""
        memory, cpu, number = 0, 0.0, 0
        for member in self._members():
            with suppress(psutil.Error):
                memory += member.memory_info().rss
                times = member.cpu_times()
                cpu += times.user + times.system + times.children_user + times.children_system
                number += 1
        self.peak = max(self.peak, memory)
        self.cpu_seconds = max(self.cpu_seconds, cpu)
        if memory > self.limits.memory_bytes:
            self.limit = self.limit or "memory"
        elif number > self.limits.processes:
            self.limit = self.limit or "processes"
        elif self.disk.grown() > self.limits.disk_bytes:
            self.limit = self.limit or "disk"

    def _members(self) -> list[psutil.Process]:
        """Return all processes of the run; outside bubblewrap also those that left the family since."""
        try:
            top = psutil.Process(self.launched.process.pid)
            members = [top, *top.children(recursive=True)]
        except psutil.Error:
            members = []
        if self.launched.inside < 0:
            self._family |= {member.pid: member for member in members}
        return members

    def _end_all(self) -> None:
        """Kill whatever is left, and wait until it is gone."""
        process = self.launched.process
        deadline = time.monotonic() + _END_SECONDS
        if self.launched.inside >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.launched.inside, signal.SIGKILL)
            # Readable only when every process of the namespace has ended.
            select.select([self.launched.inside], [], [], _END_SECONDS)
        else:
            self._kill_family()
        hurry = time.monotonic() + 1.0
        while not self._has_ended() and time.monotonic() < deadline:
            if time.monotonic() > hurry:
                _kill_group(process.pid)
            time.sleep(0.002)
        if self._has_ended():
            self._collect()
        while self._family and time.monotonic() < deadline and _lives(process.pid, self._family):
            time.sleep(0.005)

    def _kill_family(self) -> None:
        """Outside bubblewrap: kill the group, and all that was ever seen below it."""
        self._members()
        _kill_group(self.launched.process.pid)
        for member in self._family.values():
            with suppress(psutil.Error):
                # psutil compares the time of creation, so a number used again is not hit.
                member.kill()

    def _drain(self) -> None:
        """Read what the dead have left in the pipe, which somebody who got away may still hold open."""
        output = self.launched.output.fileno()
        os.set_blocking(output, False)
        with suppress(BlockingIOError):
            for _ in range(_LEFT_PIECES):
                if self.limit == "output" or not self._read(output):
                    break

    def _read_times(self) -> None:
        """Read what the limiting shell and bubblewrap told at the end."""
        self.launched.shell.setblocking(False)
        with suppress(OSError):
            told = self.launched.shell.recv(4096)
            seconds = [int(minutes) * 60 + float(rest) for minutes, rest in _TIMES.findall(told)]
            self.cpu_seconds = max(self.cpu_seconds, sum(seconds))
        if self.launched.status >= 0:
            os.set_blocking(self.launched.status, False)
            with suppress(BlockingIOError):
                self.launched.told += os.read(self.launched.status, _PIECE)


def _pidfd(pid: int) -> int | None:
    """Return a descriptor that is readable when the process has ended, where the system has such a thing."""
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _lives(group: int, family: Mapping[int, psutil.Process]) -> bool:
    """Say whether a process of the group or the family has not ended; a zombie has."""
    try:
        os.killpg(group, 0)
        members = [one for one in psutil.process_iter() if _group_of(one.pid) == group]
    except (ProcessLookupError, PermissionError):
        members = []
    for process in (*members, *family.values()):
        with suppress(psutil.Error):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return 0
