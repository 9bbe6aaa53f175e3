"""The board's first picture: one read-only query on a versioned view, with the standard library only.

The app draws from this before SQLModel is imported. Knows the view's columns and nothing else of the journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

BOARD_VIEW = "board_v3"
"""The view that every released journal offers; a change of columns is a new view beside it."""

OVERLAP = 2.0
"""Seconds that a read of changes looks back further than asked: writers who overlap are not missed."""

COLUMNS = (
    "workflow_id, build_id, title, project, state, condition, waiting_for, autonomy, activity, tests, "
    "cost_usd, budget_usd, retries_used, retry_budget, created_at, updated_at, completed_at, version, "
    "evidence, attempt, due_at, due_left, due_for, breached, fork_of"
)


_GROUP = (
    "CASE WHEN state = 'complete' OR condition = 'cancelled' THEN 3 "
    "WHEN condition IN ('waiting', 'failed') THEN 0 WHEN condition = 'active' THEN 1 ELSE 2 END"
)
# S608 below: nothing but constants of this module is put together.
_TOP = (
    f"SELECT {COLUMNS} FROM {BOARD_VIEW} WHERE workflow_id IN "  # noqa: S608
    f"(SELECT workflow_id FROM {BOARD_VIEW} ORDER BY {_GROUP}, created_at DESC LIMIT ?)"
)
_SUMS = (
    f"SELECT {_GROUP}, condition = 'failed', count(*), sum(cost_usd), sum(budget_usd), count(budget_usd) "  # noqa: S608
    f"FROM {BOARD_VIEW} GROUP BY 1, 2"
)

_Ask = Callable[[str, tuple[float | int, ...]], Iterable[tuple[Any, ...]]]


class BoardUnreadable(ValueError):
    """The file is there, but no board can be read from it; the text says why."""


@dataclass(slots=True)
class BoardRow:
    """One workflow, a line of the board. Times are seconds since 1970; money is US dollars.

    `updated_at` changes with everything that the row shows, live activity included. `evidence` has
    six characters, one for each piece in the order requirement, plan, code, tests, review, smoke: its
    letter of "rpctvs" when it is green and current, "!" when it is current and not green, "~" when it
    is stale, "-" when there is none.

    `due_for` names the deadline that presses most ("workflow" or a phase): it runs out at `due_at`, or
    has `due_left` seconds and stands still while a person is waited for. `breached` names the deadlines whose
    breach is on record, with blanks between. `fork_of` is the build id of the one that it was forked from.
    """

    workflow_id: str
    build_id: str
    title: str
    project: str
    state: str
    condition: str
    waiting_for: str
    autonomy: str
    activity: str
    tests: str
    cost_usd: float
    budget_usd: float | None
    retries_used: int
    retry_budget: int
    created_at: float
    updated_at: float
    completed_at: float | None
    version: int
    evidence: str
    attempt: int
    due_at: float | None = None
    due_left: float | None = None
    due_for: str = ""
    breached: str = ""
    fork_of: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """How many workflows there are by who has to act next, and what the open ones spent of their budgets."""

    need: int = 0
    running: int = 0
    waiting: int = 0
    done: int = 0
    failed: int = 0
    cost_usd: float = 0.0
    budget_usd: float | None = None


def first_look(path: Path, limit: int) -> tuple[list[BoardRow], Totals]:
    """Return the rows that the board's first frame can show, and what the whole board comes to.

    Those that need a person come first, then those that run, wait and are done; the newest first in each.
    Raises as `read_board` does.
    """
    with _open(path) as ask:
        rows = _rows(ask(_TOP, (limit,)))
        sums = list(ask(_SUMS, ()))
    need, running, waiting, done = (sum(s[2] for s in sums if s[0] == group) for group in range(4))
    failed = sum(s[2] for s in sums if s[:2] == (0, 1))
    still_open = [s[3:] for s in sums if s[0] < 3]
    cost, budget = (sum(s[i] or 0.0 for s in still_open) for i in (0, 1))
    has_budget = any(s[2] for s in still_open)
    return rows, Totals(need, running, waiting, done, failed, cost, budget if has_budget else None)


def read_board(path: Path, changed_since: float = 0.0, limit: int = 100_000) -> list[BoardRow]:
    """Return the board's rows, newest workflow first.

    With `changed_since`, only those changed after it (and a little before). A missing file is an empty
    board, a journal that has no board yet too. Raises BoardUnreadable for a file that cannot be read.
    """
    with _open(path) as ask:
        return _rows(ask(_query(changed_since), _values(changed_since, limit)))


@contextmanager
def _open(path: Path) -> Iterator[_Ask]:
    """Give the means to ask the file; there is nothing in one that is not there, or has no board yet."""
    if not path.exists():
        yield lambda query, values: ()
        return
    connection: sqlite3.Connection | None = None
    try:
        # mode=ro keeps the promise that looking never writes; quote, because the path may hold ? or #.
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=2.0)
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (BOARD_VIEW,)).fetchone()
        yield connection.execute if known else lambda query, values: ()
    except sqlite3.Error as error:
        raise BoardUnreadable(f"The journal {path} cannot be read: {error}.") from error
    finally:
        if connection is not None:
            connection.close()


def _rows(found: Iterable[tuple[Any, ...]]) -> list[BoardRow]:
    """Rows share the words and sums that many of them hold: ten thousand take half the memory."""
    # Apart, because 1.0 is equal to 1.
    words: dict[Any, Any] = {}
    sums: dict[Any, Any] = {}
    share, share_sum = words.setdefault, sums.setdefault
    return [
        BoardRow(
            *[share(v, v) if type(v) is str else share_sum(v, v) if type(v) is float else v for v in row]
        )
        for row in found
    ]


def _query(changed_since: float) -> str:
    """The inner select keeps a read of changes at an index, however long the board is."""
    recent = "WHERE workflow_id IN (SELECT workflow_id FROM workflow_live WHERE touched > ?)"
    where = recent if changed_since else ""
    # S608: nothing but constants of this module is put together here.
    return f"SELECT {COLUMNS} FROM {BOARD_VIEW} {where} ORDER BY created_at DESC LIMIT ?"  # noqa: S608


def _values(changed_since: float, limit: int) -> tuple[float | int, ...]:
    return (changed_since - OVERLAP, limit) if changed_since else (limit,)
