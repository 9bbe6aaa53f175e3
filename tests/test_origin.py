"""The twenty-seven tests that the product's founding document promised, on the real store.

Thirteen of the state machine, three of the phase data, nine of the service, two from end to end.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.errors import ExitCode, UnknownError
from core.journal.migrate import migrate
from core.machine.refusal import Reason
from core.machine.states import PHASE_EVIDENCE, PHASES, STATES, Condition, Role, State, actor_in
from core.machine.transitions import Kind, default_target, shortest_path, transition_between, transitions_from
from core.service import OrchestrationService
from tests.service.conftest import ADA, Build


class TestWorkflowStateMachine:
    """Thirteen: what the table allows, who acts, and how a state is described."""

    def test_discovery_leads_to_planning(self) -> None:
        """The first step forward is legal, and an advance of the Q Assistant."""
        move = transition_between(State.DISCOVERY, State.PLANNING)
        assert move is not None
        assert (move.kind, move.actor) == (Kind.ADVANCE, Role.Q_ASSISTANT)

    def test_a_plan_is_handed_to_the_code_writer(self) -> None:
        """Planning ends in a packet that the Code Writer accepts."""
        assert transition_between(State.PLANNING, State.HANDOFF_TO_CODER) is not None
        accept = transition_between(State.HANDOFF_TO_CODER, State.IMPLEMENTATION)
        assert accept is not None
        assert (accept.kind, accept.actor) == (Kind.ACCEPT, Role.CODE_WRITER)

    def test_each_state_leads_to_the_next(self) -> None:
        """Ten steps forward carry a build from discovery to complete."""
        path = shortest_path(State.DISCOVERY, State.COMPLETE)
        assert [t.target for t in path] == list(State)[1:]

    def test_discovery_cannot_skip_to_implementation(self) -> None:
        """A phase cannot be skipped."""
        assert transition_between(State.DISCOVERY, State.IMPLEMENTATION) is None

    def test_implementation_cannot_skip_testing(self) -> None:
        """Code reaches neither verification nor deployment without tests."""
        for target in (State.VERIFICATION, State.HANDOFF_TO_VERIFIER, State.DEPLOYMENT):
            assert transition_between(State.IMPLEMENTATION, target) is None

    def test_complete_leads_nowhere(self) -> None:
        """The final state is final."""
        assert transitions_from(State.COMPLETE) == ()

    def test_no_state_leads_to_itself(self) -> None:
        """A move goes somewhere."""
        assert all(transition_between(state, state) is None for state in State)

    def test_testing_may_send_back_to_implementation(self) -> None:
        """Failed tests are a retry by the Test Auditor."""
        move = transition_between(State.TESTING, State.IMPLEMENTATION)
        assert move is not None
        assert (move.kind, move.actor) == (Kind.RETRY, Role.TEST_AUDITOR)

    def test_verification_may_send_back_to_implementation(self) -> None:
        """Security or quality issues are a retry by the Verification Overseer, to the code by default."""
        assert default_target(State.VERIFICATION, Kind.RETRY) is State.IMPLEMENTATION
        move = transition_between(State.VERIFICATION, State.IMPLEMENTATION)
        assert move is not None
        assert move.actor is Role.VERIFICATION_OVERSEER

    def test_a_retry_never_goes_forward(self) -> None:
        """Every retry and every refusal leads to an earlier state."""
        back = [t for s in State for t in transitions_from(s) if t.kind in (Kind.RETRY, Kind.REFUSE)]
        assert len(back) == 10
        assert all(STATES[t.target].rank < STATES[t.source].rank for t in back)

    def test_every_state_has_its_role(self) -> None:
        """Work belongs to its owner, a handoff to its receiver."""
        assert [actor_in(state).value for state in PHASES] == [
            "q_assistant",
            "q_assistant",
            "code_writer",
            "test_auditor",
            "verification_overseer",
            "release_manager",
        ]
        assert actor_in(State.HANDOFF_TO_TESTER) is Role.TEST_AUDITOR

    def test_every_role_acts_somewhere(self) -> None:
        """Five roles, none idle."""
        assert {actor_in(state) for state in State} == set(Role)

    def test_every_state_is_described_for_people(self) -> None:
        """Eleven different sentences."""
        texts = {info.description for info in STATES.values()}
        assert len(texts) == 11
        assert all(text.endswith(".") and len(text) > 20 for text in texts)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal at the newest schema, to copy from."""
    path = tmp_path_factory.mktemp("origin") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
