"""The app in a browser: textual-serve behind a door of our own. Loopback only, one person, one key to it.

The address that is printed holds a token. It opens the door once: it is exchanged for a cookie and is worth
nothing after that. Every request, the websocket's too, has to name this very host and come from this page.
Each visit runs the app as a process of its own, started from a list of words, never by a shell.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from core.errors import QdeckError

VISITS = 4
"""Windows that may be open at the same time; each is a process."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self' {socket}; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'none'"
    ),
}
_HEAD = """<head><meta charset="utf-8"><title>qdeck</title><script>
{
  // What the app calls its window, the tab is called.
  const Plain = WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...words) {
      super(...words);
      this.addEventListener("message", async ({ data }) => {
        if (typeof data === "string") return;
        const named = /\\x1b\\]2;([^\\x07\\x1b]*)/.exec(await new Response(data).text());
        if (named) document.title = named[1];
      });
    }
  };
  // Keys count as soon as there is something to see.
  new MutationObserver((changes, seen) => {
    if (!document.body?.classList.contains("-first-byte")) return;
    seen.disconnect();
    document.querySelector(".xterm-helper-textarea")?.focus();
  }).observe(document.documentElement, { attributes: true, subtree: true, attributeFilter: ["class"] });
}
</script>"""
"""What textual-serve's page lacks: a name, and the focus where keys are typed."""
_FONT = re.compile(r"<link[^>]*fonts\.googleapis\.com[^>]*>", re.DOTALL)
"""A font from elsewhere, which the page may not load."""
_USED = "This address was used already, or is none. `qdeck web` prints a new one."


def listen(port: int) -> socket.socket:
    """Take a port of this machine's loopback, which nobody else can reach. Raises QdeckError."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(("127.0.0.1", port))
    except OSError as error:
        taken.close()
        raise QdeckError(
            f"Port {port} cannot be used: {error.strerror}.", "Choose another with --port."
        ) from error
    return taken


class Visit(AppService):
    """One window: the app in a process of its own."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], **rest: Any) -> None:
        super().__init__("qdeck", **rest)
        self._argv, self._more = tuple(argv), dict(environment)

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        """Start the app from a list of words; textual-serve itself would hand a line to a shell."""
        environment = self._build_environment(width=width, height=height) | self._more
        self._process = await asyncio.create_subprocess_exec(
            *self._argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment
        )
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        self._stdin = self._process.stdin
        return self._process

    async def stop(self) -> None:
        """Ask the app to end, and end it when it does not."""
        process = self._process
        try:
            await asyncio.wait_for(super().stop(), 10)
        except (TimeoutError, ConnectionError):
            if process is not None and process.returncode is None:
                process.kill()
        if process is not None:
            await process.wait()


class Door(Server):
    """textual-serve's server, let in by token, cookie, Host and Origin."""

    def __init__(self, taken: socket.socket, environment: Mapping[str, str], *, approve: bool) -> None:
        self._socket = taken
        self.place = f"127.0.0.1:{taken.getsockname()[1]}"
        super().__init__("qdeck", host="127.0.0.1", port=taken.getsockname()[1], title="qdeck")
        self.public_url = f"http://{self.place}"
        self.argv = [sys.executable, "-P", "-m", "tui.cli", *([] if approve else ["--read-only"]), "--web"]
        self._environment = environment
        self._token: str | None = secrets.token_urlsafe(32)
        self._cookie = f"qdeck-{self.port}"
        self._session = ""
        self._open = 0

    @property
    def address(self) -> str:
        """What a person opens, once."""
        return f"{self.public_url}/?token={self._token}"

    def initialize_logging(self) -> None:
        """Nothing of the server's own is printed."""

    async def on_startup(self, app: web.Application) -> None:
        """Nothing is printed here either: the command says where it listens."""

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Let in who is let in, and say little to everybody else."""
        if request.host != self.place:
            raise web.HTTPForbidden(text="This is not the address of this server.")
        origin = request.headers.get("Origin")
        if (request.path == "/ws" or origin is not None) and origin != self.public_url:
            raise web.HTTPForbidden(text="Only the page of this server may do that.")
        if request.path == "/" and "token" in request.query:
            return self._exchange(request.query["token"])
        if not self._knows(request.cookies.get(self._cookie, "")):
            raise web.HTTPForbidden(text=_USED)
        response: web.StreamResponse = await handler(request)
        if request.path == "/" and isinstance(response, web.Response) and response.text:
            response.text = _FONT.sub("", response.text).replace("<head>", _HEAD, 1)
        if not response.prepared:
            headers = {name: text.format(socket=f"ws://{self.place}") for name, text in _HEADERS.items()}
            response.headers.update(headers)
        return response

    def _exchange(self, token: str) -> web.Response:
        """Take the token, once, for a cookie that only this page gets."""
        if self._token is None or not hmac.compare_digest(token.encode(), self._token.encode()):
            raise web.HTTPForbidden(text=_USED)
        self._token, self._session = None, secrets.token_urlsafe(32)
        response = web.Response(status=303, headers={"Location": "/", "Referrer-Policy": "no-referrer"})
        response.set_cookie(self._cookie, self._session, httponly=True, samesite="Strict", path="/")
        return response

    def _knows(self, cookie: str) -> bool:
        return bool(self._session) and hmac.compare_digest(cookie.encode(), self._session.encode())

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Run the app for one window, as long as that is open."""
        if self._open >= VISITS:
            raise web.HTTPServiceUnavailable(text=f"{VISITS} windows are open already; close one.")
        self._open += 1
        connection = web.WebSocketResponse(heartbeat=15, max_msg_size=1 << 20)
        visit = Visit(
            self.argv,
            self._environment,
            write_bytes=connection.send_bytes,
            write_str=connection.send_str,
            close=connection.close,
            download_manager=self.download_manager,
        )
        try:
            await connection.prepare(request)
            width, height = (_cells(request.query.get(name, "")) for name in ("width", "height"))
            await visit.start(width or 80, height or 24)
            await self._process_messages(connection, visit)
        except (ValueError, TypeError, KeyError, IndexError, AssertionError):
            # What a page sends that is no message of ours ends its visit, and nothing else.
            await connection.close()
        finally:
            self._open -= 1
            await visit.stop()
        return connection

    async def answer(self, until: asyncio.Event, ready: Callable[[], object]) -> None:
        """Serve until told to end, and say when it begins; every window's app ends with it."""
        runner = web.AppRunner(await self._make_app(), access_log=None, shutdown_timeout=5)
        await runner.setup()
        try:
            await web.SockSite(runner, self._socket).start()
            ready()
            await until.wait()
        finally:
            await runner.cleanup()


def _cells(text: str) -> int:
    return min(1_000, int(text)) if text.isascii() and text.isdigit() else 0
