"""A real PostgreSQL server for the tests: in a folder of its own, reached by a socket there, gone afterwards.

`QDECK_TEST_POSTGRESQL` says what happens without one: `required` (the default where CI=true) fails the tests
that need it, `off` never starts one, anything else runs them where a server's programs are found.
"""

from __future__ import annotations

import contextlib
import ctypes
import getpass
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

NEEDED = ("initdb", "postgres")
MISSING = (
    "PostgreSQL is required here, but no server was found. Install it (Debian: apt-get install postgresql), "
    "or name the folder of its programs in QDECK_TEST_POSTGRESQL_BIN."
)
NOT_RUN = "PostgreSQL tests not run: no server"
_PREFIX = "qdeck-postgresql-"
_START_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1
_QUICK = {
    # Nothing here has to survive a power cut.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "100",
    "listen_addresses": "",
    "timezone": "Asia/Kathmandu",  # a server's own zone must not show in our times
}


def wanted(environment: Mapping[str, str] = os.environ) -> str:
    """Return "required", "off" or "auto"."""
    word = environment.get("QDECK_TEST_POSTGRESQL", "").strip().lower()
    if word in ("required", "off"):
        return word
    return "required" if environment.get("CI", "").lower() == "true" else "auto"


def programs(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder with a server's programs: the named one, the newest of the system, or one on PATH."""
    if named := environment.get("QDECK_TEST_POSTGRESQL_BIN"):
        return Path(named) if all((Path(named) / name).exists() for name in NEEDED) else None
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major, reverse=True)
    on_path = shutil.which("initdb")
    folders = [*system, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((f for f in folders if all((f / name).exists() for name in NEEDED)), None)


def _major(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0


class NoServer(Exception):
    """The server is not there, or does not start; the text says why."""


class Server:
    """One running server. `create` gives a migrated database of its own to each test."""

    def __init__(self) -> None:
        found = programs()
        if found is None:
            raise NoServer(MISSING)
        self._programs = found
        self._account = _account()
        _sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_short_folder()))
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        if self._account:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
        self._run("initdb", "-D", "data", "-U", "qdeck", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        self._process = self._start()
        self._admin = self._connect()

    def url(self, database: str) -> str:
        """Return the address of a database, as qdeck takes it."""
        return f"postgresql+psycopg://qdeck@/{database}?host={self.folder}"

    def version(self) -> str:
        """Return the server's version, such as "15.12"."""
        return str(self._admin.info.parameter_status("server_version")).split()[0]

    def create(self, template: str = "template1", name: str = "") -> str:
        """Make a database, a copy of `template`, and return its name."""
        name = name or f"test_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY = FILE_COPY")
        with self._lock:
            self._admin.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop(self, name: str) -> None:
        """Take a database away, and whoever is still connected to it."""
        with self._lock:
            self._admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop(self) -> None:
        """Stop the server and remove everything that it made."""
        self._admin.close()
        self._process.send_signal(signal.SIGINT)  # its "fast" shutdown
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
            **self._identity(),
        )
        if done.returncode:
            raise NoServer(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")

    def _start(self) -> subprocess.Popen[bytes]:
        settings = [word for k, v in _QUICK.items() for word in ("-c", f"{k}={v}")]
        libc = ctypes.CDLL(None)
        with (self.folder / "log").open("wb") as log:
            return subprocess.Popen(
                [str(self._programs / "postgres"), "-D", "data", "-k", str(self.folder), *settings],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Tests that are killed take their server with them.
                preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT),
                **self._identity(),
            )

    def _identity(self) -> dict[str, Any]:
        """Whom to run as: PostgreSQL refuses root."""
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
        if self._account is None:
            return {"env": environment}
        who = {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        return {"env": environment, **who}

    def _connect(self) -> psycopg.Connection[Any]:
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                return psycopg.connect(
                    host=str(self.folder), user="qdeck", dbname="postgres", autocommit=True
                )
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > end:
                    log = (self.folder / "log").read_text(errors="replace")[-1_000:]
                    raise NoServer(f"PostgreSQL does not start: {log}") from error
                time.sleep(0.05)


def _account() -> pwd.struct_passwd | None:
    """The account to run the server as, None for our own."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoServer(f"PostgreSQL does not run as {getpass.getuser()}, and there is no other account.")


def _short_folder() -> str | None:
    """A socket's path may have about a hundred characters, which a long TMPDIR exceeds."""
    return "/tmp" if Path("/tmp").is_dir() else None


def _sweep() -> None:
    """Remove what servers of killed runs have left."""
    for folder in Path(_short_folder() or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            number = int((folder / "data" / "postmaster.pid").read_text().split()[0])
            os.kill(number, 0)
        except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
            # Not what another run is just making: `initdb` starts and ends several processes there.
            with contextlib.suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > 600:
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
