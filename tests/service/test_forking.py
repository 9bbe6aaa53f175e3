"""A fork begins where another workflow stood, takes over what was there, and counts nothing unchecked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from core.errors import UnknownError
from core.journal.database import Database
from core.journal.engine import EngineJournal
from core.machine.commands import Authority, Move, Note, RecordEvidence, Say
from core.machine.refusal import Reason
from core.machine.states import Autonomy, Condition, EvidenceKind, Role, State
from core.machine.transitions import Kind
from core.machine.workflow import Evidence
from core.service.views import Answer
from tests.service.conftest import ADA, Build
from tests.service.test_travel import _state

BOB = Authority.person("bob")


async def _fork(build: Build, seq: int, **more: Any) -> Answer:
    answer = await build.service.fork_workflow(build.id, by=BOB, seq=seq, **more)
    assert answer.ok and answer.workflow is not None, answer.text
    return answer


async def test_every_event_can_be_forked_at_and_the_parent_stays_as_it_is(build: Build) -> None:
    """From a completed build a fork begins at each of its events, in the phase of that moment."""
    await build.complete()
    before = await build.service.get_workflow_history(build.id, limit=0)
    card = await build.now()
    for event in before:
        then = await build.service.workflow_at(build.id, event.seq)
        made = (await _fork(build, event.seq)).workflow
        assert made is not None
        assert made.state is (State.DEPLOYMENT if then.state is State.COMPLETE else then.state)
        assert (made.condition, made.autonomy) == (Condition.ACTIVE, then.autonomy)
        assert (made.parent, made.parent_build_id, made.parent_event) == (build.id, "B-0001", event.seq)
        assert not any(e.current for e in made.evidence.values()), "nothing counts unchecked"
        assert EvidenceKind.SMOKE not in made.evidence
        marks = await build.service.checkpoints(made.workflow_id)
        assert [m.number for m in marks] == ([1] if then.checkpoint else [])
        assert all(m.ref == f"refs/qdeck/{made.workflow_id}/{m.number}" for m in marks)
        journal = EngineJournal("", database=build.service._database)
        assert journal.workflow(made.workflow_id).release_approval == "", "a release is approved anew"
        packets = journal.packets(made.workflow_id)
        kept = [e.data for e in before if e.seq <= event.seq and e.data.get("kind") == "packet"]
        assert packets == {State(e["state"]): e["packet"] for e in kept if "handoff" not in e["state"]}
        handoffs = await build.service.handoffs(made.workflow_id)
        assert [h.to_state for h in handoffs] == ([made.state] if "handoff" in made.state.value else [])
    assert await build.service.get_workflow_history(build.id, limit=0) == before
    assert replace(await build.now(), elapsed=card.elapsed) == card
    assert await build.service.verify() == []
    rows = await build.service.board()
    assert {row.build_id: row.fork_of for row in rows} == {
        row.build_id: "" if row.build_id == "B-0001" else "B-0001" for row in rows
    }
    last = (rows[0].workflow_id, 1)
    past = await build.service.board_at(event=last)
    assert {row.build_id: row.fork_of for row in past} == {row.build_id: row.fork_of for row in rows}


async def test_what_a_fork_began_with_is_in_its_own_first_event(build: Build) -> None:
    """Parent, event and its hash are in the start event and in words for people; rebuilding needs no more."""
    await build.go_to(State.IMPLEMENTATION)
    at = (await build.service.get_workflow_history(build.id, limit=0))[-1]
    answer = await _fork(build, at.seq)
    assert "bob forked B-0002 from B-0001 at event" in answer.text and answer.workflow is not None
    (start,) = await build.service.get_workflow_history(answer.workflow.workflow_id)
    fork = start.data["fork"]
    assert (fork["workflow_id"], fork["build_id"], fork["seq"]) == (build.id, "B-0001", at.seq)
    assert fork["hash"] == at.hash and f"event {at.seq}" in start.text
    assert (await build.service.rebuild_rows(check=True)).differences == ()


async def test_a_fork_of_what_was_rolled_back_has_the_files_and_packets_of_before(build: Build) -> None:
    """A fork before the rollback undoes it; one behind it stands where the rollback led to."""
    await build.go_to(State.VERIFICATION)
    seq = (await build.now()).version
    assert (await build.give(Move, by=ADA, kind=Kind.ROLLBACK, target=State.PLANNING, reason="no")).ok
    undone = (await _fork(build, seq)).workflow
    behind = (await _fork(build, seq + 1)).workflow
    assert undone is not None and behind is not None
    assert (undone.state, undone.checkpoint) == (State.VERIFICATION, 1)
    assert (behind.state, behind.checkpoint) == (State.PLANNING, 0)
    journal = EngineJournal("", database=build.service._database)
    assert journal.workflow(undone.workflow_id).restore == 1
    assert State.TESTING in journal.packets(undone.workflow_id)
    assert State.TESTING not in journal.packets(behind.workflow_id)
    assert behind.evidence[EvidenceKind.CODE].why.startswith("stale: went back")


async def test_another_request_begins_in_discovery_with_the_files(build: Build) -> None:
    """The old requirement is not what is wanted; the same request in other blanks is the same one."""
    await build.go_to(State.TESTING)
    seq = (await build.now()).version
    other = (
        await _fork(build, seq, request="Add titlecase()", autonomy=Autonomy.AUTO, budget_usd=2.5)
    ).workflow
    same = (await _fork(build, seq, request=" Add slugify() ")).workflow
    assert other is not None and same is not None
    assert (other.state, other.checkpoint, other.title) == (State.DISCOVERY, 1, "Add titlecase()")
    assert (other.autonomy, other.budget_usd) == (Autonomy.AUTO, 2.5)
    assert {e.why for e in other.evidence.values()} == {"stale: the request is another one"}
    assert not any(e.approved_by for e in other.evidence.values())
    assert (same.state, same.request) == (State.TESTING, "Add slugify()")


async def test_an_approval_comes_back_with_the_very_digest_and_with_no_other(build: Build) -> None:
    """The engine's check gives a piece of evidence its approval back; other content has none."""
    await build.go_to(State.IMPLEMENTATION)
    seq = (await build.now()).version
    for other in (False, True):
        made = (await _fork(build, seq)).workflow
        assert made is not None
        child = Build(build.service, Answer(True, made, None, 0, ""))
        kept = EngineJournal("", database=build.service._database).workflow(child.id)
        assert kept.evidence[EvidenceKind.REQUIREMENT].stale.startswith("taken over from B-0001")
        for kind in (EvidenceKind.REQUIREMENT, EvidenceKind.PLAN):
            data = {**kept.evidence[kind].to_data(), "approved_by": "", "stale": ""}
            if other:
                data |= {
                    "digest": "another",
                    "rests_on": {"requirement": "another"} if kind == "plan" else {},
                }
            assert (await child.give(RecordEvidence, evidence=Evidence.from_data(data))).ok
        card = await child.now()
        assert {e.approved_by for e in card.evidence.values()} == ({""} if other else {"person:ada"})
        assert all(e.current for e in card.evidence.values())


