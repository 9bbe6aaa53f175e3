"""Read the reports of test runners, without believing them.

The report is written by the process under test, so it is bounded, parsed without entities, and counts only
together with the exit code and the rest of the evidence.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from core.evidence.receipts import Counts
from core.text import clean

REPORT_LIMIT = 16 << 20
"""Bytes of a report that are read at most; a bigger one is refused."""

CASE_LIMIT = 50_000
"""Test cases that a report may hold."""

_MESSAGE_LIMIT = 600
_OUTPUT_READ = 64 << 10
_NAME_LIMIT = 300


class ReportError(ValueError):
    """The report is absent, not what it should be, or too big. The text says which."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a run. `outcome` is "passed", "failed", "error" or "skipped"."""

    name: str
    outcome: str
    message: str = ""
    file: str = ""

    @property
    def function(self) -> str:
        """The name without its parameters: `tests.test_a::test_x[1]` gives `tests.test_a::test_x`."""
        return self.name.split("[", 1)[0]

    def to_data(self) -> list[str]:
        """Return the case as JSON data, compact."""
        return [self.name, self.outcome, self.message, self.file]

    @classmethod
    def from_data(cls, data: Iterable[str]) -> Case:
        """Read what `to_data` wrote."""
        return cls(*data)


def count(cases: Iterable[Case]) -> Counts:
    """Return how many cases ended how."""
    seen = {"passed": 0, "failed": 0, "error": 0, "skipped": 0}
    for case in cases:
        seen[case.outcome] += 1
    return Counts(seen["passed"], seen["failed"], seen["error"], seen["skipped"])


