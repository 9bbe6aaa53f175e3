"""Run a project's test suite on one tree and read what came of it."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.evidence.asking_reports import Asked, asked_of_runner
from core.evidence.bench import Bench
from core.evidence.clauses import text_at
from core.evidence.commands import (
    PYTEST,
    is_pytest,
    npm_script,
    read_toml,
    table,
    tells_tests,
    with_interpreter,
)
from core.evidence.coverage import Measured, read_coverage
from core.evidence.coverage_reports import find_report
from core.evidence.execution import Done, Folders, Job, execute
from core.evidence.inside import INSIDE
from core.evidence.junit import (
    Case,
    ReportError,
    cases_from_data,
    cases_to_data,
    count,
    counts_from_output,
    read_report,
)
from core.evidence.receipts import Counts, JsonValue, Receipt, digest_of
from core.sandbox import Limits
from core.workspace import list_tree

_REPORT_OPTIONS = ("-o", "junit_family=xunit1", "--maxfail=0", "--continue-on-collection-errors")
_OUTPUT_LIMIT = 64 << 20

PLAIN_REPORT = "by its exit code; counts from the runner's own JUnit report"
CLOSING_LINES = "by its exit code; counts from the runner's closing lines"
EXIT_CODE = "by its exit code alone; its counts are not known"
"""How a run was judged whose runner does not tell tests by name: coarser, and marked so."""

JUNIT = ("junit.xml", "reports/junit.xml", "test-results/junit.xml", "target/nextest/default/junit.xml")
"""Where runners of other languages are told to leave their JUnit report, most often."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One run of the tests on one tree.

    `cases` is empty for a runner without a report; then `counts` comes from its closing lines, and is None
    when those are unknown too. `source` says so where tests are not told by name. `problem` says why the run
    cannot be green whatever it counts; empty when it can.
    """

    done: Done
    cases: tuple[Case, ...]
    counts: Counts | None
    problem: str
    measured: Measured | None = None
    source: str = ""

    @property
    def green(self) -> bool:
        """Whether the run shows working code: it ended well, and at least one test passed."""
        return not self.problem

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome of every test by its name."""
        return {case.name: case.outcome for case in self.cases}

    @property
    def passed(self) -> set[str]:
        """The names of the tests that passed."""
        return {case.name for case in self.cases if case.outcome == "passed"}


@dataclass(frozen=True, slots=True)
class Plan:
    """Which tests to run on which tree.

    `laid_over` names a commit and the paths taken from it, `patched` files with another text than they have.
    """

    name: str
    title: str
    tree: str
    command: tuple[str, ...]
    files: tuple[str, ...] = ()
    laid_over: tuple[str, tuple[str, ...]] | None = None
    patched: Mapping[str, str] = field(default_factory=dict)
    coverage: bool = False
    cached: bool = False
    kind: str = "test"


async def run_suite(bench: Bench, plan: Plan) -> Suite:
    """Run the tests of `plan` once and read their report."""
    words = digest_of([list(plan.command), list(plan.files), plan.coverage, dict(plan.patched)])[:8]
    seconds = bench.settings.test_timeout
    secret = secrets.token_bytes(32)
    tracked: frozenset[str] = frozenset()
    package = ""
    if not tells_tests(plan.command):
        tracked = frozenset(await asyncio.to_thread(list_tree, bench.repository, plan.tree))
        package = await asyncio.to_thread(text_at, bench, plan.tree, "package.json")

    def asked(folders: Folders) -> Asked:
        known = tells_tests(plan.command)
        report = folders.reports / "junit.xml"
        return Asked() if known else asked_of_runner(plan.command, npm_script(package), report, package)

    paths = (str(INSIDE), bench.toolchain.env.get("PYTHONPATH", ""))
    job = Job(
        key=f"tests:{plan.name}:{plan.tree[:16]}:{words}",
        kind=plan.kind,
        title=plan.title,
        tree=plan.tree,
        argv=lambda folders: _argv(bench, plan, folders, secret) + asked(folders).words,
        collect=lambda folders, receipt: _collect(folders, receipt, plan, secret, tracked),
        laid_over=plan.laid_over,
        patched=plan.patched,
        limits=Limits(wall_seconds=seconds, cpu_seconds=max(1, int(seconds * 2)), output_bytes=_OUTPUT_LIMIT),
        readable=(INSIDE,),
        env=lambda folders: {
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            **asked(folders).env,
        },
        cache_key="suite-2" if plan.cached else "",
    )
    done = await execute(bench, job)
    cases = tuple(cases_from_data(done.collected["cases"]))
    measured = done.collected["coverage"]
    return Suite(
        done,
        cases,
        done.receipt.counts,
        _problem(done.receipt, done.collected["problem"]),
        Measured.from_data(measured) if measured else None,
        str(done.collected.get("source", "")),
    )


