"""From every released schema, with data in every table: nothing is lost, and a backup comes first."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlmodel import SQLModel

import core.journal.tables  # noqa: F401 - names every table
from core.errors import JournalError
from core.journal.database import make_engine, parse_url
from core.journal.migrate import alembic_config, migrate
from core.journal.schema import HEAD, REVISIONS, VERSION_TABLE
from core.service import OrchestrationService

HISTORY = Path(__file__).parents[1] / "golden" / "0.1.0" / "rollback.json"
SHARED = ("workflow_id", "attempt_id", "project_id", "digest", "artifact")
DERIVED = {"build_workflows", "workflow_handoffs", "checkpoints", "workflow_live"}
"""Built again from the events; the tokens that 0001 had, nobody could use, and 0002 made that table anew."""

Row = dict[str, Any]


def _at(path: Path, revision: str) -> None:
    """Make a journal as that release had it."""
    engine = make_engine(parse_url(f"sqlite:///{path}"), synchronous="FULL", foreign_keys=False)
    with engine.execution_options(qdeck_immediate=True).begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def _tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return sorted(name for (name,) in found if not name.startswith("sqlite_") and name != VERSION_TABLE)


def _value(kind: str, name: str, known: Row) -> Any:
    """Something that fits the column; what one table refers to in another is the same everywhere."""
    kind = kind.upper()
    if name in known:
        return _stored(known[name])
    if "JSON" in kind:
        return "{}"
    if "DATE" in kind or "TIME" in kind:
        return "2026-01-05 09:00:00.000000"
    if "BLOB" in kind:
        return b"x\x9c\x03\x00\x00\x00\x00\x01"
    return 1 if any(word in kind for word in ("INT", "FLOAT", "BOOL")) else f"some {name}"


def _stored(value: Any) -> Any:
    """A value as SQLite keeps it."""
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    if isinstance(value, str) and value.endswith("+00:00"):
        at = value.removesuffix("+00:00").replace("T", " ")
        return at if "." in at else f"{at}.000000"
    return value


def _fill(path: Path) -> dict[str, list[Row]]:
    """Put a row into every table, and a whole history into the log; return what lies in each."""
    data = json.loads(HISTORY.read_bytes())
    row = data["end"]["row"]
    known = {**row, "attempt_id": f"{row['workflow_id']}:discovery:1", "digest": "d", "artifact": "d"}
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in _tables(connection):
            columns = [(c[1], c[2]) for c in connection.execute(f"PRAGMA table_info({table})")]
            given = (
                [{**row, "metadata": {}}] if table == "build_workflows" else [{k: known[k] for k in SHARED}]
            )
            if table == "workflow_events":
                given = [{**event, "id": n} for n, event in enumerate(data["events"], 1)]
            rows = [[_value(kind, name, one) for name, kind in columns] for one in given]
            names, marks = ", ".join(f'"{c}"' for c, _ in columns), ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    return _content(path)


def _content(path: Path) -> dict[str, list[Row]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2")]  # noqa: S608
            for table in _tables(connection)
        }


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_journal_of_every_release_comes_up_with_all_that_is_in_it(
    tmp_path: Path, revision: str
) -> None:
    """Each row is there with each column that it had; what is derived is what its events say."""
    path = tmp_path / "qdeck.db"
    _at(path, revision)
    before = _fill(path)
    assert set(before) == {t.name for t in SQLModel.metadata.sorted_tables} and all(before.values())

    answer = migrate(f"sqlite:///{path}")

    assert (answer["from"], answer["to"]) == (revision, HEAD)
    after = _content(path)
    left = DERIVED | ({"approval_tokens"} if revision == "0001" else set())
    for table in set(before) - left:
        known = [{name: new[name] for name in before[table][0]} for new in after[table]]
        assert known == before[table], table
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    if revision != HEAD:
        assert _content(Path(answer["backup"])) == before, "the backup is the journal as it was"
    service = await OrchestrationService.open(str(path))
    assert await service.verify() == []
    await service.rebuild()
    assert (await service.rebuild_rows(check=True)).equal
    (row,) = await service.board()
    assert (row.state, row.build_id) == ("complete", "B-0001")
    with pytest.raises(JournalError, match="append-only"), service._database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM workflow_events")
    await service.close()