async def service(template: Path, tmp_path: Path) -> AsyncIterator[OrchestrationService]:
    """The service on a journal of the test's own."""
    shutil.copy(template, tmp_path / "qdeck.db")
    service = await OrchestrationService.open(str(tmp_path / "qdeck.db"))
    yield service
    await service.close()


@pytest.fixture
async def build(service: OrchestrationService, tmp_path: Path) -> Build:
    """A workflow in discovery."""
    project = await service.register_project(str(tmp_path / "demo"), default_branch="main")
    return Build(service, await service.start_workflow(project.project_id, "Build feature X", by=ADA))


class TestWorkflowPhaseData:
    """Three: what a phase leaves behind."""

    async def test_phase_data_is_set_and_read_back(self, build: Build) -> None:
        """A finished phase's packet is in the handoff that follows, unchanged."""
        await build.go_to(State.IMPLEMENTATION)
        packets = {h.from_state: dict(h.data) for h in await build.service.handoffs(build.id)}
        assert packets[State.PLANNING] == {"by": "planning"}

    async def test_a_workflow_turns_into_a_dictionary(self, build: Build) -> None:
        """The status as plain data names its state, its role and its evidence."""
        await build.go_to(State.PLANNING)
        data = (await build.now()).to_data()
        assert data["state"] == "planning"
        assert data["evidence"]["requirement"]["ok"] is True
        assert data["request"] == "Build feature X"

    async def test_phases_are_tracked_as_they_are_completed(self, build: Build) -> None:
        """Completed phases and progress grow with evidence, and shrink when it becomes stale."""
        assert (await build.now()).completed_phases == ()
        await build.go_to(State.TESTING)
        before = await build.now()
        assert before.completed_phases == PHASES[:3]
        assert before.progress == pytest.approx(3 / 6)
        await build.service.request_retry(
            build.id, by=ADA, expected_version=before.version, reason="the tests are red"
        )
        assert (await build.now()).completed_phases == PHASES[:2]


