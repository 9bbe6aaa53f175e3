"""A command line with an empty home, and a repository to build in."""

from __future__ import annotations

import asyncio
import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from core.service import OrchestrationService
from tests.cli.calls import MODEL, CommandLine, git


@pytest.fixture
def qdeck(tmp_path: Path) -> CommandLine:
    """`qdeck` for somebody who never used it."""
    return CommandLine(tmp_path / "home")


@pytest.fixture(scope="session")
def empty_journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal at the newest schema, made once: migrating takes seconds."""
    file = tmp_path_factory.mktemp("journal") / "qdeck.db"

    async def make() -> None:
        await (await OrchestrationService.open(str(file))).close()

    asyncio.run(make())
    return file


@pytest.fixture
def used(qdeck: CommandLine, empty_journal: Path) -> CommandLine:
    """`qdeck` for somebody who has a journal already."""
    qdeck.database.parent.mkdir(parents=True)
    shutil.copy(empty_journal, qdeck.database)
    return qdeck


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A small package with tests, one commit on main."""
    folder = tmp_path / "textkit"
    with as_file(files("prompts").joinpath(*MODEL.split("/"), "project")) as source:
        shutil.copytree(source, folder)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "The package")
    return folder
