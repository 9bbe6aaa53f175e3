"""`qdeck serve` and `qdeck token`, as people and their scripts call them."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from tests.cli.calls import CommandLine

TOKEN = re.compile(r"qdeck_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")


@pytest.fixture
def qdeck(tmp_path: Path, migrated: Path) -> CommandLine:
    """`qdeck` for somebody who has a journal already."""
    line = CommandLine(tmp_path / "home")
    line.database.parent.mkdir(parents=True)
    shutil.copy(migrated, line.database)
    return line


def minted(qdeck: CommandLine, scope: str, *options: str) -> str:
    """Mint a token at a terminal, as a person does."""
    terminal = qdeck.at_terminal("token", "new", scope, *options)
    terminal.wait_for(r"to mint it:")
    terminal.type(scope)
    found = TOKEN.search(terminal.end().ended(0).out)
    assert found is not None
    return found.group()


def opened(qdeck: CommandLine, *options: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start the server on a free port and return it with its address."""
    server = qdeck.open("serve", "--port", "0", "--no-worker", "--json", *options)
    assert server.stdout is not None
    text = b""
    while not text.rstrip().endswith(b"}"):
        line = server.stdout.readline()
        assert line, server.stderr and server.stderr.read()
        text += line
    return server, json.loads(text)["url"]


def test_a_token_is_minted_by_a_person_who_types_its_scope(qdeck: CommandLine) -> None:
    """The question says what the token may do; the list shows it, without its secret."""
    terminal = qdeck.at_terminal("token", "new", "approve", "--name", "phone", "--days", "2")
    asked = terminal.wait_for(r"to mint it:")
    terminal.type("approve")
    told = terminal.end().ended(0).out

    token = TOKEN.search(told)
    assert token and "IN YOUR NAME" in asked and "for 2 days" in asked
    listed = qdeck("token", "list").ended(0).out
    data = qdeck.inside("token", "list", "--json").ended(0).data["tokens"]
    secret = token.group().split("_", 2)[2]
    assert "phone" in listed and "approve" in listed and "never used" in listed and secret not in listed
    assert [(t["scope"], t["name"], t["standing"]) for t in data] == [("approve", "phone", "good")]
    assert secret not in json.dumps(data)
    assert secret.encode() not in qdeck.database.read_bytes()


@pytest.mark.parametrize("typed", ["y", "", "read", "approved"])
def test_another_word_mints_nothing(qdeck: CommandLine, typed: str) -> None:
    """A stray key, a yes, or the scope of a smaller right is a no."""
    terminal = qdeck.at_terminal("token", "new", "approve")
    terminal.wait_for(r"to mint it:")
    terminal.type(typed)
    assert TOKEN.search(terminal.end().ended(2).out) is None
    assert qdeck.inside("token", "list", "--json").data == {"tokens": []}


def test_without_a_terminal_nobody_mints(qdeck: CommandLine) -> None:
    """A pipe that says the right word is no person."""
    told = qdeck("token", "new", "read", "--json", given="read\n").ended(2).data
    words = qdeck.inside("token", "new", "approve", given="approve\n").ended(2)

    assert told["code"] == "not_yours" and "terminal" in told["what"]
    assert words.out == "" and qdeck.inside("token", "list", "--json").data == {"tokens": []}


