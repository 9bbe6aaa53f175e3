"""Whatever is sent gets an answer of our shape with the right status; nothing of it is a 5xx."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from core.api import door
from core.errors import JournalError
from core.service import questions
from core.service.tokens import Scope
from tests.api.conftest import Api, fault

JSON = {"Content-Type": "application/json"}
MEGABYTE = 1 << 20


async def send(api: Api, path: str, content: Any, **headers: str) -> httpx.Response:
    """Send raw bytes as ada."""
    async with api.client(api.tokens[Scope.APPROVE]) as client:
        return await client.post(f"/api/workflows{path}", content=content, headers=headers)


STEP = {"role": "q_assistant", "completed_state": "discovery"}
ROLLBACK = {"target_state": "planning", "reason": "so"}
START = {"requirements": "x"}


@pytest.mark.parametrize(
    ("verb", "body", "names"),
    [
        ("advance", {**STEP, "role": "king"}, "role"),
        ("advance", {**STEP, "role": ["q_assistant"]}, "role"),
        ("advance", {**STEP, "completed_state": "mars"}, "completed_state"),
        ("advance", {"role": "q_assistant"}, "completed_state"),
        ("advance", {**STEP, "next_state": "moon"}, "next_state"),
        ("advance", {**STEP, "phase_result": []}, "phase_result"),
        ("advance", {**STEP, "by": "person:eve"}, "by"),
        ("advance", {**STEP, "expected_version": "1"}, "expected_version"),
        ("advance", {**STEP, "expected_version": -1}, "expected_version"),
        ("advance", {**STEP, "expected_version": 1.5}, "expected_version"),
        ("advance", {**STEP, "expected_version": True}, "expected_version"),
        ("request-retry", {}, "reason"),
        ("request-retry", {"reason": ""}, "reason"),
        ("request-retry", {"reason": 7}, "reason"),
        ("rollback", {"target_state": "planning"}, "reason"),
        ("rollback", {**ROLLBACK, "target_state": "atlantis"}, "target_state"),
        ("rollback", {**ROLLBACK, "checkpoint": True}, "checkpoint"),
        ("chat", {"text": "x" * 80_001}, "text"),
        ("chat", "hello", "body"),
        ("chat", [1], "body"),
        ("chat", None, "body"),
        ("pause", {"reason": None}, "reason"),
        ("start", {"requirements": ""}, "requirements"),
        ("start", {**START, "build_id": "../../etc"}, "build_id"),
        ("start", {**START, "autonomy": "auto"}, "autonomy"),
        ("start", {**START, "metadata": 7}, "metadata"),
    ],
)
async def test_a_wrong_field_is_named(api: Api, verb: str, body: Any, names: str) -> None:
    """422, with the field that is wrong; also what would be a right of the caller's own making."""
    build = await api.begun()
    place = api.project_id if verb == "start" else build.id
    async with api.client(api.tokens[Scope.APPROVE]) as client:
        answer = await client.post(f"/api/workflows/{place}/{verb}", json=body)

    told = fault(answer, 422, "invalid")
    assert names in told["what"] and told["hint"]
    assert (await build.now()).version == 1 and len(await api.service.board()) == 1


@pytest.mark.parametrize(
    "content",
    [
        *(b"{", b"hello", b'{"text": "a"} {}', b"\xff\xfe", b'{"text": "\xff"}', b"'a'", b"\xef\xbb\xbf{}"),
        *(b'{"text": NaN}', b'{"text": -Infinity}', b'{"text": undefined}', b'{"a": 01}', b'{"text": "\n"}'),
        b'{"n": ' + b"9" * 5_000 + b"}",
    ],
)
async def test_what_is_no_json_is_400(api: Api, content: bytes) -> None:
    """Also what Python's reader would let pass, and numbers that it refuses to read."""
    build = await api.begun()
    fault(await send(api, f"/{build.id}/chat", content, **JSON), 400, "bad_json")


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 500_000,
        b'{"a":' * 100_000,
        b'{"metadata": ' + b'{"a":' * 70 + b"1" + b"}" * 70 + b', "requirements": "x"}',
        b'{"requirements": "x", "metadata": {"n": 1e999}}',
    ],
)
async def test_what_a_journal_cannot_hold_is_422(api: Api, content: bytes) -> None:
    """Deep nesting and numbers without end cost an answer and no stack."""
    fault(await send(api, f"/{api.project_id}/start", content, **JSON), 422, "invalid")
    assert await api.service.board() == []


async def test_characters_that_no_database_holds_are_left_out(api: Api) -> None:
    """NUL characters and halves of surrogate pairs, in words, keys and values, on both databases."""
    content = (
        rb'{"requirements": "a\u0000b\ud800c", "user_id": "u\u0000",'
        rb' "metadata": {"k\u0000\udfff": ["\u0000v\ud83d\ude00"]}}'
    )
    answer = await send(api, f"/{api.project_id}/start", content, **JSON)

    assert answer.status_code == 200, answer.text
    view = await api.service.get_workflow_status(answer.json()["workflow_id"])
    assert (view.request, view.user_id, view.metadata) == ("ab?c", "u", {"k?": ["v😀"]})
    await api.read(f"/{view.workflow_id}/history")


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""),
        *("application/jsonx", "application/xml", "text/json", "*/*", "é"),
    ],
)
async def test_another_content_type_is_415(api: Api, kind: str) -> None:
    """A form of some web page cannot be an order, whatever token it carries."""
    build = await api.begun()
    headers = {"Content-Type": kind.encode()} if kind else {}
    async with api.client(api.tokens[Scope.APPROVE]) as client:
        url = f"/api/workflows/{build.id}/cancel"
        answer = await client.post(url, content=b'{"reason": "x"}', headers=headers)  # type: ignore[arg-type]

    told = fault(answer, 415, "unsupported_media_type")
    assert "application/json" in told["hint"] and (await build.now()).version == 1


