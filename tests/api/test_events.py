"""The stream of events: everything in order, nothing twice, from where a reader left off."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from core.api import events as events_module
from core.machine.states import State
from core.service.tokens import Scope
from tests.api.conftest import Api, fault

Told = tuple[int, str, dict[str, Any]]


async def heard(told: list[Told], reading: asyncio.Task[list[Told]], count: int) -> None:
    """Wait until a reader was told that many events, and still reads."""
    async with asyncio.timeout(60):
        while len(told) < count:
            assert not reading.done(), reading.result()
            await asyncio.sleep(0.01)
    assert not reading.done()


async def follow(
    api: Api, address: str, path: str, count: int, told: list[Told] | None = None, **headers: str
) -> list[Told]:
    """Read that many events from the server, or until the stream ends."""
    sent = {"Authorization": f"Bearer {api.tokens[Scope.READ]}", **headers}
    told = [] if told is None else told
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(headers=sent, timeout=60) as client,
        client.stream("GET", f"{address}/api/workflows{path}") as answer,
    ):
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
        block: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                block[name] = value
            elif "id" in block:
                told.append((int(block["id"]), block["event"], json.loads(block["data"])))
                block = {}
            if len(told) == count:
                break
    return told


async def test_a_reader_is_told_what_was_and_what_happens(api: Api, url: str) -> None:
    """First the past, then each event within moments of its writing, with the fields of the history."""
    build = await (await api.begun()).go_to(State.PLANNING)
    past = (await build.now()).version
    so_far: list[Told] = []
    reading = asyncio.create_task(follow(api, url, f"/{build.id}/events", past + 1, so_far))
    await heard(so_far, reading, past)

    await api.operate(f"/{build.id}/pause", {"reason": "lunch"})
    told = await asyncio.wait_for(reading, 60)

    assert [seq for seq, _, _ in told] == list(range(1, past + 2))
    assert told[0][1] == "started" and told[-1][1] == "condition_changed"
    history = (await api.read(f"/{build.id}/history?limit=1000"))["events"]
    assert [data for _, _, data in told] == history


async def test_a_reader_who_comes_back_misses_nothing(api: Api, url: str) -> None:
    """The header of the browser's own EventSource, or `after`; the header wins."""
    build = await (await api.begun()).complete()
    version = (await build.now()).version

    whole = await follow(api, url, f"/{build.id}/events", 10_000)
    first = await follow(api, url, f"/{build.id}/events", 7)
    rest = await follow(api, url, f"/{build.id}/events?after=3", 10_000, **{"Last-Event-ID": "7"})

    assert [seq for seq, _, _ in whole] == list(range(1, version + 1))
    assert [*first, *rest] == whole


async def test_a_stream_longer_than_a_page_is_whole(
    api: Api, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages follow each other without waiting for a change."""
    monkeypatch.setattr(events_module, "_PAGE", 3)
    build = await (await api.begun()).complete()
    told = await follow(api, url, f"/{build.id}/events", 10_000)
    assert [seq for seq, _, _ in told] == list(range(1, (await build.now()).version + 1))


async def test_a_stream_ends_with_its_workflow(api: Api, url: str) -> None:
    """After complete or cancelled it closes; who comes back then is told not to."""
    build = await api.begun()
    so_far: list[Told] = []
    reading = asyncio.create_task(follow(api, url, f"/{build.id}/events", 10_000, so_far))
    await heard(so_far, reading, 1)
    await api.operate(f"/{build.id}/cancel")
    told = await asyncio.wait_for(reading, 60)

    again = await api.ask(Scope.READ, "GET", f"/{build.id}/events", **{"Last-Event-ID": "2"})
    assert [kind for _, kind, _ in told] == ["started", "condition_changed"]
    assert again.status_code == 204 and again.text == ""


async def test_a_revoked_token_loses_its_stream(api: Api, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was opened with a token does not outlive it."""
    monkeypatch.setattr(events_module, "_TOKEN_EVERY", 0.2)
    build = await api.begun()
    so_far: list[Told] = []
    reading = asyncio.create_task(follow(api, url, f"/{build.id}/events", 10_000, so_far))
    await heard(so_far, reading, 1)

    await api.service.tokens.revoke(api.tokens[Scope.READ].split("_")[1])

    assert [seq for seq, _, _ in await asyncio.wait_for(reading, 60)] == [1]


async def test_a_wrong_place_to_start_from_is_422(api: Api) -> None:
    """A number is a number."""
    build = await api.begun()
    answer = await api.ask(Scope.READ, "GET", f"/{build.id}/events", **{"Last-Event-ID": "soon"})
    fault(answer, 422, "invalid")
