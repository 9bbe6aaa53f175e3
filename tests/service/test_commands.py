"""Commands through the service: one transaction each, refusals that say why, no effect twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.errors import ExitCode, UnknownError
from core.journal.engine import EngineJournal
from core.machine.commands import Authority, Move, SetCondition
from core.machine.refusal import Reason
from core.machine.states import Autonomy, Condition, EvidenceKind, Role, State
from core.machine.transitions import Kind, Order
from core.service import OrchestrationService
from core.text import MESSAGE_LIMIT

ADA = Authority.person("ada")


async def _seqs(build: Any) -> list[int]:
    return [event.seq for event in await build.service.get_workflow_history(build.id, limit=0)]


async def test_a_workflow_starts_in_discovery_with_the_next_number(service: Any, tmp_path: Path) -> None:
    """Build ids count up, the title is the first line of the request."""
    project = await service.register_project(str(tmp_path))
    first = await service.start_workflow(project.project_id, "\n Add slugify()\nwith Unicode", by=ADA)
    second = await service.start_workflow(project.project_id, "🙂🙂", by=ADA, build_id=None)
    assert (first.workflow.build_id, second.workflow.build_id) == ("B-0001", "B-0002")
    assert first.workflow.title == "Add slugify()"
    assert (first.workflow.state, first.workflow.condition) == (State.DISCOVERY, Condition.ACTIVE)
    assert (first.exit_code, first.event_seqs) == (ExitCode.DONE, (1,))
    assert "ada started B-0001" in first.text


async def test_a_request_of_100_kb_is_kept_whole(service: Any, tmp_path: Path) -> None:
    """Only the title is cut."""
    project = await service.register_project(str(tmp_path))
    request = "Ünïcode \x00" * 12_000
    answer = await service.start_workflow(project.project_id, request, by=ADA)
    assert answer.workflow.request == request.replace("\x00", "")
    assert len(answer.workflow.title) <= 72


@pytest.mark.parametrize("request_", ["", "  \n\t "])
async def test_an_empty_request_starts_nothing(service: Any, tmp_path: Path, request_: str) -> None:
    """There is nothing to build, and no number is used up."""
    project = await service.register_project(str(tmp_path))
    answer = await service.start_workflow(project.project_id, request_, by=ADA)
    assert (answer.ok, answer.exit_code) == (False, ExitCode.REFUSED)
    assert "empty" in answer.text
    assert await service.board() == []


async def test_a_taken_build_id_starts_nothing(build: Any) -> None:
    """Two workflows never share a name, whatever its case."""
    view = await build.now()
    answer = await build.service.start_workflow(view.project_id, "More", by=ADA, build_id="b-0001")
    assert not answer.ok and "taken" in answer.text


async def test_unknown_names_raise(build: Any) -> None:
    """No such workflow or project is exit code 4, for commands and for questions."""
    calls = [
        build.service.get_workflow_status("nope"),
        build.service.pause("nope", by=ADA, expected_version=1),
        build.service.chat("B-9999", "hello", by=ADA),
        build.service.start_workflow("nope", "x", by=ADA),
        build.service.get_project_stats("nope"),
        build.service.messages("nope"),
    ]
    for call in calls:
        with pytest.raises(UnknownError) as caught:
            await call
        assert caught.value.exit_code == ExitCode.UNKNOWN


async def test_a_refusal_says_why_and_writes_nothing(build: Any) -> None:
    """The gate is closed: the answer lists what is missing, the journal is as before."""
    answer = await build.service.advance_workflow(build.id, by=ADA, expected_version=1)
    assert (answer.ok, answer.exit_code, answer.event_seqs) == (False, ExitCode.REFUSED, ())
    assert answer.refusal.reason is Reason.NOT_READY
    assert "requirement: there is none yet" in answer.text
    assert answer.workflow.version == 1
    assert await _seqs(build) == [1]


async def test_a_stale_command_moves_nothing(build: Any) -> None:
    """Who looked before something changed is told so, with exit code 5."""
    await build.service.chat(build.id, "hello", by=ADA)
    answer = await build.service.cancel(build.id, by=ADA, expected_version=1)
    assert (answer.exit_code, answer.refusal.reason) == (ExitCode.STALE, Reason.STALE)
    assert (await build.now()).condition is Condition.ACTIVE


async def test_the_same_command_twice_has_one_effect_and_one_answer(build: Any) -> None:
    """A repeated press gets the first answer again, also after other things happened."""
    first = await build.service.pause(build.id, by=ADA, expected_version=1, command_id="press")
    await build.service.resume(build.id, by=ADA, expected_version=2)
    again = await build.service.pause(build.id, by=ADA, expected_version=1, command_id="press")
    assert again.repeated and not first.repeated
    assert (again.text, again.event_seqs, again.exit_code) == (first.text, first.event_seqs, first.exit_code)
    assert (again.workflow.version, again.workflow.condition) == (2, Condition.PAUSED)
    assert (await build.now()).version == 3


async def test_a_repeated_start_gives_the_same_workflow(service: Any, tmp_path: Path) -> None:
    """A face that lost the answer does not start a second build."""
    project = await service.register_project(str(tmp_path))
    answers = [
        await service.start_workflow(project.project_id, "Build it", by=ADA, command_id="once")
        for _ in range(2)
    ]
    assert answers[0].workflow.workflow_id == answers[1].workflow.workflow_id
    assert len(await service.board()) == 1


async def test_a_command_id_is_not_lent_to_another_command(build: Any) -> None:
    """The same id for something else is refused instead of answered wrongly."""
    await build.service.pause(build.id, by=ADA, expected_version=1, command_id="press")
    for other in (
        build.service.cancel(build.id, by=ADA, expected_version=2, command_id="press"),
        build.service.pause(build.id, by=Authority.person("eve"), expected_version=2, command_id="press"),
    ):
        answer = await other
        assert not answer.ok and "already used" in answer.text
    assert (await build.now()).version == 2


async def test_a_refused_command_id_may_be_used_again(build: Any) -> None:
    """A refusal is not kept: the same command may succeed later."""
    assert not (await build.service.pause(build.id, by=ADA, expected_version=9, command_id="press")).ok
    assert (await build.service.pause(build.id, by=ADA, expected_version=1, command_id="press")).ok


async def test_two_services_racing_on_one_journal_make_one_move(build: Any, address: str) -> None:
    """Ten presses from two programs on the same version: one wins, nine are stale, nothing is torn."""
    other = await OrchestrationService.open(address)
    answers = await asyncio.gather(
        *(s.pause(build.id, by=ADA, expected_version=1) for s in (build.service, other) for _ in range(5))
    )
    await other.close()
    assert sorted(a.exit_code for a in answers) == [ExitCode.DONE, *[ExitCode.STALE] * 9]
    assert await _seqs(build) == [1, 2]
    assert await build.service.verify() == []


async def test_two_services_start_many_builds_with_different_numbers(
    service: Any, address: str, tmp_path: Path
) -> None:
    """Build ids stay unique under a race."""
    project = await service.register_project(str(tmp_path))
    other = await OrchestrationService.open(address)
    answers = await asyncio.gather(
        *(s.start_workflow(project.project_id, "x", by=ADA) for s in (service, other) for _ in range(6))
    )
    await other.close()
    assert sorted(a.workflow.build_id for a in answers) == [f"B-{n:04d}" for n in range(1, 13)]


async def test_a_persons_advance_carries_the_approvals(build: Any) -> None:
    """One key press in planning approves requirement and plan and moves on, in one transaction."""
    await build.go_to(State.PLANNING)
    await build.work()
    await build.wait("approval:plan")
    version = (await build.now()).version
    answer = await build.service.advance_workflow(build.id, by=ADA, expected_version=version)
    assert answer.ok and answer.event_seqs == (version + 1, version + 2, version + 3)
    assert answer.workflow.state is State.HANDOFF_TO_CODER
    assert answer.workflow.evidence[EvidenceKind.PLAN].approved_by == "person:ada"
    assert "ada approved: requirement" in answer.text and "(T02)" in answer.text


async def test_a_handoff_is_accepted_by_the_same_verb(build: Any) -> None:
    """Advance in a handoff state is the receiver's acceptance, and the packet shows it."""
    await build.go_to(State.HANDOFF_TO_CODER)
    version = (await build.now()).version
    answer = await build.service.advance_workflow(
        build.id,
        by=Authority.role(Role.CODE_WRITER),
        expected_version=version,
        role=Role.CODE_WRITER,
        reason="fine",
    )
    assert answer.workflow.state is State.IMPLEMENTATION
    handoff = (await build.service.handoffs(build.id))[-1]
    assert (handoff.from_role, handoff.to_role) == (Role.Q_ASSISTANT, Role.CODE_WRITER)
    assert (handoff.data, handoff.answer, handoff.answer_notes) == ({"by": "planning"}, "accepted", "fine")


