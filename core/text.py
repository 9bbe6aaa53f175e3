"""Text from outside, made harmless to show. Imports nothing of ours."""

from __future__ import annotations

import re

# CSI, OSC, DCS, PM, APC and two-character escapes; ECMA-48 section 5.
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~])|[\x80-\x9f]", re.DOTALL
)
# C0 except tab and newline; DEL; zero-width, bidirectional and invisible characters; BOM; tags.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufe00-\ufe0e\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# Halves of a character, which JSON can carry and no terminal can be sent.
_HALVES = re.compile("[\ud800-\udfff]")

TAB = 4
"""Cells that a tab is shown as."""
LINE_LIMIT = 2_000
"""Characters of one line that are ever shown."""
MESSAGE_LIMIT = 2_000_000
"""Characters of one message of a person."""
READ_LIMIT, REASON_READ_LIMIT = 100_000, 16_000
"""Bytes of a message, and of a reason to go back, that a role reads: beginning and end of a longer one."""


def clean(text: str, *, lines: bool = True, limit: int | None = None) -> str:
    """Return `text` without escape sequences, control, zero-width and bidirectional characters.

    `lines=False` folds everything to a single line. `limit` bounds the whole, in characters; each line is
    bounded to `LINE_LIMIT` in any case. What was cut is marked with an ellipsis.
    """
    text = visible(text).replace("\t", " " * TAB)
    if lines:
        text = "\n".join(_cut(line, LINE_LIMIT) for line in text.split("\n"))
    else:
        text = _cut(" ".join(text.split()), LINE_LIMIT)
    return _cut(text, limit) if limit is not None else text


def visible(text: str) -> str:
    """Return all of `text` but escape sequences, control, zero-width and bidirectional characters."""
    if not text.isascii():
        text = _HALVES.sub("\ufffd", text)
    return _HIDDEN.sub("", _ESCAPE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
