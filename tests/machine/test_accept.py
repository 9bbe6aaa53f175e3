"""A person's yes or no to one finding, and their override of a gate: theirs alone, loud, kept for good."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.machine.apply import fold
from core.machine.asking import asks_of, only_asks, open_asks
from core.machine.commands import ACCEPTANCE, Accept, Authority, Fork, Move, Override, RecordEvidence, Start
from core.machine.forking import unchecked
from core.machine.gates import gate, why_not_current
from core.machine.permission import move_refusal
from core.machine.refusal import Reason, Refusal
from core.machine.states import Autonomy, Condition, EvidenceKind, Role, State
from core.machine.transitions import Order, transition_between
from core.machine.workflow import AttemptPhase, Evidence, Verdict, Workflow
from tests.machine.conftest import ADA, ENGINE, Driver

TESTS = EvidenceKind.TESTS
NOBODY = [
    *(Authority.role(role) for role in Role),
    *(Authority.policy(autonomy) for autonomy in Autonomy),
    ENGINE,
    Authority.engine("person:ada"),
]


def red(driver: Driver, *failures: dict[str, object], accepted: tuple[dict[str, object], ...] = ()) -> None:
    """Record tests evidence that is red by `failures`, on what is there now."""
    rests_on = {name: driver.now.current[name] for name in ("requirement", "plan", "tree")}
    detail = {"failures": list(failures), "accepted": list(accepted)}
    piece = Evidence(TESTS, not failures, f"red-{len(driver.events)}", rests_on, "2 lost", detail)
    assert not isinstance(driver.do(RecordEvidence, by=ENGINE, evidence=piece), Refusal)


def asked(key: str, **more: object) -> dict[str, object]:
    """A failure that a person may accept."""
    return {"name": f"tests::{key}", "text": "was deleted", "key": key, "askable": True, **more}


@pytest.fixture
def testing(driver: Driver) -> Driver:
    """A workflow in testing whose attempt has handed in, waiting for two answers."""
    driver.go_to(State.TESTING)
    driver.attempt("submitted")
    red(driver, asked("test:a"), asked("test:b"))
    driver.do_wait = driver.condition(Order.WAIT, waiting_for=ACCEPTANCE)  # type: ignore[attr-defined]
    return driver


@pytest.mark.parametrize("by", NOBODY, ids=str)
def test_nobody_but_a_person_accepts_or_overrides(testing: Driver, by: Authority) -> None:
    """No role, no policy and no engine, also not one that calls itself a person."""
    before = testing.now
    digest = before.evidence[TESTS].digest
    for order, fields in (
        (Accept, {"key": "test:a", "reason": "I say so"}),
        (Override, {"evidence": TESTS, "digest": digest, "reason": "I say so"}),
    ):
        refused = testing.do(order, by=by, **fields)  # type: ignore[type-abstract]
        assert isinstance(refused, Refusal) and refused.reason is Reason.NOT_YOURS
    assert testing.now == before


def test_the_last_answer_lets_the_engine_judge_again_without_the_role(testing: Driver) -> None:
    """One yes for each thing; then it goes on in the very same attempt."""
    attempt = testing.now.attempt_id
    assert only_asks(testing.now, TESTS)
    testing.do(Accept, by=ADA, key="test:a", reason="replaced by b2")
    assert testing.now.condition is Condition.WAITING
    assert [ask.key for ask in open_asks(testing.now)] == ["test:b"]

    testing.do(Accept, by=ADA, key="test:b", reason="the feature is gone")

    now = testing.now
    assert now.condition is Condition.ACTIVE
    assert (now.attempt_id, now.attempt_phase) == (attempt, AttemptPhase.ENDED)
    assert why_not_current(now, TESTS), "a yes opens no gate: the evidence is to be judged again"
    assert [str(a) for a in now.acceptances.values()] == [
        "accepted by ada: replaced by b2",
        "accepted by ada: the feature is gone",
    ]
    assert Workflow.from_data(now.to_data()) == now == fold(testing.events)


def test_a_no_gives_the_role_another_attempt(testing: Driver) -> None:
    """What a person declines is mended by whoever made it."""
    number = testing.now.attempt
    testing.do(Accept, by=ADA, key="test:a", reason="fine")
    testing.do(Accept, by=ADA, key="test:b", verdict=Verdict.DECLINED, reason="we need that test")
    assert testing.now.condition is Condition.ACTIVE
    assert (testing.now.attempt, testing.now.attempt_phase) == (number + 1, AttemptPhase.DUE)


def test_only_what_is_asked_is_accepted_and_only_with_a_reason(testing: Driver) -> None:
    """No yes in advance, to everything, or without a word why."""
    for key in ("*", "", "test", "test:c"):
        refused = testing.do(Accept, by=ADA, key=key, reason="all of it")
        assert isinstance(refused, Refusal) and refused.reason is Reason.NOT_READY
    refused = testing.do(Accept, by=ADA, key="test:a", reason="  ")
    assert isinstance(refused, Refusal) and refused.missing[0].what == "reason"
    assert not testing.now.acceptances


def test_what_is_not_askable_is_never_only_a_question(testing: Driver) -> None:
    """A failing test beside a question is the role's to mend, and no key accepts it."""
    red(testing, asked("test:a"), {"name": "t", "text": "failed", "key": "failure:t", "askable": False})
    assert not only_asks(testing.now, TESTS)
    assert isinstance(testing.do(Accept, by=ADA, key="failure:t", reason="it is fine"), Refusal)
    assert [ask.key for ask in asks_of(testing.now)] == ["test:a"]


