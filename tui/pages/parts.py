"""Pieces that several pages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from core.machine.states import EVIDENCE_TITLES, EvidenceKind
from tui import words
from tui.ink import BLANK, Line, Span, cut_line, said, spread, width_of, wrap

if TYPE_CHECKING:
    from core.service.views import EvidenceView, ReceiptView

NARROW = 60
"""Cells below which a page puts what else stands at the right end into a line of its own."""


def heading(title: str, width: int, right: Line = (), ink: str = "strong bold") -> list[Line]:
    """Return a section's heading with a rule behind it, and something at its right end."""
    left = (Span(title.upper(), ink), Span(" "))
    tail = (Span(" "), *right) if right else ()
    rule = max(0, width - width_of(left) - width_of(tail))
    return [cut_line((*left, Span("─" * rule, "rule"), *tail), width)]


def paragraph(text: object, width: int, ink: str = "text", indent: int = 0, limit: int = 4000) -> list[Line]:
    """Return text from outside, wrapped."""
    pad = (Span(" " * indent),) if indent else ()
    return [(*pad, *line) for line in wrap((said(text, ink, limit),), width - indent)]


def bullet(mark: Span | tuple[Span, ...], text: Line, width: int) -> list[Line]:
    """Return a line of a list; further lines are indented behind the mark."""
    marks = (mark,) if isinstance(mark, Span) else mark
    lead = width_of(marks)
    rows = wrap(text, max(8, width - lead))
    return [(*marks, *rows[0]), *((Span(" " * lead), *row) for row in rows[1:])]


def evidence_line(view: EvidenceView | None, kind: EvidenceKind, width: int) -> list[Line]:
    """Return a piece of evidence: does it count, what does it say, who approved it, which digest."""
    name = f"{EVIDENCE_TITLES[kind]:<12}"
    if view is None:
        return [(Span(f"{words.FUTURE} ", "faint"), Span(name, "muted"), Span("none yet", "faint"))]
    mark, ink = evidence_mark(view)
    spans = [Span(f"{mark} ", ink), Span(name, "strong"), said(view.summary, "text")]
    tail: list[Span] = []
    wide = width >= 72
    if view.approved_by:
        tail.append(Span(f"{'approved ' if wide else ''}by {approver(view.approved_by)}", "ok"))
    if wide:
        tail.append(Span(f"  {words.digest(view.digest)}", "faint"))
    lines = [spread(tuple(spans), tuple(tail), width)]
    if view.overridden:
        lines += bullet(Span("  OVERRIDDEN  ", "bad bold"), (said(view.overridden, "bad bold", 1000),), width)
    if not view.current and view.why != f"not green: {view.summary}":
        lines += [(Span(" " * 14), *line) for line in wrap((said(view.why, ink),), width - 14)]
    return lines


def evidence_mark(view: EvidenceView) -> tuple[str, str]:
    """Return glyph and ink of a piece of evidence; one that a person overrode is never green."""
    if view.overridden:
        return words.BAD, "bad"
    if view.current:
        return words.OK, "ok"
    return (words.BAD, "bad") if not view.ok else (words.STALE, "need")


def approver(approved_by: str) -> str:
    """Return who approved: a person's name, or the policy."""
    kind, _, name = approved_by.partition(":")
    return "policy (auto)" if kind == "auto" else (said(name or kind, limit=40).text)


_TYPED = 40
"""Characters of a command that somebody typed, into a file of settings or a prompt."""
ON_BASE = "on base"
"""What a run on the commit that the workflow started from is called."""
AGAIN = "again"
"""What a run is called that asks whether a failure was one by chance."""
_SUITES = {
    **{"new": "tests", "base": ON_BASE, "kept": "kept", "red": "red first", "mutants": "mutants"},
    **{"control": "control", "control_whole": "control", "control-quiet": "control", "alarm": "runner"},
    **{"mutants-before": "mutants"},
}
"""What a run of the tests is called, by the name in its key."""
_MEANT_TO_FAIL = ("red", "control", "alarm")
"""Runs that prove something by failing."""
_BOUND_TO_TREE = frozenset({"tests", "kept", AGAIN, "lint", "types", "security", "secrets", "smoke"})
"""Runs that say something about the files as they are, and nothing once those have changed."""


_MADE_OF_TREE = frozenset({"control", "runner", "mutants", "hidden"})
"""Runs on the files with something taken out, put in or changed."""
_TREE = re.compile(r":([0-9a-f]{16})(?::[0-9a-f]+)?$")
"""Where a receipt's key names the beginning of the tree that the run is about."""
_TOOL = re.compile(r"scan:([\w-]+):")
"""Where a receipt's key names the scanner."""
_SUITE = re.compile(r"(?:^|-)tests:([\w-]+):")
"""Where a receipt's key names the run of the tests; what stands before it is the step that asked."""


