"""What a person has to decide, on one screen: what changed, what ran, what it proves, what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.machine.states import EVIDENCE_TITLES, EvidenceKind
from tui import words
from tui.ink import BLANK, Line, Span, cut_line, said, spread, width_of, wrap
from tui.pages.back import prices_back
from tui.pages.diff import stat_lines
from tui.pages.parts import (
    AGAIN,
    ON_BASE,
    ONE_LINE,
    approver,
    bullet,
    evidence_line,
    evidence_mark,
    heading,
    mappings,
    newest_receipts,
    paragraph,
    receipt_label,
    receipt_line,
    receipt_lines,
    texts,
)
from tui.pages.proof_detail import criteria_of
from tui.pages.proofs import verdict_mark
from tui.picture import Picture

if TYPE_CHECKING:
    from core.service.views import AskView, DecisionView


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
        cut_line((Span(f"  {decision.build_id}  ", "muted"), said(decision.title, "strong bold")), width),
    ]
    for row in decision.question.split("\n")[:6]:
        lines += paragraph(row, width - 2, "text", indent=2)
    return lines


def told_lines(told: Sequence[str], width: int) -> list[Line]:
    """What else is to be known before the yes, a sentence a line, below the question."""
    return [row for text in told for row in wrap((Span("  "), said(text, "muted", 400)), width, 2)]


def decision_page(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    """Return everything that the decision rests on, what matters most for it first."""
    parts = {
        "plan": [_criteria, _plan, _cost],
        "requirement": [_criteria, _cost],
    }.get(
        decision.subject.partition(":")[2],
        [_asks, _gate, _failures, _changed, _ran, _proves, _review, _on_record, _cost],
    )
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
        text = (said(_called(item.what), "strong"), Span("  "), said(why, "text", 300))
        lines += bullet(Span(f"{words.FUTURE} ", "need"), text, width)
    return lines


def _called(what: str) -> str:
    """How people call what a gate asks for."""
    return EVIDENCE_TITLES[EvidenceKind(what)] if what in EVIDENCE_TITLES else what


def _failures(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    rows: list[Line] = []
    asked = {ask.key for ask in decision.asks}
    for evidence in decision.evidence.values():
        if evidence.ok or not evidence.why.startswith("not green"):
            continue
        told = [f for f in mappings(evidence.detail.get("failures")) if f.get("key") not in asked]
        for failure in told[:8]:
            rows += bullet(
                Span(f"{words.BAD} ", "bad"), (said(failure.get("name", ""), "strong", 300),), width
            )
            for line in str(failure.get("text", "")).split("\n")[:4]:
                rows += paragraph(line, width, "muted", indent=4)
    return [*heading("what is wrong", width, ink="bad bold"), *rows] if rows else []


def _changed(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    stat = picture.kept.diffstat if picture and picture.kept else {}
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
    newest = newest_receipts(picture.receipts if picture else decision.receipts, tree)
    # How it was before, what was tried again, and what a role ran for itself prove nothing of these files.
    receipts = [r for r in newest if r.asked_by == "engine" and receipt_label(r) not in (ON_BASE, AGAIN)]
    if not receipts:
        return []
    lines = heading("what ran", width, (Span("the engine's own receipts, on these files", "muted"),))
    if width >= ONE_LINE:
        return lines + [receipt_line(receipt, width, now, tree) for receipt in receipts]
    for receipt in receipts:
        lines += receipt_lines(receipt, width, now, tree)
    return lines


def _proves(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    if not decision.criteria:
        return []
    lines = heading("what it proves", width)
    for kind in EvidenceKind:
        if kind in decision.evidence:
            lines += evidence_line(decision.evidence[kind], kind, width)
    return [*lines, BLANK, *_criteria_with_tests(decision, width)]


def _criteria_with_tests(decision: DecisionView, width: int) -> list[Line]:
    """Each criterion with the tests that prove it: on its own line where they fit, below it where not."""
    tests = decision.evidence.get(EvidenceKind.TESTS)
    known = criteria_of(tests.detail) if tests else {}
    lines: list[Line] = []
    for criterion in decision.criteria:
        mark, ink = evidence_mark(tests) if tests else (words.FUTURE, "muted")
        names: list[tuple[str, bool]] = known.get(criterion.number, [])
        if known and not names:
            mark, ink = ("!", "need bold")
        elif names:
            mark, ink = (words.OK, "ok") if all(ok for _, ok in names) else (words.BAD, "bad")
        left: Line = (Span(f"{mark} {criterion.number:>2} ", ink), said(criterion.text, limit=600))
        told = ", ".join(name.rpartition("::")[2] for name, _ in names)
        told = told or ("no test names it" if known else criterion.proof.rpartition("::")[2])
        right: Line = (said(told, "code" if names or not known else "need", 300),)
        if width_of(left) + width_of(right) + 3 <= width:
            lines.append(spread(left, right, width))
            continue
        lines += bullet(left[0], (left[1],), width)
        lines += bullet(Span("     ↳ ", "faint"), right, width) if told else []
    return lines


def _asks(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    """What a person has to say yes or no to by itself, each under its number."""
    if not decision.asks:
        return []
    waiting = open_asks(decision)
    count = f"{len(waiting)} open" if waiting else "all answered"
    lines = heading("your own yes or no, one by one", width, (Span(count, "need bold" if waiting else "ok"),))
    for number, ask in enumerate(waiting, start=1):
        key = Span(f" {number} " if number <= 9 else "   ", "need bold reverse" if number <= 9 else "muted")
        what = "hidden check" if ask.strikes else ask.evidence.value
        text: Line = (said(ask.name, "strong", 300), Span("  "), said(ask.text, "text", 600))
        lines += bullet((key, Span(f" {what:<12} ", "muted")), text, width)
    for ask in decision.asks:
        if not ask.open:
            text = (said(ask.name, "muted", 300), Span("  "), said(ask.answer, "ok", 400))
            lines += bullet(Span(f" {words.OK}  ", "ok"), text, width)
    return lines


def open_asks(decision: DecisionView) -> list[AskView]:
    """Return what nobody has answered yet, in the order of their numbers."""
    return [ask for ask in decision.asks if ask.open]


def _on_record(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    """What persons have said to gates and findings: it stays on the card for ever."""
    said_ = picture.view.said if picture else ()
    if not said_:
        return []
    lines = heading("on the record", width)
    for word in said_:
        loud = word.verdict == "overridden"
        mark = Span(f"{'!!' if loud else words.OK} {word.verdict} ", "bad bold" if loud else "ok")
        who = f"by {approver(word.by)}: "
        lines += bullet(
            mark, (said(word.what, "strong", 300), Span("  "), said(who + word.reason, "muted", 600)), width
        )
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
    return lines + _checklist(decision.checklist, width)


def _checklist(points: Sequence[Mapping[str, Any]], width: int) -> list[Line]:
    """The points that passed in one sentence, the others with their answer."""
    passed: list[str] = []
    lines: list[Line] = []
    for point in points:
        mark, ink = verdict_mark(str(point.get("verdict", "")))
        name = said(str(point.get("point", "")).replace("_", " "), "strong", 60)
        if ink == "ok":
            passed.append(name.text)
            continue
        answer = said(point.get("answer", ""), "muted", 600)
        lines += bullet(Span(f"{mark} ", ink), (name, Span("  "), answer), width)
    if passed:
        told = (
            Span(f"{len(passed)} of {len(points)} points pass: ", "strong"),
            Span(", ".join(passed), "muted"),
        )
        lines = [*bullet(Span(f"{words.OK} ", "ok"), told, width), *lines]
    return lines


def _cost(decision: DecisionView, picture: Picture | None, width: int, now: float) -> list[Line]:
    lines = heading("what it costs", width)
    lines.append(_price("so far", words.spent(decision.cost_usd, decision.budget_usd)))
    if picture and picture.attempts:
        by_phase: dict[str, float] = {}
        for attempt in picture.attempts:
            word = words.state_word(attempt.state)
            by_phase[word] = by_phase.get(word, 0.0) + attempt.cost_usd
        parts = [f"{state} {words.money(usd)}" for state, usd in by_phase.items() if usd]
        if parts:
            lines += paragraph(", ".join(parts), width, "muted", indent=_PRICES)
    if decision.budget_usd:
        left = max(0.0, decision.budget_usd - decision.cost_usd)
        lines.append(_price("going on", f"from the {words.money(left)} that are left"))
    if picture:
        lines += [
            _price(f"back to {words.state_word(target)}", f"{usd} and {took} of work since then, once more")
            for target, usd, took in prices_back(picture)
        ]
    return lines


_PRICES = 26
"""Cells in front of a price."""


def _price(name: str, told: str) -> Line:
    return (Span(f"{name:<{_PRICES}}", "muted"), Span(told, "strong"))


def price_line(decision: DecisionView, picture: Picture | None, width: int) -> Line:
    """Return in one line what it costs to go on or back, for whoever has not read the page to its end."""
    parts: list[tuple[str, str]] = [("so far ", words.money(decision.cost_usd))]
    left = max(0.0, (decision.budget_usd or 0.0) - decision.cost_usd)
    parts.append(("on ", f"{words.money(left)} left" if decision.budget_usd else "no limit is set"))
    for place, (target, usd, took) in enumerate(prices_back(picture) if picture else ()):
        parts.append(("" if place else "back ", f"{words.SHORT_PHASES[target]} {usd} {took}"))
    spans: list[Span] = []
    for name, told in parts:
        spans += [Span(" · ", "faint")] * bool(spans) + [Span(name, "muted"), Span(told, "text")]
    return cut_line(tuple(spans), width)
