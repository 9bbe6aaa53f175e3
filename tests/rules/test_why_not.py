"""A refusal says what is missing, who can supply it and the way on: in one text, everywhere."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.machine.commands import Authority, AuthorityKind, Move, SetCondition
from core.machine.decide import decide
from core.machine.refusal import Reason, Refusal
from core.machine.states import EVIDENCE_TITLES, ROLE_TITLES, Autonomy, Condition, EvidenceKind, State
from core.machine.transitions import Kind, Order
from screenshots.scenes import Journal, make_app, playing, until
from tests.api.conftest import api
from tests.cli.calls import CommandLine
from tests.machine.conftest import Driver
from tests.machine.oracle import ALLOWS, ROWS, SPEC, WHO
from tests.machine.test_exhaustive import conditioned, order, ready
from tests.service.conftest import ADA
from tui.palette import Actions

__all__ = ["api"]

BY_ID = {row["id"]: row for row in SPEC["transitions"]}
RANK = {State(row["id"]): place for place, row in enumerate(SPEC["states"])}
PHASES = [State(piece["phase"]) for piece in SPEC["evidence"]]


def fewest(source: str, target: str) -> int:
    """The fewest moves of the table from one state to another; -1 where none lead there."""
    there, steps = {source}, 0
    while target not in there:
        more = there | {to for start, to in ROWS if start in there}
        if more == there:
            return -1
        there, steps = more, steps + 1
    return steps


def test_every_refusal_of_a_move_helps() -> None:
    """Whoever orders whatever from wherever: a sentence, and the shortest way on that the table allows."""
    for source, target, condition, by in itertools.product(State, State, Condition, WHO):
        workflow = conditioned(ready(source, Autonomy.GATED), condition)
        refusal = decide(workflow, order(Move, workflow, by, target=target))
        if not isinstance(refusal, Refusal):
            continue
        lines = refusal.lines()
        assert all(line.endswith((".", "!", "?")) and len(line) > 10 for line in lines)
        # A state is called as the screens call it; its name with underlines is for programs.
        assert not [line for line in lines for state in State if "_" in state and state in line], lines
        here: str = source
        for step in refusal.path:
            if step == Order.RESUME:
                assert condition in (Condition.PAUSED, Condition.FAILED)
                continue
            assert BY_ID[step]["from"] == here
            assert step in lines[-1]
            here = BY_ID[step]["to"]
        moves = [step for step in refusal.path if step != Order.RESUME]
        first = refusal.path[0] if refusal.path else ""
        assert not first or (first if first == Order.RESUME else BY_ID[first]["kind"]) in ALLOWS[condition]
        if moves:
            assert here == target and len(moves) == fewest(source, target)
        elif condition is not Condition.CANCELLED:
            assert source == target or fewest(source, target) == -1, (source, target, condition, by)
        if refusal.reason is Reason.NOT_READY:
            assert refusal.missing
            assert all(m.what and m.why and m.who for m in refusal.missing)


def test_what_is_over_is_told_no_way_on() -> None:
    """A cancelled workflow moves nowhere, however a move is named; a resting one has to be resumed first."""
    workflow = ready(State.IMPLEMENTATION, Autonomy.GATED)
    moves: list[dict[str, Any]] = [{"target": State.DEPLOYMENT}, {"kind": Kind.ACCEPT}]
    for named in (*moves, {"target": State.HANDOFF_TO_TESTER}):
        for condition, way in ((Condition.CANCELLED, ()), (Condition.FAILED, (Order.RESUME,))):
            resting = conditioned(workflow, condition)
            refusal = decide(resting, replace(order(Move, resting, ADA), **named))
            assert isinstance(refusal, Refusal) and refusal.path[:1] == way, (named, condition)
            assert ("It is over for good." in refusal.lines()) == (condition is Condition.CANCELLED)
            assert condition is Condition.FAILED or "advance" not in refusal.hint


@pytest.mark.parametrize("source", [s for (s, _), row in ROWS.items() if row["kind"] == "advance"])
def test_a_closed_gate_names_each_lack_its_maker_and_the_way_over_the_earliest(source: str) -> None:
    """With nothing current at all, the way leads back to the first phase and from there to the target."""
    row = next(r for (s, _), r in ROWS.items() if s == source and r["kind"] == "advance")
    driver = Driver(Autonomy.GATED).go_to(State(source))
    bare = type(driver.now).from_data(driver.now.to_data() | {"evidence": {}})
    refusal = decide(bare, order(Move, bare, Authority(AuthorityKind.ROLE, row["actor"]), target=row["to"]))
    assert isinstance(refusal, Refusal)
    made = {piece["key"]: piece["phase"] for piece in SPEC["evidence"]}
    owner = {state["id"]: state["owner"] for state in SPEC["states"]}
    wanted = [(kind, owner[made[kind]]) for kind in row["needs_current"]]
    assert [(m.what, m.who) for m in refusal.missing if m.who != "a person"] == wanted
    for kind, who in wanted:
        title = EVIDENCE_TITLES[EvidenceKind(kind)]
        line = f"missing: {title}: there is none yet (from the {ROLE_TITLES[who]})."  # type: ignore[index]
        assert line in refusal.lines()
    if source == "discovery":
        # The lack is made here: no move is a way on, least of all the refused one.
        assert refusal.path == ()
        assert refusal.hint == "The Q Assistant supplies the requirement in discovery; then the gate opens."
        return
    assert refusal.path[-1] == row["id"]
    assert any(BY_ID[step]["from"] == "discovery" for step in refusal.path)


def test_what_is_red_in_its_own_phase_is_sent_back_first() -> None:
    """A red test evidence in testing: the retry comes first, never the advance that was refused."""
    driver = Driver(Autonomy.GATED).go_to(State.TESTING)
    driver.supply(EvidenceKind.TESTS, ok=False)
    refusal = decide(driver.now, order(Move, driver.now, ADA, target=State.HANDOFF_TO_VERIFIER))
    assert isinstance(refusal, Refusal)
    assert BY_ID[refusal.path[0]]["kind"] == "retry"
    assert refusal.path[-1] == "T06"


def test_a_role_that_may_not_is_told_who_may() -> None:
    """The refusal names the owner, by the name that people use."""
    workflow = ready(State.TESTING, Autonomy.GATED)
    writer = Authority(AuthorityKind.ROLE, "code_writer")
    refusal = decide(workflow, order(Move, workflow, writer, target=State.HANDOFF_TO_VERIFIER))
    assert isinstance(refusal, Refusal)
    assert str(refusal) == (
        "T06 belongs to the Test Auditor, not to the Code Writer. "
        "T06 may be ordered by the Test Auditor or a person. "
        "The shortest legal way on: advance to the handoff to the Verification Overseer (T06)."
    )


async def test_the_screen_the_command_line_and_the_api_say_the_same(
    api: Any,
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three refusals, asked for through every face: the same lines, in the same order."""
    monkeypatch.setenv("QDECK_HOME", str(tmp_path / "home"))
    build = await api.begun(Autonomy.AUTO)
    told: dict[str, list[list[str]]] = {"service": [], "api": [], "command line": []}
    skip = {"target_state": "implementation", "reason": "so"}
    closed = {"role": "q_assistant", "completed_state": "discovery"}
    orders = [
        ("rollback", skip, ("rollback", "--to", "implementation", "--reason", "so")),
        ("advance", closed, ("advance",)),
        ("advance", closed, ("advance",)),
    ]
    qdeck = CommandLine(tmp_path / "home")
    app = make_app(Journal(path, build.id, time.time()), None)
    async with playing(app, (120, 40)) as pilot:
        for number, (verb, body, words) in enumerate(orders):
            if number == 2:
                assert (await api.approve(f"/{build.id}/pause", {})).status_code == 200
            version = (await build.now()).version

            async def command(service: Any, verb: str = verb, version: int = version) -> Any:
                given = {"by": ADA, "expected_version": version}
                if verb == "advance":
                    return await service.advance_workflow(build.id, **given)
                return await service.rollback_workflow(
                    build.id, **given, target_state=State.IMPLEMENTATION, reason="so"
                )

            answer = await command(build.service)
            told["service"].append(list(answer.refusal.lines()))
            assert answer.text == " ".join(answer.refusal.lines())
            if verb == "advance":
                ahead = (await build.service.moves(build.id, ADA))[0]
                assert ahead.why_not == answer.text
            reply = await api.approve(f"/{build.id}/{verb}", body)
            assert reply.status_code == 409, reply.text
            told["api"].append(reply.json()["why_not"]["lines"])
            line = (words[0], build.id, *words[1:], "--db", str(path))
            called = await asyncio.to_thread(qdeck.inside, *line)
            told["command line"].append(called.ended(2).err.strip().splitlines())
            data = (await asyncio.to_thread(qdeck.inside, *line, "--json")).ended(2).data
            assert data["why_not"] == list(answer.refusal.lines())
            await app.ask(command)
            text = answer.text
            await until(pilot, lambda text=text: text in [n.message for n in app._notifications])
    assert told["service"] == told["api"] == told["command line"]
    assert "missing: requirement: there is none yet (from the Q Assistant)." in told["service"][1]
    assert told["service"][2][-1] == "The shortest legal way on: resume, then advance to planning (T01)."