async def test_a_fork_can_read_what_was_said_up_to_there(build: Build) -> None:
    """Of grandparent and parent up to the event that the next began at; words of later are not in it."""
    service, journal = build.service, EngineJournal("", database=build.service._database)
    await service.chat(build.id, "one", by=ADA)
    first = (await build.now()).version
    child_id = (await _fork(build, first)).workflow.workflow_id  # type: ignore[union-attr]
    await service.chat(build.id, "later", by=ADA)
    await service.chat(child_id, "two", by=ADA)
    child = await service.get_workflow_status(child_id)
    grandchild = await service.fork_workflow(child_id, by=ADA, seq=child.version)
    assert grandchild.workflow is not None
    said = journal.earlier_messages(grandchild.workflow.workflow_id)
    assert [message.text for message in said] == ["one", "two"]


async def test_a_fork_knows_the_notes_of_before_and_every_merge_that_was_taken_back(build: Build) -> None:
    """Hidden checks of its ancestors up to where it began are its own; a reverted merge is gone for all."""
    await build.give(Note, kind="hidden_checks", data={"artifact": "one"})
    seq = (await build.now()).version
    await build.give(Note, kind="hidden_checks", data={"artifact": "later"})
    await build.give(Note, kind="reverted", data={"commit": "m1"})
    child = Build(build.service, await _fork(build, seq))
    await child.give(Note, kind="hidden_checks", data={"artifact": "two"})
    await child.give(Note, kind="reverted", data={"commit": "m2"})
    grandchild = Build(build.service, await _fork(child, (await child.now()).version))
    journal = EngineJournal("", database=build.service._database)
    earlier = journal.earlier_notes(grandchild.id, "hidden_checks")
    assert [note["artifact"] for note in earlier] == ["one", "two"]
    assert journal.notes(grandchild.id, "hidden_checks") == journal.earlier_notes(build.id, "reverted") == []
    assert journal.reverted((await build.now()).project_id) == {"m1", "m2"}
    assert journal.reverted("another project") == set()


