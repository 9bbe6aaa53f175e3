"""The event log cannot be changed without being seen, and everything else comes from it."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.errors import JournalError
from core.journal.chain import canonical
from core.journal.log import history
from core.journal.tables import BuildWorkflow, WorkflowEvent
from core.machine.commands import Note


def _three_notes(desk: Any) -> None:
    for n in range(3):
        assert desk.give(Note, kind="remark", data={"n": n, "text": "é 😀 \u2028"}).ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE workflow_events SET triggered_by = 'person:eve'",
        "DELETE FROM workflow_events",
        "INSERT OR REPLACE INTO workflow_events SELECT * FROM workflow_events",
        "REPLACE INTO workflow_events SELECT id, workflow_id, seq, event_type, 'person:eve', event_data, "
        "timestamp, command_id, ordinal, answer, prev_hash, hash FROM workflow_events",
    ],
)
def test_the_database_itself_refuses_to_change_an_event(desk: Any, path: Path, statement: str) -> None:
    """The triggers hold against any program that speaks SQL, replacing inserts included."""
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()


def test_no_session_of_ours_changes_an_event_on_either_database(desk: Any) -> None:
    """A server's triggers refuse as SQLite's do, and emptying the table at once too."""
    _three_notes(desk)
    with desk.database.read() as session:
        before = [row.hash for row in history(session, "w1")]
    statements = ["UPDATE workflow_events SET triggered_by = 'person:eve'", "DELETE FROM workflow_events"]
    if not desk.database.is_sqlite:
        statements.append("TRUNCATE workflow_events")
    for statement in statements:
        with pytest.raises(JournalError, match="append-only"), desk.database.write() as session:
            session.connection().exec_driver_sql(statement)
    with desk.database.read() as session:
        assert [row.hash for row in history(session, "w1")] == before


def test_numbers_are_without_gaps_and_the_chain_goes_through_commands(desk: Any) -> None:
    """Each event carries the hash of the one before, from the first on."""
    _three_notes(desk)
    with desk.database.read() as session:
        rows = history(session, "w1")
    assert [row.seq for row in rows] == [1, 2, 3, 4]
    assert rows[0].prev_hash == "0" * 64
    assert all(b.prev_hash == a.hash for a, b in itertools.pairwise(rows))


def test_the_stored_text_is_the_hashed_text(desk: Any, path: Path) -> None:
    """What lies in the file is canonical JSON, so that another program can verify it."""
    _three_notes(desk)
    with desk.database.read() as session:
        row = history(session, "w1")[-1]
    (stored,) = (
        sqlite3.connect(path).execute("SELECT event_data FROM workflow_events WHERE seq = 4").fetchone()
    )
    assert stored == canonical(row.event_data)


def test_what_json_cannot_hold_is_refused_before_it_is_written(desk: Any) -> None:
    """NaN has no place in a hash, and a failed append leaves no trace."""
    with pytest.raises(ValueError, match="JSON"):
        desk.give(Note, kind="remark", data={"n": float("nan")})
    assert desk.workflow().version == 1


def test_a_second_event_with_the_same_number_is_refused(desk: Any) -> None:
    """Two writers can never both be event 2 of a workflow."""
    with desk.database.read() as session:
        first = history(session, "w1")[0].model_dump(exclude={"id"})
    copy = WorkflowEvent(**{**first, "command_id": "other"})
    with pytest.raises(JournalError), desk.database.write() as session:
        session.add(copy)


def test_an_exception_in_the_middle_leaves_nothing(desk: Any) -> None:
    """Everything that a session wrote disappears with the exception that ended it."""
    with pytest.raises(RuntimeError), desk.database.write() as session:
        session.execute(sa.update(BuildWorkflow).values(title="half"))
        raise RuntimeError("power cut")
    assert desk.workflow().title == "Add slugify()"
