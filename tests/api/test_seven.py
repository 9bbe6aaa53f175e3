"""The seven endpoints carry a workflow, with the fields that they promise and no others."""

from __future__ import annotations

import itertools
import re

from core.journal.engine import EngineJournal
from core.machine.commands import Authority
from core.machine.states import Autonomy, Role, State
from core.service.tokens import Scope
from tests.api.conftest import Api, fault

HANDOFF = {
    *("from_role", "to_role", "from_state", "to_state", "data_transferred", "notes", "timestamp"),
    *("answer", "answer_notes", "answered_at"),
}
STATUS = {
    *("workflow_id", "build_id", "project_id", "current_state", "current_role", "progress"),
    *("completed_phases", "handoff_history", "elapsed_time", "created_at", "updated_at", "completed_at"),
    *("next_expectations", "status", "deadlines", "due_at", "breached"),
}


async def test_the_paths_are_the_seven_and_what_stands_beside_them(api: Api) -> None:
    """The public interface, path by path; one that is renamed breaks somebody's program."""
    paths = {
        f"{method.upper()} {path.removeprefix('/api/workflows')}"
        for path, methods in api.app.openapi()["paths"].items()
        for method in methods
    }
    assert paths == {
        "POST /{project_id}/start",
        "POST /{workflow_id}/advance",
        "GET /{workflow_id}/status",
        "POST /{workflow_id}/request-retry",
        "GET /{workflow_id}/history",
        "POST /{workflow_id}/rollback",
        "GET /project/{project_id}/stats",
        *("GET ", "GET /{workflow_id}/events", "POST /{workflow_id}/chat"),
        *("POST /{workflow_id}/pause", "POST /{workflow_id}/resume", "POST /{workflow_id}/cancel"),
        *("POST /{workflow_id}/fork", "POST /{workflow_id}/accept", "POST /{workflow_id}/override"),
        "GET /{workflow_id}/asks",
        "POST /{workflow_id}/deadlines",
    }


async def test_start_begins_a_workflow_in_discovery(api: Api) -> None:
    """It is there under both its names, with what the caller sent, and a worker is woken."""
    sent = {
        "requirements": "Add slugify()",
        "build_id": "SLUG-1",
        "user_id": "bo",
        "metadata": {"ticket": 7, "é": ["x", None]},
    }

    answer = await api.operate(f"/{api.project_id}/start", sent)

    assert answer.status_code == 200 and answer.headers["workflow-version"] == "1"
    told = answer.json()
    fields = ("build_id", "initial_state", "status", "current_role", "next_role")
    assert [told[name] for name in fields] == ["SLUG-1", "discovery", "active", "q_assistant", "q_assistant"]
    assert set(told) == {*fields, "workflow_id", "instructions"} and "criteria" in told["instructions"]
    view = await api.service.get_workflow_status("SLUG-1")
    assert (view.workflow_id, view.user_id, view.metadata) == (told["workflow_id"], "bo", sent["metadata"])
    assert view.autonomy is Autonomy.GATED and api.woken == [True]


async def test_start_without_a_name_takes_the_next_one_and_the_tokens_person(api: Api) -> None:
    """Only the requirements are needed."""
    told = (await api.operate(f"/{api.project_id}/start", {"requirements": "Add slugify()"})).json()

    view = await api.service.get_workflow_status(told["workflow_id"])
    assert re.fullmatch(r"B-\d{4}", told["build_id"]) and view.user_id == "ada"


async def test_advance_moves_on_and_hands_over_what_the_role_made(api: Api) -> None:
    """Discovery ends in planning; the packet of record goes on, the caller's own result stands beside it."""
    build = await api.begun()
    await build.work()

    answer = await api.operate(
        f"/{build.id}/advance",
        {"role": "q_assistant", "completed_state": "discovery", "phase_result": {"mine": 1}},
    )

    assert answer.json() == {
        "workflow_id": build.id,
        "previous_state": "discovery",
        "new_state": "planning",
        "next_role": "code_writer",
        "handoff_data": {"by": "discovery"},
        "is_complete": False,
        "state_description": (await build.now()).state_description,
    }
    events = (await api.read(f"/{build.id}/history"))["events"]
    assert [e["event_type"] for e in events[-2:]] == ["noted", "moved"]
    assert (
        events[-2]["event_data"]["result"] == {"mine": 1} and events[-1]["triggered_by"] == "role:q_assistant"
    )


