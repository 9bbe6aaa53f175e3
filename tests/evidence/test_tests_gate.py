"""The tests gate, with real runs in the real sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from core.evidence import collect_tests
from core.machine.states import EvidenceKind

TRIPLE = "def double(n):\n    return n * 2\n\n\ndef triple(n):\n    return n * 3\n"
TEST_TRIPLE = "from calc import triple\n\n\ndef test_triple():\n    assert triple(2) == 6\n"


async def judge(workshop: Any, checkpoint: Any, **options: Any) -> Any:
    """Collect the tests evidence of a checkpoint."""
    return await collect_tests(workshop.bench, checkpoint, "plan", "requirement", **options)


def clause(evidence: Any, name: str) -> dict[str, Any]:
    """Return one clause of the evidence."""
    return next(item for item in evidence.detail["clauses"] if item["name"] == name)


def named(evidence: Any) -> list[str]:
    """Return the names of what failed."""
    return [failure["name"] for failure in evidence.detail["failures"]]


async def test_a_proven_feature_is_green(calc: Any) -> None:
    """New code with a test that fails without it: every clause holds, bound to the tree, with receipts."""
    checkpoint = calc.change({"calc.py": TRIPLE, "tests/test_triple.py": TEST_TRIPLE})

    evidence = await judge(calc, checkpoint)

    assert evidence.ok, evidence.detail
    assert evidence.kind is EvidenceKind.TESTS
    assert evidence.rests_on == {"requirement": "requirement", "plan": "plan", "tree": checkpoint.tree}
    assert evidence.detail["counts"] == {"passed": 3, "failed": 0, "errors": 0, "skipped": 0}
    assert evidence.summary == "3 passed; coverage 100 % of changed lines"
    assert clause(evidence, "red first")["applies"]
    assert "1 of 1" in clause(evidence, "red first")["why"]
    receipt = calc.record.receipts[next(iter(calc.record.receipts))]
    assert receipt.ok and receipt.counts.passed == 3 and receipt.tree_before == checkpoint.tree
    assert len(evidence.detail["receipts"]) == len(calc.record.activities) == 7


async def test_after_a_crash_nothing_runs_twice(calc: Any) -> None:
    """The same collection again takes every result from what was kept, and gives the same evidence."""
    checkpoint = calc.change({"calc.py": TRIPLE, "tests/test_triple.py": TEST_TRIPLE})

    first = await judge(calc, checkpoint)
    ran = list(calc.steps.ran)
    again = await judge(calc, checkpoint)

    assert again == first
    assert calc.steps.ran == ran
    assert not list(calc.bench.scratch.iterdir())


async def test_a_failing_test_is_named_with_its_reason(calc: Any) -> None:
    """Red is red, and whoever must fix it is told which test and why."""
    broken = TRIPLE.replace("n * 3", "n + 3")

    evidence = await judge(calc, calc.change({"calc.py": broken, "tests/test_triple.py": TEST_TRIPLE}))

    assert not evidence.ok
    assert evidence.summary == "2 passed, 1 failed"
    assert named(evidence) == ["tests.test_triple::test_triple"]
    assert "assert 5 == 6" in evidence.detail["failures"][0]["text"]
    assert evidence.detail["coverage"]["status"] == "not measured"


async def test_code_that_breaks_an_old_test_is_red(calc: Any) -> None:
    """A test that is green on the base must stay green."""
    broken = TRIPLE.replace("n * 2", "n * 4")

    evidence = await judge(calc, calc.change({"calc.py": broken, "tests/test_triple.py": TEST_TRIPLE}))

    assert not evidence.ok
    assert named(evidence) == ["tests.test_calc::test_double"]


async def test_a_test_bent_to_fit_the_code_is_caught(calc: Any) -> None:
    """The base's own version of a changed test is run on the new code."""
    wrong = TRIPLE.replace("n * 2", "n * 4")
    bent = (
        "from calc import double\n\n\ndef test_double():\n    assert double(2) == 8\n\n\n"
        "def test_zero():\n    assert double(0) == 0\n"
    )

    evidence = await judge(
        calc,
        calc.change({"calc.py": wrong, "tests/test_calc.py": bent, "tests/test_triple.py": TEST_TRIPLE}),
    )

    assert not evidence.ok
    assert evidence.detail["counts"]["failed"] == 0
    assert named(evidence) == ["tests.test_calc::test_double"]
    assert not clause(evidence, "pass to pass")["ok"]


