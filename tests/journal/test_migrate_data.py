"""From every released schema, with data in every table: nothing is lost, and a backup comes first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
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


def _engine(address: str) -> sa.Engine:
    return make_engine(parse_url(address), synchronous="FULL", foreign_keys=False)


def _at(address: str, revision: str) -> None:
    """Make a journal as that release had it."""
    engine = _engine(address)
    with engine.execution_options(qdeck_immediate=True).begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def _tables(connection: sa.Connection) -> list[sa.Table]:
    """What there is, parents before their children."""
    found = sa.MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != VERSION_TABLE]


def _value(kind: str, name: str, known: Row, *, server: bool) -> Any:
    """Something that fits the column; what one table refers to in another is the same everywhere."""
    kind = kind.upper()
    if "DATE" in kind or "TIME" in kind:
        at = _stored(known.get(name, "2026-01-05T09:00:00+00:00"))
        return f"{at}+00" if at and server else at
    if name in known:
        return _stored(known[name])
    if "JSON" in kind:
        return "{}"
    if "BLOB" in kind or "BYTEA" in kind:
        return b"x\x9c\x03\x00\x00\x00\x00\x01"
    # As text, which each database makes its own number of.
    return "1" if any(word in kind for word in ("INT", "FLOAT", "DOUBLE", "BOOL")) else f"some {name}"


def _stored(value: Any) -> Any:
    """A value as SQLite keeps it."""
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    if isinstance(value, str) and value.endswith("+00:00"):
        at = value.removesuffix("+00:00").replace("T", " ")
        return at if "." in at else f"{at}.000000"
    return value


def _fill(address: str) -> dict[str, list[Row]]:
    """Put a row into every table, and a whole history into the log; return what lies in each."""
    data = json.loads(HISTORY.read_bytes())
    row = data["end"]["row"]
    known = {**row, "attempt_id": f"{row['workflow_id']}:discovery:1", "digest": "d", "artifact": "d"}
    engine = _engine(address)
    server = engine.dialect.name != "sqlite"
    with engine.begin() as connection:
        for table in _tables(connection):
            given = (
                [{**row, "metadata": {}}]
                if table.name == "build_workflows"
                else [{k: known[k] for k in SHARED}]
            )
            if table.name == "workflow_events":
                given = [{**event, "id": n} for n, event in enumerate(data["events"], 1)]
            rows = [
                tuple(_value(str(c.type), c.name, one, server=server) for c in table.columns) for one in given
            ]
            names = ", ".join(f'"{c.name}"' for c in table.columns)
            marks = ", ".join(["%s" if server else "?"] * len(table.columns))
            connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)  # noqa: S608
    engine.dispose()
    return _content(address)


def _content(address: str) -> dict[str, list[Row]]:
    """What lies in each table, as the driver reads it; nothing refers to what is not there."""
    engine = _engine(address)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        found = {
            table.name: [
                dict(row)
                for row in connection.exec_driver_sql(
                    f"SELECT * FROM {table.name} ORDER BY 1, 2"  # noqa: S608
                ).mappings()
            ]
            for table in _tables(connection)
        }
    engine.dispose()
    return found


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_journal_of_every_release_comes_up_with_all_that_is_in_it(
    tmp_path: Path, revision: str, database_kind: str, request: pytest.FixtureRequest
) -> None:
    """Each row is there with each column that it had; what is derived is what its events say."""
    address = f"sqlite:///{tmp_path}/qdeck.db"
    if database_kind == "postgresql":
        server = request.getfixturevalue("postgresql_server")
        address = server.url(server.create())
    _at(address, revision)
    before = _fill(address)
    assert set(before) == {t.name for t in SQLModel.metadata.sorted_tables} and all(before.values())

    answer = migrate(address)

    assert (answer["from"], answer["to"]) == (revision, HEAD)
    after = _content(address)
    left = DERIVED | ({"approval_tokens"} if revision == "0001" else set())
    for table in set(before) - left:
        known = [{name: new[name] for name in before[table][0]} for new in after[table]]
        assert known == before[table], table
    if database_kind == "sqlite" and revision != HEAD:
        assert _content(f"sqlite:///{answer['backup']}") == before, "the backup is the journal as it was"
    service = await OrchestrationService.open(address)
    assert await service.verify() == []
    await service.rebuild()
    assert (await service.rebuild_rows(check=True)).equal
    (row,) = await service.board()
    assert (row.state, row.build_id) == ("complete", "B-0001")
    with pytest.raises(JournalError, match="append-only"), service._database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM workflow_events")
    await service.close()
