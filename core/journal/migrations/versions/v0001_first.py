"""The first schema: tables, the append-only triggers, the board's view.

Revision 0001. Complete in itself: a released migration does not change when the tables go on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, AutoString(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, UTCDateTime(), nullable=nullable)


def _json(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(none_as_null=True), nullable=nullable)


def _serial(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def _approval_tokens() -> None:
    op.create_table(
        "approval_tokens",
        _text("token_hash"),
        _text("workflow_id"),
        _text("subject"),
        _text("digest"),
        _text("issued_to"),
        _time("issued_at"),
        _time("expires_at"),
        _time("used_at", nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name="pk_approval_tokens"),
    )
    op.create_index("ix_approval_tokens_workflow_id", "approval_tokens", ["workflow_id"])


def _artifacts() -> None:
    op.create_table(
        "artifacts",
        _text("digest"),
        _text("media"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        _time("at"),
        sa.PrimaryKeyConstraint("digest", name="pk_artifacts"),
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        _text("attempt_id"),
        _text("workflow_id"),
        _text("state"),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("role"),
        _text("executor"),
        _text("lease"),
        _time("started_at"),
        _time("ended_at", nullable=True),
        _text("outcome"),
        _text("summary"),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_attempts"),
    )
    op.create_index("ix_attempts_workflow_id", "attempts", ["workflow_id"])


def _checkpoints() -> None:
    op.create_table(
        "checkpoints",
        _text("workflow_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("ref"),
        _text("commit"),
        _text("tree"),
        _text("state"),
        sa.Column("attempt", sa.Integer(), nullable=False),
        _json("data"),
        _time("timestamp"),
        sa.PrimaryKeyConstraint("workflow_id", "number", name="pk_checkpoints"),
    )


def _messages() -> None:
    op.create_table(
        "messages",
        _serial("seq"),
        _text("message_id"),
        _text("workflow_id"),
        _text("attempt_id"),
        _text("key"),
        _text("state"),
        _text("role"),
        _text("author"),
        _text("kind"),
        _text("text"),
        _json("data"),
        _time("at"),
        _time("read_at", nullable=True),
        sa.Column("voided_by", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_messages"),
        sa.UniqueConstraint("attempt_id", "key", name="uq_messages_attempt_id_key"),
        sa.UniqueConstraint("message_id", name="uq_messages_message_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_workflow_id_seq", "messages", ["workflow_id", "seq"])


def _model_calls() -> None:
    op.create_table(
        "model_calls",
        _text("attempt_id"),
        _text("key"),
        _text("workflow_id"),
        _text("role"),
        _text("model"),
        sa.Column("reserved_micros", sa.BigInteger(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        _text("prompt_digest"),
        _text("status"),
        _time("at"),
        _time("settled_at", nullable=True),
        sa.PrimaryKeyConstraint("attempt_id", "key", name="pk_model_calls"),
    )
    op.create_index("ix_model_calls_workflow_id", "model_calls", ["workflow_id"])


def _projects() -> None:
    op.create_table(
        "projects",
        _text("project_id"),
        _text("name"),
        _text("path"),
        _text("default_branch"),
        _json("settings"),
        _time("created_at"),
        _time("updated_at"),
        sa.PrimaryKeyConstraint("project_id", name="pk_projects"),
        sa.UniqueConstraint("path", name="uq_projects_path"),
    )


def _stream_chunks() -> None:
    op.create_table(
        "stream_chunks",
        _serial("seq"),
        _text("workflow_id"),
        _text("attempt_id"),
        _text("text"),
        _time("at"),
        sa.PrimaryKeyConstraint("seq", name="pk_stream_chunks"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_stream_chunks_workflow_id_seq", "stream_chunks", ["workflow_id", "seq"])


def _workflow_events() -> None:
    op.create_table(
        "workflow_events",
        _serial("id"),
        _text("workflow_id"),
        sa.Column("seq", sa.Integer(), nullable=False),
        _text("event_type"),
        _text("triggered_by"),
        _json("event_data"),
        _time("timestamp"),
        _text("command_id"),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        _json("answer", nullable=True),
        _text("prev_hash"),
        _text("hash"),
        sa.PrimaryKeyConstraint("id", name="pk_workflow_events"),
        sa.UniqueConstraint("command_id", "ordinal", name="uq_workflow_events_command_id_ordinal"),
        sa.UniqueConstraint("workflow_id", "seq", name="uq_workflow_events_workflow_id_seq"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_workflow_events_workflow_id_event_type", "workflow_events", ["workflow_id", "event_type"]
    )


def _workflow_handoffs() -> None:
    op.create_table(
        "workflow_handoffs",
        _text("workflow_id"),
        sa.Column("seq", sa.Integer(), nullable=False),
        _text("from_role"),
        _text("to_role"),
        _text("from_state"),
        _text("to_state"),
        _json("data_transferred"),
        _text("notes"),
        _time("timestamp"),
        _text("answer"),
        _text("answer_notes"),
        _time("answered_at", nullable=True),
        sa.PrimaryKeyConstraint("workflow_id", "seq", name="pk_workflow_handoffs"),
    )


def _workflow_live() -> None:
    op.create_table(
        "workflow_live",
        _text("workflow_id"),
        _text("activity"),
        _text("tests"),
        sa.Column("cost_micros", sa.BigInteger(), nullable=False),
        sa.Column("stop_requested", sa.Boolean(), nullable=False),
        sa.Column("touched", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", name="pk_workflow_live"),
    )
    op.create_index("ix_workflow_live_touched", "workflow_live", ["touched"])


def _attempt_steps() -> None:
    op.create_table(
        "attempt_steps",
        _text("attempt_id"),
        _text("key"),
        _json("result", nullable=True),
        _time("at"),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempts.attempt_id"], name="fk_attempt_steps_attempt_id_attempts"
        ),
        sa.PrimaryKeyConstraint("attempt_id", "key", name="pk_attempt_steps"),
    )


def _build_workflows() -> None:
    op.create_table(
        "build_workflows",
        _text("workflow_id"),
        _text("build_id"),
        sa.Column("build_number", sa.Integer(), nullable=False),
        _text("project_id"),
        _text("user_id"),
        _text("title"),
        _text("current_state"),
        _text("condition"),
        _text("waiting_for"),
        _text("condition_reason"),
        _text("autonomy"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("retry_budget", sa.Integer(), nullable=False),
        sa.Column("retries_used", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        _text("evidence"),
        sa.Column("checkpoint", sa.Integer(), nullable=False),
        _text("base_commit"),
        _text("parent"),
        sa.Column("budget_micros", sa.BigInteger(), nullable=True),
        sa.Column("machine_version", sa.Integer(), nullable=False),
        _time("created_at"),
        _time("updated_at"),
        _time("completed_at", nullable=True),
        _time("waiting_since", nullable=True),
        _text("request"),
        _json("discovery_phase"),
        _json("planning_phase"),
        _json("implementation_phase"),
        _json("testing_phase"),
        _json("verification_phase"),
        _json("deployment_phase"),
        _json("metadata"),
        _json("folded"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.project_id"], name="fk_build_workflows_project_id_projects"
        ),
        sa.PrimaryKeyConstraint("workflow_id", name="pk_build_workflows"),
        sa.UniqueConstraint("build_id", name="uq_build_workflows_build_id"),
    )
    op.create_index("ix_build_workflows_build_number", "build_workflows", ["build_number"])
    op.create_index("ix_build_workflows_condition", "build_workflows", ["condition"])
    op.create_index("ix_build_workflows_created_at", "build_workflows", ["created_at"])
    op.create_index("ix_build_workflows_project_id", "build_workflows", ["project_id"])


def _receipts() -> None:
    op.create_table(
        "receipts",
        _text("receipt_id"),
        _text("workflow_id"),
        _text("attempt_id"),
        _text("key"),
        _text("kind"),
        _json("data"),
        _text("output"),
        _text("artifact", nullable=True),
        _time("at"),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.digest"], name="fk_receipts_artifact_artifacts"),
        sa.PrimaryKeyConstraint("receipt_id", name="pk_receipts"),
        sa.UniqueConstraint("attempt_id", "key", name="uq_receipts_attempt_id_key"),
    )
    op.create_index("ix_receipts_workflow_id", "receipts", ["workflow_id"])


_BOARD = """
CREATE VIEW board_v1 AS SELECT
    w.workflow_id, w.build_id, w.title, p.name AS project, w.current_state AS state, w.condition,
    w.waiting_for, w.autonomy, coalesce(l.activity, '') AS activity, coalesce(l.tests, '') AS tests,
    CAST(coalesce(l.cost_micros, 0) AS DOUBLE PRECISION) / 1000000 AS cost_usd,
    CAST(w.budget_micros AS DOUBLE PRECISION) / 1000000 AS budget_usd,
    w.retries_used, w.retry_budget, {created} AS created_at, coalesce(l.touched, {updated}) AS updated_at,
    {completed} AS completed_at, w.version, w.evidence, w.attempt
