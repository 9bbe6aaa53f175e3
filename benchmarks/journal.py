"""A journal with many workflows: eight that were really started, the others copies of their row."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from screenshots.journal import Writer

ROLES = 8
_SHARES = {
    "current_state": "CASE WHEN n.i % 10 < 9 THEN 'complete' ELSE 'testing' END",
    "condition": "CASE WHEN n.i % 10 < 9 THEN 'active' WHEN n.i % 40 = 9 THEN 'waiting' "
    "WHEN n.i % 40 = 19 THEN 'paused' ELSE 'active' END",
    "waiting_for": "CASE WHEN n.i % 40 = 9 THEN 'approval:review' ELSE '' END",
}
"""Nine of ten are done; of the others a quarter needs the user, a quarter is paused, the rest runs."""


async def many(path: Path, count: int) -> list[str]:
    """Write a journal of `count` workflows and return the ids of those that can stream."""
    live = []
    writer = await Writer.open(str(path))
    try:
        for number in range(ROLES):
            hand = await writer.start(Path("/srv/shop-api"), f"Live build {number} of the shop's interface")
            await hand.begin()
            live.append(hand.workflow_id)
    finally:
        await writer.close()
    if count > ROLES:
        _copies(path, count - ROLES)
    return live


def _copies(path: Path, count: int) -> None:
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(build_workflows)")]
        given = {
            "workflow_id": "'copy-' || n.i",
            "build_id": "printf('B-%05d', n.i + 100)",
            "build_number": "n.i + 100",
            "title": "'Build ' || n.i || ' of many, with a title of ordinary length'",
            "created_at": "strftime('%Y-%m-%d %H:%M:%f', w.created_at, '-' || n.i || ' minutes') || '000'",
            **_SHARES,
        }
        names = ", ".join(f'"{name}"' for name in columns)
        chosen = ", ".join(given.get(name, f'w."{name}"') for name in columns)
        # S608: the names come from the schema, the expressions stand above.
        connection.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {int(count)}) "  # noqa: S608
            f"INSERT INTO build_workflows ({names}) SELECT {chosen} "
            "FROM n, (SELECT * FROM build_workflows LIMIT 1) w"
        )
        connection.execute(
            "INSERT INTO workflow_live (workflow_id, activity, tests, cost_micros, stop_requested, touched) "
            "SELECT workflow_id, 'reads src/orders.py', '41 passed', 120000, 0, 1.0 FROM build_workflows "
            "WHERE workflow_id LIKE 'copy-%'"
        )
    connection.close()
