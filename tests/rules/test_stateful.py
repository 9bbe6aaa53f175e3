"""Anything in any order, against the real service on a real database: what is stored is what should be."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.errors import ExitCode
from core.journal.engine import EngineJournal
from core.machine.commands import (
    Approve,
    Authority,
    AuthorityKind,
    BeginAttempt,
    Command,
    EndAttempt,
    Move,
    RecordCheckpoint,
    RecordEvidence,
    SetCondition,
    Subject,
)
from core.machine.refusal import Reason
from core.machine.states import PHASE_EVIDENCE, Autonomy, EvidenceKind, State
from core.machine.transitions import Order
from core.machine.workflow import CheckpointMark, Evidence
from core.service import OrchestrationService
from core.service.views import Answer, WorkflowView
from tests.machine.oracle import ROWS, WHO
from tests.rules.model import BOUND_TO, Model

ADA = Authority.person("ada")
ENGINE = Authority.engine()
NEXT = {source: target for (source, target), row in ROWS.items() if row["kind"] in ("advance", "accept")}
WAITS = ("person", "answer", "budget", "retries", "approval:plan", "approval:release")


class Doors(RuleBasedStateMachine):
    """Two clients of one journal, and the model beside them."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.loop = asyncio.new_event_loop()
        self.clients = [self.run(OrchestrationService.open(address)) for _ in range(2)]
        self.ids = itertools.count()
        self.last: tuple[Command, Answer] | None = None
        self.attempts: list[tuple[str, int]] = []
        self.words: list[str] = []
        self.completed_tree = ""

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Wait for a piece of work."""
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        """Let go of everything."""
        for client in self.clients:
            self.run(client.close())
        self.loop.close()

    @property
    def client(self) -> OrchestrationService:
        """The clients take turns."""
        return self.clients[next(self.ids) % 2]

    def view(self) -> WorkflowView:
        """The card."""
        return self.run(self.client.get_workflow_status(self.id))

    def events(self) -> list[Any]:
        """The whole history."""
        return self.run(self.client.get_workflow_history(self.id, limit=0))

    def give(self, kind: type[Command], by: Authority, allowed: bool, **rest: Any) -> Answer:
        """Submit a command that must be carried out, or refused without a trace."""
        before = self.events()
        client = self.client
        command = kind(
            command_id=f"c{next(self.ids)}",
            workflow_id=self.id,
            expected_version=len(before),
            by=by,
            at=client._database.clock(),
            **rest,
        )
        answer = self.run(client.submit(command))
        assert answer.ok == allowed, (command, answer.text)
        self.leaves(before, answer)
        if answer.ok:
            self.last = (command, answer)
        return answer

    def leaves(self, before: list[Any], answer: Answer) -> None:
        """What was there is there still; a refusal adds nothing, and a command exactly what it says."""
        after = self.events()
        assert after[: len(before)] == before
        assert [e.seq for e in after[len(before) :]] == list(answer.event_seqs)
        assert bool(answer.event_seqs) == answer.ok

    # --- what can happen

    @initialize(autonomy=st.sampled_from(Autonomy), budget=st.integers(0, 2))
    def start(self, autonomy: Autonomy, budget: int) -> None:
        """A build begins."""
        project = self.run(self.client.register_project("/the/project"))
        answer = self.run(
            self.client.start_workflow(
                project.project_id, "Build it", autonomy=autonomy, retry_budget=budget, by=ADA
            )
        )
        self.id = answer.workflow.workflow_id
        self.model = Model(autonomy, budget)

    @precondition(lambda self: not self.model.over)
    @rule()
    def honest_work(self) -> None:
        """The role at work does its phase's work, and the engine proves it."""
        model = self.model
        if model.ended:
            return
        here = {"state": State(model.state), "number": model.attempts[model.state]}
        self.give(BeginAttempt, ENGINE, True, executor="x", **here)
        if (model.state, here["number"]) not in self.attempts:
            self.attempts.append((model.state, here["number"]))
        if model.state == "implementation":
            self.input_changes("tree", next(self.ids))
        if kind := PHASE_EVIDENCE.get(State(model.state)):
            self.evidence(kind.value, True, True, 0)
        self.give(EndAttempt, ENGINE, True, outcome="submitted", **here)
        model.ended = True

    @precondition(lambda self: not self.model.over)
    @rule()
    def build_on(self) -> None:
        """Honest work, and a person's step forward."""
        self.honest_work()
        self.move(ADA, State(NEXT[self.model.state]), "")

    @rule(kind=st.sampled_from(list(BOUND_TO)), ok=st.booleans(), bound=st.booleans(), n=st.integers(0, 1))
    def evidence(self, kind: str, ok: bool, bound: bool, n: int) -> None:
        """Good and bad evidence: red, or bound to what is not."""
        current = self.model.current
        rests_on = {name: (current.get(name) or "none") if bound else "another" for name in BOUND_TO[kind]}
        piece = Evidence(EvidenceKind(kind), ok, f"{kind}-{n}", rests_on, "so it is")
        allowed = not self.model.over
        self.give(RecordEvidence, ENGINE, allowed, evidence=piece)
        if allowed:
            self.model.record(kind, f"{kind}-{n}", ok, rests_on)

    @rule(what=st.sampled_from(["requirement", "plan", "tree"]), n=st.integers(10, 12))
    def input_changes(self, what: str, n: int) -> None:
        """What everything rests on becomes another."""
        model = self.model
        if what != "tree":
            self.evidence(what, True, True, n)
            return
        number = len(model.trees) + 1
        here = (State(model.state), model.attempts[model.state])
        mark = CheckpointMark(number, f"commit-{number}", f"tree-{n}", *here)
        self.give(RecordCheckpoint, ENGINE, not model.over, mark=mark, ref=f"refs/{number}")
        if not model.over:
            model.trees.append(f"tree-{n}")
            model.checkpoint, model.current["tree"] = number, f"tree-{n}"

    @rule(by=st.sampled_from(WHO), to=st.sampled_from(State), reason=st.sampled_from(["", "because"]))
    def move(self, by: Authority, to: State, reason: str) -> None:
        """Anybody orders any move."""
        allowed = self.model.may_move(to, by, reason)
        self.give(Move, by, allowed, target=to, reason=reason)
        if allowed:
            self.model.move(to, by)

    @rule(by=st.sampled_from(WHO), forward=st.booleans(), data=st.data())
    def likely_move(self, by: Authority, forward: bool, data: st.DataObject) -> None:
        """Moves that the table has, so that long ways are walked."""
        targets = [t for s, t in ROWS if s == self.model.state and (goes_up(s, t) == forward)]
        if targets:
            self.move(by, State(data.draw(st.sampled_from(targets))), "because")

    @rule(by=st.sampled_from(WHO), order=st.sampled_from(Order), waiting=st.sampled_from(WAITS))
    def condition(self, by: Authority, order: Order, waiting: str) -> None:
        """Anybody pauses, fails, resumes, cancels or lets wait; cancelling ends most stories too early."""
        if order is Order.CANCEL and next(self.ids) % 5:
            return
        allowed = self.model.may_become(order.value, by)
        self.give(SetCondition, by, allowed, order=order, reason="so", waiting_for=waiting)
        if allowed:
            self.model.become(order.value, waiting)

    @precondition(lambda self: self.model.condition in ("paused", "failed", "waiting"))
    @rule()
    def resume(self) -> None:
        """A person lets it go on."""
        self.condition(ADA, Order.RESUME, "")

    @rule(subject=st.sampled_from(Subject), seen=st.booleans(), by=st.sampled_from(WHO))
    def approve(self, subject: Subject, seen: bool, by: Authority) -> None:
        """Somebody approves what is there, or what was there."""
        model = self.model
        piece = model.pieces.get(subject.value)
        there = model.current.get("tree", "") if subject is Subject.RELEASE else piece.digest if piece else ""
        allowed = bool(there) and seen and not model.over and model.condition in ("active", "waiting")
        allowed &= subject is not Subject.RELEASE or model.state == "deployment"
        policy = by == Authority.policy(Autonomy.AUTO) and model.autonomy is Autonomy.AUTO
        allowed &= by.kind is AuthorityKind.PERSON or policy
        self.give(Approve, by, allowed, subject=subject, digest=there if seen else "what was there")
        if allowed:
            model.approve(subject.value)
            if model.waiting_for == "approval:release" and subject is Subject.RELEASE:
                model.resume()

    @rule()
    def chat(self) -> None:
        """A person speaks to whoever is at work."""
        before, text = self.events(), f"word {next(self.ids)}"
        answer = self.run(self.client.chat(self.id, text, by=ADA))
        assert answer.ok == (not self.model.over)
        self.leaves(before, answer)
        if answer.ok:
            self.words.append(text)
            self.model.hear()

    @rule(off=st.sampled_from([-1, 1]), kind=st.sampled_from([Move, SetCondition]))
    def stale(self, off: int, kind: type[Command]) -> None:
        """An order that was given on another version moves nothing."""
        before, client = self.events(), self.client
        what = {"target": State.PLANNING, "reason": "x"} if kind is Move else {"order": Order.PAUSE}
        command = kind(
            command_id=f"c{next(self.ids)}",
            workflow_id=self.id,
            expected_version=len(before) + off,
            by=ADA,
            at=client._database.clock(),
            **what,
        )
        answer = self.run(client.submit(command))
        assert answer.exit_code == ExitCode.STALE
        assert answer.refusal is not None and answer.refusal.reason is Reason.STALE
        assert answer.workflow is not None and answer.workflow.version == len(before)
        self.leaves(before, answer)

    @precondition(lambda self: self.last is not None)
    @rule()
    def repeat(self) -> None:
        """The last command comes a second time, through either client: one effect, one answer."""
        assert self.last is not None
        before, (command, first) = self.events(), self.last
        again = self.run(self.client.submit(command))
        assert again.ok and again.repeated
        assert (again.text, again.event_seqs) == (first.text, first.event_seqs)
        assert self.events() == before

    @rule()
    def reopen(self) -> None:
        """A client goes and comes back."""
        self.run(self.clients[0].close())
        self.clients[0] = self.run(OrchestrationService.open(self.address))

    # --- what always holds

    @invariant()
    def what_is_stored_is_what_should_be(self) -> None:
        """State, condition, attempts, evidence and approvals equal the model's."""
        view, model = self.view(), self.model
        assert (view.state, view.condition, view.waiting_for) == (
            model.state,
            model.condition,
            model.waiting_for,
        )
        assert (view.attempt, view.retries_used) == (model.attempts[model.state], model.spent)
        assert {k.value for k, e in view.evidence.items() if e.current} == set(filter(model.green, BOUND_TO))
        approved = {k for k, piece in model.pieces.items() if piece.approved}
        assert {k.value for k, e in view.evidence.items() if e.approved_by} == approved

    @invariant()
    def everything_comes_from_the_events(self) -> None:
        """The fold of the events equals the rows, and the chain is whole."""
        assert self.run(self.client.rebuild()) == []
        assert self.run(self.client.verify()) == []

    @invariant()
    def complete_means_proved(self) -> None:
        """All six pieces are green for the very tree that was approved and deployed, and stay so."""
        if self.model.state != "complete":
            return
        folded = EngineJournal("", database=self.clients[0]._database).workflow(self.id)
        tree = folded.current["tree"]
        assert len(folded.evidence) == 6
        assert all(self.view().evidence[kind].current for kind in EvidenceKind)
        assert {folded.evidence[k].rests_on["tree"] for k in list(EvidenceKind)[2:]} == {tree}
        assert folded.release_approval == tree and folded.release_approved_by
        self.completed_tree = self.completed_tree or tree
        assert tree == self.completed_tree

    @invariant()
    def earlier_attempts_stay_readable(self) -> None:
        """Every attempt that ever began, and every word, is there, once."""
        begun = [
            (e.data["state"], e.data["number"]) for e in self.events() if e.event_type == "attempt_begun"
        ]
        assert begun == self.attempts
        texts = [m.text for m in self.run(self.client.messages(self.id))]
        assert [text for text in texts if text.startswith("word ")] == self.words


def goes_up(source: str, target: str) -> bool:
    """Whether a move goes forward."""
    states = list(State)
    return states.index(State(target)) > states.index(State(source))


@pytest.mark.parametrize("length", ["many short stories", "few long ones"])
def test_whatever_happens_the_record_is_right(
    length: str, new_address: Callable[[], str], database_kind: str
) -> None:
    """No order of commands breaks a rule or a record, on either kind of database."""
    profile = settings()
    examples, steps = (8, 20) if length == "many short stories" else (3, 60)
    if profile.max_examples > 100:
        examples, steps = profile.max_examples, profile.stateful_step_count
    elif database_kind == "postgresql":
        examples = examples // 2
    bounded = settings(
        profile,
        max_examples=examples,
        stateful_step_count=steps,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Doors(new_address()), settings=bounded)
