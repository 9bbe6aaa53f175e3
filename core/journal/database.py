"""The database behind the journal: SQLite by default, PostgreSQL by its URL. Knows nothing of workflows.

SQLite runs in WAL mode with `synchronous=FULL`: what was answered survives a power cut. Every write begins
with BEGIN IMMEDIATE, so that what it reads cannot change before it commits.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlmodel import Session

from core.errors import JournalError
from core.journal.anchor import Anchor
from core.journal.chain import canonical
from core.journal.changes import Changes, changes_of
from core.journal.schema import HEAD, REVISIONS, VERSION_TABLE
from core.journal.trouble import DATABASE_ERRORS, journal_error, place_of

Clock = Callable[[], datetime]
"""Says what time it is, aware and in UTC."""

_BUSY_MS = 15_000
_CACHE_KB = 512
"""Each of up to sixteen connections keeps that much of the file; the system keeps all of it anyway."""
_IMMEDIATE = "qdeck_immediate"
_STRANGE = "SELECT count(*) > 0 AND sum(name = ?) = 0 FROM sqlite_master WHERE type = 'table'"
"""Whether a file has tables, and none of them is ours."""
_ADVISORY = 0x71646563
"""The number of our advisory lock on a server: "qdec"."""


def utc_now() -> datetime:
    """The clock of everybody who is handed no other."""
    return datetime.now(UTC)


class Database:
    """One open journal. Safe to use from several threads; `read` and `write` give a session each."""

    def __init__(self, url: str, *, clock: Clock = utc_now, anchor: Path | None = None) -> None:
        self.url = parse_url(url)
        self.place = place_of(self.url)
        self.clock = clock
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.path = Path(self.url.database) if self.is_sqlite and self.url.database else None
        self._reader = make_engine(self.url, synchronous="FULL")
        self._writer = self._reader.execution_options(**{_IMMEDIATE: True})
        self._loose: Engine | None = None
        self._loose_lock = threading.Lock()
        self._changes: Changes | None = None
        # A server's heads lie with whoever commits; for them the caller says where.
        self.anchor = Anchor(self.path.with_name(f"{self.path.name}.heads") if self.path else anchor)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one moment and writes nothing."""
        with self._guarded(), Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self, *, loose: bool = False) -> Iterator[Session]:
        """A session whose work appears together at its end, or, after any exception, not at all.

        `loose` is for short-lived rows, on a connection of their own that does not wait for the disk: a power
        cut may take the last of them.
        """
        engine = self._loose_writer() if loose else self._writer
        with self._guarded(), Session(engine, expire_on_commit=False) as session:
            with session.begin():
                yield session
                session.flush()
                heads = session.info.get("heads", [])
            self.anchor.note(heads)

    def one_at_a_time(self, session: Session) -> None:
        """Let no other writer in until the session ends; on SQLite there never is one."""
        if not self.is_sqlite:
            session.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY)))

    def _loose_writer(self) -> Engine:
        with self._loose_lock:
            if self._loose is None:
                engine = make_engine(self.url, synchronous="NORMAL")
                self._loose = engine.execution_options(**{_IMMEDIATE: True})
            return self._loose

    def changed(self) -> int:
        """Return a number that differs as soon as anybody changed anything; takes microseconds."""
        if self._changes is None:
            self._changes = changes_of(self.url)
        return self._changes.counter()

    def schema_version(self) -> str | None:
        """Return the revision that the database is at; None for an empty or missing one. Creates nothing."""
        if self.path is not None and not self.path.exists():
            return None
        with self._guarded():
            return read_version(self._reader)

    def check_schema(self) -> bool:
        """Say whether the schema is this program's. Raises JournalError when it is newer than that."""
        version = self.schema_version()
        if version is not None and version not in REVISIONS:
            raise newer(self.place, version)
        return version == HEAD

    def close(self) -> None:
        """Let go of every connection."""
        if self._changes is not None:
            self._changes.close()
        if self._loose is not None:
            self._loose.dispose()
        self._reader.dispose()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except DATABASE_ERRORS as error:
            raise journal_error(error, self.place) from error


def parse_url(url: str) -> URL:
    """Return the URL. Raises JournalError for what is none, without repeating a password."""
    hint = "Name a file, or a URL such as postgresql://USER@HOST/NAME."
    try:
        parsed = make_url(url)
        dialect = parsed.get_dialect()
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            what = f"A journal lies in SQLite or on PostgreSQL, not in {parsed.get_backend_name()}."
            raise JournalError(what, hint)
        dialect.import_dbapi()
    except (ArgumentError, sa.exc.NoSuchModuleError, ValueError) as error:
        raise JournalError("The address of the journal cannot be used.", hint) from error
    except ImportError as error:
        what = f"The driver that the journal's address names, {parsed.get_driver_name()}, is not installed."
        raise JournalError(what, "Leave it out: qdeck brings its own.") from error
    return parsed


def make_engine(url: URL, *, synchronous: str, foreign_keys: bool = True) -> Engine:
    """Return an engine with our ways of speaking to the database."""
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, json_serializer=canonical, pool_pre_ping=True)
    engine = sa.create_engine(url, json_serializer=canonical, pool_size=8, max_overflow=8)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: Any) -> None:
        # None: transactions are begun by us below, not by the driver at the first write, which is too late.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        # This is written into the file for good, so not into one that another program made.
        if not connection.execute(_STRANGE, (VERSION_TABLE,)).fetchone()[0]:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA cache_size=-{_CACHE_KB}")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get(_IMMEDIATE)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def read_version(engine: Engine) -> str | None:
    """Return the revision that is written down in the database, None when there is none."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(VERSION_TABLE):
            return None
        # S608: the name is a constant.
        found = connection.scalar(sa.text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
        return str(found) if found else None


def newer(place: str, version: str) -> JournalError:
    """The refusal of a journal that a later qdeck has written."""
    return JournalError(
        f"The journal {place} was written by a newer qdeck (schema {version}, this one knows {HEAD}).",
        "Update qdeck, or name another file with --db. Nothing was changed.",
    )