def read_bounded(path: Path, limit: int) -> bytes:
    """Read what an untrusted process wrote: a regular file, no link, of `limit` bytes at most."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ReportError("no report was written") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ReportError("the report is not a regular file")
    with os.fdopen(handle, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ReportError(f"the report is bigger than {limit >> 20} MiB")
    return data


def read_report(path: Path, secret: bytes = b"", *, alike: bool = False) -> list[Case]:
    """Read a JUnit XML report; raises ReportError for anything that is not one.

    With a `secret` it must carry the seal that is made with it when a run has come to its end. Cases of one
    name are one test, unless they are `alike`: some runners do not tell in which file a test stands.
    """
    data = read_bounded(path, REPORT_LIMIT)
    if secret and not _is_sealed(path, data, secret):
        raise ReportError("the report was not finished by the test runner itself")
    try:
        root = ElementTree.fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise ReportError("the report is not well-formed JUnit XML") from error
    if root.tag not in ("testsuites", "testsuite"):
        raise ReportError("the report is not JUnit XML")
    found = list(root.iter("testcase"))
    if len(found) > CASE_LIMIT:
        raise ReportError(f"the report names more than {CASE_LIMIT} tests")
    cases = [_case(element) for element in found]
    return cases if alike else _merge(cases)


def _is_sealed(path: Path, data: bytes, secret: bytes) -> bool:
    try:
        seal = read_bounded(path.with_name(f"{path.name}.seal"), 200).decode("ascii", "replace")
    except ReportError:
        return False
    return hmac.compare_digest(seal, hmac.new(secret, data, hashlib.sha256).hexdigest())


def _case(element: Element) -> Case:
    name = element.get("name") or ""
    group = element.get("classname") or ""
    outcome, message = "passed", ""
    for child in element:
        if child.tag in _RANK and _RANK[child.tag] > _RANK.get(outcome, 0):
            outcome = {"failure": "failed"}.get(child.tag, child.tag)
            message = _message(child)
    full = f"{group}::{name}" if group and name else name or group or "unnamed"
    return Case(
        clean(full, lines=False, limit=_NAME_LIMIT),
        outcome,
        message,
        clean(element.get("file") or "", lines=False, limit=_NAME_LIMIT),
    )


_RANK = {"passed": 0, "skipped": 1, "failed": 2, "failure": 2, "error": 3}


def _message(element: Element) -> str:
    """Return the end of the text, where pytest names the reason, or else the short message."""
    body = (element.text or "").strip()
    reasons = [line[1:].strip() for line in body.splitlines() if line.startswith("E ")]
    text = "\n".join(reasons) or (element.get("message") or "").strip() or body[-_MESSAGE_LIMIT:]
    return clean(text, limit=_MESSAGE_LIMIT)


def _merge(cases: list[Case]) -> list[Case]:
    """Fold cases of one name (a test that passed and then failed in its teardown) to the worst of them."""
    worst: dict[str, Case] = {}
    for case in cases:
        known = worst.get(case.name)
        if known is None or _RANK[case.outcome] > _RANK[known.outcome]:
            worst[case.name] = case
    return list(worst.values())


_SUMMARIES: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        r"Ran \d+ tests? in ",
        {
            "ran": r"Ran (\d+) tests? in ",
            "failed": r"failures=(\d+)",
            "errors": r"(?<!expected )errors=(\d+)",
            "skipped": r"skipped=(\d+)",
        },
    ),
    (
        r"test result: ",
        {
            "passed": r"test result: .*?(\d+) passed",
            "failed": r"test result: .*?(\d+) failed",
            "skipped": r"test result: .*?(\d+) ignored",
        },
    ),
    (
        r"(?m)^[ \t]*Tests:? +.*\d+ (?:passed|failed)",
        {
            "passed": r"(?m)^[ \t]*Tests:? +.*?(\d+) passed",
            "failed": r"(?m)^[ \t]*Tests:? +.*?(\d+) failed",
            "skipped": r"(?m)^[ \t]*Tests:? +.*?(\d+) skipped",
        },
    ),
    (
        r"(?m)^(?:#|ℹ) tests \d+",
        {
            "passed": r"(?m)^(?:#|ℹ) pass (\d+)",
            "failed": r"(?m)^(?:#|ℹ) fail (\d+)",
            "skipped": r"(?m)^(?:#|ℹ) skipped (\d+)",
        },
    ),
    (
        r"(?m)^[ \t]+\d+ passing",
        {
            "passed": r"(?m)^[ \t]+(\d+) passing",
            "failed": r"(?m)^[ \t]+(\d+) failing",
            "skipped": r"(?m)^[ \t]+(\d+) pending",
        },
    ),
    (
        r"(?m)^[ \t]*Summary \[.*\] +\d+ tests? run",
        {
            "passed": r"(?m)^[ \t]*Summary \[.*?(\d+) passed",
            "failed": r"(?m)^[ \t]*Summary \[.*?(\d+) failed",
            "skipped": r"(?m)^[ \t]*Summary \[.*?(\d+) skipped",
        },
    ),
    (
        r"(?m)^DONE \d+ tests?",
        {
            "ran": r"(?m)^DONE (\d+) tests?",
            "failed": r"(?m)^DONE .*?(\d+) failures?",
            "errors": r"(?m)^DONE .*?(\d+) errors?",
            "skipped": r"(?m)^DONE .*?(\d+) skipped",
        },
    ),
    (
        r"(?m)^--- (?:PASS|FAIL|SKIP)",
        {
            "passed": r"(?m)^--- (PASS)",
            "failed": r"(?m)^--- (FAIL)",
            "skipped": r"(?m)^--- (SKIP)",
        },
    ),
)
"""Closing lines: how they are known, and what to sum. Of unittest, cargo, jest and vitest, node, mocha,
nextest, gotestsum, and `go test -v`."""


def counts_from_output(output: bytes) -> Counts | None:
    """Return the counts that a runner without a report printed at its end, or None when none is known."""
    text = clean(output[-_OUTPUT_READ:].decode("utf-8", "replace"))
    for known_by, patterns in _SUMMARIES:
        if re.search(known_by, text):
            sums = {name: _sum(pattern, text) for name, pattern in patterns.items()}
            ran = sums.pop("ran", None)
            counts = Counts.from_data(sums)
            if ran is not None:
                passed = max(0, ran - counts.failed - counts.errors - counts.skipped)
                return Counts(passed, counts.failed, counts.errors, counts.skipped)
            return counts
    return None


def _sum(pattern: str, text: str) -> int:
    return sum(int(found) if found.isdigit() else 1 for found in re.findall(pattern, text))


def cases_to_data(cases: Iterable[Case]) -> list[Any]:
    """Return cases as JSON data."""
    return [case.to_data() for case in cases]


def cases_from_data(data: Iterable[Any]) -> list[Case]:
    """Read what `cases_to_data` wrote."""
    return [Case.from_data(item) for item in data]
