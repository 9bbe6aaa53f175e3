"""Scoped tokens for those who speak over the network.

Revision 0002. The table is made anew: no released program ever wrote a row into its first shape, and a right
to approve that nobody can have is better gone than guessed at.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of tokens anew."""
    op.drop_table("approval_tokens")
    op.create_table(
        "approval_tokens",
        sa.Column("token_id", AutoString(), nullable=False),
        sa.Column("token_hash", AutoString(), nullable=False),
        sa.Column("scope", AutoString(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("issued_to", AutoString(), nullable=False),
        sa.Column("issued_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.Column("revoked_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("token_id", name="pk_approval_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_approval_tokens_token_hash"),
    )


def downgrade() -> None:
    """A journal is never taken back: put the backup in its place."""
    raise NotImplementedError("put the backup in place instead")
