"""A journal is made, brought up to date or refused, and a refusal changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

import core.journal.tables
from core.errors import JournalError
from core.journal import migrate as migration
from core.journal.database import Database, parse_url
from core.journal.migrate import migrate
from core.journal.schema import HEAD, REVISIONS, VERSION_TABLE
from core.journal.trouble import journal_error

PACKAGE = Path(core.journal.tables.__file__).parent


def _run(address: str, *, stdin: str | None = None) -> tuple[int, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "core.journal.migrate", address],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def _version(path: Path) -> str:
    return str(sqlite3.connect(path).execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()[0])  # noqa: S608


def test_a_missing_journal_is_made_with_its_folders(tmp_path: Path) -> None:
    """The first start needs nothing prepared; the process answers in JSON."""
    path = tmp_path / "a folder" / "deeper é" / "qdeck.db"
    code, answer = _run("-", stdin=f"sqlite:///{path}\n")
    assert (code, answer) == (0, {"ok": True, "from": None, "to": HEAD, "backup": None})
    assert _version(path) == HEAD


def test_a_journal_that_is_up_to_date_is_left_alone(path: Path) -> None:
    """Nothing is written and no backup made when there is nothing to do."""
    before = path.read_bytes()
    assert migrate(f"sqlite:///{path}")["backup"] is None
    assert path.read_bytes() == before


def test_the_migrations_make_exactly_the_tables(path: Path) -> None:
    """Tables in the code and tables in the file are the same, column by column."""
    engine = sa.create_engine(f"sqlite:///{path}")
    ours = {"include_name": lambda name, kind, _: kind != "table" or name != VERSION_TABLE}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, **ours})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_every_revision_is_known_to_the_quick_check() -> None:
    """The list that is looked at without Alembic is the one that Alembic has."""
    config = Config()
    config.set_main_option("script_location", str(PACKAGE / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == HEAD
    assert {script.revision for script in scripts.walk_revisions()} == set(REVISIONS)


def _with_a_next_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Let this process know one more revision, as the next version of qdeck will."""
    package = tmp_path / "next"
    shutil.copytree(PACKAGE / "migrations", package / "migrations")
    (package / "migrations" / "versions" / "v9999_next.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        f"revision, down_revision, branch_labels, depends_on = '9999', '{HEAD}', None, None\n"
        f"def upgrade():\n{body}\n"
    )
    monkeypatch.setattr(migration, "__file__", str(package / "migrate.py"))
    monkeypatch.setattr(migration, "HEAD", "9999")
    monkeypatch.setattr(migration, "REVISIONS", (*REVISIONS, "9999"))


def test_an_older_journal_is_backed_up_and_keeps_its_rows(
    desk: object, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Re-creating a parent table, the most dangerous migration on SQLite, deletes no child."""
    views = "".join(f"    op.execute('DROP VIEW board_v{n}')\n" for n in (1, 2, 3))
    body = (
        "    with op.batch_alter_table('projects', recreate='always') as batch:\n"
        "        batch.add_column(sa.Column('colour', sa.String(), nullable=True))\n"
    )
    _with_a_next_revision(tmp_path, monkeypatch, views + body)
    answer = migrate(f"sqlite:///{path}")
    rows = sqlite3.connect(path).execute("SELECT build_id FROM build_workflows").fetchall()
    assert rows == [("B-0001",)]
    backup = Path(str(answer["backup"]))
    assert _version(backup) == HEAD
    assert sqlite3.connect(backup).execute("SELECT count(*) FROM workflow_events").fetchone() == (1,)


def test_a_migration_that_fails_leaves_the_journal_as_it_was(
    desk: object, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a migration is none, although SQLite's driver would commit each statement by itself."""
    body = "    op.execute('CREATE TABLE half (x)')\n    op.execute('THIS IS NO SQL')\n"
    _with_a_next_revision(tmp_path, monkeypatch, body)
    with pytest.raises(JournalError):
        migrate(f"sqlite:///{path}")
    assert _version(path) == HEAD
    tables = sqlite3.connect(path).execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall()
    assert tables == []


def test_a_newer_journal_is_refused_and_untouched(database: Database, address: str) -> None:
    """A journal of tomorrow is not guessed at, on either database; the text says what to do."""
    with database.write() as session:
        session.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))  # noqa: S608
    code, answer = _run("-", stdin=f"{address}\n")
    assert code == 1
    assert "newer qdeck" in str(answer["what"]) and "Update qdeck" in str(answer["hint"])
    assert database.schema_version() == "9999"
    with pytest.raises(JournalError, match="newer"):
        database.check_schema()


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """A file with strange tables gets none of ours."""
    path = tmp_path / "photos.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE photos (x)")
    connection.close()
    code, answer = _run(f"sqlite:///{path}")
    assert (code, answer["ok"]) == (1, False)
    assert "another program" in str(answer["what"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"hello, I am a text\n" * 300, "no journal of qdeck"),
        (b"SQLite format 3\x00" + b"\xff" * 9000, "journal"),
    ],
)
def test_a_corrupt_file_is_refused_in_a_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    """Rubbish in place of a journal gives a sentence and a way out, and is not overwritten."""
    path = tmp_path / "qdeck.db"
    path.write_bytes(content)
    code, answer = _run(f"sqlite:///{path}")
    assert code == 1
    assert says in str(answer["what"]) and answer["hint"]
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """A file where a folder should be is named as the reason."""
    (tmp_path / "file").write_text("x")
    code, answer = _run(f"sqlite:///{tmp_path}/file/qdeck.db")
    assert code == 1
    assert "cannot be made" in str(answer["what"])


