"""The tests gate: what the project's own tests say of a checkpoint, run by us on a clean export of it."""

from __future__ import annotations

import asyncio
import tomllib
import uuid
from typing import Any

from core.evidence.bench import Bench
from core.evidence.clauses import Failure, bind, evidence, text_at, tree_at
from core.evidence.commands import (
    find_test_command,
    is_pytest,
    is_test_path,
    npm_script,
    source_places,
    tells_tests,
)
from core.evidence.control import negative_control
from core.evidence.coverage import Covered
from core.evidence.criteria import check_criteria
from core.evidence.execution import remove_folder, together
from core.evidence.flaky import tell_flaky
from core.evidence.hearing import NAMED, Hearing, Promise
from core.evidence.imported_tests import imported_tests
from core.evidence.kinds import DOCUMENTATION, check_documents, check_paths, check_refactoring
from core.evidence.line_coverage import check_coverage
from core.evidence.mutation import check_mutation, mutate
from core.evidence.red_first import red_first
from core.evidence.regressions import compare_failures, pass_to_pass, run_base, still_there
from core.evidence.suites import Plan, Suite, addopts, run_suite
from core.evidence.surroundings import (
    changed_configuration,
    changed_conftest,
    changed_runner,
    reaching,
    recipes,
    replaced_runner,
    test_rules,
)
from core.evidence.tampering import tampered_tests
from core.machine.states import EvidenceKind
from core.machine.workflow import Evidence
from core.workspace import Checkpoint, changed_files, export_tree, list_tree, read_file_at


async def collect_tests(
    bench: Bench,
    checkpoint: Checkpoint,
    plan_digest: str,
    requirement_digest: str,
    *,
    change: str = "feature",
    promises: tuple[Promise, ...] = (),
) -> Evidence:
    """Run the tests on the checkpoint and on the base, and say what they prove.

    `change` is the plan's kind of change, `promises` what it names as proof of each criterion.
    """
    rests_on = bind(bench, checkpoint.commit, plan_digest, requirement_digest)
    hearing = await asyncio.to_thread(_open, bench, checkpoint, change, promises)
    check_paths(hearing)
    if not hearing.command and change == DOCUMENTATION:
        hearing.skip("tests ran", "the repository has no tests, and a change of documentation owes none")
        await asyncio.to_thread(check_documents, hearing)
        return _close(hearing, rests_on, None, Covered("not applicable", "no line of code was changed"))
    if not hearing.command:
        failure = Failure("tests", "no test command was found; add tests, or configure test_command")
        hearing.settle("tests ran", [failure], "")
        return _close(hearing, rests_on, None, Covered("not measured", "no test ran"))
    told = await asyncio.to_thread(_stand_ins, hearing)
    hearing.settle("test runner", told, "the tree does not replace it")
    told = await asyncio.to_thread(_tampering, hearing)
    hearing.settle("tampering", told, "tests and their configuration ask no less than before")
    new, base = await _run_both(hearing)
    new, made_flaky = await tell_flaky(hearing, base, new)
    _settle_run(hearing, new, made_flaky)
    if base is not None and not new.green:
        compare_failures(hearing, base)
    covered = Covered("not measured", hearing.measurable or "the tests are not green")
    if new.green:
        await pass_to_pass(hearing, base, new)
        await asyncio.to_thread(still_there, hearing, base, new)
        check_refactoring(hearing, base, new)
        await red_first(hearing, base, new)
        await negative_control(hearing, new)
        hearing.criteria = await check_criteria(hearing, base, new)
        covered = await asyncio.to_thread(check_coverage, hearing, new)
        await asyncio.to_thread(check_documents, hearing)
        # What needs no run is said at once, so that a person is asked once.
        if all(clause.ok for clause in hearing.clauses) or not is_pytest(hearing.command):
            hearing.mutants = await mutate(hearing)
            check_mutation(hearing)
    return _close(hearing, rests_on, new, covered)


def _open(bench: Bench, checkpoint: Checkpoint, change: str, promises: tuple[Promise, ...]) -> Hearing:
    """Find the command on the base, since the change under test must not choose it; else on the new tree."""
    base_tree = tree_at(bench, bench.base)
    changes = changed_files(bench.repository, bench.base, checkpoint.commit)
    command, options = _find(bench, base_tree)
    base_has_tests = command is not None
    if command is None:
        command, options = _find(bench, checkpoint.tree)
    why = _unmeasurable(command, options) if command else ""
    return Hearing(
        bench, checkpoint, base_tree, changes, command or (), base_has_tests, why, change, promises
    )


def _unmeasurable(command: tuple[str, ...], options: str) -> str:
    """Say why coverage is not measured in a run of pytest or unittest; empty when it can be."""
    if tells_tests(command) and "--cov" in options:
        return "the project measures its coverage itself"
    parallel = ("-n", "--numprocesses")
    if any(word in options.split() or f" {word}" in f" {options}" for word in parallel):
        return "the tests run in several processes"
    return ""


def find_command(bench: Bench, tree: str) -> tuple[tuple[str, ...], bool]:
    """Return the test command, as the base has it, else as `tree` has it, and whether it is measured."""
    command, options = _find(bench, tree_at(bench, bench.base))
    if command is None:
        command, options = _find(bench, tree)
    return command or (), tells_tests(command or ()) and not _unmeasurable(command or (), options)


