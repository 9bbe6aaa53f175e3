"""A view that shows of which build a workflow is a fork.

Revision 0004. The column was always there; the views before this one stay for programs that know only those.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BOARD = """
CREATE VIEW board_v3 AS SELECT
    w.workflow_id, w.build_id, w.title, p.name AS project, w.current_state AS state, w.condition,
    w.waiting_for, w.autonomy, coalesce(l.activity, '') AS activity, coalesce(l.tests, '') AS tests,
    CAST(coalesce(l.cost_micros, 0) AS DOUBLE PRECISION) / 1000000 AS cost_usd,
    CAST(w.budget_micros AS DOUBLE PRECISION) / 1000000 AS budget_usd,
    w.retries_used, w.retry_budget, {created} AS created_at, coalesce(l.touched, {updated}) AS updated_at,
    {completed} AS completed_at, w.version, w.evidence, w.attempt,
    {due} AS due_at, w.due_left, w.due_for, w.breached, coalesce(f.build_id, '') AS fork_of
FROM build_workflows w
JOIN projects p ON p.project_id = w.project_id
LEFT JOIN workflow_live l ON l.workflow_id = w.workflow_id
LEFT JOIN build_workflows f ON f.workflow_id = w.parent
"""


def _epoch(column: str) -> str:
    if op.get_context().dialect.name == "sqlite":
        # 2440587.5 is the Julian day of 1970-01-01.
        return f"round((julianday(w.{column}) - 2440587.5) * 86400.0, 3)"
    return f"CAST(extract(epoch FROM w.{column}) AS double precision)"


def upgrade() -> None:
    """Add the third view."""
    names = {"created": "created_at", "updated": "updated_at", "completed": "completed_at", "due": "due_at"}
    op.execute(_BOARD.format(**{k: _epoch(v) for k, v in names.items()}))


def downgrade() -> None:
    """A journal is never taken back: put the backup in its place."""
    raise NotImplementedError("put the backup in place instead")
