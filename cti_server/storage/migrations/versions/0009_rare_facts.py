"""Facts of alarms and listening are found without reading the whole timeline."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

RARE = (
    "kind IN ('AlarmRaised', 'AlarmCleared', 'AlarmAcknowledged', 'ListenStarted', 'ListenModeChanged', 'ListenEnded')"
)


def upgrade() -> None:
    op.create_index("ix_facts_rare", "facts", ["id"], sqlite_where=sa.text(RARE), postgresql_where=sa.text(RARE))
