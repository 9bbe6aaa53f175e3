"""The builds that the pictures show: one told in full, the others in a few strokes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.machine.states import Autonomy, EvidenceKind, State
from core.machine.transitions import Order
from screenshots.journal import PERSON, Hand, Writer
from screenshots.patch import DIFF, GUARDED, GUARDED_STAT, STAT
from screenshots.trouble import FINDINGS, WEIGHED, asks

PROJECT = Path("/srv/text-tools")
OTHER = Path("/srv/shop-api")

REQUEST = "Add slugify() with Unicode support"

REQUIREMENT: Mapping[str, Any] = {
    "summary": "A function slugify(text) that makes a name for a URL out of any text.",
    "criteria": [
        {"number": 1, "text": "Words are joined by single hyphens, in lower case."},
        {"number": 2, "text": "Accents are dropped: 'Crème brûlée' becomes 'creme-brulee'."},
        {"number": 3, "text": "Letters of other scripts are kept as they are."},
        {"number": 4, "text": "There is no hyphen at the ends, and none is doubled."},
        {"number": 5, "text": "Text without letters or digits gets a stable name."},
    ],
    "assumptions": ["The function lives beside the others in textkit and adds no dependency."],
    "open_questions": [],
}
PLAN: Mapping[str, Any] = {
    "summary": "A module textkit/slug.py on the standard library's unicodedata, exported from the package.",
    "kind_of_change": "feature",
    "tasks": [
        {"text": "Write slugify in textkit/slug.py.", "criteria": [1, 2, 3, 4, 5]},
        {"text": "Export it from textkit.", "criteria": [1]},
        {"text": "Write a test for every criterion in tests/test_slug.py.", "criteria": [1, 2, 3, 4, 5]},
    ],
    "files": ["textkit/slug.py", "textkit/__init__.py", "tests/test_slug.py"],
    "risks": ["Letters such as ß and ø do not decompose and get lost if nobody spells them out."],
    "proofs": [
        {"criterion": 1, "kind": "new_test", "proof": "tests/test_slug.py::test_words_are_joined"},
        {"criterion": 2, "kind": "new_test", "proof": "tests/test_slug.py::test_accents_are_dropped"},
        {"criterion": 3, "kind": "new_test", "proof": "tests/test_slug.py::test_other_scripts_are_kept"},
        {"criterion": 4, "kind": "new_test", "proof": "tests/test_slug.py::test_no_hyphen_at_the_ends"},
        {"criterion": 5, "kind": "new_test", "proof": "tests/test_slug.py::test_stable_name"},
    ],
}
CHECKLIST = [
    {
        "point": "security",
        "verdict": "pass",
        "answer": "No input reaches a shell, a file or a query.",
        "reference": "textkit/slug.py:10",
    },
    {
        "point": "performance",
        "verdict": "pass",
        "answer": "One pass over the text.",
        "reference": "textkit/slug.py:12",
    },
    {
        "point": "architecture",
        "verdict": "pass",
        "answer": "A module of its own beside words.py; no dependency.",
        "reference": "textkit/__init__.py:3",
    },
    {
        "point": "documentation",
        "verdict": "pass",
        "answer": "The docstring says what is kept and what is dropped.",
        "reference": "textkit/slug.py:11",
    },
    {
        "point": "testing",
        "verdict": "pass",
        "answer": "Every criterion has a test that was red before.",
        "reference": "tests/test_slug.py:1",
    },
    {
        "point": "deployment_readiness",
        "verdict": "pass",
        "answer": "Nothing to migrate or configure.",
        "reference": "plan",
    },
    {
        "point": "monitoring",
        "verdict": "not_applicable",
        "answer": "A pure function in a library.",
        "reference": "textkit/slug.py:10",
    },
    {
        "point": "scaling",
        "verdict": "pass",
        "answer": "No state and no cache.",
        "reference": "textkit/slug.py:10",
    },
]
FAILURE = "E   AssertionError: assert 'strae' == 'strasse'\nE     - strasse\nE     + strae"


async def discover(hand: Hand) -> None:
    """Discovery, to its end."""
    await hand.begin()
    await hand.checkpoint("base")
    hand.activity("Q Assistant reads the repository")
    hand.say("I read the package and its tests before I write down what is wanted.")
    hand.tool("list", '{"path": "."}', "README.md\npyproject.toml\ntests/\ntextkit/")
    hand.tool("read", '{"path": "textkit/words.py"}', '"""Words."""\n\ndef count_words(text): ...')
    hand.pays(0.006)
    hand.say(
        "`slugify` becomes **five criteria**. Two of them matter most:\n\n"
        "1. Accents are dropped, so `Crème brûlée` becomes `creme-brulee`.\n"
        "2. Letters of other scripts are *kept*; a Greek title must not become empty.\n\n"
        "I assume that it lives beside the other functions and adds no dependency."
    )
    hand.tool(
        "submit_requirement", '{"summary": "slugify for any text"}', "Taken: 5 criteria, no open question."
    )
    await hand.proves(EvidenceKind.REQUIREMENT, "5 criteria, no open question", REQUIREMENT)
    await hand.end("submitted", "5 criteria, no open question")
    hand.clock.wait(1)
    await hand.moves(State.PLANNING, packet=REQUIREMENT)


async def plan(hand: Hand) -> None:
    """Planning, to the approval that it waits for."""
    await hand.begin()
    hand.activity("Q Assistant plans the work")
    hand.tool("read", '{"path": "tests/test_words.py"}', "def test_counts_words(): ...")
    hand.pays(0.009)
    hand.say("A module of its own, its tests beside it, one line in the package.")
    hand.tool("submit_plan", '{"summary": "textkit/slug.py on unicodedata"}', "Taken: 3 tasks, 5 proofs.")
    await hand.proves(EvidenceKind.PLAN, "3 tasks, 5 proofs, 1 risk", PLAN)
    await hand.end("submitted", "3 tasks, 5 proofs, 1 risk")
    await hand.waits("approval:plan", "the plan is ready")


async def approve_plan(hand: Hand) -> None:
    """A person says yes; the Code Writer accepts."""
    hand.clock.wait(40)
    await hand.moves(State.HANDOFF_TO_CODER, by=PERSON, packet=PLAN)
    await hand.begin()
    await hand.end("accepted", "the plan is clear")
    await hand.moves(State.IMPLEMENTATION)


async def write(
    hand: Hand, name: str, summary: str, diff: str = DIFF, stat: Mapping[str, Any] = STAT
) -> None:
    """Implementation, one attempt."""
    await hand.begin()
    hand.activity("Code Writer writes textkit/slug.py")
    hand.say("I write the module first, then a test for every criterion, and run them.")
    lines = stat["changes"][0]["added"]
    hand.tool("write", '{"path": "textkit/slug.py"}', f"Written: {lines} lines.")
    hand.tool("write", '{"path": "tests/test_slug.py"}', "Written: 42 lines.")
    hand.tool("run", '{"command": "pytest -q"}', "19 passed in 0.21s")
    hand.pays(0.021)
    await hand.checkpoint(name, diff, stat)
    await hand.proves(EvidenceKind.CODE, f"3 files, +{stat['added']} -{stat['removed']}", {"files": 3})
    hand.tool("submit_code", f'{{"summary": "{summary}"}}', "Taken.")
    await hand.end("submitted", summary)
    packet = {"summary": summary, "files": ["textkit/slug.py", "tests/test_slug.py"], "notes": []}
    await hand.moves(State.HANDOFF_TO_TESTER, packet=packet)
    await hand.begin()
    await hand.end("accepted", "complete and readable")
    await hand.moves(State.TESTING)


async def fail_tests(hand: Hand) -> None:
    """Testing finds a failing test and sends the code back."""
    await hand.begin()
    hand.activity("running the tests", "1 failed")
    hand.runs("setup", ["uv", "sync", "--frozen"], seconds=3.4)
    counts = {"passed": 18, "failed": 1, "errors": 0, "skipped": 0}
    hand.runs(
        "test",
        ["pytest", "-q"],
        exit_code=1,
        seconds=1.3,
        counts=counts,
        output=FAILURE,
        suite="new",
        title="running the tests on checkpoint 1",
    )
    failure = {"name": "tests/test_slug.py::test_accents_are_dropped", "text": FAILURE}
    await hand.proves(EvidenceKind.TESTS, "1 failed, 18 passed", {"failures": [failure]}, ok=False)
    hand.say("`ß` gets lost: it does not decompose. It has to be spelled out before the accents are dropped.")
    hand.pays(0.008)
    await hand.end("retry", "1 failed: ß gets lost")
    await hand.moves(
        State.IMPLEMENTATION, reason="test_accents_are_dropped: 'straße' becomes 'strae'; spell ß out."
    )


GREEN: Mapping[str, Any] = {
    "clauses": [
        {"name": "tests ran", "ok": True, "why": "19 passed", "applies": True},
        {"name": "pass to pass", "ok": True, "why": "12 of 12 stay green", "applies": True},
        {"name": "red first", "ok": True, "why": "7 of 7 new tests fail on the base", "applies": True},
        {"name": "deleted tests", "ok": True, "why": "the change deletes no test", "applies": False},
        {"name": "coverage", "ok": True, "why": "100 % of the 13 changed lines ran", "applies": True},
    ]
}


async def pass_tests(hand: Hand, covered: int = 100, detail: Mapping[str, Any] = GREEN) -> None:
    """Testing is green and hands on."""
    await hand.begin()
    hand.activity("running the tests", "19 passed")
    hand.say("I run the suite on a clean copy, and the new tests on the base as well.")
    counts = {"passed": 19, "failed": 0, "errors": 0, "skipped": 0}
    hand.runs(
        "test",
        ["pytest", "-q"],
        seconds=1.2,
        counts=counts,
        suite="new",
        title="running the tests on checkpoint 2",
    )
    # On the base there is no slugify to import: pytest gives up on the whole file.
    red = {"passed": 0, "failed": 0, "errors": 1, "skipped": 0}
    red_first = ["pytest", "-q", "tests/test_slug.py"]
    hand.runs(
        "test",
        red_first,
        exit_code=2,
        seconds=0.6,
        counts=red,
        suite="red",
        title="running the new tests on the base, where they must fail",
    )
    await hand.proves(EvidenceKind.TESTS, f"19 passed; coverage {covered} %", detail)
    hand.pays(0.007)
    await hand.end("submitted", "19 passed")
    packet = {
        "verdict": "pass",
        "summary": "All criteria are tested; every new test was red before.",
        "added_tests": [],
    }
    await hand.moves(State.HANDOFF_TO_VERIFIER, packet=packet)
    await hand.begin()
    await hand.end("accepted", "receipts are complete")
    await hand.moves(State.VERIFICATION)


async def review(
    hand: Hand, found: str = "no new finding", findings: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Verification, to the approval that it waits for."""
    await hand.begin()
    hand.activity("running ruff and bandit")
    hand.runs("lint", ["ruff", "check", "textkit"], seconds=0.1)
    hand.runs("security", ["bandit", "-r", "textkit"], seconds=0.8)
    news = "What the scanners found is answered" if findings else "Nothing new from the scanners"
    hand.say(f"{news}, and the diff holds what the requirement asks.")
    hand.pays(0.012)
    told = f"{found}; 8 of 8 points answered"
    await hand.proves(EvidenceKind.REVIEW, told, {"findings": list(findings), "checklist": CHECKLIST})
    await hand.end("submitted", told)
    await hand.waits("approval:review", "the review is ready")


