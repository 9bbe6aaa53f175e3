"""Flaky tests: a test that fails is run twice more on both trees; one that flips on a tree proves nothing."""

from __future__ import annotations

from dataclasses import replace

from core.evidence.clauses import Failure, key_of
from core.evidence.hearing import NAMED, Hearing
from core.evidence.suites import Plan, Suite, run_suite


async def tell_flaky(hearing: Hearing, base: Suite | None, new: Suite) -> tuple[Suite, list[Failure]]:
    """Find the flaky ones among the tests that failed.

    Returns the run without those that block nothing, and a failure for each that the change made flaky: it is
    stable on the base. What fails every time is told by the run itself.
    """
    failing = {
        case.name: case.file
        for case in new.cases
        if case.outcome in ("failed", "error") and "::" in case.name and case.file
    }
    ended = new.done.receipt.exit_code == 1 and not new.done.receipt.limit
    if not hearing.named or not failing or not ended or len(failing) > NAMED:
        return new, []
    known = base.outcomes if base else {}
    here = await _again(hearing, "new", hearing.checkpoint.tree, failing)
    there = await _again(hearing, "base", hearing.base_tree, {n: f for n, f in failing.items() if n in known})
    flips = {test for test in failing if any(run.outcomes.get(test) == "passed" for run in here)}
    shaky = {
        test for test in failing if _flips([known.get(test), *(run.outcomes.get(test) for run in there)])
    }
    hearing.flaky = flips | shaky
    if not hearing.flaky:
        return new, []
    made = sorted(test for test in flips - shaky if known.get(test) == "passed")
    named = ", ".join(sorted(hearing.flaky)[:NAMED])
    hearing.notes.append(f"flaky, so it is no evidence for anything: {named}")
    text = "passes and fails on the same tree, and always passed on the base: the change made it flaky"
    told = [Failure(test, text, key_of("flaky", test, hearing.checkpoint.tree)) for test in made]
    return _without(new, hearing.flaky), told


async def _again(hearing: Hearing, side: str, tree: str, tests: dict[str, str]) -> list[Suite]:
    if not tests:
        return []
    files = tuple(sorted(set(tests.values())))
    where = "the base" if side == "base" else "the new tree"
    runs = []
    for number in (1, 2):
        title = f"running what failed again on {where} ({number} of 2)"
        plan = Plan(f"again_{side}_{number}", title, tree, hearing.command, files=files)
        runs.append(hearing.keep(await run_suite(hearing.bench, plan)))
    return runs


def _flips(outcomes: list[str | None]) -> bool:
    seen = {outcome == "passed" for outcome in outcomes if outcome in ("passed", "failed", "error")}
    return len(seen) > 1


def _without(suite: Suite, flaky: set[str]) -> Suite:
    """Return the run as it is without the flaky tests; green when nothing else failed in it."""
    left = [c.name for c in suite.cases if c.outcome in ("failed", "error") and c.name not in flaky]
    whole = suite.done.receipt.tree_before == suite.done.receipt.tree_after
    problem = suite.problem if left or not whole or not suite.passed else ""
    return replace(suite, problem=problem)
