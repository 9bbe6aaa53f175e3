"""What commands do and do not do."""

from __future__ import annotations

import itertools

import pytest

from core.machine.apply import fold
from core.machine.commands import (
    Approve,
    Authority,
    BeginAttempt,
    Move,
    Note,
    RecordEvidence,
    Say,
    SetCondition,
    Start,
    Subject,
)
from core.machine.decide import decide
from core.machine.gates import why_not_current
from core.machine.refusal import Reason, Refusal
from core.machine.states import (
    FINAL,
    PHASE_EVIDENCE,
    STATES,
    Autonomy,
    Condition,
    EvidenceKind,
    Role,
    State,
    StateKind,
    actor_in,
)
from core.machine.transitions import (
    BACK,
    CONDITION_ALLOWS,
    TRANSITIONS,
    Kind,
    Order,
    Transition,
    transition_between,
)
from core.machine.workflow import AttemptPhase, Workflow
from tests.machine.conftest import ADA, ENGINE, Driver

PAIRS = list(itertools.product(State, State))
REACH = {
    Condition.ACTIVE: None,
    Condition.WAITING: Order.WAIT,
    Condition.PAUSED: Order.PAUSE,
    Condition.FAILED: Order.FAIL,
    Condition.CANCELLED: Order.CANCEL,
}


def ready_at(state: State, autonomy: Autonomy = Autonomy.GATED) -> Driver:
    """A workflow in `state` with all of its phase's evidence green."""
    driver = Driver(autonomy).go_to(state)
    if state is State.IMPLEMENTATION:
        driver.checkpoint("tree-9")
    if STATES[state].kind is StateKind.WORK:
        driver.supply(PHASE_EVIDENCE[state])
    return driver


@pytest.mark.parametrize("condition", Condition)
def test_a_person_may_order_exactly_the_table(condition: Condition) -> None:
    """All 121 pairs in all five conditions, decided as the table and the condition say."""
    for source in State:
        driver = ready_at(source)
        order = REACH[condition]
        if order and source is not FINAL:
            assert not isinstance(driver.condition(order, reason="test"), Refusal)
        for target in State:
            row = transition_between(source, target)
            legal = row is not None and row.kind in CONDITION_ALLOWS[driver.now.condition]
            command = driver.command(Move, by=ADA, target=target, reason="because")
            assert isinstance(decide(driver.now, command), Refusal) != legal, (source, target, condition)


@pytest.mark.parametrize("autonomy", Autonomy)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_order_only_its_own(role: Role, autonomy: Autonomy) -> None:
    """A role moves along its own rows; advances also wait for what the autonomy asks for."""
    for row in TRANSITIONS:
        driver = ready_at(row.source, autonomy)
        decided = decide(
            driver.now,
            driver.command(Move, by=Authority.role(role), target=row.target, reason="because"),
        )
        own = row.actor is role
        held = row.kind is Kind.ADVANCE and autonomy is Autonomy.MANUAL
        unapproved = row.id in ("T02", "T08", "T10")
        allowed = own and not held and not unapproved
        assert isinstance(decided, Refusal) != allowed, row
        if not own and isinstance(decided, Refusal):
            assert decided.reason is Reason.NOT_YOURS


@pytest.mark.parametrize("autonomy", Autonomy)
def test_the_policy_may_order_what_the_autonomy_allows(autonomy: Autonomy) -> None:
    """Manual: nothing. Gated: all but what a person approves. Auto: all. Rollback: never."""
    for row in TRANSITIONS:
        driver = ready_at(row.source, autonomy)
        command = driver.command(Move, by=Authority.policy(autonomy), target=row.target, reason="because")
        allowed = {
            Autonomy.MANUAL: False,
            Autonomy.GATED: row.kind is not Kind.ROLLBACK and row.id not in ("T02", "T08", "T10"),
            Autonomy.AUTO: row.kind is not Kind.ROLLBACK,
        }[autonomy]
        assert isinstance(decide(driver.now, command), Refusal) != allowed, row


def test_the_engine_never_moves_and_nobody_else_records() -> None:
    """The engine's authority is for records alone, and records are for the engine alone."""
    driver = ready_at(State.DISCOVERY)
    moved = driver.do(Move, by=ENGINE, target=State.PLANNING)
    assert isinstance(moved, Refusal)
    piece = driver.now.evidence[EvidenceKind.REQUIREMENT]
    for by in (ADA, Authority.role(Role.Q_ASSISTANT), Authority.policy(Autonomy.GATED)):
        recorded = driver.do(RecordEvidence, by=by, evidence=piece)
        assert isinstance(recorded, Refusal)
        assert recorded.reason is Reason.NOT_YOURS


