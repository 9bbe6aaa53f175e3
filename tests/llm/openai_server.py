"""A real HTTP server on loopback that speaks the chat-completions protocol, streamed, and can misbehave.

Use it as a library::

    with OpenAIServer([Reply("hello"), Reply(fault=Fault.RATE_LIMIT, retry_after=1)]) as server:
        ...  # model "openai/anything", api_base=server.url

or play a whole build through it with a callable that is given each request's JSON::

    def respond(request): return Reply("done", [Tool("submit_code", {"summary": "..."})])

    with OpenAIServer(respond=respond) as server:

or from the shell: `python -m tests.llm.openai_server --port 8111 --scenario rehearsal/slugify`.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ECHOED_KEY = "sk-echoed0123456789abcdef"
"""The key fragment that the 401 answer repeats, as real providers do."""


class Fault(StrEnum):
    """The ways in which a server lets a client down."""

    NONE = ""
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    RATE_LIMIT = "429"
    QUOTA = "insufficient_quota"
    UNKNOWN_MODEL = "404"
    CONTEXT = "context_length_exceeded"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    HANG = "hang"
    """Takes the request and never answers."""
    CUT = "cut"
    """Drops the connection in the middle of the stream."""
    EOF = "eof"
    """Ends the stream cleanly, but with no finish_reason and no [DONE]."""
    STALL = "stall"
    """Streams half of the answer and then says nothing more, with the connection open."""
    EMPTY = "empty"
    """Sends [DONE] and nothing before it."""
    BAD_JSON = "bad_json"
    """Sends a chunk in the middle that is not JSON."""
    ERROR_EVENT = "error_event"
    """Sends an error object as a chunk in the middle of the stream."""


@dataclass(frozen=True)
class Tool:
    """One tool call of a reply. `arguments` as a table is written as JSON; a string goes out as it is.

    `id=None` makes an id, `""` leaves it out; `index=None` numbers the calls, a number is sent as it is.
    """

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    id: str | None = None
    index: int | None = None

    @property
    def raw(self) -> str:
        """The text of the arguments on the wire."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True)
class Reply:
    """What the server answers to one request."""

    text: str = ""
    tool_calls: Sequence[Tool] = ()
    reasoning: str = ""
    finish: str | None = None
    """The finish_reason; None says "tool_calls" or "stop" as it should be."""
    usage: tuple[int, int] | None = (120, 30)
    """Prompt and completion tokens; None sends no usage at all."""
    fault: Fault = Fault.NONE
    retry_after: float | None = None
    piece: int = 7
    """Characters of text or arguments in a chunk."""
    delay: float = 0.0
    """Seconds before each chunk."""
    deltas: Sequence[Mapping[str, Any]] | None = None
    """The very deltas to send, in place of those made from text and tool calls."""


@dataclass(frozen=True)
class Seen:
    """One request that arrived."""

    body: dict[str, Any]
    headers: dict[str, str]
    at: float


Respond = Callable[[dict[str, Any]], Reply]

_STATUS: dict[Fault, tuple[int, str, str]] = {
    Fault.UNAUTHORIZED: (401, "invalid_api_key", f"Incorrect API key provided: {ECHOED_KEY}."),
    Fault.FORBIDDEN: (403, "permission_denied", "This key may not use this model."),
    Fault.RATE_LIMIT: (429, "rate_limit_exceeded", "Rate limit reached for requests per minute."),
    Fault.QUOTA: (429, "insufficient_quota", "You exceeded your current quota, please check your plan."),
    Fault.UNKNOWN_MODEL: (
        404,
        "model_not_found",
        "The model does not exist or you may not use it.",
    ),
    Fault.CONTEXT: (400, "context_length_exceeded", "This model's maximum context length is 8192 tokens."),
    Fault.SERVER_ERROR: (500, "server_error", "The server had an error while processing your request."),
    Fault.BAD_GATEWAY: (502, "bad_gateway", "Bad gateway"),
    Fault.UNAVAILABLE: (503, "unavailable", "The server is overloaded, try again later."),
}


