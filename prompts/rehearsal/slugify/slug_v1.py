"""Slugs for addresses and file names."""

from __future__ import annotations

import re
import unicodedata


def slugify(text: str) -> str:
    """Return `text` in lower case, its words joined by hyphens."""
    decomposed = unicodedata.normalize("NFKD", text)
    plain = decomposed.encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