BACK = {"reason": "so"}
FACES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a": ("advance", "advance", {}),
    "r": ("retry", "request-retry", BACK),
    "b": ("rollback", "rollback", BACK),
    "p": ("pause", "pause", {}),
    "x": ("cancel", "cancel", {}),
}
"""By key of the app: the order of the command line, and that of the API."""
SAID = {"r": ("--reason", "so"), "b": ("--reason", "so")}
CLOSED = "missing: requirement: there is none yet (from the Q Assistant)."


async def _asks(build: Any) -> None:
    await build.wait("answer", "Which alphabet?")


async def _rests(build: Any) -> None:
    assert (await build.give(SetCondition, by=ADA, order=Order.PAUSE)).ok


async def _fails(build: Any) -> None:
    await build.go_to(State.TESTING)
    assert (await build.give(SetCondition, order=Order.FAIL, reason="the model is gone")).ok


async def _is_cancelled(build: Any) -> None:
    await _is_cancelled_at_once(await build.go_to(State.IMPLEMENTATION))


async def _is_cancelled_at_once(build: Any) -> None:
    assert (await build.give(SetCondition, by=ADA, order=Order.CANCEL)).ok


async def _as_it_is(build: Any) -> None:
    pass


STANDS: dict[str, tuple[Any, dict[str, str]]] = {
    # What each dim key has to tell there, beside being what the other doors tell.
    "at work": (_as_it_is, {"a": CLOSED, "b": "It stands there already."}),
    "in a handoff": (lambda b: b.go_to(State.HANDOFF_TO_CODER), {"b": "refuse to planning (T11)"}),
    "asks": (_asks, {"a": "The Q Assistant has asked something: answer in the chat"}),
    "paused": (_rests, {"a": "resume, then advance to planning (T01)"}),
    "failed": (_fails, {"a": "resume, then advance to the handoff to the Verification Overseer (T06)"}),
    "cancelled": (_is_cancelled, dict.fromkeys("arbpx", "It is over for good.")),
    "cancelled at once": (_is_cancelled_at_once, dict.fromkeys("rb", "It is over for good.")),
    "complete": (lambda b: b.complete(), dict.fromkeys("arbpx", "is complete")),
}


