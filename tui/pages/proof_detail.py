"""Everything about one piece of evidence, one finding or one receipt, for reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.machine.states import EVIDENCE_TITLES, EvidenceKind
from core.text import clean
from tui import words
from tui.ink import BLANK, Line, Span, cells, cut_line, said, wrap
from tui.pages.parts import (
    approver,
    bullet,
    evidence_mark,
    heading,
    is_stale,
    mappings,
    meant_to_fail,
    paragraph,
    receipt_label,
    receipt_outcome,
    texts,
)
from tui.pages.plan import plan_lines, requirement_lines
from tui.pages.proofs import Entry
from tui.pages.uncovered import Code, uncovered_page
from tui.picture import Picture

if TYPE_CHECKING:
    from core.service.views import EvidenceView, ReceiptView


_APPROVED = (EvidenceKind.REQUIREMENT, EvidenceKind.PLAN, EvidenceKind.REVIEW)
"""What needs a person's or the policy's yes beside being green."""


def detail_page(
    entry: Entry,
    picture: Picture,
    width: int,
    now: float,
    output: Sequence[str] | None,
    code: Code | None = None,
) -> Sequence[Line]:
    """Return all that is known of an entry: a receipt with its output, uncovered lines with their code, once
    that is read."""
    match entry.kind:
        case "evidence" if entry.evidence is not None:
            return _evidence_detail(entry.evidence, picture, width)
        case "receipt" if entry.receipt is not None:
            return _receipt_detail(entry.receipt, picture, width, now, output)
        case "finding":
            return _finding_detail(entry, width)
        case "evidence":
            return [(Span(f"There is no {entry.why} evidence yet.", "muted"),)]
        case "uncovered":
            return uncovered_page(entry, width, code)
        case "heading":
            return [(Span("Choose something on the left.", "muted"),)]
    return _fields(entry.title, entry.data, width)


def clause_lines(detail: Mapping[str, Any], width: int, indent: int = 0) -> list[Line]:
    """Return what a gate looked at, a clause a line; one that does not apply is neither green nor red."""
    lines: list[Line] = []
    for clause in mappings(detail.get("clauses")):
        mark, ink = clause_mark(clause)
        name = Span(f"{said(clause.get('name', ''), limit=40).text:<18}", "strong")
        why = str(clause.get("why") or clause.get("text") or "")
        text = f"not applicable: {why}" if clause.get("applies") is False else why
        lines += bullet(
            (Span(" " * indent + f"{mark} ", ink), name, Span(" ")), (said(text, "muted", 400),), width
        )
    return lines


def clause_mark(clause: Mapping[str, Any]) -> tuple[str, str]:
    """Return glyph and ink of a clause."""
    if clause.get("applies") is False:
        return "–", "muted"
    return (words.OK, "ok") if clause.get("ok") else (words.BAD, "bad")


_PLANNED = {"summary", "assumptions", "open_questions", "tasks", "files", "risks", "proofs", "kind_of_change"}
"""What a requirement and a plan hold, told in lines of its own."""


def _evidence_detail(view: EvidenceView, picture: Picture, width: int) -> list[Line]:
    mark, ink = evidence_mark(view)
    state = "counts" if view.current else ("stale" if view.ok else "not green")
    lines = heading(EVIDENCE_TITLES[view.kind], width, (Span(f"{mark} ", ink), said(state, ink, 60)))
    lines += paragraph(view.summary, width, "strong")
    if not view.current and view.why != f"not green: {view.summary}":
        lines += paragraph(view.why, width, ink)
    if overridden := getattr(view, "overridden", ""):
        lines += bullet(Span("OVERRIDDEN ", "bad bold"), (said(overridden, "bad", 1000),), width)
    if view.approved_by or view.kind in _APPROVED:
        approved = approver(view.approved_by) if view.approved_by else "nobody yet"
        lines += _row("approved by", approved, width)
    lines += _row("digest", view.digest, width)
    lines += _planned_lines(view, picture, width)
    if clauses := clause_lines(view.detail, width):
        lines += [BLANK, *heading("clauses", width), *clauses]
    for failure in mappings(view.detail.get("failures"))[:100]:
        lines += [
            BLANK,
            *bullet(Span(f"{words.BAD} ", "bad"), (said(failure.get("name", ""), "strong", 300),), width),
        ]
        for row in clean(str(failure.get("text", ""))).split("\n")[:40]:
            lines += paragraph(row, width, "muted", indent=2)
    lines += criteria_lines(view.detail, width)
    for note in texts(view.detail.get("notes")):
        lines += bullet(Span("· ", "muted"), (said(note, "muted", 600),), width)
    known = {
        "clauses",
        "failures",
        "criteria",
        "notes",
        "findings",
        "old_findings",
        "checklist",
        "receipts",
        "mutants",
        "accepted",
    }
    lines += _file_lines(view, width)
    if view.kind in _APPROVED[:2]:
        known |= _PLANNED
    elif view.kind is EvidenceKind.CODE:
        known |= {"files"}
    elif any(clause.get("name") == "coverage" for clause in mappings(view.detail.get("clauses"))):
        known |= {"coverage", "counts", "uncovered"}
    rest = {k: v for k, v in view.detail.items() if k not in known and v not in ([], {}, None, "")}
    return [*lines, *([BLANK, *_fields("more", rest, width)] if rest else [])]


def _planned_lines(view: EvidenceView, picture: Picture, width: int) -> list[Line]:
    """A requirement with its criteria, or a plan with its tasks and the proofs it names."""
    if view.kind is EvidenceKind.REQUIREMENT:
        plan = picture.view.evidence.get(EvidenceKind.PLAN)
        return [BLANK, *requirement_lines(view.detail, plan.detail if plan else {}, width)]
    if view.kind is not EvidenceKind.PLAN:
        return []
    lines = [BLANK, *plan_lines(view.detail, width)]
    proofs = mappings(view.detail.get("proofs"))
    lines += [BLANK, (Span("Proofs", "muted bold"),)] if proofs else []
    for proof in proofs:
        number = said(proof.get("criterion", ""), "run bold", 4).text
        kind = said(proof.get("kind", ""), limit=20).text.replace("_", " ")
        text = (said(proof.get("proof", ""), "code", 300), Span(f"  {kind}", "faint"))
        lines += bullet(Span(f"{number:>3} ", "run bold"), text, width)
    return lines


def _file_lines(view: EvidenceView, width: int) -> list[Line]:
    """The files that the code changes, with the lines of each."""
    files = mappings(view.detail.get("files")) if view.kind is EvidenceKind.CODE else []
    lines: list[Line] = [BLANK, *heading("files", width)] if files else []
    for file in files[:200]:
        added, removed = (
            said(f"{sign}{file.get(n, 0)}", limit=8).text for sign, n in (("+", "added"), ("−", "removed"))
        )
        counts = (Span(f"{added:>6} ", "ok"), Span(f"{removed:>6}  ", "bad"))
        text = (
            said(file.get("path", ""), "strong", 300),
            Span("  "),
            said(file.get("status", ""), "muted", 30),
        )
        lines += bullet(counts, text, width)
    return lines


def criteria_lines(detail: Mapping[str, Any], width: int) -> list[Line]:
    """Return each criterion with the tests that prove it, where the tests' evidence says so."""
    proofs = criteria_of(detail)
    if not proofs:
        return []
    lines = [BLANK, *heading("criteria", width)]
    for number, tests in proofs.items():
        for i, (name, ok) in enumerate(tests):
            mark, ink = (words.OK, "ok") if ok else (words.BAD, "bad")
            lead = f"{number:>3} " if i == 0 else "    "
            lines += bullet(
                (Span(lead, "run bold"), Span(f"{mark} ", ink)), (said(name, "code", 300),), width
            )
        if not tests:
            lines.append((Span(f"{number:>3} ", "run bold"), Span("no test proves it", "need")))
    return lines


