"""Red first: new and changed tests fail on the base, so they prove the change and not something else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from core.evidence.clauses import Failure
from core.evidence.hearing import NAMED, Hearing
from core.evidence.proofs import changed_tests
from core.evidence.suites import Plan, Suite, run_suite
from core.workspace import FileChange

NEEDS_RED = ("feature", "fix")
"""Kinds of change that owe a test which fails without them."""

_NAME = "red first"


async def red_first(hearing: Hearing, base: Suite | None, new: Suite) -> None:
    """Run the new and changed tests on the base, and note which of them fail there."""
    if hearing.change not in NEEDS_RED:
        return hearing.skip(_NAME, f"a {hearing.change} change owes no new test")
    fixed = _turned(base, new)
    files = [f for f in hearing.test_files if f.status != "deleted"]
    if not files and not fixed:
        if hearing.promises and not any(p.kind.endswith("_test") for p in hearing.promises):
            return hearing.skip(_NAME, "the plan's proofs are no tests")
        told = [Failure("tests", "no test is new or changed: nothing proves the change")]
        return hearing.settle(_NAME, told, "")
    proofs = await asyncio.to_thread(_proofs, hearing, base, new, files) if files else {}
    if files and hearing.named and not proofs and not fixed:
        return hearing.settle(
            _NAME, [Failure("tests", "no test is new or says anything else than before")], ""
        )
    if not proofs and hearing.named:
        hearing.proving, hearing.red = fixed, set(fixed)
        return hearing.settle(_NAME, [], f"{len(fixed)} tests were red on the base and are green now")
    plan = Plan(
        "red",
        "running the new tests on the base, where they must fail",
        hearing.base_tree,
        hearing.command,
        files=tuple(sorted(set(proofs.values()))),
        laid_over=(hearing.checkpoint.tree, tuple(f.path for f in files)),
    )
    red = hearing.keep(await run_suite(hearing.bench, plan))
    _judge(hearing, red, proofs, fixed)
    return None


def _turned(base: Suite | None, new: Suite) -> dict[str, str]:
    """Return the tests that failed on the base and pass now, as they are: proofs that were there before."""
    if base is None:
        return {}
    outcomes = new.outcomes
    return {
        case.name: case.file
        for case in base.cases
        if case.outcome in ("failed", "error") and outcomes.get(case.name) == "passed"
    }


def _proofs(hearing: Hearing, base: Suite | None, new: Suite, files: Iterable[FileChange]) -> dict[str, str]:
    texts = {change.path: hearing.texts(change) for change in files if change.path.endswith(".py")}
    known = {case.name for case in base.cases} if base else set()
    return changed_tests([case for case in new.cases if case.outcome == "passed"], known, texts)


def _judge(hearing: Hearing, red: Suite, proofs: dict[str, str], fixed: dict[str, str]) -> None:
    if red.done.receipt.limit:
        told = [Failure("the new tests on the base", red.problem)]
        return hearing.settle(_NAME, told, "")
    if not hearing.named:
        idle = "the new tests end well on the base too: they prove nothing"
        told = [Failure("tests", idle)] if red.green else []
        return hearing.settle(_NAME, told, "the new tests do not end well on the base")
    outcomes = red.outcomes
    idle_tests = sorted(test for test in proofs if outcomes.get(test) in ("passed", "skipped"))
    fails = sorted(set(proofs) - set(idle_tests))
    if (red.green or not fails) and not fixed:
        told = [Failure(test, "passes on the base too, so it proves nothing") for test in idle_tests[:NAMED]]
        return hearing.settle(_NAME, told or [Failure("tests", "the new tests pass on the base too")], "")
    if idle_tests:
        shown = ", ".join(idle_tests[:NAMED])
        hearing.notes.append(f"passes on the base too, so it proves nothing of the change: {shown}")
    hearing.proving = {**{test: proofs[test] for test in fails}, **fixed}
    hearing.unread = {test for test in fails if test not in outcomes}
    hearing.red = set(hearing.proving) - hearing.unread
    how = f"; {len(hearing.unread)} cannot even be collected there" if hearing.unread else ""
    return hearing.settle(
        _NAME, [], f"{len(fails)} of {len(proofs)} new or changed tests fail on the base{how}"
    )