def test_a_hidden_check_is_struck(testing: Driver) -> None:
    """A person's yes to a wrong check takes the check away, and says so."""
    red(testing, asked("hidden:1", strikes=True))
    testing.do(Accept, by=ADA, key="hidden:1", reason="the check is wrong")
    assert testing.now.acceptances["hidden:1"].verdict is Verdict.STRUCK


def test_a_yes_that_is_taken_back_voids_what_counted_through_it(testing: Driver) -> None:
    """The evidence that was green by a yes is stale without it."""
    testing.do(Accept, by=ADA, key="test:a", reason="fine")
    testing.do(Accept, by=ADA, key="test:b", reason="fine")
    red(testing, accepted=(asked("test:a"), asked("test:b")))
    assert not why_not_current(testing.now, TESTS)
    testing.do(Accept, by=ADA, key="test:a", verdict=Verdict.DECLINED, reason="I was wrong")
    assert "ada took back the yes" in why_not_current(testing.now, TESTS)


def test_an_override_covers_what_was_red_and_nothing_else(testing: Driver) -> None:
    """It opens the gate loudly, holds when the same is collected again, and ends with any other file."""
    step = transition_between(State.TESTING, State.HANDOFF_TO_VERIFIER)
    assert step is not None
    stale = testing.do(Override, by=ADA, evidence=TESTS, digest="another", reason="x")
    assert isinstance(stale, Refusal) and stale.reason is Reason.STALE
    digest = testing.now.evidence[TESTS].digest

    testing.do(Override, by=ADA, evidence=TESTS, digest=digest, reason="the runner is broken")

    assert testing.now.condition is Condition.ACTIVE
    assert move_refusal(testing.now, step, ADA) is None
    told = next(item for item in gate(testing.now, step) if item.what == "tests")
    assert told.ok and told.why.startswith("NOT GREEN, overridden by ada: the runner is broken")
    red(testing, asked("test:b"), asked("test:a"))
    assert not why_not_current(testing.now, TESTS)
    red(testing, asked("test:a"), asked("test:new"))
    assert why_not_current(testing.now, TESTS).startswith("not green")
    red(testing, asked("test:a"))
    testing.checkpoint("tree-other")
    red(testing, asked("test:a"))
    assert why_not_current(testing.now, TESTS).startswith("not green")
    assert [a.verdict for a in testing.now.acceptances.values()] == [Verdict.OVERRIDDEN], (
        "on the card for good"
    )