async def test_advance_never_goes_back(build: Any) -> None:
    """A target behind is refused, although a retry could go there."""
    await build.go_to(State.TESTING)
    version = (await build.now()).version
    answer = await build.service.advance_workflow(
        build.id, by=ADA, expected_version=version, next_state=State.IMPLEMENTATION
    )
    assert not answer.ok and answer.refusal.reason is Reason.NOT_POSSIBLE


async def test_a_role_cannot_speak_for_another_or_lie_about_the_state(build: Any) -> None:
    """What the caller says is checked against what is stored."""
    await build.work()
    version = (await build.now()).version
    lie = await build.service.advance_workflow(
        build.id, by=ADA, expected_version=version, completed_state=State.TESTING
    )
    foreign = await build.service.advance_workflow(
        build.id, by=Authority.role(Role.CODE_WRITER), expected_version=version
    )
    assert lie.refusal.reason is Reason.STALE
    assert foreign.refusal.reason is Reason.NOT_YOURS


async def test_in_deployment_a_persons_yes_approves_the_release(build: Any) -> None:
    """The approval comes before the merge; complete comes with the smoke test."""
    await build.go_to(State.DEPLOYMENT)
    await build.wait("approval:release")
    version = (await build.now()).version
    yes = await build.service.advance_workflow(build.id, by=ADA, expected_version=version)
    assert yes.ok and yes.workflow.state is State.DEPLOYMENT
    assert yes.workflow.condition is Condition.ACTIVE
    early = await build.service.advance_workflow(build.id, by=ADA, expected_version=yes.workflow.version)
    assert not early.ok and "smoke" in early.text
    await build.prove(EvidenceKind.SMOKE)
    done = await build.service.advance_workflow(
        build.id, by=ADA, expected_version=(await build.now()).version
    )
    assert done.workflow.state is State.COMPLETE and done.workflow.progress == 1.0
    assert "complete" in done.text


