"""Replace a piece of text as a model names it: exactly, or with harmless whitespace apart, never fuzzily.

A wrong application is worse than a refusal, so what does not fit in exactly one place is refused with the
closest lines, from which a model can correct itself.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass

_TYPOGRAPHY = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u00a0": " ",
        "\u2026": "...",
    }
)
_NUMBER = re.compile(r"^\s*\d+(?:\t|\s*[|:→]\s?)")
_SHOWN = 12
_SIMILAR = 0.55
_MOST_LINES = 5_000


class EditError(Exception):
    """The edit was not made; the text tells a model why and what would work."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The new text, and how exactly the old one had to be matched."""

    text: str
    tier: str


def apply_edit(text: str, old: str, new: str, replace_all: bool = False) -> Edited:
    """Return `text` with `old` replaced by `new`, keeping its line ends; raise `EditError` if that is not
    clear.
    """
    if old == new:
        raise EditError("old and new are identical; nothing was changed.")
    if not old.strip():
        if text.strip():
            raise EditError("old is empty but the file is not; give the exact text to replace.")
        return Edited(new, "create")
    windows = text.count("\r\n")
    if windows and windows != text.count("\n"):
        # Normalising would change lines that nobody named.
        return _exactly(text, old, new, replace_all) or _refuse_mixed(text, old, new)
    body, old, new = (part.replace("\r\n", "\n") for part in (text, old, new))
    edited = _exactly(body, old, new, replace_all) or _by_lines(body, old, new)
    if edited is None:
        raise EditError(_not_found(body, old, new))
    return Edited(edited.text.replace("\n", "\r\n"), edited.tier) if windows else edited


def _refuse_mixed(text: str, old: str, new: str) -> Edited:
    raise EditError(
        f"{_not_found(text, old, new)}\nThe file has mixed line ends; edit single lines, or write it."
    )


def _exactly(body: str, old: str, new: str, replace_all: bool) -> Edited | None:
    count = body.count(old)
    if count == 0:
        return None
    if count == 1 or replace_all:
        return Edited(body.replace(old, new), "exact")
    lines = [body[: m.start()].count("\n") + 1 for m in re.finditer(re.escape(old), body)][:6]
    raise EditError(
        f"old occurs {count} times (lines {_listed(lines)}); add surrounding lines to make it unique."
    )


_KEYS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("exact", lambda line: line),
    ("trailing blanks", str.rstrip),
    ("typography", lambda line: line.translate(_TYPOGRAPHY).rstrip()),
    ("indentation", lambda line: line.translate(_TYPOGRAPHY).strip()),
)


def _by_lines(body: str, old: str, new: str) -> Edited | None:
    """Match whole lines, each tier a little more tolerant than the one before."""
    lines = body.split("\n")
    for source, target in ((old, new), (_without_numbers(old), _without_numbers(new))):
        wanted, given = _trimmed(source.split("\n"), target.split("\n"))
        if not wanted:
            continue
        for tier, key in _KEYS:
            places = _places([key(line) for line in lines], [key(line) for line in wanted])
            if len(places) > 1:
                found = _listed([place + 1 for place in places][:6])
                raise EditError(
                    f"old fits {len(places)} places but for whitespace (lines {found}); add lines around it."
                )
            if places:
                at, end = places[0], places[0] + len(wanted)
                fresh = _shifted(lines[at:end], wanted, given, at) if tier == "indentation" else given
                return Edited("\n".join(lines[:at] + fresh + lines[end:]), tier)
    return None


def _trimmed(old: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    """Drop blank lines at the ends of `old`, and the same ones of `new`."""
    while old and not old[0].strip():
        old, new = old[1:], new[1:] if new and not new[0].strip() else new
    while old and not old[-1].strip():
        old, new = old[:-1], new[:-1] if new and not new[-1].strip() else new
    return old, new


def _places(lines: list[str], wanted: list[str]) -> list[int]:
    size = len(wanted)
    return [at for at in range(len(lines) - size + 1) if lines[at : at + size] == wanted]


def _shifted(block: list[str], old: list[str], new: list[str], at: int) -> list[str]:
    """Return `new` indented as the file is, when one shift explains every line."""
    shifts = {_indent(here) - _indent(there) for here, there in zip(block, old, strict=True) if there.strip()}
    if len(shifts) > 1:
        shown = "\n".join(block[:_SHOWN])
        raise EditError(
            f"old matches lines {at + 1}-{at + len(old)} only with inconsistent indentation; "
            f"send it exactly as it is in the file:\n{shown}"
        )
    shift = shifts.pop()
    if shift and any("\t" in line[: len(line) - len(line.lstrip())] for line in block):
        raise EditError(
            f"lines {at + 1}-{at + len(old)} are indented with tabs; send old and new with the same tabs."
        )
    return [" " * max(_indent(line) + shift, 0) + line.lstrip() if line.strip() else line for line in new]


def _indent(line: str) -> int:
    return len(line[: len(line) - len(line.lstrip())].expandtabs(4))


def _without_numbers(text: str) -> str:
    """Drop line numbers copied from what `read` shows, if every line has one."""
    lines = text.split("\n")
    if not all(_NUMBER.match(line) for line in lines if line.strip()):
        return text
    return "\n".join(_NUMBER.sub("", line) for line in lines)


def _not_found(body: str, old: str, new: str) -> str:
    lines, wanted = body.split("\n"), _without_numbers(old).split("\n")
    size = len(wanted)
    if len(lines) > _MOST_LINES:
        return "old was not found. Read the part of the file again."
    first = next((line.strip() for line in wanted if line.strip()), "")
    starts = [at for at, line in enumerate(lines) if line.strip() == first]
    best, where = 0.0, 0
    for at in starts or range(max(1, len(lines) - size + 1)):
        ratio = difflib.SequenceMatcher(None, "\n".join(lines[at : at + size]), old, False).quick_ratio()
        if ratio > best:
            best, where = ratio, at
    text = "old was not found."
    if best > _SIMILAR:
        shown = "\n".join(lines[where : where + min(size, _SHOWN)])
        text += f" The closest is lines {where + 1}-{min(where + size, len(lines))} ({best:.0%}):\n{shown}"
    else:
        text += " Read the file again."
    return text + ("\nThe new text is already in the file." if new.strip() and new.strip() in body else "")


def _listed(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in numbers)
