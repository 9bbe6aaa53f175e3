"""Goes through the whole event log, row by row, and names what shows that it was touched.

Reads the stored text, not what a library makes of it, so that one changed byte is one changed byte. Keeps
nothing but the last row of a workflow in memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.journal.anchor import Anchor, Marks
from core.journal.chain import GENESIS, digest
from core.journal.receipts import altered_receipts
from core.progress import Progress

CANNOT_FIND = (
    "a log that was rewritten as a whole together with its anchor: keep the seal somewhere else and compare",
    "a change of what the events do not bind: chat, model calls and their cost, live output",
)
"""What no look at this database can show, in words for people."""


class Sign(StrEnum):
    """What sort of sign it is."""

    CHANGED = "changed"
    MISSING = "missing"
    MOVED = "moved"
    BROKEN = "broken"
    REWRITTEN = "rewritten"
    CUT = "cut"
    UNGUARDED = "unguarded"
    DAMAGED = "damaged"
    RECEIPT = "receipt"


@dataclass(frozen=True, slots=True)
class Break:
    """One sign that the record was touched. `seq` is the number of the event, 0 where there is none."""

    sign: Sign
    workflow_id: str
    seq: int
    text: str


@dataclass(slots=True)
class Tally:
    """What was looked at. `seal` names the state of the whole log; the same log has the same seal."""

    events: int = 0
    workflows: int = 0
    anchored: int = 0
    unanchored: list[str] = field(default_factory=list)
    seal: str = ""


class _Row(NamedTuple):
    id: Any
    kinds: Any
    workflow_id: Any
    seq: Any
    event_type: Any
    triggered_by: Any
    event_data: Any
    timestamp: Any
    command_id: Any
    ordinal: Any
    answer: Any
    prev_hash: Any
    hash: Any


_TEXTS = ("workflow_id", "event_type", "triggered_by", "event_data", "timestamp", "command_id")
_HASHES = ("prev_hash", "hash")
_KINDS = "integertexttexttexttexttexttexttexttext"
_AT_ONCE = 1_000
"""Rows that are fetched together."""


def _sqlite_columns() -> str:
    # As bytes: a byte that is no UTF-8 is a finding here, and not an error of the driver. A text that was
    # turned into a blob has the same bytes and is found by no query any more; its type gives it away.
    kinds = "||".join(f"typeof({name})" for name in ("seq", *_TEXTS, *_HASHES))
    blobs = {name: f"CAST({name} AS BLOB)" for name in (*_TEXTS, "answer", *_HASHES)}
    return ", ".join(["id", kinds, *(blobs.get(name, name) for name in _Row._fields[2:])])


_SERVER_COLUMNS = (
    f"id, '{_KINDS}', workflow_id, seq, event_type, triggered_by, CAST(event_data AS text), "
    "to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), command_id, ordinal, "
    "CAST(answer AS text), prev_hash, hash"
)


def verify(
    connection: Connection,
    anchor: Anchor,
    workflow_id: str = "",
    tally: Tally | None = None,
    progress: Progress | None = None,
) -> Iterator[Break]:
    """Yield every sign that the log was touched, of one workflow or of all; nothing when it is whole.

    Raises Stopped when `progress` says so.
    """
    tally = Tally() if tally is None else tally
    if progress is not None:
        # Counting reads all of them once more: only where somebody looks at how far it has come.
        progress.expect(_count(connection, workflow_id))
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        yield from _damaged(connection)
    yield from _unguarded(connection, sqlite)
    marks = {k: v for k, v in anchor.marks().items() if workflow_id in ("", k)}
    bound: dict[str, tuple[str, int, str]] = {}
    yield from _rows_and_heads(connection, sqlite, workflow_id, marks, tally, bound, progress)
    if sqlite and not workflow_id:
        yield from _gaps(connection)
    yield from (Break(Sign.RECEIPT, *found) for found in altered_receipts(connection, bound))


def _rows_and_heads(
    connection: Connection,
    sqlite: bool,
    workflow_id: str,
    marks: Marks,
    tally: Tally,
    bound: dict[str, tuple[str, int, str]],
    progress: Progress | None,
) -> Iterator[Break]:
    """Walk the rows of each workflow in turn, and compare where each ends with what was anchored."""
    ends: list[str] = []
    walk: _Walk | None = None
    for row in _rows(connection, sqlite, workflow_id, progress):
        name = _text(row.workflow_id)
        if walk is None or name != walk.workflow_id:
            if walk is not None:
                yield from _finished(walk, tally, ends)
            walk = _Walk(name, marks.pop(name, {}), bound)
        yield from walk.step(row)
        tally.events += 1
    if walk is not None:
        yield from _finished(walk, tally, ends)
    for gone, numbers in sorted(marks.items()):
        yield Break(
            Sign.CUT, gone, 1, f"the whole log is gone, of which event {max(numbers)} was anchored last"
        )
    # Sorted here, because databases sort differently.
    tally.seal = digest("\n".join(sorted(ends)))


def _finished(walk: _Walk, tally: Tally, ends: list[str]) -> Iterator[Break]:
    tally.workflows += 1
    if walk.anchored:
        tally.anchored += 1
    else:
        tally.unanchored.append(walk.workflow_id)
    ends.append(f"{walk.workflow_id} {walk.seq} {walk.hash}")
    yield from walk.end()


class _Walk:
    """One workflow's rows, one after the other."""

    def __init__(
        self, workflow_id: str, marks: dict[int, set[str]], bound: dict[str, tuple[str, int, str]]
    ) -> None:
        self.workflow_id = workflow_id
        self.seq, self.hash = 0, GENESIS
        self.anchored = bool(marks)
        self._marks = marks
        self._last = max(marks, default=0)
        self._id = 0
        self._bound = bound

    def step(self, row: _Row) -> Iterator[Break]:
        """Yield what is wrong with the next row. One cause gives one sign, at the first row that shows it."""
        here, expected = row.seq, self.seq + 1
        if not isinstance(here, int) or here < expected:
            yield self._sign(Sign.CHANGED, expected, f"event {expected} has the number {here!r}")
            return
        fits = _text(row.prev_hash) == self.hash
        found = _digest(row)
        if found != _text(row.hash) or row.kinds != _KINDS:
            yield self._sign(Sign.CHANGED, here, f"event {here} was changed")
        elif here > expected:
            yield self._sign(Sign.MISSING, expected, f"{_events(expected, here - 1)} missing before {here}")
        elif not fits:
            text = f"event {here} does not continue event {here - 1}: one of the two was replaced"
            yield self._sign(Sign.BROKEN, here, text if self.seq else "event 1 does not begin the log")
        elif not isinstance(row.id, int) or row.id <= self._id:
            yield self._sign(Sign.MOVED, here, f"event {here} stands before the one that it follows")
        elif (known := self._marks.get(here)) and known != {found}:
            yield self._sign(Sign.REWRITTEN, here, f"event {here} is not the one that was anchored")
        self.seq, self.hash = here, _text(row.hash)
        self._id = row.id if isinstance(row.id, int) else self._id
        self._keep_bound(row)

    def _keep_bound(self, row: _Row) -> None:
        """Remember the receipts that this event binds, to look at them in the end."""
        answer = _text(row.answer or "")
        if '"binds"' in answer:
            try:
                receipts = json.loads(answer)["binds"]["receipts"]
            except (ValueError, KeyError, TypeError):
                return  # the row's hash has said that already
            for receipt_id, wanted in receipts.items():
                self._bound[receipt_id] = (self.workflow_id, row.seq, wanted)

    def end(self) -> Iterator[Break]:
        """Yield what is wrong with where the rows end."""
        if self._last > self.seq:
            text = f"the log ends after event {self.seq}, but event {self._last} was anchored"
            yield self._sign(Sign.CUT, self.seq + 1, text)

    def _sign(self, sign: Sign, seq: int, text: str) -> Break:
        return Break(sign, self.workflow_id, seq, text)


