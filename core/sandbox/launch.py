"""Starts a command in its sandbox, held back until we have a firm grip on all that it can become."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from core.errors import SandboxError
from core.sandbox.mounts import bubblewrap_options, inner_environment
from core.sandbox.types import Contained, Sandbox, SandboxKind
from core.text import clean

TRUSTED_PATH = "/usr/local/bin:/usr/bin:/bin"
"""Where a system's own programs are looked up, whatever PATH the user has."""

_START_SECONDS = 20.0
_OPEN_FILES = 4096

# Limits are inherited, so a shell sets them before anything else runs; one that is already stricter stays.
# File size is in blocks of 512 bytes (POSIX). The shell stays to tell the CPU time of what it ran, since
# bubblewrap does not pass its children's times on. The socket for that comes as standard input and moves to
# descriptor 3 (dash knows none above 9); the command gets neither. The shell says that it is up and waits for
# our word, which never comes when the worker has died meanwhile. Where no bubblewrap ends the command with
# the worker, another shell waits for the end of the socket to do so.
_LIMITING = """
exec 3>&0 </dev/null
echo up >&3
read -r go <&3 || exit 126
if [ "$5" = bare ]; then (read -r end <&3; kill -9 0) >/dev/null 2>&1 & fi
ulimit -c 0
ulimit -t "$1" 2>/dev/null
ulimit -f "$2" 2>/dev/null
ulimit -n "$3" 2>/dev/null
if [ "$4" -gt 0 ]; then ulimit -u "$4" 2>/dev/null || ulimit -p "$4" 2>/dev/null; fi
shift 5
"$@" 3>&-
status=$?
times >&3
exit $status
"""


@dataclass(slots=True)
class Launched:
    """A started command: the process that we made, its output, our end of the limiting shell's socket.

    In bubblewrap `status` is where it reports, and `told` what it has reported so far.
    `inside` is a pidfd of that process. When it ends, the kernel has ended everything in its namespace.
    """

    process: subprocess.Popen[bytes]
    output: IO[bytes]
    shell: socket.socket
    status: int = -1
    inside: int = -1
    told: bytes = b""
    owned: ExitStack = field(default_factory=ExitStack)

    def release(self) -> None:
        """Give the word for which the limiting shell waits."""
        with suppress(OSError):
            self.shell.sendall(b"go\n")

    def close(self) -> None:
        """Close all descriptors."""
        self.owned.close()


def launch(command: Contained, sandbox: Sandbox, home: Path) -> Launched:
    """Start `command`; `home` is its home folder where nothing contains it."""
    if any("\0" in word for word in command.argv) or not command.argv:
        raise SandboxError("A command with a zero byte in it, or an empty one, cannot be run.")
    if sandbox.kind is SandboxKind.BUBBLEWRAP and sandbox.program is not None:
        return _launch_contained(command, sandbox.program)
    return _launch_bare(command, home)


def bubblewrap_argv(program: Path, arguments: int, extra: list[str], inner: list[str]) -> list[str]:
    """Return the command line of bubblewrap. Its options come through a descriptor.

    Anyone on the machine can read a command line, and the options hold the environment.
    """
    return [str(program), *extra, "--args", str(arguments), "--", *inner]


