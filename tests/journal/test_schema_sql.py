"""The schema that is printed is the schema that the migrations make, on both databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.journal.database import make_engine, parse_url
from core.journal.schema_sql import schema_sql

MADE = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"
COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
    "WHERE table_schema = 'public' ORDER BY 1, 2"
)
TRIGGERS = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"


def test_sqlite_makes_the_same_from_the_printed_schema(path: Path, tmp_path: Path) -> None:
    """Every table, index, view and trigger is there, word for word."""
    by_hand = sqlite3.connect(tmp_path / "by-hand.db")
    by_hand.executescript(schema_sql("sqlite"))
    migrated = sqlite3.connect(path)
    assert _made(by_hand) == _made(migrated)
    version = "SELECT version_num FROM qdeck_schema"
    assert by_hand.execute(version).fetchall() == migrated.execute(version).fetchall()


def _made(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """What there is; Alembic indents its own scripts otherwise."""
    return [(kind, name, " ".join((sql or "").split())) for kind, name, sql in connection.execute(MADE)]


def test_a_server_makes_the_same_as_printed(new_address: Callable[[], str], request: Any) -> None:
    """Columns, types and triggers of a server are those of a migrated one."""
    if request.getfixturevalue("database_kind") == "sqlite":
        assert "qdeck_append_only" not in schema_sql("sqlite")
        return
    server = request.getfixturevalue("postgresql_server")
    assert int(server.version().split(".")[0]) >= 15, "older servers were never tried"
    engine = make_engine(parse_url(server.url(server.create())), synchronous="FULL")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(schema_sql("postgresql"))
        made = [connection.execute(sa.text(query)).all() for query in (COLUMNS, TRIGGERS)]
    engine.dispose()
    migrated = make_engine(parse_url(new_address()), synchronous="FULL")
    with migrated.connect() as connection:
        assert made == [connection.execute(sa.text(query)).all() for query in (COLUMNS, TRIGGERS)]
    migrated.dispose()
