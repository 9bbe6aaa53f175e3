"""The large evidence screen as data: what there is to look at, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.machine.states import EVIDENCE_TITLES, EvidenceKind
from core.text import clean
from tui import words
from tui.ink import Line, Span, said, spread
from tui.pages.coverage import ranges_of, uncovered_of
from tui.pages.parts import (
    approver,
    evidence_mark,
    heading,
    is_stale,
    mappings,
    meant_to_fail,
    purpose_of,
    receipt_label,
    receipt_mark,
    receipt_outcome,
    told_run,
)
from tui.picture import Picture

if TYPE_CHECKING:
    from core.service.views import EvidenceView, ReceiptView


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to look at. `kind` says which field is set; a heading is only read."""

    kind: str
    mark: Span
    title: str
    right: Line = ()
    ink: str = "text"
    evidence: EvidenceView | None = None
    receipt: ReceiptView | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""
    label: str = ""


def entries_of(picture: Picture) -> list[Entry]:
    """Return everything that there is: evidence, findings, mutants, uncovered lines, checklist, receipts."""
    counting = sum(1 for e in picture.view.evidence.values() if e.current)
    entries = [_heading("evidence", f"{counting} of {len(EvidenceKind)} count now")]
    entries += [_evidence(picture, kind) for kind in EvidenceKind]
    entries += _findings(picture)
    entries += _mutants(picture)
    entries += _uncovered(picture)
    entries += _checklist(picture)
    return entries + _receipts(picture)


def _receipts(picture: Picture) -> list[Entry]:
    """What the engine ran and counts; what counted before; what roles ran for themselves. Newest first."""
    groups: dict[str, list[Entry]] = {"receipts": [], "earlier receipts": [], "run by the roles": []}
    seen: set[tuple[str, ...]] = set()
    for receipt in reversed(picture.receipts):
        purpose = purpose_of(receipt)
        name = "earlier receipts" if purpose in seen or is_stale(receipt, picture.tree) else "receipts"
        if receipt.kind == "command":
            name = "run by the roles"
        seen.add(purpose)
        groups[name].append(_receipt(receipt, picture.tree))
    found = [
        [_heading(name, words.plural(len(group), "command")), *group]
        for name, group in groups.items()
        if group or name == "receipts"
    ]
    return [entry for group in found for entry in group]


def entry_line(entry: Entry, width: int) -> Line:
    """Return an entry as a line of the list."""
    if entry.kind == "heading":
        return heading(entry.title, width, entry.right)[0]
    label = (
        (Span(f"{entry.label:<12}", "strong" if entry.ink == "text" else entry.ink),) if entry.label else ()
    )
    return spread((entry.mark, Span(" "), *label, said(entry.title, entry.ink, 300)), entry.right, width)


def _heading(title: str, right: str) -> Entry:
    return Entry("heading", Span(""), title, (Span(right, "muted"),))


def _evidence(picture: Picture, kind: EvidenceKind) -> Entry:
    view = picture.view.evidence.get(kind)
    name = EVIDENCE_TITLES[kind]
    if view is None:
        return Entry(
            "evidence", Span(words.FUTURE, "faint"), "none yet", ink="faint", why=kind.value, label=name
        )
    mark, ink = evidence_mark(view)
    stale = not view.current and view.ok
    right: Line = (Span(f"by {approver(view.approved_by)}", "ok"),) if view.approved_by else ()
    if getattr(view, "overridden", ""):
        right = (Span("overridden", "bad bold"),)
    struck = "muted strike" if stale else "text"
    return Entry("evidence", Span(mark, ink), view.summary, right, struck, evidence=view, label=name)


def _findings(picture: Picture) -> list[Entry]:
    """New ones first, then those that a person accepted, then advice and what was there before."""
    groups: dict[str, list[Entry]] = {"new": [], "accepted": [], "advice": [], "old": []}
    for view in picture.view.evidence.values():
        for finding in mappings(view.detail.get("findings")):
            groups[_group(finding)].append(_finding(finding, _group(finding)))
        for finding in mappings(view.detail.get("old_findings")):
            groups["old"].append(_finding(finding, "old"))
        known = {f.get("key") for f in mappings(view.detail.get("findings"))}
        for accepted in mappings(view.detail.get("accepted")):
            if accepted.get("key") not in known or not accepted.get("key"):
                groups["accepted"].append(_finding(accepted, "accepted"))
    found = [entry for group in groups.values() for entry in group]
    if not found:
        return []
    count = ", ".join(f"{len(group)} {name}" for name, group in groups.items() if group)
    return [_heading("findings", count), *found]


