"""Every pair, orderer, condition and autonomy: decided as the specification says, and no other way.

The oracle beside this file reads the specification; nothing of it comes from the program.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from core.machine.apply import apply
from core.machine.commands import Approve, Authority, AuthorityKind, Command, Move, SetCondition, Subject
from core.machine.decide import decide
from core.machine.gates import digest_to_approve
from core.machine.refusal import Reason, Refusal
from core.machine.states import (
    PHASE_EVIDENCE,
    STATES,
    Autonomy,
    Condition,
    EvidenceKind,
    Role,
    State,
    StateKind,
)
from core.machine.transitions import Order
from core.machine.workflow import Workflow
from tests.machine.conftest import ADA, T0, Driver
from tests.machine.oracle import ALLOWS, APPROVED_FIRST, BACK, ROWS, SPEC, TO, WHO, expected


@cache
def ready(source: State, autonomy: Autonomy, approved: bool = False) -> Workflow:
    """A workflow in `source` that lacks nothing, or nothing but the approvals."""
    driver = Driver(autonomy).go_to(source)
    if STATES[source].kind is StateKind.WORK:
        if source is State.IMPLEMENTATION:
            driver.checkpoint("another tree")
        driver.supply(PHASE_EVIDENCE[source])
    forward = next((row for row in ROWS.values() if row["from"] == source and row["kind"] == "advance"), None)
    for name in APPROVED_FIRST.get(forward["id"], []) if forward and approved else []:
        subject = Subject(name)
        driver.do(Approve, by=ADA, subject=subject, digest=digest_to_approve(driver.now, subject))
    return driver.now


def conditioned(workflow: Workflow, condition: Condition) -> Workflow:
    """The workflow in another condition, by a command where there is one: a complete workflow takes none."""
    if condition is Condition.ACTIVE:
        return workflow
    if workflow.state is State.COMPLETE:
        return replace(workflow, condition=condition)
    events = decide(workflow, order(SetCondition, workflow, ADA, order=TO[condition.value], reason="so"))
    assert not isinstance(events, Refusal)
    for event in events:
        workflow = apply(workflow, event)
    return workflow


def order(kind: type[Command], workflow: Workflow, by: Authority, **rest: Any) -> Command:
    """A command for the version that is stored."""
    shared = {"command_id": "c", "workflow_id": "w1", "expected_version": workflow.version, "at": T0}
    return kind(**shared, by=by, **rest)


def everything() -> Iterator[tuple[Workflow, Autonomy, Condition, bool]]:
    """Every workflow that the proof looks at: all states, autonomies and conditions, approved or not."""
    for source, autonomy, condition, approved in itertools.product(State, Autonomy, Condition, (False, True)):
        yield conditioned(ready(source, autonomy, approved), condition), autonomy, condition, approved


def test_every_order_is_decided_as_the_specification_says() -> None:
    """121 pairs, eleven orderers, three autonomies, five conditions, approved and not: 39,930 decisions."""
    decided = wrong = 0
    for workflow, autonomy, condition, approved in everything():
        for target, by in itertools.product(State, WHO):
            answer = decide(workflow, order(Move, workflow, by, target=target, reason="because"))
            wanted = expected(workflow.state, target, condition, by, autonomy, approved)
            found = answer.reason if isinstance(answer, Refusal) else None
            decided += 1
            if found != wanted:
                wrong += 1
                print(workflow.state, target, condition, by, autonomy, approved, found, wanted)
    assert (decided, wrong) == (121 * 11 * 3 * 5 * 2, 0)


def test_a_move_that_is_made_is_the_one_of_the_table() -> None:
    """Each legal order leads from the stored state to the named one, once."""
    for workflow, _, condition, _ in everything():
        for target in State:
            answer = decide(workflow, order(Move, workflow, ADA, target=target, reason="because"))
            if isinstance(answer, Refusal):
                continue
            row, moved = ROWS[workflow.state, target], answer[-1].data
            assert (moved["transition"], moved["from"], moved["to"]) == (row["id"], row["from"], row["to"])
            assert (moved["kind"], moved["actor"]) == (row["kind"], row["actor"])
            after = workflow
            for event in answer:
                after = apply(after, event)
            assert (after.state, after.condition, after.version) == (
                target,
                Condition.ACTIVE,
                workflow.version + len(answer),
            )
            assert row["kind"] in ALLOWS[condition]


def test_every_condition_order_is_decided_as_the_specification_says() -> None:
    """Wait, pause, resume, fail, cancel: what the condition lists, for anybody but a role, until complete."""
    for workflow, _, condition, _ in everything():
        for wanted, by in itertools.product(Order, WHO):
            answer = decide(workflow, order(SetCondition, workflow, by, order=wanted, reason="so"))
            allowed = wanted.value in ALLOWS[condition] and workflow.state is not State.COMPLETE
            allowed = allowed and by.kind is not AuthorityKind.ROLE
            assert isinstance(answer, Refusal) != allowed, (workflow.state, condition, wanted, by)
            if allowed and not isinstance(answer, Refusal):
                after = apply(workflow, answer[0])
                assert after.state is workflow.state
                assert after.condition == ("active" if wanted is Order.RESUME else _named(wanted))


def _named(wanted: Order) -> str:
    return next(condition for condition, order_ in TO.items() if order_ is wanted)


@pytest.mark.parametrize("row", SPEC["transitions"], ids=lambda row: row["id"])
def test_nobody_speaks_for_another_role(row: Mapping[str, Any]) -> None:
    """A named role must be the table's actor, whoever orders; a rollback has none."""
    workflow = ready(State(row["from"]), Autonomy.AUTO)
    for role in SPEC["roles"]:
        spoken = order(Move, workflow, ADA, target=State(row["to"]), reason="because", role=Role(role))
        refused = isinstance(decide(workflow, spoken), Refusal)
        assert refused == (row["actor"] not in (role, "user")), role


