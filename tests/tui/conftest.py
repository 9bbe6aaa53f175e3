"""Real journals, written once by the service and the worker's own journal, and copied for every test."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import pytest_textual_snapshot as pts
from textual import _wait
from textual.widgets import Input

from screenshots.scenes import Journal, person_at_home, worker_lives, write_journal, write_project
from tests.tui.hard_journals import WRITERS, write_hard
from tui.memory import give_back

# Textual's pilot takes an app for idle when its process did next to nothing for 20 ms, several times for each
# key; a shorter look says the same, and most of the time of these tests was that wait.
_wait.SLEEP_GRANULARITY, _wait.SLEEP_IDLE = 0.005, 0.0005

# syrupy 5 renamed what pytest-textual-snapshot 1.0 still sets.
pts.SVGImageExtension.file_extension = "svg"
_NAME = re.compile(r"terminal-\d+")


def _same(self: object, *, serialized_data: object, snapshot_data: object) -> bool:
    """Whether two pictures are equal but for their names, which tell how a line was cut into pieces too."""
    return _NAME.sub("", str(serialized_data)) == _NAME.sub("", str(snapshot_data))


pts.SVGImageExtension.matches = _same


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of the test's own, in UTC, without colour switches; a cursor that does not blink."""
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)
    folder = tmp_path / "home"
    folder.mkdir()
    with person_at_home(folder):
        yield folder
    # The megabytes of hostile text went through threads, whose arenas would keep them.
    give_back()


@pytest.fixture(scope="session")
def journals(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Callable[[str], Journal]:
    """The journal of a stage, written when it is asked for first, into a file that has its tables already."""
    written: dict[str, Journal] = {}

    def journal(stage: str) -> Journal:
        if stage not in written:
            folder = tmp_path_factory.mktemp(stage)
            shutil.copy(migrated, folder / "qdeck.db")
            # In a thread of its own, because the test that asks may run a loop already.
            with ThreadPoolExecutor(1) as thread:
                write = write_hard if stage in WRITERS else write_journal
                written[stage] = thread.submit(asyncio.run, write(stage, folder)).result()
        return written[stage]

    return journal


@pytest.fixture
def journal_of(journals: Callable[[str], Journal], tmp_path: Path) -> Iterator[Callable[[str], Journal]]:
    """A copy of a stage's journal that belongs to the test, with a worker that seems to live."""
    held = []

    def journal(stage: str) -> Journal:
        copy = journals(stage).copy(tmp_path / stage)
        lock = worker_lives(copy)
        lock.__enter__()
        held.append(lock)
        return copy

    yield journal
    for lock in held:
        lock.__exit__(None, None, None)


@pytest.fixture
def project(home: Path) -> Path:
    """A git repository with a commit."""
    return write_project(home)
