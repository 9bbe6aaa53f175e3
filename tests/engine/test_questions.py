"""What faces ask in a child process: one JSON object on stdout, a sentence where it cannot be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.engine import questions
from core.engine.passages import MOST, lines_of
from core.errors import ProjectError
from tests.journeys.world import git, make_repository


def _ask(home: Path, *words: str) -> tuple[int, dict[str, Any]]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("QDECK_", "OPENAI_"))}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "core.engine", *words, "--json"],
        env={**env, "QDECK_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_check_tells_what_a_build_would_find(tmp_path: Path) -> None:
    """Branch, head, test command, and whether the checkout holds uncommitted work."""
    repo = make_repository(tmp_path / "repo")
    (repo / "stray.txt").write_text("mine")
    code, answer = _ask(tmp_path, "check", str(repo / "tests"))
    assert code == 0
    assert answer["path"] == str(repo)
    assert answer["default_branch"] == "main"
    assert answer["head"] == git(repo, "rev-parse", "HEAD")
    assert answer["dirty"] is True
    assert "pytest" in " ".join(answer["test_command"])


@pytest.mark.parametrize("kind", ["nothing", "plain", "bare", "empty"])
def test_check_says_in_a_sentence_what_is_no_project(tmp_path: Path, kind: str) -> None:
    """No folder, no repository, no files, no commit: what happened, and what to do."""
    folder = tmp_path / "project"
    if kind != "nothing":
        folder.mkdir()
    if kind in ("bare", "empty"):
        git(folder, "init", "-q", *(["--bare"] if kind == "bare" else []))
    code, answer = _ask(tmp_path, "check", str(folder))
    assert code == 1
    assert answer["ok"] is False
    assert answer["error"].endswith(".") and answer["hint"]


def test_lines_are_of_the_tree_that_is_named_and_few(tmp_path: Path) -> None:
    """Numbers, text made harmless, a little around; so many at most; what is no tree or file is refused."""
    repo = make_repository(tmp_path / "repo")
    (repo / "a.py").write_text("\n".join(f"\x1b[31m{n}\u202e" for n in range(1, 5_001)))
    git(repo, "add", ".")
    tree = git(repo, "write-tree")
    (repo / "a.py").unlink()
    found = lines_of(repo, tree, "a.py", "3-4, 9, 12, 9000")
    assert found["lines"] == [(n, str(n)) for n in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]]
    assert found["left"] == 0 and lines_of(repo, tree, "a.py", "100")["lines"][0] == (98, "98")
    found = lines_of(repo, tree, "a.py", "1-999999999")
    assert len(found["lines"]) == MOST and found["left"] == 5_000 - MOST
    for file in ("b.py", "a\0.py", "\ud800", "../a.py", "tests", ""):
        with pytest.raises(ProjectError, match="There is no file"):
            lines_of(repo, tree, file, "1")
    for gone in ("1" * 40, "main", "", "--all"):
        with pytest.raises(ProjectError):
            lines_of(repo, gone, "a.py", "1")


def test_models_names_the_ways_to_one(tmp_path: Path) -> None:
    """Also where there is none."""
    code, answer = _ask(tmp_path, "models")
    assert code == 0
    assert any("qdeck demo" in line for line in answer["lines"])


def test_doctor_looks_at_everything_that_a_build_needs(tmp_path: Path) -> None:
    """Each check says what it found."""
    _, answer = _ask(tmp_path, "doctor")
    names = {check["name"] for check in answer["checks"]}
    assert names == {"python", "git", "sandbox", "dbos", "litellm", "folders"}
    assert all(check["what"] for check in answer["checks"])


def test_doctor_sees_that_a_disk_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that can be written is not enough: a build would stop in it."""
    monkeypatch.setenv("QDECK_HOME", str(tmp_path))
    assert questions._writable().ok
    monkeypatch.setattr(questions, "_FREE_AT_LEAST", 10**18)
    check = questions._writable()
    assert not check.ok and f"MB are free in {tmp_path}" in check.what and "Free some space" in check.hint


def test_a_worker_that_cannot_start_says_why_in_one_line(tmp_path: Path) -> None:
    """A journal that is no database: one line of JSON for whoever started it, no traceback."""
    broken = tmp_path / "qdeck.db"
    broken.write_bytes(b"this is no database" * 100)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "core.engine", "--db", str(broken)],
        env={**os.environ, "QDECK_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    told = json.loads(done.stderr)
    assert told["ok"] is False and told["what"].endswith(".") and told["hint"]
