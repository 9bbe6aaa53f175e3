"""Notice a model that goes round in circles."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum

_NUDGE_AFTER = 3
_END_AFTER = 5
_PAIRS_NUDGE = 3
_PAIRS_END = 5


class Circle(Enum):
    """What is to be done about the latest turn."""

    NONE = "none"
    NUDGE = "nudge"
    END = "end"


@dataclass(slots=True)
class Repetition:
    """Remembers what each turn did and what came of it, as digests."""

    _seen: list[str] = field(default_factory=list)

    def note(self, turn: str) -> Circle:
        """Take a turn in and say whether it is one of a circle: the same again, or two in alternation."""
        self._seen.append(hashlib.sha256(turn.encode("utf-8", "surrogatepass")).hexdigest())
        same = self._run(1)
        pairs = self._run(2) // 2
        if same >= _END_AFTER or pairs >= _PAIRS_END:
            return Circle.END
        if same >= _NUDGE_AFTER or pairs >= _PAIRS_NUDGE:
            return Circle.NUDGE
        return Circle.NONE

    def _run(self, period: int) -> int:
        """Return how many of the latest turns repeat with `period`."""
        seen = self._seen
        if len(seen) < period:
            return len(seen)
        length = period
        while length < len(seen) and seen[-1 - length] == seen[-1 - length + period]:
            length += 1
        return length
