"""What ran, what it proves, and whether it still counts."""

from __future__ import annotations

from core.machine.states import EVIDENCE_TITLES, EvidenceKind
from tui import words
from tui.ink import BLANK, Line, Span, cut_line, said
from tui.pages.parts import (
    NARROW,
    bullet,
    evidence_line,
    heading,
    mappings,
    meant_to_fail,
    paragraph,
    receipt_lines,
    texts,
)
from tui.pages.proof_detail import clause_mark
from tui.pages.proofs import verdict_mark
from tui.picture import Picture

_OF_REVIEW = ("lint", "types", "security", "secrets", "scan", "review")
"""Kinds of receipts, by how they begin, that belong to the review."""


def tests_page(picture: Picture, width: int, now: float) -> list[Line]:
    """Return code, tests and smoke: what counts, what failed, and what the engine ran for it."""
    lines = _evidence(picture, (EvidenceKind.CODE, EvidenceKind.TESTS, EvidenceKind.SMOKE), width)
    return [*lines, *_failures(picture, width), BLANK, *_receipts(picture, width, now, review=False)]


def review_page(picture: Picture, width: int, now: float) -> list[Line]:
    """Return the review: what counts, findings, the checklist, and what the scanners said."""
    lines = _evidence(picture, (EvidenceKind.REVIEW,), width)
    lines += _findings(picture, width) + _checklist(picture, width)
    return [*lines, BLANK, *_receipts(picture, width, now, review=True)]


def _evidence(picture: Picture, kinds: tuple[EvidenceKind, ...], width: int) -> list[Line]:
    counting = sum(1 for e in picture.view.evidence.values() if e.current)
    lines = heading("evidence", width, (Span(f"{counting} of {len(EvidenceKind)} count now", "muted"),))
    for kind in kinds:
        lines += evidence_line(picture.view.evidence.get(kind), kind, width)
        lines += _clauses(picture, kind, width)
    return lines


def _clauses(picture: Picture, kind: EvidenceKind, width: int) -> list[Line]:
    """What a gate looked at, a clause a line."""
    evidence = picture.view.evidence.get(kind)
    lines: list[Line] = []
    for clause in mappings(evidence.detail.get("clauses")) if evidence else []:
        mark, ink = clause_mark(clause)
        name = said(clause.get("name", ""), "muted", 60)
        why = str(clause.get("why") or clause.get("text") or "")
        text = said(f"not applicable: {why}" if clause.get("applies") is False else why, "faint", 200)
        if width < NARROW:
            lines += bullet(Span(f"  {mark} ", ink), (name, Span("  "), text), width)
        else:
            lines.append(cut_line((Span(" " * 14), Span(f"{mark} ", ink), name, Span("  "), text), width))
    return lines


def _failures(picture: Picture, width: int) -> list[Line]:
    lines: list[Line] = []
    for evidence in picture.view.evidence.values():
        failures = evidence.detail.get("failures")
        if evidence.ok or not failures:
            continue
        verb = "are" if evidence.kind is EvidenceKind.TESTS else "is"
        title = f"why the {EVIDENCE_TITLES[evidence.kind]} {verb} not green"
        lines += [BLANK, *heading(title, width, ink="bad bold")]
        items = mappings(failures) or [{"name": text} for text in texts(failures)]
        for item in items[:30]:
            lines += bullet(Span(f"{words.BAD} ", "bad"), (said(item.get("name", ""), "strong", 300),), width)
            text = str(item.get("text") or item.get("message") or "")
            for row in text.split("\n")[:8]:
                lines += paragraph(row, width, "muted", indent=4)
    return lines


def _findings(picture: Picture, width: int) -> list[Line]:
    review = picture.view.evidence.get(EvidenceKind.REVIEW)
    findings = mappings(review.detail.get("findings")) if review else []
    if not findings:
        return []
    lines = [BLANK, *heading("findings", width, (Span(words.plural(len(findings), "finding"), "need"),))]
    for finding in findings[:50]:
        where = f"{finding.get('path', '')}:{finding.get('line', '')}"
        rule = f"{finding.get('tool', '')} {finding.get('rule', '')}".strip()
        text = (
            said(where, "code"),
            Span("  "),
            said(rule, "need"),
            Span("  "),
            said(finding.get("text", "")),
        )
        lines += bullet(Span("! ", "need bold"), text, width)
    return lines


def _checklist(picture: Picture, width: int) -> list[Line]:
    review = picture.view.evidence.get(EvidenceKind.REVIEW)
    points = mappings(review.detail.get("checklist")) if review else []
    if not points:
        return []
    lines = [BLANK, *heading("checklist", width)]
    for point in points:
        verdict = str(point.get("verdict", ""))
        mark, ink = verdict_mark(verdict)
        name = said(f"{str(point.get('point', '')).replace('_', ' ')}", "strong")
        lines += bullet(
            Span(f"{mark} ", ink), (name, Span("  "), said(verdict.replace("_", " "), ink)), width
        )
        lines += paragraph(point.get("answer", ""), width, "muted", indent=2)
    return lines


def _receipts(picture: Picture, width: int, now: float, *, review: bool) -> list[Line]:
    shown = [r for r in picture.receipts if r.kind.startswith(_OF_REVIEW) is review]
    count = len(shown)
    lines = heading("receipts", width, (Span(words.plural(count, "command"), "muted"),))
    if not count:
        lines.append((Span("The engine has run nothing yet.", "muted"),))
    for receipt in reversed(shown):
        lines += receipt_lines(receipt, width, now, picture.tree)
        if receipt.exit_code != 0 and not meant_to_fail(receipt):
            tail = [row for row in receipt.output.split("\n") if row.strip()][-4:]
            lines += [
                cut_line((Span(" " * 12 + "│ ", "rule"), said(row, "muted", 300)), width) for row in tail
            ]
    return lines
