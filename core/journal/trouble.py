"""What a database can say when it does not work, turned into a sentence and a way out."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from core.errors import JournalError

_SQLITE: tuple[tuple[str, str, str], ...] = (
    ("locked", "is locked by another program", "Close what holds it, or try again in a moment."),
    ("busy", "is locked by another program", "Close what holds it, or try again in a moment."),
    ("readonly", "may not be written", "Correct the permissions of the file and its folder, or use --db."),
    ("unable to open", "cannot be opened", "Check that the folder exists and may be written, or use --db."),
    ("malformed", "is damaged", "`qdeck aside` moves it away if you say so, and names its backups."),
    ("not a database", "is no journal of qdeck", "`qdeck aside` moves it away if you say so; or use --db."),
    ("full", "cannot grow: the disk is full", "Free some space; nothing that was shown is lost."),
    ("disk i/o", "cannot be read or written: the disk fails", "Check the disk and its mount."),
)


_ROOM = 65_536


def journal_error(error: BaseException, place: str) -> JournalError:
    """Return what `error`, raised by the database at `place`, means for a person."""
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    text = " ".join(str(original).split())
    if isinstance(original, sqlite3.Error):
        lower = text.lower()
        if "disk i/o" in lower and _is_full(place):
            # On a full disk SQLite cannot make the WAL's index, and calls that an error of the disk.
            lower = "full"
        if Path(place).is_dir():
            return JournalError(f"{place} is a folder, and no journal.", "Name a file with --db.")
        for word, what, hint in _SQLITE:
            if word in lower:
                return JournalError(f"The journal {place} {what}.", hint)
    if type(original).__name__ == "OperationalError" and not isinstance(original, sqlite3.Error):
        # PostgreSQL's client says more in further lines: questions to a person who set the server up.
        why = str(original).strip().partition("\n")[0].rstrip(". ")
        return JournalError(
            f"The journal {place} cannot be reached: {why}.", "Check the address and the server."
        )
    return JournalError(f"The journal {place} does not answer as expected: {text}.", "See `qdeck doctor`.")


def _is_full(place: str) -> bool:
    """Whether the disk that holds the file has no room left for what SQLite puts beside it."""
    try:
        return shutil.disk_usage(Path(place).parent).free < _ROOM
    except OSError:
        return False


def place_of(url: URL) -> str:
    """Return how a person knows the database: its file, or its address without the password."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


DATABASE_ERRORS = (SQLAlchemyError, sqlite3.Error)
"""What counts as trouble with the database."""
