"""Run the scanners on what a checkpoint changes, on the base and on the new tree: only new findings count.

ruff and bandit come from qdeck's own environment and run with their defaults, and ruff once more with the
base's configuration where there is one; nothing in the new tree can tell them to look away unseen.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.evidence.bench import Bench
from core.evidence.clauses import text_at, tree_at
from core.evidence.commands import is_test_path
from core.evidence.execution import Done, Folders, Job, execute
from core.evidence.findings import Finding, fingerprint, new_findings
from core.evidence.junit import ReportError, read_bounded
from core.evidence.receipts import JsonValue, Receipt, digest_of
from core.evidence.suppressions import CODE, suppressions
from core.evidence.toolchain import own_toolchain
from core.sandbox import Limits
from core.text import clean
from core.workspace import Checkpoint, FileChange, changed_files, read_file_at

_REPORT_LIMIT = 64 << 20
_RUFF_FILES = ("pyproject.toml", "ruff.toml", ".ruff.toml")
_ADVICE = frozenset(("S101", "S105", "S106", "S107", "S110", "S112", "S311", "S603", "S606", "S607"))
"""Rules of ruff's that bandit itself counts as low; its S4xx, the imports, are too."""


@dataclass(frozen=True, slots=True)
class Scans:
    """What the scanners found new. `problems` says which of them gave no answer; then nothing is approved.

    What a person has accepted is among the findings: the review gate lets it stand. `notes` say what was not
    looked at.
    """

    findings: tuple[Finding, ...] = ()
    receipts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every scanner answered, and nothing new blocks."""
        return not self.problems and not any(finding.blocks for finding in self.findings)

    def to_data(self) -> dict[str, Any]:
        """Return the scans as JSON data."""
        return {
            "findings": [finding.to_data() for finding in self.findings],
            "receipts": list(self.receipts),
            "problems": list(self.problems),
            "notes": list(self.notes),
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Scans:
        """Read what `to_data` wrote."""
        return cls(
            tuple(Finding.from_data(item) for item in data["findings"]),
            tuple(data["receipts"]),
            tuple(data["problems"]),
            tuple(data["notes"]),
        )


@dataclass(frozen=True, slots=True)
class _Scanner:
    """One way to scan files: its name, the kind of its receipt, its command, and how its report is read."""

    name: str
    kind: str
    argv: Callable[[Folders, Sequence[str]], tuple[str, ...]]
    report: str
    read: Callable[[Any, Path], list[dict[str, Any]]]
    base_files: tuple[str, ...] = ()


@dataclass(slots=True)
class _Side:
    """What was found on one of the two trees."""

    commit: str
    findings: list[Finding] = field(default_factory=list)


async def collect_scans(bench: Bench, checkpoint: Checkpoint) -> Scans:
    """Scan the changed Python files of the checkpoint and compare with the base."""
    changes = await asyncio.to_thread(changed_files, bench.repository, bench.base, checkpoint.commit)
    base, new = _Side(bench.base), _Side(checkpoint.commit)
    now = [c.path for c in changes if c.path.endswith((".py", ".pyi")) and c.status != "deleted"]
    before = [c.path for c in changes if c.path.endswith((".py", ".pyi")) and c.status != "added"]
    receipts: list[str] = []
    problems: list[str] = []
    scanners = await asyncio.to_thread(_scanners, bench) if now else []
    for scanner in scanners:
        for side, paths, where in ((new, now, f"checkpoint {checkpoint.number}"), (base, before, "the base")):
            if paths:
                done = await execute(bench, await asyncio.to_thread(_job, bench, scanner, side, paths, where))
                receipts.append(done.receipt_id)
                problems += _take(bench, scanner, side, done, where)
    await asyncio.to_thread(_silenced, bench, changes, base, new)
    fresh = new_findings(_once_each(base.findings), _once_each(new.findings))
    return Scans(
        tuple(fresh),
        tuple(receipts),
        tuple(problems),
        () if now else ("no Python file was changed, so ruff and bandit had nothing to look at",),
    )


def _scanners(bench: Bench) -> list[_Scanner]:
    found = [
        _Scanner("ruff", "lint", _ruff, "ruff.json", _ruff_items),
        _Scanner("bandit", "security", _bandit, "bandit.json", _bandit_items),
    ]
    if _has_ruff_config(bench):
        project = _Scanner("ruff as configured", "lint", _ruff_project, "ruff.json", _ruff_items, _RUFF_FILES)
        found.insert(1, project)
    return found


def _has_ruff_config(bench: Bench) -> bool:
    if any(read_file_at(bench.repository, bench.base, name) is not None for name in _RUFF_FILES[1:]):
        return True
    return re.search(r"(?m)^\s*\[tool\.ruff\b", text_at(bench, bench.base, "pyproject.toml")) is not None


def _job(bench: Bench, scanner: _Scanner, side: _Side, paths: Sequence[str], where: str) -> Job:
    tree = tree_at(bench, side.commit)
    own = own_toolchain()
    name = scanner.name.replace(" ", "-")
    # Laid over even where it is absent in the base: configuration that the change brings along goes away.
    laid_over = (bench.base, scanner.base_files) if scanner.base_files and side.commit != bench.base else None
    return Job(
        key=f"scan:{name}:{tree[:16]}:{digest_of(list(paths))[:8]}",
        kind=scanner.kind,
        title=f"{scanner.name} on the changed files of {where}",
        tree=tree,
        argv=lambda folders: scanner.argv(folders, paths),
        collect=lambda folders, receipt: _read(folders, receipt, scanner),
        laid_over=laid_over,
        limits=Limits(wall_seconds=bench.settings.scan_timeout),
        readable=own.readable,
        env=own.env,
        writes=False,
    )


def _ruff(folders: Folders, paths: Sequence[str]) -> tuple[str, ...]:
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    rules = ("--isolated", "--select", "E9,F,S", "--target-version", version)
    return _ruff_command(folders, paths, rules)


def _ruff_project(folders: Folders, paths: Sequence[str]) -> tuple[str, ...]:
    return _ruff_command(folders, paths, ("--force-exclude",))


def _ruff_command(folders: Folders, paths: Sequence[str], rules: Sequence[str]) -> tuple[str, ...]:
    report = ("--output-format", "json", "--output-file", str(folders.reports / "ruff.json"))
    fixed = (sys.executable, "-m", "ruff", "check", "--no-cache", "--exit-zero", "--quiet")
    return (*fixed, *rules, *report, *(str(folders.tree / path) for path in paths))


def _bandit(folders: Folders, paths: Sequence[str]) -> tuple[str, ...]:
    report = ("-f", "json", "-o", str(folders.reports / "bandit.json"))
    fixed = (sys.executable, "-m", "bandit", "--quiet", "--exit-zero")
    return (*fixed, *report, *(str(folders.tree / path) for path in paths))


def _read(folders: Folders, receipt: Receipt, scanner: _Scanner) -> JsonValue:
    try:
        data = json.loads(read_bounded(folders.reports / scanner.report, _REPORT_LIMIT))
        return {"items": scanner.read(data, folders.tree), "problem": ""}
    except (ReportError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return {"items": [], "problem": str(error) or "its report cannot be read"}


def _ruff_items(data: Any, tree: Path) -> list[dict[str, Any]]:
    return [
        {
            "tool": "ruff",
            "rule": str(item["code"] or "invalid-syntax"),
            "severity": "",
            "path": Path(item["filename"]).relative_to(tree).as_posix(),
            "line": int(item["location"]["row"]),
            "text": str(item["message"]),
        }
        for item in data
    ]


def _bandit_items(data: Any, tree: Path) -> list[dict[str, Any]]:
    found = [
        {
            "tool": "bandit",
            "rule": str(item["test_id"]),
            "severity": str(item["issue_severity"]).lower(),
            "path": Path(item["filename"]).relative_to(tree).as_posix(),
            "line": int(item["line_number"]),
            "text": str(item["issue_text"]),
        }
        for item in data["results"]
    ]
    for error in data["errors"]:
        path = Path(error["filename"]).relative_to(tree).as_posix()
        text = f"bandit could not read the file: {error['reason']}"
        found.append(
            {"tool": "bandit", "rule": "unread", "severity": "medium", "path": path, "line": 1, "text": text}
        )
    return found


def _take(bench: Bench, scanner: _Scanner, side: _Side, done: Done, where: str) -> list[str]:
    """Turn what a scanner reported into findings; return what is wrong with the report."""
    problem = done.collected["problem"] if done.receipt.ok else done.receipt.ending
    if problem:
        return [f"{scanner.name} gave no answer on {where}: {problem}"]
    texts: dict[str, list[str]] = {}
    for item in done.collected["items"]:
        path, line = item["path"], item["line"]
        if path not in texts:
            texts[path] = text_at(bench, side.commit, path).split("\n")
        words = texts[path][line - 1] if 0 < line <= len(texts[path]) else ""
        severity = item["severity"] or _ruff_severity(item["rule"], scanner)
        security = item["tool"] == "bandit" or item["rule"].startswith("S")
        if security and item["rule"] != "unread" and is_test_path(path, bench.settings):
            severity = "low"
        mark = fingerprint(item["tool"], item["rule"], path, words)
        text = clean(item["text"], lines=False, limit=300)
        side.findings.append(Finding(item["tool"], item["rule"], severity, path, line, text, mark))
    return []


def _ruff_severity(rule: str, scanner: _Scanner) -> str:
    if rule == "invalid-syntax":
        return "high"
    advice = rule in _ADVICE or re.match(r"S4\d\d$", rule)
    return "low" if advice and not scanner.base_files else "medium"


def _once_each(findings: Iterable[Finding]) -> list[Finding]:
    """Leave out what two scanners say of one line: ruff's S602 is bandit's B602."""
    kept: dict[tuple[str, str, int], Finding] = {}
    for finding in findings:
        place = (finding.rule, finding.path, finding.line)
        if place not in kept or (kept[place].severity == "low" and finding.blocks):
            kept[place] = finding
    known: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for finding in kept.values():
        if finding.tool == "bandit":
            known[finding.path, finding.rule[1:]].append(finding.line)
    return [
        finding
        for finding in kept.values()
        if not (
            finding.tool == "ruff"
            and finding.rule.startswith("S")
            and any(abs(line - finding.line) <= 3 for line in known[finding.path, finding.rule[1:]])
        )
    ]


def _silenced(bench: Bench, changes: Iterable[FileChange], base: _Side, new: _Side) -> None:
    for change in changes:
        if change.path.endswith(CODE) and not change.binary:
            for side in (base, new):
                text = text_at(bench, side.commit, change.path)
                side.findings += suppressions(change.path, text)
