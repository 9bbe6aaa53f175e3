"""How commands speak: results on standard output, all else on standard error, faults as one sentence."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from core.config import Paths
from core.errors import (
    ConfigError,
    ExitCode,
    JournalError,
    ModelError,
    ProjectError,
    QdeckError,
    SandboxError,
    UnknownError,
)
from core.text import clean

if TYPE_CHECKING:
    from core.machine.refusal import Refusal

_NAMES: tuple[tuple[type[QdeckError], str], ...] = (
    (ProjectError, "project"),
    (ConfigError, "config"),
    (ModelError, "model"),
    (SandboxError, "sandbox"),
    (JournalError, "journal"),
    (UnknownError, "unknown"),
)


class UsageFault(QdeckError):
    """The command was not called the way it can be called."""

    exit_code = ExitCode.USAGE


def say(text: str = "") -> None:
    """Print a result for people, at once: a command that goes on serving has said where."""
    print(clean(text), flush=True)


def note(text: str = "") -> None:
    """Print what is not the result: progress, notes, questions."""
    print(clean(text), file=sys.stderr, flush=True)


def show_json(data: Mapping[str, Any]) -> None:
    """Print the result for programs, at once as well: they wait for it at a pipe.

    Letters stay letters. What a terminal obeys or hides and JSON allows, as U+009B that begins a sequence, is
    escaped: programs read the same, and people see it.
    """
    lines = json.dumps(data, ensure_ascii=False, indent=2).split("\n")
    print("\n".join(line if line.isprintable() else _escaped(line) for line in lines), flush=True)


def _escaped(line: str) -> str:
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def fault_data(name: str, what: str, hint: str = "", refusal: Refusal | None = None) -> dict[str, Any]:
    """Return a fault with the keys that every fault has in JSON; `why_not` is what people read of it."""
    fault: dict[str, Any] = {
        "code": name,
        "what": what,
        "hint": hint,
        "missing": [],
        "path": [],
        "why_not": [],
    }
    if refusal:
        told = refusal.to_data()
        fault |= {key: told[key] for key in ("missing", "path", "why_not")}
    return fault


def tell_error(error: QdeckError, as_json: bool) -> int:
    """Tell what went wrong and what to do, and return the exit code."""
    name = next((name for kind, name in _NAMES if isinstance(error, kind)), "failed")
    if isinstance(error, UsageFault):
        name = "usage"
    tell_fault(fault_data(name, error.what, error.hint), as_json)
    return int(error.exit_code)


def tell_fault(fault: Mapping[str, Any], as_json: bool) -> None:
    """Print a fault where its reader looks for it: programs on standard output, people on standard error."""
    if as_json:
        show_json(fault)
        return
    lines = list(fault["why_not"]) or [str(fault["what"])]
    if fault["hint"] and fault["hint"] not in lines:
        lines.append(str(fault["hint"]))
    for line in lines:
        note(line)


def tell_unexpected(error: Exception, as_json: bool) -> int:
    """Tell of a fault that nobody thought of; the details go to a file, never to the screen."""
    what = f"Something went wrong that qdeck did not expect: {type(error).__name__}: {error}"
    hint = "What the journal holds is safe."
    try:
        log = Paths.find().log / "qdeck.log"
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with log.open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{datetime.now(UTC).isoformat()} {' '.join(sys.argv[1:2])}\n")
            file.write("".join(traceback.format_exception(error)))
        hint += f" The details are in {log}."
    except (OSError, QdeckError):
        pass
    tell_fault(fault_data("unexpected", clean(what, lines=False), hint), as_json)
    return ExitCode.FAILED
