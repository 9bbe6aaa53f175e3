"""What the user has noted on lines of diffs, until it goes to a role as the reason of a retry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.text import clean


class Spot(NamedTuple):
    """A line of a file: `side` is "+" for the file as it is now, "-" for a line that was taken away."""

    path: str
    side: str
    line: int


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark, and the line of code that it is on."""

    spot: Spot
    code: str
    text: str


@dataclass(slots=True)
class Remarks:
    """All remarks that were not sent yet, by workflow."""

    _kept: dict[str, dict[Spot, Remark]] = field(default_factory=dict)

    @classmethod
    def read(cls, data: Any) -> Remarks:
        """Return what `to_data` gave; what is not understood is left out."""
        remarks = cls()
        for row in data if isinstance(data, list) else ():
            match row:
                case [str(workflow_id), str(path), "+" | "-" as side, int(line), str(code), str(text)]:
                    remarks.keep(workflow_id, Remark(Spot(path, side, line), code, text))
        return remarks

    def to_data(self) -> list[list[str | int]]:
        """Return all of them as they are written down."""
        return [
            [workflow_id, *spot, remark.code, remark.text]
            for workflow_id, kept in self._kept.items()
            for spot, remark in kept.items()
        ]

    def of(self, workflow_id: str) -> dict[Spot, Remark]:
        """Return the remarks on a workflow, in the order they were made."""
        return self._kept.setdefault(workflow_id, {})

    def keep(self, workflow_id: str, remark: Remark) -> None:
        """Keep a remark in place of an earlier one on the same line; without text, forget it."""
        if remark.text.strip():
            self.of(workflow_id)[remark.spot] = remark
        else:
            self.of(workflow_id).pop(remark.spot, None)

    def forget(self, workflow_id: str) -> None:
        """Forget all of a workflow: they were sent."""
        self._kept.pop(workflow_id, None)

    def reason(self, workflow_id: str) -> str:
        """Return all remarks as one reason for a retry, by file and line."""
        lines: list[str] = []
        for spot, remark in sorted(self.of(workflow_id).items()):
            was = "" if spot.side == "+" else " (removed)"
            where = f"{clean(spot.path, lines=False, limit=300)}:{spot.line}{was}"
            lines.append(f"{where}: {remark.text.strip()}")
            if code := clean(remark.code, lines=False, limit=160).strip():
                lines.append(f"    {code}")
        return "\n".join(lines)