@pytest.mark.parametrize("row", [t for t in TRANSITIONS if t.kind is Kind.ADVANCE], ids=lambda t: t.id)
def test_every_clause_of_a_gate_is_necessary(row: Transition) -> None:
    """Take any one needed piece away, or make it red, and the advance is refused and names it."""
    for kind in row.needs:
        for spoil in ("absent", "red", "stale"):
            driver = ready_at(row.source)
            evidence = dict(driver.now.evidence)
            if spoil == "absent":
                del evidence[kind]
            else:
                data = evidence[kind].to_data() | ({"ok": False} if spoil == "red" else {"stale": "old"})
                evidence[kind] = type(evidence[kind]).from_data(data)
            spoiled = Workflow.from_data(
                driver.now.to_data() | {"evidence": {k.value: v.to_data() for k, v in evidence.items()}}
            )
            decided = decide(spoiled, driver.command(Move, by=ADA, target=row.target))
            assert isinstance(decided, Refusal), (row.id, kind, spoil)
            assert decided.reason is Reason.NOT_READY
            assert kind.value in [m.what for m in decided.missing]


@pytest.mark.parametrize("digest", ["requirement", "plan", "tree"])
def test_evidence_is_stale_when_what_it_rests_on_changes(digest: str) -> None:
    """A change underneath closes the gate to complete."""
    driver = ready_at(State.DEPLOYMENT)
    if digest == "tree":
        driver.checkpoint("another tree")
    else:
        driver.supply(EvidenceKind(digest), digest="another digest")
    assert "has changed since" in why_not_current(driver.now, EvidenceKind.SMOKE)
    assert isinstance(driver.do(Move, by=ADA, target=State.COMPLETE), Refusal)


def test_evidence_that_is_bound_to_nothing_never_counts() -> None:
    """A piece that leaves a digest out is not current, even while everything else agrees."""
    driver = ready_at(State.TESTING)
    data = driver.now.evidence[EvidenceKind.TESTS].to_data() | {"rests_on": {}}
    loose = type(driver.now.evidence[EvidenceKind.TESTS]).from_data(data)
    driver.do(RecordEvidence, by=ENGINE, evidence=loose)
    assert isinstance(driver.do(Move, by=ADA, kind=Kind.ADVANCE), Refusal)


def test_a_stale_version_moves_nothing() -> None:
    """Who acts on an old picture is told so."""
    driver = ready_at(State.DISCOVERY)
    command = driver.command(Move, by=ADA, kind=Kind.ADVANCE, version=driver.now.version - 1)
    decided = decide(driver.now, command)
    assert isinstance(decided, Refusal)
    assert decided.reason is Reason.STALE


def test_the_from_state_is_the_stored_one() -> None:
    """A caller's word about the completed state is checked and never used."""
    driver = ready_at(State.PLANNING)
    decided = driver.do(Move, by=ADA, completed=State.TESTING, target=State.HANDOFF_TO_VERIFIER)
    assert isinstance(decided, Refusal)
    assert driver.now.state is State.PLANNING


def test_skipping_is_refused_with_the_way_on() -> None:
    """The refusal names the shortest legal path."""
    driver = ready_at(State.DISCOVERY)
    decided = driver.do(Move, by=ADA, target=State.IMPLEMENTATION)
    assert isinstance(decided, Refusal)
    assert decided.reason is Reason.NOT_POSSIBLE
    assert decided.path == ("T01", "T02", "T03")


def test_a_person_approves_plan_and_requirement_with_one_advance() -> None:
    """One command gives the approvals and the move, in this order."""
    driver = ready_at(State.PLANNING)
    decided = driver.do(Move, by=ADA, kind=Kind.ADVANCE)
    assert not isinstance(decided, Refusal)
    assert [e.event_type.value for e in decided] == ["approved", "approved", "moved"]
    assert driver.now.evidence[EvidenceKind.PLAN].approved_by == "person:ada"


def test_the_policy_approves_in_auto_and_says_so() -> None:
    """What moves by itself is recorded as such."""
    driver = ready_at(State.PLANNING, Autonomy.AUTO)
    driver.do(Move, by=Authority.policy(Autonomy.AUTO), kind=Kind.ADVANCE)
    assert driver.now.evidence[EvidenceKind.PLAN].approved_by == "auto"


