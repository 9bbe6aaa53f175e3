"""What a person has to decide, on one screen: what changed, what ran, what it proves, what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.machine.states import EvidenceKind
from tui import words
from tui.ink import BLANK, Line, Span, said, spread
from tui.pages.diff import stat_lines
from tui.pages.parts import (
    bullet,
    evidence_line,
    evidence_mark,
    heading,
    mappings,
    newest_receipts,
    paragraph,
    receipt_lines,
    texts,
)
from tui.picture import Picture

if TYPE_CHECKING:
    from core.service.views import DecisionView


def decision_head(decision: DecisionView, width: int, now: float) -> list[Line]:
    """Return the question, large and alone."""
    what = (
        words.waits_for(decision.subject) if decision.kind != "failed" else "it failed: decide how to go on"
    )
    mark = words.BAD if decision.kind == "failed" else words.NEED
    ink = "bad bold" if decision.kind == "failed" else "need bold"
    right = (Span(f"waits {words.duration(now - decision.since.timestamp())}", "muted"),)
    lines = [
        spread((Span(f"{mark} {what}", ink),), right, width),
        (Span(f"  {decision.build_id}  ", "muted"), said(decision.title, "strong bold")),
    ]
    for row in decision.question.split("\n")[:6]:
        lines += paragraph(row, width - 2, "text", indent=2)
    return lines


def decision_page(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    """Return everything that the decision rests on, what matters most for it first."""
    parts = {
        "plan": [_criteria, _plan, _cost],
        "requirement": [_criteria, _cost],
    }.get(decision.subject.partition(":")[2], [_gate, _failures, _changed, _ran, _proves, _review, _cost])
    lines: list[Line] = []
    for part in parts:
        section = part(decision, picture, width, now)
        if section:
            lines += [*([BLANK] if lines else []), *section]
    return lines


def _criteria(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    requirement = decision.evidence.get(EvidenceKind.REQUIREMENT)
    count = words.plural(len(decision.criteria), "criterion").replace("criterions", "criteria")
    lines = heading("what will be built", width, (Span(count, "muted"),))
    for criterion in decision.criteria:
        lines += bullet(
            Span(f"{criterion.number:>3} ", "run bold"), (said(criterion.text, limit=1000),), width
        )
        if criterion.proof:
            lines += bullet(Span("    ↳ ", "faint"), (said(criterion.proof, "code", 300),), width)
    for assumption in texts(requirement.detail.get("assumptions")) if requirement else []:
        lines += bullet(
            Span("  ? ", "need bold"), (Span("assumed: ", "need"), said(assumption, limit=600)), width
        )
    return lines


def _plan(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    plan = decision.evidence.get(EvidenceKind.PLAN)
    if plan is None:
        return []
    kind = str(plan.detail.get("kind_of_change", ""))
    lines = heading("how", width, (said(kind, "muted"),) if kind else ())
    lines += paragraph(plan.detail.get("summary", ""), width)
    for task in mappings(plan.detail.get("tasks")):
        lines += bullet(Span("  • ", "muted"), (said(task.get("text", ""), limit=600),), width)
    files = texts(plan.detail.get("files"))
    if files:
        lines += bullet(Span("  files  ", "muted"), (said(", ".join(files), "code", 600),), width)
    for risk in texts(plan.detail.get("risks")):
        lines += bullet(Span("  ! ", "need bold"), (Span("risk: ", "need"), said(risk, limit=600)), width)
    return lines


def _gate(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    missing = [item for item in decision.gate if not item.ok and not item.what.startswith("approval")]
    if not missing:
        return []
    lines = heading("what the gate still lacks", width, ink="need bold")
    for item in missing:
        why = item.why
        if decision.subject == "approval:release" and item.what == EvidenceKind.SMOKE.value:
            why = "runs after your yes, before the branch moves"
        text = (said(item.what, "strong"), Span("  "), said(why, "text", 300))
        lines += bullet(Span(f"{words.FUTURE} ", "need"), text, width)
    return lines


def _failures(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    rows: list[Line] = []
    for evidence in decision.evidence.values():
        if evidence.ok or not evidence.why.startswith("not green"):
            continue
        for failure in mappings(evidence.detail.get("failures"))[:8]:
            rows += bullet(
                Span(f"{words.BAD} ", "bad"), (said(failure.get("name", ""), "strong", 300),), width
            )
            for line in str(failure.get("text", "")).split("\n")[:4]:
                rows += paragraph(line, width, "muted", indent=4)
    return [*heading("what is wrong", width, ink="bad bold"), *rows] if rows else []


def _changed(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    stat = picture.checkpoints[-1].diffstat if picture and picture.checkpoints else {}
    lines = stat_lines(stat, width, most=12)
    if lines:
        return lines[:-1]
    if decision.diff is None or not decision.diff.files:
        return []
    return heading(
        words.plural(decision.diff.files, "file"),
        width,
        (Span(f"+{decision.diff.added}", "add"), Span(" "), Span(f"-{decision.diff.removed}", "del")),
    )


def _ran(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    tree = picture.tree if picture else ""
    receipts = newest_receipts(picture.receipts if picture else decision.receipts, tree)
    if not receipts:
        return []
    lines = heading("what ran", width, (Span("the engine's own receipts", "muted"),))
    for receipt in receipts:
        lines += receipt_lines(receipt, width, now, tree)
    return lines


def _proves(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    if not decision.criteria:
        return []
    tests = decision.evidence.get(EvidenceKind.TESTS)
    mark, ink = evidence_mark(tests) if tests else (words.FUTURE, "muted")
    lines = heading("what it proves", width)
    for kind in EvidenceKind:
        if kind in decision.evidence:
            lines += evidence_line(decision.evidence[kind], kind, width)
    lines.append(BLANK)
    for criterion in decision.criteria:
        lead = Span(f"{mark} {criterion.number:>2} ", ink)
        lines += bullet(lead, (said(criterion.text, limit=600),), width)
    return lines


def _review(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    if not decision.findings and not decision.checklist:
        return []
    count = words.plural(len(decision.findings), "new finding") if decision.findings else "no new finding"
    lines = heading("review", width, (Span(count, "need" if decision.findings else "ok"),))
    for finding in decision.findings[:10]:
        where = f"{finding.get('path', '')}:{finding.get('line', '')}  {finding.get('rule', '')}"
        lines += bullet(
            Span("! ", "need bold"), (said(where, "code"), Span("  "), said(finding.get("text", ""))), width
        )
    for point in decision.checklist:
        name = str(point.get("point", "")).replace("_", " ")
        fine = point.get("verdict") in ("pass", "not_applicable")
        lead = Span(f"{words.OK if fine else words.BAD} ", "ok" if fine else "bad")
        lines += bullet(
            lead, (said(name, "strong"), Span("  "), said(point.get("answer", ""), "muted", 600)), width
        )
    return lines


def _cost(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    spent = words.spent(decision.cost_usd, decision.budget_usd)
    lines = heading("what it costs", width)
    lines.append((Span("so far  ", "muted"), Span(spent, "strong")))
    if picture and picture.attempts:
        by_phase: dict[str, float] = {}
        for attempt in picture.attempts:
            by_phase[attempt.state.value] = by_phase.get(attempt.state.value, 0.0) + attempt.cost_usd
        parts = [f"{state.replace('_', ' ')} {words.money(usd)}" for state, usd in by_phase.items() if usd]
        if parts:
            lines += paragraph(", ".join(parts), width, "muted")
    return lines