def receipt_label(receipt: ReceiptView) -> str:
    """Return what the engine ran this for, in a word or two."""
    if name := _suite(receipt):
        if name.startswith("again"):
            return ON_BASE if "base" in name else AGAIN
        return said(_SUITES.get(name, name), limit=12).text
    if str(receipt.data.get("title", "")).endswith("of the base"):
        return ON_BASE
    return said(receipt.kind, limit=12).text


def meant_to_fail(receipt: ReceiptView) -> bool:
    """Whether this run proves something by failing: new tests on the base, gutted functions.

    Hidden checks end with one that must fail, to show that the runner still tells; which of the others hold
    stands in the evidence.
    """
    return receipt.kind == "hidden" or _suite(receipt).startswith(_MEANT_TO_FAIL)


def _suite(receipt: ReceiptView) -> str:
    """Return which run of the tests this is; empty for anything else."""
    found = _SUITE.search(receipt.key)
    return found[1] if found else ""


def is_stale(receipt: ReceiptView, tree: str) -> bool:
    """Whether the files changed since, so that the run says nothing any more."""
    label = receipt_label(receipt)
    if label in _MADE_OF_TREE:
        # These ran on files that were made of the tree; their key names it.
        made_of = _TREE.search(receipt.key)
        return bool(tree and made_of) and not tree.startswith(made_of[1] if made_of else "")
    return label in _BOUND_TO_TREE and bool(tree and receipt.tree_before) and receipt.tree_before != tree


def purpose_of(receipt: ReceiptView) -> tuple[str, ...]:
    """Return what a run was for, so that of two with the same purpose the newer one counts."""
    tool = _TOOL.search(receipt.key)
    return receipt.kind, _suite(receipt), receipt_label(receipt), tool[1] if tool else ""


def newest_receipts(receipts: Iterable[ReceiptView], tree: str) -> list[ReceiptView]:
    """Return the newest receipt of each purpose: what counts now first, what is stale last."""
    newest: dict[tuple[str, str], ReceiptView] = {}
    for receipt in receipts:
        purpose = (receipt.kind, receipt_label(receipt))
        newest.pop(purpose, None)
        newest[purpose] = receipt
    latest_first = list(reversed(newest.values()))
    return sorted(latest_first, key=lambda receipt: is_stale(receipt, tree))


def receipt_mark(receipt: ReceiptView, tree: str) -> Span:
    """Return the sign of a run: it says nothing any more, it ended as it should, or it did not."""
    if is_stale(receipt, tree):
        return Span(words.STALE, "need")
    return Span(words.OK, "ok") if _as_meant(receipt) else Span(words.BAD, "bad")


def _as_meant(receipt: ReceiptView) -> bool:
    return (receipt.exit_code == 0) != meant_to_fail(receipt) and not receipt.limit


def _came(receipt: ReceiptView, tree: str) -> Span:
    """What came of a run; in colour only where its exit code is the verdict on the files."""
    must = meant_to_fail(receipt)
    outcome = receipt_outcome(receipt) + (", as it must" if must and _as_meant(receipt) else "")
    plain = must or is_stale(receipt, tree)
    return Span(outcome, "muted" if plain else receipt_mark(receipt, tree).ink)


def receipt_lines(receipt: ReceiptView, width: int, now: float, tree: str) -> list[Line]:
    """Return a receipt in two lines: what ran and what came of it; then how, where, when, on which tree."""
    stale, mark, came = is_stale(receipt, tree), receipt_mark(receipt, tree), _came(receipt, tree)
    title = str(receipt.data.get("title") or "")
    command = shown_command(receipt)
    ran = (
        Span(f"{mark.text} ", mark.ink),
        Span(f"{receipt_label(receipt):<10}", "strong"),
        said(title or command, "muted strike" if stale else "text"),
    )
    seconds = receipt.seconds
    facts = [
        "the files have changed since" if stale else "",
        words.duration(seconds) if seconds >= 1 else f"{seconds * 1000:.0f}ms",
        f"{words.age(now - receipt.at.timestamp())} ago",
    ]
    compared = [
        f"tree {words.digest(receipt.tree_before, COMPARED)}",
        f"output {words.digest(receipt.output_digest, COMPARED)}",
    ]
    rest = [said(receipt.sandbox, limit=60).text, said(command, limit=200).text if title else ""]
    if width < NARROW:
        # Beside what came of it there would be no room for what ran, nor for digests beside the rest.
        told = (Span("  "), came, Span(" · ", "faint"), _faint(*facts, *rest))
        return [cut_line(ran, width), cut_line(told, width), cut_line((Span("  "), _faint(*compared)), width)]
    beside = (Span(" " * 12), _faint(*facts, *compared, *rest))
    return [spread(ran, (came,), width), cut_line(beside, width)]


