"""Bad repositories, models and journals: one clear sentence, nothing lost, no traceback."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from core.journal.schema import VERSION_TABLE
from core.journal.schema_sql import schema_sql
from tests.cli.calls import MODEL, REQUEST, CommandLine, git, only_read


@pytest.mark.parametrize("kind", ["missing", "plain", "bare", "empty", "file"])
def test_a_folder_that_no_build_can_run_in_is_named(qdeck: CommandLine, tmp_path: Path, kind: str) -> None:
    """The fault says what the folder is, before anything is written."""
    place = tmp_path / "place"
    if kind == "file":
        place.write_text("no folder")
    elif kind != "missing":
        place.mkdir()
    if kind in ("bare", "empty"):
        git(place, "init", "-q", *(["--bare"] if kind == "bare" else []))

    told = qdeck.inside("run", REQUEST, "--model", MODEL, "--project", str(place), "--json").ended(1).data

    assert told["code"] == "project" and told["what"] and told["hint"]
    assert not qdeck.database.exists()


def test_without_a_model_a_run_shows_the_ways_to_one(qdeck: CommandLine, repo: Path) -> None:
    """A key in the environment, a local server, the demo; the rehearsal is never played instead."""
    none = qdeck("run", "Add a clock", "--project", str(repo)).ended(1)
    qdeck.more = {"ANTHROPIC_API_KEY": "sk-none"}
    key = qdeck.inside("run", "Add a clock", "--project", str(repo), "--json").ended(1).data

    assert "No model is configured" in none.err and "qdeck demo" in none.err
    assert key["code"] == "model" and "ANTHROPIC_API_KEY is set" in key["hint"]
    assert not qdeck.database.exists()


def test_the_rehearsal_is_not_played_for_a_request_that_it_does_not_know(
    qdeck: CommandLine, repo: Path
) -> None:
    """Somebody who names it gets told, instead of somebody else's feature."""
    told = qdeck.inside("run", "Add a clock", "-p", str(repo), "-m", MODEL, "--json").ended(1).data
    assert told["code"] == "model" and "no words for this request" in told["what"]


@pytest.mark.parametrize("kind", ["corrupt", "folder", "newer"])
def test_a_journal_that_cannot_be_used_is_named(used: CommandLine, tmp_path: Path, kind: str) -> None:
    """Every command says what is wrong with the file, and leaves it as it is."""
    file = used.database
    if kind == "corrupt":
        file.write_bytes(b"this is not a database, " * 400)
    elif kind == "folder":
        file = tmp_path
    else:
        with sqlite3.connect(file) as connection:
            connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608
        connection.close()
    before = file.read_bytes() if file.is_file() else b""

    told = used("status", "--db", str(file), "--json").ended(1).data

    assert told["code"] == "journal" and told["what"] and told["hint"]
    assert not file.is_file() or file.read_bytes() == before


