"""Every criterion's proof is checked; flaky tests and what is not measured are said, never believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.evidence import Promise, collect_tests
from core.evidence.coverage_reports import find_report, read_cobertura

TRIPLE = "def double(n):\n    return n * 2\n\n\ndef triple(n):\n    return n * 3\n"
TEST_TRIPLE = "from calc import triple\n\n\ndef test_triple():\n    assert triple(2) == 6\n"
FILES: dict[str, str | None] = {"calc.py": TRIPLE, "tests/test_triple.py": TEST_TRIPLE}


async def judge(workshop: Any, checkpoint: Any, *promises: Promise, **options: Any) -> Any:
    """Collect the tests evidence of a checkpoint."""
    return await collect_tests(
        workshop.bench, checkpoint, "plan", "requirement", promises=promises, **options
    )


def states(evidence: Any) -> dict[int, str]:
    """Return the state of each criterion."""
    return {item["criterion"]: item["state"] for item in evidence.detail["criteria"]}


async def test_each_kind_of_proof_is_checked_and_mapped(calc: Any) -> None:
    """New test, existing test, command and person each get a state and, where something ran, a receipt."""
    checkpoint = calc.change(FILES)
    promises = (
        Promise(1, "new_test", "tests/test_triple.py::test_triple"),
        Promise(2, "existing_test", "tests/test_calc.py::test_zero"),
        Promise(3, "command", "python -c 'import calc; assert calc.triple(1) == 3'"),
        Promise(4, "person", "look at the name"),
    )

    waits = await judge(calc, checkpoint, *promises)
    (question,) = waits.detail["failures"]
    calc.accept(question["key"])
    good = await judge(calc, checkpoint, *promises)

    assert not waits.ok and question["askable"]
    assert states(waits) == {1: "proved", 2: "kept", 3: "proved", 4: "waits"}
    assert good.ok, good.detail
    assert states(good)[4] == "accepted"
    proofs = [item["proofs"][0] for item in good.detail["criteria"]]
    assert all(proof["receipt"] in good.detail["receipts"] for proof in proofs[:3])


async def test_a_command_that_does_not_notice_the_change_waits_for_a_person(calc: Any) -> None:
    """It fails on the base and ends well now, and would do so whatever the new code did."""
    promise = Promise(1, "command", "python -c 'from calc import triple'")

    evidence = await judge(calc, calc.change(FILES), promise)

    (question,) = evidence.detail["failures"]
    assert not evidence.ok and question["askable"] and "taken out" in question["text"]
    assert states(evidence) == {1: "waits"}


async def test_a_promise_that_was_not_kept_shuts_the_gate(calc: Any) -> None:
    """A test of another name, one that passes without the change, and a failing command are each named."""
    idle = "\n\ndef test_idle():\n    import calc\n\n    assert calc.double(1) == 2\n"
    test = TEST_TRIPLE.replace("from calc import triple\n\n\n", "").replace(
        "assert triple", "import calc\n    assert calc.triple"
    )

    evidence = await judge(
        calc,
        calc.change({"calc.py": TRIPLE, "tests/test_triple.py": test + idle}),
        Promise(1, "new_test", "tests/test_triple.py::test_absent"),
        Promise(2, "new_test", "tests/test_triple.py::test_idle"),
        Promise(3, "command", "python -c 'raise SystemExit(3)'"),
        Promise(4, "new_test", "test_triple"),
    )

    assert not evidence.ok
    assert states(evidence) == {1: "not proved", 2: "not proved", 3: "not proved", 4: "proved"}
    told = {failure["name"]: failure["text"] for failure in evidence.detail["failures"]}
    assert "no test of this name ran" in told["criterion 1: tests/test_triple.py::test_absent"]
    assert "without the change too" in told["criterion 2: tests/test_triple.py::test_idle"]


FLIP = (
    "def test_flip():\n    import os, sys\n\n"
    "    assert 'coverage' not in sys.modules or not os.path.exists('mark')\n"
)
"""Fails in the first run, which measures coverage, and passes in the others."""


async def test_a_flaky_test_is_no_evidence_and_blocks_only_where_it_was_stable(workshop: Any) -> None:
    """What the change made flaky blocks; a new test that flips is shown, and proves no criterion."""
    bench = workshop({"calc.py": "def double(n):\n    return n * 2\n", "tests/test_old.py": FLIP})

    evidence = await judge(
        bench,
        bench.change({**FILES, "mark": "", "tests/test_new.py": FLIP}),
        Promise(1, "new_test", "tests/test_new.py::test_flip"),
        Promise(2, "new_test", "tests/test_triple.py::test_triple"),
    )

    assert evidence.detail["flaky"] == ["tests.test_new::test_flip", "tests.test_old::test_flip"]
    told = {failure["name"]: failure["text"] for failure in evidence.detail["failures"]}
    assert "the change made it flaky" in told["tests.test_old::test_flip"]
    assert "flaky" in told["criterion 1: tests/test_new.py::test_flip"]
    assert states(evidence) == {1: "not proved", 2: "proved"}
    assert "tests.test_new::test_flip" not in told


async def test_what_is_not_measured_needs_one_standing_yes_each(workshop: Any) -> None:
    """Without a tool the clause asks; the yes may stand for the project, and is never green."""
    bench = workshop({"value.js": "1\n", "check.sh": "test $(cat value.js) -gt 0\n"})
    bench.configure(test_command=("sh", "check.sh"))
    checkpoint = bench.change({"value.js": "2\n"})

    asked = await judge(bench, checkpoint, change="refactoring")
    questions = asked.detail["failures"]
    bench.accept(*(question["key"] for question in questions))
    good = await judge(bench, checkpoint, change="refactoring")

    assert not asked.ok and [question["name"] for question in questions] == ["coverage", "touched lines"]
    assert all(question["askable"] and question["standing"] for question in questions)
    assert good.ok, good.detail
    for name in ("coverage", "touched lines"):
        clause = next(item for item in good.detail["clauses"] if item["name"] == name)
        assert clause["applies"] is False and "not measured" in clause["why"]


async def test_coverage_of_another_language_is_read_from_its_report(workshop: Any) -> None:
    """LCOV that the tests write counts like any other measurement; one that was committed does not."""
    script = "test -s a.js && printf 'SF:a.js\\nDA:1,1\\nDA:2,0\\nend_of_record\\n' > lcov.info\n"
    bench = workshop({"a.js": "x\n", "check.sh": script})
    bench.configure(test_command=("sh", "check.sh"))

    evidence = await judge(bench, bench.change({"a.js": "let a = 1\nlet b = 2\n"}), change="refactoring")

    assert evidence.detail["coverage"]["missing"] == {"a.js": [2]}
    assert not evidence.ok


def test_a_report_of_coverage_is_bounded_and_stays_in_the_tree(tmp_path: Path) -> None:
    """Paths outside of the tree, entities and committed reports are nobody's measurement."""
    (tmp_path / "a.js").write_text("x")
    (tmp_path / "lcov.info").write_text("SF:/etc/passwd\nDA:1,1\nSF:../b.js\nDA:1,1\n")
    xml = '<coverage><class filename="a.js"><line number="3" hits="1"/></class></coverage>'
    bomb = '<!DOCTYPE x [<!ENTITY a "b">]><coverage><class filename="&a;"/></coverage>'

    assert find_report(tmp_path, []) is None
    assert read_cobertura(bomb.encode(), tmp_path) is None
    (tmp_path / "coverage.xml").write_text(xml)
    measured = find_report(tmp_path, [])
    assert measured is not None and measured.executed == {"a.js": frozenset({3})}
    assert find_report(tmp_path, ["coverage.xml"]) is None