def _events(first: int, last: int) -> str:
    return f"event {first} is" if first == last else f"events {first} to {last} are"


def _of(workflow_id: str) -> tuple[str, dict[str, str]]:
    """The clause for one workflow's rows, or for all, and its value."""
    return ("WHERE workflow_id = :workflow_id", {"workflow_id": workflow_id}) if workflow_id else ("", {})


def _count(connection: Connection, workflow_id: str) -> int:
    where, values = _of(workflow_id)
    query = f"SELECT count(*) FROM workflow_events {where}"  # noqa: S608 - constants only
    return int(connection.execute(sa.text(query), values).scalar() or 0)


def _rows(
    connection: Connection, sqlite: bool, workflow_id: str, progress: Progress | None
) -> Iterator[_Row]:
    columns = _sqlite_columns() if sqlite else _SERVER_COLUMNS
    where, values = _of(workflow_id)
    # S608: nothing but constants is put together here.
    query = f"SELECT {columns} FROM workflow_events {where} ORDER BY workflow_id, seq"  # noqa: S608
    streaming = connection.execution_options(yield_per=_AT_ONCE)
    found = streaming.execute(sa.text(query), values)
    for part in found.partitions(_AT_ONCE):
        yield from map(_Row._make, part)
        if progress is not None:
            progress.step(len(part))


