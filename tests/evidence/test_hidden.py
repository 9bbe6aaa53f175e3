"""Hidden acceptance checks: run beside the tree, named by criterion alone, struck by a person alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.evidence import collect_tests
from core.evidence.hidden import Hidden, HiddenCheck, public_interface, with_hidden
from core.evidence.interface import interface

DOUBLE = "def double(n):\n    return n * 2\n"
TRIPLE = "\n\ndef triple(n: int, *, times: int = 3) -> int:\n    '''Says who?'''\n    return n * times\n"
GOOD = HiddenCheck(1, "from calc import triple\n\n\ndef test_it():\n    assert triple(5) == 15\n")
WRONG = HiddenCheck(
    2, "from calc import triple\n\n\ndef test_secret_number():\n    assert triple(5) == 9021777\n"
)
TEST = "from calc import triple\n\n\ndef test_triple():\n    assert triple(2) == 6\n"


FORGES = """

import atexit
import sys
from pathlib import Path

REPORT = next((w.partition("=")[2] for w in sys.argv if w.endswith("hidden.xml")), "")
CASE = '<testcase classname="test_criterion_{}" name="test_it"/>'
TEXT = "".join(CASE.format(n) for n in ("1_0", "000"))
REPORT and atexit.register(Path(REPORT).write_text, f"<testsuite>{TEXT}</testsuite>")
"""
BENDS = """

import sys

HIDDEN = [word for word in sys.argv if word.endswith("hidden.xml")]
RUNNER = sys.modules.get("py" + "test")
HIDDEN and type.__setattr__(RUNNER.Function, "runtest", print)
"""


async def judged(calc: Any, files: dict[str, str | None], hidden: Hidden) -> Any:
    """Return the tests evidence of a change, hidden checks included."""
    checkpoint = calc.change(files)
    found = await collect_tests(calc.bench, checkpoint, "p", "r")
    return await with_hidden(calc.bench, checkpoint.commit, found, hidden)


def test_the_outside_of_a_module_has_no_body_and_no_words_of_its_writer() -> None:
    """Signatures alone: no docstring, no comment, no default behind a name, nothing private."""
    text = (
        DOUBLE
        + TRIPLE
        + "\n\nclass Box:\n    size: int = 3\n\n    def open(self) -> None:  # hi\n        x = 1\n"
    )
    told = interface("src/calc.py", text + "\n\ndef _hidden(): ...\n")
    assert told.splitlines() == [
        "# module calc",
        "def double(n): ...",
        "def triple(n: int, *, times: int=3) -> int: ...",
        "class Box:",
        "    size: int",
        "    def open(self) -> None: ...",
    ]


async def test_a_check_that_fails_names_its_criterion_and_nothing_else(calc: Any) -> None:
    """First it goes back, then a person is asked, who may strike it; its text is in no receipt."""
    files: dict[str, str | None] = {"calc.py": DOUBLE + TRIPLE, "tests/test_triple.py": TEST}
    hidden = Hidden((GOOD, WRONG), {1: "three times", 2: "the number"})

    first = await judged(calc, files, hidden)
    second = await judged(calc, files, replace(hidden, asks=True))
    calc.accept(WRONG.key)
    struck = await judged(calc, files, replace(hidden, asks=True))

    (failure,) = first.detail["failures"]
    assert not first.ok and (failure["name"], failure["askable"]) == ("criterion 2", False)
    assert (
        not second.ok and second.detail["failures"][0]["askable"] and second.detail["failures"][0]["strikes"]
    )
    assert struck.ok, struck.detail["failures"]
    assert [h["outcome"] for h in struck.detail["hidden"]] == ["passed", "struck"]
    seen = str((first.to_data(), second.to_data())) + "".join(r.text() for r in calc.record.receipts.values())
    assert "9021777" not in seen and "secret_number" not in seen
    assert public_interface(calc.bench, calc.bench.base) == ""


@pytest.mark.parametrize(
    "files",
    [
        {
            "calc.py": DOUBLE
            + "\nimport os\n\n\ndef triple(n):\n    os._exit(0) if n == 5 else None\n    return n * 3\n"
        },
        {
            "calc.py": DOUBLE + "\n\ndef triple(n):\n    return 6 if n == 2 else n\n",
            "conftest.py": "def pytest_collection_modifyitems(items):\n    items.clear()\n",
        },
        {"calc.py": DOUBLE + FORGES + "\n\ndef triple(n):\n    return 6 if n == 2 else n\n"},
        {"calc.py": DOUBLE + BENDS + "\n\ndef triple(n):\n    return 6 if n == 2 else n\n"},
    ],
    ids=["ends the run with 0", "empties the run by a conftest", "writes its report", "bends its runner"],
)
async def test_code_that_is_made_for_the_tests_alone_does_not_pass(calc: Any, files: dict[str, str]) -> None:
    """What special-cases the visible tests fails the hidden one, and cannot talk its way out."""
    evidence = await judged(
        calc, {**files, "tests/test_triple.py": TEST}, Hidden((GOOD,), {1: "three times"})
    )
    assert not evidence.ok
    assert evidence.detail["failures"]


async def test_without_checks_the_clause_does_not_apply_and_says_why(calc: Any) -> None:
    """No check is no green check."""
    evidence = await judged(
        calc,
        {"calc.py": DOUBLE + TRIPLE, "tests/test_triple.py": TEST},
        Hidden(why="the model gave no answer"),
    )
    clause = next(c for c in evidence.detail["clauses"] if c["name"] == "hidden checks")
    assert evidence.ok and not clause["applies"] and clause["why"] == "the model gave no answer"