@pytest.mark.parametrize("stands", STANDS)
async def test_a_dim_key_says_what_the_command_line_and_the_api_say(
    stands: str, api: Any, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each key that is dim there: the text of the app, by key and in the palette, is the refusal's, whole."""
    monkeypatch.setenv("QDECK_HOME", str(tmp_path / "home"))
    build = await api.begun(Autonomy.AUTO)
    prepare, keys = STANDS[stands]
    await prepare(build)
    view = await build.now()
    before = [phase for phase in PHASES if RANK[phase] < RANK[view.state]][-1:] or [view.state]
    to = {"b": ("--to", before[0].value)}
    qdeck = CommandLine(tmp_path / "home")
    app = make_app(Journal(path, build.id, time.time()), None)
    async with playing(app, (120, 40)) as pilot:
        for key, says in keys.items():
            verb, endpoint, body = FACES[key]
            words = (verb, build.id, *to.get(key, ()), *SAID.get(key, ()))
            line = (*words, "--db", str(path))
            called = (await asyncio.to_thread(qdeck.inside, *line)).ended(2).err.strip()
            sent = dict(body)
            if key == "a":
                sent = {"role": view.role.value, "completed_state": view.state.value}
            if key == "b":
                sent["target_state"] = before[0].value
            reply = await api.approve(f"/{build.id}/{endpoint}", sent)
            assert reply.status_code == 409, reply.text
            lines = reply.json()["why_not"]["lines"]
            assert lines == called.splitlines() and says in called, called
            app.clear_notifications()
            await pilot.press(key)
            await until(pilot, lambda: bool(app._notifications))
            assert [notice.message for notice in app._notifications] == [" ".join(lines)]
            palette = Actions(app.screen)
            await palette.startup()
            assert " ".join(lines) in [entry.why_not for entry in palette._entries()]
    assert (await build.now()).version == view.version