FROM build_workflows w
JOIN projects p ON p.project_id = w.project_id
LEFT JOIN workflow_live l ON l.workflow_id = w.workflow_id
"""


def _epoch(column: str) -> str:
    if op.get_context().dialect.name == "sqlite":
        # 2440587.5 is the Julian day of 1970-01-01.
        return f"round((julianday(w.{column}) - 2440587.5) * 86400.0, 3)"
    return f"CAST(extract(epoch FROM w.{column}) AS double precision)"


def _view() -> None:
    names = {"created": "created_at", "updated": "updated_at", "completed": "completed_at"}
    op.execute(_BOARD.format(**{k: _epoch(v) for k, v in names.items()}))


def _sqlite_triggers() -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER workflow_events_no_{verb.lower()} BEFORE {verb} ON workflow_events "
            "BEGIN SELECT RAISE(ABORT, 'workflow_events is append-only'); END"
        )
    # INSERT OR REPLACE deletes what stands in its way without asking the trigger above.
    op.execute(
        "CREATE TRIGGER workflow_events_no_replace BEFORE INSERT ON workflow_events WHEN EXISTS ("
        "SELECT 1 FROM workflow_events e WHERE e.id = NEW.id"
        " OR (e.workflow_id = NEW.workflow_id AND e.seq = NEW.seq)"
        " OR (e.command_id = NEW.command_id AND e.ordinal = NEW.ordinal)) "
        "BEGIN SELECT RAISE(ABORT, 'workflow_events is append-only: UNIQUE constraint'); END"
    )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION qdeck_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'workflow_events is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER workflow_events_append_only BEFORE UPDATE OR DELETE ON workflow_events "
        "FOR EACH ROW EXECUTE FUNCTION qdeck_append_only()"
    )
    op.execute(
        "CREATE TRIGGER workflow_events_no_truncate BEFORE TRUNCATE ON workflow_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION qdeck_append_only()"
    )
    op.execute(
        "CREATE FUNCTION qdeck_tell() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_notify('qdeck_changed', ''); RETURN NULL; END $$"
    )
    for table in ("workflow_events", "workflow_live", "messages", "stream_chunks", "receipts", "projects"):
        op.execute(
            f"CREATE TRIGGER {table}_tell AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION qdeck_tell()"
        )


def upgrade() -> None:
    """Make everything."""
    _approval_tokens()
    _artifacts()
    _attempts()
    _checkpoints()
    _messages()
    _model_calls()
    _projects()
    _stream_chunks()
    _workflow_events()
    _workflow_handoffs()
    _workflow_live()
    _attempt_steps()
    _build_workflows()
    _receipts()
    _view()
    if op.get_context().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def downgrade() -> None:
    """A journal is never taken back: put the backup in its place."""
    raise NotImplementedError("put the backup in place instead")