def _argv(bench: Bench, plan: Plan, folders: Folders, secret: bytes) -> tuple[str, ...]:
    command = with_interpreter(plan.command, bench.toolchain)
    if not tells_tests(plan.command):
        return command
    (folders.reports / "secret").write_bytes(secret)
    report = folders.reports / "junit.xml"
    if is_pytest(plan.command):
        # A project that names its own places to test is run as it says; the rest is left out later.
        files = plan.files if plan.command == PYTEST else ()
        words = (*command[1:], "-p", "qdeck_seal", f"--junitxml={report}", *_REPORT_OPTIONS, *files)
    else:
        words = (str(INSIDE / "qdeck_unittest.py"), str(report), *command[3:])
    if not plan.coverage:
        return (command[0], *words)
    return (command[0], str(INSIDE / "qdeck_coverage.py"), str(folders.reports), *words)


def _left_behind(folders: Folders, receipt: Receipt, tracked: Iterable[str]) -> dict[str, Any]:
    """Read what another runner left: a JUnit report or its closing lines, and a report of coverage."""
    measured = find_report(folders.tree, tracked)
    counts = counts_from_output(receipt.output)
    source = CLOSING_LINES if counts else EXIT_CODE
    left = (folders.tree / place for place in JUNIT if place not in tracked)
    for place in (*left, folders.reports / "junit.xml"):
        with suppress(ReportError):
            counts, source = count(read_report(place, alike=True)), PLAIN_REPORT
    return {
        "counts": counts.to_data() if counts else None,
        "source": source,
        "coverage": measured.to_data() if measured else None,
    }


def _collect(
    folders: Folders, receipt: Receipt, plan: Plan, secret: bytes, tracked: frozenset[str]
) -> JsonValue:
    measured = read_coverage(folders.reports / "coverage.json") if plan.coverage else None
    found: dict[str, Any] = {"cases": [], "counts": None, "problem": "", "coverage": None}
    if measured is not None:
        found["coverage"] = measured.to_data()
    if not tells_tests(plan.command):
        return found | _left_behind(folders, receipt, tracked)
    try:
        cases = read_report(folders.reports / "junit.xml", secret)
    except ReportError as error:
        return found | {"problem": str(error)}
    return found | {"cases": cases_to_data(cases), "counts": count(cases).to_data()}


def _problem(receipt: Receipt, report_problem: str) -> str:
    """Say why a run is not green; empty when it is. How it ended outweighs what its report says."""
    counts = receipt.counts
    if receipt.limit or receipt.exit_code is None:
        return f"the test command was {receipt.ending}" if receipt.limit else f"it was {receipt.ending}"
    if receipt.tree_before != receipt.tree_after:
        return "the tests changed files of the tree that they ran on"
    if receipt.exit_code == 0 and report_problem:
        return f"no test ran that left a trace: {report_problem}"
    if counts is not None and (counts.failed or counts.errors):
        return str(counts)
    if receipt.exit_code == 5 and (counts is None or not counts.ran):
        return "no test ran"
    if receipt.exit_code != 0:
        return f"the test command ended with exit {receipt.exit_code}" + _said(counts)
    if counts is not None and not counts.passed:
        return f"no test ran: {counts.skipped} skipped" if counts.skipped else "no test ran"
    if counts is None and re.search(rb"no test files|no tests? (?:found|ran|to run)", receipt.output, re.I):
        return "no test ran"
    return ""


def _said(counts: Counts | None) -> str:
    return f" although its report says {counts}" if counts is not None and counts.green else ""


def addopts(tree: Path) -> str:
    """Return the options that a tree's pytest configuration adds by itself."""
    value = table(read_toml(tree / "pyproject.toml"), "tool", "pytest", "ini_options").get("addopts", "")
    texts = [" ".join(map(str, value)) if isinstance(value, list) else str(value)]
    for name in ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg"):
        path = tree / name
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 20:
            texts += re.findall(
                r"(?m)^addopts\s*=((?:.*\n?)(?:[ \t]+.*\n?)*)", path.read_text("utf-8", "replace")
            )
    return " ".join(texts)
