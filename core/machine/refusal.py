"""A refusal is data, and knows how to help: what is missing, who can supply it, the shortest legal way on.

`Refusal.lines` is the one place where this becomes text; every face shows these lines and no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.machine.states import EVIDENCE_TITLES, ROLE_TITLES, EvidenceKind, Role, state_title
from core.machine.transitions import BY_ID


class Reason(StrEnum):
    """Why a command was refused."""

    NOT_YOURS = "not_yours"
    NOT_READY = "not_ready"
    NOT_POSSIBLE = "not_possible"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that a move still needs: what, why it does not count yet, and who can supply it.

    `who` is a role's id, an authority such as "person:ada", or words like "a person".
    """

    what: str
    why: str
    who: str

    def line(self) -> str:
        """Return the thing as one line for people."""
        what = EVIDENCE_TITLES[EvidenceKind(self.what)] if self.what in EVIDENCE_TITLES else self.what
        return f"missing: {what}: {self.why} (from {_called(self.who)})"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, and what would make it possible.

    `path` is the shortest legal way on: transition ids, and "resume" where the condition stands in the way.
    """

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
            "why_not": list(self.lines()),
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

    def lines(self) -> tuple[str, ...]:
        """Return the refusal for people, a fact a line: why, what is missing and from whom, the way on."""
        way = ", then ".join(map(_step, self.path))
        lines = [self.text, *(m.line() for m in self.missing), self.hint]
        lines.append(f"The shortest legal way on: {way}" if way else "")
        return tuple(_ended(line) for line in lines if line)

    def __str__(self) -> str:
        return " ".join(self.lines())


def _step(name: str) -> str:
    """One step of a way on, in words."""
    step = BY_ID.get(name)
    return f"{step.kind.value} to {state_title(step.target)} ({step.id})" if step else name


def _called(who: str) -> str:
    """How people call whoever can supply something."""
    name = who.rpartition(":")[2]
    return f"the {ROLE_TITLES[Role(name)]}" if name in ROLE_TITLES else name


def _ended(line: str) -> str:
    return line if line.endswith((".", "!", "?")) else f"{line}."
