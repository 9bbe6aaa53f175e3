"""Journals of builds that are hard to show: hard names, many of everything, nothing yet, what is stale."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from core.machine.commands import Authority
from core.machine.states import EvidenceKind, State
from core.machine.transitions import Order
from screenshots import story
from screenshots.journal import PERSON, Clock, Hand, Writer
from screenshots.patch import DIFF, STAT
from screenshots.scenes import Journal, counted_ids
from tests.tui.evil import evil_lines, evil_megabytes, evil_places

NAMES = (
    "A title that goes on and on, well beyond what any line of a terminal holds, as a page was pasted",
    "名前を正規化する関数を追加し、全角と半角の違いをなくす",
    "Rockets 🚀 and families 👩‍👩‍👧 and flags 🇩🇪 in one line",
    "[red]markup[/] \x1b[31mescape\x1b[0m \u202eright to left\u202c zero\u200bwidth",
    "عنوان من اليمين إلى اليسار",
)
SHOP = Path("/srv/ショップ")
LONG_PATH = "src/a_package_with_a_long_name/and_a_module_with_a_longer_one/正規化🚀/names_that_do_not_end.py"
SKIPPED = {"standing": False, "strikes": False, "accepted": "", "askable": True}


async def names(writer: Writer) -> Hand:
    """Long, wide, right-to-left and hostile names wherever somebody else chooses one."""
    hands = []
    for name in NAMES:
        hands.append(await writer.start(SHOP, name, title=name))
        writer.clock.wait(60)
    await hands[0].waits("answer", NAMES[1])
    await hands[1].becomes(Order.FAIL, NAMES[2])
    hands[2].activity(NAMES[3], NAMES[1])
    hand = await writer.start(SHOP, "\n".join(NAMES), title=f"{NAMES[1]} {NAMES[2]}")
    await hand.begin()
    await hand.checkpoint("base")
    for name in NAMES:
        hand.say(name)
    hand.tool(NAMES[2], f'{{"path": "{LONG_PATH}"}}', "\n".join(NAMES))
    criteria = [{"number": n, "text": name} for n, name in enumerate(NAMES, start=1)]
    await hand.proves(EvidenceKind.REQUIREMENT, NAMES[2], {"summary": NAMES[0], "criteria": criteria})
    await hand.end("submitted", NAMES[1])
    await hand.moves(State.PLANNING, packet={"summary": NAMES[0]})
    await hand.begin()
    plan = {
        "summary": NAMES[1],
        "tasks": [{"text": name, "criteria": [1]} for name in NAMES],
        "files": [LONG_PATH],
        "risks": list(NAMES),
        "proofs": [{"criterion": 1, "kind": "new_test", "proof": f"{LONG_PATH}::test_正規化"}],
    }
    await hand.proves(EvidenceKind.PLAN, NAMES[0], plan)
    await hand.end("submitted", NAMES[0])
    await story.approve_plan(hand)
    await hand.begin()
    code = "".join(f"+{name}\n" for name in NAMES)
    head = f'diff --git "a/{LONG_PATH}" "b/{LONG_PATH}"\n--- /dev/null\n+++ "b/{LONG_PATH}"\n'
    diff = f"{head}@@ -0,0 +1,5 @@ {NAMES[0]}\n"
    change = {"path": LONG_PATH, "status": "A", "added": 5, "removed": 0}
    await hand.checkpoint("hard", diff + code, {"files": 1, "added": 5, "removed": 0, "changes": [change]})
    await hand.proves(EvidenceKind.CODE, NAMES[1], {"files": 1})
    await hand.end("submitted", NAMES[2])
    await hand.moves(State.HANDOFF_TO_TESTER, packet={"summary": NAMES[0], "notes": list(NAMES)})
    await hand.begin()
    await hand.end("accepted", NAMES[1])
    await hand.moves(State.TESTING)
    await hand.begin()
    hand.activity(NAMES[2], NAMES[1])
    hand.runs("test", ["pytest", LONG_PATH], exit_code=1, output="\n".join(NAMES), title=NAMES[0])
    asks = [{**SKIPPED, "name": n, "text": n, "key": f"tests:skipped:{i}"} for i, n in enumerate(NAMES)]
    findings = [
        {"tool": "ruff", "rule": "C901", "severity": "low", "path": LONG_PATH, "line": 3, "text": n, "key": n}
        for n in NAMES
    ]
    await hand.proves(EvidenceKind.TESTS, NAMES[0], {"failures": asks, "findings": findings}, ok=False)
    await hand.end("asks", NAMES[1])
    await hand.waits("acceptance", NAMES[2])
    by = Authority.person("Ada Augusta King-Noel, Countess of Lovelace 🚀")
    project = (await writer.service.projects())[0]
    for key, name in (("tests:skipped:1", NAMES[0]), ("tests:skipped:2", NAMES[2])):
        await writer.service.give_standing_yes(project.project_id, key, by=by, reason=name)
    return hand


async def wide(writer: Writer) -> Hand:
    """Names without an end where the journal of `names` has none: of a project, of models, in a review."""
    project = Path("/srv") / f"{NAMES[1]} {NAMES[2]} and_a_name_that_goes_on_and_on_well_beyond_any_column"
    hand = await writer.start(project, NAMES[0], title=f"{NAMES[1]} {NAMES[2]}")
    criteria = [{"number": 1, "text": NAMES[1]}]
    proofs = [{"criterion": 1, "kind": "new_test", "proof": f"{LONG_PATH}::test_正規化"}]
    await hand.begin()
    await hand.checkpoint("base")
    _paid(hand)
    await hand.proves(EvidenceKind.REQUIREMENT, NAMES[2], {"summary": NAMES[0], "criteria": criteria})
    await hand.end("submitted", NAMES[1])
    await hand.moves(State.PLANNING, packet={"summary": NAMES[1], "notes": list(NAMES)})
    await hand.begin()
    plan = {"summary": NAMES[1], "tasks": [{"text": NAMES[2], "criteria": [1]}], "proofs": proofs}
    await hand.proves(EvidenceKind.PLAN, NAMES[0], plan)
    await hand.end("submitted", NAMES[0])
    await story.approve_plan(hand)
    await hand.begin()
    change = {"path": LONG_PATH, "status": "A", "added": 1, "removed": 0}
    await hand.checkpoint("wide", "", {"files": 1, "added": 1, "removed": 0, "changes": [change]})
    await hand.proves(EvidenceKind.CODE, NAMES[1], {"files": 1})
    await hand.end("submitted", NAMES[2])
    for kind, state in (
        (EvidenceKind.TESTS, State.HANDOFF_TO_TESTER),
        (EvidenceKind.REVIEW, State.HANDOFF_TO_VERIFIER),
    ):
        await hand.moves(state, packet={"summary": NAMES[1], "notes": list(NAMES)})
        await hand.begin()
        await hand.end("accepted", NAMES[2])
        await hand.moves(State.TESTING if kind is EvidenceKind.TESTS else State.VERIFICATION)
        await hand.begin()
        found = [
            {"tool": NAMES[4], "rule": NAMES[2], "severity": "low", "path": LONG_PATH, "line": 3, "text": n}
            for n in NAMES
        ]
        points = [{"point": n, "verdict": "pass", "answer": NAMES[1], "reference": LONG_PATH} for n in NAMES]
        detail = {"findings": found, "checklist": points} if kind is EvidenceKind.REVIEW else {}
        await hand.proves(kind, NAMES[1], detail)
        await hand.end("submitted", NAMES[1])
    await hand.waits("approval:review", NAMES[2])
    return hand


def _paid(hand: Hand) -> None:
    """Calls of models whose names are as hard."""
    for number, name in enumerate(NAMES, start=1):
        key, attempt = f"call-{number}", hand.workflow.attempt_id
        hand.journal.reserve(hand.workflow_id, attempt, key, 1.0, lease=hand.lease, role=hand.workflow.actor)
        paid = {"cost_usd": number / 10, "prompt_tokens": 4_200, "completion_tokens": 900}
        hand.journal.settle(hand.workflow_id, attempt, key, model=f"openai/{name}", **paid)


async def releasing(writer: Writer) -> Hand:
    """A release that waits for its yes, of a project whose deploy command was granted something before."""
    hand = await story.slugify(writer)
    await hand.moves(State.HANDOFF_TO_RELEASER, by=PERSON)
    await hand.begin()
    await hand.end("accepted", "approved and complete")
    await hand.moves(State.DEPLOYMENT)
    await hand.begin()
    await hand.end("prepared", "Everything is ready to be merged.")
    await hand.waits("approval:release", "Everything is ready to be merged.")
    commands = {"deploy_command": "make deploy", "rollback_command": "make undo"}
    project = await writer.service.register_project(str(story.PROJECT), settings=commands)
    for command, secret in (("deploy", "SHIP_TOKEN"), ("rollback", "UNDO_TOKEN")):
        await writer.service.grant(
            project.project_id,
            command=command,
            argv=("make", command),
            digest="5a" * 32,
            secrets=[secret],
            hosts=["ship.example.org"],
            by=Authority.person("ada"),
        )
    return hand


async def many(writer: Writer) -> Hand:
    """More builds, files, questions, receipts and events than a screen holds."""
    for number in range(60):
        hand = await writer.start(story.OTHER if number % 3 else SHOP, f"Wish number {number}")
        writer.clock.wait(300)
        if number % 4 == 0:
            await hand.waits("answer", f"question {number}")
        elif number % 4 == 1:
            await hand.becomes(Order.CANCEL, "not worth it")
        elif number % 7 == 2:
            await hand.becomes(Order.FAIL, f"reason {number}")
    hand = await writer.start(story.PROJECT, "Touch everything", title="Touch everything")
    await story.discover(hand)
    await story.plan(hand)
    await story.approve_plan(hand)
    await hand.begin()
    paths = [f"package_{n // 6}/module_{n:02}.py" for n in range(40)]
    diff = "".join(
        f"diff --git a/{p} b/{p}\n--- a/{p}\n+++ b/{p}\n@@ -1,2 +1,2 @@\n import os\n-OLD = 1\n+NEW = 2\n"
        for p in paths
    )
    changes = [{"path": p, "status": "M", "added": 1, "removed": 1} for p in paths]
    for n in range(12):
        hand.say(f"Step {n}: three more modules.")
        hand.tool("edit", f'{{"path": "{paths[n]}"}}', "Edited.")
        await hand.checkpoint(
            f"many {n}", diff, {"files": 40, "added": 40, "removed": 40, "changes": changes}
        )
    await hand.proves(EvidenceKind.CODE, "40 files, +40 -40", {"files": 40})
    await hand.end("submitted", "everything was touched")
    await hand.moves(State.HANDOFF_TO_TESTER)
    await hand.begin()
    await hand.end("accepted", "complete")
    await hand.moves(State.TESTING)
    await hand.begin()
    for n in range(30):
        counts = {"passed": 100 + n, "failed": n % 2, "errors": 0, "skipped": 0}
        hand.runs("test", ["pytest", "-q", f"tests/part_{n}"], exit_code=n % 2, counts=counts, suite="new")
    asks = [
        {
            **SKIPPED,
            "name": f"tests/part_{n}.py::test_it",
            "text": "skipped by this change",
            "key": f"tests:skipped:{n}",
        }
        for n in range(14)
    ]
    await hand.proves(
        EvidenceKind.TESTS, "14 tests were skipped by this change", {"failures": asks}, ok=False
    )
    await hand.end("asks", "14 questions to a person")
    await hand.waits("acceptance", "the tests ask 14 things of you")
    return hand


async def fresh(writer: Writer) -> Hand:
    """One build that has only just been ordered."""
    return await writer.start(story.PROJECT, story.REQUEST)


async def stale(writer: Writer) -> Hand:
    """A review that waits for its yes, and files that were edited after all that ran."""
    hand = await story.slugify(writer, "review")
    writer.clock.wait(30)
    edited = DIFF.replace('"ß": "ss", ', "")
    await hand.checkpoint("edited", edited, STAT)
    return hand


async def failed(writer: Writer) -> Hand:
    """A build whose role could not go on, in the middle of its work."""
    hand = await writer.start(story.PROJECT, story.REQUEST)
    await story.discover(hand)
    await story.plan(hand)
    await story.approve_plan(hand)
    await hand.begin()
    hand.say("I write the module first.")
    hand.tool("write", '{"path": "/etc/passwd"}', "Refused: that lies outside of the project.", ok=False)
    hand.tool("run", '{"command": "pytest -q"}', "1 failed in 0.21s", ok=False)
    hand.activity("the model server answers 401: the key is wrong")
    await hand.becomes(
        Order.FAIL, "The model server answers 401: the key is wrong. Set OPENAI_API_KEY and press r."
    )
    return hand


WRITERS: dict[str, Callable[[Writer], Awaitable[Hand]]] = {
    "names": names,
    "wide": wide,
    "many": many,
    "releasing": releasing,
    "fresh": fresh,
    "stale": stale,
    "failed": failed,
    "evil lines": evil_lines,
    "evil places": evil_places,
    "evil megabytes": evil_megabytes,
}


async def write_hard(stage: str, folder: Path) -> Journal:
    """Write one of them into `folder`."""
    with counted_ids():
        writer = await Writer.open(str(folder / "qdeck.db"), Clock())
        try:
            hand = await WRITERS[stage](writer)
            writer.clock.wait(75)
            return Journal(folder / "qdeck.db", hand.workflow_id, writer.clock.seconds())
        finally:
            await writer.close()


__all__ = ["NAMES", "WRITERS", "write_hard"]
