"""Announcements to agents, and who has read them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

from sqlalchemy import func, select, update

from cti_server.domain.announcements import Announcement, Sent
from cti_server.domain.ids import AgentId, Micros
from cti_server.storage import tables
from cti_server.storage.engine import Database

_a, _r = tables.announcements.c, tables.announcement_readers.c
_joined = tables.announcements.join(tables.announcement_readers, _a.announcement_id == _r.announcement_id)


class SqlAnnouncements:
    """`services.announcements.AnnouncementStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, announcement: Announcement, agents: Collection[AgentId]) -> None:
        readers = [{"announcement_id": announcement.announcement_id, "agent_id": agent} for agent in agents]
        async with self._database.write() as connection:
            await connection.execute(tables.announcements.insert(), asdict(announcement))
            await connection.execute(tables.announcement_readers.insert(), readers)

    async def unread(self, agent_id: AgentId) -> list[Announcement]:
        """Oldest first."""
        mine = (_r.agent_id == agent_id) & _r.read_at.is_(None)
        query = select(tables.announcements).select_from(_joined).where(mine).order_by(_a.at, _a.announcement_id)
        async with self._database.read() as connection:
            return [Announcement(**row._asdict()) for row in await connection.execute(query)]

    async def read(self, announcement_id: str, agent_id: AgentId, at: Micros) -> bool:
        """False when he has read it before, or it is none of his."""
        mine = (_r.announcement_id == announcement_id) & (_r.agent_id == agent_id) & _r.read_at.is_(None)
        async with self._database.write() as connection:
            done = await connection.execute(update(tables.announcement_readers).where(mine).values(read_at=at))
        return done.rowcount > 0

    async def readers(self, announcement_id: str) -> dict[AgentId, Micros | None]:
        """Agent → when he read it; empty when there is no such announcement."""
        query = select(_r.agent_id, _r.read_at).where(_r.announcement_id == announcement_id).order_by(_r.agent_id)
        async with self._database.read() as connection:
            return {AgentId(agent_id): read_at for agent_id, read_at in await connection.execute(query)}

    async def recent(self, limit: int) -> list[Sent]:
        """Newest first."""
        counts = (func.count(_r.agent_id).label("to"), func.count(_r.read_at).label("read"))
        query = (
            select(tables.announcements, *counts)
            .select_from(_joined)
            .group_by(*tables.announcements.c)
            .order_by(_a.at.desc(), _a.announcement_id.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [
                Sent(Announcement(**dict(zip(_a.keys(), row, strict=False))), row.to, row.read)
                for row in await connection.execute(query)
            ]
