"""A refusal is data, and knows how to help."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Why a command was refused."""

    NOT_YOURS = "not_yours"
    NOT_READY = "not_ready"
    NOT_POSSIBLE = "not_possible"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that a move still needs: what, why it does not count yet, and who can supply it."""

    what: str
    why: str
    who: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, and what would make it possible. `path` is the shortest legal way on, as transition ids."""

    reason: Reason
    text: str
    missing: tuple[Missing, ...] = ()
    path: tuple[str, ...] = ()
    hint: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return the refusal as JSON data."""
        return {
            "reason": self.reason.value,
            "text": self.text,
            "missing": [{"what": m.what, "why": m.why, "who": m.who} for m in self.missing],
            "path": list(self.path),
            "hint": self.hint,
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Refusal:
        """Read what `to_data` wrote."""
        return cls(
            Reason(data["reason"]),
            data["text"],
            tuple(Missing(m["what"], m["why"], m["who"]) for m in data["missing"]),
            tuple(data["path"]),
            data["hint"],
        )

    def __str__(self) -> str:
        lines = [self.text]
        lines += [f"{m.what}: {m.why} ({m.who})" for m in self.missing]
        if self.hint:
            lines.append(self.hint)
        return " ".join(line if line.endswith((".", "!", "?")) else f"{line}." for line in lines)