async def test_who_may_not_fork_and_what_is_not_there(build: Build) -> None:
    """No role and no policy forks; an event that is not there is said so; nothing is written then."""
    service = build.service
    before = _state(service)
    for by in (Authority.role(Role.CODE_WRITER), Authority.policy(Autonomy.AUTO), Authority.engine()):
        answer = await service.fork_workflow(build.id, by=by, seq=1)
        assert answer.refusal is not None and answer.refusal.reason is Reason.NOT_YOURS
    for seq in (0, -1, 2):
        with pytest.raises(UnknownError, match=f"no event {seq}"):
            await service.fork_workflow(build.id, by=ADA, seq=seq)
    with pytest.raises(UnknownError):
        await service.fork_workflow("B-0099", by=ADA, seq=1)
    assert (await service.fork_workflow(build.id, by=ADA, seq=1, budget_usd=-1)).exit_code == 2
    assert _state(service) == before


async def test_one_command_forks_once(build: Build) -> None:
    """The same id again is the same fork; for another event it is another command and refused."""
    await build.give(Say, by=ADA, message_id="m", text_digest="d")
    first = await _fork(build, 1, command_id="f")
    again = await _fork(build, 1, command_id="f")
    assert again.repeated and again.workflow is not None and first.workflow is not None
    assert again.workflow.workflow_id == first.workflow.workflow_id
    lent = await build.service.fork_workflow(build.id, by=BOB, seq=2, command_id="f")
    assert lent.refusal is not None and "already used" in lent.text
    assert len(await build.service.board()) == 2


async def test_nothing_is_built_on_a_record_that_was_touched(build: Build, address: str) -> None:
    """A changed event before the fork is named; a fork before it is possible still."""
    await build.step()
    database: Database = build.service._database
    with database.write() as session:
        if address.startswith("postgresql"):
            session.execute(sa.text("ALTER TABLE workflow_events DISABLE TRIGGER USER"))
        else:
            session.execute(sa.text("DROP TRIGGER workflow_events_no_update"))
        changed = {"data": json.dumps({"state": "discovery", "number": 1, "executor": "y"})}
        session.execute(sa.text("UPDATE workflow_events SET event_data = :data WHERE seq = 2"), changed)
    answer = await build.service.fork_workflow(build.id, by=ADA, seq=3)
    assert answer.refusal is not None and "Event 2" in answer.text
    assert (await build.service.fork_workflow(build.id, by=ADA, seq=1)).ok