async def test_json_may_name_its_charset_in_any_case(api: Api) -> None:
    """What every client library sends is taken."""
    build = await api.begun()
    kind = "Application/JSON; charset=UTF-8"
    assert (await send(api, f"/{build.id}/pause", b"{}", **{"Content-Type": kind})).status_code == 200


async def test_a_body_over_a_megabyte_is_413(api: Api) -> None:
    """Announced or not; a megabyte exactly is read, and refused for what it says."""
    build = await api.begun()
    big = b'{"text": "' + b"x" * (8 * MEGABYTE) + b'"}'

    async def unannounced() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 65_536):
            yield big[start : start + 65_536]

    whole = b'{"text": "' + b"x" * (MEGABYTE - 12) + b'"}'
    for content in (big, unannounced(), whole + b" "):
        told = fault(await send(api, f"/{build.id}/chat", content, **JSON), 413, "too_large")
        assert "1,048,576" in told["what"]
    assert len(whole) == MEGABYTE
    fault(await send(api, f"/{build.id}/chat", whole, **JSON), 422, "invalid")


async def test_an_endless_body_is_not_read_to_its_end(api: Api) -> None:
    """A sender who never stops is answered, and costs no memory."""
    build = await api.begun()
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += MEGABYTE
            yield b"x" * MEGABYTE

    fault(await send(api, f"/{build.id}/chat", endless(), **JSON), 413, "too_large")
    assert read <= 20 * MEGABYTE


async def test_a_body_that_never_comes_is_408(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender who opens a request and says nothing is let go."""
    monkeypatch.setattr(door, "_BODY_SECONDS", 0.2)
    build = await api.begun()

    async def silent() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    fault(await send(api, f"/{build.id}/chat", silent(), **JSON), 408, "timeout")


@pytest.mark.parametrize(
    "place",
    [
        *("/%00/status", "/a%2Fb/status", "/%F0%9F%8E%89/status", "/%ff/status", "/a b/status"),
        *("/" + "x" * 65 + "/status", "/" + "x" * 60_000, "/'%20OR%201=1--/status"),
    ],
)
async def test_an_id_that_cannot_be_one_is_no_trouble(api: Api, place: str) -> None:
    """It is not found, or not valid; it never reaches the database."""
    answer = await api.ask(Scope.READ, "GET", place)
    assert answer.status_code in (404, 422), answer.text
    fault(answer, answer.status_code, "unknown" if answer.status_code == 404 else "invalid")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=", "after=-1", "after=1e3"])
async def test_a_wrong_limit_is_422(api: Api, query: str) -> None:
    """No page without end, and none of nothing."""
    build = await api.begun()
    fault(await api.ask(Scope.READ, "GET", f"/{build.id}/history?{query}"), 422, "invalid")


async def test_another_method_is_405_with_the_right_one_named(api: Api) -> None:
    """In our shape, with the Allow header."""
    build = await api.begun()
    for method, path, allowed in (
        ("GET", "advance", "POST"),
        ("DELETE", "status", "GET"),
        ("PUT", "chat", "POST"),
    ):
        answer = await api.ask(Scope.APPROVE, method, f"/{build.id}/{path}")
        fault(answer, 405, "not_allowed")
        assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("key", ["", "a b", "x" * 101, "é", "a\tb"])
async def test_a_key_that_cannot_be_one_is_422(api: Api, key: str) -> None:
    """Order keys are short and plain."""
    build = await api.begun()
    async with api.client(api.tokens[Scope.OPERATE]) as client:
        answer = await client.post(
            f"/api/workflows/{build.id}/pause", headers={"Idempotency-Key": key.encode()}
        )
    fault(answer, 422, "invalid")
    assert (await build.now()).version == 1


async def test_a_journal_that_cannot_be_read_is_503_in_a_sentence(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller may try again; no traceback, no path of a library."""

    def locked(*_: object) -> None:
        raise JournalError("The journal is locked by another program.", "Try again soon.")

    monkeypatch.setattr(questions, "status", locked)
    told = fault(await api.ask(Scope.READ, "GET", "/B-0001/status"), 503, "journal")
    assert told["hint"] == "Try again soon."


async def test_what_nobody_thought_of_is_500_without_details(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has the traceback; the caller gets a sentence."""

    def broken(*_: object) -> None:
        raise RuntimeError("secret /home/ada/file.py")

    monkeypatch.setattr(questions, "status", broken)
    answer = await api.ask(Scope.READ, "GET", "/B-0001/status")
    fault(answer, 500, "unexpected")
    assert "secret" not in answer.text and "Traceback" not in answer.text


async def test_no_page_of_another_origin_may_read_an_answer(api: Api) -> None:
    """There is no CORS: neither a preflight nor a header that would let a page in."""
    async with api.client(api.tokens[Scope.READ]) as client:
        plain = await client.get("/api/workflows", headers={"Origin": "https://evil.example"})
        asked = await client.options(
            "/api/workflows",
            headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"},
        )
    assert plain.status_code == 200 and asked.status_code == 405
    for answer in (plain, asked):
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_description_is_a_page_without_scripts(api: Api) -> None:
    """All paths and fields are on it; it loads nothing from anywhere, and a name in it is text."""
    async with api.client() as client:
        page = await client.get("/docs")
        described = await client.get("/openapi.json")

    assert page.status_code == described.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text and "http" not in page.text.replace("HTTP", "")
    for path in described.json()["paths"]:
        assert path in page.text
    for field in ("completed_state", "expected_version", "why_not", "Idempotency-Key"):
        assert field in page.text or field == "why_not"
