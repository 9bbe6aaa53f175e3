"""The tests gate: what the project's own tests say of a checkpoint, run by us on a clean export of it."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from core.evidence.bench import Bench
from core.evidence.clauses import Clause, Failure, answered, bind, evidence, key_of, text_at, tree_at
from core.evidence.commands import find_test_command, is_pytest, is_test_path
from core.evidence.coverage import Covered, as_ranges, changed_coverage
from core.evidence.execution import remove_folder
from core.evidence.proofs import TEST_CONFIGURATION, changed_tests, stand_ins
from core.evidence.suites import Plan, Suite, addopts, run_suite
from core.evidence.suppressions import CODE
from core.machine.states import EvidenceKind
from core.machine.workflow import Evidence
from core.workspace import Checkpoint, FileChange, added_lines, changed_files, export_tree

NEEDS_RED = ("feature", "fix")
"""Kinds of change that owe a test which fails without them."""

_NAMED = 20
"""How many names of one sort are told at most."""


def test_key(name: str) -> str:
    """Return the key under which a person accepts the change of a test."""
    return key_of("test", name)


@dataclass(slots=True)
class _Hearing:
    """What has been found out so far about one checkpoint."""

    bench: Bench
    checkpoint: Checkpoint
    base_tree: str
    changes: list[FileChange]
    command: tuple[str, ...]
    base_has_tests: bool
    measurable: str
    clauses: list[Clause] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    accepted: list[Failure] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def settle(self, name: str, failures: list[Failure], good: str) -> None:
        """Close one clause: it holds when nothing speaks against it."""
        known = {failure.name for failure in (*self.failures, *self.accepted)}
        still, stands = answered(failures, self.bench.accepted, self.bench.declined)
        self.failures += [failure for failure in still if failure.name not in known]
        self.accepted += [failure for failure in stands if failure.name not in known]
        good = f"{len(stands)} accepted by a person" if stands else good
        self.clauses.append(Clause(name, not still, _tell(still) if still else good))

    def skip(self, name: str, why: str) -> None:
        """Say openly that a clause does not apply."""
        self.clauses.append(Clause(name, True, why, applies=False))

    @property
    def test_files(self) -> list[FileChange]:
        """The changed files that belong to the tests."""
        return [change for change in self.changes if is_test_path(change.path, self.bench.settings)]


async def collect_tests(
    bench: Bench,
    checkpoint: Checkpoint,
    plan_digest: str,
    requirement_digest: str,
    *,
    change: str = "feature",
    red_first: bool = True,
) -> Evidence:
    """Run the tests on the checkpoint and on the base, and say what they prove.

    `change` is the plan's kind of change; `red_first=False` is for a plan whose proofs are no new tests.
    """
    rests_on = bind(bench, checkpoint.commit, plan_digest, requirement_digest)
    hearing = await asyncio.to_thread(_open, bench, checkpoint)
    if not hearing.command:
        failure = Failure("tests", "no test command was found; add tests, or configure test_command")
        hearing.settle("tests ran", [failure], "")
        return _close(hearing, rests_on, None, Covered("not measured", "no test ran"))
    shadows = stand_ins(f.path for f in hearing.changes if f.status != "deleted")
    told = [Failure(path, "stands in for a module of the test runner") for path in shadows]
    hearing.settle("test runner", told, "the tree does not replace it")
    new = await _run_new(hearing)
    base = await _run_base(hearing) if hearing.base_has_tests else None
    if base is not None and not new.green:
        _compare_failures(hearing, base)
    covered = Covered("not measured", hearing.measurable or "the tests are not green")
    if new.green:
        await _pass_to_pass(hearing, base, new)
        _still_there(hearing, base, new)
        await _red_first(hearing, base, new, change, red_first)
        covered = await asyncio.to_thread(_coverage, hearing, new)
    return _close(hearing, rests_on, new, covered)


def _open(bench: Bench, checkpoint: Checkpoint) -> _Hearing:
    """Find the command on the base, since the change under test must not choose it; else on the new tree."""
    base_tree = tree_at(bench, bench.base)
    changes = changed_files(bench.repository, bench.base, checkpoint.commit)
    command, options = _find(bench, base_tree)
    base_has_tests = command is not None
    if command is None:
        command, options = _find(bench, checkpoint.tree)
    why = ""
    if command and not is_pytest(command):
        why = "coverage is measured for pytest only"
    elif command and "--cov" in options:
        why = "the project measures its coverage itself"
    elif command and any(
        word in options.split() or f" {word}" in f" {options}" for word in ("-n", "--numprocesses")
    ):
        why = "the tests run in several processes"
    return _Hearing(bench, checkpoint, base_tree, changes, command or (), base_has_tests, why)


def find_command(bench: Bench, tree: str) -> tuple[str, ...] | None:
    """Return the test command: as the base has it, else as `tree` has it."""
    return _find(bench, tree_at(bench, bench.base))[0] or _find(bench, tree)[0]


def _find(bench: Bench, tree: str) -> tuple[tuple[str, ...] | None, str]:
    folder = bench.scratch / f"look-{uuid.uuid4().hex[:12]}"
    try:
        export_tree(bench.repository, tree, folder)
        command = find_test_command(folder, bench.settings)
        return command, " ".join((*(command or ()), addopts(folder)))
    finally:
        remove_folder(folder)


async def _run_new(hearing: _Hearing) -> Suite:
    checkpoint = hearing.checkpoint
    plan = Plan(
        "new",
        f"running the tests on checkpoint {checkpoint.number}",
        checkpoint.tree,
        hearing.command,
        coverage=not hearing.measurable,
    )
    suite = await run_suite(hearing.bench, plan)
    hearing.receipts.append(suite.done.receipt_id)
    good = str(suite.counts) if suite.counts else "exit 0; its counts are not known, judged by exit code"
    hearing.settle("tests ran", told_failures(suite), good)
    return suite


def told_failures(suite: Suite) -> list[Failure]:
    """Return the tests that failed, by name, or say how the run ended where no test did."""
    if suite.green:
        return []
    named = [Failure(c.name, c.message or c.outcome) for c in suite.cases if c.outcome in ("failed", "error")]
    if named and not suite.done.receipt.limit:
        return named[:_NAMED]
    tail = suite.done.receipt.text(3000).strip()
    return [Failure("the test run", f"{suite.problem}\n{tail}".strip()), *named[: _NAMED - 1]]


async def _run_base(hearing: _Hearing) -> Suite:
    plan = Plan("base", "running the tests on the base", hearing.base_tree, hearing.command, cached=True)
    suite = await run_suite(hearing.bench, plan)
    hearing.receipts.append(suite.done.receipt_id)
    return suite


def _compare_failures(hearing: _Hearing, base: Suite) -> None:
    """Say of what fails that the base has it too: no change of the code under test can be blamed for that."""
    outcomes = base.outcomes
    hearing.failures = [
        replace(failure, text=f"fails on the base too: {failure.text}")
        if outcomes.get(failure.name) in ("failed", "error")
        else failure
        for failure in hearing.failures
    ]
    missing = re.search(rb"ModuleNotFoundError: (No module named '[\w.]{1,100}')", base.done.receipt.output)
    if not base.green and missing:
        said = missing[1].decode()
        hearing.failures.append(
            Failure(
                "environment",
                f"{said} on the base too: name it in the project's dependencies, or configure setup_command",
            )
        )


async def _pass_to_pass(hearing: _Hearing, base: Suite | None, new: Suite) -> None:
    """Tests that are green on the base stay green, run from the base's own files."""
    name = "pass to pass"
    if base is None:
        return hearing.skip(name, "the base has no tests")
    if not base.passed and not (base.green and not base.cases):
        return hearing.skip(name, f"no test is green on the base ({base.problem or base.counts})")
    paths = _base_files(hearing)
    kept = new
    if paths:
        plan = Plan(
            "kept",
            "running the base's tests on the new code",
            hearing.checkpoint.tree,
            hearing.command,
            laid_over=(hearing.bench.base, tuple(paths)),
        )
        kept = await run_suite(hearing.bench, plan)
        hearing.receipts.append(kept.done.receipt_id)
    if not is_pytest(hearing.command):
        told = [] if kept.green else [Failure("the base's tests", kept.problem)]
        return hearing.settle(name, told, "the base's tests end well on the new code")
    broken = []
    texts = {case.name: case.message for case in kept.cases}
    for case in base.cases:
        ending = kept.outcomes.get(case.name, "gone")
        if case.outcome != "passed" or ending == "passed":
            continue
        if not paths and ending in ("gone", "skipped"):
            continue  # the next clause names it
        why = "was green on the base and is not with the new code"
        text = f"{why}: {texts.get(case.name) or ending}"
        changed = bool(paths) and new.outcomes.get(case.name) != ending  # as the change tells it, it is green
        broken.append(Failure(case.name, text, test_key(case.name), askable=changed))
    hearing.settle(name, broken, f"{len(base.passed)} tests green on the base stay green")
    return None


