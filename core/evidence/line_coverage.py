"""The clause on coverage: the changed lines were executed, to the floor."""

from __future__ import annotations

from core.evidence.clauses import Clause, Failure, key_of, text_at
from core.evidence.commands import is_test_path
from core.evidence.coverage import Covered, as_ranges, changed_coverage
from core.evidence.hearing import Hearing
from core.evidence.kinds import DOCUMENTATION, MAINTENANCE
from core.evidence.suites import Suite
from core.evidence.suppressions import CODE
from core.workspace import added_lines

_NAME = "coverage"


def check_coverage(hearing: Hearing, new: Suite) -> Covered:
    """Close the clause, and return what was measured."""
    covered = _measure(hearing, new)
    if covered.status == "not applicable":
        hearing.skip(_NAME, f"not applicable: {covered.why}")
    elif covered.status == "not measured":
        key = key_of(_NAME, covered.why)
        text = f"not measured: {covered.why}; nobody can say which changed lines the tests run"
        asked = Failure(_NAME, text, key, askable=True, standing=True)
        hearing.settle(_NAME, [asked], "")
        if hearing.clauses[-1].ok:
            why = f"not measured: {covered.why}; {hearing.clauses[-1].why}"
            hearing.clauses[-1] = Clause(_NAME, True, why, applies=False)
    else:
        _to_the_floor(hearing, covered)
    return covered


def _measure(hearing: Hearing, new: Suite) -> Covered:
    bench, commit = hearing.bench, hearing.checkpoint.commit
    added = added_lines(bench.repository, bench.base, commit)
    code = {p: n for p, n in added.items() if p.endswith(CODE) and not is_test_path(p, bench.settings)}
    own = {p: n for p, n in code.items() if p.endswith(".py") == hearing.named}
    if not code:
        return Covered("not applicable", "no line of code was changed")
    if hearing.change in (DOCUMENTATION, MAINTENANCE):
        # Whether that is so is a clause of its own.
        return Covered("not applicable", f"a {hearing.change} change touches no code of the product")
    if not own:
        return Covered("not measured", "the tests measure another language than the one that was changed")
    if new.measured is None:
        missing = (
            "coverage left no report" if hearing.named else "the tests wrote no LCOV or Cobertura report"
        )
        return Covered("not measured", hearing.measurable or missing)
    if others := sorted(code.keys() - own.keys()):
        hearing.notes.append(f"not measured, since the tests are of another language: {', '.join(others)}")
    return changed_coverage(own, {path: text_at(bench, commit, path) for path in own}, new.measured)


def _to_the_floor(hearing: Hearing, covered: Covered) -> None:
    floor = hearing.bench.settings.coverage_floor
    told = []
    if covered.percent < floor:
        told = [
            Failure(path, f"no test runs line {as_ranges(gaps)}", key_of(_NAME, path, as_ranges(gaps)))
            for path, gaps in covered.missing.items()
        ]
    share = f"{covered.percent:.0f} % of the {covered.executable} changed lines ran (floor {floor:.0f} %)"
    hearing.settle(_NAME, told, share)
    if told:
        hearing.clauses[-1] = Clause(_NAME, False, share)
