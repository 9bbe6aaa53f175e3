"""Writes the dossier of a workflow into a file, and its verifier beside it. The journal is only read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlmodel import Session

from core.errors import ProjectError
from core.home import expanded
from core.journal.chain import digest
from core.journal.database import Database
from core.journal.dossier import collect, verifier
from core.journal.log import history
from core.journal.records import find_row, workflow_of
from core.journal.tables import BuildWorkflow
from core.machine.events import EventType
from core.progress import Progress
from core.service.plain import plain
from core.service.reading import evidence_views, view_of
from core.service.reports import DossierView
from core.service.sentences import event_text, who

_VERIFIER = ".verify.py"
_PART = 1_000_000
"""Bytes that are written at once."""


def export(database: Database, wanted: str, path: str, progress: Progress) -> DossierView:
    """Write the dossier to `path`, whole or not at all.

    Raises UnknownError, ProjectError where nothing can be written, and Stopped when `progress` says so.
    """
    target = expanded(path)
    script = target.with_name(target.stem + _VERIFIER)
    with database.read() as session:
        row = find_row(session, wanted)
        data = collect(session, row, _for_people(session, row, database), progress)
        build_id, events = row.build_id, row.version
    _write(target, data, progress)
    _write(script, verifier(), again=True)
    return DossierView(build_id, str(target), str(script), digest(data), events, len(data))


def _for_people(session: Session, row: BuildWorkflow, database: Database) -> dict[str, Any]:
    """What the chain says in another form: who did what, when and why; what it proves; what it cost."""
    workflow = workflow_of(row)
    events = history(session, row.workflow_id)
    story = [
        {
            "seq": e.seq,
            "at": e.timestamp.isoformat(timespec="microseconds"),
            "by": who(e.triggered_by),
            "what": event_text(EventType(e.event_type), e.event_data, e.triggered_by),
            "why": str(e.event_data.get("reason") or ""),
        }
        for e in events
    ]
    by_people = [s for s, e in zip(story, events, strict=True) if e.triggered_by.startswith("person:")]
    approvals = [
        {"seq": e.seq, "at": e.timestamp.isoformat(timespec="microseconds"), **e.event_data}
        for e in events
        if e.event_type == EventType.APPROVED.value
    ]
    view = view_of(session, row, database.clock())
    return {
        "story": story,
        "decisions": by_people,
        "approvals": approvals,
        "evidence": [plain(item) for item in evidence_views(workflow).values()],
        "costs": {"usd": view.cost_usd, "budget_usd": view.budget_usd, "retries": row.retries_used},
    }


def _write(target: Path, data: bytes, progress: Progress | None = None, *, again: bool = False) -> None:
    """Write a file that only its owner reads: it holds code and conversations. Nothing is overwritten."""
    try:
        if again and target.is_file() and target.read_bytes() == data:
            return
        scratch = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            _fill(scratch, data, progress or Progress())
            _place(scratch, target)
        finally:
            scratch.unlink(missing_ok=True)
    except FileExistsError:
        raise ProjectError(f"{target} is there already; nothing was written.", "Name another file.") from None
    except OSError as error:
        raise ProjectError(f"{target} cannot be written: {error.strerror}.", "Name another file.") from error


def _fill(scratch: Path, data: bytes, progress: Progress) -> None:
    parts = range(0, len(data), _PART)
    progress.expect(len(parts))
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for start in parts:
            progress.step()
            file.write(data[start : start + _PART])


def _place(scratch: Path, target: Path) -> None:
    """Give the finished file its name. Raises FileExistsError when another one has it."""
    try:
        os.link(scratch, target)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links: the name is taken first, so that nothing can come in between.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        scratch.replace(target)