async def release(hand: Hand) -> None:
    """Deployment, to complete."""
    hand.clock.wait(60)
    await hand.moves(State.HANDOFF_TO_RELEASER, by=PERSON)
    await hand.begin()
    await hand.end("accepted", "approved and complete")
    await hand.moves(State.DEPLOYMENT)
    await hand.begin()
    hand.activity("running the smoke test")
    counts = {"passed": 19, "failed": 0, "errors": 0, "skipped": 0}
    hand.runs("smoke", ["pytest", "-q"], seconds=1.1, counts=counts)
    await hand.proves(EvidenceKind.SMOKE, "19 passed on the merge")
    await hand.end("submitted", "merged and smoke-tested")
    await hand.moves(State.COMPLETE, by=PERSON)
    hand.activity("")


async def slugify(writer: Writer, until: str = "review") -> Hand:
    """The build that is told in full, up to one of the stages."""
    hand = await writer.start(PROJECT, REQUEST)
    await discover(hand)
    await plan(hand)
    if until == "plan":
        return hand
    await approve_plan(hand)
    await write(hand, "first", "slugify with tests for every criterion")
    await fail_tests(hand)
    patch = (GUARDED, GUARDED_STAT) if until == "weighed" else (DIFF, STAT)
    await write(hand, "second", "ß and its kin are spelled out first", *patch)
    if until == "testing":
        await hand.begin()
        hand.activity("Test Auditor runs the tests on a clean copy", "18 passed")
        hand.runs("setup", ["uv", "sync", "--frozen"], seconds=3.1)
        hand.streams(
            "The suite runs on a clean copy of the tree. So far:\n\n"
            "- every test that was green on the base is **still green**\n"
            "- `test_accents_are_dropped` is green now\n\n"
            "Next I look at what the tests do not rea"
        )
        return hand
    if until == "asking":
        await asks(hand)
        return hand
    if until == "weighed":
        await pass_tests(hand, 93, WEIGHED)
        await review(hand, "1 new finding, 1 accepted by a person, 1 as advice", FINDINGS)
        return hand
    await pass_tests(hand)
    await review(hand)
    if until == "complete":
        await release(hand)
    return hand


