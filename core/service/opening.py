"""Opens the journal: looks at the schema, and has it brought up to date by a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from core.config import as_url, load_settings, sqlite_path, worker_lock_path
from core.errors import JournalError
from core.journal.database import Clock, Database

_MIGRATION_SECONDS = 600.0


def open_database(url: str | None, *, migrate: bool, clock: Clock) -> Database:
    """Return the open journal, at this program's schema. Raises JournalError."""
    address = as_url(url) if url else load_settings().database_url
    database = Database(address, clock=clock, anchor=_heads_path(address))
    try:
        if not database.check_schema():
            if not migrate:
                raise JournalError(
                    f"The journal {database.place} has an older schema, or none.",
                    "Start qdeck once to update it.",
                )
            run_migration(address)
        database.changed()  # from here on every change counts
        return database
    except BaseException:
        database.close()
        raise


def _heads_path(address: str) -> Path | None:
    """Where this machine keeps the heads of a server's journal; those of a file lie beside it."""
    if sqlite_path(address) is not None:
        return None
    lock = worker_lock_path(address)
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return lock.with_suffix(".heads")


def run_migration(address: str) -> None:
    """Bring the journal up to date in a child process: Alembic has no place in this one."""
    try:
        # -P: a folder called `core` where the user stands must not be taken for ours. The address goes in by
        # stdin, because a list of processes would show a password.
        done = subprocess.run(
            [sys.executable, "-P", "-m", "core.journal.migrate", "-"],
            input=f"{address}\n",
            capture_output=True,
            text=True,
            timeout=_MIGRATION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise JournalError("The journal could not be brought up to date.", f"{error}") from error
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError) as error:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise JournalError("The journal could not be brought up to date.", last) from error
    if not answer.get("ok"):
        raise JournalError(str(answer.get("what")), str(answer.get("hint") or ""))


def worker_alive(url: str) -> bool:
    """Say whether a worker lives for this database: it holds the lock as long as it does."""
    path = worker_lock_path(url)
    if not path.exists():
        return False
    try:
        return _held(path)
    except OSError:
        return False


def _held(path: Path) -> bool:
    """Whether another process holds the lock of this file."""
    try:
        import fcntl
    except ImportError:
        from filelock import FileLock, Timeout

        try:
            with FileLock(path, timeout=0):
                return False
        except Timeout:
            return True
    # What filelock does on these systems, without its four megabytes: the app asks every second.
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