ADVANCES = [row for row in SPEC["transitions"] if row["kind"] == "advance"]
CLAUSES = [(row, kind) for row in ADVANCES for kind in row["needs_current"]]


@pytest.mark.parametrize(("row", "kind"), CLAUSES, ids=lambda x: x if isinstance(x, str) else x["id"])
def test_each_clause_is_necessary(row: Mapping[str, Any], kind: str) -> None:
    """Without this one piece, or with it red, stale, unbound or bound to something else, nobody advances."""
    autonomy = Autonomy.AUTO
    workflow = ready(State(row["from"]), autonomy, True)
    piece = workflow.evidence[EvidenceKind(kind)]
    spoiled = [None, replace(piece, ok=False), replace(piece, stale="went back")]
    for name in piece.rests_on:
        others = {k: v for k, v in piece.rests_on.items() if k != name}
        spoiled += [replace(piece, rests_on=others), replace(piece, rests_on={**others, name: "another"})]
    for bad in spoiled:
        evidence = {k: v for k, v in workflow.evidence.items() if k != kind}
        if bad is not None:
            evidence[EvidenceKind(kind)] = bad
        without = replace(workflow, evidence=evidence)
        for by in (ADA, Authority(AuthorityKind.ROLE, row["actor"]), Authority.policy(autonomy)):
            answer = decide(without, order(Move, without, by, target=State(row["to"])))
            assert isinstance(answer, Refusal), (row["id"], bad, by)
            assert answer.reason is Reason.NOT_READY
            # A piece that is not there is not approved either.
            assert [m.what for m in answer.missing if m.who != "a person"] == [kind]


@pytest.mark.parametrize("row", ADVANCES, ids=lambda row: row["id"])
def test_the_clauses_are_sufficient(row: Mapping[str, Any]) -> None:
    """With exactly the pieces that the table lists, and no other, the gate opens."""
    workflow = ready(State(row["from"]), Autonomy.GATED, True)
    listed = {k: v for k, v in workflow.evidence.items() if k in row["needs_current"]}
    bare = replace(workflow, evidence=listed)
    by = Authority(AuthorityKind.ROLE, row["actor"])
    assert not isinstance(decide(bare, order(Move, bare, by, target=State(row["to"]))), Refusal)
    assert set(listed) == set(row["needs_current"])


@pytest.mark.parametrize("transition", APPROVED_FIRST)
def test_each_approval_is_necessary_and_bound_to_what_was_seen(transition: str) -> None:
    """In gated the role waits for each of them, and an approval does not outlive what it approved."""
    row = next(row for row in ADVANCES if row["id"] == transition)
    workflow, by = (
        ready(State(row["from"]), Autonomy.GATED, True),
        Authority(AuthorityKind.ROLE, row["actor"]),
    )
    forward = {"target": State(row["to"])}
    assert not isinstance(decide(workflow, order(Move, workflow, by, **forward)), Refusal)
    for subject in APPROVED_FIRST[transition]:
        if subject == "release":
            unapproved = [replace(workflow, release_approval="", release_approved_by="")]
            unapproved.append(replace(workflow, release_approval="the tree of yesterday"))
        else:
            piece = replace(workflow.evidence[EvidenceKind(subject)], approved_by="")
            unapproved = [replace(workflow, evidence={**workflow.evidence, piece.kind: piece})]
        for lacking in unapproved:
            answer = decide(lacking, order(Move, lacking, by, **forward))
            assert isinstance(answer, Refusal)
            assert [m.what for m in answer.missing] == [f"approval of the {subject}"]


def test_who_approves_is_a_person_or_the_policy_in_auto() -> None:
    """No role, no engine and no other policy ever approves anything, in any state."""
    for source, autonomy in itertools.product(State, Autonomy):
        workflow = ready(source, autonomy)
        for subject, by in itertools.product(Subject, WHO):
            digest = digest_to_approve(workflow, subject)
            answer = decide(workflow, order(Approve, workflow, by, subject=subject, digest=digest))
            person = by.kind is AuthorityKind.PERSON
            auto = by == Authority.policy(Autonomy.AUTO) and autonomy is Autonomy.AUTO
            if not (person or auto):
                assert isinstance(answer, Refusal), (source, autonomy, subject, by)


@pytest.mark.parametrize("row", [r for r in SPEC["transitions"] if r["kind"] in BACK], ids=lambda r: r["id"])
def test_no_move_back_leaves_later_evidence_standing(row: Mapping[str, Any]) -> None:
    """After every one of the eighteen, each advance from the target on needs its evidence made anew."""
    workflow = ready(State(row["from"]), Autonomy.AUTO, True)
    events = decide(workflow, order(Move, workflow, ADA, target=State(row["to"]), reason="because"))
    assert not isinstance(events, Refusal)
    for event in events:
        workflow = apply(workflow, event)
    forward = next(r for r in SPEC["transitions"] if r["from"] == row["to"] and r["kind"] == "advance")
    answer = decide(workflow, order(Move, workflow, ADA, target=State(forward["to"])))
    assert isinstance(answer, Refusal)
    assert forward["needs_current"][-1] in [m.what for m in answer.missing]


def test_the_callers_word_about_the_state_is_never_used() -> None:
    """Whoever names another state than the stored one is told to look again, whatever they order."""
    for source, claimed, target in itertools.product(State, State, State):
        if claimed is source:
            continue
        workflow = ready(source, Autonomy.AUTO)
        answer = decide(workflow, order(Move, workflow, ADA, target=target, reason="x", completed=claimed))
        assert isinstance(answer, Refusal)
        assert answer.reason is Reason.STALE