def _base_files(hearing: _Hearing) -> list[str]:
    """Return the test files and test configuration of the base that the change edits or removes."""
    return [
        change.path
        for change in hearing.changes
        if change.status != "added"
        and (
            is_test_path(change.path, hearing.bench.settings)
            or change.path.rsplit("/", 1)[-1] in TEST_CONFIGURATION
        )
    ]


def _still_there(hearing: _Hearing, base: Suite | None, new: Suite) -> None:
    """No test of the base is deleted or newly skipped."""
    if base is None or not is_pytest(hearing.command):
        return hearing.skip(
            "no test lost", "the tests cannot be told apart here" if base else "the base has no tests"
        )
    functions = {case.function for case in new.cases if case.outcome != "skipped"}
    outcomes = new.outcomes
    lost = []
    for case in base.cases:
        if case.outcome == "skipped":
            continue
        now = outcomes.get(case.name)
        if now == "skipped":
            text = "ran on the base and is skipped now"
            lost.append(Failure(case.name, text, test_key(case.name), askable=True))
        elif now is None and not ("[" in case.name and case.function in functions):
            text = "is on the base and was deleted or renamed"
            lost.append(Failure(case.name, text, test_key(case.name), askable=True))
    hearing.settle("no test lost", lost, f"all {len(base.cases)} tests of the base are still there")
    return None


