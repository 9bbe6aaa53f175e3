"""What a released version has recorded still folds to the same end, with the same hashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.journal.chain import GENESIS, event_hash
from core.journal.log import event_of
from core.journal.records import find_row
from core.machine.apply import fold
from core.machine.events import EventType
from core.machine.states import Condition, State
from core.machine.transitions import Kind
from core.machine.workflow import Verdict
from core.service import OrchestrationService
from tests.golden.replay import EVENT, files, picture_data, rows_from

HISTORIES = files()


def _read(file: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(file.read_bytes())
    return data


@pytest.mark.parametrize("file", HISTORIES, ids=lambda f: f"{f.parent.name}-{f.stem}")
async def test_a_recorded_history_leads_to_the_same_end(service: OrchestrationService, file: Path) -> None:
    """Put into a journal as it was written: the hashes are found again, the rows built from it are equal."""
    data = _read(file)
    wanted = data["end"]
    previous = GENESIS
    for row in rows_from(data["events"]):
        fields = {name: getattr(row, name) for name in EVENT if name != "hash"}
        assert (row.prev_hash, event_hash(**fields)) == (previous, row.hash), row.seq
        previous = row.hash
    project = await service.register_project("/projects/textkit", default_branch="main")
    assert project.project_id == wanted["row"]["project_id"]
    with service._database.write() as session:
        session.add_all(rows_from(data["events"]))

    await service.rebuild()

    with service._database.read() as session:
        end = picture_data(session, find_row(session, wanted["row"]["workflow_id"]))
    # What came later has no place in a history from before; all that was there is as it was.
    assert _known(end["row"], wanted["row"]) == wanted["row"]
    assert {k: v for k, v in end.items() if k != "row"} == {k: v for k, v in wanted.items() if k != "row"}
    assert await service.verify() == []
    assert (await service.rebuild_rows(check=True)).equal
    folded = fold(event_of(row) for row in rows_from(data["events"])).to_data()
    assert _known(folded, wanted["row"]["folded"]) == wanted["row"]["folded"]


def _known(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    inner = {"folded": _known(found["folded"], wanted["folded"])} if "folded" in wanted else {}
    return {**{name: found[name] for name in wanted}, **inner}


def test_the_histories_of_this_release_hold_every_way_to_go_and_to_end() -> None:
    """Straight and auto, back by retry, refusal and rollback, failed, cancelled, forked, answered."""
    told = {f.stem: _read(f) for f in HISTORIES if f.parent.name == "0.1.0"}
    events = [event for history in told.values() for event in history["events"]]
    moved = {event["event_data"]["kind"] for event in events if event["event_type"] == "moved"}
    assert moved == {kind.value for kind in Kind}
    rows = {name: history["end"]["row"] for name, history in told.items()}
    ends = {name: (row["current_state"], row["condition"]) for name, row in rows.items()}
    done = (State.COMPLETE.value, Condition.ACTIVE.value)
    assert {name for name, end in ends.items() if end == done} == {
        *("straight", "auto", "retries", "refusals", "rollback", "fork", "accepted"),
    }
    assert ends["failed"][1] == "failed" and ends["cancelled"][1] == "cancelled"
    assert rows["fork"]["parent"] and rows["auto"]["autonomy"] == "auto"
    assert {event["event_type"] for event in events} == {kind.value for kind in EventType}
    said = [e["event_data"]["verdict"] for e in told["accepted"]["events"] if e["event_type"] == "accepted"]
    assert set(said) == {verdict.value for verdict in Verdict}