class TestOrchestrationService:
    """Nine: the one door."""

    async def test_a_workflow_starts_in_discovery(self, build: Build) -> None:
        """It is active, belongs to the Q Assistant and has a short name."""
        now = await build.now()
        assert (now.state, now.condition, now.role) == (
            State.DISCOVERY,
            Condition.ACTIVE,
            Role.Q_ASSISTANT,
        )
        assert now.build_id.startswith("B-")

    async def test_a_workflow_of_an_unknown_project_is_not_started(
        self, service: OrchestrationService
    ) -> None:
        """Nothing is written for it."""
        with pytest.raises(UnknownError):
            await service.start_workflow("nowhere", "Build feature X", by=ADA)
        assert await service.board() == []

    async def test_a_workflow_advances_with_its_evidence(self, build: Build) -> None:
        """Discovery done, planning begins."""
        await build.work()
        version = (await build.now()).version
        answer = await build.service.advance_workflow(build.id, by=ADA, expected_version=version)
        assert answer.ok, answer.text
        assert (await build.now()).state is State.PLANNING

    async def test_a_workflow_does_not_advance_without_evidence(self, build: Build) -> None:
        """The refusal names what is missing, and nothing is written."""
        before = await build.now()
        answer = await build.service.advance_workflow(build.id, by=ADA, expected_version=before.version)
        assert answer.exit_code == ExitCode.REFUSED
        assert answer.refusal is not None
        assert [m.what for m in answer.refusal.missing] == [PHASE_EVIDENCE[State.DISCOVERY].value]
        assert (await build.now()).version == before.version

    async def test_the_status_tells_who_acts_and_what_is_expected(self, build: Build) -> None:
        """A card says the state in words, the next role and what comes next."""
        await build.go_to(State.TESTING)
        now = await build.now()
        assert (now.role, now.next_role) == (Role.TEST_AUDITOR, Role.VERIFICATION_OVERSEER)
        assert now.state_description == STATES[State.TESTING].description
        assert now.next_expectations

    async def test_a_retry_sends_back_with_its_reason(self, build: Build) -> None:
        """The code is written once more, as a new attempt that knows why."""
        await build.go_to(State.TESTING)
        version = (await build.now()).version
        answer = await build.service.request_retry(
            build.id, by=ADA, expected_version=version, reason="two tests fail"
        )
        assert answer.ok, answer.text
        now = await build.now()
        assert (now.state, now.attempt, now.last_refusal) == (State.IMPLEMENTATION, 2, "two tests fail")

    async def test_a_rollback_goes_back_and_voids_what_came_after(self, build: Build) -> None:
        """From testing to planning: plan, code and tests no longer count, the requirement does."""
        await build.go_to(State.TESTING)
        version = (await build.now()).version
        answer = await build.service.rollback_workflow(
            build.id, by=ADA, expected_version=version, target_state=State.PLANNING, reason="wrong way"
        )
        assert answer.ok, answer.text
        now = await build.now()
        assert now.state is State.PLANNING
        assert [kind.value for kind, e in now.evidence.items() if e.current] == ["requirement"]

    async def test_a_stale_view_moves_nothing(self, build: Build) -> None:
        """Who decides on an old picture is told to look again."""
        old = (await build.now()).version
        await build.work()
        answer = await build.service.advance_workflow(build.id, by=ADA, expected_version=old)
        assert answer.exit_code == ExitCode.STALE
        assert answer.refusal is not None
        assert answer.refusal.reason is Reason.STALE
        assert (await build.now()).state is State.DISCOVERY

    async def test_an_unknown_workflow_is_an_error_for_people(self, service: OrchestrationService) -> None:
        """Its exit code is 4, and its sentence names what was asked for."""
        with pytest.raises(UnknownError) as caught:
            await service.get_workflow_status("B-9999")
        assert caught.value.exit_code == ExitCode.UNKNOWN
        assert "B-9999" in caught.value.what


class TestWorkflowIntegration:
    """Two: whole ways."""

    async def test_from_discovery_to_implementation(self, build: Build) -> None:
        """Every step is in the history, in order, with who ordered it."""
        await build.go_to(State.IMPLEMENTATION)
        moves = [
            (e.data["from"], e.data["to"], e.triggered_by)
            for e in await build.service.get_workflow_history(build.id, limit=0)
            if e.event_type == "moved"
        ]
        assert moves == [
            ("discovery", "planning", "person:ada"),
            ("planning", "handoff_to_coder", "person:ada"),
            ("handoff_to_coder", "implementation", "person:ada"),
        ]

    async def test_a_workflow_with_a_retry_loop_reaches_complete(self, build: Build) -> None:
        """The tests fail once, the code is fixed, and both attempts stay readable."""
        await build.go_to(State.TESTING)
        version = (await build.now()).version
        await build.service.request_retry(build.id, by=ADA, expected_version=version, reason="red")
        await build.complete()
        now = await build.now()
        assert (now.state, now.progress) == (State.COMPLETE, 1.0)
        assert now.completed_at is not None
        begun = [
            (e.data["state"], e.data["number"])
            for e in await build.service.get_workflow_history(build.id, limit=0)
            if e.event_type == "attempt_begun"
        ]
        assert [n for state, n in begun if state == "implementation"] == [1, 2]
