"""Reports of test runners are read, and not believed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.evidence import asking_reports, collect_tests, junit
from core.evidence.junit import ReportError, counts_from_output, read_report
from core.evidence.receipts import Counts


def write(folder: Path, text: str) -> Path:
    path = folder / "junit.xml"
    path.write_text(text, "utf-8")
    return path


def test_every_outcome_is_counted_once(tmp_path: Path) -> None:
    """Passed, failed, broken and skipped tests are told apart, with the reason of a failure."""
    report = write(
        tmp_path,
        """<testsuites><testsuite>
        <testcase classname="tests.test_a" name="test_ok" file="tests/test_a.py"/>
        <testcase classname="tests.test_a" name="test_bad"><failure message="m">def f():
E       AssertionError: 1 != 2</failure></testcase>
        <testcase classname="tests.test_a" name="test_broken"><error message="no fixture 'x'"/></testcase>
        <testcase classname="tests.test_a" name="test_later"><skipped message="not now"/></testcase>
        </testsuite></testsuites>""",
    )

    cases = read_report(report)

    assert junit.count(cases) == Counts(1, 1, 1, 1)
    assert [(c.name, c.outcome, c.message) for c in cases[1:3]] == [
        ("tests.test_a::test_bad", "failed", "AssertionError: 1 != 2"),
        ("tests.test_a::test_broken", "error", "no fixture 'x'"),
    ]
    assert cases[0].file == "tests/test_a.py"


def test_a_test_that_fails_in_its_teardown_did_not_pass(tmp_path: Path) -> None:
    """Two entries of one name count as the worse of them."""
    report = write(
        tmp_path,
        '<testsuite><testcase classname="a" name="t"/>'
        '<testcase classname="a" name="t"><error/></testcase></testsuite>',
    )

    assert [case.outcome for case in read_report(report)] == ["error"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not xml at all",
        "<testsuites>",
        "<html><testcase name='t'/></html>",
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><testsuite><testcase name="&a;"/></testsuite>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite/>',
    ],
)
def test_what_is_not_a_report_is_refused(tmp_path: Path, text: str) -> None:
    """Garbage, other XML, entities and external documents are no report."""
    with pytest.raises(ReportError):
        read_report(write(tmp_path, text))


def test_a_report_must_be_a_file_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a link, nor a folder, nor a huge file is read."""
    secret = write(tmp_path, "<testsuite/>")
    link = tmp_path / "link.xml"
    link.symlink_to(secret)
    monkeypatch.setattr(junit, "REPORT_LIMIT", 5)

    for path in (link, tmp_path, tmp_path / "absent.xml", secret):
        with pytest.raises(ReportError):
            read_report(path)


