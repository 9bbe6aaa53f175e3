"""The review gate: no unaccepted finding, and eight answers that each point at something real."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from core.evidence.bench import Bench
from core.evidence.clauses import Clause, Failure, answered, evidence, text_at
from core.evidence.findings import Finding
from core.evidence.scans import Scans
from core.machine.states import EvidenceKind
from core.machine.workflow import Evidence
from core.workspace import changed_files

CHECKLIST = (
    "security",
    "performance",
    "architecture",
    "documentation",
    "testing",
    "deployment_readiness",
    "monitoring",
    "scaling",
)
"""The eight points that every review answers."""

_BAD = ("fail", "failed", "block", "blocked", "reject", "rejected", "no")
_APPROVING = ("approve", "approved")
_CRITERION = re.compile(r"(?i)^(?:criterion|criteria|ac|#)?\s*[:#-]?\s*(\d+)$")
_PLACE = re.compile(r"^(.+?)(?::(\d+)(?:\s*-\s*(\d+))?)?$")


@dataclass(frozen=True, slots=True)
class References:
    """What an answer may point at: changed files with their number of lines, receipts, criteria.

    `receipts` are names: ids, and whatever labels the reviewer was shown.
    """

    files: Mapping[str, int] = field(default_factory=dict)
    receipts: frozenset[str] = frozenset()
    criteria: frozenset[int] = frozenset()

    def live(self, reference: str) -> bool:
        """Say whether every reference is real; they are parted by commas or semicolons."""
        parts = [part.strip().strip("`") for part in re.split(r"[,;\n]", reference) if part.strip()]
        return bool(parts) and all(self._one(part) for part in parts)

    def _one(self, part: str) -> bool:
        name = re.sub(r"(?i)^receipt\s*[:#]?\s*", "", part)
        if name in self.receipts or part in self.receipts:
            return True
        criterion = _CRITERION.match(part)
        if criterion:
            return int(criterion[1]) in self.criteria
        place = _PLACE.match(part)
        if place is None or place[1] not in self.files:
            return False
        if place[2] is None:
            return True
        first, last = int(place[2]), int(place[3] or place[2])
        return 1 <= first <= last <= self.files[place[1]]


def review_references(
    bench: Bench, commit: str, *, criteria: Iterable[int], receipts: Iterable[str]
) -> References:
    """Return what a review of `commit` may point at: its changed files, `receipts` and `criteria`."""
    changes = changed_files(bench.repository, bench.base, commit)
    files = {
        change.path: 0
        if change.status == "deleted"
        else len(text_at(bench, commit, change.path).splitlines())
        for change in changes
    }
    return References(files, frozenset(receipts), frozenset(criteria))


def review_evidence(
    scans: Scans,
    checklist: Sequence[Mapping[str, Any]],
    *,
    verdict: str,
    references: References,
    rests_on: Mapping[str, str],
    reviewer: str,
    author: str = "code_writer",
    summary: str = "",
    accepted: Mapping[str, str] = MappingProxyType({}),
    declined: Mapping[str, str] = MappingProxyType({}),
) -> Evidence:
    """Return what a review is worth, given what the scanners found.

    Its detail is for screens: `clauses` (one that does not apply is a scanner that was skipped, and why),
    `failures` and `accepted` (see `Failure.to_data`), `findings` (see `Finding.to_data`, with the words of a
    yes in `accepted`), `old_findings` (the base has them too, they decide nothing), `scanners` (`name`,
    `status`: ran, skipped or failed, `why`), `checklist`, `receipts`.

    `checklist` items have `point`, `verdict`, `answer` and `reference`. `rests_on` is what `bind` gave for
    the reviewed commit; `accepted` and `declined` are what the bench holds of persons' words.
    """
    still, stands = answered(_findings(scans), accepted, declined)
    checks = (
        ("scanners", [Failure("scanner", problem) for problem in scans.problems], "every scanner ran"),
        ("findings", still, _found(scans, len(stands))),
        ("checklist", _answers(checklist, references), "eight points answered, each with a live reference"),
        ("verdict", _verdict(verdict), "approved by the reviewer"),
        ("four eyes", _four_eyes(reviewer, author), f"reviewed by {reviewer}, written by {author}"),
    )
    clauses = [Clause(name, not told, told[0].text if told else good) for name, told, good in checks]
    clauses += [
        Clause(item["name"], True, f"skipped: {item['why']}", applies=False)
        for item in scans.scanners
        if item["status"] == "skipped"
    ]
    failures = [failure for _, told, _ in checks for failure in told]
    detail: dict[str, Any] = {
        "clauses": [clause.to_data() for clause in clauses],
        "failures": [failure.to_data() for failure in failures],
        "findings": [_shown(finding, accepted) for finding in scans.findings],
        "old_findings": [finding.to_data() for finding in scans.old],
        "accepted": [failure.to_data() for failure in stands],
        "scanners": [dict(item) for item in scans.scanners],
        "checklist": [dict(item) for item in checklist],
        "receipts": list(scans.receipts),
        "verdict": verdict,
        "reviewer": reviewer,
        "summary": summary,
    }
    told = f"{_found(scans, len(stands))}; 8 of 8 points answered" if not failures else _tell(failures)
    return evidence(EvidenceKind.REVIEW, not failures, rests_on, told, detail)


def _findings(scans: Scans) -> list[Failure]:
    return [
        Failure(f.where, f"{f.tool} {f.rule} ({f.severity}): {f.text}", f.key, askable=True)
        for f in scans.findings
        if f.blocks
    ]


def _shown(finding: Finding, accepted: Mapping[str, str]) -> dict[str, Any]:
    """The finding as screens list it; `accepted` are the words of the yes that was given to it."""
    return {**finding.to_data(), "accepted": accepted.get(finding.key, "") if finding.blocks else ""}


def _found(scans: Scans, accepted: int) -> str:
    blocking = sum(f.blocks for f in scans.findings)
    advice = len(scans.findings) - blocking
    told = f"{blocking} new finding{'' if blocking == 1 else 's'}"
    told += f", {accepted} accepted by a person" if accepted else ""
    return f"{told}, {advice} as advice" if advice else told


def _answers(checklist: Sequence[Mapping[str, Any]], references: References) -> list[Failure]:
    answered: dict[str, Mapping[str, Any]] = {}
    told = []
    for item in checklist:
        point = re.sub(r"[\s-]+", "_", str(item.get("point", "")).strip().lower())
        if point in answered:
            told.append(Failure(point, "is answered twice"))
        answered[point] = item
    for point in CHECKLIST:
        given = answered.pop(point, None)
        if given is None:
            told.append(Failure(point, f"the point {point} is not answered"))
        elif not str(given.get("answer", "")).strip():
            told.append(Failure(point, f"the answer to {point} is empty"))
        elif str(given.get("verdict", "")).strip().lower() in _BAD:
            told.append(Failure(point, f"the reviewer says no to {point}: {given.get('answer')}"))
        elif not references.live(str(given.get("reference", ""))):
            text = f"the answer to {point} points at nothing real: {str(given.get('reference', ''))[:80]!r}"
            told.append(
                Failure(point, f"{text}; name a changed file (path or path:line), a receipt or a criterion")
            )
    return told + [Failure(point, f"{point!r} is not one of the eight points") for point in answered]


def _verdict(verdict: str) -> list[Failure]:
    if verdict.strip().lower() in _APPROVING:
        return []
    return [
        Failure("verdict", f"the reviewer's verdict is {verdict.strip()[:40] or 'missing'!r}, not approve")
    ]


def _four_eyes(reviewer: str, author: str) -> list[Failure]:
    return [Failure("reviewer", "who wrote the code cannot approve it")] if reviewer == author else []


def _tell(failures: list[Failure]) -> str:
    more = f" and {len(failures) - 1} more" if len(failures) > 1 else ""
    return f"{failures[0].name}: {failures[0].text}{more}"