async def test_a_next_state_that_is_named_has_to_be_the_next_one(api: Api) -> None:
    """Whoever names another one moves nothing, with all the evidence there; the right one is taken."""
    build = await api.begun()
    await build.work()
    body = {"role": "q_assistant", "completed_state": "discovery"}
    version = (await build.now()).version

    for state in ("implementation", "complete", "discovery"):
        fault(await api.operate(f"/{build.id}/advance", {**body, "next_state": state}), 409, "not_possible")
    assert (await build.now()).version == version
    answer = await api.operate(f"/{build.id}/advance", {**body, "next_state": "planning"})
    assert answer.json()["new_state"] == "planning"


async def test_a_caller_cannot_swap_what_evidence_rests_on(api: Api) -> None:
    """A phase result that looks like a requirement does not become the requirement of the later roles."""
    build = await api.begun()
    await build.work()
    sent = {"role": "q_assistant", "completed_state": "discovery", "phase_result": {"criteria": ["none"]}}

    await api.operate(f"/{build.id}/advance", sent)
    await build.go_to(State.HANDOFF_TO_CODER)
    taken = await api.operate(
        f"/{build.id}/advance", {"role": "code_writer", "completed_state": "handoff_to_coder"}
    )

    assert taken.json()["handoff_data"] == {"by": "planning"}
    packets = EngineJournal("", database=api.service._database).packets(build.id)
    assert packets[State.DISCOVERY] == {"by": "discovery"}


async def test_a_workflow_is_carried_to_its_end(api: Api) -> None:
    """Every state is advanced over HTTP by its role or by ada; what is proven is the engine's part."""
    build = await api.begun()
    seen = []
    while (view := await build.now()).state is not State.COMPLETE:
        await build.work()
        body = {"role": view.role.value, "completed_state": view.state.value}
        answer = await api.approve(f"/{build.id}/advance", body)
        assert answer.status_code == 200, answer.text
        seen.append(answer.json()["new_state"])

    assert seen == [state.value for state in list(State)[1:]]
    told = answer.json()
    assert told["is_complete"] and told["next_role"] is None
    status = await api.read(f"/{build.id}/status")
    assert (status["status"], status["progress"], len(status["handoff_history"])) == ("complete", 1.0, 6)
    approvals = [
        e["event_data"]["approved_by"]
        for e in (await api.read(f"/{build.id}/history?limit=1000"))["events"]
        if e["event_type"] == "approved"
    ]
    assert approvals == ["person:ada"] * 4


async def test_in_deployment_a_persons_advance_approves_the_release(api: Api) -> None:
    """Complete comes after the engine has merged and smoked; the answer says that it is not there yet."""
    build = await (await api.begun()).go_to(State.DEPLOYMENT)
    await build.wait("approval:release")

    answer = await api.approve(
        f"/{build.id}/advance", {"role": "release_manager", "completed_state": "deployment"}
    )

    told = answer.json()
    assert (told["new_state"], told["is_complete"]) == ("deployment", False)
    last = (await api.read(f"/{build.id}/history"))["events"]
    assert [e["event_type"] for e in last[-2:]] == ["approved", "condition_changed"]


async def test_status_says_how_it_stands(api: Api) -> None:
    """All fields, and values that follow from what is proven."""
    build = await (await api.begun()).go_to(State.IMPLEMENTATION)

    told = await api.read(f"/{build.id}/status")

    assert set(told) == STATUS and all(set(h) == HANDOFF for h in told["handoff_history"])
    assert told["completed_phases"] == ["discovery", "planning"] and told["progress"] == round(2 / 6, 16)
    assert (told["current_state"], told["current_role"]) == ("implementation", "code_writer")
    assert told["handoff_history"][-1]["answer"] == "accepted" and told["completed_at"] is None
    assert told["created_at"].endswith(("+00:00", "Z")) and told["elapsed_time"] >= 0
    assert told["next_expectations"] and told["status"] == "active"


async def test_request_retry_sends_the_work_back_as_the_role_that_acts(api: Api) -> None:
    """The budget of automatic steps back counts, since no person asked."""
    build = await (await api.begun()).go_to(State.TESTING)

    answer = await api.operate(f"/{build.id}/request-retry", {"reason": "two tests are red"})

    told = answer.json()
    assert (told["previous_state"], told["new_state"]) == ("testing", "implementation")
    assert (told["retries_used"], told["retry_budget"], told["attempt"]) == (1, 3, 2)
    last = (await api.read(f"/{build.id}/history?limit=1"))["events"][0]
    assert last["triggered_by"] == "role:test_auditor"
    assert last["event_data"]["reason"] == "two tests are red"


