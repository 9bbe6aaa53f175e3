"""A way through the table that presses every transition; it depends on nothing but the table."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from tests.machine.oracle import SPEC

Row = Mapping[str, Any]


def whole_table() -> list[Row]:
    """Return a walk from discovery to complete that makes each of the transitions at least once."""
    left = {row["id"] for row in SPEC["transitions"]}
    here, walk = SPEC["initial"], []
    while left:
        part = _nearest(here, left)
        walk += part
        left -= {row["id"] for row in part}
        here = part[-1]["to"]
    return walk


def _nearest(start: str, left: set[str]) -> list[Row]:
    """The shortest way from `start` over a transition that is left; the last of all is the one to the end."""
    queue: deque[tuple[str, list[Row]]] = deque([(start, [])])
    seen = {start}
    while queue:
        here, way = queue.popleft()
        for row in (r for r in SPEC["transitions"] if r["from"] == here):
            ends = row["to"] in SPEC["final"]
            if row["id"] in left and (not ends or len(left) == 1):
                return [*way, row]
            if row["to"] not in seen and not ends:
                seen.add(row["to"])
                queue.append((row["to"], [*way, row]))
    raise LookupError(f"no way from {start} to any of {sorted(left)}")
