"""Which lines no test ran, as the tests' evidence says it. Tolerant: what is not understood is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.machine.states import EvidenceKind
from tui.picture import Picture

_LONGEST = 100_000
"""Lines of one range that are believed."""


def uncovered_of(picture: Picture) -> dict[str, frozenset[int]]:
    """Return the uncovered lines by path; none when nothing was measured or the evidence is stale."""
    tests = picture.view.evidence.get(EvidenceKind.TESTS)
    if tests is None or tests.why.startswith("stale"):
        return {}
    found = tests.detail.get("uncovered")
    coverage = tests.detail.get("coverage")
    if found is None and isinstance(coverage, Mapping):
        found = coverage.get("missing")
    return uncovered_in(found) if isinstance(found, Mapping) else {}


def uncovered_in(found: Mapping[str, Any]) -> dict[str, frozenset[int]]:
    """Return lines by path from ranges: numbers, pairs, or texts such as "3-5, 9"."""
    lines = {str(path): frozenset(_lines(ranges)) for path, ranges in found.items()}
    return {path: numbers for path, numbers in lines.items() if numbers}


def _lines(ranges: object) -> Iterable[int]:
    if isinstance(ranges, str):
        for part in ranges.split(","):
            first, _, last = part.strip().partition("-")
            if first.isdecimal():
                yield from _span(int(first), int(last) if last.isdecimal() else int(first))
    elif isinstance(ranges, int):
        yield ranges
    elif isinstance(ranges, (list, tuple)):
        if len(ranges) == 2 and all(isinstance(n, int) for n in ranges) and ranges[0] <= ranges[1]:
            yield from _span(*ranges)
        else:
            for part in ranges:
                yield from _lines(part)


def _span(first: int, last: int) -> range:
    return range(first, min(last, first + _LONGEST) + 1)


def ranges_of(lines: Iterable[int]) -> str:
    """Return line numbers as people write them: "3-5, 9"."""
    parts: list[str] = []
    ordered = sorted(lines)
    start = 0
    for i, number in enumerate(ordered):
        if i + 1 < len(ordered) and ordered[i + 1] == number + 1:
            continue
        parts.append(str(number) if i == start else f"{ordered[start]}-{number}")
        start = i + 1
    return ", ".join(parts)