async def test_rollback_goes_back_as_the_person(api: Api) -> None:
    """Ada's token takes the workflow back; who did it is on record, and by which token."""
    build = await (await api.begun()).go_to(State.TESTING)

    answer = await api.approve(f"/{build.id}/rollback", {"target_state": "planning", "reason": "wrong plan"})

    told = answer.json()
    assert (told["previous_state"], told["new_state"], told["status"]) == ("testing", "planning", "active")
    last = (await api.read(f"/{build.id}/history?limit=1"))["events"][0]
    token_id = api.tokens[Scope.APPROVE].split("_")[1]
    assert (last["triggered_by"], last["event_data"]["kind"]) == ("person:ada", "rollback")
    assert last["command_id"].startswith(f"api:{token_id}:")


async def test_history_is_the_latest_events_in_order_and_can_be_paged(api: Api) -> None:
    """Fifty unless a limit is named; `after` goes on where a page ended; nothing is missing between."""
    build = await (await api.begun()).complete()
    version = (await build.now()).version
    assert version > 50, "more than a page without a limit holds"

    latest = (await api.read(f"/{build.id}/history?limit=5"))["events"]
    usual = (await api.read(f"/{build.id}/history"))["events"]
    first = (await api.read(f"/{build.id}/history?limit=3&after=0"))["events"]
    second = (await api.read(f"/{build.id}/history?limit=1000&after=3"))["events"]

    assert [e["seq"] for e in latest] == list(range(version - 4, version + 1))
    assert [e["seq"] for e in usual] == list(range(version - 49, version + 1))
    assert [e["seq"] for e in [*first, *second]] == list(range(1, version + 1))
    assert all(a["hash"] == b["prev_hash"] for a, b in itertools.pairwise(second))
    assert set(latest[0]) == {
        *("seq", "event_type", "triggered_by", "event_data", "timestamp", "text"),
        *("command_id", "prev_hash", "hash"),
    }


async def test_stats_count_a_projects_workflows(api: Api) -> None:
    """Done, under way and failed; where it fails most; how many handoffs a build takes."""
    await (await api.begun()).complete()
    await (await api.begun()).go_to(State.IMPLEMENTATION)
    sent_back = await (await api.begun()).go_to(State.TESTING)
    await api.operate(f"/{sent_back.id}/request-retry", {"reason": "red"})

    told = await api.read(f"/project/{api.project_id}/stats")

    assert set(told) == {
        *("total_workflows", "completed", "in_progress", "failed", "average_duration", "success_rate"),
        *("most_common_failure_point", "average_handoffs", "deadlines_met"),
    }
    assert (told["total_workflows"], told["completed"], told["in_progress"], told["failed"]) == (3, 1, 2, 0)
    assert told["success_rate"] == 1.0 and told["average_duration"] > 0
    assert told["most_common_failure_point"] == "testing"
    assert told["average_handoffs"] > 0


async def test_an_empty_project_has_figures_too(api: Api) -> None:
    """Nothing to count is null, not a division by nothing."""
    told = await api.read(f"/project/{api.project_id}/stats")
    assert (told["total_workflows"], told["success_rate"], told["average_duration"]) == (0, None, None)
    assert told["most_common_failure_point"] is None


async def test_a_refusal_says_what_is_missing_in_the_machines_own_words(api: Api) -> None:
    """409 with the same lines that the screen and the command line show."""
    build = await api.begun()

    answer = await api.operate(
        f"/{build.id}/advance", {"role": "q_assistant", "completed_state": "discovery"}
    )

    told = fault(answer, 409, "not_ready")
    same = await api.service.advance_workflow(
        build.id, by=Authority.role(Role.Q_ASSISTANT), expected_version=1, completed_state=State.DISCOVERY
    )
    assert same.refusal is not None
    assert told["why_not"]["lines"] == list(same.refusal.lines())
    assert told["why_not"]["missing"][0]["what"] == "requirement"
    assert told["why_not"]["path"] == []  # the refused move is no way on: the requirement comes first
    assert "supplies the requirement" in " ".join(told["why_not"]["lines"])
    assert (await build.now()).version == 1 and api.woken == []