async def test_an_accepted_change_of_a_test_passes(calc: Any) -> None:
    """What a person has said yes to is left out of pass to pass."""
    changed = "from calc import double\n\n\ndef test_double():\n    assert double(2) == 8\n"
    kept = "\n\ndef test_zero():\n    assert double(0) == 0\n"

    checkpoint = calc.change(
        {"calc.py": "def double(n):\n    return n * 4\n", "tests/test_calc.py": changed + kept}
    )
    asked = await judge(calc, checkpoint)
    question = next(f for f in asked.detail["failures"] if f["askable"])
    calc.accept(question["key"])
    evidence = await judge(calc, checkpoint)

    assert not asked.ok
    assert evidence.ok, evidence.detail
    assert evidence.detail["accepted"][0]["accepted"] == "accepted by ada: it is meant so"


async def test_deleted_and_skipped_tests_are_named(calc: Any) -> None:
    """A test that is gone or newly skipped shuts the gate, green as the rest may be."""
    rest = (
        "import pytest\nfrom calc import double\n\n\n"
        "@pytest.mark.skip\ndef test_zero():\n    assert double(0) == 0\n"
    )

    evidence = await judge(
        calc,
        calc.change({"calc.py": TRIPLE, "tests/test_calc.py": rest, "tests/test_triple.py": TEST_TRIPLE}),
    )

    assert not evidence.ok
    assert set(named(evidence)) == {"tests.test_calc::test_double", "tests/test_calc.py::test_zero"}
    assert not clause(evidence, "no test lost")["ok"]


async def test_a_test_that_passes_on_the_base_proves_nothing(calc: Any) -> None:
    """New tests that are green without the change do not count as its proof, and are named."""
    idle = "from calc import double\n\n\ndef test_idle():\n    assert double(1) == 2\n"

    evidence = await judge(calc, calc.change({"calc.py": TRIPLE, "tests/test_idle.py": idle}))

    assert not evidence.ok
    assert "tests.test_idle::test_idle" in named(evidence)
    assert not clause(evidence, "red first")["ok"]


async def test_an_idle_test_beside_a_proof_is_only_noted(calc: Any) -> None:
    """One proof is enough; what proves nothing is said."""
    both = TEST_TRIPLE + "\n\ndef test_idle():\n    import calc\n\n    assert calc.double(1) == 2\n"
    both = both.replace(
        "from calc import triple\n\n\ndef test_triple():\n",
        "def test_triple():\n    from calc import triple\n\n",
    )

    evidence = await judge(calc, calc.change({"calc.py": TRIPLE, "tests/test_triple.py": both}))

    assert evidence.ok, evidence.detail
    assert "test_idle" in evidence.detail["notes"][0]


async def test_a_feature_without_a_new_test_is_not_proven(calc: Any) -> None:
    """All old tests green is not enough for a feature; other kinds of change owe no new test."""
    checkpoint = calc.change({"calc.py": "def double(n):\n    return n + n\n"})

    feature = await judge(calc, checkpoint)
    refactoring = await judge(calc, checkpoint, change="refactoring")

    assert not feature.ok and "no test is new" in feature.summary
    assert refactoring.ok
    assert not clause(refactoring, "red first")["applies"]


async def test_uncovered_new_lines_shut_the_gate(calc: Any) -> None:
    """Changed lines that no test runs are named, below the floor."""
    much = TRIPLE + "\n\ndef other(n):\n    if n:\n        return 1\n    n += 1\n    return n\n"

    evidence = await judge(calc, calc.change({"calc.py": much, "tests/test_triple.py": TEST_TRIPLE}))

    assert not evidence.ok
    assert evidence.detail["coverage"]["missing"] == {"calc.py": [10, 11, 12, 13]}
    (failure,) = evidence.detail["failures"]
    assert (failure["name"], failure["text"]) == ("calc.py", "no test runs line 10-13")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def helper():\n    pass\n", "no test ran"),
        ("import pytest\n\n\n@pytest.mark.skip\ndef test_a():\n    pass\n", "1 skipped"),
    ],
)
async def test_no_test_or_only_skips_is_not_green(workshop: Any, text: str, said: str) -> None:
    """A run in which nothing was tried is red."""
    bench = workshop({"a.py": "x = 1\n", "tests/test_a.py": text})

    evidence = await judge(bench, bench.change({"a.py": "x = 2\n"}), change="refactoring")

    assert not evidence.ok
    assert said in evidence.summary


