"""A loopback server that speaks the protocols of Anthropic, Gemini and Ollama: one fixed answer in each.

The answer is the text "Hello" and a call of `read`; `complete=False` leaves out what ends it.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Data = dict[str, Any]


class NativeServer:
    """The server. `url` is the address to give as `api_base`; `paths` are those that were asked."""

    def __init__(self, *, complete: bool = True) -> None:
        self.complete = complete
        self.paths: list[str] = []
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> NativeServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: NativeServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer what a client asks beside the call with nothing."""
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_POST(self) -> None:
        """Stream the answer in the protocol that the path belongs to."""
        self.rfile.read(int(self.headers.get("content-length") or 0))
        owner = self.server.owner
        owner.paths.append(self.path)
        if "/v1/messages" in self.path:
            events, kind = [_event(data) for data in _anthropic(owner.complete)], "text/event-stream"
        elif "/api/chat" in self.path:
            events, kind = (
                [f"{json.dumps(data)}\n" for data in _ollama(owner.complete)],
                "application/x-ndjson",
            )
        else:
            events = [f"data: {json.dumps(data)}\r\n\r\n" for data in _gemini(owner.complete)]
            kind = "text/event-stream"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        # litellm cannot tell a Gemini stream that ends early; one that is dropped it can.
        dropped = ":streamGenerateContent" in self.path and not owner.complete
        for event in events if dropped else [*events, ""]:
            payload = event.encode()
            self.wfile.write(f"{len(payload):x}\r\n".encode() + payload + b"\r\n")
        self.close_connection = dropped


def _event(data: Data) -> str:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n"


def _anthropic(complete: bool) -> list[Data]:
    usage = {
        "input_tokens": 100,
        "cache_read_input_tokens": 1000,
        "cache_creation_input_tokens": 50,
        "output_tokens": 1,
    }
    message = {"id": "m", "type": "message", "role": "assistant", "content": [], "usage": usage}
    tool = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}}
    answer: list[Data] = [
        {"type": "message_start", "message": message | {"model": "claude-sonnet-4-5", "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": tool},
        *(
            {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "input_json_delta", "partial_json": part},
            }
            for part in ('{"pa', 'th": "a"}')
        ),
        {"type": "content_block_stop", "index": 1},
    ]
    end: list[Data] = [
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 40}},
        {"type": "message_stop"},
    ]
    return answer + (end if complete else [])


def _gemini(complete: bool) -> list[Data]:
    def candidate(part: Data, **more: str) -> Data:
        return {"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0, **more}]}

    if not complete:
        return [candidate({"text": "Hel"}), candidate({"text": "lo"})]
    call = candidate({"functionCall": {"name": "read", "args": {"path": "a"}}}, finishReason="STOP")
    usage = {"promptTokenCount": 1150, "candidatesTokenCount": 40, "totalTokenCount": 1190}
    return [candidate({"text": "Hello"}), call | {"usageMetadata": usage}]


def _ollama(complete: bool) -> list[Data]:
    def line(message: Data, **more: Any) -> Data:
        moment = "2025-01-01T00:00:00Z"
        return {
            "model": "m",
            "created_at": moment,
            "message": {"role": "assistant", **message},
            "done": False,
        } | more

    call = {"content": "", "tool_calls": [{"function": {"name": "read", "arguments": {"path": "a"}}}]}
    end = line({"content": ""}, done=True, done_reason="stop", prompt_eval_count=1150, eval_count=40)
    return [line({"content": "Hel"}), line({"content": "lo"}), line(call)] + ([end] if complete else [])
