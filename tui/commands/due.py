"""The command that changes deadlines, and how deadlines are read from a command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from core.durations import seconds_of
from core.machine.states import DEADLINES, WHOLE
from tui.commands.flags import Db, Json, Version, Workflow
from tui.commands.orders import Give, order
from tui.commands.output import UsageFault
from tui.commands.session import person

_PHASES = DEADLINES[1:]


def deadline(
    workflow: Workflow,
    span: Annotated[str, typer.Argument(metavar="SPAN", help="Such as 30m or 4h; `none` lifts it.")],
    phase: Annotated[str, typer.Option("--phase", metavar="PHASE", help="Of this phase alone.")] = "",
    expected_version: Version = None,
    json: Json = False,
    db: Db = "",
) -> int:
    """Change how long a workflow, or a phase of it, may take. Its clock rests while it waits for a person."""
    name, by = _phase(phase) if phase else WHOLE, person()
    limits = {name: None if span.strip().lower() == "none" else _seconds(span)}
    give: Give = lambda s, v: s.set_deadlines(workflow, by=by, expected_version=v, limits=limits)  # noqa: E731
    return order(workflow, expected_version, give, start_worker=False, json=json, db=db)


def deadlines_of(whole: str, phases: Sequence[str]) -> dict[str, float]:
    """Return the deadlines of `--deadline SPAN` and of each `--phase-deadline PHASE=SPAN`."""
    found = {WHOLE: _seconds(whole)} if whole else {}
    for text in phases:
        name, equals, span = text.partition("=")
        if not equals:
            raise UsageFault(f"{text[:40]!r} names no phase and span.", "Give one like testing=30m.")
        found[_phase(name)] = _seconds(span)
    return found


def _phase(word: str) -> str:
    name = word.strip().lower()
    if name not in _PHASES:
        raise UsageFault(f"There is no phase {word[:40]!r}.", f"Phases are {', '.join(_PHASES)}.")
    return name


def _seconds(span: str) -> float:
    try:
        return seconds_of(span)
    except ValueError as error:
        raise UsageFault(f"{span[:40]!r} is no deadline: {error}.", "Give one like 30m or 1h30m.") from None
