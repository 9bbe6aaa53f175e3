"""Brings a journal to this program's schema: `python -P -m core.journal.migrate URL` (`-`: the URL on stdin).

Runs as a process of its own, because Alembic has no place in the app's. Answers with one JSON object on
stdout: `{"ok": true, "from": …, "to": …, "backup": …}`, or `{"ok": false, "what": …, "hint": …}` and exit
code 1.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from core.errors import JournalError
from core.journal.database import make_engine, newer, parse_url, read_version
from core.journal.schema import HEAD, REVISIONS
from core.journal.trouble import DATABASE_ERRORS, journal_error, place_of

_LOCK_SECONDS = 120.0
_ADVISORY = 0x7164656B
"""The number of our advisory lock on a server: "qdek"."""


def migrate(address: str) -> dict[str, Any]:
    """Bring the database to HEAD, a SQLite file that holds something after a backup. Raises JournalError."""
    url = parse_url(address)
    place = place_of(url)
    try:
        return _migrate(url, place)
    except DATABASE_ERRORS as error:
        raise journal_error(error, place) from error
    except OSError as error:
        raise JournalError(
            f"The journal {place} cannot be made: {error.strerror}.",
            "Check the folder and its permissions, or name another file with --db.",
        ) from error


def _migrate(url: URL, place: str) -> dict[str, Any]:
    path = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
    if path is not None:
        # The journal holds code and conversations: a folder made for it is its owner's alone.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(path):
        # Foreign keys stay off here: re-creating a parent table would delete the rows of its children.
        engine = make_engine(url, synchronous="FULL", foreign_keys=False)
        try:
            before = read_version(engine)
            if before is not None and before not in REVISIONS:
                raise newer(place, before)
            if before == HEAD:
                return {"ok": True, "from": before, "to": HEAD, "backup": None}
            if before is None:
                _refuse_strangers(engine, place, is_file=path is not None)
            backup = _backup(path, before) if path is not None and before is not None else None
            with engine.execution_options(qdeck_immediate=True).begin() as connection:
                if path is None:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY)))
                _upgrade(connection)
                if before is not None:
                    _build_again(connection)
            return {"ok": True, "from": before, "to": HEAD, "backup": str(backup) if backup else None}
        finally:
            engine.dispose()


def _alone(path: Path | None) -> Any:
    """Keep other processes from migrating the same file; a server is kept by its advisory lock."""
    if path is None:
        return nullcontext()
    from filelock import FileLock

    return FileLock(path.with_suffix(".migrate.lock"), timeout=_LOCK_SECONDS)


def _refuse_strangers(engine: sa.Engine, place: str, *, is_file: bool) -> None:
    """A file with tables but without our version belongs to somebody else."""
    if is_file and sa.inspect(engine).get_table_names():
        raise JournalError(
            f"{place} is a database of another program; qdeck does not write into it.",
            "Name another file with --db.",
        )


def _backup(path: Path, version: str) -> Path:
    """Copy the file the way SQLite does it, so that what still lies in the WAL is in the copy."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = path.with_name(f"{path.name}.backup-{version}-{stamp}")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _upgrade(connection: Connection) -> None:
    from alembic import command

    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _build_again(connection: Connection) -> None:
    """Derive all rows anew: a new schema may keep more of the events than the old one did.

    A workflow whose events cannot be read stays as it is; `qdeck verify` names what is wrong with it.
    """
    from sqlmodel import Session, col, select

    from core.journal.rebuild import rebuild
    from core.journal.tables import BuildWorkflow

    with Session(connection, join_transaction_mode="rollback_only") as session:
        for workflow_id in session.exec(select(col(BuildWorkflow.workflow_id))).all():
            with suppress(JournalError):
                rebuild(session, workflow_id)
        session.flush()


def alembic_config() -> Any:
    """Return Alembic's configuration for our migrations; whoever runs them adds where."""
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).parent / "migrations"
    # ConfigParser would take a % in the path for a variable.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def main(arguments: list[str]) -> int:
    """Run as a program; returns the exit code."""
    if len(arguments) != 1:
        print(json.dumps({"ok": False, "what": "Usage: python -m core.journal.migrate URL", "hint": ""}))
        return 64
    address = sys.stdin.readline().strip() if arguments[0] == "-" else arguments[0]
    try:
        answer = migrate(address)
    except JournalError as error:
        answer = {"ok": False, "what": error.what, "hint": error.hint}
    except TimeoutError:
        answer = {"ok": False, "what": "Another process is migrating the journal.", "hint": "Try again soon."}
    print(json.dumps(answer))
    return 0 if answer["ok"] else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