async def _red_first(hearing: _Hearing, base: Suite | None, new: Suite, change: str, wanted: bool) -> None:
    """The new and changed tests fail on the base: they prove the change and not something else."""
    name = "red first"
    if change not in NEEDS_RED:
        return hearing.skip(name, f"a {change} change owes no new test")
    if not wanted:
        return hearing.skip(name, "the plan's proofs are no new tests")
    files = [f for f in hearing.test_files if f.status != "deleted"]
    if not files:
        return hearing.settle(
            name, [Failure("tests", "no test is new or changed: nothing proves the change")], ""
        )
    proofs = await asyncio.to_thread(_proofs, hearing, base, new, files)
    if is_pytest(hearing.command) and not proofs:
        return hearing.settle(
            name, [Failure("tests", "no test is new or says anything else than before")], ""
        )
    plan = Plan(
        "red",
        "running the new tests on the base, where they must fail",
        hearing.base_tree,
        hearing.command,
        files=tuple(sorted(set(proofs.values()))),
        laid_over=(hearing.checkpoint.tree, tuple(f.path for f in files)),
    )
    red = await run_suite(hearing.bench, plan)
    hearing.receipts.append(red.done.receipt_id)
    _judge_red(hearing, red, proofs)
    return None


def _proofs(hearing: _Hearing, base: Suite | None, new: Suite, files: Iterable[FileChange]) -> dict[str, str]:
    texts = {}
    for change in files:
        if change.path.endswith(".py"):
            before = text_at(hearing.bench, hearing.bench.base, change.path)
            texts[change.path] = (before, text_at(hearing.bench, hearing.checkpoint.commit, change.path))
    known = {case.name for case in base.cases} if base else set()
    ran = [case for case in new.cases if case.outcome == "passed"]
    return changed_tests(ran, known, texts)