COMPARED = 12
"""Characters of a digest that are shown where somebody may compare it with another; copied are all."""


def _faint(*facts: str) -> Span:
    return Span(" · ".join(fact for fact in facts if fact), "faint")


def with_digests(text: str, receipts: Iterable[ReceiptView]) -> str:
    """Return what is copied with the digests of receipts whole, where the page cut or broke them."""
    digests = {d for r in receipts for d in (r.output_digest, r.tree_before, r.tree_after)}
    for digest in (d for d in digests if d.isalnum()):
        short, more, rest = digest[:8], digest[8:COMPARED], r"\s*".join(digest[COMPARED:])
        text = re.sub(rf"\b{short}(?:{more}(?:\s*{rest})?)?(?![0-9a-zA-Z])", digest, text)
    return text


ONE_LINE, ROOMY = 72, 96
"""Cells from which on a receipt is told in one line, and in that one with every word."""


def receipt_line(receipt: ReceiptView, width: int, now: float, tree: str) -> Line:
    """Return a receipt in one line: what ran, what came of it, how long ago, on which files."""
    stale, mark, came = is_stale(receipt, tree), receipt_mark(receipt, tree), _came(receipt, tree)
    title = str(receipt.data.get("title") or "") or shown_command(receipt)
    ago = " ago" if width >= ROOMY else ""
    if not ago and receipt.counts:
        came = came._replace(text=came.text.replace(f", exit {receipt.exit_code}", ""))
    right = (
        Span("stale  " if stale else "", "need"),
        came,
        Span(
            f"  {words.age(now - receipt.at.timestamp()):>3}{ago}  {words.digest(receipt.tree_before)}",
            "faint",
        ),
    )
    name = Span(f"{receipt_label(receipt):<10}", "strong")
    return spread(
        (Span(f"{mark.text} ", mark.ink), name, said(title, "muted strike" if stale else "text")),
        right,
        width,
    )


def shown_command(receipt: ReceiptView) -> str:
    """Return the command as people would type it: the interpreter by its name, not by its path."""
    argv = list(receipt.argv)
    if argv and "/" in argv[0]:
        name = argv[0].rpartition("/")[2]
        argv[0] = "python" if name.startswith("python") else name
    return " ".join(argv) or receipt.key


def told_run(receipt: ReceiptView) -> str:
    """Return what ran in the fewest words: a command as somebody would type it, else what it was for."""
    command, title = shown_command(receipt), str(receipt.data.get("title") or "")
    typed = len(command) <= _TYPED and " -I " not in f" {command} " and "/" not in command.partition(" ")[0]
    return command if typed or not title or receipt.kind == "command" else title.removeprefix("running ")


def receipt_outcome(receipt: ReceiptView) -> str:
    """Return what came of a command, in a word or a count."""
    if receipt.limit:
        return f"stopped: {said(receipt.limit, limit=20).text} limit"
    counts = counted(receipt.counts)
    if receipt.signal:
        return f"killed by signal {receipt.signal}"
    code = "" if receipt.exit_code is None else f"exit {receipt.exit_code}"
    return ", ".join(part for part in (counts, code) if part) or "no result"


def counted(counts: Mapping[str, Any] | None) -> str:
    """Return test counts, what went wrong first."""
    if not counts:
        return ""
    names = ("failed", "errors", "passed", "skipped")
    told = (f"{counts[name]} {name}" for name in names if counts.get(name))
    return ", ".join("1 error" if part == "1 errors" else part for part in told)


def listed(title: str, items: Iterable[object], width: int, mark: str = "•", ink: str = "text") -> list[Line]:
    """Return a small heading and its items; nothing when there are none."""
    rows = [
        line
        for item in items
        for line in bullet(Span(f"  {mark} ", "muted"), (said(item, ink, 1000),), width)
    ]
    return [BLANK, (Span(title, "muted bold"),), *rows] if rows else []


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Return the mappings of a list that came from outside."""
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, (list, tuple)) else []


def texts(value: object) -> list[str]:
    """Return the texts of a list that came from outside."""
    return [str(v) for v in value] if isinstance(value, (list, tuple)) else []
