"""The board without its widget: rows in groups, a filter, and which row lies on which line. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from core.board import BoardRow
from core.machine.states import Condition, State
from tui import words


class Group(Enum):
    """The groups of the board, in the order that they are shown. The value is the heading."""

    NEEDS_YOU = "needs you"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"


def group_of(row: BoardRow) -> Group:
    """Return the group that a row belongs to."""
    if row.state == State.COMPLETE or row.condition == Condition.CANCELLED:
        return Group.DONE
    if words.needs_you(row):
        return Group.NEEDS_YOU
    return Group.RUNNING if row.condition == Condition.ACTIVE else Group.WAITING


@dataclass(frozen=True, slots=True)
class Attention:
    """What the line on top says: how many need the user, run, failed; what the open workflows spent."""

    need: int = 0
    running: int = 0
    failed: int = 0
    cost: float = 0.0
    budget: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What lies on a line: a heading, or part `part` of the row of a workflow; neither on a blank line."""

    heading: Group | None = None
    workflow_id: str = ""
    part: int = 0


_NOWHERE = Place()
_Key = tuple[float, str]


@dataclass(slots=True)
class BoardModel:
    """All rows by id, and the ids in their groups, newest first."""

    rows: dict[str, BoardRow] = field(default_factory=dict)
    pattern: str = ""
    row_height: int = 2
    _groups: dict[Group, list[_Key]] = field(default_factory=lambda: {g: [] for g in Group})
    _shown: dict[str, _Key] = field(default_factory=dict)

    def load(self, rows: Iterable[BoardRow]) -> None:
        """Replace everything."""
        self.rows = {row.workflow_id: row for row in rows}
        self._regroup()

    def filter(self, pattern: str) -> None:
        """Show only the rows that hold every word of `pattern`."""
        self.pattern = pattern
        self._regroup()

    def upsert(self, rows: Iterable[BoardRow]) -> tuple[bool, list[str]]:
        """Take in changed rows. Return whether lines moved, and the ids whose row must be drawn again."""
        moved, changed = False, []
        for row in rows:
            old = self.rows.get(row.workflow_id)
            if old == row:
                continue
            self.rows[row.workflow_id] = row
            changed.append(row.workflow_id)
            moved = self._place(row, old) or moved
        return moved, changed

    def attention(self) -> Attention:
        """Count what the line on top says. The filter does not change it."""
        need = running = failed = 0
        cost, budget, any_budget = 0.0, 0.0, False
        for row in self.rows.values():
            if row.state == State.COMPLETE or row.condition == Condition.CANCELLED:
                continue
            need += row.condition == Condition.WAITING
            running += row.condition == Condition.ACTIVE
            failed += row.condition == Condition.FAILED
            cost += row.cost_usd
            if row.budget_usd is not None:
                budget += row.budget_usd
                any_budget = True
        return Attention(need, running, failed, cost, budget if any_budget else None)

    def count(self, group: Group) -> int:
        """Return how many rows a group shows."""
        return len(self._groups[group])

    @property
    def shown(self) -> int:
        """How many rows are shown."""
        return len(self._shown)

    @property
    def height(self) -> int:
        """How many lines everything takes."""
        groups = [g for g in Group if self._groups[g]]
        return sum(1 + self.row_height * self.count(g) for g in groups) + max(0, len(groups) - 1)

    def place(self, line: int) -> Place:
        """Return what lies on `line`."""
        if line < 0:
            return _NOWHERE
        for group, keys in self._groups.items():
            if not keys:
                continue
            size = 1 + self.row_height * len(keys)
            if line == 0:
                return Place(heading=group)
            if line < size:
                index, part = divmod(line - 1, self.row_height)
                return Place(workflow_id=keys[index][1], part=part)
            if line == size:
                return _NOWHERE
            line -= size + 1
        return _NOWHERE

    def line_of(self, workflow_id: str) -> int | None:
        """Return the first line of a row; None when it is not shown."""
        key = self._shown.get(workflow_id)
        if key is None:
            return None
        line, home = 0, group_of(self.rows[workflow_id])
        for group, keys in self._groups.items():
            if group is home:
                return line + 1 + self.row_height * bisect_left(keys, key)
            line += (2 + self.row_height * len(keys)) if keys else 0
        return None

    def order(self) -> list[str]:
        """Return the ids that are shown, from top to bottom."""
        return [key[1] for keys in self._groups.values() for key in keys]

    def position(self, workflow_id: str) -> int | None:
        """Return the index of a row among all that are shown."""
        key = self._shown.get(workflow_id)
        if key is None:
            return None
        before, home = 0, group_of(self.rows[workflow_id])
        for group, keys in self._groups.items():
            if group is home:
                return before + bisect_left(keys, key)
            before += len(keys)
        return None

    def at(self, position: int) -> str | None:
        """Return the id of the row at an index, clamped to what there is; None on an empty board."""
        position = max(0, min(position, self.shown - 1))
        for keys in self._groups.values():
            if position < len(keys):
                return keys[position][1]
            position -= len(keys)
        return None

    def next_that_needs(self, after: str | None) -> str | None:
        """Return the next row that needs the user, round and round; None when there is none."""
        keys = self._groups[Group.NEEDS_YOU]
        if not keys:
            return None
        ids = [key[1] for key in keys]
        return ids[(ids.index(after) + 1) % len(ids)] if after in ids else ids[0]

    def _regroup(self) -> None:
        self._groups = {group: [] for group in Group}
        self._shown = {}
        for row in self.rows.values():
            if self._matches(row):
                key = (-row.created_at, row.workflow_id)
                self._groups[group_of(row)].append(key)
                self._shown[row.workflow_id] = key
        for keys in self._groups.values():
            keys.sort()

    def _place(self, row: BoardRow, old: BoardRow | None) -> bool:
        """Put a row where it belongs; say whether any line moved."""
        was = self._shown.get(row.workflow_id)
        fits = self._matches(row)
        if was and fits and old is not None and group_of(old) is group_of(row):
            return False
        if was and old is not None:
            self._groups[group_of(old)].remove(was)
            del self._shown[row.workflow_id]
        if fits:
            key = (-row.created_at, row.workflow_id)
            insort(self._groups[group_of(row)], key)
            self._shown[row.workflow_id] = key
        return bool(was) or fits

    def _matches(self, row: BoardRow) -> bool:
        if not self.pattern:
            return True
        text = f"{row.build_id} {row.title} {row.project} {row.state} {row.condition} {row.activity}".lower()
        if words.needs_you(row):
            text += " needs you"
        return all(word in text for word in self.pattern.lower().split())
