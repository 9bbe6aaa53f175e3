"""Run the scanners on what a checkpoint changes, on the base and on the new tree: only new findings count.

Nothing in the new tree can tell them to look away unseen: each silencing comment and each new exclusion in a
configuration is a finding itself.
"""

from __future__ import annotations

import asyncio
import codecs
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.evidence.bench import Bench
from core.evidence.clauses import text_at, tree_at
from core.evidence.commands import is_test_path
from core.evidence.config_marks import config_marks, is_configuration
from core.evidence.execution import Done, Folders, Job, execute, together
from core.evidence.findings import Finding, fingerprint, new_findings
from core.evidence.junit import ReportError
from core.evidence.receipts import JsonValue, Receipt, digest_of
from core.evidence.scanners import PYTHON, Scanner, choose, says_nothing, severity
from core.evidence.suppressions import CODE, suppressions
from core.evidence.toolchain import own_toolchain
from core.evidence.unread import is_python, loads_code, unreadable
from core.sandbox import Limits
from core.text import clean
from core.workspace import Checkpoint, FileChange, changed_files, read_file_at

MOST_OLD = 100
"""Findings of before that are kept for whoever looks."""


@dataclass(frozen=True, slots=True)
class Scans:
    """What the scanners found new. `problems` says which of them gave no answer; then nothing is approved.

    `old` is what the changed files had before, for whoever wants to see it; it decides nothing.
    What a person has accepted is among the findings: the review gate lets it stand. `scanners` says of each
    one by name whether it "ran", was "skipped" or "failed" (`status`), and why.
    """

    findings: tuple[Finding, ...] = ()
    receipts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    scanners: tuple[Mapping[str, str], ...] = ()
    old: tuple[Finding, ...] = ()

    @property
    def skipped(self) -> list[str]:
        """What was not looked at, a line each."""
        return [f"{s['name']} was skipped: {s['why']}" for s in self.scanners if s["status"] == "skipped"]

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
            "scanners": [dict(item) for item in self.scanners],
            "old": [finding.to_data() for finding in self.old],
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Scans:
        """Read what `to_data` wrote."""
        return cls(
            tuple(Finding.from_data(item) for item in data["findings"]),
            tuple(data["receipts"]),
            tuple(data["problems"]),
            tuple(dict(item) for item in data["scanners"]),
            tuple(Finding.from_data(item) for item in data.get("old", ())),
        )


@dataclass(slots=True)
class _Side:
    """What was found on one of the two trees.

    `disguised` are files that are Python by their text alone, `wide` are texts in UTF-16, which git takes for
    binary files.
    """

    commit: str
    findings: list[Finding] = field(default_factory=list)
    disguised: set[str] = field(default_factory=set)
    wide: set[str] = field(default_factory=set)

    def fits(self, path: str, scanner: Scanner) -> bool:
        """Say whether a scanner looks at a file."""
        return path.endswith(scanner.endings) or (scanner.disguised and path in self.disguised)


async def collect_scans(bench: Bench, checkpoint: Checkpoint) -> Scans:
    """Scan what the checkpoint changes and compare with the base; only what is new is a finding."""
    changes = await asyncio.to_thread(changed_files, bench.repository, bench.base, checkpoint.commit)
    base, new = _Side(bench.base), _Side(checkpoint.commit)
    await asyncio.to_thread(_read_all, bench, changes, base, new)
    # Code with a zero byte in it is looked at all the same, and what cannot read it says so.
    read = base.wide | new.wide | new.disguised
    texts = [c for c in changes if not c.binary or c.path.endswith(CODE) or c.path in read]
    now = [c.path for c in texts if c.status != "deleted"]
    before = [c.path for c in texts if c.status != "added"]
    chosen = await asyncio.to_thread(choose, bench, now, bool(new.disguised))
    looks = [
        (scanner, side, where, fitting)
        for scanner in chosen.scanners
        for side, paths, where in ((new, now, f"checkpoint {checkpoint.number}"), (base, before, "the base"))
        if (fitting := [path for path in paths if side.fits(path, scanner)]) or scanner.whole
    ]

    def look(scanner: Scanner, side: _Side, where: str, fitting: list[str]) -> Callable[[], Awaitable[Done]]:
        async def ran() -> Done:
            return await execute(bench, await asyncio.to_thread(_job, bench, scanner, side, fitting, where))

        return ran

    done = await together(bench, *(look(*one) for one in looks))
    wrong: dict[str, list[str]] = {scanner.name: [] for scanner in chosen.scanners}
    for (scanner, side, where, _), ran in zip(looks, done, strict=True):
        wrong[scanner.name] += _take(bench, scanner, side, ran, where)
    looked = [
        {"name": name, "status": "failed" if told else "ran", "why": "; ".join(told)}
        for name, told in wrong.items()
    ]
    looked += [{"name": name, "status": "skipped", "why": why} for name, why in chosen.skipped.items()]
    await asyncio.to_thread(_silenced, bench, changes, base, new)
    found = _once_each(new.findings)
    fresh = new_findings(_once_each(base.findings), found)
    places = {(finding.fingerprint, finding.line) for finding in fresh}
    old = [finding for finding in found if (finding.fingerprint, finding.line) not in places][:MOST_OLD]
    problems = [problem for told in wrong.values() for problem in told]
    receipts = tuple(ran.receipt_id for ran in done)
    return Scans(tuple(fresh), receipts, tuple(problems), tuple(looked), tuple(old))


