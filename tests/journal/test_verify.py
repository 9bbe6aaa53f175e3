"""Whatever was done to the log is found and named, on both databases."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from benchmarks.verify import measured
from core.journal.anchor import Anchor
from core.journal.chain import event_hash
from core.journal.database import Database
from core.journal.engine import EngineJournal
from core.journal.log import history
from core.journal.rebuild import rebuild
from core.journal.verify import Break, Sign, Tally, verify
from core.machine.commands import Note, RecordEvidence
from core.machine.states import EvidenceKind
from core.machine.workflow import Evidence
from core.progress import Progress

TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'workflow_events'"
COUNTING = "SELECT count(*) FROM workflow_events"
SWITCH = "ALTER TABLE workflow_events {} TRIGGER USER"


def found(
    database: Database, workflow_id: str = "", tally: Tally | None = None, progress: Progress | None = None
) -> list[Break]:
    """Return what a look through the log finds."""
    with database.read() as session:
        return list(verify(session.connection(), database.anchor, workflow_id, tally, progress))


def signs(database: Database) -> list[tuple[str, str, int]]:
    """Return the signs as (sign, workflow, event)."""
    return [(b.sign.value, b.workflow_id, b.seq) for b in found(database)]


def run(database: Database, *statements: str) -> None:
    """Carry out SQL as it is."""
    with database.write() as session:
        for statement in statements:
            session.connection().exec_driver_sql(statement)


def tamper(database: Database, *statements: str) -> None:
    """Do what somebody with all rights can do, and leave the triggers as they were."""
    if not database.is_sqlite:
        run(database, SWITCH.format("DISABLE"), *statements, SWITCH.format("ENABLE"))
        return
    with database.read() as session:
        triggers = session.execute(sa.text(TRIGGERS)).all()
    run(
        database,
        *(f"DROP TRIGGER {name}" for name, _ in triggers),
        *statements,
        *(sql for _, sql in triggers),
    )


@pytest.fixture
def told(desk: Any, tmp_path: Path) -> Any:
    """Two workflows with four events each, taking turns, their heads anchored."""
    desk.database.anchor.path = desk.database.anchor.path or tmp_path / "server.heads"
    desk.start("w2", "B-0002")
    for n in range(3):
        for workflow_id in ("w1", "w2"):
            data = {"n": n, "text": "é 😀 \u2028"}
            assert desk.give(Note, workflow_id=workflow_id, kind="remark", data=data).ok
    return desk


def test_an_untouched_log_is_whole(told: Any) -> None:
    """Nothing is said against a log that was only appended to, and everything was looked at."""
    tally = Tally()
    assert found(told.database, "", tally) == []
    assert (tally.events, tally.workflows, tally.anchored, tally.unanchored) == (8, 2, 2, [])


def test_events_are_counted_first_only_for_who_looks_on(told: Any) -> None:
    """How many there are is one more reading of all of them."""
    asked: list[str] = []
    listening = (told.database._reader, "before_cursor_execute", lambda *said: asked.append(said[2].strip()))
    sa.event.listen(*listening)
    try:
        assert found(told.database) == []
        assert asked and COUNTING not in asked
        progress = Progress()
        assert found(told.database, progress=progress) == []
    finally:
        sa.event.remove(*listening)
    assert asked.count(COUNTING) == 1 and progress.done == progress.of == 8


CHANGES = {
    "workflow_id": "'w3'",
    "seq": "33",
    "event_type": "'said'",
    "triggered_by": "triggered_by || ' '",
    "event_data": """'{"n":1,"text":"other"}'""",
    "command_id": "command_id || '0'",
    "ordinal": "ordinal + 1",
    "answer": "NULL",
    "prev_hash": f"'{'1' * 64}'",
    "hash": f"'{'2' * 64}'",
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_change_of_any_column_is_found_at_its_row(told: Any, column: str) -> None:
    """The first row that is named is the one that was changed."""
    change = f"{column} = {CHANGES[column]} WHERE workflow_id = 'w1' AND seq = 3"
    tamper(told.database, f"UPDATE workflow_events SET {change}")  # noqa: S608
    first = signs(told.database)[0]
    assert first[1:] == ("w1", 3)
    assert first[0] in (Sign.CHANGED, Sign.MISSING)


def test_a_microsecond_more_is_found(told: Any) -> None:
    """A time that was moved by the least step is another time."""
    sqlite = "UPDATE workflow_events SET timestamp = replace(timestamp, '.000000', '.000001') WHERE id = 4"
    server = "UPDATE workflow_events SET timestamp = timestamp + interval '1 microsecond' WHERE id = 4"
    tamper(told.database, sqlite if told.database.is_sqlite else server)
    assert [s[0] for s in signs(told.database)] == ["changed"]


@pytest.mark.parametrize("column", ["event_data", "timestamp", "triggered_by", "hash", "answer"])
def test_every_changed_byte_is_found(told: Any, path: Path, column: str) -> None:
    """Whichever bit of a stored text is turned, its row is named; bytes that are no text included."""
    with told.database.read() as session:
        query = sa.text(f"SELECT CAST({column} AS BLOB) FROM workflow_events WHERE id = 5")  # noqa: S608
        stored = session.execute(query).scalar_one()
    change = f"UPDATE workflow_events SET {column} = CAST(x'{{}}' AS TEXT) WHERE id = 5"  # noqa: S608
    for place, bit in itertools.product(range(0, len(stored), max(1, len(stored) // 8)), (1, 128)):
        data = bytearray(stored)
        data[place] ^= bit
        tamper(told.database, change.format(data.hex()))
        assert signs(told.database)[0][0] == "changed", (place, bit)
    tamper(told.database, change.format(stored.hex()))
    assert found(told.database) == []


def test_a_row_hidden_as_bytes_is_found(told: Any, path: Path) -> None:
    """The same bytes under another type are found by no query; the look sees it."""
    change = "UPDATE workflow_events SET workflow_id = CAST('w2' AS BLOB) WHERE workflow_id = 'w2'"
    tamper(told.database, change)
    assert ("changed", "w2", 1) in signs(told.database)


def test_a_removed_row_is_found(told: Any) -> None:
    """The number that is missing is named, and nothing is accused twice."""
    tamper(told.database, "DELETE FROM workflow_events WHERE workflow_id = 'w2' AND seq IN (2, 3)")
    first = found(told.database)[0]
    assert (first.sign, first.workflow_id, first.seq) == (Sign.MISSING, "w2", 2)
    assert first.text == "events 2 to 3 are missing before 4"


def test_exchanged_rows_are_found(told: Any) -> None:
    """Two rows that took each other's number fit no hash; two that took each other's place are seen too."""
    swap = "UPDATE workflow_events SET seq = {} WHERE workflow_id = 'w1' AND seq = {}"
    tamper(told.database, *(swap.format(a, b) for a, b in ((99, 2), (2, 3), (3, 99))))
    assert signs(told.database)[0][1] == "w1"
    tamper(told.database, *(swap.format(a, b) for a, b in ((99, 2), (2, 3), (3, 99))))
    assert found(told.database) == []
    move = "UPDATE workflow_events SET id = {} WHERE id = {}"
    tamper(told.database, *(move.format(a, b) for a, b in ((99, 3), (3, 5), (5, 99))))
    assert "moved" in [s[0] for s in signs(told.database)]


def test_a_cut_tail_is_found_by_the_anchor(told: Any) -> None:
    """A chain whose end was cut off is a whole chain; the heads outside tell."""
    tamper(told.database, "DELETE FROM workflow_events WHERE workflow_id = 'w1' AND seq = 4")
    (cut,) = (b for b in found(told.database) if b.sign is Sign.CUT)
    assert (cut.workflow_id, cut.seq) == ("w1", 4)
    assert cut.text == "the log ends after event 3, but event 4 was anchored"


def test_a_removed_workflow_is_found_by_the_anchor(told: Any) -> None:
    """No row is left that could be wrong, yet its head is missed."""
    tamper(told.database, "DELETE FROM workflow_events WHERE workflow_id = 'w2'")
    assert ("cut", "w2", 1) in signs(told.database)


def test_sqlite_itself_remembers_how_many_rows_there_were(told: Any, path: Path) -> None:
    """Also without an anchor a row that is gone is missed."""
    told.database.anchor.path.unlink()
    tamper(told.database, "DELETE FROM workflow_events WHERE id = (SELECT max(id) FROM workflow_events)")
    (sign,) = found(told.database)
    assert sign.text == "1 of the rows that were ever written are not there any more"


def _forge(told: Any, seq: int) -> None:
    with told.database.read() as session:
        event = history(session, "w1")[seq - 1].model_dump(exclude={"id", "hash"})
    forged = event_hash(**{**event, "triggered_by": "person:eve"})
    change = f"SET triggered_by = 'person:eve', hash = '{forged}' WHERE workflow_id = 'w1' AND seq = {seq}"
    tamper(told.database, f"UPDATE workflow_events {change}")


def test_a_forged_end_is_found_by_the_anchor(told: Any) -> None:
    """A last event that was changed together with its hash does not match its anchored head."""
    _forge(told, 4)
    assert signs(told.database) == [("rewritten", "w1", 4)]


def test_an_event_replaced_with_a_fitting_hash_breaks_the_chain(told: Any) -> None:
    """The event after it no longer continues it, also where no anchor helps."""
    told.database.anchor.path.unlink()
    _forge(told, 3)
    (broken,) = found(told.database)
    assert (broken.sign, broken.seq) == (Sign.BROKEN, 4)
    assert broken.text == "event 4 does not continue event 3: one of the two was replaced"


def test_triggers_that_were_taken_away_are_missed(told: Any) -> None:
    """A log that can be changed without a word is not called whole."""
    if told.database.is_sqlite:
        run(told.database, "DROP TRIGGER workflow_events_no_update")
    else:
        run(told.database, "ALTER TABLE workflow_events DISABLE TRIGGER workflow_events_append_only")
    assert [s[0] for s in signs(told.database)] == ["unguarded"]


@pytest.mark.parametrize("change", ["data = '{\"exit_code\":0}'", "output = 'all green'", "kind = 'smoke'"])
def test_evidence_binds_its_receipts(told: Any, change: str) -> None:
    """A receipt that evidence rests on cannot be changed behind it, nor taken away."""
    journal = EngineJournal("", database=told.database)
    receipt = journal.add_receipt("w1", "w1:testing:1", None, "k", "tests", {"exit_code": 1}, b"1 failed")
    evidence = Evidence(EvidenceKind.REQUIREMENT, True, "d", {}, "fine", {"receipts": [receipt, "no such"]})
    assert told.give(RecordEvidence, evidence=evidence).ok
    assert found(told.database) == []
    run(told.database, f"UPDATE receipts SET {change}")  # noqa: S608
    assert signs(told.database) == [("receipt", "w1", 5)]
    run(told.database, "DELETE FROM receipts")
    assert [b.text for b in found(told.database)] == [f"receipt {receipt}, which event 5 rests on, is gone"]


def test_one_workflow_can_be_looked_at_alone(told: Any) -> None:
    """A fault in another workflow is not this one's."""
    tamper(told.database, "UPDATE workflow_events SET command_id = 'x' WHERE workflow_id = 'w2' AND seq = 2")
    assert found(told.database, "w1") == []
    assert [b.workflow_id for b in found(told.database, "w2")] == ["w2"]


