"""Looks at a journal's file that may be damaged, and moves it out of the way for whoever said so."""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from core.errors import JournalError

_BESIDE = ("", "-wal", "-shm", ".heads")
"""What belongs to one journal: SQLite's own files, and the anchored heads, which speak of that log alone."""


def damage(path: Path) -> str:
    """Return what SQLite itself finds wrong with the file, in words; empty when it can be read whole."""
    if not path.is_file():
        return ""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=2.0)) as file:
            found = [str(row[0]) for row in file.execute("PRAGMA integrity_check(1)")]
    except sqlite3.OperationalError as error:
        # Locked, or not to be opened: that is no damage, and no reason to move it.
        raise JournalError(f"The journal {path} cannot be looked at: {error}.", "Try again later.") from error
    except sqlite3.DatabaseError as error:
        return " ".join(str(error).split())
    return "" if found == ["ok"] else " ".join(" ".join(found).split())[:300]


def backups(path: Path) -> list[Path]:
    """Return the backups that migrations have made of the file, newest first."""
    return sorted(path.parent.glob(f"{path.name}.backup-*"), key=lambda p: p.stat().st_mtime, reverse=True)


def set_aside(path: Path) -> Path:
    """Rename the file and all that belongs to it, and return its new name. Nothing of it is changed."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    try:
        for tail in _BESIDE:
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + tail).rename(aside.with_name(aside.name + tail))
    except OSError as error:
        raise JournalError(f"{path} cannot be moved: {error.strerror}.", "Check its folder.") from error
    return aside
