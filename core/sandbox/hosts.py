"""Lets a contained command reach the hosts that were granted to it, and no other.

bubblewrap knows no hosts: with the network shared, everything is reached. So the command keeps a network of
its own without a way out, and speaks to a proxy of ours on its loopback (`relay.py`), which hands every
connection to this filter through a socket in the worker. A program that heeds no proxy of the environment
(`http_proxy`, `https_proxy`, `all_proxy`) reaches nothing. What goes on inside a connection is not looked at.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from core.sandbox.interpreter import interpreter_paths
from core.sandbox.types import Contained

_RELAY = Path(__file__).with_name("relay.py")
_HEAD_BYTES = 65536
_CONNECT_SECONDS = 30.0
_PIECE = 65536
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


@asynccontextmanager
async def reaching(command: Contained) -> AsyncIterator[Contained]:
    """Return the command as it is to be run so that it reaches `command.hosts`, as long as this lasts."""
    if not command.hosts:
        yield command
        return
    # Not in the caller's folders: the name of a socket may have no more than about a hundred letters.
    with tempfile.TemporaryDirectory(prefix="qdeck-hosts-", ignore_cleanup_errors=True) as folder:
        gateway = Path(folder) / "way"
        python = Path(sys.executable)
        async with _listening(gateway, frozenset(command.hosts)):
            yield replace(
                command,
                argv=(str(python), "-I", "-S", str(_RELAY), str(gateway), *command.argv),
                readable=(*command.readable, *interpreter_paths(python), _RELAY, gateway.parent),
            )


@asynccontextmanager
async def _listening(gateway: Path, hosts: Collection[str]) -> AsyncIterator[None]:
    """Answer on the socket; at the end every connection through it ends too."""
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(_serve(reader, writer, hosts))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_unix_server(connected, gateway, limit=_HEAD_BYTES)
    try:
        yield
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hosts: Collection[str]) -> None:
    """Read what one connection wants, and join it with the host where that was granted."""
    far: asyncio.StreamWriter | None = None
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        target, first = _wanted(head)
        if target not in hosts:
            await _refuse(writer, 403, f"{target or 'This'} was not granted to this command.")
            return
        try:
            answers, joined = await asyncio.wait_for(_connect(target), _CONNECT_SECONDS)
        except (OSError, TimeoutError):
            await _refuse(writer, 502, f"{target} cannot be reached.")
            return
        far = joined
        if first:
            joined.write(first)
        else:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, joined), _pump(answers, writer))
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return
    finally:
        for end in (writer, far):
            if end is not None:
                end.close()


def _wanted(head: bytes) -> tuple[str, bytes]:
    """Return `host:port` of a request to a proxy, and what to send there first: nothing for a tunnel."""
    line, _, rest = head.partition(b"\r\n")
    words = line.decode("ascii", "replace").split(" ")
    if len(words) != 3:
        return "", b""
    method, address, version = words
    if method == "CONNECT":
        return address.lower(), b""
    try:
        parts = urlsplit(address)
        port = parts.port or 80
    except ValueError:
        return "", b""
    name = parts.hostname or ""
    if parts.scheme != "http" or not name:
        return "", b""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # One request a connection: what follows another one on it could be meant for another host.
    kept = re.sub(rb"(?im)^(?:proxy-)?connection:[^\r\n]*\r\n", b"", rest)
    first = f"{method} {path} {version}\r\nConnection: close\r\n".encode() + kept
    return f"{f'[{name}]' if ':' in name else name}:{port}", first


async def _connect(target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to `host:port`. A name may not lead to this machine itself unless it says so."""
    name, _, port = target.rpartition(":")
    bare = name.strip("[]")
    found = await asyncio.get_running_loop().getaddrinfo(bare, int(port), type=socket.SOCK_STREAM)
    problem = OSError(f"{name} has no address")
    for *_, place in found:
        ip = ipaddress.ip_address(str(place[0]).partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip  # ::ffff:127.0.0.1 is this machine, too
        if (ip.is_loopback or ip.is_link_local or ip.is_unspecified) and name not in (*_LOCAL_NAMES, str(ip)):
            continue
        try:
            return await asyncio.open_connection(str(place[0]), int(port))
        except OSError as error:
            problem = error
    raise problem


async def _refuse(writer: asyncio.StreamWriter, status: int, why: str) -> None:
    body = f"qdeck: {why}\n".encode()
    reason = "Forbidden" if status == 403 else "Bad Gateway"
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
    await writer.drain()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(_PIECE):
            target.write(data)
            await target.drain()
    with suppress(OSError, RuntimeError):
        target.write_eof()