def fork(parent: Workflow, request: str = "Build it") -> Driver:
    """A fork of the workflow as it stands, with nothing checked yet."""
    forked = Driver()
    forked.workflow, forked.events = None, []
    started = forked.do(
        Start,
        by=ADA,
        build_id="B-0002",
        project_id="p",
        title="t",
        request=request,
        fork=Fork(parent, parent.version, "hash"),
    )
    assert not isinstance(started, Refusal)
    return forked


def check(forked: Driver, *kinds: EvidenceKind) -> None:
    """Record what was taken over again, to the digest, as the engine's check does."""
    for kind in kinds:
        clean = replace(forked.now.evidence[kind], stale="", approved_by="")
        assert not isinstance(forked.do(RecordEvidence, by=ENGINE, evidence=clean), Refusal)


def test_a_fork_takes_over_what_persons_said_and_the_evidence_counts_by_it_once_checked(
    testing: Driver,
) -> None:
    """An override and a yes are given for digests: they hold for the same ones, and for no other wish."""
    testing.do(Accept, by=ADA, key="test:a", reason="replaced by b2")
    digest = testing.now.evidence[TESTS].digest
    testing.do(Override, by=ADA, evidence=TESTS, digest=digest, reason="the runner is broken")

    forked = fork(testing.now)

    assert forked.now.acceptances == testing.now.acceptances
    assert why_not_current(forked.now, TESTS).startswith("stale: taken over from B-0001")
    check(forked, EvidenceKind.REQUIREMENT, EvidenceKind.PLAN, EvidenceKind.CODE, TESTS)
    assert not why_not_current(forked.now, TESTS)
    red(forked, asked("test:a"), asked("test:new"))
    assert why_not_current(forked.now, TESTS).startswith("not green")
    assert fork(testing.now, "Build something else").now.acceptances == {}


def test_what_was_voided_in_a_fork_before_its_check_is_not_taken_over_by_it(testing: Driver) -> None:
    """Going back, or taking a yes back, is the last word: nothing is left to be checked."""
    red(testing, accepted=(asked("test:a"), asked("test:b")))
    testing.do(Accept, by=ADA, key="test:a", reason="fine")
    taken_back, sent_back = fork(testing.now), fork(testing.now)
    kinds = [piece.kind for piece in unchecked(taken_back.now)]
    assert kinds == list(EvidenceKind)[:4]

    said = taken_back.do(Accept, by=ADA, key="test:a", verdict=Verdict.DECLINED, reason="I was wrong")
    moved = sent_back.do(Move, by=ADA, target=State.IMPLEMENTATION, reason="not like that")

    assert not isinstance(said, Refusal) and not isinstance(moved, Refusal)
    assert [piece.kind for piece in unchecked(taken_back.now)] == kinds[:3]
    assert "ada took back the yes" in why_not_current(taken_back.now, TESTS)
    assert [piece.kind for piece in unchecked(sent_back.now)] == kinds[:2]
    assert why_not_current(sent_back.now, EvidenceKind.CODE).startswith("stale: went back")


def test_a_red_smoke_test_is_not_overridden(driver: Driver) -> None:
    """What does not run is not released, by nobody's word."""
    driver.go_to(State.DEPLOYMENT)
    driver.supply(EvidenceKind.SMOKE, ok=False)
    digest = driver.now.evidence[EvidenceKind.SMOKE].digest
    refused = driver.do(Override, by=ADA, evidence=EvidenceKind.SMOKE, digest=digest, reason="ship it")
    assert isinstance(refused, Refusal) and refused.reason is Reason.NOT_POSSIBLE


def test_a_workflow_from_before_acceptances_reads_and_writes_as_it_was(driver: Driver) -> None:
    """Rows of an older journal stay equal to the byte."""
    data = driver.now.to_data()
    assert "acceptances" not in data
    assert Workflow.from_data(data) == replace(driver.now, acceptances={})
