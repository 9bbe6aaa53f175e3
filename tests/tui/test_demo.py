"""The whole demo, from the first frame to the merge, by keys in a real terminal that tmux keeps."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyte
import pytest

from tests.tui.terminal import KEYS

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux here"),
]


DEMO = (sys.executable, "-P", "-m", "tui.cli", "demo")


class Tmux:
    """One window of a tmux of its own, looked at through a terminal emulator."""

    def __init__(self, folder: Path, command: str, env: dict[str, str], size: tuple[int, int]) -> None:
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        self.size = size
        width, height = (str(n) for n in size)
        self("new-session", "-d", "-x", width, "-y", height, self._line(command), env=env)
        self("set", "-g", "status", "off")

    @staticmethod
    def _line(command: str) -> str:
        # Variables of the size would be believed over the terminal's own.
        return f"env -u COLUMNS -u LINES {command}; echo ENDED=$?; sleep 600"

    def kill(self) -> None:
        """End the command with no time for any last word."""
        shell = psutil.Process(int(self("display-message", "-p", "#{pane_pid}")))
        (program,) = shell.children()
        program.kill()
        self.wait(f"ENDED={128 + signal.SIGKILL}")

    def again(self, command: str) -> None:
        """Run another command in the same window."""
        self("respawn-pane", "-k", self._line(command))

    def __call__(self, *words: str, env: dict[str, str] | None = None) -> str:
        """Give tmux an order and return what it says."""
        done = subprocess.run([*self._tmux, *words], capture_output=True, check=True, timeout=30, env=env)
        return done.stdout.decode("utf-8", "replace")

    def press(self, *keys: str) -> None:
        """Type keys by name, or letters."""
        for key in keys:
            self("send-keys", "-l", KEYS.get(key, key))

    @property
    def screen(self) -> pyte.Screen:
        """What is drawn now, cell by cell, with its colours."""
        screen = pyte.Screen(*self.size)
        text = self("capture-pane", "-p", "-e").rstrip("\n").replace("\n", "\r\n")
        pyte.Stream(screen).feed(text)
        return screen

    @property
    def text(self) -> str:
        """What is drawn now."""
        return "\n".join(self.screen.display)

    def shows(self, pattern: str) -> bool:
        """Whether tmux's own picture holds it: asked often, and the build beside needs the processor."""
        return re.search(pattern, self("capture-pane", "-p")) is not None

    def wait(self, pattern: str, seconds: float = 600.0) -> str:
        """Wait until the screen shows something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.shows(pattern) and re.search(pattern, text := self.text):
                return text
            time.sleep(0.2)
        raise AssertionError(f"{pattern!r} was not seen:\n{self.text}")

    def close(self) -> None:
        """End everything in it."""
        self("kill-server")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Tmux]:
    """`qdeck demo`, as the README tells to start it."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("QDECK_", "TMUX"))}
    env |= {"QDECK_HOME": str(tmp_path / "home"), "QDECK_REHEARSAL_PACE": "0", "TERM": "xterm-256color"}
    command = shlex.join([*DEMO, "--keep", str(tmp_path / "textkit")])
    terminal = Tmux(tmp_path, command, env, (120, 40))
    yield terminal
    terminal.close()


PLAN, REVIEW, RELEASE = (
    "Shall it be built like this",
    "Is the reviewed change good enough",
    "Shall it be merged and released",
)


def approve(demo: Tmux, question: str) -> None:
    """Look at what waits and say yes, as soon as a yes counts."""
    demo.wait("1 needs you")
    demo.press("a")
    answer(demo, question, "a")


def answer(demo: Tmux, question: str, key: str) -> None:
    """Press the key as soon as it counts, which is half a second after the question is there."""
    demo.wait(question)
    while question in demo.text:
        demo.press(key)
        time.sleep(0.7)


def fork_and_cancel(demo: Tmux) -> None:
    """Begin the build anew from its second move, in the past, and give that one up."""
    demo.press("enter")
    demo.wait("needs you|complete")
    demo.press("h")
    demo.wait("History")
    demo.press("g", "]", "]", "f")
    answer(demo, "Fork B-0001 after event", "f")
    demo.wait("B-0002")
    # As long as it moves on, it is another version than the one that is asked about.
    demo.wait("needs you: approve the review")
    demo.press("x")
    answer(demo, "Cancel B-0002 for good", "y")
    demo.wait("cancelled")
    demo.press("escape")
    demo.wait("B-0001 is over")
    demo.press("escape")
    demo.wait("DONE 2")


def workers(folder: Path) -> list[int]:
    """The workers of the demo that lies in the folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mine = process.environ().get("QDECK_HOME", "").startswith(str(folder))
            if mine and "core.engine" in process.cmdline():
                found.append(process.pid)
    return found


def test_the_whole_demo_in_a_terminal(demo: Tmux, tmp_path: Path) -> None:
    """Plan, two ways back, review, release, merge, a fork: every yes by key, everything on the screen.

    In the middle the app is killed; the work goes on without it, and the next app finds it.
    """
    demo.wait("qdeck")
    demo.wait("Add slugify")
    approve(demo, PLAN)
    demo.kill()
    (worker,) = workers(tmp_path)
    demo.again(shlex.join([*DEMO, "--last"]))
    demo.wait("Add slugify")
    demo.wait("needs you: approve the review")
    demo.press("h")
    demo.wait("↶ the Verification Overseer")
    demo.press("escape")
    assert workers(tmp_path) == [worker], "it was not ended, nor was another one needed"
    approve(demo, REVIEW)
    approve(demo, RELEASE)
    text = demo.wait("complete")
    assert "●" in text and "✗" not in text.splitlines()[0]
    colours = {demo.screen.buffer[y][x].fg for y in range(40) for x in range(120)}
    assert len(colours) > 4, "it is drawn in colours"
    fork_and_cancel(demo)
    demo.press("ctrl+p")
    demo.wait("Search for commands")
    demo.press(*"standing yeses", "enter")
    demo.wait("Nobody has said yes")
    demo.press("escape")
    demo("resize-window", "-x", "80", "-y", "24")
    demo.size = (80, 24)
    demo.wait("complete")
    demo.press("?")
    demo.wait("EVERYWHERE|MOVING|ON THIS SCREEN|IN THE")
    demo.press("escape")
    demo.press("ctrl+q")
    demo.wait("ENDED=0")
    log = subprocess.run(
        ["git", "log", "--oneline", "main"],
        cwd=tmp_path / "textkit",
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(log.stdout.splitlines()) >= 3, "it is merged"
