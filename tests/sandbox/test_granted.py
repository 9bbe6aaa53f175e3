"""A command that was granted secrets and hosts gets those, and nobody reads the secrets afterwards."""

from __future__ import annotations

import base64
import shlex
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.sandbox import Sandbox, hosts, run
from core.sandbox.redaction import Redactor
from tests.sandbox.conftest import PYTHON, Runner, contained

TOKEN = "s3cr3t/värde+0123456789-abcdefghij"
KEY = "-----BEGIN KEY-----\nMIIEowIBAAKCAQEA7\nq1w2e3r4t5y6\n-----END KEY-----"
PRINTS = r"""
import base64, os, sys, time, urllib.parse, json
token = os.environ["TOKEN"].encode()
print("plain", os.environ["TOKEN"])
for before in ("", "a", "ab"):
    print("base64", base64.b64encode(before.encode() + token + b"tail").decode())
print("url", urllib.parse.quote(os.environ["TOKEN"], safe=""), "json", json.dumps(os.environ["TOKEN"]))
print("hex", token.hex())
for line in os.environ["KEY"].splitlines():
    print("   line", line)
sys.stdout.flush()
for piece in (token[:5], token[5:9], token[9:]):
    os.write(1, piece)
    time.sleep(0.02)
os.write(1, b" end\n")
"""
ASKS = r"""
import os, socket, sys, urllib.error, urllib.request
def get(url):
    try:
        return urllib.request.urlopen(url, timeout=20).read().decode()
    except OSError as error:
        return f"{type(error).__name__} {getattr(error, 'code', '')}"
granted, other = sys.argv[1:]
print("granted:", get(f"http://127.0.0.1:{granted}/a?b"))
print("other:", get(f"http://127.0.0.1:{other}/"))
proxy = urllib.request.getproxies()["https"].rpartition(":")[2]
def tunnel(port):
    with socket.create_connection(("127.0.0.1", int(proxy))) as way:
        way.sendall(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n".encode())
        answer = way.recv(4096).split(b"\r\n")[0].decode()
        if " 200 " in answer:
            way.sendall(b"GET /tunnel HTTP/1.0\r\n\r\n")
            while data := way.recv(4096):
                answer += data.decode()
        return answer.splitlines()
print("tunnel:", tunnel(granted)[-1], "/", tunnel(other)[0])
try:
    socket.create_connection(("127.0.0.1", int(granted)), 5)
    print("direct: reached")
except OSError:
    print("direct: nothing")
"""


class Says(BaseHTTPRequestHandler):
    """Says what was asked of it."""

    def do_GET(self) -> None:
        """Tell what was asked."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"served {self.path}".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    """The ports of two servers on this machine's loopback."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Says) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield servers[0].server_port, servers[1].server_port
    for server in servers:
        server.shutdown()
        server.server_close()


def _forms(value: str) -> list[str]:
    raw = value.encode()
    return [value, raw.hex(), *(base64.b64encode(b"x" * n + raw).decode()[4:-8] for n in range(3))]


async def test_what_a_command_prints_of_its_secrets_is_masked(tree: Path, sandbox: Sandbox) -> None:
    """In every common form, also across pieces, in the kept output and in what is told as it comes."""
    live = bytearray()
    command = contained(tree, str(PYTHON), "-c", PRINTS, secrets={"TOKEN": TOKEN, "KEY": KEY})

    seen = await run(command, sandbox, live.extend)

    text = seen.output.decode()
    assert seen.exit_code == 0, text
    assert bytes(live) == seen.output
    assert "plain [TOKEN]\n" in text and text.endswith("[TOKEN] end\n")
    assert text.count("line [KEY]") == 4
    for form in [form for value in (TOKEN, *KEY.splitlines()[1:3]) for form in _forms(value)]:
        assert form not in text


async def test_a_name_that_leads_to_this_machine_in_disguise_is_refused(ports: tuple[int, int]) -> None:
    """An address of the new kind can hold one of the old kind: this machine's own."""
    with pytest.raises(OSError, match="has no address"):
        await hosts._connect(f"[::ffff:127.0.0.1]:{ports[0]}")


async def test_only_granted_hosts_are_reached(tree: Path, sandbox: Sandbox, ports: tuple[int, int]) -> None:
    """Through the proxy of the environment, and past it nothing at all."""
    granted, other = ports
    argv = (str(PYTHON), "-c", ASKS, str(granted), str(other))

    seen = await run(contained(tree, *argv, hosts=(f"127.0.0.1:{granted}",)), sandbox)

    assert seen.output.decode().splitlines() == [
        "granted: served /a?b",
        "other: HTTPError 403",
        "tunnel: served /tunnel / HTTP/1.1 403 Forbidden",
        "direct: nothing",
    ]
    assert seen.argv == argv, "the receipt tells of the command, not of what stands in front of it"


async def test_without_a_grant_there_is_no_proxy_and_no_secret(
    shell: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ever: neither the user's environment nor a network."""
    monkeypatch.setenv("TOKEN", TOKEN)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")

    seen = await shell(f'echo "[$TOKEN$https_proxy]"; {shlex.quote(str(PYTHON))} -c "import urllib.request"')

    assert seen.output == b"[]\n"


def test_nothing_of_a_secret_is_told_before_it_is_known_to_be_none() -> None:
    """The beginning of a secret waits for the next piece, and is told when it was none."""
    redactor = Redactor({"T": "abcdefgh-secret"})

    assert redactor.feed(b"x abcdefg") == b"x "
    assert redactor.feed(b"h-other") == b"abcdefgh-other"
    assert redactor.feed(b" abcdefgh-secr") == b" "
    assert redactor.feed(b"et!") == b"[T]!"
    assert redactor.feed(b"abcdefgh") == b"" and redactor.rest() == b"abcdefgh"
