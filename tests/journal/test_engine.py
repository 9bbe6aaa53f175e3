"""What the worker writes: under its lease only, once only, within the budget."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from core.journal.engine import MISSING, EngineJournal, LeaseLost
from core.machine.commands import Authority, BeginAttempt, EndAttempt, Note, SetCondition
from core.machine.states import State
from core.machine.transitions import Order
from tests.postgresql.waiting import moved_from, settled

ADA = Authority.person("ada")
FIRST = "w1:discovery:1"


def test_an_attempt_is_claimed_and_its_steps_are_kept_once(journal: EngineJournal) -> None:
    """The first result of a step stays, whoever runs it again."""
    lease = journal.claim_attempt(FIRST, "worker-a")
    assert journal.step_result(FIRST, "turn-0") is MISSING
    journal.keep_step(FIRST, lease, "turn-0", {"answer": 42})
    journal.keep_step(FIRST, lease, "turn-0", {"answer": 43})
    assert journal.step_result(FIRST, "turn-0") == {"answer": 42}


def test_a_step_may_have_given_nothing(journal: EngineJournal) -> None:
    """None is a result and not the lack of one."""
    lease = journal.claim_attempt(FIRST, "worker-a")
    journal.keep_step(FIRST, lease, "quiet", None)
    assert journal.step_result(FIRST, "quiet") is None


def test_a_taken_over_worker_writes_nothing(journal: EngineJournal) -> None:
    """Every kind of write of the frozen worker is refused once another holds the lease."""
    old = journal.claim_attempt(FIRST, "worker-a")
    new = journal.claim_attempt(FIRST, "worker-b")
    writes = [
        lambda: journal.keep_step(FIRST, old, "k", 1),
        lambda: journal.add_message("w1", FIRST, old, "k", "q_assistant", "text", "hello"),
        lambda: journal.add_receipt("w1", FIRST, old, "k", "test", {}, b"out"),
        lambda: journal.reserve("w1", FIRST, "k", 0.1, lease=old),
        lambda: journal.end_attempt(FIRST, old, "done"),
    ]
    for write in writes:
        with pytest.raises(LeaseLost):
            write()
    assert journal.step_result(FIRST, "k") is MISSING
    assert (journal.messages("w1"), journal.receipts("w1")) == ([], [])
    assert journal.holds(FIRST, new) and not journal.holds(FIRST, old)


def test_an_empty_lease_opens_nothing(journal: EngineJournal, desk: Any) -> None:
    """After a person took the attempt back its lease is empty, and empty is nobody's."""
    lease = journal.claim_attempt(FIRST, "worker-a")
    assert desk.give(SetCondition, by=ADA, order=Order.CANCEL).ok
    for stale in (lease, ""):
        with pytest.raises(LeaseLost):
            journal.keep_step(FIRST, stale, "k", 1)


def test_only_the_current_attempt_of_an_active_workflow_is_claimed(journal: EngineJournal, desk: Any) -> None:
    """There is nothing to claim in a paused workflow, or in an attempt that is not its turn."""
    assert journal.claim_attempt("w1:planning:1", "worker-a") == ""
    desk.give(SetCondition, by=ADA, order=Order.PAUSE)
    assert journal.claim_attempt(FIRST, "worker-a") == ""
    desk.give(SetCondition, by=ADA, order=Order.RESUME)
    assert journal.claim_attempt(FIRST, "worker-a")


def test_runnable_is_what_is_active_and_not_complete(journal: EngineJournal, desk: Any) -> None:
    """A paused workflow disappears from the list and comes back when it is resumed."""
    desk.start("w2", "B-0002")
    assert [w.workflow_id for w in journal.runnable()] == ["w1", "w2"]
    desk.give(SetCondition, by=ADA, order=Order.PAUSE)
    assert [w.attempt_id for w in journal.runnable()] == ["w2:discovery:1"]


def test_the_end_of_an_attempt_is_written_with_its_event(journal: EngineJournal, desk: Any) -> None:
    """A worker killed between the event and its own note leaves no attempt open."""
    journal.claim_attempt(FIRST, "worker-a")
    assert [a.attempt_id for a in journal.open_attempts("worker-a")] == [FIRST]
    desk.give(BeginAttempt, state=State.DISCOVERY, number=1, executor="worker-a")
    desk.give(EndAttempt, state=State.DISCOVERY, number=1, outcome="submitted", summary="3 criteria")
    assert journal.open_attempts() == []
    (attempt,) = journal.attempts("w1")
    assert (attempt.outcome, attempt.summary) == ("submitted", "3 criteria")


def test_a_message_with_the_same_key_is_kept_once(journal: EngineJournal) -> None:
    """A step that ran twice says its words once."""
    lease = journal.claim_attempt(FIRST, "worker-a")
    numbers = {
        journal.add_message("w1", FIRST, lease, "turn-0", "q_assistant", "text", text)
        for text in ("one", "two")
    }
    (message,) = journal.messages("w1")
    assert numbers == {message.seq}
    assert (message.text, message.role, message.state) == ("one", "q_assistant", "discovery")


def test_text_that_no_column_can_hold_is_kept_without_its_poison(journal: EngineJournal) -> None:
    """NUL characters and halves of surrogate pairs from a model do not stop a build."""
    journal.add_message("w1", FIRST, None, "k", "q_assistant", "text", "a\x00b\ud83dc")
    assert journal.messages("w1")[0].text == "ab?c"


