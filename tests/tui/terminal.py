"""A real terminal in small: a pseudo-terminal with an emulator that reads what the app writes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence

import pyte

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "down": "\x1b[B",
    "up": "\x1b[A",
    "ctrl+c": "\x03",
    "ctrl+q": "\x11",
} | {"ctrl+p": "\x10"}
# The emulator would print the tails of sequences that it does not know.
UNKNOWN = re.compile(rb"\x1b\[[<>=]\d*u|\x1b\[\?\d+\$p|\x1b\[>\d*[a-z]|\x1bP.*?\x1b\\")


class Terminal:
    """A process on a terminal of its own."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], size: tuple[int, int] = (120, 40)
    ) -> None:
        self.screen = pyte.Screen(*size)
        self.raw = b""
        self.code: int | None = None
        self._stream = pyte.ByteStream(self.screen)
        # COLUMNS and LINES would be believed over the size of the terminal itself.
        kept = {k: v for k, v in env.items() if k not in ("COLUMNS", "LINES")}
        self._pid, self._file = pty.fork()
        if self._pid == 0:
            os.execvpe(command[0], list(command), kept)  # noqa: S606
        self._sized(*size)

    def _sized(self, width: int, height: int) -> None:
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        self.screen.resize(height, width)
        self._sized(width, height)

    def press(self, *keys: str) -> None:
        """Type keys by name, or letters."""
        for key in keys:
            self.strike(key)
            self._read(0.05)

    def look(self) -> None:
        """Read what has been drawn meanwhile."""
        self._read(0.05)

    def strike(self, key: str) -> None:
        """Type a key, and look at nothing yet."""
        os.write(self._file, KEYS.get(key, key).encode())

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._file], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self._file, 65536)
        except OSError:
            # Linux says so when the other side is gone.
            data = b""
        self.raw += data
        self._stream.feed(UNKNOWN.sub(b"", data))
        return bool(data)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self.screen.display)

    @property
    def drawn(self) -> str:
        """All text that was ever drawn, also what went again since."""
        return re.sub(rb"\x1b\[[0-9;?<>=]*[a-zA-Z]", b"", self.raw).decode(errors="replace")

    def wait(self, pattern: str, seconds: float = 60.0) -> str:
        """Wait until the screen shows something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read(0.05)
            if re.search(pattern, self.text):
                return self.text
        raise AssertionError(f"{pattern!r} was not seen:\n{self.text}")

    def wait_end(self, seconds: float = 60.0) -> int:
        """Wait for the process to end and return its exit code."""
        end = time.monotonic() + seconds
        while self.code is None and time.monotonic() < end:
            while self._read(0.02):
                pass
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        if self.code is None:
            raise AssertionError(f"it did not end:\n{self.text}")
        return self.code

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        os.kill(self._pid, number)

    def close(self) -> None:
        """End the process if it still runs."""
        if self.code is None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._file)
