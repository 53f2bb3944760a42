"""Skills, versions of flow files, and the audit log by action; an agent's settings name no roles any more (a user's do)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None

Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "skills",
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("zh", sa.String(64), nullable=False),
        sa.Column("en", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_skills")),
    )
    op.create_table(
        "flow_versions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("file", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("note", sa.String(256), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_versions")),
    )
    op.create_index(op.f("ix_flow_versions_file_id"), "flow_versions", ["file", "id"], unique=False)
    op.create_index(op.f("ix_audit_action_at"), "audit", ["action", "at"], unique=False)
    _agents_and_their_skills()


def _agents_and_their_skills() -> None:
    """Roles leave the agents' settings; the skills they have become a list one can choose from."""
    agents = sa.table("agents", sa.column("agent_id", sa.String), sa.column("settings", Json))
    skills = sa.table("skills", sa.column("code"), sa.column("position"), sa.column("zh"), sa.column("en"))
    connection = op.get_bind()
    known: set[str] = set()
    for agent_id, settings in connection.execute(sa.select(agents.c.agent_id, agents.c.settings)).all():
        known.update(settings.get("skills", {}))
        kept = {name: value for name, value in settings.items() if name != "roles"}
        connection.execute(sa.update(agents).where(agents.c.agent_id == agent_id).values(settings=kept))
    for position, code in enumerate(sorted(known)):
        connection.execute(sa.insert(skills).values(code=code, position=position, zh=code, en=code))
