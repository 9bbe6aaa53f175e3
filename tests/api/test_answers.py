"""What a gate asks is answered over HTTP as well, by the person of a token that may approve."""

from __future__ import annotations

from core.machine.states import EvidenceKind, State
from tests.api.conftest import Api, fault
from tests.golden.__main__ import red


async def test_a_question_is_answered_and_a_red_gate_overridden_by_the_tokens_person(api: Api) -> None:
    """Only with the scope, with a reason, on what is there now; and who it was is on record."""
    build = await (await api.begun()).go_to(State.TESTING)
    await build.work()
    await red(build, "test:a")
    await build.wait("acceptance", "a question")
    (asked,) = (await api.read(f"/{build.id}/asks"))["asks"]
    assert (asked["key"], asked["evidence"], asked["open"]) == ("test:a", "tests", True)
    yes = {"key": "test:a", "reason": "it was replaced"}

    fault(await api.operate(f"/{build.id}/accept", yes), 403, "forbidden")
    fault(await api.approve(f"/{build.id}/accept", {**yes, "expected_version": 1}), 409, "stale")
    fault(await api.approve(f"/{build.id}/accept", {**yes, "key": "test:z"}), 409, "not_ready")
    answer = await api.approve(f"/{build.id}/accept", yes)
    assert (answer.status_code, answer.json()["status"]) == (200, "active"), answer.text

    await red(build, "test:b")
    piece = (await build.now()).evidence[EvidenceKind.TESTS]
    word = {"evidence": "tests", "digest": piece.digest, "reason": "the runner is broken"}
    fault(await api.operate(f"/{build.id}/override", word), 403, "forbidden")
    fault(await api.approve(f"/{build.id}/override", {**word, "digest": "seen before"}), 409, "stale")
    assert (await api.approve(f"/{build.id}/override", word)).status_code == 200

    events = (await api.read(f"/{build.id}/history?limit=1000"))["events"]
    said = [(e["triggered_by"], e["event_data"]["verdict"]) for e in events if e["event_type"] == "accepted"]
    assert said == [("person:ada", "accepted"), ("person:ada", "overridden")]
    assert (await build.now()).evidence[EvidenceKind.TESTS].current
