"""What others wrote, as the command line, the API and the dossier hand it on: text, and nothing that acts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.api import create_app
from core.config import load_settings
from core.service import OrchestrationService
from core.service.tokens import Scope
from screenshots.journal import Writer
from tests.cli.calls import CommandLine
from tests.tui.evil import assert_harmless, evil_places

SHOWN: dict[str, tuple[str, ...]] = {
    "status": ("TITLE", "SHOP"),
    "status B-0001": ("TITLE", "ERROR"),
    "status B-0002": ("TITLE", "NOW"),
    "status B-0003": ("TITLE", "SHOP", "EVID", "WHY", "BY"),
    "history B-0003": ("TITLE", "EVID", "END", "WHY", "REASON", "BY"),
    "accept B-0003": ("ASK", "WHY"),
    "projects": ("SHOP",),
    "standing SHOP": ("YES", "BY"),
    "grant SHOP": ("GRANT", "BY"),
    "token list": ("TOKEN", "BY"),
}
"""Each command that says what others wrote, and whose words it says."""


@pytest.fixture
def told(used: CommandLine) -> CommandLine:
    """A journal with harm at every place."""

    async def write() -> None:
        writer = await Writer.open(str(used.database))
        await evil_places(writer)
        await writer.close()

    asyncio.run(write())
    return used


def test_commands_say_what_others_wrote_as_text(told: CommandLine) -> None:
    """For people without anything that a terminal obeys or hides; for programs escaped, and whole."""
    known = told.inside("projects", "--json").data["projects"]
    shop = next(project["project_id"] for project in known if project["name"].startswith("SHOP!"))
    for shown, places in SHOWN.items():
        command = shown.replace("SHOP", shop)
        said = told.inside(*command.split()).ended(0)
        assert_harmless(said.out.replace("\t", " ") + said.err)
        silent = [place for place in places if f"{place}!" not in said.out]
        assert not silent, f"{command}: {said.out}"
        data = told.inside(*command.split(), "--json").ended(0)
        assert_harmless(data.out)
        assert any("\x9b31m" in text for text in walk(data.data)), command


def test_the_dossier_holds_no_control_character(told: CommandLine, tmp_path: Path) -> None:
    """Whoever looks at it in a terminal sees what was written, and nothing happens."""
    told.inside("export", "B-0003", "--to", str(tmp_path / "b.json")).ended(0)
    text = (tmp_path / "b.json").read_text()
    assert_harmless(text)
    assert "STREAM!" in json.dumps(json.loads(text)) or "SAID!" in text


async def test_the_api_answers_with_data_only(told: CommandLine, tmp_path: Path) -> None:
    """Every reply is JSON that says so, with what is no character escaped."""
    service = await OrchestrationService.open(str(told.database))
    token = (await service.tokens.mint(issued_to="ada", scope=Scope.READ)).token
    app = create_app(service, settings=load_settings(env=told.env), wake=lambda: None)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://qdeck", headers=headers
    ) as client:
        listed = await client.get("/api/workflows")
        build = next(row["workflow_id"] for row in listed.json()["workflows"] if row["state"] == "testing")
        replies = [listed, *[await client.get(f"/api/workflows/{build}/{what}") for what in READ]]
    await service.close()
    for reply in replies:
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"] == "application/json"
        assert_harmless(reply.text)
        assert "! [bold red]markup[/]" in reply.text


READ = ("status", "history", "asks")


def walk(data: Any) -> Iterator[str]:
    """Every text in it."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping | list):
        for part in data.values() if isinstance(data, Mapping) else data:
            yield from walk(part)
