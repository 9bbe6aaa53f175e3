"""Calls a person who looks elsewhere: by bell, by the terminal's own notifications, or by the desktop's.

Knows no workflow. What is written to the terminal goes through the driver of the app, in one piece, so that
it never falls into the middle of a frame.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping

from core.text import clean

BELL = "\a"
_TERMINALS_OF_OSC9 = frozenset({"iTerm.app", "WezTerm", "ghostty", "WarpTerminal"})


def way_for(wanted: str, environment: Mapping[str, str] | None = None) -> str:
    """Return how to call here: `wanted`, or for "auto" what this terminal is known to understand."""
    env = os.environ if environment is None else environment
    if wanted != "auto":
        return wanted
    if env.get("TERM_PROGRAM", "") in _TERMINALS_OF_OSC9 or env.get("WT_SESSION"):
        return "osc9"
    if env.get("VTE_VERSION") or env.get("TERM", "").startswith(("foot", "rxvt-unicode")):
        return "osc777"
    at_a_desktop = (env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")) and not env.get("SSH_CONNECTION")
    return "desktop" if at_a_desktop and shutil.which("notify-send") else "bell"


def sequence(way: str, title: str, text: str, *, in_tmux: bool) -> str:
    """Return what the terminal is sent for a call; a bell goes with it, for terminals that know no more."""
    if way == "bell":
        return BELL
    # A semicolon would end the title, and everything that is no plain character could end the sequence.
    head, body = (clean(part, lines=False, limit=200).replace(";", ",") for part in (title, text))
    inner = f"\x1b]9;{head}: {body}\x1b\\" if way == "osc9" else f"\x1b]777;notify;{head};{body}\x1b\\"
    if in_tmux:
        inner = f"\x1bPtmux;{inner.replace(chr(27), chr(27) * 2)}\x1b\\"
    return f"{inner}{BELL}"


class Caller:
    """Calls once for each thing."""

    def __init__(self, write: Callable[[str], object], environment: Mapping[str, str] | None = None) -> None:
        self._write = write
        self._env = os.environ if environment is None else environment
        self._called: set[tuple[str, str, int]] = set()

    def call(self, wanted: str, what: tuple[str, str, int], title: str, text: str) -> bool:
        """Call for `what` (a workflow, an event, a version), unless that was done; say whether it was now."""
        if what in self._called:
            return False
        self._called.add(what)
        way = way_for(wanted, self._env)
        if way == "off":
            return False
        if way == "desktop":
            self._desktop(title, text)
        else:
            self._write(sequence(way, title, text, in_tmux=bool(self._env.get("TMUX"))))
        return True

    def _desktop(self, title: str, text: str) -> None:
        """Ask the desktop; the words are arguments, never options, and no shell sees them."""
        words = (clean(part, lines=False, limit=200) for part in (title, text))
        try:
            subprocess.Popen(
                ["notify-send", "--app-name=qdeck", "--", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(self._env),
                start_new_session=True,
            )
        except OSError:
            self._write(BELL)
