"""Looks whether the record is what it was: the log against hashes and anchor, rows against the log."""

from __future__ import annotations

import time

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.journal.database import Database
from core.journal.rebuild import rebuild
from core.journal.records import find_row, touch
from core.journal.tables import BuildWorkflow, WorkflowEvent
from core.journal.verify import CANNOT_FIND, Break, Tally, verify
from core.progress import Progress
from core.service.reports import BreakView, RebuiltView, VerifiedView

_SHOWN = 100


def inspect(database: Database, wanted: str, progress: Progress | None) -> VerifiedView:
    """Go through the log of one workflow, or through all of it. Raises UnknownError for an unknown one."""
    began = time.monotonic()
    tally, broken = Tally(), 0
    breaks: list[Break] = []
    with database.read() as session:
        workflow_id = find_row(session, wanted).workflow_id if wanted else ""
        for found in verify(session.connection(), database.anchor, workflow_id, tally, progress):
            broken += 1
            if len(breaks) < _SHOWN:
                breaks.append(found)
        views = tuple(_views(session, breaks))
    return VerifiedView(
        whole=not broken,
        events=tally.events,
        workflows=tally.workflows,
        seconds=round(time.monotonic() - began, 3),
        anchor=str(database.anchor.path or ""),
        anchored=tally.anchored,
        broken=broken,
        breaks=views,
        seal=tally.seal,
        limits=(*_unanchored(database, tally), *CANNOT_FIND),
    )


def _views(session: Session, breaks: list[Break]) -> list[BreakView]:
    ids = {found.workflow_id for found in breaks}
    query = select(BuildWorkflow.workflow_id, BuildWorkflow.build_id)
    names = dict(session.exec(query.where(col(BuildWorkflow.workflow_id).in_(ids))).all())
    return [
        BreakView(b.sign.value, b.workflow_id, names.get(b.workflow_id, ""), b.seq, b.text) for b in breaks
    ]


def _unanchored(database: Database, tally: Tally) -> list[str]:
    if not tally.unanchored:
        return []
    if not database.anchor.exists:
        return ["a cut tail: there is no anchor beside this journal yet"]
    count = len(tally.unanchored)
    return [f"a cut tail of {count} {'workflow' if count == 1 else 'workflows'} without an anchor"]


class _Undo(Exception):
    """Takes back a rebuilding that was only to be compared."""


def rebuild_rows(database: Database, wanted: str = "", *, check: bool = False) -> RebuiltView:
    """Drop what is derived from events and build it again, of one workflow or of all; say what differed.

    With `check`, everything is as it was before in the end. Raises UnknownError for an unknown workflow.
    """
    with database.read() as session:
        if wanted:
            ids = [find_row(session, wanted).workflow_id]
        else:
            started = sa.select(col(WorkflowEvent.workflow_id)).where(col(WorkflowEvent.seq) == 1)
            rows = sa.select(col(BuildWorkflow.workflow_id))
            ids = sorted(session.execute(started.union(rows)).scalars())
    differences: list[str] = []
    for workflow_id in ids:
        try:
            with database.write() as session:
                differences += rebuild(session, workflow_id)
                touch(session, workflow_id, database.clock().timestamp())
                if check:
                    raise _Undo
        except _Undo:
            continue
    return RebuiltView(not differences, not check, len(ids), tuple(differences))
