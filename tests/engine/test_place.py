"""Where a worker lives: one per database, quiet, with the scheduler's file beside the journal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from core.config import Paths
from core.engine.place import Place, WorkerLock


def _paths(folder: Path) -> Paths:
    return Paths(folder / "data", folder / "config", folder / "cache", folder / "log")


def test_the_scheduler_has_a_file_of_its_own_beside_the_journal(tmp_path: Path) -> None:
    """DBOS never shares a file with the journal: its clean-up calls empty whole files."""
    place = Place.of(f"sqlite:///{tmp_path / 'mine.db'}", _paths(tmp_path))
    assert place.engine_url == f"sqlite:///{tmp_path / 'mine.engine.db'}"


def test_on_a_server_the_scheduler_shares_the_database(tmp_path: Path) -> None:
    """There it has a schema of its own."""
    url = "postgresql+psycopg://qdeck@db/qdeck"
    assert Place.of(url, _paths(tmp_path)).engine_url == url


def test_a_second_worker_does_not_get_the_lock(tmp_path: Path) -> None:
    """The lock holds between processes and is free again once its holder is dead, however it died."""
    path = tmp_path / "qdeck.lock"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from core.engine.place import WorkerLock\n"
            "lock = WorkerLock(Path(sys.argv[1])); assert lock.take()\n"
            "print('held', flush=True); time.sleep(60)",
            str(path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        assert not WorkerLock(path).take()
    finally:
        holder.kill()
        holder.wait()
    lock = WorkerLock(path)
    assert lock.take()
    lock.release()
