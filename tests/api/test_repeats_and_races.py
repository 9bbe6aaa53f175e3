"""The same order twice is one order; of a thousand at once one wins and the rest are told."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx

from core.machine.states import State
from core.service.tokens import Scope
from tests.api.conftest import Api, fault

CROWD = 1_000


async def test_an_order_with_a_key_is_carried_out_once(api: Api) -> None:
    """Every order, sent again with its key, has one effect and gives one answer."""
    build = await api.begun()
    await build.work()
    key = {"Idempotency-Key": "order-1"}

    async def twice(scope: Scope, path: str, body: object, key: str) -> dict[str, object]:
        answers = [await api.ask(scope, "POST", path, body, **{"Idempotency-Key": key}) for _ in range(3)]
        assert [a.status_code for a in answers] == [200] * 3, answers[1].text
        assert answers[0].json() == answers[1].json() == answers[2].json()
        replays = [a.headers.get("idempotent-replay") for a in answers]
        assert replays == [None, "true", "true"]
        found: dict[str, object] = answers[0].json()
        return found

    started = await twice(Scope.OPERATE, f"/{api.project_id}/start", {"requirements": "x"}, "s")
    body = {"role": "q_assistant", "completed_state": "discovery", "phase_result": {"n": 1}}
    moved = await twice(Scope.OPERATE, f"/{build.id}/advance", body, "a")
    assert (moved["new_state"], (await build.now()).state) == ("planning", State.PLANNING)
    await twice(Scope.OPERATE, f"/{build.id}/chat", {"text": "hello"}, "c")
    await twice(Scope.OPERATE, f"/{build.id}/pause", {"reason": "lunch"}, "p")
    await twice(Scope.OPERATE, f"/{build.id}/resume", None, "r")
    await build.go_to(State.TESTING)
    back = await twice(Scope.OPERATE, f"/{build.id}/request-retry", {"reason": "red"}, "t")
    assert (back["previous_state"], back["new_state"]) == ("testing", "implementation")
    rolled = await twice(
        Scope.APPROVE, f"/{build.id}/rollback", {"target_state": "discovery", "reason": "no"}, "b"
    )
    assert (rolled["previous_state"], (await build.now()).state) == ("implementation", State.DISCOVERY)
    assert len(await api.service.board()) == 2 and started["workflow_id"] and key


async def test_a_key_belongs_to_one_order_of_one_caller(api: Api) -> None:
    """Another order under the same key is refused; another caller's same key is another order."""
    build = await api.begun()
    key = {"Idempotency-Key": "k"}
    assert (await api.operate(f"/{build.id}/pause", None, **key)).status_code == 200

    told = fault(await api.operate(f"/{build.id}/resume", None, **key), 409, "not_possible")
    other = await api.approve(f"/{build.id}/resume", None, **key)

    assert "command id" in told["what"]
    assert other.status_code == 200 and other.json()["status"] == "active"


async def test_of_a_thousand_advances_at_once_one_wins_and_the_rest_are_told(api: Api) -> None:
    """One 200, the rest 409 `stale` with a why-not; one event of moving in the journal, and no 5xx."""
    build = await api.begun()
    await build.work()
    version = (await build.now()).version
    body = {"role": "q_assistant", "completed_state": "discovery", "expected_version": version}

    answers = await crowd(api, f"/api/workflows/{build.id}/advance", body)

    assert Counter(a.status_code for a in answers) == {200: 1, 409: CROWD - 1}
    for answer in answers:
        if answer.status_code == 409:
            assert fault(answer, 409, "stale")["why_not"]["reason"] == "stale"
    events = (await api.read(f"/{build.id}/history?limit=1000"))["events"]
    assert [e["event_type"] for e in events].count("moved") == 1
    view = await build.now()
    assert (view.state, view.version) == (State.PLANNING, version + 1)
    assert await api.service.verify(build.id) == []


async def test_without_a_version_the_completed_state_keeps_the_crowd_out(api: Api) -> None:
    """A caller who names no version still cannot complete a state that is no longer there."""
    build = await api.begun()
    await build.work()
    body = {"role": "q_assistant", "completed_state": "discovery"}

    answers = await crowd(api, f"/api/workflows/{build.id}/advance", body, size=100)

    assert Counter(a.status_code for a in answers) == {200: 1, 409: 99}
    assert (await build.now()).state is State.PLANNING


async def crowd(api: Api, url: str, body: object, size: int = CROWD) -> list[httpx.Response]:
    """Send the same request that many times at once."""
    async with api.client(api.tokens[Scope.OPERATE]) as client:
        return await asyncio.gather(*(client.post(url, json=body) for _ in range(size)))