async def test_a_repository_without_tests_says_so(workshop: Any) -> None:
    """Without any test command there is one clear sentence on what to do."""
    bench = workshop({"README.md": "hello\n"})

    evidence = await judge(bench, bench.change({"README.md": "hello you\n"}))

    assert not evidence.ok
    assert "test_command" in evidence.detail["failures"][0]["text"]


async def test_a_first_test_suite_can_be_added(workshop: Any) -> None:
    """Where the base has no tests the new tree's are run, and still must fail without the change."""
    bench = workshop({"calc.py": "def double(n):\n    return n * 2\n"})

    evidence = await judge(bench, bench.change({"calc.py": TRIPLE, "tests/test_triple.py": TEST_TRIPLE}))

    assert evidence.ok, evidence.detail
    assert not clause(evidence, "pass to pass")["applies"]


async def test_a_hanging_test_run_is_ended(calc: Any) -> None:
    """The time limit ends the run and is said; nothing is left behind."""
    calc.configure(test_timeout=2.0)
    hang = "import time\n\n\ndef test_hang():\n    time.sleep(600)\n"

    evidence = await judge(calc, calc.change({"tests/test_hang.py": hang}))

    assert not evidence.ok
    assert "time limit" in evidence.summary
    assert not list(calc.bench.scratch.iterdir())


async def test_a_flood_of_output_is_ended(calc: Any) -> None:
    """A test command that prints without end is stopped, and what is kept of it stays small."""
    calc.configure(test_command=("yes", "all is well"))

    evidence = await judge(calc, calc.change({"calc.py": TRIPLE}))

    receipt = next(iter(calc.record.receipts.values()))
    assert not evidence.ok
    assert "output limit" in evidence.summary
    assert receipt.cut and len(receipt.output) < 1 << 20


async def test_what_fails_on_the_base_too_is_said(workshop: Any) -> None:
    """A failure that was there before is told as such, and a missing package with the way out."""
    files = {"a.py": "x = 1\n", "tests/test_a.py": "def test_a():\n    assert False\n"}
    bench = workshop({**files, "tests/test_b.py": "import no_such_package_at_all\n"})

    evidence = await judge(bench, bench.change({"a.py": "x = 2\n"}), change="fix")

    told = {failure["name"]: failure["text"] for failure in evidence.detail["failures"]}
    assert not evidence.ok
    assert told["tests.test_a::test_a"].startswith("fails on the base too")
    assert "setup_command" in told["environment"]


async def test_a_plain_script_is_judged_by_its_exit_code(workshop: Any) -> None:
    """Where nothing can be counted the exit code decides, and this is said."""
    bench = workshop({"value": "1\n", "check.sh": "test $(cat value) = 1\n"})
    bench.configure(test_command=("sh", "check.sh"))

    good = await judge(bench, bench.change({"note": "x"}), change="refactoring")
    bad = await judge(bench, bench.change({"value": "2\n"}), change="refactoring")

    assert good.ok and "green by exit code" in good.summary
    assert not bad.ok


async def test_tests_that_change_tracked_files_are_not_green(calc: Any) -> None:
    """A run that edits the tree it judges proves nothing about that tree."""
    edits = TEST_TRIPLE + "\n\ndef test_edit():\n    open('calc.py', 'a').write('# edited')\n"

    evidence = await judge(calc, calc.change({"calc.py": TRIPLE, "tests/test_triple.py": edits}))

    assert not evidence.ok
    assert "changed files of the tree" in evidence.summary
    assert not next(iter(calc.record.receipts.values())).ok


FORGE = """
import os, sys

def test_forge():
    path = next(a for a in sys.argv if a.startswith("--junitxml=")).split("=", 1)[1]
    with open(path, "w") as file:
        {write}
        file.flush()
        os._exit(0)
"""