def _find(bench: Bench, tree: str) -> tuple[tuple[str, ...] | None, str]:
    folder = bench.scratch / f"look-{uuid.uuid4().hex[:12]}"
    try:
        export_tree(bench.repository, tree, folder)
        command = find_test_command(folder, bench.settings)
        return command, " ".join((*(command or ()), addopts(folder)))
    finally:
        remove_folder(folder)


def _stand_ins(hearing: Hearing) -> list[Failure]:
    """Look for what would be imported in the runner's place, by where the new tree says modules lie."""
    bench, commit = hearing.bench, hearing.checkpoint.commit
    try:
        roots = source_places(tomllib.loads(text_at(bench, commit, "pyproject.toml")))
    except tomllib.TOMLDecodeError:
        roots = ()
    there = [change.path for change in hearing.changes if change.status != "deleted"]
    links = [path for path in there if read_file_at(bench.repository, commit, path) is None]
    # A link may lead to a folder, and is a package then.
    return replaced_runner([*there, *(f"{path}/__init__.py" for path in links)], roots)


def _tampering(hearing: Hearing) -> list[Failure]:
    """Compare the texts of the change with the base's, for what takes something from the tests."""

    def is_test(path: str) -> bool:
        return is_test_path(path, hearing.bench.settings)

    # Of a file that git calls binary too: a zero byte in a comment is no reason to look away.
    texts = {c.path: hearing.texts(c) for c in hearing.changes}
    tests = {path: pair for path, pair in texts.items() if is_test(path) and path.endswith(".py")}
    paths = list_tree(hearing.bench.repository, hearing.checkpoint.tree)
    code = [path for path in paths if not is_test(path)]
    told = tampered_tests(tests, code) + changed_configuration(texts) + changed_conftest(texts)
    bench, commit = hearing.bench, hearing.checkpoint.commit
    told += imported_tests(texts, paths, is_test, lambda path: text_at(bench, commit, path))
    return told + reaching(texts, is_test) + changed_runner(texts, _whole_command(hearing), is_test)


def _whole_command(hearing: Hearing) -> str:
    """Return the test command with the script or the rules that it stands for on the base."""
    bench, command = hearing.bench, " ".join(hearing.command)
    behind = ""
    if hearing.command[0] in ("npm", "yarn", "pnpm"):
        behind = npm_script(text_at(bench, bench.base, "package.json"))
    elif hearing.command[0] == "make":
        names = ("GNUmakefile", "makefile", "Makefile")
        behind = "\n".join(test_rules(text_at(bench, bench.base, name)) for name in names)
    return f"{command}\n{recipes(command)}\n{behind}"


async def _run_both(hearing: Hearing) -> tuple[Suite, Suite | None]:
    """Run the tests of the new tree, and of the base where it has any."""
    runs = [lambda: _run_new(hearing), *([lambda: run_base(hearing)] if hearing.base_has_tests else [])]
    ran = [hearing.keep(suite) for suite in await together(hearing.bench, *runs)]
    return ran[0], ran[1] if hearing.base_has_tests else None


async def _run_new(hearing: Hearing) -> Suite:
    checkpoint = hearing.checkpoint
    plan = Plan(
        "new",
        f"running the tests on checkpoint {checkpoint.number}",
        checkpoint.tree,
        hearing.command,
        coverage=hearing.named and not hearing.measurable,
    )
    return await run_suite(hearing.bench, plan)


def _settle_run(hearing: Hearing, suite: Suite, made_flaky: list[Failure]) -> None:
    good = ", judged ".join(filter(None, (str(suite.counts) if suite.counts else "exit 0", suite.source)))
    told = [failure for failure in told_failures(suite) if failure.name not in hearing.flaky]
    good += f", {len(hearing.flaky)} of them flaky" if hearing.flaky else ""
    hearing.settle("tests ran", [*told, *made_flaky], good)


def told_failures(suite: Suite) -> list[Failure]:
    """Return the tests that failed, by name, or say how the run ended where no test did."""
    if suite.green:
        return []
    named = [Failure(c.name, c.message or c.outcome) for c in suite.cases if c.outcome in ("failed", "error")]
    if named and not suite.done.receipt.limit:
        return named[:NAMED]
    tail = suite.done.receipt.text(3000).strip()
    return [Failure("the test run", f"{suite.problem}\n{tail}".strip()), *named[: NAMED - 1]]


def _close(hearing: Hearing, rests_on: dict[str, str], new: Suite | None, covered: Covered) -> Evidence:
    counts = new.counts if new else None
    ok = all(clause.ok for clause in hearing.clauses)
    detail: dict[str, Any] = {
        "command": list(hearing.command),
        "counts": counts.to_data() if counts else None,
        "judged": new.source if new else "",
        "exit_code": new.done.receipt.exit_code if new else None,
        "clauses": [clause.to_data() for clause in hearing.clauses],
        "failures": [failure.to_data() for failure in hearing.failures],
        "accepted": [failure.to_data() for failure in hearing.accepted],
        "receipts": hearing.receipts,
        "notes": hearing.notes,
        "coverage": covered.to_data(),
        "criteria": hearing.criteria,
        "flaky": sorted(hearing.flaky),
        "mutants": hearing.mutants,
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
