"""A version of each customer file, so that no change overwrites another unseen; groups of disposition codes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("customers") as customers:
        customers.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("customers") as customers:
        customers.alter_column("version", server_default=None)
    for name in ("group_zh", "group_en"):
        with op.batch_alter_table("dispositions") as dispositions:
            dispositions.add_column(sa.Column(name, sa.String(64), nullable=False, server_default=""))
        with op.batch_alter_table("dispositions") as dispositions:
            dispositions.alter_column(name, server_default=None)
