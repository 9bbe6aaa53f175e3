"""What was asked for, what was understood, and how it will be built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.machine.states import EvidenceKind
from tui import words
from tui.ink import BLANK, Line, Span, said
from tui.pages.parts import approver, bullet, evidence_mark, heading, listed, mappings, paragraph, texts
from tui.picture import Picture


def plan_page(picture: Picture, width: int) -> list[Line]:
    """Return request, requirement with its criteria and proofs, and plan."""
    view = picture.view
    lines = heading("request", width)
    for row in view.request.split("\n")[:60]:
        lines += paragraph(row, width)
    lines += [BLANK, *_requirement(picture, width), BLANK, *_plan(picture, width)]
    return lines


def _status(picture: Picture, kind: EvidenceKind) -> Line:
    evidence = picture.view.evidence.get(kind)
    if evidence is None:
        return (Span("not written yet", "faint"),)
    if evidence.current and not evidence.approved_by:
        return (Span(f"{words.FUTURE} not approved yet", "need"),)
    mark, ink = evidence_mark(evidence)
    word = f"approved by {approver(evidence.approved_by)}"
    return (Span(f"{mark} ", ink), Span(word if evidence.current else said(evidence.why, limit=60).text, ink))


def _detail(picture: Picture, kind: EvidenceKind) -> Mapping[str, Any]:
    evidence = picture.view.evidence.get(kind)
    return evidence.detail if evidence else {}


def _requirement(picture: Picture, width: int) -> list[Line]:
    plan = _detail(picture, EvidenceKind.PLAN)
    lines = heading("requirement", width, _status(picture, EvidenceKind.REQUIREMENT))
    return [*lines, *requirement_lines(_detail(picture, EvidenceKind.REQUIREMENT), plan, width)]


def requirement_lines(detail: Mapping[str, Any], plan: Mapping[str, Any], width: int) -> list[Line]:
    """Return what was understood: its criteria, each with the proof that the plan names for it."""
    lines = paragraph(detail["summary"], width) if detail.get("summary") else []
    proofs: dict[Any, list[str]] = {}
    for proof in mappings(plan.get("proofs")):
        proofs.setdefault(proof.get("criterion"), []).append(str(proof.get("proof", "")))
    criteria = mappings(detail.get("criteria"))
    lines += [BLANK] * bool(criteria)
    for criterion in criteria:
        number = criterion.get("number", "")
        lines += bullet(
            Span(f"{number!s:>3} ", "run bold"), (said(criterion.get("text", ""), limit=1000),), width
        )
        for text in proofs.get(number, []):
            lines += bullet(Span("    ↳ ", "faint"), (said(text, "code"),), width)
    lines += listed("Assumed", texts(detail.get("assumptions")), width, "?", "need")
    lines += listed("Open questions", texts(detail.get("open_questions")), width, words.NEED, "need")
    return lines


def _plan(picture: Picture, width: int) -> list[Line]:
    lines = heading("plan", width, _status(picture, EvidenceKind.PLAN))
    return [*lines, *plan_lines(_detail(picture, EvidenceKind.PLAN), width)]


def plan_lines(detail: Mapping[str, Any], width: int) -> list[Line]:
    """Return how it will be built: tasks, files, risks."""
    lines = paragraph(detail["summary"], width) if detail.get("summary") else []
    tasks = mappings(detail.get("tasks"))
    if tasks:
        kind = str(detail.get("kind_of_change", ""))
        lines += [BLANK, (Span("Tasks", "muted bold"), Span("  "), said(kind, "faint"))]
    for task in tasks:
        serves = ", ".join(str(n) for n in task.get("criteria", []) or [])
        text = (said(task.get("text", ""), limit=1000), Span(f"  [{serves}]" if serves else "", "faint"))
        lines += bullet(Span("  • ", "muted"), text, width)
    lines += listed("Files", texts(detail.get("files")), width, "•", "code")
    lines += listed("Risks", texts(detail.get("risks")), width, "!", "need")
    return lines