@pytest.mark.parametrize(
    "arguments",
    [
        *(("token",), ("token", "new"), ("token", "new", "root"), ("token", "revoke")),
        *(("token", "new", "read", "--days", "0"), ("token", "new", "read", "--days", "400")),
        *(("serve", "--port", "70000"), ("serve", "--port", "x")),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_64(qdeck: CommandLine, arguments: tuple[str, ...]) -> None:
    """In words and as JSON."""
    assert qdeck.inside(*arguments).ended(64).out == ""
    assert qdeck.inside(*arguments, "--json").ended(64).data["code"] == "usage"


def test_an_unknown_token_cannot_be_revoked(qdeck: CommandLine) -> None:
    """Exit code 4, like every unknown id."""
    assert qdeck.inside("token", "revoke", "abc", "--json").ended(4).data["code"] == "unknown"


def test_the_server_answers_until_it_is_told_to_end(qdeck: CommandLine, tmp_path: Path) -> None:
    """It starts, refuses strangers, carries an order, notices a revoked token, and ends in order with 0."""
    token = minted(qdeck, "operate")
    server, url = opened(qdeck)
    with httpx.Client(base_url=url, timeout=60) as client:
        assert url.startswith("http://127.0.0.1:")
        assert client.get("/docs").status_code == 200
        assert client.get("/api/workflows").status_code == 401
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/api/workflows").json() == {"total": 0, "workflows": []}
        assert client.post("/api/workflows/nowhere/start", json={"requirements": "x"}).status_code == 404
        big = client.post("/api/workflows/B-1/chat", json={"text": "x" * 3_000_000})
        assert (big.status_code, big.json()["code"]) == (413, "too_large")
        assert "server" not in big.headers

        qdeck("token", "revoke", token.split("_")[1]).ended(0)
        assert client.get("/api/workflows").status_code == 401

    server.send_signal(signal.SIGTERM)
    out, err = server.communicate(timeout=30)
    assert (server.returncode, out) == (0, b"") and b"Traceback" not in err


def test_ctrl_c_ends_the_server_also_while_somebody_reads_a_stream(qdeck: CommandLine) -> None:
    """The stream has no end of its own; the server does not wait for it."""
    token = minted(qdeck, "operate")
    folder = qdeck.home.parent / "project"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    build_id = qdeck.start(folder).build_id
    server, url = opened(qdeck)
    headers = {"Authorization": f"Bearer {token}"}
    with (
        httpx.Client(headers=headers, timeout=60) as client,
        client.stream("GET", f"{url}/api/workflows/{build_id}/events") as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "id: 1"
        server.send_signal(signal.SIGINT)
        _, err = server.communicate(timeout=30)
    assert server.returncode == 0 and b"Traceback" not in err


def test_who_has_no_token_is_told_how_to_get_one(qdeck: CommandLine) -> None:
    """On standard error, where people look; the address alone is on standard output.

    It is the one that the README names, unless somebody else on this machine has it.
    """
    with qdeck.worked():
        server = qdeck.open("serve")
        assert server.stdout is not None
        address = server.stdout.readline()
        if address:
            server.send_signal(signal.SIGTERM)
        _, err = server.communicate(timeout=30)
    if address:
        assert address == b"http://127.0.0.1:8642\n" and b"qdeck token new" in err and server.returncode == 0
    else:
        assert b"8642" in err and b"--port" in err and server.returncode == 1


def test_a_port_that_is_taken_is_said_in_a_sentence(qdeck: CommandLine) -> None:
    """Exit code 1, with what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        told = qdeck("serve", "--port", port, "--json").ended(1).data
    assert port in told["what"] and "--port" in told["hint"]
    assert qdeck.inside("serve", "--host", "no.such.host.invalid", "--json").ended(1).data["hint"]


def test_without_the_extra_it_says_what_to_install(qdeck: CommandLine) -> None:
    """The API is an extra; whoever lacks it is told, not shown an import error."""

    def without(name: str) -> Any:
        return None if name == "fastapi" else object()

    with mock.patch("tui.commands.serving.find_spec", without):
        told = qdeck.inside("serve", "--json").ended(1).data
        alias = qdeck.inside("api", "--json").ended(1).data
    assert "extra `api`" in told["what"] and "[api]" in told["hint"] and alias == told


def test_the_commands_import_no_server_until_they_serve(qdeck: CommandLine) -> None:
    """Listing commands costs nobody FastAPI."""
    source = (
        "import sys; from tui.commands.menu import run_command; run_command(['machine']);"
        "print([n for n in ('fastapi', 'uvicorn', 'starlette', 'sqlmodel') if n in sys.modules])"
    )
    argv = [sys.executable, "-P", "-c", source]
    done = subprocess.run(argv, env=qdeck.env, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
