"""A build whose tests ask a person about single things, with everything that evidence can hold."""

from __future__ import annotations

from collections.abc import Mapping
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
        "text": "lines were not measured: coverage left no report",
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


def _proved(number: int, test: str) -> Mapping[str, Any]:
    proof = {"kind": "new_test", "proof": test, "state": "proved", "why": "red on the base, green now"}
    return {"criterion": number, "state": "proved", "proofs": [proof]}


DETAIL: Mapping[str, Any] = {
    "clauses": [
        {"name": "tests ran", "ok": True, "why": "18 passed, 1 skipped", "applies": True},
        {"name": "red first", "ok": True, "why": "7 of 7 new tests fail on the base", "applies": True},
        {"name": "test changes", "ok": False, "why": "1 test was skipped by this change", "applies": True},
        {"name": "regressions", "ok": True, "why": "the base has no test of its own", "applies": False},
        {"name": "coverage", "ok": True, "why": "87 % of the 16 changed lines ran", "applies": True},
    ],
    "failures": ASKS,
    "coverage": {"status": "measured", "percent": 87.5, "missing": {"textkit/slug.py": [16, 17]}},
    "criteria": [
        _proved(1, "tests/test_slug.py::test_words_are_joined"),
        _proved(2, "tests/test_slug.py::test_accents_are_dropped"),
        _proved(3, "tests/test_slug.py::test_other_scripts_are_kept"),
        _proved(4, "tests/test_slug.py::test_no_hyphen_at_the_ends"),
        {"criterion": 5, "state": "not proved", "proofs": []},
    ],
    "mutants": {
        "survivors": [
            {"path": "textkit/slug.py", "line": 17, "text": "[:8] became [:9] and no test noticed"},
        ]
    },
    "findings": [
        {
            "tool": "bandit",
            "rule": "B324",
            "severity": "high",
            "path": "textkit/slug.py",
            "line": 17,
            "text": "Use of a weak hash for security.",
            "key": "bandit:1f",
            "accepted": "ada: a name, no secret",
        },
        {
            "tool": "ruff",
            "rule": "C901",
            "severity": "low",
            "path": "textkit/words.py",
            "line": 3,
            "text": "The function is rather complex.",
            "key": "ruff:2a",
        },
    ],
    "notes": ["passes on the base too, so it proves nothing of the change: test_different_nothings_differ"],
}


async def asks(hand: Hand) -> None:
    """The tests are done, and red by nothing but what a person has to say yes or no to."""
    await hand.begin()
    hand.activity("running the tests", "18 passed, 1 skipped")
    counts = {"passed": 18, "failed": 0, "errors": 0, "skipped": 1}
    hand.runs(
        "test",
        ["pytest", "-q"],
        seconds=1.4,
        counts=counts,
        suite="new",
        title="running the tests on checkpoint 2",
        output="...................s\n" + "\n".join(f"tests/test_slug.py line {n}" for n in range(400)),
    )
    hand.pays(0.007)
    await hand.proves(EvidenceKind.TESTS, "test changes: 1 test was skipped by this change", DETAIL, ok=False)
    await hand.end("asks", "3 questions to a person")
    await hand.waits("acceptance", "the tests ask 3 things of you")