def test_a_locked_journal_is_refused_in_a_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program's lock is waited for, and then named."""
    monkeypatch.setattr("core.journal.database._BUSY_MS", 50)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database = Database(f"sqlite:///{path}")
    with pytest.raises(JournalError, match="locked by another program"), database.write() as session:
        session.execute(sa.text("DELETE FROM projects"))
    other.close()


def test_a_read_only_journal_is_refused_in_a_sentence(path: Path) -> None:
    """Writing where one may only read is said, not thrown."""
    database = Database(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(JournalError) as caught, database.write() as session:
        session.execute(sa.text("DELETE FROM projects"))
    assert "may not be written" in caught.value.what
    assert "permissions" in caught.value.hint


@pytest.mark.sqlite
def test_a_full_disk_is_refused_in_a_sentence(database: Database) -> None:
    """A journal that cannot grow says so and keeps what it has."""
    with pytest.raises(JournalError) as caught, database.write() as session:
        session.connection().exec_driver_sql("PRAGMA max_page_count = 1")
        for n in range(2_000):
            session.execute(
                sa.text("INSERT INTO artifacts VALUES (:d, '', 0, zeroblob(4000), '2026-01-01')"),
                {"d": str(n)},
            )
    assert "the disk is full" in caught.value.what
    with database.read() as session:
        assert session.execute(sa.text("SELECT count(*) FROM artifacts")).scalar() == 0


def test_a_full_disk_that_sqlite_takes_for_a_broken_one_is_called_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without room for the WAL's index it reports an error of the disk; a person needs to free space."""
    error, place = sqlite3.OperationalError("disk I/O error"), str(tmp_path / "qdeck.db")
    assert "the disk fails" in journal_error(error, place).what
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    told = journal_error(error, place)
    assert "the disk is full" in told.what and "Free some space" in told.hint


def test_an_address_that_is_none_is_refused_without_its_password() -> None:
    """A wrong URL may hold a secret; the sentence does not repeat it."""
    with pytest.raises(JournalError) as caught:
        Database("nosuch+db://ada:hunter2@host/x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("mysql://ada:hunter2@host/x", "not in mysql"),
        ("oracle://ada:hunter2@host/x", "not in oracle"),
        ("postgresql+pg8000://ada:hunter2@host/x", "pg8000, is not installed"),
    ],
)
def test_a_database_that_no_journal_lies_in_is_named_without_its_password(address: str, told: str) -> None:
    """Also where the library that would speak to it is not there."""
    with pytest.raises(JournalError, match=told) as caught:
        parse_url(address)
    assert "hunter2" not in str(caught.value)


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    """Nothing listens on that port; the sentence names the address and hides the password."""
    code, answer = _run("-", stdin="postgresql+psycopg://ada:hunter2@127.0.0.1:1/x\n")
    assert code == 1
    assert "cannot be reached" in str(answer["what"])
    assert "hunter2" not in json.dumps(answer)


def test_two_processes_may_migrate_at_once(
    tmp_path: Path, database_kind: str, request: pytest.FixtureRequest
) -> None:
    """Two first starts at the same moment both find a good journal."""
    answers: list[tuple[int, dict[str, object]]] = []
    url = f"sqlite:///{tmp_path}/qdeck.db"
    if database_kind == "postgresql":
        server = request.getfixturevalue("postgresql_server")
        url = server.url(server.create())
    threads = [threading.Thread(target=lambda: answers.append(_run(url))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [code for code, _ in answers] == [0, 0, 0]
    assert Database(url).check_schema()
    if database_kind == "sqlite":  # a server's version is read before its turn comes
        assert sorted(str(answer["from"]) for _, answer in answers) == [HEAD, HEAD, "None"]


def test_a_folder_called_core_where_the_user_stands_is_not_ours(tmp_path: Path) -> None:
    """The child process runs our module, whatever lies in the current folder."""
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "__init__.py").write_text("raise SystemExit('yours was run')\n")
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        from core.service.opening import run_migration

        run_migration(f"sqlite:///{tmp_path}/qdeck.db")
    finally:
        os.chdir(here)
    assert _version(tmp_path / "qdeck.db") == HEAD
