"""A fork through the API begins where it is told, in the name of who asks, and approves nothing."""

from __future__ import annotations

from core.machine.states import State
from core.service.tokens import Scope
from tests.api.conftest import Api, fault


async def test_a_fork_begins_at_the_event_and_names_its_parent(api: Api) -> None:
    """What comes back is a start, and the parent; a repeated order is one fork; no release is taken over."""
    build = await (await api.begun()).go_to(State.DEPLOYMENT)
    seq = (await build.now()).version

    answer = await api.operate(f"/{build.id}/fork", {"at": seq}, **{"Idempotency-Key": "f"})
    again = await api.operate(f"/{build.id}/fork", {"at": seq}, **{"Idempotency-Key": "f"})
    other = (await api.operate("/B-0001/fork", {"at": 3, "request": "Add titlecase()"})).json()

    assert answer.status_code == 200 and answer.json() == again.json()
    told = answer.json()
    fields = ("build_id", "initial_state", "status", "parent_build_id", "parent_event")
    assert [told[name] for name in fields] == ["B-0002", "deployment", "active", "B-0001", seq]
    assert told["parent_workflow_id"] == build.id and "release" in told["instructions"]
    assert (other["build_id"], other["initial_state"]) == ("B-0003", "discovery")
    (start,) = (await api.read("/B-0002/history"))["events"]
    assert start["triggered_by"] == "person:ada" and start["event_data"]["fork"]["seq"] == seq
    assert api.woken


async def test_what_cannot_be_forked_at_is_a_fault(api: Api) -> None:
    """An event that is not there is 404, a number that is none 422, and looking alone does not fork."""
    await api.begun()

    fault(await api.operate("/B-0001/fork", {"at": 2}), 404, "unknown")
    fault(await api.operate("/B-0009/fork", {"at": 1}), 404, "unknown")
    for body in ({}, {"at": 0}, {"at": "x"}, {"at": 1, "autonomy": "auto"}, {"at": True}):
        assert (await api.operate("/B-0001/fork", body)).status_code == 422, body
    fault(await api.ask(Scope.READ, "POST", "/B-0001/fork", {"at": 1}), 403, "forbidden")
    assert (await api.read(""))["total"] == 1