def test_a_report_with_too_many_tests_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of tests is bounded like the size."""
    monkeypatch.setattr(junit, "CASE_LIMIT", 2)

    with pytest.raises(ReportError, match="more than 2"):
        read_report(write(tmp_path, "<testsuite>" + '<testcase name="t"/>' * 3 + "</testsuite>"))


def test_names_and_messages_cannot_paint_on_the_screen(tmp_path: Path) -> None:
    """Escape sequences and bidirectional controls in a report never get through."""
    report = write(
        tmp_path,
        '<testsuite><testcase name="a\u202eb"><failure message="x\u009b31my"/></testcase></testsuite>',
    )

    (case,) = read_report(report)

    assert case.name == "ab"
    assert "\x9b" not in case.message


@pytest.mark.parametrize(
    ("output", "counts"),
    [
        ("...\nRan 3 tests in 0.01s\n\nOK (skipped=1)\n", Counts(2, 0, 0, 1)),
        ("Ran 4 tests in 0.01s\n\nFAILED (failures=1, errors=2)\n", Counts(1, 1, 2, 0)),
        ("Ran 0 tests in 0.0s\n\nNO TESTS RAN\n", Counts(0, 0, 0, 0)),
        (
            "test result: ok. 3 passed; 0 failed; 1 ignored;\ntest result: ok. 2 passed; 0 failed;",
            Counts(5, 0, 0, 1),
        ),
        ("Tests:       1 failed, 2 passed, 3 total\n", Counts(2, 1, 0, 0)),
        (" Test Files  1 passed (1)\n      Tests  4 passed (4)\n", Counts(4, 0, 0, 0)),
        ("# tests 3\n# pass 2\n# fail 1\n# skipped 0\n", Counts(2, 1, 0, 0)),
        ("  5 passing (9ms)\n  1 failing\n", Counts(5, 1, 0, 0)),
        ("    Summary [   0.1s] 4 tests run: 2 passed, 1 failed, 1 skipped\n", Counts(2, 1, 0, 1)),
        ("DONE 4 tests, 1 skipped, 1 failure in 2.6s\n", Counts(2, 1, 0, 1)),
        ("--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL\n", Counts(1, 1, 0, 0)),
        ("all is well", None),
    ],
)
def test_closing_lines_of_other_runners_are_counted(output: str, counts: Counts | None) -> None:
    """What a runner without a report says at its end is read, and what is not known stays unknown."""
    assert counts_from_output(output.encode()) == counts


def test_a_runner_is_asked_for_a_report_unless_it_was_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Node's own and vitest write JUnit beside what they print; where words cannot be added none are."""
    monkeypatch.setattr(asking_reports, "node_version", lambda: (20, 9))
    report = Path("/tmp/a b/junit.xml")

    def asked(script: str, *command: str) -> asking_reports.Asked:
        package = '{"devDependencies": {"jest-junit": "16"}}' if "junit" in script else "{}"
        script = script.removesuffix(" # junit")
        return asking_reports.asked_of_runner(command or ("npm", "test", "--silent"), script, report, package)

    place = '--test-reporter-destination="/tmp/a b/junit.xml"'
    assert place in asked("c8 node --test").env["NODE_OPTIONS"]
    assert place in asked("", "node", "--test").env["NODE_OPTIONS"]
    assert asked("vitest run").words[:2] == ("--", "--reporter=default")
    assert asked("", "npx", "vitest", "run").words[-1] == f"--outputFile.junit={report}"
    assert asked("jest --ci # junit").words == ("--", "--reporters=default", "--reporters=jest-junit")
    assert asked("jest --ci # junit").env == {"JEST_JUNIT_OUTPUT_FILE": str(report)}
    assert asked("", "gotestsum", "./...").env == {"GOTESTSUM_JUNITFILE": str(report)}
    for command in (("go", "test", "./..."), ("cargo", "test"), ("make", "test")):
        assert asked("", *command) == asking_reports.Asked(), command
    for script in ("jest", "node --test --test-reporter=tap", "vitest run && tsc", "mocha"):
        assert asked(script) == asking_reports.Asked(), script
    monkeypatch.setattr(asking_reports, "node_version", lambda: (18, 20))
    assert asked("node --test") == asking_reports.Asked()


@pytest.mark.skipif(asking_reports.node_version() < (20, 9), reason="needs node 20.9")
async def test_the_report_of_nodes_runner_is_what_counts(workshop: Callable[[dict[str, str]], Any]) -> None:
    """A runner that prints nothing of what it counted has told it all the same."""
    test = "require('node:test')('adds', () => {})\n"
    script = '{"scripts": {"test": "node --test | grep -v tests"}}'
    bench = workshop({"package.json": script, "a.test.js": test, "b.test.js": test})

    found = await collect_tests(bench.bench, bench.change({"README.md": "x\n"}), "p", "r")

    assert found.detail["counts"] == {"passed": 2, "failed": 0, "errors": 0, "skipped": 0}
    assert "counts from the runner's own JUnit report" in found.detail["judged"]


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (
            "# tests 2\\n# pass 2\\n",
            "2 passed, judged by its exit code; counts from the runner's closing lines",
        ),
        ("all is well\\n", "exit 0, judged by its exit code alone; its counts are not known"),
    ],
)
async def test_a_run_that_is_judged_coarsely_is_marked_so(
    workshop: Callable[[dict[str, str]], Any], says: str, told: str
) -> None:
    """Without a report that tells tests by name the clause says what the judgement rests on."""
    bench = workshop({"Makefile": f"test:\n\t@printf '{says}'\n", "README.md": "a\n"})

    found = await collect_tests(
        bench.bench, bench.change({"README.md": "x\n"}), "p", "r", change="documentation"
    )

    (clause,) = [c for c in found.detail["clauses"] if c["name"] == "tests ran"]
    assert clause["ok"] and clause["why"] == told


@pytest.mark.skipif(shutil.which("gotestsum") is None, reason="gotestsum is not installed")
async def test_the_report_of_gotestsum_is_what_counts(workshop: Callable[[dict[str, str]], Any]) -> None:
    """What it writes where it is asked to is read, whatever it prints."""
    test = 'package a\n\nimport "testing"\n\nfunc TestA(t *testing.T) {}\n'
    bench = workshop({"go.mod": "module a\n\ngo 1.19\n", "a_test.go": test})
    bench.configure(test_command=("gotestsum", "--format", "dots", "./..."))

    found = await collect_tests(
        bench.bench, bench.change({"README.md": "x\n"}), "p", "r", change="documentation"
    )

    assert found.detail["counts"] == {"passed": 1, "failed": 0, "errors": 0, "skipped": 0}
    assert "JUnit report" in found.detail["judged"]