def options_file(command: Contained) -> int:
    """Return a descriptor from which bubblewrap reads its options for `command`."""
    data = b"".join(os.fsencode(word) + b"\0" for word in bubblewrap_options(command))
    descriptor = os.memfd_create("options", 0)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _limited(command: Contained, *, bare: bool = False) -> list[str]:
    """Return the command with the shell around it that sets its limits."""
    limits = command.limits
    processes = 0 if bare else _process_limit(limits.processes)
    bounds = (limits.cpu_seconds, limits.file_bytes // 512, _OPEN_FILES, processes)
    return ["/bin/sh", "-c", _LIMITING, "sh", *map(str, bounds), "bare" if bare else "", *command.argv]


def _launch_contained(command: Contained, program: Path) -> Launched:
    with ExitStack() as owned, ExitStack() as given:
        options = options_file(command)
        given.callback(os.close, options)
        status, status_end = os.pipe()
        owned.callback(os.close, status)
        given.callback(os.close, status_end)
        ours, theirs = socket.socketpair()
        owned.enter_context(ours)
        given.enter_context(theirs)
        process = _popen(
            bubblewrap_argv(
                program,
                options,
                ["--json-status-fd", str(status_end)],
                _limited(command),
            ),
            command,
            stdin=theirs.fileno(),
            env={"PATH": TRUSTED_PATH},
            cwd=Path("/"),
            pass_fds=(options, status_end),
        )
        given.close()
        launched = Launched(process, cast(IO[bytes], process.stdout), ours, status)
        _grip(launched, owned)
        launched.owned = owned.pop_all()
    launched.release()
    return launched


def _launch_bare(command: Contained, home: Path) -> Launched:
    environment = {**inner_environment(command), "HOME": str(home), "TMPDIR": str(home)}
    environment |= {**command.env, **command.secrets}
    with ExitStack() as owned:
        ours, theirs = socket.socketpair()
        owned.enter_context(ours)
        with theirs:
            argv = _limited(command, bare=True)
            process = _popen(argv, command, stdin=theirs.fileno(), env=environment, cwd=command.cwd)
        launched = Launched(process, cast(IO[bytes], process.stdout), ours)
        owned.callback(launched.output.close)
        launched.owned = owned.pop_all()
    launched.release()
    return launched


def _popen(
    argv: list[str],
    command: Contained,
    *,
    stdin: int,
    env: dict[str, str],
    cwd: Path,
    pass_fds: tuple[int, ...] = (),
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            pass_fds=pass_fds,
            start_new_session=True,
        )
    except OSError as error:
        shown = clean(command.argv[0], lines=False, limit=120)
        raise SandboxError(
            f"The command {shown} could not be started: {error.strerror or error}.",
            "Check that its folder still exists and that the machine has room for processes.",
        ) from error


def _grip(launched: Launched, owned: ExitStack) -> None:
    """Get hold of the first process inside while the command is still held back."""
    owned.callback(launched.output.close)
    while b"\n" not in launched.told:
        ready, _, _ = select.select([launched.status], [], [], _START_SECONDS)
        piece = os.read(launched.status, 65536) if ready else b""
        if not piece:
            break
        launched.told += piece
    try:
        first = int(json.loads(launched.told.partition(b"\n")[0])["child-pid"])
        launched.inside = os.pidfd_open(first)
        owned.callback(os.close, launched.inside)
        launched.shell.settimeout(_START_SECONDS)
        if launched.shell.recv(64):
            _wait_until_it_waits(first)
        launched.shell.settimeout(None)
    except (ValueError, KeyError, TypeError, OSError):
        # It has ended already, for a reason that its output tells; see `Supervision.started`.
        with suppress(ProcessLookupError):
            os.killpg(launched.process.pid, signal.SIGKILL)


def _wait_until_it_waits(first: int) -> None:
    """Wait until the first process inside has bound its life to bubblewrap's, and so to ours.

    It does so after it has made the shell and before it waits for children. A worker killed before that would
    leave the command behind.
    """
    deadline = time.monotonic() + 2.0
    with suppress(OSError):
        while time.monotonic() < deadline:
            state = Path(f"/proc/{first}/stat").read_text("ascii", "replace").rpartition(")")[2]
            if state.split()[0] == "S":
                return
            time.sleep(0.0005)


def _process_limit(processes: int) -> int:
    """Return the process limit for the shell to set, or 0 where the kernel would count wrongly.

    Before Linux 5.14 it counts all of the user's processes, and root's it never limits; there only the looks
    at what runs hold the limit.
    """
    release = os.uname().release.split(".")
    try:
        counts = (int(release[0]), int(release[1])) >= (5, 14)
    except (ValueError, IndexError):
        counts = False
    return processes if counts and os.geteuid() != 0 else 0
