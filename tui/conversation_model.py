"""The conversation without its widget: messages as entries, entries as lines. Pure.

Tool calls are folded to one line together with their result, and can be opened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.text import clean
from tui import words
from tui.ink import Line, Span, cut_line, said, width_of, wrap
from tui.markdown import Block, block_lines, markdown_blocks

if TYPE_CHECKING:
    from core.service.views import MessageView

LONGEST = 200_000
"""Characters of one message that are shown."""
ANSWERS = ("tool_result", "blocked")
OPENED_LINES = 40
"""Lines of an opened tool call."""
FOLDED_LINES, UNFOLDED_LINES = 12, 400
"""Lines of what a person said or pasted, and how many there are once it is opened; `y` copies all."""


@dataclass(slots=True)
class Entry:
    """One thing that was said or done: message number `seq`. `result` is filled in when a tool call has come
    back."""

    seq: int
    key: str
    kind: str
    author: str
    text: str
    at: datetime
    attempt_id: str = ""
    name: str = ""
    arguments: Any = None
    result: str | None = None
    failed: bool = False
    blocked: bool = False
    heads: bool = False
    voided: bool = False


def entries_of(messages: Sequence[MessageView], known: list[Entry]) -> list[Entry]:
    """Append what the messages add to `known`, and return the entries that changed or are new."""
    changed: list[Entry] = []
    for message in messages:
        if message.kind in ANSWERS and (call := _call_of(message, known)):
            call.result, call.failed = message.text, not message.data.get("ok", True)
            call.blocked = message.kind == "blocked"
            changed.append(call)
            continue
        entry = Entry(
            seq=message.seq,
            key=message.message_id,
            kind=message.kind,
            author=message.author,
            text=message.text,
            at=message.at,
            attempt_id=message.attempt_id,
            name=str(message.data.get("name", "")),
            arguments=message.data.get("arguments"),
            blocked=message.kind == "blocked",
            voided=message.voided,
        )
        entry.heads = begins(entry, known[-1] if known else None)
        known.append(entry)
        changed.append(entry)
    return changed


def begins(entry: Entry, before: Entry | None) -> bool:
    """Whether it is said anew who speaks, after the entry before."""
    other = before is None or (before.author, before.attempt_id) != (entry.author, entry.attempt_id)
    return other and entry.kind != "note"


def _call_of(message: MessageView, known: list[Entry]) -> Entry | None:
    """The tool call that this answers: the oldest open one of that name in its attempt."""
    name = str(message.data.get("name", ""))
    for entry in known[-64:]:
        waits = entry.kind == "tool_call" and entry.result is None
        if waits and entry.attempt_id == message.attempt_id and name in ("", entry.name):
            return entry
    return None


def entry_lines(entry: Entry, width: int, *, opened: bool = False) -> list[Line]:
    """Return the lines of an entry."""
    head = [whole_head(line, width) for line in _head(entry)] if entry.heads else []
    if entry.voided:
        return _voided(entry, head, width)
    match entry.kind:
        case "tool_call":
            return [*head, *_tool(entry, width, opened)]
        case "tool_result" | "blocked":
            return [*head, _result_line(clean(entry.text, lines=False), width)]
        case "note":
            return [(Span("  · ", "faint"), *line) for line in wrap((said(entry.text, "muted"),), width - 4)]
    if entry.author.startswith("person:"):
        return [*head, *_person(entry, width, opened)]
    return [*head, *text_lines(clean(entry.text, limit=LONGEST), width)]


def is_prose(entry: Entry) -> bool:
    """Whether the entry is what a role says, in Markdown."""
    kinds = ("tool_call", "tool_result", "blocked", "note")
    return not (entry.voided or entry.kind in kinds or entry.author.startswith("person:"))


def stands_apart(entry: Entry) -> bool:
    """Whether a blank line goes before the entry: before a new speaker, and before words after deeds."""
    return entry.heads or entry.kind == "text"


def text_lines(text: str, width: int) -> list[Line]:
    """Return the lines of what a role says, a step to the right of its name."""
    blocks: list[Block] = markdown_blocks(text)
    while blocks and blocks[-1].kind == "blank":
        blocks.pop()
    return [(Span("  "), *line) for block in blocks for line in block_lines(block, width - 2)]


def author_head(author: str, attempt_id: str, at: datetime | None) -> Line:
    """Return the line that names who speaks, in which phase and attempt."""
    ink = "run bold" if author.startswith("person:") else "role bold"
    spans = [Span(clean(words.author_name(author), lines=False, limit=40), ink)]
    _, _, rest = attempt_id.partition(":")
    state, _, number = rest.partition(":")
    if state and not author.startswith("person:"):
        again = f", attempt {number}" if number not in ("", "1") else ""
        spans.append(Span(f"  {state.replace('_', ' ')}{again}", "muted"))
    if at is not None:
        spans.append(Span(f"  {at.astimezone():%H:%M}", "faint"))
    return tuple(spans)


def whole_head(head: Line, width: int) -> Line:
    """Return the line that names who speaks; the time at its end goes before a part of it would."""
    return head if width_of(head) <= width else head[:-1]


def _head(entry: Entry) -> list[Line]:
    return [author_head(entry.author, entry.attempt_id, entry.at)]


def folds(entry: Entry) -> bool:
    """Whether there is more of an entry than is shown of it at first."""
    if entry.kind == "tool_call":
        return True
    return entry.author.startswith("person:") and entry.text.count("\n") >= FOLDED_LINES


def _person(entry: Entry, width: int, opened: bool) -> list[Line]:
    most = UNFOLDED_LINES if opened else FOLDED_LINES
    # What is not shown is not looked at either: this may be a megabyte.
    *rows, rest = [*entry.text.split("\n", most), ""][: most + 1]
    lines: list[Line] = []
    for paragraph in clean("\n".join(rows), limit=LONGEST).split("\n"):
        lines += [(Span("▎ ", "run"), *line) for line in wrap((Span(paragraph),), width - 2)]
    if rest:
        link = f"screen.toggle_entry({entry.key!r})"
        more = f"and {words.plural(rest.count(chr(10)) + 1, 'line')} more"
        lines.append((Span("▎ ", "run"), Span(f"{more}, {words.bulk(rest)}", "muted", link)))
    return lines


def _voided(entry: Entry, head: list[Line], width: int) -> list[Line]:
    """What a rollback took back: one line, struck, so that the story stays readable."""
    text = clean(entry.text or entry.name, lines=False, limit=300)
    if entry.name and text.startswith(entry.name):
        text = entry.name.replace("_", " ") + text[len(entry.name) :]
    line = cut_line((Span("  ↶ ", "faint"), Span(text, "faint strike")), width)
    return [*(tuple(s._replace(ink="faint") for s in h) for h in head), line]


def _tool(entry: Entry, width: int, opened: bool) -> list[Line]:
    mark, ink = _tool_mark(entry)
    mark = "▾" if opened and mark == "▸" else mark
    name = clean(entry.name or "tool", lines=False, limit=40)
    link = f"screen.toggle_entry({entry.key!r})"
    given = _arguments(entry.arguments) or clean(entry.text, lines=False, limit=200)
    # A call that was given nothing is told by its name alone, once.
    given = "" if given == name else given
    first: Line = (
        Span(f"  {mark} ", ink, link),
        Span(name.replace("_", " "), "text", link),
        Span(f"  {given}" if given else "", "muted", link),
    )
    outcome = _first_line(entry.result)
    if outcome:
        first = (*first, Span("  → ", "faint", link), Span(outcome, "bad" if entry.failed else "muted", link))
    line = cut_line(first, width)
    return [line, *_opened(entry, width)] if opened else [line]


def _tool_mark(entry: Entry) -> tuple[str, str]:
    if entry.blocked:
        return "⊘", "bad"
    if entry.result is None:
        return "▷", "run"
    return ("✗", "bad") if entry.failed else ("▸", "ok")


def _first_line(text: str | None) -> str:
    stripped = (text or "").strip()
    return clean(stripped.split("\n", 1)[0], lines=False, limit=200) if stripped else ""


def _arguments(arguments: Any) -> str:
    """What a call was given, in a line: the values that say most, without their names."""
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            return clean(arguments, lines=False, limit=200)
    if not isinstance(arguments, Mapping):
        return ""
    values = []
    for key in ("path", "command", "argv", "pattern", "query", "target", "summary", "notes", "reason"):
        value = arguments.get(key)
        if isinstance(value, list):
            value = " ".join(str(v) for v in value)
        if value:
            values.append(str(value))
    return clean(" ".join(values), lines=False, limit=200)


def _opened(entry: Entry, width: int) -> list[Line]:
    arguments = entry.arguments if isinstance(entry.arguments, str) else _pretty(entry.arguments)
    lines: list[Line] = []
    for text, ink in ((arguments, "muted"), (entry.result or "", "bad" if entry.failed else "text")):
        rows = clean(text, limit=LONGEST).split("\n") if text else []
        for row in rows[:OPENED_LINES]:
            lines += [(Span("    │ ", "rule"), *line) for line in wrap((Span(row, ink),), width - 6)]
        if len(rows) > OPENED_LINES:
            lines.append(
                (Span("    │ ", "rule"), Span(f"and {len(rows) - OPENED_LINES} lines more", "faint"))
            )
    return lines


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) if value else ""


def _result_line(text: str, width: int) -> Line:
    return cut_line((Span("  ▸ ", "ok"), Span(text, "muted")), width)
