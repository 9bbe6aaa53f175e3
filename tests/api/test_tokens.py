"""Who may: tokens are kept as hashes, expire, are revoked, and open exactly what their scope says."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from core.errors import QdeckError, UnknownError
from core.service import OrchestrationService
from core.service.tokens import Scope, TokenRefused
from tests.api.conftest import Api, fault

LOOKS = ("", "/B-0001/status", "/B-0001/history", "/B-0001/events?after=1")
STEERS = ("advance", "request-retry", "chat", "pause", "resume", "fork", "cancel")
BODIES = {
    "advance": {"role": "q_assistant", "completed_state": "discovery"},
    "request-retry": {"reason": "so"},
    "chat": {"text": "hello"},
    "fork": {"at": 1},
    "rollback": {"target_state": "discovery", "reason": "so"},
    "start": {"requirements": "Add slugify()"},
}


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Iterator[Clock]:
    """A clock at the start of 2026."""
    yield Clock()


async def test_a_token_is_kept_as_a_hash_and_shown_once(api: Api) -> None:
    """Neither the token nor its secret part is in any column; two are never alike."""
    first = await api.service.tokens.mint(issued_to="ada", scope=Scope.READ, name="dashboard")
    second = await api.service.tokens.mint(issued_to="ada", scope=Scope.READ)

    with api.service._database.read() as session:
        rows = session.execute(sa.text("SELECT * FROM approval_tokens")).all()
    prefix, token_id, secret = first.token.split("_", 2)
    assert (prefix, token_id, len(secret)) == ("qdeck", first.view.token_id, 43)
    assert first.token != second.token and secret not in str(rows) and token_id in str(rows)
    assert not hasattr(first.view, "token_hash")


async def test_the_hash_is_compared_in_constant_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is sent, known id or not, exactly one digest comparison happens."""
    seen = []

    def compare(a: str, b: str) -> bool:
        seen.append((len(a), len(b)))
        return a == b

    monkeypatch.setattr(hmac, "compare_digest", compare)
    known = api.tokens[Scope.READ]
    for token in (
        known,
        known[:-1] + ("x" if known[-1] != "x" else "y"),
        "qdeck_" + "0" * 12 + known[18:],
        "no",
    ):
        if token == known:
            assert (await api.service.tokens.check(token)).scope is Scope.READ
        else:
            with pytest.raises(TokenRefused, match="Nobody minted"):
                await api.service.tokens.check(token)
    assert seen == [(64, 64)] * 4


@pytest.mark.parametrize("scope", list(Scope))
async def test_each_scope_opens_what_it_says_and_nothing_else(api: Api, scope: Scope) -> None:
    """Looking needs read, steering operate, rolling back approve; a no names the scope."""
    await api.begun()
    expected = dict.fromkeys([f"GET {path}" for path in LOOKS], Scope.READ)
    expected |= dict.fromkeys([f"POST /B-0001/{verb}" for verb in STEERS], Scope.OPERATE)
    expected |= {f"POST /{api.project_id}/start": Scope.OPERATE, "POST /B-0001/rollback": Scope.APPROVE}
    expected |= {f"GET /project/{api.project_id}/stats": Scope.READ}

    for what, needed in expected.items():
        method, path = what.split(" ", 1)
        body = BODIES.get(path.rpartition("/")[2], {}) if method == "POST" else None
        if scope.covers(needed):
            if "/events" in path:
                continue  # a stream that stays open; tests/api/test_events.py
            answer = await api.ask(scope, method, path, body)
            assert answer.status_code in (200, 409), (what, answer.text)
        else:
            told = fault(await api.ask(scope, method, path, body), 403, "forbidden")
            assert needed.value in told["what"] and needed.value in told["hint"], what


async def test_every_path_needs_a_token(api: Api) -> None:
    """All that OpenAPI lists, without one: 401, and a header that says how."""
    asked = 0
    for path, methods in api.app.openapi()["paths"].items():
        for method, operation in methods.items():
            answer = await api.ask(None, method.upper(), path.removeprefix("/api/workflows"), {})
            fault(answer, 401, "unauthorized")
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert operation["security"] == [{"token": [operation["x-scope"]]}]
            asked += 1
    assert asked >= 14


async def test_an_expired_token_opens_nothing(address: str, clock: Clock) -> None:
    """Its last moment is the one before it expires."""
    service = await OrchestrationService.open(address, clock=clock)
    minted = await service.tokens.mint(issued_to="ada", scope=Scope.READ, lasts=timedelta(days=1))
    clock.now += timedelta(days=1, microseconds=-1)
    assert (await service.tokens.check(minted.token)).token_id == minted.view.token_id

    clock.now += timedelta(microseconds=1)

    with pytest.raises(TokenRefused, match="expired"):
        await service.tokens.check(minted.token)
    assert (await service.tokens.listed())[0].standing(clock.now) == "expired"
    await service.close()