def test_an_approval_names_the_exact_digest() -> None:
    """Approving what was there a moment ago approves nothing."""
    driver = ready_at(State.PLANNING)
    decided = driver.do(Approve, by=ADA, subject=Subject.PLAN, digest="what it was")
    assert isinstance(decided, Refusal)
    assert decided.reason is Reason.STALE


def test_no_role_ever_approves() -> None:
    """Who wrote the code never approves it, nor does any other role."""
    driver = ready_at(State.VERIFICATION, Autonomy.AUTO)
    for role in Role:
        decided = driver.do(Approve, by=Authority.role(role), subject=Subject.REVIEW, digest="review-digest")
        assert isinstance(decided, Refusal)
        assert decided.reason is Reason.NOT_YOURS


def test_an_approved_release_lets_the_build_go_on() -> None:
    """Deployment waits, a person approves this very tree, and a new attempt is due."""
    driver = Driver().go_to(State.DEPLOYMENT)
    driver.attempt()
    driver.do(SetCondition, by=ENGINE, order=Order.WAIT, waiting_for="approval:release")
    decided = driver.do(Approve, by=ADA, subject=Subject.RELEASE, digest=driver.now.current["tree"])
    assert not isinstance(decided, Refusal)
    assert (driver.now.condition, driver.now.attempt) == (Condition.ACTIVE, 2)
    assert driver.now.attempt_phase is AttemptPhase.DUE


def test_a_release_approval_ends_with_its_tree() -> None:
    """Another tree needs another approval."""
    driver = ready_at(State.DEPLOYMENT)
    driver.do(Approve, by=ADA, subject=Subject.RELEASE, digest=driver.now.current["tree"])
    driver.checkpoint("merged tree")
    driver.supply(EvidenceKind.CODE)
    driver.supply(EvidenceKind.TESTS)
    driver.supply(EvidenceKind.REVIEW)
    driver.supply(EvidenceKind.SMOKE)
    decided = driver.do(Move, by=Authority.role(Role.RELEASE_MANAGER), kind=Kind.ADVANCE)
    assert isinstance(decided, Refusal)
    assert "approval of the release" in [m.what for m in decided.missing]


@pytest.mark.parametrize("row", [t for t in TRANSITIONS if t.kind in BACK], ids=lambda t: t.id)
def test_going_back_needs_a_reason_and_voids_what_came_after(row: Transition) -> None:
    """The target's evidence and all later evidence is stale, the earlier kept, and a new attempt is due."""
    driver = ready_at(row.source)
    assert isinstance(driver.do(Move, by=ADA, target=row.target, reason="  "), Refusal)
    before = dict(driver.now.attempts)
    assert not isinstance(driver.do(Move, by=ADA, target=row.target, reason="it is wrong"), Refusal)
    for phase, kind in PHASE_EVIDENCE.items():
        if kind in driver.now.evidence:
            late = STATES[phase].rank >= STATES[row.target].rank
            assert bool(driver.now.evidence[kind].stale) == late
    assert driver.now.attempt == before.get(row.target, 0) + 1
    assert driver.now.last_refusal == "it is wrong"


def test_a_rollback_restores_the_checkpoint_of_the_phase_and_a_retry_keeps_the_files() -> None:
    """After a rollback the tree is the target's; after a retry it is untouched."""
    driver = ready_at(State.TESTING)
    tree = driver.now.current["tree"]
    retried = Driver().go_to(State.TESTING)
    retried.do(Move, by=ADA, target=State.IMPLEMENTATION, reason="red")
    assert retried.now.restore is None
    assert retried.now.current["tree"] != "tree-0"
    driver.do(Move, by=ADA, target=State.PLANNING, reason="wrong way")
    assert (driver.now.restore, driver.now.checkpoint, driver.now.current["tree"]) == (0, 0, "tree-0")
    assert tree != "tree-0"
    driver.do(BeginAttempt, by=ENGINE, state=State.PLANNING, number=driver.now.attempt, executor="x")
    assert driver.now.restore is None


def test_a_rollback_to_a_checkpoint_that_does_not_exist_is_refused() -> None:
    """Nothing is restored from nowhere."""
    driver = ready_at(State.TESTING)
    decided = driver.do(Move, by=ADA, target=State.PLANNING, reason="x", checkpoint=77)
    assert isinstance(decided, Refusal)


