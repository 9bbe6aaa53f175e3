"""The board's first picture: one read-only query on a versioned view, with the standard library only.

The app draws from this before SQLModel is imported. Knows the view's columns and nothing else of the journal.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

BOARD_VIEW = "board_v1"
"""The view that every released journal offers; a change of columns is a new view beside it."""

OVERLAP = 2.0
"""Seconds that a read of changes looks back further than asked: writers who overlap are not missed."""

COLUMNS = (
    "workflow_id, build_id, title, project, state, condition, waiting_for, autonomy, activity, tests, "
    "cost_usd, budget_usd, retries_used, retry_budget, created_at, updated_at, completed_at, version, "
    "evidence, attempt"
)


class BoardUnreadable(ValueError):
    """The file is there, but no board can be read from it; the text says why."""


@dataclass(slots=True)
class BoardRow:
    """One workflow, a line of the board. Times are seconds since 1970; money is US dollars.

    `updated_at` changes with everything that the row shows, live activity included. `evidence` has
    six characters, one for each piece in the order requirement, plan, code, tests, review, smoke: its
    letter of "rpctvs" when it is green and current, "!" when it is current and not green, "~" when it
    is stale, "-" when there is none.
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


def read_board(path: Path, changed_since: float = 0.0, limit: int = 100_000) -> list[BoardRow]:
    """Return the board's rows, newest workflow first.

    With `changed_since`, only those changed after it (and a little before). A missing file is an empty
    board, a journal that has no board yet too. Raises BoardUnreadable for a file that cannot be read.
    """
    if not path.exists():
        return []
    # mode=ro keeps the promise that looking never writes; quote, because the path may hold ? or #.
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=2.0)
        rows = connection.execute(_query(changed_since), _values(changed_since, limit)).fetchall()
    except sqlite3.Error as error:
        if str(error) == f"no such table: {BOARD_VIEW}":
            return []
        raise BoardUnreadable(f"The journal {path} cannot be read: {error}.") from error
    finally:
        if connection is not None:
            connection.close()
    return [BoardRow(*row) for row in rows]


def _query(changed_since: float) -> str:
    """The inner select keeps a read of changes at an index, however long the board is."""
    recent = "WHERE workflow_id IN (SELECT workflow_id FROM workflow_live WHERE touched > ?)"
    where = recent if changed_since else ""
    # S608: nothing but constants of this module is put together here.
    return f"SELECT {COLUMNS} FROM {BOARD_VIEW} {where} ORDER BY created_at DESC LIMIT ?"  # noqa: S608


def _values(changed_since: float, limit: int) -> tuple[float | int, ...]:
    return (changed_since - OVERLAP, limit) if changed_since else (limit,)