async def test_a_release_that_is_proved_already_is_completed_by_one_yes(build: Any) -> None:
    """Where nothing is left to do after the approval, the same step completes."""
    await build.go_to(State.DEPLOYMENT)
    await build.prove(EvidenceKind.SMOKE)
    version = (await build.now()).version
    done = await build.service.advance_workflow(build.id, by=ADA, expected_version=version)
    assert done.workflow.state is State.COMPLETE


async def test_a_retry_sends_the_work_back_with_a_reason(build: Any) -> None:
    """Testing goes back to implementation, and the reason is what the next attempt is told."""
    await build.go_to(State.TESTING)
    version = (await build.now()).version
    silent = await build.service.request_retry(build.id, by=ADA, expected_version=version, reason=" ")
    answer = await build.service.request_retry(build.id, by=ADA, expected_version=version, reason="too slow")
    assert not silent.ok and "reason" in silent.text
    view = answer.workflow
    assert (view.state, view.attempt, view.last_refusal) == (State.IMPLEMENTATION, 2, "too slow")
    assert not view.evidence[EvidenceKind.CODE].current
    assert view.retries_used == 0


async def test_a_retry_in_a_handoff_refuses_the_packet(build: Any) -> None:
    """The same key means: take it back."""
    await build.go_to(State.HANDOFF_TO_TESTER)
    version = (await build.now()).version
    answer = await build.service.request_retry(build.id, by=ADA, expected_version=version, reason="no tests")
    assert answer.workflow.state is State.IMPLEMENTATION
    assert (await build.service.handoffs(build.id))[-1].answer == "refused"


async def test_a_retry_in_planning_is_planning_once_more_with_the_reason(build: Any) -> None:
    """Where the table has no way back, the role is told and tries again."""
    await build.go_to(State.PLANNING)
    await build.work()
    await build.wait("approval:plan")
    version = (await build.now()).version
    answer = await build.service.request_retry(build.id, by=ADA, expected_version=version, reason="use regex")
    view = answer.workflow
    assert (view.state, view.condition, view.attempt) == (State.PLANNING, Condition.ACTIVE, 2)
    message = (await build.service.messages(build.id))[-1]
    assert (message.text, message.author, message.role) == ("use regex", "person:ada", Role.Q_ASSISTANT)