def _group(finding: Mapping[str, Any]) -> str:
    if finding.get("accepted"):
        return "accepted"
    if finding.get("old") or finding.get("status") == "old":
        return "old"
    return "advice" if finding.get("severity") == "low" or finding.get("askable") is False else "new"


def _finding(finding: Mapping[str, Any], group: str) -> Entry:
    mark = {
        "new": Span("!", "need bold"),
        "accepted": Span(words.OK, "ok"),
        "advice": Span("·", "muted"),
        "old": Span("·", "faint"),
    }[group]
    where = (
        f"{finding.get('path')}:{finding.get('line', '')}" if finding.get("path") else finding.get("name", "")
    )
    title = f"{where}  {finding.get('rule', '')} {first_line(finding.get('text', ''))}"
    right = (
        (Span(group, "ok" if group == "accepted" else "muted"),) if group != "new" else (Span("new", "need"),)
    )
    return Entry(
        "finding", mark, title, right, "text" if group == "new" else "muted", data=finding, why=group
    )


def _mutants(picture: Picture) -> list[Entry]:
    tests = picture.view.evidence.get(EvidenceKind.TESTS)
    if tests is None or "mutants" not in tests.detail:
        return []
    told = tests.detail["mutants"]
    survivors = mappings(told.get("survivors")) if isinstance(told, Mapping) else mappings(told)
    why = str(told.get("why") or told.get("status") or "") if isinstance(told, Mapping) else ""
    count = words.plural(len(survivors), "survivor") if survivors else (why or "none survived")
    entries = [_heading("mutants", clean(count, lines=False, limit=60))]
    for mutant in survivors:
        where = f"{mutant.get('path', '')}:{mutant.get('line', '')}"
        text = first_line(mutant.get("text") or mutant.get("change") or mutant.get("name") or "")
        entries.append(
            Entry("mutant", Span("~", "need"), f"{where}  {text}", (Span("advice", "muted"),), data=mutant)
        )
    return entries


def _uncovered(picture: Picture) -> list[Entry]:
    found = uncovered_of(picture)
    if not found:
        return []
    total = sum(len(lines) for lines in found.values())
    tree = picture.view.evidence[EvidenceKind.TESTS].tree
    entries = [_heading("lines no test ran", words.plural(total, "line"))]
    return entries + [
        Entry(
            "uncovered",
            Span("!", "need"),
            f"{path}  {ranges_of(lines)}",
            data={"path": path, "lines": lines, "tree": tree, "key": path},
        )
        for path, lines in found.items()
    ]


def _checklist(picture: Picture) -> list[Entry]:
    review = picture.view.evidence.get(EvidenceKind.REVIEW)
    points = mappings(review.detail.get("checklist")) if review else []
    if not points:
        return []
    entries = [_heading("checklist", f"{len(points)} answered")]
    for point in points:
        verdict = str(point.get("verdict", ""))
        mark, ink = verdict_mark(verdict)
        name = str(point.get("point", "")).replace("_", " ")
        right = (said(verdict.replace("_", " "), ink, 30),)
        entries.append(Entry("point", Span(mark, ink), name, right, data=point))
    return entries


def verdict_mark(verdict: str) -> tuple[str, str]:
    """Return glyph and ink of an answer on the checklist; not applicable is neither good nor bad."""
    word = verdict.lower().replace(" ", "_")
    if word in {"ok", "pass", "passed", "good", "yes", "green"}:
        return words.OK, "ok"
    return ("–", "muted") if "not_applicable" in word or word == "n/a" else (words.BAD, "bad")


def _receipt(receipt: ReceiptView, tree: str) -> Entry:
    stale, mark = is_stale(receipt, tree), receipt_mark(receipt, tree)
    label, command = receipt_label(receipt), told_run(receipt)
    struck = "muted strike" if stale else "text"
    came = receipt_outcome(receipt)
    if meant_to_fail(receipt) and receipt.exit_code:
        came = came.replace(f"exit {receipt.exit_code}", "as it must")
    right = (said("stale" if stale else came, "need" if stale else "muted", 40),)
    return Entry("receipt", mark, command, right, struck, receipt=receipt, label=label)


def first_line(text: object) -> str:
    """Return the first line of a text."""
    return str(text).strip().split("\n")[0][:2000]