def test_a_journal_that_another_program_holds_refuses_the_order(
    used: CommandLine, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is still looked at; the order moves nothing, and says what is in its way."""
    name = used.start(repo).build_id
    monkeypatch.setattr("core.journal.database._BUSY_MS", 50)

    with contextlib.closing(sqlite3.connect(used.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        seen = used.inside("status", name, "--json").data
        told = used.inside("pause", name, "--json").ended(1).data
    now = used.inside("status", name, "--json").data

    assert told["code"] == "journal" and "locked by another program" in told["what"] and told["hint"]
    assert (now["condition"], now["version"]) == ("active", seen["version"])


def test_a_journal_that_may_only_be_read_says_what_to_correct(used: CommandLine, repo: Path) -> None:
    """No order moves anything or ends in a traceback; with the permissions corrected, it works."""
    name = used.start(repo).build_id
    with only_read(used.database) as before:
        for words in (("status", name), ("pause", name), ("start", REQUEST, "-p", str(repo), "-m", MODEL)):
            told = used(*words, "--json", may_all=False).ended(1).data
            assert told["code"] == "journal" and "may not be written" in told["what"]
            assert "Correct the permissions" in told["hint"]
        after = used.database.read_bytes()

    assert after == before
    used.inside("pause", name, "--json").ended(0)


def test_settings_that_cannot_be_read_are_named_with_their_key(qdeck: CommandLine) -> None:
    """A typing error in the settings is no riddle."""
    folder = qdeck.home / "config"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('modle = "openai/gpt-5-mini"\n')

    told = qdeck.inside("status", "--json").ended(64).data

    assert told["code"] == "config" and "modle" in told["what"] and "'model'" in told["hint"]


def test_what_a_projects_file_asks_for_is_shown_with_the_way_to_allow_it(
    used: CommandLine, repo: Path
) -> None:
    """A repository cannot switch on a command by itself."""
    (repo / ".qdeck.toml").write_text('deploy_command = "make deploy"\n')
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "Deploy")

    said = used.inside("start", REQUEST, "-p", str(repo), "-m", MODEL, "--no-worker").ended(0)

    assert "deploy_command = make deploy" in said.err and "trusted" in said.err


def change(file: Path, *statements: str) -> None:
    """Write into the journal as another program could."""
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_a_row_that_is_not_what_its_events_say_is_named_and_mended(used: CommandLine, repo: Path) -> None:
    """`rebuild --check` compares and leaves everything as it is; without it the rows are made anew."""
    name = used.start(repo).build_id
    used.inside("rebuild", "--check").ended(0)
    change(used.database, "UPDATE build_workflows SET title = 'another'")

    told = used.inside("rebuild", "--check", "--json").ended(1).data
    words = used.inside("rebuild", "--check").ended(1).out

    assert (told["equal"], told["kept"], len(told["differences"])) == (False, False, 1)
    assert told["differences"][0].startswith(f"{name}: ") and "in title" in told["differences"][0]
    assert told["differences"][0] in words and "nothing was changed" in words
    assert "mended" in used.inside("rebuild").ended(0).out
    assert "to the byte" in used.inside("rebuild", "--check").ended(0).out


def test_verify_names_the_first_bad_row_and_what_it_cannot_find(used: CommandLine, repo: Path) -> None:
    """Exit code 1 and the event by its number; whole or not, the limits of such a look are said."""
    name = used.start(repo).build_id
    for verb in ("pause", "resume"):
        used.inside(verb, name, *(["--no-worker"] if verb == "resume" else [])).ended(0)
    whole = used.inside("verify", "--json").ended(0).data
    with contextlib.closing(sqlite3.connect(used.database)) as file:
        query = "SELECT sql FROM sqlite_master WHERE name = 'workflow_events_no_update'"
        (trigger,) = file.execute(query).fetchone()
    touched = "UPDATE workflow_events SET triggered_by = 'person:eve' WHERE seq = 2"
    change(used.database, "DROP TRIGGER workflow_events_no_update", touched, trigger)

    told = used.inside("verify", "--json").ended(1).data
    words = used.inside("verify", name).ended(1).out

    assert (whole["whole"], whole["events"], whole["anchored"], whole["breaks"]) == (True, 3, 1, [])
    first = told["breaks"][0]
    assert (told["whole"], first["build_id"], first["seq"], first["sign"]) == (False, name, 2, "changed")
    assert words.startswith(f"✗ {name}: event 2 was changed.")
    assert whole["limits"] and whole["limits"] == told["limits"]
    assert all(limit in words.partition("This cannot find:")[2] for limit in told["limits"])


def test_the_schema_is_printed_for_both_databases(qdeck: CommandLine) -> None:
    """The SQL of all migrations, and no journal is made for it."""
    assert qdeck.inside("schema").ended(0).out.strip() == schema_sql("sqlite").strip()
    assert qdeck.inside("schema", "--postgresql").ended(0).out.strip() == schema_sql("postgresql").strip()
    assert not qdeck.database.exists()