_HELD = ("proved", "kept", "accepted")
"""States of a proof that let its criterion stand."""


def criteria_of(detail: Mapping[str, Any]) -> dict[int, list[tuple[str, bool]]]:
    """Return the proofs of each criterion and whether they hold; empty when nothing says it."""
    found: dict[int, list[tuple[str, bool]]] = {}
    for told in mappings(detail.get("criteria")):
        if str(told.get("criterion")).isdecimal():
            proofs = mappings(told.get("proofs"))
            held = [(str(proof.get("proof") or ""), proof.get("state") in _HELD) for proof in proofs]
            found[int(told["criterion"])] = held
    return dict(sorted(found.items()))


def _row(name: str, text: object, width: int, ink: str = "text") -> list[Line]:
    return bullet(Span(f"{f'{name} ':<14}", "muted"), (said(text, ink, 2000),), width)


def _fields(title: str, data: Mapping[str, Any], width: int) -> list[Line]:
    lines = heading(clean(title, lines=False, limit=100), width)
    for name, value in data.items():
        label = clean(str(name).replace("_", " "), lines=False, limit=14)
        for told in _each(value):
            lines += _row(label, told, width)
            label = ""
    return lines


def _each(value: Any) -> list[str]:
    """Return what stands in a field: sentences one below the other, everything else in a row."""
    if isinstance(value, (list, tuple)):
        if not value:
            return ["none"]
        if all(isinstance(v, str) and " " in v for v in value):
            return [str(v) for v in value[:50]]
    return [_told(value)]


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {_told(v)}" for k, v in list(value.items())[:50])
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(_told(v) for v in list(value)[:50])
    return "-" if value is None else str(value)


