"""Keep what tools show within bounds, and make visible what would hide in it."""

from __future__ import annotations

import re
import unicodedata

from core.text import clean

MAX_BYTES = 16_000
READ_MESSAGE = "read_message"
"""The tool that shows what was left out of a person's message, where something was."""
MAX_LINES = 400
_LINE = 2_000
_SIGN = re.compile(r"⟨U\+([0-9A-F]{4,6})⟩")


def marked(text: str) -> str:
    """Return `text` with control and format characters as `⟨U+202E⟩`, so that nothing in it is unseen."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"⟨U+{ord(c):04X}⟩" if _hides(c) else c for c in text)


def _hides(character: str) -> bool:
    return character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def unmarked(text: str) -> str:
    """Undo `marked`, for text that a model copied from what it was shown."""
    return _SIGN.sub(lambda m: chr(int(m[1], 16)) if int(m[1], 16) < 0x110000 else m[0], text)


def page(lines: list[str], start: int, count: int, what: str) -> str:
    """Return up to `count` numbered lines from line `start` on, and where to read on."""
    total = len(lines)
    if total == 0:
        return f"{what} is empty."
    if start > total:
        return f"{what} has only {total} lines."
    shown: list[str] = []
    size = 0
    for number, line in enumerate(lines[start - 1 : start - 1 + min(count, MAX_LINES)], start):
        row = f"{number:>5}\t{_cut(marked(line))}"
        size += len(row.encode()) + 1
        if size > MAX_BYTES and shown:
            break
        shown.append(row)
    last = start + len(shown) - 1
    if start == 1 and last == total:
        return "\n".join(shown)
    rest = f"; go on with start={last + 1}" if last < total else ""
    return "\n".join([*shown, f"({what}: lines {start}-{last} of {total}{rest})"])


def head_and_tail(data: bytes, limit: int = MAX_BYTES, lines: int = MAX_LINES) -> str:
    """Return command output without escapes, its middle left out where it is too long."""
    text = clean(data.decode("utf-8", "replace"))
    rows = text.split("\n")
    if len(rows) > lines:
        left = len(rows) - lines
        rows = [*rows[: lines // 3], f"… ({left} lines left out) …", *rows[-(lines - lines // 3) :]]
    return middle_cut("\n".join(rows), limit)


def middle_cut(text: str, limit: int = MAX_BYTES) -> str:
    """Return `text` with its middle left out where it is longer than `limit` bytes."""
    raw = text.encode()
    if len(raw) <= limit:
        return text
    head, tail = raw[: limit // 3], raw[-(limit - limit // 3) :]
    left = len(raw) - len(head) - len(tail)
    return f"{head.decode(errors='ignore')}\n… ({left} bytes left out) …\n{tail.decode(errors='ignore')}"


def _cut(line: str) -> str:
    return line if len(line) <= _LINE else f"{line[:_LINE]}… ({len(line) - _LINE} characters left out)"