async def others(writer: Writer) -> None:
    """A few more builds, so that the board looks like a day's work."""
    done = await slugify_like(writer, "Fix off-by-one in pagination", OTHER)
    await release(done)
    writer.clock.wait(7200)

    stopped = await writer.start(OTHER, "Try another template engine", budget=1.0)
    await stopped.begin()
    await stopped.becomes(Order.CANCEL, "not worth it")

    paused = await slugify_like(writer, "Migrate the settings to TOML", OTHER, until="code")
    await paused.becomes(Order.PAUSE, "until the release is out")
    writer.clock.wait(1800)

    failed = await writer.start(OTHER, "Import customers from CSV", budget=1.0)
    await discover(failed)
    await failed.begin()
    failed.activity("the model server answers 401: the key is wrong")
    await failed.becomes(
        Order.FAIL, "The model server answers 401: the key is wrong. Set OPENAI_API_KEY and press r."
    )
    writer.clock.wait(600)

    running = await slugify_like(writer, "Retry webhooks with jitter", OTHER, until="code")
    await running.begin()
    running.activity("Test Auditor reads tests/test_webhooks.py", "41 passed")
    writer.clock.wait(300)

    auto = await writer.start(
        OTHER, "Rate limits for the public API, per key and per address", autonomy=Autonomy.AUTO
    )
    await discover(auto)
    await auto.begin()
    auto.activity("Q Assistant plans the work")
    writer.clock.wait(200)


async def slugify_like(writer: Writer, request: str, project: Path, until: str = "review") -> Hand:
    """A build that goes straight through."""
    hand = await writer.start(project, request, budget=5.0)
    await discover(hand)
    await plan(hand)
    await approve_plan(hand)
    await write(hand, request, "done as planned")
    if until == "code":
        return hand
    await pass_tests(hand)
    await review(hand)
    return hand
