"""The event log cannot be changed without being seen, and everything else comes from it."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.errors import JournalError
from core.journal.chain import canonical, event_hash
from core.journal.log import history, verify
from core.journal.tables import BuildWorkflow, WorkflowEvent
from core.machine.commands import Note


def _problems(desk: Any, workflow_id: str = "") -> list[str]:
    with desk.database.read() as session:
        return list(verify(session, desk.database.anchor, workflow_id))


def _tamper(path: Path, *statements: str) -> None:
    """What somebody with the file and an editor can do: take the triggers away, and then anything."""
    connection = sqlite3.connect(path)
    for name in ("update", "delete", "replace"):
        connection.execute(f"DROP TRIGGER IF EXISTS workflow_events_no_{name}")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def _three_notes(desk: Any) -> None:
    for n in range(3):
        assert desk.give(Note, kind="remark", data={"n": n, "text": "é 😀 \u2028"}).ok


def test_an_untouched_log_is_whole(desk: Any) -> None:
    """Verification finds nothing to say about a log that was only appended to."""
    _three_notes(desk)
    assert _problems(desk) == []


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
    assert _problems(desk) == []


def test_a_changed_event_is_found(desk: Any, path: Path) -> None:
    """One changed letter in an event's data breaks its hash."""
    _three_notes(desk)
    _tamper(path, "UPDATE workflow_events SET event_data = replace(event_data, '1', '7') WHERE seq = 3")
    assert _problems(desk) == ["w1: event 3 was changed."]


def test_an_event_taken_out_of_the_middle_is_found(desk: Any, path: Path) -> None:
    """A gap shows twice: in the numbers and in the chain."""
    _three_notes(desk)
    _tamper(path, "DELETE FROM workflow_events WHERE seq = 2")
    assert [p.split(": ")[1] for p in _problems(desk)] == [
        "event 2 is missing before event 3.",
        "event 3 does not continue the one before it.",
    ]


def test_a_cut_tail_is_found_by_the_anchor(desk: Any, path: Path) -> None:
    """A chain whose end was cut off is a whole chain; only the heads beside the file tell."""
    _three_notes(desk)
    _tamper(path, "DELETE FROM workflow_events WHERE seq = 4")
    assert _problems(desk, "w1") == ["w1: the log ends before event 4, which was anchored."]


def test_a_removed_workflow_is_found_by_the_anchor(desk: Any, path: Path) -> None:
    """No row is left that could be wrong, yet its head is missed."""
    desk.start("w2", "B-0002")
    _tamper(path, "DELETE FROM workflow_events WHERE workflow_id = 'w2'")
    assert _problems(desk) == ["w2: the log ends before event 1, which was anchored."]


def test_a_chain_forged_from_its_end_is_found_by_the_anchor(desk: Any, path: Path) -> None:
    """A last event that was changed together with its hash does not match its anchored head."""
    with desk.database.read() as session:
        event = history(session, "w1")[-1].model_dump(exclude={"id", "answer", "hash"})
    forged = event_hash(**{**event, "triggered_by": "person:eve"})
    _tamper(path, "UPDATE workflow_events SET triggered_by = 'person:eve'")
    _tamper(path, f"UPDATE workflow_events SET hash = '{forged}'")  # noqa: S608
    assert _problems(desk) == ["w1: event 1 is not the one that was anchored."]


def test_damaged_lines_of_the_anchor_do_not_count(desk: Any, path: Path) -> None:
    """A torn last line after a power cut is no accusation."""
    with path.with_suffix(".heads").open("ab") as file:
        file.write(b"w1 9\xff\x00 half a li")
    assert _problems(desk) == []


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
    assert _problems(desk) == []


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
