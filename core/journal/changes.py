"""Has anybody changed anything? Asked sixty times a second, so it has to cost microseconds."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import Protocol

from sqlalchemy.engine import URL

CHANNEL = "qdeck_changed"
"""Where PostgreSQL's triggers tell of changes."""


class Changes(Protocol):
    """A counter that moves with every change."""

    def counter(self) -> int:
        """Return the number of now; another one than last time means that something changed."""
        ...

    def close(self) -> None:
        """Stop watching."""
        ...


class SqliteChanges:
    """`PRAGMA data_version` on a connection that never writes: 4 µs, and every commit of others counts."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._connection = sqlite3.connect(path, timeout=0, check_same_thread=False, isolation_level=None)

    def counter(self) -> int:
        """Return SQLite's own counter."""
        with self._lock:
            # Locked or damaged: whoever reads is told; a look at a counter stops nobody.
            with contextlib.suppress(sqlite3.Error):
                self._last = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
            return self._last

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()


class ServerChanges:
    """Listens to the server in a thread of its own and counts what it hears."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._count = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="qdeck-changes", daemon=True)
        self._thread.start()

    def counter(self) -> int:
        """Return how many changes were heard of."""
        return self._count

    def close(self) -> None:
        """Stop listening."""
        self._end.set()
        self._thread.join(timeout=2)

    def _listen(self) -> None:
        import psycopg

        address = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        while not self._end.is_set():
            try:
                with psycopg.connect(address, autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._count += 1
                    while not self._end.is_set():
                        for _ in connection.notifies(timeout=0.5):
                            self._count += 1
            except psycopg.Error:
                # Connect again; whoever asks meanwhile sees a change, and reads for themselves what is wrong.
                self._count += 1
                self._end.wait(1.0)


def changes_of(url: URL) -> Changes:
    """Return the counter for this database."""
    if url.get_backend_name() == "sqlite":
        return SqliteChanges(url.database or "")
    return ServerChanges(url)