async def test_a_retry_of_a_failed_attempt_tries_the_same_phase_again(build: Any) -> None:
    """After a wrong key was corrected, implementation goes on, and planning is not thrown away."""
    await build.go_to(State.IMPLEMENTATION)
    await build.give(SetCondition, order=Order.FAIL, reason="the key was refused")
    version = (await build.now()).version
    answer = await build.service.request_retry(build.id, by=ADA, expected_version=version, reason="")
    assert (answer.workflow.state, answer.workflow.condition) == (State.IMPLEMENTATION, Condition.ACTIVE)


async def test_a_retry_of_what_is_at_work_needs_words(build: Any) -> None:
    """Pressing retry on a running discovery changes nothing and says so; with a reason the role is told."""
    silent = await build.service.request_retry(build.id, by=ADA, expected_version=1, reason="")
    assert not silent.ok and "at work" in silent.text
    told = await build.service.request_retry(build.id, by=ADA, expected_version=1, reason="think of emoji")
    assert told.ok and told.workflow.attempt == 1
    assert (await build.service.messages(build.id))[-1].text == "think of emoji"


async def test_a_rollback_goes_back_with_conversations_and_packets(build: Any) -> None:
    """What was said and handed in since is taken back, and stays readable."""
    await build.go_to(State.TESTING)
    await build.service.chat(build.id, "looks slow", by=ADA)
    version = (await build.now()).version
    answer = await build.service.rollback_workflow(
        build.id,
        by=ADA,
        expected_version=version,
        target_state=State.PLANNING,
        reason="another way",
        checkpoint=1,
    )
    view = answer.workflow
    assert (view.state, view.checkpoint, view.attempt) == (State.PLANNING, 1, 2)
    assert view.completed_phases == (State.DISCOVERY,)
    assert [m.voided for m in await build.service.messages(build.id)] == [True]
    assert list(EngineJournal("", database=build.service._database).packets(build.id)) == [State.DISCOVERY]
    assert len(await build.service.handoffs(build.id)) == 3


async def test_a_rollback_that_is_a_retry_says_so(build: Any) -> None:
    """From testing to implementation files stay: the answer names the way instead of taking it."""
    await build.go_to(State.TESTING)
    version = (await build.now()).version
    answer = await build.service.rollback_workflow(
        build.id, by=ADA, expected_version=version, target_state=State.IMPLEMENTATION, reason="x"
    )
    assert not answer.ok and "retry (T16)" in answer.text


async def test_a_rollback_from_a_handoff_names_the_legal_way(build: Any) -> None:
    """Handoffs have no rollback; the shortest way is in the answer."""
    await build.go_to(State.HANDOFF_TO_TESTER)
    version = (await build.now()).version
    answer = await build.service.rollback_workflow(
        build.id, by=ADA, expected_version=version, target_state=State.PLANNING, reason="x"
    )
    assert answer.refusal.path == ("T05", "T23")
    assert "accept to testing (T05), then rollback to planning (T23)" in answer.text


async def test_pause_resume_and_cancel(build: Any) -> None:
    """The condition changes, the state stays, and cancelled is for good."""
    service = build.service
    assert (
        await service.pause(build.id, by=ADA, expected_version=1, reason="lunch")
    ).workflow.reason == "lunch"
    assert (await service.resume(build.id, by=ADA, expected_version=2)).workflow.condition is Condition.ACTIVE
    assert (
        await service.cancel("b-0001", by=ADA, expected_version=3)
    ).workflow.condition is Condition.CANCELLED
    answer = await service.resume(build.id, by=ADA, expected_version=4)
    assert not answer.ok and "cancelled" in answer.text


async def test_chat_wakes_what_waits_for_an_answer(build: Any) -> None:
    """The words are kept with the role they were said to, and the role goes on with a new attempt."""
    await build.work()
    await build.wait("answer", "Which separator?")
    answer = await build.service.chat(build.id, "a hyphen", by=ADA)
    assert answer.ok and "goes on" in answer.text
    assert (answer.workflow.condition, answer.workflow.attempt) == (Condition.ACTIVE, 2)
    (message,) = await build.service.messages(build.id)
    assert (message.text, message.attempt_id) == ("a hyphen", f"{build.id}:discovery:1")


async def test_chat_wakes_what_waits_for_an_approval_but_not_what_is_paused(build: Any) -> None:
    """Talking about a plan lets the role answer; a pause is a pause."""
    await build.go_to(State.PLANNING)
    await build.work()
    await build.wait("approval:plan")
    assert (await build.service.chat(build.id, "why?", by=ADA)).workflow.condition is Condition.ACTIVE
    await build.service.pause(build.id, by=ADA, expected_version=(await build.now()).version)
    kept = await build.service.chat(build.id, "later", by=ADA)
    assert kept.workflow.condition is Condition.PAUSED and "paused" in kept.text


