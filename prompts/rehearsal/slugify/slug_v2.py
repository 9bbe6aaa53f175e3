"""Slugs for addresses and file names."""

from __future__ import annotations

import hashlib
import unicodedata

SPELLED_OUT = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th"}
)


def slugify(text: str) -> str:
    """Return `text` in lower case, its words joined by hyphens, without accents.

    Letters of other scripts are kept. Text without any letter or digit gets a
    short stable name.
    """
    plain = _without_accents(text.casefold().translate(SPELLED_OUT))
    spaced = "".join(letter if _is_word(letter) else " " for letter in plain)
    return "-".join(spaced.split()) or _stable_name(text)


def _without_accents(text: str) -> str:
    """Drop the marks on ASCII letters; other scripts keep theirs."""
    kept: list[str] = []
    for letter in unicodedata.normalize("NFKD", text):
        if unicodedata.combining(letter) and kept and kept[-1].isascii():
            continue
        kept.append(letter)
    return unicodedata.normalize("NFC", "".join(kept))


def _is_word(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter) in ("Mn", "Mc")


def _stable_name(text: str) -> str:
    digest = hashlib.md5(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"text-{digest[:8]}"
