"""What is written into the form of a new build, read as what it means; how a sentence fits under a field."""

from __future__ import annotations

from core.text import clean
from tui.ink import Line, Span, cut_line, wrap


def rows_of(line: Line, width: int, most: int) -> list[Line]:
    """Return the line wrapped to at most so many rows; what is cut ends with an ellipsis."""
    rows = wrap(line, width, 2)
    if len(rows) <= most:
        return rows
    rest = tuple(span for row in rows[most:] for span in (Span(" "), *row))
    return [*rows[: most - 1], cut_line((*rows[most - 1], *rest), width)]


def read_budget(text: str) -> float | None:
    """Return the budget that was typed; None for none. Raises ValueError with a sentence."""
    text = text.strip().lstrip("$").replace(",", ".")
    if not text:
        return None
    try:
        budget = float(text)
    except ValueError:
        raise ValueError(f"The budget {clean(text, lines=False, limit=40)!r} is not a number.") from None
    if not 0 < budget < 1e6:
        raise ValueError("The budget has to be more than nothing, and less than a million.")
    return budget


def read_days(text: str) -> int:
    """Return how many days were typed. Raises ValueError with a sentence."""
    text = text.strip()
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 366:
        shown = clean(text, lines=False, limit=40)
        raise ValueError(f"The days have to be a whole number from 1 to 366, not {shown!r}.")
    return int(text)


def read_retries(text: str) -> int:
    """Return how many steps back were typed. Raises ValueError with a sentence."""
    text = text.strip()
    if not text.isascii() or not text.isdigit() or int(text) > 1_000:
        shown = clean(text, lines=False, limit=40)
        raise ValueError(f"The steps back have to be a whole number from 0 to 1000, not {shown!r}.")
    return int(text)
