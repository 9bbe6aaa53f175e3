"""What all tests share: the databases that a journal may lie in, and how long properties are searched.

A test that takes `address` or `new_address`, itself or through a fixture, runs once on SQLite and once on a
real PostgreSQL server. One that also takes `path`, the file, or is marked `sqlite`, is about SQLite alone.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.postgresql.server import NOT_RUN, NoServer, Server, programs, wanted

hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True, max_examples=50)
hypothesis.settings.register_profile("long", deadline=None, max_examples=500, stateful_step_count=80)
hypothesis.settings.load_profile(os.environ.get("QDECK_TEST_PROPERTIES", "ci"))

TEMPLATE = "template_of_tests"


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers, so that `-m "not postgresql"` works, and let ctrl+c mean what it does at a terminal.

    A shell starts what it puts into the background with interrupts ignored, which every process inherits.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "postgresql: runs on a PostgreSQL server, tests/postgresql/server.py")
    config.addinivalue_line("markers", "sqlite: is about SQLite and runs on nothing else")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what takes an address on every kind of database."""
    if "database_kind" not in metafunc.fixturenames:
        return
    kinds = [pytest.param("sqlite")]
    file_only = "path" in metafunc.fixturenames or metafunc.definition.get_closest_marker("sqlite")
    if not file_only and (wanted() == "required" or (wanted() == "auto" and programs())):
        kinds.append(pytest.param("postgresql", marks=pytest.mark.postgresql))
    metafunc.parametrize("database_kind", kinds, indirect=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    if wanted() == "auto" and programs() is None:
        terminalreporter.write_line(NOT_RUN)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """The server of this run, with an empty journal at the newest schema to copy from."""
    try:
        server = Server()
    except NoServer as error:
        pytest.fail(str(error), pytrace=False)
    from core.journal.migrate import migrate

    try:
        migrate(server.url(server.create(name=TEMPLATE)))
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty journal file at the newest schema."""
    from core.journal.migrate import migrate

    path = tmp_path_factory.mktemp("journal") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def path(migrated: Path, tmp_path: Path) -> Path:
    """An empty journal file of the test's own."""
    copy = tmp_path / "qdeck.db"
    shutil.copy(migrated, copy)
    return copy


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """The kind of database that the test runs on."""
    return str(request.param)


@pytest.fixture
def new_address(
    request: pytest.FixtureRequest, database_kind: str, migrated: Path, tmp_path: Path
) -> Iterator[Callable[[], str]]:
    """Makes empty journals, each with an address of its own."""
    if database_kind == "sqlite":
        folder = tmp_path / "journals"

        def new_file() -> str:
            folder.mkdir(exist_ok=True)
            copy = folder / f"{len(list(folder.iterdir()))}" / "qdeck.db"
            copy.parent.mkdir()
            shutil.copy(migrated, copy)
            return f"sqlite:///{copy}"

        yield new_file
        return
    server: Server = request.getfixturevalue("postgresql_server")
    made: list[str] = []

    def new_database() -> str:
        made.append(server.create(TEMPLATE))
        return server.url(made[-1])

    yield new_database
    for name in made:
        server.drop(name)


@pytest.fixture
def address(request: pytest.FixtureRequest, new_address: Callable[[], str]) -> str:
    """The address of an empty journal: the file `path` where the test takes that too."""
    if "path" in request.fixturenames:
        return f"sqlite:///{request.getfixturevalue('path')}"
    return new_address()
