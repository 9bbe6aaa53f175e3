"""The board without its widget: rows in groups, filters, an order, and which row lies on which line. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from core.board import BoardRow, Totals
from core.machine.states import STATES, Condition, State
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


class Sort(Enum):
    """The orders that rows can have within their group. The value is the word for it."""

    NEWEST = "newest"
    OLDEST = "oldest"
    PHASE = "phase"
    COST = "cost"
    NAME = "name"
    PROJECT = "project"


_Key = tuple[float | str, float, str]
_KEYS: dict[Sort, Callable[[BoardRow], float | str]] = {
    Sort.NEWEST: lambda row: 0.0,
    Sort.OLDEST: lambda row: row.created_at,
    Sort.PHASE: lambda row: -float(STATES[State(row.state)].rank),
    Sort.COST: lambda row: -row.cost_usd,
    Sort.NAME: lambda row: row.title.casefold(),
    Sort.PROJECT: lambda row: row.project.casefold(),
}
_TOTAL_OF: dict[Group, Callable[[Totals], int]] = {
    Group.NEEDS_YOU: lambda totals: totals.need,
    Group.RUNNING: lambda totals: totals.running,
    Group.WAITING: lambda totals: totals.waiting,
    Group.DONE: lambda totals: totals.done,
}


@dataclass(frozen=True, slots=True)
class Place:
    """What lies on a line: a heading, or part `part` of the row of a workflow; neither on a blank line."""

    heading: Group | None = None
    workflow_id: str = ""
    part: int = 0


_NOWHERE = Place()


@dataclass(slots=True)
class _Tally:
    """What all rows come to, kept up with every change: ten thousand are not counted for each."""

    groups: dict[Group, int] = field(default_factory=lambda: dict.fromkeys(Group, 0))
    failed: int = 0
    cost: float = 0.0
    budget: float = 0.0
    budgets: int = 0

    def count(self, row: BoardRow, sign: int) -> None:
        """Take a row in, or out."""
        group = group_of(row)
        self.groups[group] += sign
        if group is Group.DONE:
            return
        self.failed += sign * (row.condition == Condition.FAILED)
        self.cost += sign * row.cost_usd
        if row.budget_usd is not None:
            self.budget += sign * row.budget_usd
            self.budgets += sign

    def totals(self) -> Totals:
        """Return the sums."""
        budget = self.budget if self.budgets else None
        return Totals(*self.groups.values(), self.failed, max(0.0, self.cost), budget)


@dataclass(slots=True)
class BoardModel:
    """All rows by id, and the ids in their groups, in the order that the user chose."""

    rows: dict[str, BoardRow] = field(default_factory=dict)
    pattern: str = ""
    project: str = ""
    sort: Sort = Sort.NEWEST
    row_height: int = 2
    _totals: Totals | None = None
    _tally: _Tally = field(default_factory=_Tally)
    _groups: dict[Group, list[_Key]] = field(default_factory=lambda: {g: [] for g in Group})
    _shown: dict[str, _Key] = field(default_factory=dict)

    def load(self, rows: Iterable[BoardRow], totals: Totals | None = None) -> None:
        """Replace everything. With `totals`, these are only the first rows of so many."""
        self.rows = {row.workflow_id: row for row in rows}
        self._tally = _Tally()
        for row in self.rows.values():
            self._tally.count(row, 1)
        counted = self._tally.totals()
        self._totals = totals if totals is not None and _size(totals) > _size(counted) else None
        self._regroup()

    def complete(self) -> None:
        """All rows are there: count them from now on."""
        self._totals = None

    def filter(self, pattern: str) -> None:
        """Show only the rows that hold every word of `pattern`."""
        self.pattern = pattern
        self._regroup()

    def filter_project(self, project: str) -> None:
        """Show only the rows of a project; of all when empty."""
        self.project = project
        self._regroup()

    def sort_by(self, sort: Sort) -> None:
        """Give the rows of each group another order."""
        self.sort = sort
        self._regroup()

    def projects(self) -> list[str]:
        """Return the names of all projects that have rows."""
        return sorted({row.project for row in self.rows.values()}, key=str.casefold)

    def upsert(self, rows: Iterable[BoardRow]) -> tuple[bool, list[str]]:
        """Take in changed rows. Return whether lines moved, and the ids whose row must be drawn again."""
        moved, changed = False, []
        for row in rows:
            old = self.rows.get(row.workflow_id)
            if old == row:
                continue
            if old is not None:
                self._tally.count(old, -1)
            self._tally.count(row, 1)
            self.rows[row.workflow_id] = row
            changed.append(row.workflow_id)
            moved = self._place(row, old) or moved
        return moved, changed

    def totals(self) -> Totals:
        """Return what the line on top says. No filter changes it."""
        return self._totals or self._tally.totals()

    def count(self, group: Group) -> int:
        """Return how many rows a group has."""
        known = len(self._groups[group])
        if self._totals is None or self.pattern or self.project:
            return known
        return max(known, _TOTAL_OF[group](self._totals))

    @property
    def shown(self) -> int:
        """How many rows are shown."""
        return len(self._shown)

    @property
    def height(self) -> int:
        """How many lines everything takes."""
        groups = [keys for keys in self._groups.values() if keys]
        return sum(1 + self.row_height * len(keys) for keys in groups) + max(0, len(groups) - 1)

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
                return Place(workflow_id=keys[index][-1], part=part)
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
        return [key[-1] for keys in self._groups.values() for key in keys]

    def members(self, group: Group) -> list[str]:
        """Return the ids that a group shows, from top to bottom."""
        return [key[-1] for key in self._groups[group]]

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
                return keys[position][-1]
            position -= len(keys)
        return None

    def next_that_needs(self, after: str | None) -> str | None:
        """Return the next row that needs the user, round and round; None when there is none.

        A filter hides none of them: what needs the user is found from anywhere.
        """
        needing = (row for row in self.rows.values() if group_of(row) is Group.NEEDS_YOU)
        ids = [key[-1] for key in sorted(map(self._key, needing))]
        if not ids:
            return None
        return ids[(ids.index(after) + 1) % len(ids)] if after in ids else ids[0]

    def _key(self, row: BoardRow) -> _Key:
        return (_KEYS[self.sort](row), -row.created_at, row.workflow_id)

    def _regroup(self) -> None:
        self._groups = {group: [] for group in Group}
        self._shown = {}
        for row in self.rows.values():
            if self._matches(row):
                key = self._key(row)
                self._groups[group_of(row)].append(key)
                self._shown[row.workflow_id] = key
        for keys in self._groups.values():
            keys.sort()

    def _place(self, row: BoardRow, old: BoardRow | None) -> bool:
        """Put a row where it belongs; say whether any line moved."""
        was = self._shown.get(row.workflow_id)
        key = self._key(row) if self._matches(row) else None
        if was and was == key and old is not None and group_of(old) is group_of(row):
            return False
        if was and old is not None:
            keys = self._groups[group_of(old)]
            del keys[bisect_left(keys, was)]
            del self._shown[row.workflow_id]
        if key:
            insort(self._groups[group_of(row)], key)
            self._shown[row.workflow_id] = key
        return bool(was or key)

    def _matches(self, row: BoardRow) -> bool:
        if self.project and row.project != self.project:
            return False
        if not self.pattern:
            return True
        text = f"{row.build_id} {row.title} {row.project} {row.state} {row.condition} {row.activity}".lower()
        if words.needs_you(row):
            text += " needs you"
        return all(word in text for word in self.pattern.lower().split())


def _size(totals: Totals) -> int:
    return totals.need + totals.running + totals.waiting + totals.done