def _digest(row: _Row) -> str:
    """The hash of what is stored, put together as text: what was stored is canonical already."""
    try:
        answer = "null" if row.answer is None else _text(row.answer)
        day, gap, time = _text(row.timestamp).partition(" ")
        content = (
            f'{{"answer":{answer},"command_id":{quoted(_text(row.command_id))},'
            f'"event_data":{_text(row.event_data)},"event_type":{quoted(_text(row.event_type))},'
            f'"ordinal":{row.ordinal:d},"prev_hash":"{_text(row.prev_hash)}","seq":{row.seq:d},'
            f'"timestamp":"{day}{"T" if gap else "?"}{time}+00:00",'
            f'"triggered_by":{quoted(_text(row.triggered_by))},'
            f'"workflow_id":{quoted(_text(row.workflow_id))}}}'
        )
        return hashlib.sha256(content.encode("ascii")).hexdigest()
    except (ValueError, TypeError):
        return ""


def _text(value: Any) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _damaged(connection: Connection) -> Iterator[Break]:
    """What SQLite itself finds wrong with the table and its indexes."""
    found = connection.execute(sa.text("PRAGMA integrity_check(workflow_events)")).scalars().all()
    for text in found[:1] if found != ["ok"] else []:
        yield Break(Sign.DAMAGED, "", 0, f"the file is damaged: {text}")


_SQLITE_GUARDS = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'workflow_events'"
_SERVER_GUARDS = (
    "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'workflow_events'::regclass AND tgenabled <> 'D' "
    "AND tgname IN ('workflow_events_append_only', 'workflow_events_no_truncate')"
)


def _unguarded(connection: Connection, sqlite: bool) -> Iterator[Break]:
    """The triggers that refuse changes were there from the first day on."""
    query, wanted = (_SQLITE_GUARDS, 3) if sqlite else (_SERVER_GUARDS, 2)
    if (connection.execute(sa.text(query)).scalar() or 0) < wanted:
        yield Break(Sign.UNGUARDED, "", 0, "the triggers that keep the log append-only were taken away")


def _gaps(connection: Connection) -> Iterator[Break]:
    """SQLite gives out row numbers without gaps and remembers the highest."""
    query = (
        "SELECT count(*), coalesce(min(id), 1), coalesce(max(id), 0), coalesce("
        "(SELECT seq FROM sqlite_sequence WHERE name = 'workflow_events'), 0) FROM workflow_events"
    )
    count, first, last, given = connection.execute(sa.text(query)).one()
    gone = max(last, given) - count
    if gone > 0 or first != 1:
        text = f"{gone or 'some'} of the rows that were ever written are not there any more"
        yield Break(Sign.MISSING, "", 0, text)
