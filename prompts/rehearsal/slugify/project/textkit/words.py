"""Counting, shortening and capitalising words."""

from __future__ import annotations

ELLIPSIS = "…"
SMALL_WORDS = {"a", "an", "and", "in", "of", "on", "or", "the", "to"}


def count_words(text: str) -> int:
    """Return the number of words in `text`."""
    return len(text.split())


def shorten(text: str, width: int) -> str:
    """Return `text` cut at a word so that it has at most `width` characters."""
    if width < 1:
        raise ValueError("width must be at least 1")
    text = " ".join(text.split())
    if len(text) <= width:
        return text
    cut = text[:width]
    if " " in cut:
        cut = cut.rsplit(" ", 1)[0]
    return cut[: width - 1].rstrip() + ELLIPSIS


def title_case(text: str) -> str:
    """Return `text` with capital first letters, later small words apart."""
    words = text.lower().split()
    return " ".join(
        word if position and word in SMALL_WORDS else word[:1].upper() + word[1:]
        for position, word in enumerate(words)
    )