def test_a_receipt_with_the_same_key_is_the_same_receipt(journal: EngineJournal) -> None:
    """Its output lies compressed under its digest, and its tail is at hand."""
    output = b"x" * 100_000 + b" 14 passed"
    lease = journal.claim_attempt(FIRST, "worker-a")
    ids = {journal.add_receipt("w1", FIRST, lease, "test-1", "test", {"n": n}, output) for n in range(2)}
    (receipt,) = journal.receipts("w1")
    assert ids == {receipt.receipt_id}
    assert receipt.data == {"n": 0}
    assert receipt.output.endswith("14 passed") and len(receipt.output) == 4_000
    assert journal.get_artifact(receipt.artifact or "") == output


def test_artifacts_are_kept_once_under_their_digest(journal: EngineJournal, path: Path) -> None:
    """The same bytes are one row, much smaller than they are."""
    digests = {journal.put_artifact(b"line\n" * 50_000, "text/plain") for _ in range(2)}
    assert len(digests) == 1
    rows = sqlite3.connect(path).execute("SELECT size, length(data) FROM artifacts").fetchall()
    assert rows[0][0] == 250_000 and rows[0][1] < 5_000
    assert journal.get_artifact("no such digest") is None


def test_a_budget_is_never_overspent(journal: EngineJournal, desk: Any) -> None:
    """Ten calls at once that each ask for a third of the budget: three get it."""
    desk.start("w2", "B-0002", settings={"budget_usd": 1.0})
    lease = journal.claim_attempt("w2:discovery:1", "worker-a")
    assert lease
    got: list[bool] = []

    def ask(n: int) -> None:
        got.append(journal.reserve("w2", "w2:discovery:1", f"turn-{n}", 0.33, lease=lease))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True] * 3


def test_settling_frees_what_was_set_aside_too_much(journal: EngineJournal, desk: Any) -> None:
    """After the real cost is known the rest may be used; a second settling changes nothing."""
    desk.start("w2", "B-0002", settings={"budget_usd": 1.0})
    attempt = "w2:discovery:1"
    assert journal.reserve("w2", attempt, "a", 0.9)
    assert journal.reserve("w2", attempt, "a", 0.9)
    assert not journal.reserve("w2", attempt, "b", 0.2)
    for cost in (0.1, 0.7):
        journal.settle("w2", attempt, "a", cost_usd=cost, prompt_tokens=10, completion_tokens=5, model="m")
    assert journal.spent("w2") == 0.1
    assert journal.reserve("w2", attempt, "b", 0.9)
    assert not journal.reserve("w2", attempt, "c", 0.000001)


def test_a_cost_that_nobody_knows_counts_as_nothing(journal: EngineJournal) -> None:
    """A local model costs nothing and breaks no sum."""
    journal.reserve("w1", FIRST, "a", 0.0)
    journal.settle("w1", FIRST, "a", cost_usd=None, prompt_tokens=1_000)
    assert journal.spent("w1") == 0.0


def test_a_person_taking_the_attempt_back_frees_its_reservations(journal: EngineJournal, desk: Any) -> None:
    """Money set aside for a call that will never be made does not block the next one."""
    desk.start("w2", "B-0002", settings={"budget_usd": 1.0})
    journal.claim_attempt("w2:discovery:1", "worker-a")
    assert journal.reserve("w2", "w2:discovery:1", "a", 1.0)
    desk.give(SetCondition, by=ADA, workflow_id="w2", order=Order.CANCEL)
    assert journal.reserve("w2", "w2:discovery:1", "b", 1.0)


def test_live_output_grows_and_its_numbers_never_come_twice(journal: EngineJournal) -> None:
    """A reader that asks for what comes after its last number misses nothing after a pruning."""
    journal.chunk("w1", FIRST, "hel")
    journal.chunk("w1", FIRST, "lo")
    journal.prune_chunks("w1")
    journal.chunk("w1", FIRST, "!")
    with journal._database.read() as session:
        from sqlmodel import select

        from core.journal.tables import StreamChunk

        rows = session.exec(select(StreamChunk)).all()
    assert [(row.seq, row.text) for row in rows] == [(3, "!")]


def test_old_live_output_is_pruned_by_age(journal: EngineJournal) -> None:
    """What is younger than asked stays."""
    journal.chunk("w1", FIRST, "now")
    journal.prune_chunks(older_than=3_600)
    journal.prune_chunks("w2")
    with journal._database.read() as session:
        from sqlalchemy import text

        assert session.execute(text("SELECT count(*) FROM stream_chunks")).scalar() == 1


def test_the_change_counter_moves_with_every_kind_of_write(journal: EngineJournal) -> None:
    """Whoever polls it sees events, live output, activity and messages."""
    seen = [settled(journal.changed)]
    for write in (
        lambda: journal.chunk("w1", FIRST, "x"),
        lambda: journal.set_activity("w1", "thinks", "3 passed"),
        lambda: journal.add_message("w1", FIRST, None, "k", "q_assistant", "text", "x"),
    ):
        write()
        assert moved_from(seen[-1], journal.changed)
        seen.append(settled(journal.changed))
    assert len(set(seen)) == 4
    assert journal.changed() == seen[-1]


def test_a_handed_in_packet_is_at_hand(journal: EngineJournal, desk: Any) -> None:
    """The newest result of a phase is found by its phase."""
    for n in (1, 2):
        desk.give(Note, kind="packet", data={"state": "discovery", "attempt": 1, "packet": {"n": n}})
    assert journal.packets("w1") == {State.DISCOVERY: {"n": 2}}


def test_a_project_is_read_as_it_was_registered(journal: EngineJournal) -> None:
    """The worker finds the repository of a workflow by its project."""
    project = journal.project(journal.workflow("w1").project_id)
    assert (project.name, project.default_branch) == ("demo", "main")