async def test_a_revoked_token_opens_nothing_at_once_and_for_good(api: Api) -> None:
    """The next request is refused; revoking twice changes nothing; an unknown id is named."""
    minted = await api.service.tokens.mint(issued_to="ada", scope=Scope.APPROVE)
    async with api.client(minted.token) as client:
        assert (await client.get("/api/workflows")).status_code == 200
        first = await api.service.tokens.revoke(minted.view.token_id)
        told = fault(await client.get("/api/workflows"), 401, "unauthorized")

    assert "revoked" in told["what"]
    assert (await api.service.tokens.revoke(minted.view.token_id)).revoked_at == first.revoked_at
    with pytest.raises(UnknownError):
        await api.service.tokens.revoke("nobody")


@pytest.mark.parametrize("days", [0, -1, 367])
async def test_a_token_lasts_between_a_moment_and_a_year(api: Api, days: int) -> None:
    """None lasts for ever, and none is over before it begins."""
    with pytest.raises(QdeckError, match="a year"):
        await api.service.tokens.mint(issued_to="ada", scope=Scope.READ, lasts=timedelta(days=days))


async def test_a_token_counts_in_the_authorization_header_alone(api: Api) -> None:
    """In the address, a cookie, another header, another scheme or the body it opens nothing."""
    await api.begun()
    token = api.tokens[Scope.APPROVE]
    wrong: list[tuple[str, dict[str, str], dict[str, str]]] = [
        (f"?token={token}", {}, {}),
        (f"?access_token={token}", {}, {}),
        (f"?Authorization=Bearer%20{token}", {}, {}),
        ("", {"X-Api-Key": token}, {}),
        ("", {"Authorization": token}, {}),
        ("", {"Authorization": f"Basic {token}"}, {}),
        ("", {"Authorization": "Bearer"}, {}),
        ("", {"Authorization": "Bearer  "}, {}),
        ("", {"Authorization": f"Bearer {token} {token}"}, {}),
        ("", {"Authorization": f"Bearer {token[:-1]}"}, {}),
        ("", {"Authorization": f"Bearer {token}x"}, {}),
        ("", {"Authorization": "Bearer " + "x" * 7_000}, {}),
        ("", {"Authorization": "Bearer qdeck_é"}, {}),
        ("", {"Cookie": f"token={token}; Authorization=Bearer {token}"}, {}),
        ("", {}, {"token": token, "authorization": f"Bearer {token}"}),
    ]
    for query, headers, body in wrong:
        async with api.client() as client:
            answer = await client.post(
                f"/api/workflows/B-0001/pause{query}",
                headers={k: v.encode() for k, v in headers.items()},  # type: ignore[misc]
                json=body,
            )
        told = fault(answer, 401, "unauthorized")
        assert token not in answer.text and told["hint"]
    two = [("Authorization", f"Bearer {api.tokens[Scope.READ]}"), ("Authorization", f"Bearer {token}")]
    async with api.client() as client:
        fault(await client.post("/api/workflows/B-0001/pause", headers=two, json={}), 401, "unauthorized")
    assert (await api.service.get_workflow_status("B-0001")).version == 1


async def test_without_a_token_nothing_is_read_or_told(api: Api) -> None:
    """The token comes before the body and before the question whether anything is there."""
    read = 0

    async def endless() -> object:
        nonlocal read
        for _ in range(1_000):
            read += 1
            yield b"x" * 65_536

    async with api.client("qdeck_" + "0" * 12 + "_" + "x" * 43) as client:
        answer = await client.post("/api/workflows/B-0001/pause", content=endless())
    fault(answer, 401, "unauthorized")
    answers = [await api.ask(None, "GET", f"/{name}/status") for name in ("B-0001", "B-9999")]
    assert read <= 2 and answers[0].text == answers[1].text


async def test_the_list_tells_when_a_token_was_used_to_the_minute(address: str, clock: Clock) -> None:
    """One write a minute, not one a request."""
    service = await OrchestrationService.open(address, clock=clock)
    minted = await service.tokens.mint(issued_to="ada", scope=Scope.READ)
    assert (await service.tokens.listed())[0].used_at is None
    used = []
    for _ in range(5):
        await service.tokens.check(minted.token)
        used.append((await service.tokens.listed())[0].used_at)
        clock.now += timedelta(seconds=25)

    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert used == [start, start, start, start + timedelta(seconds=75), start + timedelta(seconds=75)]
    await service.close()


async def test_who_did_it_is_the_person_who_minted_the_token(api: Api) -> None:
    """The event names ada, whatever user the request speaks of, and the token by its id."""
    sent = {"requirements": "Add slugify()", "user_id": "person:eve"}
    told = (await api.operate(f"/{api.project_id}/start", sent)).json()
    await api.operate(f"/{told['workflow_id']}/pause", {"reason": "lunch"})

    events = (await api.read(f"/{told['workflow_id']}/history"))["events"]
    token_id = api.tokens[Scope.OPERATE].split("_")[1]
    assert [e["triggered_by"] for e in events] == ["person:ada"] * 2
    assert all(e["command_id"].startswith(f"api:{token_id}:") for e in events)