def _finding_detail(entry: Entry, width: int) -> list[Line]:
    finding = entry.data
    lines = heading("finding", width, entry.right)
    lines += paragraph(finding.get("text", ""), width, "strong")
    accepted = finding.get("accepted")
    if accepted:
        lines += bullet(Span(f"{words.OK} accepted ", "ok bold"), (said(accepted, "ok", 1000),), width)
    rest = {k: v for k, v in finding.items() if k not in ("text", "accepted") and v not in (None, "")}
    return [*lines, BLANK, *_fields("all of it", rest, width)]


def _receipt_detail(
    receipt: ReceiptView, picture: Picture, width: int, now: float, output: Sequence[str] | None
) -> Sequence[Line]:
    stale = is_stale(receipt, picture.tree)
    right: Line = (Span("stale: the files have changed since", "need"),) if stale else ()
    head = heading(receipt_label(receipt), width, right)
    head += paragraph(" ".join(receipt.argv) or receipt.key, width, "muted strike" if stale else "code")
    result = receipt_outcome(receipt) + (
        ", as it must" if meant_to_fail(receipt) and receipt.exit_code else ""
    )
    attempt = next((a for a in picture.attempts if a.attempt_id == receipt.attempt_id), None)
    at = receipt.at.astimezone()
    facts = [
        ("purpose", receipt.data.get("title") or receipt.kind),
        ("result", result),
        ("exit code", receipt.exit_code),
        ("signal", receipt.signal),
        ("limit", receipt.limit),
        ("counts", ", ".join(f"{v} {k}" for k, v in (receipt.counts or {}).items())),
        (
            "took",
            words.duration(receipt.seconds) if receipt.seconds >= 1 else f"{receipt.seconds * 1000:.0f}ms",
        ),
        ("ran", f"{at:%Y-%m-%d %H:%M:%S}, {words.age(now - receipt.at.timestamp())} ago"),
        ("sandbox", receipt.sandbox),
        ("asked by", receipt.asked_by),
        ("attempt", f"{words.state_word(attempt.state)} {attempt.number}" if attempt else receipt.attempt_id),
        ("tree before", receipt.tree_before),
        ("tree after", receipt.tree_after if receipt.tree_after != receipt.tree_before else "the same"),
        ("output", receipt.output_digest),
        ("key", receipt.key),
        ("id", receipt.receipt_id),
    ]
    for name, value in facts:
        if value not in (None, ""):
            head += _row(name, value, width)
    known = {"title", "argv", "exit_code", "signal", "seconds", "sandbox", "tree_before", "tree_after"}
    known |= {"counts", "asked_by", "output_digest", "cut", "limit", "key", "kind"}
    rest = {k: v for k, v in receipt.data.items() if k not in known and v not in (None, "", [], {})}
    if rest:
        head += [BLANK, *_fields("more", rest, width)]
    cut = (Span("cut by the limit of the sandbox", "need"),) if receipt.cut else ()
    head += [BLANK, *heading("output", width, cut)]
    if output is None:
        return [*head, (Span("reading it", "muted"),)]
    if not output:
        return [*head, (Span("It printed nothing.", "muted"),)]
    return Output(head, output, width)


class Output(Sequence[Line]):
    """A head, and the lines of an output, each made when it is seen."""

    def __init__(self, head: list[Line], output: Sequence[str], width: int) -> None:
        self._head, self._output, self._width = head, output, width

    def __len__(self) -> int:
        return len(self._head) + len(self._output)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if index < len(self._head):
            return self._head[index]
        return cut_line((Span(self._output[index - len(self._head)], "text"),), self._width)


def output_rows(text: str, width: int) -> list[str]:
    """Return an output as rows that fit: cleaned, long lines broken. A megabyte takes its time."""
    rows: list[str] = []
    for line in clean(text).rstrip("\n").split("\n"):
        if len(line) <= width and line.isascii():
            rows.append(line)
            continue
        rows += _broken(line, width)
    return rows if any(rows) else []


def _broken(line: str, width: int) -> list[str]:
    if cells(line) <= width:
        return [line]
    return ["".join(span.text for span in row) for row in wrap((Span(line),), width)]