def _judge_red(hearing: _Hearing, red: Suite, proofs: dict[str, str]) -> None:
    name = "red first"
    if red.done.receipt.limit:
        told = [Failure("the new tests on the base", red.problem)]
        return hearing.settle(name, told, "")
    if not is_pytest(hearing.command):
        told = (
            [Failure("tests", "the new tests end well on the base too: they prove nothing")]
            if red.green
            else []
        )
        return hearing.settle(name, told, "the new tests do not end well on the base")
    outcomes = red.outcomes
    idle = sorted(test for test in proofs if outcomes.get(test) in ("passed", "skipped"))
    fails = sorted(set(proofs) - set(idle))
    if red.green or not fails:
        told = [Failure(test, "passes on the base too, so it proves nothing") for test in idle[:_NAMED]]
        return hearing.settle(name, told or [Failure("tests", "the new tests pass on the base too")], "")
    if idle:
        shown = ", ".join(idle[:_NAMED])
        hearing.notes.append(f"passes on the base too, so it proves nothing of the change: {shown}")
    unread = [test for test in fails if test not in outcomes]
    how = f"; {len(unread)} cannot even be collected there" if unread else ""
    return hearing.settle(
        name, [], f"{len(fails)} of {len(proofs)} new or changed tests fail on the base{how}"
    )


def _coverage(hearing: _Hearing, new: Suite) -> Covered:
    """The changed lines were executed, to the floor."""
    bench, commit, name = hearing.bench, hearing.checkpoint.commit, "coverage"
    added = added_lines(bench.repository, bench.base, commit)
    code = {path: numbers for path, numbers in added.items() if not is_test_path(path, bench.settings)}
    lines = {path: numbers for path, numbers in code.items() if path.endswith(".py")}
    if any(path.endswith(CODE) and not path.endswith((".py", ".pyi")) for path in code):
        covered = Covered("not measured", "lines are measured in Python only")
    elif not lines:
        covered = Covered("not applicable", "no executable line was changed")
    elif new.measured is None:
        covered = Covered("not measured", hearing.measurable or "coverage left no report")
    else:
        covered = changed_coverage(
            lines, {path: text_at(bench, commit, path) for path in lines}, new.measured
        )
    if covered.status != "measured":
        hearing.skip(name, f"{covered.status}: {covered.why}")
        return covered
    floor = bench.settings.coverage_floor
    told = []
    if covered.percent < floor:
        told = [
            Failure(path, f"no test runs line {as_ranges(gaps)}") for path, gaps in covered.missing.items()
        ]
    share = f"{covered.percent:.0f} % of the {covered.executable} changed lines ran (floor {floor:.0f} %)"
    hearing.settle(name, told, share)
    if told:
        hearing.clauses[-1] = Clause(name, False, share)
    return covered


def _close(hearing: _Hearing, rests_on: dict[str, str], new: Suite | None, covered: Covered) -> Evidence:
    counts = new.counts if new else None
    ok = all(clause.ok for clause in hearing.clauses)
    detail: dict[str, Any] = {
        "command": list(hearing.command),
        "counts": counts.to_data() if counts else None,
        "exit_code": new.done.receipt.exit_code if new else None,
        "clauses": [clause.to_data() for clause in hearing.clauses],
        "failures": [failure.to_data() for failure in hearing.failures],
        "accepted": [failure.to_data() for failure in hearing.accepted],
        "receipts": hearing.receipts,
        "notes": hearing.notes,
        "coverage": covered.to_data(),
    }
    if ok:
        said = str(counts) if counts else "green by exit code"
        share = (
            f"{covered.percent:.0f} % of changed lines" if covered.status == "measured" else covered.status
        )
        return evidence(EvidenceKind.TESTS, True, rests_on, f"{said}; coverage {share}", detail)
    bad = next(clause for clause in hearing.clauses if not clause.ok)
    told = (
        str(counts) if counts and bad.name == "tests ran" and not counts.green else f"{bad.name}: {bad.why}"
    )
    return evidence(EvidenceKind.TESTS, False, rests_on, told, detail)


def _tell(failures: list[Failure]) -> str:
    first = failures[0]
    more = f" and {len(failures) - 1} more" if len(failures) > 1 else ""
    return f"{first.name}{more}: {first.text.splitlines()[0] if first.text else ''}"