def test_the_seal_changes_with_every_event(told: Any) -> None:
    """Who kept the seal elsewhere sees that the log is another one."""
    before, again, after = Tally(), Tally(), Tally()
    found(told.database, "", before)
    found(told.database, "", again)
    assert told.give(Note, kind="remark", data={}).ok
    found(told.database, "", after)
    assert before.seal == again.seal != after.seal


def test_a_torn_line_of_the_anchor_is_no_accusation(told: Any) -> None:
    """A power cut tears the last line; it does not count, and the next line is whole again."""
    path = told.database.anchor.path
    with path.open("ab") as file:
        file.write(b"w1 9" + b"\xff\x00 half a li")
    assert found(told.database) == []
    told.database.anchor.note([("w1", 9, "a" * 64)])
    assert told.database.anchor.marks()["w1"][9] == {"a" * 64}


def test_the_anchor_is_cut_down_and_keeps_every_head(tmp_path: Path) -> None:
    """However many commits there were, a line for each workflow stays, and of two rival heads both."""
    anchor = Anchor(tmp_path / "a.heads", compact_bytes=4_000)
    for n in range(1, 101):
        anchor.note([("w1", n, f"{n:064d}"), ("w2", n, f"{n:064d}")])
    anchor.note([("w2", 100, "f" * 64)])
    assert (tmp_path / "a.heads").stat().st_size < 8_000
    marks = Anchor(tmp_path / "a.heads").marks()
    assert max(marks["w1"]) == 100
    assert max(marks["w2"].items()) == (100, {f"{100:064d}", "f" * 64})
    assert list(tmp_path.iterdir()) == [tmp_path / "a.heads"]