class OpenAIServer:
    """The server. Answers with `replies` in order, then with `respond`, then with "ok".

    `key` makes it refuse every other key; `models` makes every other model unknown.
    """

    def __init__(
        self,
        replies: Iterable[Reply] = (),
        *,
        respond: Respond | None = None,
        key: str | None = None,
        models: Sequence[str] | None = None,
        port: int = 0,
    ) -> None:
        self.requests: list[Seen] = []
        self.hangups: list[float] = []
        """When (time.monotonic) a client closed a connection before its answer was complete."""
        self.key = key
        self.models = models
        self.stopping = threading.Event()
        self._replies = list(replies)
        self._respond = respond
        self._lock = threading.Lock()
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """What to give as `api_base`."""
        return f"http://127.0.0.1:{self.port}/v1"

    def add(self, *replies: Reply) -> None:
        """Queue more replies."""
        with self._lock:
            self._replies.extend(replies)

    def start(self) -> OpenAIServer:
        """Begin to serve, in a thread."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End every answer that is still going on, and close the port."""
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def __enter__(self) -> OpenAIServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def reply_to(self, seen: Seen) -> Reply:
        """Choose the answer to one request."""
        with self._lock:
            self.requests.append(seen)
            queued = self._replies.pop(0) if self._replies else None
        if self.key is not None and seen.headers.get("authorization") != f"Bearer {self.key}":
            return Reply(fault=Fault.UNAUTHORIZED)
        if self.models is not None and seen.body.get("model") not in self.models:
            return Reply(fault=Fault.UNKNOWN_MODEL)
        if queued is not None:
            return queued
        return self._respond(seen.body) if self._respond else Reply("ok")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    owner: OpenAIServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the server's; say nothing."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    connection: socket.socket

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """List the models."""
        names = self.server.owner.models or ["scripted"]
        if self.path.rstrip("/").endswith("/models"):
            self._json(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in names]})
        else:
            self._json(404, {"error": {"message": "Not found", "type": "invalid_request_error"}})

    def do_POST(self) -> None:
        """Answer one chat completion."""
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        if not self.path.rstrip("/").endswith("/chat/completions"):
            self._json(
                404, {"error": {"message": f"Unknown path {self.path}", "type": "invalid_request_error"}}
            )
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(raw)
        reply = self.server.owner.reply_to(Seen(body, headers, time.monotonic()))
        try:
            self._answer(body, reply)
        except (BrokenPipeError, ConnectionResetError):
            self.server.owner.hangups.append(time.monotonic())
            self.close_connection = True

    def _answer(self, body: dict[str, Any], reply: Reply) -> None:
        if reply.fault in _STATUS:
            status, code, text = _STATUS[reply.fault]
            error = {"message": text, "type": code, "code": code, "param": None}
            extra = {} if reply.retry_after is None else {"Retry-After": f"{reply.retry_after:g}"}
            self._json(status, {"error": error}, extra)
        elif reply.fault is Fault.HANG:
            self._wait_for_close()
        elif body.get("stream"):
            self._stream(body, reply)
        else:
            self._json(200, _whole(body, reply))

    def _json(self, status: int, data: object, headers: Mapping[str, str] | None = None) -> None:
        payload = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    def _stream(self, body: dict[str, Any], reply: Reply) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        deltas = [] if reply.fault is Fault.EMPTY else list(reply.deltas or _deltas(reply))
        half = len(deltas) // 2
        for number, delta in enumerate(deltas):
            if number == half and self._misbehave(reply):
                return
            if reply.delay:
                self._pause(reply.delay)
            self._event(_chunk(body, [{"index": 0, "delta": delta, "finish_reason": None}]))
        if reply.fault is not Fault.EMPTY:
            self._event(_chunk(body, [{"index": 0, "delta": {}, "finish_reason": _finish(reply)}]))
            if reply.usage is not None:
                self._event({**_chunk(body, []), "usage": _usage(reply)})
        self._line("data: [DONE]\n\n")
        self._line("")

    def _misbehave(self, reply: Reply) -> bool:
        """Do what the fault says in the middle of the stream; True when the answer ends with it."""
        if reply.fault is Fault.CUT:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif reply.fault is Fault.EOF:
            self._line("")
        elif reply.fault is Fault.STALL:
            self._wait_for_close()
        elif reply.fault is Fault.BAD_JSON:
            self._line('data: {"choices": [{"delta": {"cont\n\n')
            self._line("")
        elif reply.fault is Fault.ERROR_EVENT:
            self._event({"error": {"message": "The engine died.", "type": "server_error", "code": 500}})
            self._line("")
        else:
            return False
        return True

    def _event(self, data: object) -> None:
        self._line(f"data: {json.dumps(data)}\n\n")

    def _line(self, text: str) -> None:
        """Write one piece of a chunked body; an empty one ends it."""
        payload = text.encode()
        self.wfile.write(f"{len(payload):x}\r\n".encode() + payload + b"\r\n")
        self.wfile.flush()

    def _closed(self, seconds: float) -> bool:
        readable, _, _ = select.select([self.connection], [], [], seconds)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def _pause(self, seconds: float) -> None:
        if self._closed(seconds):
            raise BrokenPipeError

    def _wait_for_close(self) -> None:
        while not self.server.owner.stopping.is_set():
            self._pause(0.02)
        self.close_connection = True


def _pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _deltas(reply: Reply) -> list[dict[str, Any]]:
    """Cut a reply into the deltas of a stream, tool calls in fragments as OpenAI sends them."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in _pieces(reply.reasoning, reply.piece)]
    deltas += [{"content": piece} for piece in _pieces(reply.text, reply.piece)]
    for number, tool in enumerate(reply.tool_calls):
        index = number if tool.index is None else tool.index
        first: dict[str, Any] = {"index": index, "type": "function"}
        call_id = f"call_{time.monotonic_ns():x}_{number}" if tool.id is None else tool.id
        if call_id:
            first["id"] = call_id
        first["function"] = {"name": tool.name, "arguments": ""}
        deltas.append({"tool_calls": [first]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in _pieces(tool.raw, reply.piece)
        ]
    return deltas


def _finish(reply: Reply) -> str:
    return reply.finish or ("tool_calls" if reply.tool_calls else "stop")


def _usage(reply: Reply) -> dict[str, int]:
    prompt, completion = reply.usage or (0, 0)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _chunk(body: Mapping[str, Any], choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-loopback",
        "object": "chat.completion.chunk",
        "created": 1_750_000_000,
        "model": body.get("model", ""),
        "choices": choices,
    }


def _whole(body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": tool.id or f"call_{number}",
                "type": "function",
                "function": {"name": tool.name, "arguments": tool.raw},
            }
            for number, tool in enumerate(reply.tool_calls)
        ]
    choice = {"index": 0, "message": message, "finish_reason": _finish(reply)}
    return {**_chunk(body, [choice]), "object": "chat.completion", "usage": _usage(reply)}


def main() -> None:
    """Serve a rehearsal's words over HTTP until interrupted."""
    from tests.llm.scenario_server import scenario_responder

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=8111)
    parser.add_argument("--scenario", default="rehearsal/slugify")
    options = parser.parse_args()
    with OpenAIServer(respond=scenario_responder(options.scenario), port=options.port) as server:
        print(f"listening on {server.url}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
