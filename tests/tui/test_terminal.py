"""The app in a real terminal: start, keys, resize, quit, and nobody else who writes to the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from screenshots.scenes import Journal
from tests.cli.calls import only_read, powerless
from tests.tui.terminal import Terminal

ROOT = Path(__file__).parents[2]
RUN = (
    "import sys; from tui.app import run_app; from tui.options import AppOptions; {before}"
    "sys.exit(run_app(AppOptions(database_url={db!r}, start_worker=False)))"
)
NOISE = (
    "import os, threading, logging; "
    "threading.Timer(2.0, lambda: (os.write(2, b'NOISE'), os.write(1, b'NOISE'), os.system('echo NOISE'), "
    "logging.warning('NOISE'))).start(); "
)


def program(journal: Journal, before: str = "") -> list[str]:
    """The app on a journal, as a command."""
    return [sys.executable, "-c", RUN.format(before=before, db=str(journal.path))]


def environment(**more: str) -> dict[str, str]:
    """The environment of a plain terminal."""
    return {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT), **more}


@pytest.fixture
def terminal(journal_of: Callable[[str], Journal]) -> Iterator[Terminal]:
    """The app with a day's work, in a terminal."""
    terminal = Terminal(program(journal_of("review"), NOISE), environment())
    yield terminal
    terminal.close()


def leave(terminal: Terminal) -> None:
    """Say that the builds may run on, as soon as that counts."""
    terminal.wait("2 builds are running")
    for _ in range(50):
        terminal.press("l")
        if b"?1049l" in terminal.raw:
            break
    assert terminal.wait_end() == 0


def test_a_session_in_a_terminal(terminal: Terminal) -> None:
    """Open, look, decide not to, resize, leave; the terminal is as it was before."""
    terminal.wait("NEEDS YOU.*2")
    terminal.wait("worker ●")
    terminal.press("enter")
    terminal.wait("Is the reviewed change good enough")
    terminal.press("escape")
    terminal.wait("NEEDS YOU")
    terminal.resize(80, 24)
    terminal.wait("B-0007")
    terminal.resize(50, 10)
    terminal.wait("too small")
    terminal.resize(120, 40)
    terminal.wait("B-0007")
    terminal.press("q")
    leave(terminal)
    assert b"\x1b[?1049l" in terminal.raw and b"\x1b[?25h" in terminal.raw


def test_nothing_else_can_write_to_the_screen(terminal: Terminal) -> None:
    """Descriptors 1 and 2, a child process and the log all go to a file while the app draws."""
    terminal.wait("NEEDS YOU")
    log = Path(os.environ["QDECK_HOME"]) / "log" / "app.log"
    for _ in range(200):
        terminal.press("j", "k")
        if log.exists() and log.read_text().count("NOISE") >= 4:
            break
    assert log.read_text().count("NOISE") >= 4
    assert b"NOISE" not in terminal.raw


def test_a_journal_that_may_only_be_read_is_a_sentence(journal_of: Callable[[str], Journal]) -> None:
    """What is wrong and what to correct stands where the board would be; no key acts, nothing is written."""
    journal = journal_of("review")
    with only_read(journal.path) as before:
        terminal = Terminal(powerless(program(journal)), environment())
        terminal.wait("There is no journal to look at")
        terminal.press("p", "a", "r")
        text = terminal.wait("permissions of")
        assert "may not be written" in " ".join(text.split()) and "Traceback" not in text
        terminal.press("ctrl+q")
        assert terminal.wait_end() == 0
        terminal.close()
        assert journal.path.read_bytes() == before


def test_without_a_place_for_its_log_it_opens_all_the_same(journal_of: Callable[[str], Journal]) -> None:
    """Where no folder of its own can be made one can still look, and leave."""
    terminal = Terminal(program(journal_of("review"), NOISE), environment(QDECK_HOME="/proc/nowhere"))
    text = terminal.wait("NEEDS YOU.*2")
    assert "NOISE" not in text and "Errno" not in text
    terminal.press("ctrl+q")
    leave(terminal)
    terminal.close()


def test_without_a_terminal_there_is_a_sentence(journal_of: Callable[[str], Journal]) -> None:
    """A pipe gets a way out and an exit code, no escape sequences."""
    done = subprocess.run(
        program(journal_of("empty")),
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
        timeout=60,
    )
    assert done.returncode == 64
    assert "qdeck run" in done.stdout and "\x1b" not in done.stdout and not done.stderr


def test_a_terminal_that_cannot_place_text_gets_a_sentence(journal_of: Callable[[str], Journal]) -> None:
    """TERM=dumb is told so."""
    terminal = Terminal(program(journal_of("empty")), environment(TERM="dumb"))
    assert terminal.wait_end() == 64
    assert "qdeck run" in terminal.text
    terminal.close()


@pytest.mark.parametrize(("term", "ground"), [("xterm", "default"), ("xterm-256color", "00005f")])
def test_sixteen_colours_are_the_terminals_own(
    term: str, ground: str, journal_of: Callable[[str], Journal]
) -> None:
    """The row under the cursor is not painted grey where that would swallow what is red on it."""
    terminal = Terminal(program(journal_of("review")), environment(TERM=term, COLORTERM=""))
    try:
        terminal.wait("worker ●")
        row = next(y for y, line in enumerate(terminal.screen.display) if "▌ B-0007" in line)
        assert terminal.screen.buffer[row][40].bg == ground
    finally:
        terminal.close()


def test_the_terminal_ends_and_the_app_with_it(journal_of: Callable[[str], Journal]) -> None:
    """SIGTERM leaves no broken terminal behind."""
    terminal = Terminal(program(journal_of("empty")), environment())
    terminal.wait("worker ●")
    terminal.signal(signal.SIGTERM)
    assert terminal.wait_end() == 128 + signal.SIGTERM
    assert b"\x1b[?1049l" in terminal.raw
    terminal.close()


@pytest.mark.parametrize("of_its_own", [True, False], ids=["session", "no session"])
def test_the_terminal_goes_and_the_app_with_it(
    of_its_own: bool, journal_of: Callable[[str], Journal]
) -> None:
    """A window that was closed leaves no app behind that reads and draws for nobody."""
    master, slave = pty.openpty()
    app = subprocess.Popen(
        program(journal_of("review")),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment(),
        start_new_session=True,
        preexec_fn=partial(fcntl.ioctl, slave, termios.TIOCSCTTY, 0) if of_its_own else None,
    )
    os.close(slave)
    drawn = b""
    while b"NEEDS YOU" not in drawn:
        drawn += os.read(master, 65536)
    os.close(master)
    try:
        assert app.wait(60) in (128 + signal.SIGHUP, -signal.SIGHUP)  # in order, or before it was ready
    finally:
        app.kill()
