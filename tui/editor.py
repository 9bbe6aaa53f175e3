"""The person's own editor, for a text that is written in the app: the terminal is lent to it for a while."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from core.errors import QdeckError
from core.text import MESSAGE_LIMIT

if TYPE_CHECKING:
    from textual.app import App

USUAL = ("nano", "vim", "vi", "micro", "emacs")
"""Editors that are tried where nobody named one."""
_LARGEST = MESSAGE_LIMIT


def editor_of(environment: Mapping[str, str]) -> list[str]:
    """Return the command of the editor that a person has chosen, or of a usual one. Raises QdeckError."""
    for name in ("VISUAL", "EDITOR"):
        try:
            command = shlex.split(environment.get(name, ""))
        except ValueError as error:
            raise QdeckError(
                f"{name} cannot be read: {error}.", "Correct it, such as EDITOR=nano."
            ) from error
        if command and shutil.which(command[0]):
            return command
        if command:
            what = f"{name} names {command[0][:60]}, which is not there."
            raise QdeckError(what, "Correct it, such as EDITOR=nano.")
    found = next((name for name in USUAL if shutil.which(name)), "")
    if not found:
        raise QdeckError("There is no editor here.", "Name yours where you start qdeck: export EDITOR=nano.")
    return [found]


def written_outside(app: App[int], text: str) -> str:
    """Return the text as it is after the person's editor. Raises QdeckError when it is to stay as it was."""
    command = editor_of(os.environ)
    with tempfile.TemporaryDirectory(prefix="qdeck-") as folder:
        file = Path(folder) / "text.md"
        file.write_text(text, encoding="utf-8")
        try:
            code = _run_in_terminal(app, [*command, str(file)])
        except SuspendNotSupported as error:
            raise QdeckError("An editor needs a terminal; write here.") from error
        except OSError as error:
            raise QdeckError(f"{command[0]} does not start: {error.strerror}.") from error
        if code:
            raise QdeckError(f"{command[0]} ended with {code}, so the text stays as it was.")
        with file.open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(_LARGEST + 1).removesuffix("\n")
        if len(text) > _LARGEST:
            raise QdeckError(f"That has more than {_LARGEST:,} characters; the text stays as it was.")
        return text


def _run_in_terminal(app: App[int], command: list[str]) -> int:
    """Run it where the app was drawn. The app waits: it would draw over the editor otherwise."""
    # While the app draws, the numbers 1 and 2 are the log's; the terminal itself is behind this one.
    terminal = sys.__stdout__
    with app.suspend():
        # What interrupts the editor is not for the app.
        before = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            return subprocess.run(command, stdout=terminal, stderr=terminal, check=False).returncode
        finally:
            signal.signal(signal.SIGINT, before)
