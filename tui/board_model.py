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


class _Falling(str):
    """A word that goes before those which it would come behind."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)

    def __gt__(self, other: str) -> bool:
        return str.__lt__(self, other)


_Key = tuple[float | str, float, str]
_KEYS: dict[Sort, Callable[[BoardRow], float | str]] = {
    Sort.NEWEST: lambda row: 0.0,
    Sort.OLDEST: lambda row: row.created_at,
    Sort.PHASE: lambda row: -float(STATES[State(row.state)].rank),
    Sort.COST: lambda row: -row.cost_usd,
    Sort.NAME: lambda row: row.title.casefold(),
    Sort.PROJECT: lambda row: row.project.casefold(),
}
_BY_AGE = (Sort.NEWEST, Sort.OLDEST)
DOWN, UP = "▾", "▴"
"""What stands behind the order that the rows have, and behind one that is turned round."""
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
    projects: dict[str, int] = field(default_factory=dict)

    def count(self, row: BoardRow, sign: int) -> None:
        """Take a row in, or out."""
        group = group_of(row)
        self.groups[group] += sign
        rows = self.projects.get(row.project, 0) + sign
        if rows:
            self.projects[row.project] = rows
        else:
            self.projects.pop(row.project, None)
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
        need, running, waiting, done = self.groups.values()
        return Totals(need, running, waiting, done, self.failed, max(0.0, self.cost), budget)


@dataclass(slots=True)
class BoardModel:
    """All rows by id, and the ids in their groups, in the order that the user chose.

    Of a row that is shown nothing is kept but its id in the list of its group: where it lies is found by its
    key, which is made when it is asked for. Ten thousand kept ones would be two megabytes.
    """

    rows: dict[str, BoardRow] = field(default_factory=dict)
    pattern: str = ""
    project: str = ""
    sort: Sort = Sort.NEWEST
    turned: bool = False
    row_height: int = 2
    _totals: Totals | None = None
    _tally: _Tally = field(default_factory=_Tally)
    _groups: dict[Group, list[str]] = field(default_factory=lambda: {g: [] for g in Group})

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

    def sort_by(self, sort: Sort, *, turned: bool = False) -> None:
        """Give the rows of each group another order, or the same the other way round."""
        self.sort, self.turned = sort, turned
        self._regroup()

    def turn(self) -> None:
        """Turn the order round. That of age has a word for either way."""
        if self.sort in _BY_AGE:
            self.sort_by(_BY_AGE[1 - _BY_AGE.index(self.sort)])
        else:
            self.sort_by(self.sort, turned=not self.turned)

    def mark(self, sort: Sort) -> str:
        """Return what stands behind the name of an order: which way round it goes, if it is the one."""
        if sort is not self.sort and not (sort in _BY_AGE and self.sort in _BY_AGE):
            return ""
        return UP if self.turned or self.sort is Sort.OLDEST else DOWN

    def projects(self) -> list[str]:
        """Return the names of all projects that have rows."""
        return sorted(self._tally.projects, key=str.casefold)

    @property
    def tells_project(self) -> bool:
        """Whether a row has to say which project it belongs to: not where all belong to the same."""
        return not self.project and len(self._tally.projects) > 1

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
            changed.append(row.workflow_id)
            moved = self._take_in(row, old) or moved
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
        return sum(map(len, self._groups.values()))

    @property
    def height(self) -> int:
        """How many lines everything takes."""
        groups = [ids for ids in self._groups.values() if ids]
        return sum(1 + self.row_height * len(ids) for ids in groups) + max(0, len(groups) - 1)

    def place(self, line: int) -> Place:
        """Return what lies on `line`."""
        if line < 0:
            return _NOWHERE
        for group, ids in self._groups.items():
            if not ids:
                continue
            size = 1 + self.row_height * len(ids)
            if line == 0:
                return Place(heading=group)
            if line < size:
                index, part = divmod(line - 1, self.row_height)
                return Place(workflow_id=ids[index], part=part)
            if line == size:
                return _NOWHERE
            line -= size + 1
        return _NOWHERE

    def line_of(self, workflow_id: str) -> int | None:
        """Return the first line of a row; None when it is not shown."""
        found = self._found(workflow_id)
        if found is None:
            return None
        line, (home, index) = 0, found
        for group, ids in self._groups.items():
            if group is home:
                break
            line += (2 + self.row_height * len(ids)) if ids else 0
        return line + 1 + self.row_height * index

    def order(self) -> list[str]:
        """Return the ids that are shown, from top to bottom."""
        return [workflow_id for ids in self._groups.values() for workflow_id in ids]

    def members(self, group: Group) -> list[str]:
        """Return the ids that a group shows, from top to bottom."""
        return list(self._groups[group])

    def position(self, workflow_id: str) -> int | None:
        """Return the index of a row among all that are shown."""
        found = self._found(workflow_id)
        if found is None:
            return None
        before, (home, index) = 0, found
        for group, ids in self._groups.items():
            if group is home:
                break
            before += len(ids)
        return before + index

    def at(self, position: int) -> str | None:
        """Return the id of the row at an index, clamped to what there is; None on an empty board."""
        position = max(0, min(position, self.shown - 1))
        for ids in self._groups.values():
            if position < len(ids):
                return ids[position]
            position -= len(ids)
        return None

    def next_that_needs(self, after: str | None) -> str | None:
        """Return the next row that needs the user, round and round; None when there is none.

        A filter hides none of them: what needs the user is found from anywhere.
        """
        needing = (row for row in self.rows.values() if group_of(row) is Group.NEEDS_YOU)
        ids = [row.workflow_id for row in sorted(needing, key=self._key)]
        if not ids:
            return None
        return ids[(ids.index(after) + 1) % len(ids)] if after in ids else ids[0]

    def _key(self, row: BoardRow) -> _Key:
        first, created = _KEYS[self.sort](row), -row.created_at
        if not self.turned:
            return (first, created, row.workflow_id)
        return (_Falling(first) if isinstance(first, str) else -first, -created, row.workflow_id)

    def _key_of(self, workflow_id: str) -> _Key:
        return self._key(self.rows[workflow_id])

    def _regroup(self) -> None:
        self._groups = {group: [] for group in Group}
        for row in self.rows.values():
            if self._matches(row):
                self._groups[group_of(row)].append(row.workflow_id)
        for ids in self._groups.values():
            ids.sort(key=self._key_of)

    def _found(self, workflow_id: str) -> tuple[Group, int] | None:
        """Where a row lies: its group, and its index there."""
        row = self.rows.get(workflow_id)
        if row is None:
            return None
        group = group_of(row)
        ids = self._groups[group]
        index = bisect_left(ids, self._key(row), key=self._key_of)
        return (group, index) if index < len(ids) and ids[index] == workflow_id else None

    def _take_in(self, row: BoardRow, old: BoardRow | None) -> bool:
        """Put a row where it belongs, in place of the old one; say whether any line moved."""
        was = self._found(row.workflow_id)
        fits = self._matches(row)
        if was and old and fits and was[0] is group_of(row) and self._key(old) == self._key(row):
            self.rows[row.workflow_id] = row
            return False
        # Looked for while the rows are still what the list was sorted by.
        if was:
            del self._groups[was[0]][was[1]]
        self.rows[row.workflow_id] = row
        if fits:
            insort(self._groups[group_of(row)], row.workflow_id, key=self._key_of)
        return bool(was or fits)

    def _matches(self, row: BoardRow) -> bool:
        if self.project and row.project != self.project:
            return False
        if not self.pattern:
            return True
        told = (row.build_id, row.fork_of, row.title, row.project, row.state, row.condition, row.activity)
        text = " ".join(told).lower()
        if words.needs_you(row):
            text += " needs you"
        return all(word in text for word in self.pattern.lower().split())


def _size(totals: Totals) -> int:
    return totals.need + totals.running + totals.waiting + totals.done