@pytest.mark.parametrize(
    "write",
    [
        "file.write('<testsuite><test')",
        "file.truncate(64 << 20)",
        "os.unlink(path); os.symlink('/etc/passwd', path)",
        "os.unlink(path)",
    ],
    ids=["garbage", "huge", "link", "absent"],
)
async def test_a_forged_report_is_not_green(calc: Any, write: str) -> None:
    """Exit code 0 without a report that can be read counts for nothing."""
    files = {"calc.py": TRIPLE, "tests/test_aa.py": FORGE.format(write=write)}

    evidence = await judge(calc, calc.change(files))

    assert not evidence.ok
    assert "no test ran that left a trace" in clause(evidence, "tests ran")["why"]


async def test_a_report_that_praises_a_failed_run_is_not_believed(calc: Any) -> None:
    """The exit code outweighs what the report says."""
    conftest = "def pytest_sessionfinish(session, exitstatus):\n    session.exitstatus = 3\n"

    evidence = await judge(
        calc,
        calc.change({"calc.py": TRIPLE, "tests/test_triple.py": TEST_TRIPLE, "tests/conftest.py": conftest}),
    )

    assert not evidence.ok
    assert "exit 3 although its report says 3 passed" in clause(evidence, "tests ran")["why"]


async def test_a_fake_runner_in_the_tree_is_refused(calc: Any) -> None:
    """A module named like the runner would be run instead of it."""
    evidence = await judge(calc, calc.change({"pytest.py": "raise SystemExit(0)\n"}))

    assert not evidence.ok
    assert "pytest.py" in named(evidence)


async def test_a_link_in_the_place_of_the_runner_is_refused(calc: Any) -> None:
    """A link to a folder is a package under another name, and no file of the language's name lies there."""
    (calc.bench.worktree.path / "argparse").symlink_to("pleased")
    checkpoint = calc.change({"pleased/__init__.py": "x = 1\n", "tests/test_triple.py": TEST_TRIPLE})

    evidence = await collect_tests(calc.bench, checkpoint, "p", "r")

    assert ("argparse/__init__.py", True) in {(f["name"], f["askable"]) for f in evidence.detail["failures"]}


async def test_another_runner_is_judged_by_its_exit_code_and_last_lines(workshop: Any) -> None:
    """A configured command of another kind works for all clauses, with the counts that it prints."""
    test = (
        "import unittest\nfrom calc import double\n\n\n"
        "class TestIt(unittest.TestCase):\n    def test_it(self):\n"
    )
    bench = workshop(
        {
            "calc.py": "def double(n):\n    return n * 2\n",
            "checks/t_a.py": test + "        assert double(1) == 2\n",
        }
    )
    bench.configure(
        test_command=("python", "-m", "unittest", "discover", "-s", "checks", "-p", "t_*.py"),
        test_paths=("checks",),
    )
    more = (
        "import unittest\nfrom calc import triple\n\n\n"
        "class TestMore(unittest.TestCase):\n    def test_it(self):\n"
    )

    good = await judge(
        bench, bench.change({"calc.py": TRIPLE, "checks/t_b.py": more + "        assert triple(2) == 6\n"})
    )
    bad = await judge(bench, bench.change({"calc.py": TRIPLE.replace("n * 2", "n * 5")}))

    assert good.ok, good.detail
    assert good.detail["counts"]["passed"] == 2
    assert "coverage 100 %" in good.summary
    assert not bad.ok and bad.summary == "1 passed, 1 failed"


async def test_the_base_is_run_once_for_all_attempts(calc: Any) -> None:
    """A second attempt with new steps takes the base's result from the cache."""
    first = await judge(calc, calc.change({"calc.py": TRIPLE, "tests/test_triple.py": TEST_TRIPLE}))
    calc.steps.kept.clear()
    calc.record.activities.clear()

    evidence = await judge(calc, calc.change({"calc.py": TRIPLE + "\n", "tests/test_triple.py": TEST_TRIPLE}))

    assert evidence.ok, evidence.detail
    assert "running the tests on the base" not in calc.record.activities
    assert len(evidence.detail["receipts"]) == len(first.detail["receipts"])