@pytest.mark.parametrize("budget", [0, 1, 3])
def test_the_retry_budget_bounds_every_automatic_back_move(budget: int) -> None:
    """Roles and policy stop at the budget, refusals included; a person may still go back."""
    driver = Driver(Autonomy.AUTO, budget).go_to(State.TESTING)
    auditor = Authority.role(Role.TEST_AUDITOR)
    for _ in range(budget):
        assert not isinstance(driver.do(Move, by=auditor, kind=Kind.RETRY, reason="red"), Refusal)
        driver.go_to(State.TESTING)
    for by in (auditor, Authority.policy(Autonomy.AUTO)):
        decided = driver.do(Move, by=by, kind=Kind.RETRY, reason="red")
        assert isinstance(decided, Refusal)
        assert "automatic step" in decided.text and decided.text.endswith("; a person decides.")
    assert not isinstance(driver.do(Move, by=ADA, kind=Kind.RETRY, reason="red"), Refusal)
    assert driver.now.retries_used == budget


def test_the_branch_and_the_start_are_pinned_once() -> None:
    """The first note counts, a second one moves nothing; what was given at the start stays."""
    driver = Driver()
    for branch in ("trunk", "topic"):
        driver.do(Note, by=ENGINE, kind="pinned", data={"default_branch": branch, "base_commit": branch})
    assert (driver.now.settings["default_branch"], driver.now.base_commit) == ("trunk", "base")


def test_conditions_keep_the_phase() -> None:
    """Failing, pausing and resuming never move a workflow, and a failed attempt is followed by a new one."""
    driver = Driver().go_to(State.IMPLEMENTATION)
    driver.attempt("failed")
    driver.condition(Order.FAIL, reason="the key was wrong")
    assert (driver.now.state, driver.now.condition) == (State.IMPLEMENTATION, Condition.FAILED)
    driver.condition(Order.RESUME)
    assert (driver.now.condition, driver.now.attempt) == (Condition.ACTIVE, 2)


def test_a_pause_in_the_middle_goes_on_with_the_same_attempt() -> None:
    """What was not finished is taken up again, not begun anew."""
    driver = Driver().go_to(State.IMPLEMENTATION)
    driver.do(BeginAttempt, by=ENGINE, state=State.IMPLEMENTATION, number=1, executor="x")
    driver.condition(Order.PAUSE)
    driver.condition(Order.RESUME)
    assert (driver.now.attempt, driver.now.attempt_phase) == (1, AttemptPhase.OPEN)


def test_chat_wakes_a_workflow_that_waits_for_an_answer() -> None:
    """A person's words are an event, and the role takes them up."""
    driver = Driver()
    driver.attempt("asked")
    driver.do(SetCondition, by=ENGINE, order=Order.WAIT, waiting_for="answer")
    driver.do(Say, by=ADA, message_id="m1", text_digest="d")
    assert (driver.now.condition, driver.now.attempt) == (Condition.ACTIVE, 2)
    driver.do(SetCondition, by=ENGINE, order=Order.WAIT, waiting_for="budget")
    driver.do(Say, by=ADA, message_id="m2", text_digest="d")
    assert driver.now.condition is Condition.WAITING


def test_nothing_happens_after_the_end() -> None:
    """Complete and cancelled take no command of any kind that changes something."""
    for end in (Driver().go_to(State.COMPLETE), Driver()):
        if end.now.state is not FINAL:
            end.condition(Order.CANCEL)
        version = end.now.version
        for order in Order:
            assert isinstance(end.condition(order), Refusal)
        assert isinstance(end.do(Say, by=ADA, message_id="m", text_digest="d"), Refusal)
        assert isinstance(end.do(Move, by=ADA, target=State.DISCOVERY, reason="x"), Refusal)
        assert end.now.version == version


def test_a_start_is_made_once_and_needs_a_request() -> None:
    """An empty request and a second start are refused."""
    driver = Driver()
    same = {"build_id": "B-1", "project_id": "p", "title": "t"}
    assert isinstance(driver.do(Start, by=ADA, request="again", **same), Refusal)
    empty = driver.command(Start, by=ADA, request=" \n", **same)
    assert isinstance(decide(None, empty), Refusal)


def test_a_history_folds_to_the_same_workflow_through_json() -> None:
    """The snapshot of a row is the workflow itself, and the fold of its events equals it."""
    driver = Driver().go_to(State.COMPLETE)
    assert fold(driver.events) == driver.now
    assert Workflow.from_data(driver.now.to_data()) == driver.now
    assert driver.now.version == len(driver.events)
    assert all(not why_not_current(driver.now, kind) for kind in EvidenceKind)
    assert actor_in(driver.now.state) is Role.RELEASE_MANAGER
