"""Where text from outside comes from, as a table, and a journal in which whoever writes it means harm."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path
from zlib import compress, decompress

from core.machine.commands import Authority
from core.machine.states import EvidenceKind, State
from core.machine.transitions import Order
from core.service.tokens import Scope
from screenshots.journal import Hand, Writer

EVIL = (
    "[bold red]markup[/] [@click=app.exit]press[/] \x1b[2J\x1b[31mred \x1b]0;title\x07 \x1bP1$r\x1b\\ "
    "\u202eright to left\u202c zero\u200bwidth \u2066x\u2069 \x08\x08\r tab\t end\x9b31m"
)
LONG = "w" * 1_000_000
FORBIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}

PLACES = {
    "TITLE": "a build's title",
    "WISH": "the request",
    "SHOP": "a project's folder",
    "SUM": "the summary of a requirement",
    "CRIT": "a criterion",
    "ASSUME": "what was assumed",
    "OPEN": "an open question",
    "PLAN": "the summary of a plan",
    "TASK": "a task of the plan",
    "FILE": "a file that the plan names",
    "RISK": "a risk",
    "PROOF": "a proof of a criterion",
    "SAID": "what a role says",
    "HEARD": "what a person says",
    "NOTE": "a note in the conversation",
    "TOOL": "a tool's name",
    "ARGS": "a tool's arguments",
    "RESULT": "a tool's answer",
    "STREAM": "what is being said",
    "PATH": "a changed file",
    "HUNK": "the head of a hunk",
    "LINE": "a changed line",
    "RUN": "what a command is for",
    "ARGV": "a command",
    "OUT": "a command's output",
    "EVID": "the summary of evidence",
    "CLAUSE": "a clause of a gate",
    "FAIL": "a failing test",
    "TRACE": "what a failing test says",
    "MUTANT": "a surviving mutant",
    "CODE": "a line that no test ran",
    "FINDING": "a scanner's finding",
    "RULE": "a scanner's rule",
    "CHECK": "an answer of the review",
    "PACKET": "the summary of a handoff",
    "END": "how an attempt ended",
    "ASK": "a finding that a person is asked about",
    "WHY": "why it is asked",
    "ERROR": "a model's error",
    "REASON": "why the work went back",
    "NOW": "what happens this second",
    "BY": "a person's name",
    "YES": "why a standing yes was given",
    "GRANT": "a granted command",
    "TOKEN": "a token's name",
    "MODEL": "a model's name in the settings",
    "SERVER": "a server that was found",
    "PROMPT": "a prompt of one's own",
    "PATTERN": "a template of one's own",
    "LOG": "a line of the log",
    "DRAFT": "a request that was begun",
    "TOLD": "what is said in passing",
}
"""Every place of the app that shows what somebody else wrote, by the word that its text begins with."""


def evil(place: str) -> str:
    """Return a harmful text that can be told from those of other places."""
    assert place in PLACES, place
    return f"{place}! {EVIL}"


_END = re.compile(r"(end(?:\\+u009b|\x9b)31m)")


def grown(text: str) -> str:
    """Return the text with a megabyte behind every harmful one, in the same line."""
    return _END.sub(lambda found: found[1] + LONG, text)


_KEPT_TWICE = {"answer", "discovery_phase", "planning_phase", "implementation_phase", "testing_phase"}
"""Columns with what stands in another as well."""


def grow(journal: Path) -> None:
    """Let every harmful text of a journal go on for a megabyte, past the limits of those who write there.

    Evidence is shown from the row of its build; the events that recorded it stay as they are.
    """
    with closing(sqlite3.connect(journal)) as connection, connection:
        connection.create_function("grown", 1, grown)
        connection.create_function("packed", 1, lambda data: compress(grown_bytes(data), 1))
        connection.execute("DROP TRIGGER workflow_events_no_update")
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for name in (row[1] for row in connection.execute(f'PRAGMA table_info("{table}")').fetchall()):
                if name not in _KEPT_TWICE:
                    # S608: the names come from the schema.
                    connection.execute(
                        f'UPDATE "{table}" SET "{name}" = grown("{name}") '  # noqa: S608
                        f"WHERE typeof(\"{name}\") = 'text' AND instr(\"{name}\", '31m') > 0"
                        + " AND event_type != 'evidence_recorded'"
                        * (table == "workflow_events")
                    )
        connection.execute("UPDATE artifacts SET data = packed(data)")


def grown_bytes(data: bytes) -> bytes:
    """Return what is kept compressed, grown."""
    return grown(decompress(data).decode()).encode()


def assert_harmless(text: str) -> None:
    """Nothing but visible characters is on the screen."""
    bad = {c for c in text if c != "\n" and unicodedata.category(c) in FORBIDDEN}
    assert not bad, sorted(map(ascii, bad))


async def evil_lines(writer: Writer) -> Hand:
    """A workflow in which everything that can be said goes on for a megabyte, in one line."""
    hand = await writer.start(Path("/srv") / "x[red]", f"{EVIL}\n{LONG}", title=EVIL)
    await _speak(hand)
    await hand.becomes(Order.FAIL, EVIL)
    return hand


async def _speak(hand: Hand) -> None:
    await hand.begin()
    await hand.checkpoint("base")
    hand.say(
        f"{EVIL}\n```evil\n{EVIL}\n{LONG}\n```\n| {EVIL} | b |\n|---|---|\n| 1 | {LONG[:5000]} |\n- {EVIL}"
    )
    hand.tool(EVIL, f'{{"path": "{LONG[:3000]}"}}', f"{EVIL}\n{LONG}", ok=False)
    hand.note(EVIL)
    await hand.proves(
        EvidenceKind.REQUIREMENT,
        EVIL,
        {"summary": EVIL, "criteria": [{"number": 1, "text": EVIL}], "assumptions": [LONG, EVIL]},
    )
    await hand.end("submitted", EVIL)
    await hand.moves(State.PLANNING, packet={"summary": EVIL})
    await hand.begin()
    hand.runs("test", [EVIL, LONG[:9000]], exit_code=1, output=f"{EVIL}\n{LONG}", suite="new")
    diff = f"diff --git a/{EVIL} b/{EVIL}\n@@ {EVIL}\n+{EVIL}\n-{LONG}\n"
    change = {"path": EVIL, "status": EVIL, "added": 1, "removed": 1}
    await hand.checkpoint("evil", diff, {"files": 1, "added": 1, "removed": 1, "changes": [change]})
    failure = {"name": EVIL, "text": f"{EVIL}\n{LONG}"}
    await hand.proves(EvidenceKind.PLAN, EVIL, {"tasks": [{"text": EVIL}], "failures": [failure]}, ok=False)
    hand.activity(EVIL, EVIL)
    hand.streams(f"{EVIL}\n{EVIL * 20}")


async def evil_places(writer: Writer) -> Hand:
    """A text of its own at every place: a build with all there is, beside one that failed and one at work."""
    other = Path("/srv/other")
    failed = await writer.start(other, evil("WISH"), title=evil("TITLE"))
    await failed.becomes(Order.FAIL, evil("ERROR"))
    active = await writer.start(other, evil("WISH"), title=evil("TITLE"))
    await active.begin()
    active.activity(evil("NOW"), evil("NOW"))
    hand = await writer.start(Path("/srv/shop"), evil("WISH"), title=evil("TITLE"))
    await _required(hand)
    await _written(hand)
    await _tested(hand)
    await _asked_about(hand)
    await _given(writer)
    return hand


async def evil_megabytes(writer: Writer) -> Hand:
    """The same, and each of the texts goes on for a megabyte."""
    hand = await evil_places(writer)
    grow(Path(writer.service.url.removeprefix("sqlite:///")))
    return hand


async def _required(hand: Hand) -> None:
    await hand.begin()
    await hand.checkpoint("base")
    hand.say(evil("SAID"))
    hand.tool(evil("TOOL"), f'{{"path": "{evil("ARGS")}"}}', evil("RESULT"))
    hand.note(evil("NOTE"))
    await hand.service.chat(hand.workflow_id, evil("HEARD"), by=Authority.person(evil("BY")))
    requirement = {
        "summary": evil("SUM"),
        "criteria": [{"number": 1, "text": evil("CRIT")}],
        "assumptions": [evil("ASSUME")],
        "open_questions": [evil("OPEN")],
    }
    await hand.proves(EvidenceKind.REQUIREMENT, evil("EVID"), requirement)
    await hand.end("submitted", evil("END"))
    await hand.moves(State.PLANNING, packet={"summary": evil("PACKET")})
    await hand.begin()
    plan = {
        "summary": evil("PLAN"),
        "tasks": [{"text": evil("TASK"), "criteria": [1]}],
        "files": [evil("FILE")],
        "risks": [evil("RISK")],
        "proofs": [{"criterion": 1, "kind": "new_test", "proof": evil("PROOF")}],
    }
    await hand.proves(EvidenceKind.PLAN, evil("EVID"), plan)
    await hand.end("submitted", evil("END"))
    by = Authority.person(evil("BY"))
    await hand.moves(State.HANDOFF_TO_CODER, by=by, packet={"summary": evil("PACKET")})
    await hand.begin()
    await hand.end("accepted", evil("END"))
    await hand.moves(State.IMPLEMENTATION)


async def _written(hand: Hand) -> None:
    path = evil("PATH").replace("\r", "").replace("/", "|")
    diff = f'diff --git "a/{path}" "b/{path}"\n--- /dev/null\n+++ "b/{path}"\n'
    diff += f"@@ -0,0 +1,1 @@ {evil('HUNK')}\n+{evil('LINE')}\n"
    change = {"path": path, "status": "A", "added": 1, "removed": 0}
    await hand.begin()
    await hand.checkpoint("evil", diff, {"files": 1, "added": 1, "removed": 0, "changes": [change]})
    await hand.proves(EvidenceKind.CODE, evil("EVID"), {"files": 1})
    await hand.end("submitted", evil("END"))
    await hand.moves(State.HANDOFF_TO_TESTER, packet={"summary": evil("PACKET"), "notes": [evil("PACKET")]})
    await hand.begin()
    await hand.end("accepted", evil("END"))
    await hand.moves(State.TESTING)
    await hand.begin()
    await hand.end("retry", evil("END"))
    await hand.moves(State.IMPLEMENTATION, reason=evil("REASON"))
    await hand.begin()
    await hand.checkpoint("evil again", diff, {"files": 1, "added": 1, "removed": 0, "changes": [change]})
    await hand.proves(EvidenceKind.CODE, evil("EVID"), {"files": 1})
    await hand.end("submitted", evil("END"))
    await hand.moves(State.HANDOFF_TO_TESTER)
    await hand.begin()
    await hand.end("accepted", evil("END"))
    await hand.moves(State.TESTING)


async def _tested(hand: Hand) -> None:
    finding = {"tool": evil("RULE"), "rule": evil("RULE"), "severity": "high", "path": evil("PATH")}
    finding |= {"line": 1, "text": evil("FINDING"), "key": evil("FINDING"), "accepted": evil("BY")}
    checklist = [{"point": evil("CHECK"), "verdict": evil("CHECK"), "answer": evil("CHECK")}]
    review = {"findings": [finding], "checklist": [{**checklist[0], "reference": evil("CHECK")}]}
    await hand.begin()
    hand.runs("test", [evil("ARGV")], exit_code=1, output=evil("OUT"), suite="new", title=evil("RUN"))
    await hand.proves(EvidenceKind.REVIEW, evil("EVID"), review)
    hand.streams(evil("STREAM"))


async def _asked_about(hand: Hand) -> None:
    proof = {"proof": evil("PROOF"), "state": "proved"}
    ask = {"name": evil("ASK"), "text": evil("WHY"), "key": "tests:evil", "askable": True}
    detail = {
        "clauses": [{"name": evil("CLAUSE"), "ok": False, "why": evil("CLAUSE"), "applies": True}],
        "failures": [ask, {"name": evil("FAIL"), "text": evil("TRACE")}],
        "criteria": [{"criterion": 1, "state": "proved", "proofs": [proof]}],
        "mutants": {
            "status": evil("MUTANT"),
            "survivors": [{"path": evil("MUTANT"), "line": 1, "change": evil("MUTANT")}],
        },
        "coverage": {"status": "measured", "percent": 50.0, "missing": {evil("PATH"): [1]}},
        "notes": [evil("TRACE")],
    }
    await hand.proves(EvidenceKind.TESTS, evil("EVID"), detail, ok=False)
    await hand.end("asks", evil("END"))
    await hand.waits("acceptance", evil("WHY"))


async def _given(writer: Writer) -> None:
    service, by = writer.service, Authority.person(evil("BY"))
    project = next(p for p in await service.projects() if p.path.endswith("shop"))
    await service.register_project(project.path, name=evil("SHOP"), settings={"deploy_command": "x"})
    given = await service.give_standing_yes(project.project_id, "tests:evil", by=by, reason=evil("YES"))
    assert given.ok, given.text
    granted = await service.grant(
        project.project_id, command="deploy", argv=(evil("GRANT"),), digest="5a" * 32, hosts=["a.b:1"], by=by
    )
    assert granted.ok, granted.text
    await service.tokens.mint(issued_to=evil("BY"), scope=Scope.READ, name=evil("TOKEN"))