def _job(bench: Bench, scanner: Scanner, side: _Side, paths: Sequence[str], where: str) -> Job:
    tree = tree_at(bench, side.commit)
    own = own_toolchain()
    name = re.sub(r"[^a-z0-9]+", "-", scanner.name.lower()).strip("-")
    on_base = side.commit == bench.base
    # Laid over even where it is absent in the base: configuration that the change brings along goes away.
    laid_over = (bench.base, scanner.base_files) if scanner.base_files and not on_base else None
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
        env=lambda folders: {} if scanner.foreign else own.env,
        writes=scanner.foreign,
    )


def _read(folders: Folders, receipt: Receipt, scanner: Scanner) -> JsonValue:
    try:
        return {"items": scanner.read(folders, receipt), "problem": ""}
    except (ReportError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return {"items": [], "problem": str(error) or "its report cannot be read"}


def _take(bench: Bench, scanner: Scanner, side: _Side, done: Done, where: str) -> list[str]:
    """Turn what a scanner reported into findings; return what is wrong with the report."""
    if problem := _problem(scanner, done):
        return [f"{scanner.name} gave no answer on {where}: {problem}"]
    texts: dict[str, list[str]] = {}
    for item in done.collected["items"]:
        if says_nothing(item, bench):
            continue
        path, line = item["path"], item["line"]
        if path in side.disguised and item["tool"] == "ruff" and not str(item["rule"]).startswith("S"):
            continue  # an example in a text may well name what is defined elsewhere
        if path not in texts:
            texts[path] = text_at(bench, side.commit, path).split("\n") if path else []
        words = texts[path][line - 1] if 0 < line <= len(texts[path]) else ""
        text = clean(item["text"], lines=False, limit=300)
        # A foreign tool says many things of one line; its own words tell them apart.
        mark = fingerprint(item["tool"], item["rule"], path, f"{words}\0{text}" if scanner.foreign else words)
        grave = severity(item, scanner, bench)
        side.findings.append(Finding(item["tool"], item["rule"], grave, path, line, text, mark))
    return []


def _problem(scanner: Scanner, done: Done) -> str:
    receipt = done.receipt
    if scanner.foreign and not receipt.limit and receipt.exit_code is not None:
        return str(done.collected["problem"])
    return str(done.collected["problem"]) if receipt.ok else receipt.ending


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


def _read_all(bench: Bench, changes: Iterable[FileChange], base: _Side, new: _Side) -> None:
    """Find what is code whatever it is called, and what loads code whatever that is called."""
    for change in changes:
        for side in (base, new):
            data = read_file_at(bench.repository, side.commit, change.path)
            if data is None:
                continue
            side.findings += unreadable(change.path, data)
            if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                side.wide.add(change.path)
            if is_python(change.path, data):
                side.disguised.add(change.path)
            if change.path.endswith(PYTHON) or change.path in side.disguised:
                test = is_test_path(change.path, bench.settings)
                side.findings += loads_code(change.path, data.decode("utf-8", "replace"), test=test)


def _silenced(bench: Bench, changes: Iterable[FileChange], base: _Side, new: _Side) -> None:
    """Find what tells a tool to look away, in comments and in configuration."""
    for change in changes:
        if is_configuration(change.path):
            for side in (base, new):
                side.findings += config_marks(change.path, text_at(bench, side.commit, change.path))
        for side in (base, new):
            if change.path.endswith(CODE) or change.path in side.disguised:
                text = text_at(bench, side.commit, change.path)
                side.findings += suppressions(change.path, text)
