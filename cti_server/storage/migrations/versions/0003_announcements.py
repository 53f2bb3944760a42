"""Announcements of leaders to agents, and who has read them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "announcements",
        sa.Column("announcement_id", sa.String(64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("audience", sa.String(8), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("announcement_id", name=op.f("pk_announcements")),
    )
    op.create_index(op.f("ix_announcements_at"), "announcements", ["at"], unique=False)
    op.create_table(
        "announcement_readers",
        sa.Column("announcement_id", sa.String(64), nullable=False),
        sa.Column("agent_id", sa.String(64), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["announcement_id"],
            ["announcements.announcement_id"],
            name=op.f("fk_announcement_readers_announcement_id_announcements"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("announcement_id", "agent_id", name=op.f("pk_announcement_readers")),
    )
    op.create_index(
        op.f("ix_announcement_readers_agent_id_read_at"), "announcement_readers", ["agent_id", "read_at"], unique=False
    )
