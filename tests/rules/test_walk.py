"""One workflow goes through all twenty-eight transitions, by the verbs that people use."""

from __future__ import annotations

from typing import Any

from core.machine.states import PHASE_EVIDENCE, STATES, State
from core.service.views import Answer
from tests.machine.oracle import SPEC
from tests.rules.route import Row, whole_table
from tests.service.conftest import ADA


async def press(build: Any, row: Row) -> Answer:
    """Make one transition by its verb."""
    version = (await build.now()).version
    order = {"by": ADA, "expected_version": version, "reason": f"because of {row['id']}"}
    match row["kind"]:
        case "advance" | "accept":
            return await build.service.advance_workflow(build.id, **order, next_state=State(row["to"]))
        case "rollback":
            return await build.service.rollback_workflow(build.id, **order, target_state=State(row["to"]))
    return await build.service.request_retry(build.id, **order, target=State(row["to"]))


async def test_one_walk_presses_all_twenty_eight_transitions(build: Any) -> None:
    """Each does what the table says, and the record holds each, in order, with who and why."""
    walk = whole_table()
    begun: set[tuple[State, int]] = set()
    for row in walk:
        before = await build.now()
        assert before.state == row["from"]
        if row["kind"] == "advance":
            await build.work()
            begun.add((before.state, before.attempt))

        answer = await press(build, row)

        assert answer.ok, (row["id"], answer.text)
        after = await build.now()
        assert after.state == row["to"]
        if row["kind"] not in ("advance", "accept"):
            assert after.last_refusal == f"because of {row['id']}"
            assert after.attempt > before.attempt or after.state is not before.state
            rank = STATES[after.state].rank
            late = {kind for phase, kind in PHASE_EVIDENCE.items() if STATES[phase].rank >= rank}
            assert not any(e.current for kind, e in after.evidence.items() if kind in late)
    events = await build.service.get_workflow_history(build.id, limit=0)
    moves = [e for e in events if e.event_type == "moved"]
    assert [e.data["transition"] for e in moves] == [row["id"] for row in walk]
    assert {e.data["transition"] for e in moves} == {row["id"] for row in SPEC["transitions"]}
    assert {e.triggered_by for e in moves} == {"person:ada"}
    assert all(e.data["reason"] == f"because of {e.data['transition']}" for e in moves)
    told = {(State(e.data["state"]), e.data["number"]) for e in events if e.event_type == "attempt_begun"}
    assert begun == told
    assert (await build.service.verify(), await build.service.rebuild()) == ([], [])
    assert (await build.now()).progress == 1.0


async def test_every_pair_without_a_transition_is_refused_and_writes_nothing(build: Any) -> None:
    """From each state on the way, every verb towards every other state leaves the record as it is."""
    legal = {(row["from"], row["to"], row["kind"]) for row in SPEC["transitions"]}
    while True:
        if (await build.now()).state is not State.COMPLETE:
            await build.work()
        view = await build.now()
        for target in State:
            for kind in ("accept", "retry", "rollback"):
                # The same phase once more is a resume or a word to the role, and no move.
                handed = {"accept": ("accept", "advance"), "retry": ("retry", "refuse")}.get(kind, (kind,))
                if target is view.state or any((view.state, target, k) in legal for k in handed):
                    continue
                answer = await press(build, {"kind": kind, "to": target, "id": "T00"})
                assert not answer.ok, (view.state, target, kind)
                assert (await build.now()).version == view.version
        if view.state is State.COMPLETE:
            return
        forward = next(r for r in SPEC["transitions"] if r["from"] == view.state)
        assert (await press(build, forward)).ok