async def test_empty_or_endless_chat_is_refused(build: Any) -> None:
    """Nothing is sent where there is nothing to send, or far too much."""
    for text in ("", " \n", "x" * (MESSAGE_LIMIT + 1)):
        assert not (await build.service.chat(build.id, text, by=ADA)).ok
    assert await build.service.messages(build.id) == []


async def test_a_repeated_chat_is_said_once(build: Any) -> None:
    """The message and the event come from one transaction."""
    for _ in range(2):
        await build.service.chat(build.id, "hello", by=ADA, command_id="enter")
    assert len(await build.service.messages(build.id)) == 1


async def test_stopping_a_turn_is_heard_by_the_worker(build: Any) -> None:
    """Escape leaves a wish that the worker sees; where nothing runs it is refused."""
    journal = EngineJournal("", database=build.service._database)
    assert not journal.stop_requested(build.id)
    answer = await build.service.stop_turn(build.id, by=ADA)
    assert answer.ok and "Q Assistant" in answer.text
    assert journal.stop_requested(build.id)
    await build.service.pause(build.id, by=ADA, expected_version=1)
    assert not journal.stop_requested(build.id)
    assert not (await build.service.stop_turn(build.id, by=ADA)).ok


async def test_another_budget_lets_a_waiting_workflow_go_on(build: Any) -> None:
    """Who may spend more says so once; the change is in the history, and a role cannot make it."""
    await build.wait("budget", "the budget of $1 is spent")
    version = (await build.now()).version
    role = await build.service.set_budget(
        build.id, by=Authority.role(Role.CODE_WRITER), expected_version=version, budget_usd=9
    )
    answer = await build.service.set_budget(build.id, by=ADA, expected_version=version, budget_usd=5.0)
    assert not role.ok
    assert (answer.workflow.budget_usd, answer.workflow.condition) == (5.0, Condition.ACTIVE)
    history = await build.service.get_workflow_history(build.id, limit=0)
    assert "ada set the budget to $5.00" in [event.text for event in history]
    assert await build.service.rebuild() == []


@pytest.mark.parametrize("amount", [-1.0, float("nan"), float("inf"), 2e6])
async def test_what_is_no_amount_of_money_is_refused(build: Any, amount: float) -> None:
    """Neither a start nor a change takes a budget that no sum could ever reach or hold."""
    view = await build.now()
    started = await build.service.start_workflow(view.project_id, "x", by=ADA, budget_usd=amount)
    changed = await build.service.set_budget(build.id, by=ADA, expected_version=1, budget_usd=amount)
    assert not started.ok and not changed.ok and "budget" in started.text


async def test_the_engines_door_takes_commands_as_they_are(build: Any) -> None:
    """A role's own move goes through the same rules as everybody's."""
    await build.work()
    answer = await build.give(Move, by=Authority.role(Role.Q_ASSISTANT), kind=Kind.ADVANCE)
    assert answer.ok and answer.workflow.state is State.PLANNING


async def test_auto_is_started_as_asked(service: Any, tmp_path: Path) -> None:
    """Autonomy, models, budget and metadata are kept from the first event on."""
    project = await service.register_project(str(tmp_path))
    answer = await service.start_workflow(
        project.project_id,
        "x",
        by=ADA,
        autonomy=Autonomy.AUTO,
        budget_usd=2.5,
        models={"code_writer": "openai/x"},
        retry_budget=1,
        metadata={"ticket": 7},
    )
    view = answer.workflow
    assert (view.autonomy, view.budget_usd, view.retry_budget) == (Autonomy.AUTO, 2.5, 1)
    assert (view.models, view.metadata, view.user_id) == ({"code_writer": "openai/x"}, {"ticket": 7}, "ada")


async def test_the_clock_can_be_handed_in(address: str, tmp_path: Path) -> None:
    """Pictures and replays have fixed times."""
    then = datetime(2026, 1, 1, tzinfo=UTC)
    service = await OrchestrationService.open(address, clock=lambda: then)
    project = await service.register_project(str(tmp_path))
    answer = await service.start_workflow(project.project_id, "x", by=ADA)
    await service.close()
    assert answer.workflow.created_at == then and answer.workflow.elapsed.total_seconds() == 0
