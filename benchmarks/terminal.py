"""A window on a program in a real pseudo-terminal: what it writes, when each piece came, what that shows."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte

COLUMNS, LINES = 120, 40
# The emulator would print the tails of sequences that it does not know.
_UNKNOWN = re.compile(rb"\x1b\[[<>=]\d*u|\x1b\[\?\d+\$p|\x1b\[>\d*[a-z]|\x1bP.*?\x1b\\")
_ASKS_FOR_FRAMES = b"\x1b[?2026$p"
_HAS_FRAMES = b"\x1b[?2026;2$y"


FIRST = "QDECK_BENCH_FIRST"


def go_first() -> None:
    """Ask the scheduler to serve this session before others, where the machine is shared. Needs root."""
    with contextlib.suppress(OSError):
        # Linux shares the processors between sessions: the nice value of a process alone changes nothing.
        Path("/proc/self/autogroup").write_text("-15", encoding="ascii")


class Silent(TimeoutError):
    """The program did not draw what was waited for."""


class Window:
    """A process on a terminal of its own. The emulator is fed between measurements, never during one."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.written = 0
        self._stream = pyte.ByteStream(self.screen)
        self._pending: list[tuple[float, bytes]] = []
        # COLUMNS and LINES would be believed over the size of the terminal itself.
        kept = {k: v for k, v in env.items() if k not in ("COLUMNS", "LINES")}
        kept |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.began = time.perf_counter()
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            if FIRST in kept:
                go_first()
            os.execvpe(argv[0], list(argv), kept)  # noqa: S606
        self._sized(COLUMNS, LINES)

    def _sized(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self, seconds: float) -> bytes:
        if not select.select([self._file], [], [], max(0.0, seconds))[0]:
            return b""
        try:
            data = os.read(self._file, 1 << 18)
        except OSError as error:
            raise Silent("the program has ended") from error
        self._pending.append((time.perf_counter(), data))
        self.written += len(data)
        if _ASKS_FOR_FRAMES in data:
            os.write(self._file, _HAS_FRAMES)
        return data

    def look(self) -> str:
        """Feed the emulator what came, and return what the screen shows."""
        for _, data in self._pending:
            self._stream.feed(_UNKNOWN.sub(b"", data))
        self._pending.clear()
        return "\n".join(self.screen.display)

    def drain(self, seconds: float) -> None:
        """Read along for a while, then bring the emulator up to date, then read what came meanwhile."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self._read(left)
        self.look()
        end = time.perf_counter() + 0.015
        while (left := end - time.perf_counter()) > 0:
            self._read(left)

    def until(self, marker: bytes, holds: Callable[[str], bool] | None = None, limit: float = 30.0) -> float:
        """Return when the piece came after which the screen `holds`; looked at once `marker` is in it."""
        end = time.perf_counter() + limit
        tail = b""
        while (left := end - time.perf_counter()) > 0:
            data = self._read(left)
            if not data:
                continue
            found = marker in tail + data
            tail = data[-32:]
            if found:
                came = self._pending[-1][0]
                if holds is None or holds(self.look()):
                    return came
        raise Silent(f"{marker!r} was not drawn in {limit:g} s; the screen is:\n{self.look()}")

    def first_frame(self, marker: bytes, holds: Callable[[str], bool] | None = None) -> float:
        """Return the seconds from the start until the screen holds."""
        return self.until(marker, holds) - self.began

    def after(self, keys: bytes, marker: bytes, holds: Callable[[str], bool] | None = None) -> float:
        """Type, and return the seconds until the screen shows what comes of it."""
        pressed = time.perf_counter()
        os.write(self._file, keys)
        return self.until(marker, holds) - pressed

    def resized(self, columns: int, lines: int, marker: bytes, holds: Callable[[str], bool]) -> float:
        """Give the window another size, and return the seconds until it is filled."""
        self.look()
        self.screen.resize(lines, columns)
        at = time.perf_counter()
        self._sized(columns, lines)
        return self.until(marker, holds) - at

    def type(self, keys: bytes) -> None:
        """Type, without looking."""
        os.write(self._file, keys)

    @property
    def rss_mb(self) -> float:
        """The memory that the process holds."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    @property
    def cpu_seconds(self) -> float:
        """The processor time that the process and its threads have used."""
        spent = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            spent += int((task / "schedstat").read_text(encoding="ascii").split()[0])
        return spent / 1e9

    def close(self) -> None:
        """End the process."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._file)
