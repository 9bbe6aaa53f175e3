"""Time to the first full frame: `python -m benchmarks.first_frame [RUNS]`.

Starts a bare Textual app and the board with an empty journal in turn, each in a real terminal, and waits
until its own words have been drawn. The promise is a ratio: the board within 1.3 times the bare app.
"""

from __future__ import annotations

import os
import pty
import select
import signal
import statistics
import sys
import tempfile
import time

_BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("drawn-and-ready")
Bare().run()
"""
CASES = {
    "python, nothing imported": ([sys.executable, "-c", "print('drawn-and-ready')"], b"drawn-and-ready"),
    "qdeck --version": ([sys.executable, "-P", "-m", "tui.cli", "--version"], b"qdeck "),
    "a bare Textual app": ([sys.executable, "-c", _BARE], b"drawn-and-ready"),
    "the board": ([sys.executable, "-P", "-m", "tui.cli"], b"ctrl+n"),
}


def seconds_until(argv: list[str], wanted: bytes, home: str, limit: float = 30.0) -> float:
    """Start the program in a terminal of 120x40 and return the seconds until it has drawn `wanted`."""
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        env = {**os.environ, "TERM": "xterm-256color", "QDECK_HOME": home, "COLUMNS": "120", "LINES": "40"}
        os.execvpe(argv[0], argv, env)  # noqa: S606
    seen = b""
    try:
        while wanted not in seen:
            left = limit - (time.perf_counter() - began)
            if left <= 0 or not select.select([terminal], [], [], left)[0]:
                raise TimeoutError(f"{argv} drew no {wanted!r} in {limit:g} s")
            seen += os.read(terminal, 65_536)
        return time.perf_counter() - began
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def main() -> int:
    """Measure every case and print best, median and the ratio to a bare app."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    found: dict[str, list[float]] = {name: [] for name in CASES}
    with tempfile.TemporaryDirectory() as home:
        for _ in range(runs):
            for name, (argv, wanted) in CASES.items():
                found[name].append(seconds_until(argv, wanted, home))
    bare = statistics.median(found["a bare Textual app"])
    for name, times in found.items():
        middle = statistics.median(times)
        best = min(times)
        print(f"{name:<24} best {best * 1000:5.0f} ms  median {middle * 1000:5.0f} ms  {middle / bare:4.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
