"""Anything in any order, against the real service on a real database: what is stored is what should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.engine.inheritance import Inheritance
from core.engine.orders import Orders
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
    Override,
    RecordCheckpoint,
    RecordEvidence,
    SetCondition,
    Subject,
)
from core.machine.refusal import Reason
from core.machine.states import PHASE_EVIDENCE, Autonomy, EvidenceKind, State
from core.machine.transitions import Order
from core.machine.workflow import CheckpointMark
from core.service import OrchestrationService
from tests.machine.oracle import ROWS, WHO
from tests.rules.desk import Desk
from tests.rules.model import BOUND_TO, Model, Piece
from tests.rules.story import Forest, Story, made

ADA = Authority.person("ada")
ENGINE = Authority.engine()
NEXT = {source: target for (source, target), row in ROWS.items() if row["kind"] in ("advance", "accept")}
WAITS = (
    *("person", "answer", "acceptance", "budget", "retries"),
    *("approval:plan", "approval:release"),
)
STORIES = 3
LIES = ("", "tree", "requirement", "plan", "code", "tests")
"""What is not what its digest says, all the way: only a fork's check looks at that."""
THEN = ("", "checked", "sent back", "sent back, then checked")


class Doors(Desk):
    """What can happen to a workflow and to forks of it, and what always holds then."""

    lies: str
    completed: ClassVar[int] = 0
    """How often the proof of what is complete was looked at."""

    # --- what can happen

    @initialize(
        autonomy=st.sampled_from(Autonomy),
        budget=st.integers(0, 2),
        steps=st.integers(0, 11),
        forked=st.booleans(),
        then=st.sampled_from(THEN),
        lies=st.sampled_from(LIES),
        data=st.data(),
    )
    def start(
        self,
        autonomy: Autonomy,
        budget: int,
        steps: int,
        forked: bool,
        then: str,
        lies: str,
        data: st.DataObject,
    ) -> None:
        """A build begins, and has come somewhere when it gets interesting."""
        project = self.run(self.client.register_project("/the/project"))
        answer = self.run(
            self.client.start_workflow(
                project.project_id, "Build it", autonomy=autonomy, retry_budget=budget, by=ADA
            )
        )
        self.story = Story(answer.workflow.workflow_id, Model(autonomy, budget))
        self.model.note()
        self.stories.append(self.story)
        self.lies = lies
        self.look()
        for _ in range(steps):
            if not self.model.over:
                self.build_on()
        if forked:
            self.fork(ADA, then, data)

    @precondition(lambda self: not self.model.over)
    @rule()
    def honest_work(self) -> None:
        """The role at work does its phase's work, and the engine proves it."""
        model = self.model
        if model.phase == "ended":
            return
        self.taken_over()
        here = {"state": State(model.state), "number": model.attempts[model.state]}
        self.give(BeginAttempt, ENGINE, True, executor="x", **here)
        model.attempt("open")
        if (model.state, here["number"]) not in self.story.attempts:
            self.story.attempts.append((model.state, here["number"]))
        if model.state == "implementation":
            there = len(self.forest.there)
            self.input_changes("tree", there if self.lies == "tree" else len(model.trees) % there)
        if kind := PHASE_EVIDENCE.get(State(model.state)):
            self.evidence(kind.value, True, True, kind.value != self.lies, 0)
        self.give(EndAttempt, ENGINE, True, outcome="submitted", **here)
        model.attempt("ended")

    @precondition(lambda self: not self.model.over)
    @rule()
    def build_on(self) -> None:
        """Honest work, and a person's step forward."""
        self.honest_work()
        self.move(ADA, State(NEXT[self.model.state]), "")

    @rule(
        kind=st.sampled_from(list(BOUND_TO)),
        ok=st.booleans(),
        bound=st.booleans(),
        honest=st.booleans(),
        n=st.integers(0, 1),
    )
    def evidence(self, kind: str, ok: bool, bound: bool, honest: bool, n: int) -> None:
        """Good and bad evidence: red, bound to what is not, or with a digest that is not its content's."""
        current = self.model.current
        rests_on = {name: (current.get(name) or "none") if bound else "another" for name in BOUND_TO[kind]}
        piece = made(kind, n, ok=ok, honest=honest, rests_on=rests_on)
        allowed = not self.model.over
        self.give(RecordEvidence, ENGINE, allowed, evidence=piece)
        if allowed:
            self.model.record(kind, Piece(piece.digest, ok, rests_on, honest))

    @rule(what=st.sampled_from(["requirement", "plan", "tree"]), n=st.integers(0, 4))
    def input_changes(self, what: str, n: int) -> None:
        """What everything rests on becomes another."""
        model = self.model
        if what != "tree":
            self.evidence(what, True, True, True, n)
            return
        number = len(model.trees) + 1
        here = (State(model.state), model.attempts[model.state])
        commit, tree = self.forest.commits[n]
        mark = CheckpointMark(number, commit, tree, *here)
        self.give(RecordCheckpoint, ENGINE, not model.over, mark=mark, ref=f"refs/{number}")
        if not model.over:
            model.keep(tree)

    @rule(by=st.sampled_from(WHO), to=st.sampled_from(State), reason=st.sampled_from(["", "because"]))
    def move(self, by: Authority, to: State, reason: str) -> None:
        """Anybody orders any move."""
        allowed = self.model.may_move(to, by, reason)
        self.give(Move, by, allowed, target=to, reason=reason)
        if allowed:
            self.model.move(to, by)

    def likely_move(self, by: Authority, forward: bool, data: st.DataObject) -> None:
        """Moves that the table has, so that long ways are walked."""
        targets = [t for s, t in ROWS if s == self.model.state and (goes_up(s, t) == forward)]
        if targets:
            self.move(by, State(data.draw(st.sampled_from(targets))), "because")

    @rule(by=st.sampled_from(WHO), forward=st.booleans(), data=st.data())
    def make_likely_move(self, by: Authority, forward: bool, data: st.DataObject) -> None:
        """Moves that the table has, so that long ways are walked."""
        self.likely_move(by, forward, data)

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
        text = f"word {next(self.ids)}"
        answer = self.done(self.client.chat(self.id, text, by=ADA))
        assert answer.ok == (not self.model.over)
        if answer.ok:
            self.story.words.append(text)
            self.model.hear()

    @rule(kind=st.sampled_from(EvidenceKind), seen=st.booleans(), by=st.sampled_from([ADA, *WHO]))
    def override(self, kind: EvidenceKind, seen: bool, by: Authority) -> None:
        """Somebody lets a red piece count."""
        piece = self.model.pieces.get(kind.value)
        digest = piece.digest if piece and seen else "what was there"
        allowed = self.model.may_override(kind.value) and seen and by.kind is AuthorityKind.PERSON
        self.give(Override, by, allowed, evidence=kind, digest=digest, reason="it is known")
        if allowed:
            self.model.override(kind.value)

    @precondition(lambda self: len(self.stories) < STORIES)
    @rule(by=st.sampled_from([ADA, ADA, *WHO]), then=st.sampled_from(THEN), data=st.data())
    def fork(self, by: Authority, then: str, data: st.DataObject) -> None:
        """Somebody begins a new workflow at any event of this one, and may send it back before it is checked.

        From then on it is told of the fork.
        """
        seq = len(self.model.past) - data.draw(st.integers(0, len(self.model.past) - 1))
        number, file = next(self.ids), self.written()
        answer = self.run(self.client.fork_workflow(self.id, by=by, seq=seq, command_id=f"fork {number}"))
        assert answer.ok == (by.kind is AuthorityKind.PERSON), answer.text
        assert self.look() == []
        if not answer.ok:
            assert self.written() == file
            return
        parent = self.story
        self.story = Story(answer.workflow.workflow_id, self.model.fork(seq))
        self.stories.append(self.story)
        assert (answer.workflow.parent, answer.workflow.parent_event) == (parent.id, seq)
        (start,) = self.look()
        assert start.data["fork"]["hash"] == parent.seen[seq - 1].hash
        if "back" in then:
            self.likely_move(ADA, False, data)
        if "checked" in then:
            self.taken_over()

    @precondition(lambda self: not self.model.over and any(p.unchecked for p in self.model.pieces.values()))
    @rule()
    def taken_over(self) -> None:
        """The engine checks by digest what a fork took over, as it does before a role begins."""
        if self.model.over or not any(piece.unchecked for piece in self.model.pieces.values()):
            return
        client, model = self.client, self.model
        attempt = f"{self.id}:{model.state}:{model.attempts[model.state]}"
        journal = EngineJournal("", database=client._database)
        orders = Orders(client, journal, self.id, attempt)
        self.run(Inheritance(journal, orders, self.forest.repository).check())
        model.check(self.forest.there.__contains__)
        self.look()

    @precondition(lambda self: len(self.stories) > 1)
    @rule(data=st.data())
    def turn_to_another(self, data: st.DataObject) -> None:
        """Parent and forks go on beside each other."""
        self.story = data.draw(st.sampled_from(self.stories))
        self.last = None

    @rule(off=st.sampled_from([-1, 1]), kind=st.sampled_from([Move, SetCondition]))
    def stale(self, off: int, kind: type[Command]) -> None:
        """An order that was given on another version moves nothing."""
        client, version = self.client, len(self.model.past)
        what = {"target": State.PLANNING, "reason": "x"} if kind is Move else {"order": Order.PAUSE}
        command = kind(
            command_id=f"c{next(self.ids)}",
            workflow_id=self.id,
            expected_version=version + off,
            by=ADA,
            at=client._database.clock(),
            **what,
        )
        answer = self.done(client.submit(command))
        assert answer.exit_code == ExitCode.STALE
        assert answer.refusal is not None and answer.refusal.reason is Reason.STALE
        assert answer.workflow is not None and answer.workflow.version == version

    @precondition(lambda self: self.last is not None)
    @rule()
    def repeat(self) -> None:
        """The last command comes a second time, through either client: one effect, one answer."""
        assert self.last is not None
        command, first = self.last
        again = self.run(self.client.submit(command))
        assert again.ok and again.repeated
        assert (again.text, again.event_seqs) == (first.text, first.event_seqs)
        assert self.look() == []
        other = SetCondition(**{**self.common(command), "order": Order.PAUSE})
        if not isinstance(command, SetCondition):
            assert not self.done(self.client.submit(other)).ok

    @staticmethod
    def common(command: Command) -> dict[str, Any]:
        """What commands share, the id above all."""
        return {name: getattr(command, name) for name in Command.__dataclass_fields__}

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
        assert (view.version, view.checkpoint) == (len(model.past), model.checkpoint)
        assert {k.value for k, e in view.evidence.items() if e.current} == set(filter(model.green, BOUND_TO))
        approved = {k for k, piece in model.pieces.items() if piece.approved}
        assert {k.value for k, e in view.evidence.items() if e.approved_by} == approved

    @invariant()
    def everything_comes_from_the_events(self) -> None:
        """The fold of the events equals the rows, the chain is whole, and nothing shown has changed."""
        assert self.run(self.client.rebuild_rows(check=True)).differences == ()
        assert self.run(self.client.verify()) == []
        for story in self.stories:
            assert self.run(self.client.get_workflow_history(story.id, limit=0)) == story.seen

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
        self.story.completed_tree = self.story.completed_tree or tree
        assert tree == self.story.completed_tree
        Doors.completed += 1

    @invariant()
    def earlier_attempts_stay_readable(self) -> None:
        """Every attempt that ever began, and every word, is there, once."""
        begun = [
            (e.data["state"], e.data["number"]) for e in self.story.seen if e.event_type == "attempt_begun"
        ]
        assert begun == self.story.attempts
        texts = [m.text for m in self.run(self.client.messages(self.id))]
        assert [text for text in texts if text.startswith("word ")] == self.story.words


def goes_up(source: str, target: str) -> bool:
    """Whether a move goes forward."""
    states = list(State)
    return states.index(State(target)) > states.index(State(source))


@pytest.mark.parametrize("length", ["many short stories", "few long ones"])
def test_whatever_happens_the_record_is_right(
    length: str, new_address: Callable[[], str], database_kind: str, tmp_path: Path
) -> None:
    """No order of commands breaks a rule or a record, on either kind of database."""
    forest = Forest(tmp_path / "forest")
    profile = settings()
    examples, steps = (10, 16) if length == "many short stories" else (3, 50)
    phases = (Phase.explicit, Phase.reuse, Phase.generate)  # the long search shrinks what it finds
    if profile.max_examples > 100:
        examples, steps, phases = profile.max_examples, profile.stateful_step_count, tuple(Phase)
    elif database_kind == "postgresql":
        examples = examples // 2
    bounded = settings(
        profile,
        max_examples=examples,
        stateful_step_count=steps,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    Doors.completed = 0
    run_state_machine_as_test(lambda: Doors(new_address(), forest), settings=bounded)
    assert Doors.completed, "no story came to its end, so nothing was proved of one"
