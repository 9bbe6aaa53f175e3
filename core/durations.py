"""Spans of time, as people write and read them. Pure."""

from __future__ import annotations

import re

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = r"(\d+(?:\.\d+)?)\s*([dhms])"
_WHOLE = re.compile(rf"\s*(?:{_PART}\s*)+", re.IGNORECASE)
LONGEST = 3_650 * 86_400.0
"""Seconds; what is longer than ten years is a mistake."""


def seconds_of(text: str | float) -> float:
    """Return the seconds of "90s", "30m", "1h30m", "2d" or of a plain number of seconds.

    Raises ValueError for anything else, for nothing, and for more than ten years.
    """
    if isinstance(text, bool):
        raise ValueError("it has to be a span of time, such as 30m, 4h or 1d12h")
    if isinstance(text, str) and _WHOLE.fullmatch(text):
        parts = re.findall(_PART, text, re.IGNORECASE)
        seconds = sum(float(number) * _UNITS[unit.lower()] for number, unit in parts)
    else:
        try:
            seconds = float(text)
        except ValueError:
            raise ValueError("it has to be a span of time, such as 30m, 4h or 1d12h") from None
    if not 1 <= seconds <= LONGEST:
        raise ValueError("it has to be a second or more, and ten years at most")
    return seconds


def duration(seconds: float) -> str:
    """Return a span of time in at most two units."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"
