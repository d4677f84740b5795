"""Which file has which content, where hosts share no folder."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "files",
        sa.Column("path", sa.String(1024), primary_key=True),
        sa.Column("content", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("files")