CHECKPOINT = (
    'INSERT INTO checkpoints (workflow_id, number, ref, "commit", tree, state, attempt, data, timestamp)'
    " VALUES ('w1', 7, 'r', 'c', 't', 'testing', 1, '{}', '2026-01-01 00:00:00')"
)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            "UPDATE build_workflows SET current_state = 'complete' WHERE workflow_id = 'w1'",
            "in current_state",
        ),
        ("UPDATE build_workflows SET folded = '{}' WHERE workflow_id = 'w1'", "in folded"),
        ("UPDATE build_workflows SET metadata = '{ }' WHERE workflow_id = 'w1'", "in metadata"),
        ("DELETE FROM build_workflows WHERE workflow_id = 'w1'", "was missing"),
        (CHECKPOINT, "has no event"),
        ("UPDATE workflow_live SET cost_micros = 5 WHERE workflow_id = 'w1'", "the cost on the board"),
    ],
)
def test_rebuilding_names_what_differed_to_the_byte_and_mends_it(told: Any, change: str, says: str) -> None:
    """A row that somebody changed is what its events say again; a blank more in its JSON is a change."""
    with told.database.write() as session:
        assert rebuild(session, "w1") == []
    run(told.database, change)
    with told.database.write() as session:
        (difference,) = rebuild(session, "w1")
    assert difference.startswith("B-0001: ") and says in difference
    with told.database.write() as session:
        assert rebuild(session, "w1") == []


async def test_the_benchmark_verifies_what_it_says() -> None:
    """A small one: all events are looked at, and found whole; 100,000 take a few seconds."""
    found = await measured(2_000, 1)
    assert (found["events"], found["workflows"]) == (2_000, 1_000)
    assert found["ratio"] > 0