async def test_an_order_on_an_old_view_is_refused_and_moves_nothing(api: Api) -> None:
    """expected_version is compared with the stored one, for every order."""
    build = await (await api.begun()).go_to(State.TESTING)
    version = (await build.now()).version
    old = {"expected_version": version - 1}

    answers = [
        await api.operate(
            f"/{build.id}/advance", {"role": "test_auditor", "completed_state": "testing", **old}
        ),
        await api.operate(f"/{build.id}/request-retry", {"reason": "red", **old}),
        await api.approve(f"/{build.id}/rollback", {"target_state": "planning", "reason": "no", **old}),
        await api.operate(f"/{build.id}/pause", old),
        await api.operate(f"/{build.id}/cancel", old),
    ]

    for answer in answers:
        assert fault(answer, 409, "stale")["why_not"]["reason"] == "stale"
    assert (await build.now()).version == version


async def test_the_callers_word_about_the_state_is_not_taken(api: Api) -> None:
    """A completed state that is not the stored one is stale, also for a person."""
    build = await api.begun()
    await build.work()
    body = {"role": "code_writer", "completed_state": "implementation"}

    for answer in (
        await api.operate(f"/{build.id}/advance", body),
        await api.approve(f"/{build.id}/advance", body),
    ):
        fault(answer, 409, "stale")
    assert (await build.now()).state is State.DISCOVERY


async def test_another_roles_step_is_refused_for_every_token(api: Api) -> None:
    """Whoever speaks for the wrong role moves nothing, approvals or not."""
    build = await api.begun()
    await build.work()
    body = {"role": "release_manager", "completed_state": "discovery"}

    for answer in (
        await api.operate(f"/{build.id}/advance", body),
        await api.approve(f"/{build.id}/advance", body),
    ):
        fault(answer, 409, "not_yours")


async def test_unknown_ids_are_not_found(api: Api) -> None:
    """404 everywhere, in our shape."""
    for verb, body in (
        ("advance", {"role": "q_assistant", "completed_state": "discovery"}),
        ("request-retry", {"reason": "so"}),
        ("rollback", {"target_state": "planning", "reason": "so"}),
        ("chat", {"text": "hello"}),
        ("pause", {}),
        ("resume", {}),
        ("cancel", {}),
        ("start", {"requirements": "x"}),
    ):
        told = fault(await api.approve(f"/B-9999/{verb}", body), 404, "unknown")
        assert "B-9999" in told["what"]
    for path in ("/B-9999/status", "/B-9999/history", "/B-9999/events", "/project/B-9999/stats", "/a/b/c/d"):
        fault(await api.ask(Scope.READ, "GET", path), 404, "unknown")


async def test_deadlines_are_given_shown_and_changed(api: Api) -> None:
    """By start, in status and list, and later by a person's token alone; what is none is not taken."""
    limits = {"workflow": 3_600, "testing": 60.5}
    sent = {"requirements": "Add slugify()", "deadlines": limits}
    started = (await api.operate(f"/{api.project_id}/start", sent)).json()
    path = f"/{started['build_id']}"

    told = await api.read(f"{path}/status")
    assert {d["name"]: d["limit"] for d in told["deadlines"]} == limits
    assert told["due_at"] == told["deadlines"][0]["due_at"] and told["breached"] is False
    (row,) = (await api.read(""))["workflows"]
    assert (row["due_for"], row["due_left"], row["breached"]) == ("workflow", None, "") and row["due_at"]

    changed = {"deadlines": {"workflow": None, "testing": 90}}
    fault(await api.operate(f"{path}/deadlines", changed), 403, "forbidden")
    answer = await api.approve(f"{path}/deadlines", changed)
    assert answer.status_code == 200 and "lifted the deadline of the workflow" in answer.json()["text"]
    fault(await api.approve(f"{path}/deadlines", {**changed, "expected_version": 1}), 409, "stale")
    assert [d["limit"] for d in (await api.read(f"{path}/status"))["deadlines"]] == [90]
    for wrong in ({"lunch": 60}, {"testing": 0}, {"testing": "30"}, {"testing": True}):
        fault(await api.approve(f"{path}/deadlines", {"deadlines": wrong}), 422, "invalid")
    stats = await api.read(f"/project/{api.project_id}/stats")
    assert stats["deadlines_met"] is None
