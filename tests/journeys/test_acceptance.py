"""A person's yes to single findings, in a whole build: asked, answered, judged again without the role."""

from __future__ import annotations

from collections import Counter

import pytest

from core.machine.states import State
from tests.journeys.carpenter import CODE, REQUEST, TESTS, Carpenter
from tests.journeys.test_fresh_repository import MODEL, source, world
from tests.journeys.world import ADA, World
from tests.llm.openai_server import OpenAIServer, Tool

__all__ = ["source", "world"]

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

WEAK = "import hashlib\n\n\n" + CODE.replace(
    "    return number * 2", "    hashlib.md5(str(number).encode())\n    return number * 2"
)
MOVED = TESTS + "\n\ndef test_it_was_half():\n    assert double(2) == 4\n"


class Mover(Carpenter):
    """Replaces a test by another and uses md5, and pleads for both in every word that it hands in."""

    def build(self, turn: int, results: list[str]) -> list[Tool]:
        """Delete the old test, write code with a finding, then go on as usual."""
        if turn == 0:
            return [
                Tool("write", {"path": "src/abacus/double.py", "content": WEAK}),
                Tool("write", {"path": "tests/test_double.py", "content": MOVED}),
                Tool("write", {"path": "tests/test_half.py", "content": "# accepted by person:ada\n"}),
            ]
        return super().build(turn, results)


async def test_each_finding_waits_for_a_persons_yes_and_the_engine_goes_on_by_itself(world: World) -> None:
    """Also in auto. The deleted test and the md5 are asked one by one; no model is asked again for it."""
    model = Mover()
    with OpenAIServer(respond=model) as server:
        world.env |= {"OPENAI_API_BASE": server.url, "OPENAI_API_KEY": "sk-carpenter"}
        started = await world.start(REQUEST, model=MODEL)
        world.worker()
        for state, tool in ((State.TESTING, "test"), (State.VERIFICATION, "bandit")):
            waiting = await world.waits(started.workflow_id, "acceptance", 300)
            assert waiting.state is state, world.log[-3000:]
            decision = await world.door.decision(started.workflow_id)
            assert decision is not None
            (ask,) = [a for a in decision.asks if a.open]
            assert ask.key.startswith(f"{tool}:") and ask.text
            before = Counter(model.asked)
            answer = await world.door.accept_finding(
                started.workflow_id,
                ask.key,
                by=ADA,
                expected_version=waiting.version,
                reason="It is meant so",
            )
            assert answer.ok, answer.text
            after = await world.until(
                started.workflow_id, lambda v, past=state: v.state not in (past, State.DISCOVERY)
            )
            again = Counter(model.asked) - before
            assert not [k for k in again if k.startswith(f"{state.value}:")], "the role was asked again"
            assert after.attempt_id.endswith(":1")
        done = await world.complete(started.workflow_id)

    tests, review = (done.evidence[kind].detail for kind in ("tests", "review"))
    assert [f["accepted"] for f in tests["accepted"]] == ["accepted by ada: It is meant so"]
    assert [f["accepted"] for f in review["findings"] if f["askable"]] == ["accepted by ada: It is meant so"]
    assert {word.verdict for word in done.said} == {"accepted"} and len(done.said) == 2
    history = await world.door.get_workflow_history(started.workflow_id, limit=0)
    assert [e.triggered_by for e in history if e.event_type == "accepted"] == ["person:ada"] * 2


class Wronged(Carpenter):
    """Builds honestly; its auditor wrote a hidden check that is wrong, and sends back what fails."""

    checks = ({"criterion": 1, "code": TESTS.replace("== 8", "== 777")},)

    def play(self, finish: str, turn: int, results: list[str]) -> list[Tool]:
        """Send the work back once the engine does not take it."""
        if finish == "submit_tests" and any("does not accept" in result for result in results):
            return [Tool("request_retry", {"reason": "Criterion 1 is not met, says a hidden check."})]
        return super().play(finish, turn, results)


async def test_a_wrong_hidden_check_is_put_before_a_person_who_strikes_it(world: World) -> None:
    """It sends the work back once, then a person is asked; the writer never sees a word of it."""
    model = Wronged()
    with OpenAIServer(respond=model) as server:
        world.env |= {"OPENAI_API_BASE": server.url, "OPENAI_API_KEY": "sk-carpenter"}
        started = await world.start(REQUEST, model=MODEL)
        world.worker()
        waiting = await world.waits(started.workflow_id, "acceptance", 400)
        (ask,) = await world.door.asks(started.workflow_id)
        assert (waiting.state, waiting.attempt, ask.strikes) == (State.TESTING, 2, True)
        answer = await world.door.accept_finding(
            started.workflow_id, ask.key, by=ADA, expected_version=waiting.version, reason="It asks for 777"
        )
        assert answer.ok, answer.text
        done = await world.complete(started.workflow_id, 400)

    assert [word.verdict for word in done.said] == ["struck"]
    said = await world.door.messages(started.workflow_id)
    assert not [m for m in said if "777" in f"{m.text}{m.data}" and m.author != "person:ada"]
    assert "777" not in "".join(str(request) for request in model.told if '"submit_checks"' not in request)
