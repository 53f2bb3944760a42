"""Announcements of a leader's to agents: kept first, then told, and shown to each until he has read it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Protocol

from cti_server.bus import Bus
from cti_server.clock import Clock, new_id
from cti_server.domain.announcements import Announcement, Audience, Sent
from cti_server.domain.facts import AnnouncementMade, AnnouncementRead
from cti_server.domain.ids import AgentId, Micros, QueueName
from cti_server.errors import Conflict, InvalidValue, NotFound
from cti_server.services.floor import Floor


class AnnouncementStore(Protocol):
    """Raises StorageUnavailable."""

    async def add(self, announcement: Announcement, agents: Collection[AgentId]) -> None: ...
    async def unread(self, agent_id: AgentId) -> list[Announcement]: ...
    async def read(self, announcement_id: str, agent_id: AgentId, at: Micros) -> bool: ...
    async def recent(self, limit: int) -> list[Sent]: ...
    async def readers(self, announcement_id: str) -> dict[AgentId, Micros | None]: ...


class Announcements:
    def __init__(self, floor: Floor, store: AnnouncementStore, bus: Bus, clock: Clock) -> None:
        self._floor, self._store, self._bus, self._clock = floor, store, bus, clock

    async def make(self, audience: Audience, name: str, text: str, by: str, own: AgentId | None = None) -> Announcement:
        """`own` is the author as an agent: he need not read what he tells others. Raises NotFound for an unknown agent,
        InvalidValue without a text, Conflict when nobody would get it."""
        if not text.strip():
            raise InvalidValue("an announcement needs a text", field="text")
        agents = self._audience(audience, name, own)
        made = Announcement(
            announcement_id=new_id(self._clock),
            at=self._clock.now(),
            by=by,
            audience=audience,
            name="" if audience == "all" else name,
            text=text.strip(),
        )
        await self._store.add(made, agents)
        self._bus.record(AnnouncementMade(agents=agents, **asdict(made)))
        return made

    def _audience(self, audience: Audience, name: str, own: AgentId | None) -> tuple[AgentId, ...]:
        if audience == "agent":
            return (self._floor.agent(AgentId(name)).agent_id,)
        everybody = [agent for agent, _ in self._floor if agent.agent_id != own]
        found = tuple(a.agent_id for a in everybody if (a.queues if audience == "all" else QueueName(name) in a.queues))
        if not found:
            raise Conflict(f"nobody would get it: no agent serves {name or 'any queue'}", reason="nobody")
        return found

    async def unread(self, agent_id: str) -> list[Announcement]:
        """Oldest first."""
        return await self._store.unread(AgentId(agent_id))

    async def read(self, announcement_id: str, agent_id: str) -> None:
        """Reading it twice is no mistake: two windows may show it."""
        now = self._clock.now()
        if await self._store.read(announcement_id, AgentId(agent_id), now):
            self._bus.record(AnnouncementRead(at=now, agent_id=AgentId(agent_id), announcement_id=announcement_id))

    async def readers(self, announcement_id: str) -> list[dict[str, Any]]:
        """As `leader_wire.Reader`, who has not read it first. Raises NotFound."""
        found = await self._store.readers(announcement_id)
        if not found:
            raise NotFound("there is no such announcement")
        rows = [{"agent_id": agent, "name": self._name(agent), "read_at": at} for agent, at in found.items()]
        return sorted(rows, key=lambda row: (row["read_at"] is not None, row["agent_id"]))

    def _name(self, agent_id: AgentId) -> str:
        return self._floor.agent(agent_id).name if self._floor.knows(agent_id) else ""

    async def recent(self, limit: int) -> list[Sent]:
        """Newest first."""
        return await self._store.recent(limit)
