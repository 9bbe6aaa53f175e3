"""Builds with something to weigh: tests that ask a person about single things, and a review with findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.machine.states import EvidenceKind
from screenshots.journal import Hand

ASKS: list[Mapping[str, Any]] = [
    {
        "name": "tests/test_words.py::test_counts_words",
        "text": "skipped by this change: @pytest.mark.skip(reason='slow')",
        "key": "tests:skipped:7c1d",
        "askable": True,
        "standing": False,
        "strikes": False,
        "accepted": "",
    },
    {
        "name": "coverage",
        "text": "not measured: coverage left no report; nobody can say which changed lines the tests run",
        "key": "tests:not-measured",
        "askable": True,
        "standing": True,
        "strikes": False,
        "accepted": "",
    },
    {
        "name": "criterion 5",
        "text": "a hidden check failed: the name of '' must not be empty",
        "key": "tests:hidden:5",
        "askable": True,
        "standing": False,
        "strikes": True,
        "accepted": "",
    },
]
RED_FIRST = "7 of 7 new or changed tests fail on the base"
CONTROL = {
    "name": "negative control",
    "ok": True,
    "why": "7 of 7 proofs fail without the change",
    "applies": True,
}
"""A test that only imports what is new is red on the base whatever it says; this looks at what it says."""


def _proved(number: int, test: str) -> Mapping[str, Any]:
    proof = {"kind": "new_test", "proof": test, "state": "proved", "why": "red on the base, green now"}
    return {"criterion": number, "state": "proved", "proofs": [proof]}


_PROVED = [
    _proved(1, "tests/test_slug.py::test_words_are_joined"),
    _proved(2, "tests/test_slug.py::test_accents_are_dropped"),
    _proved(3, "tests/test_slug.py::test_other_scripts_are_kept"),
    _proved(4, "tests/test_slug.py::test_no_hyphen_at_the_ends"),
]
ASKING: Mapping[str, Any] = {
    "clauses": [
        {"name": "tests ran", "ok": True, "why": "18 passed, 1 skipped", "applies": True},
        {"name": "red first", "ok": True, "why": RED_FIRST, "applies": True},
        CONTROL,
        {"name": "tampering", "ok": False, "why": "1 test was skipped by this change", "applies": True},
        {"name": "hidden checks", "ok": False, "why": "4 of 5 hold", "applies": True},
        {"name": "coverage", "ok": False, "why": "not measured: coverage left no report", "applies": True},
    ],
    "failures": ASKS,
    "coverage": {"status": "not measured", "why": "coverage left no report", "missing": {}},
    "criteria": [*_PROVED, {"criterion": 5, "state": "not proved", "proofs": []}],
}
WEIGHED: Mapping[str, Any] = {
    "clauses": [
        {"name": "tests ran", "ok": True, "why": "19 passed", "applies": True},
        {"name": "regressions", "ok": True, "why": "12 tests green on the base stay green", "applies": True},
        {"name": "red first", "ok": True, "why": RED_FIRST, "applies": True},
        CONTROL,
        {"name": "hidden checks", "ok": True, "why": "5 of 5 hold", "applies": True},
        {"name": "documents", "ok": True, "why": "no document was changed", "applies": False},
        {
            "name": "coverage",
            "ok": True,
            "why": "93 % of the 15 changed lines ran (floor 80 %)",
            "applies": True,
        },
    ],
    "failures": [],
    "coverage": {"status": "measured", "percent": 93.3, "missing": {"textkit/slug.py": [14]}},
    "criteria": [*_PROVED, _proved(5, "tests/test_slug.py::test_stable_name")],
    "mutants": {
        "status": "measured",
        "survivors": [
            {
                "path": "textkit/slug.py",
                "line": 14,
                "change": "TypeError('slugify takes text') became 'slugify takes text'",
            },
        ],
    },
}
FINDINGS: Sequence[Mapping[str, Any]] = [
    {
        "tool": "bandit",
        "rule": "B324",
        "severity": "high",
        "path": "textkit/slug.py",
        "line": 19,
        "text": "Use of a weak hash for security.",
        "key": "bandit:1f",
        "accepted": "ada: a name, no secret",
    },
    {
        "tool": "ruff",
        "rule": "TRY003",
        "severity": "low",
        "path": "textkit/slug.py",
        "line": 14,
        "text": "A long message outside the exception class.",
        "key": "ruff:2a",
    },
]


async def asks(hand: Hand) -> None:
    """The tests are done, and red by nothing but what a person has to say yes or no to."""
    await hand.begin()
    hand.activity("running the tests", "18 passed, 1 skipped")
    hand.runs(
        "test",
        ["pytest", "-q"],
        seconds=1.4,
        counts={"passed": 18, "failed": 0, "errors": 0, "skipped": 1},
        suite="new",
        title="running the tests on checkpoint 2",
        output="...................s\n" + "\n".join(f"tests/test_slug.py line {n}" for n in range(400)),
    )
    hand.pays(0.007)
    await hand.proves(EvidenceKind.TESTS, "tampering: 1 test was skipped by this change", ASKING, ok=False)
    await hand.end("asks", "3 questions to a person")
    await hand.waits("acceptance", "the tests ask 3 things of you")
