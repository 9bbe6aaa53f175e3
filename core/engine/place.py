"""Where a worker lives: its database, the scheduler's database beside it, its lock, its log, its name."""

from __future__ import annotations

import logging
import logging.handlers
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import make_url

from core.config import Paths, sqlite_path, worker_lock_path

_LOG_BYTES = 4 << 20
_LOG_FILES = 3
_LOCK_PATIENCE = 1.5
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


@dataclass(frozen=True, slots=True)
class Place:
    """All that a worker needs to know of its surroundings before it opens anything."""

    url: str
    file: Path | None
    engine_url: str
    lock_path: Path
    log_path: Path
    executor: str

    @classmethod
    def of(cls, url: str, paths: Paths) -> Place:
        """Return the place of the worker for the journal at `url`, a full SQLAlchemy URL."""
        file = sqlite_path(url)
        beside = f"sqlite:///{file.with_name(file.stem + '.engine.db')}" if file is not None else url
        # Stable from start to start, so that the next worker of this machine knows what its dead one held.
        return cls(
            url, file, beside, worker_lock_path(url), paths.worker_log, socket.gethostname() or "local"
        )


def shown(url: str) -> str:
    """Return the address of a database without its password."""
    return make_url(url).render_as_string(hide_password=True)


class WorkerLock:
    """The right to be this database's worker on this machine. It ends with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path)

    def take(self) -> bool:
        """Take the lock, or return False when another worker holds it.

        Tries for a moment: a face that looks whether a worker is alive holds the lock for an instant.
        """
        end = time.monotonic() + _LOCK_PATIENCE
        while True:
            try:
                self._lock.acquire(timeout=0)
                return True
            except Timeout:
                if time.monotonic() > end:
                    return False
                time.sleep(0.05)

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()


def log_to_file(path: Path) -> logging.Handler:
    """Send every log line to the file, and what a library prints as well. Nothing reaches the terminal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8", delay=False
    )
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("httpx", "httpcore", "LiteLLM", "asyncio", "openai", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    nothing = os.open(os.devnull, os.O_RDONLY)
    printed = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for standard, target in ((0, nothing), (1, printed), (2, printed)):
        os.dup2(target, standard)
    os.close(nothing)
    os.close(printed)
    return handler
