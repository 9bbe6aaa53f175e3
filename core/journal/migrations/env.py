"""Alembic's entry: runs the migrations on the connection that `core.journal.migrate` opened for them."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

import core.journal.tables  # noqa: F401 - fills the metadata that a new migration is compared with
from core.journal.schema import VERSION_TABLE


def _ours(name: str | None, kind: str, parents: object) -> bool:
    """Whether a table is ours: a server's database may hold those of others, DBOS's among them."""
    return kind != "table" or name in SQLModel.metadata.tables


if context.is_offline_mode():
    where = {"dialect_name": context.config.attributes["dialect"], "literal_binds": True}
else:
    where = {"connection": context.config.attributes["connection"]}
context.configure(
    **where,
    target_metadata=SQLModel.metadata,
    version_table=VERSION_TABLE,
    # SQLite cannot alter most things in place.
    render_as_batch=True,
    include_name=_ours,
    # All or nothing, also on SQLite, where Alembic is careful by default because older drivers could not.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
