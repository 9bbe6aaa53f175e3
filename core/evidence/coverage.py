"""Which changed lines the tests executed, from coverage.py's report.

The report is written where the code under test could reach it: it can show that lines were not run, and its
praise counts only together with the other clauses of the gate.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.evidence.junit import ReportError, read_bounded

_REPORT_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class Measured:
    """What ran: for every file its executed lines, and those that could have run and did not."""

    executed: Mapping[str, frozenset[int]]
    missing: Mapping[str, frozenset[int]]

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON data."""
        names = self.executed.keys() | self.missing.keys()
        return {
            name: [sorted(self.executed.get(name, ())), sorted(self.missing.get(name, ()))] for name in names
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Measured:
        """Read what `to_data` wrote."""
        return cls(
            {name: frozenset(lines[0]) for name, lines in data.items()},
            {name: frozenset(lines[1]) for name, lines in data.items()},
        )


@dataclass(frozen=True, slots=True)
class Covered:
    """How much of a change was executed. `status` is "measured", "not applicable" or "not measured"."""

    status: str
    why: str = ""
    executable: int = 0
    executed: int = 0
    missing: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @property
    def percent(self) -> float:
        """The share of the changed executable lines that ran."""
        return 100.0 * self.executed / self.executable if self.executable else 0.0

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "status": self.status,
            "why": self.why,
            "executable": self.executable,
            "executed": self.executed,
            "percent": round(self.percent, 1),
            "missing": {path: list(lines) for path, lines in self.missing.items()},
        }


def read_coverage(path: Path) -> Measured | None:
    """Read a JSON report of coverage.py; None when there is none that can be read."""
    try:
        files = json.loads(read_bounded(path, _REPORT_LIMIT))["files"]
        return Measured(
            {str(name): frozenset(map(int, file["executed_lines"])) for name, file in files.items()},
            {str(name): frozenset(map(int, file["missing_lines"])) for name, file in files.items()},
        )
    except (ReportError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def changed_coverage(
    changed: Mapping[str, Iterable[int]], sources: Mapping[str, str], measured: Measured
) -> Covered:
    """Compare the changed lines of every file with what ran.

    `sources` holds the text of each changed file; a file that no test imported is not in the report, and its
    executable lines are read from the text itself.
    """
    executable = executed = 0
    missing: dict[str, list[int]] = {}
    for path, lines in sorted(changed.items()):
        ran = measured.executed.get(path, frozenset())
        lost = measured.missing.get(path, frozenset())
        if path not in measured.executed and path not in measured.missing:
            lost = executable_lines(sources.get(path, ""), python=path.endswith(".py"))
        touched = set(lines)
        executable += len(touched & (ran | lost))
        executed += len(touched & ran)
        if touched & lost:
            missing[path] = sorted(touched & lost)
    if not executable:
        return Covered("not applicable", "no executable line was changed")
    return Covered("measured", "", executable, executed, missing)


def executable_lines(source: str, *, python: bool = True) -> frozenset[int]:
    """Return the lines on which statements of a Python text start, docstrings left out.

    Of another language they are all lines that hold more than a bracket or a comment.
    """
    if not python:
        lines = enumerate(source.split("\n"), 1)
        return frozenset(n for n, line in lines if re.match(r"\s*(?!//|#|\*|/\*)[^\s{}()\[\];,]", line))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    return frozenset(
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    )


def as_ranges(lines: Sequence[int]) -> str:
    """Return line numbers for people: `3-5, 9`."""
    parts: list[list[int]] = []
    for line in sorted(lines):
        if parts and line == parts[-1][1] + 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)
