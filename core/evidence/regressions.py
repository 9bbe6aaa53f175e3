"""What was green on the base stays green, and stays: no test is lost on the way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace

from core.evidence.clauses import Failure
from core.evidence.commands import is_test_path
from core.evidence.hearing import Hearing, test_key
from core.evidence.junit import Case
from core.evidence.proofs import TEST_CONFIGURATION, dotted, file_of, functions
from core.evidence.suites import Plan, Suite, run_suite


async def run_base(hearing: Hearing) -> Suite:
    """Run the tests of the base, once for all attempts and builds."""
    plan = Plan("base", "running the tests on the base", hearing.base_tree, hearing.command, cached=True)
    return await run_suite(hearing.bench, plan)


def compare_failures(hearing: Hearing, base: Suite) -> None:
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


async def pass_to_pass(hearing: Hearing, base: Suite | None, new: Suite) -> None:
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
        kept = hearing.keep(await run_suite(hearing.bench, plan))
    if not hearing.named:
        told = [] if kept.green else [Failure("the base's tests", kept.problem)]
        return hearing.settle(name, told, "the base's tests end well on the new code")
    texts = await asyncio.to_thread(_texts_now, hearing)
    broken = [
        _broken(case, kept, texts)
        for case in base.cases
        if case.outcome == "passed" and case.name not in hearing.flaky and _is_broken(case, kept, bool(paths))
    ]
    hearing.settle(name, broken, f"{len(base.passed)} tests green on the base stay green")
    return None


def _is_broken(case: Case, kept: Suite, from_base: bool) -> bool:
    ending = kept.outcomes.get(case.name, "gone")
    # Where the change touches no test file the next clause names what is gone or skipped.
    return ending != "passed" and (from_base or ending not in ("gone", "skipped"))


def _broken(case: Case, kept: Suite, texts: Mapping[str, Mapping[str, str]]) -> Failure:
    """Tell of a test that broke; a person may say yes where the change itself rewrites it."""
    said = next((c.message for c in kept.cases if c.name == case.name and c.message), "")
    why = (
        f"was green on the base and is not with the new code: {said or kept.outcomes.get(case.name, 'gone')}"
    )
    path = file_of(case, texts)
    return Failure(case.name, why, _key(case, texts), askable=bool(path))


def _key(case: Case, texts: Mapping[str, Mapping[str, str]]) -> str:
    path = file_of(case, texts)
    name = dotted(case, path) if path else case.function
    return test_key(path or case.file, name, texts[path].get(name, "") if path else "")


def _texts_now(hearing: Hearing) -> dict[str, dict[str, str]]:
    """Return what each function of the changed test files says now, by file and dotted name."""
    changed = [c for c in hearing.test_files if c.path.endswith(".py") and c.status != "added"]
    return {c.path: functions(hearing.texts(c)[1]) for c in changed}


def _base_files(hearing: Hearing) -> list[str]:
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


def still_there(hearing: Hearing, base: Suite | None, new: Suite) -> None:
    """No test of the base is deleted, renamed away or newly skipped."""
    name = "no test lost"
    if base is None or not hearing.named:
        return hearing.skip(name, "the tests cannot be told apart here" if base else "the base has no tests")
    functions_now = {case.function for case in new.cases if case.outcome != "skipped"}
    outcomes = new.outcomes
    texts = _texts_now(hearing)
    moved = _moved(hearing, new)
    lost: dict[str, Failure] = {}
    for case in base.cases:
        now = outcomes.get(case.name)
        gone = now is None and not ("[" in case.name and case.function in functions_now)
        if case.outcome == "skipped" or not (gone or now == "skipped"):
            continue
        path = file_of(case, texts)
        if gone and (kept := moved.get(_said_before(hearing, case, path))):
            hearing.notes.append(f"{case.function} is now called {kept}, and says the same")
            continue
        why = (
            "is on the base and was deleted or renamed away" if gone else "ran on the base and is skipped now"
        )
        label = case.name if not gone or case.function in functions_now else case.function
        lost.setdefault(label, Failure(label, why, _key(case, texts), askable=True))
    hearing.settle(name, list(lost.values()), f"all {len(base.cases)} tests of the base are still there")
    return None


def _moved(hearing: Hearing, new: Suite) -> dict[str, str]:
    """Return the tests that ran and passed in changed files, by what they say."""
    found: dict[str, str] = {}
    changed = {c.path: c for c in hearing.test_files if c.path.endswith(".py") and c.status != "deleted"}
    texts = {path: functions(hearing.texts(change)[1], named=False) for path, change in changed.items()}
    for case in new.cases:
        path = file_of(case, changed)
        text = texts[path].get(dotted(case, path), "") if path else ""
        if text and case.outcome == "passed":
            found.setdefault(text, case.function)
    return found


def _said_before(hearing: Hearing, case: Case, path: str) -> str:
    change = next((c for c in hearing.test_files if c.path == path), None)
    if change is None:
        return "nothing"
    return functions(hearing.texts(change)[0], named=False).get(dotted(case, path), "nothing")
