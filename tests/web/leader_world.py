"""A leader's tools for the tests of the web layer: the real services on a floor of their own; stores in memory, no switch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from cti_server.bus import Bus
from cti_server.domain.agents import Agent
from cti_server.domain.announcements import Announcement, Sent
from cti_server.domain.facts import AlarmFact, ListenFact, Recorded
from cti_server.domain.ids import MINUTE, AgentId, Micros, QueueName
from cti_server.domain.queues import Queue
from cti_server.domain.routing import Router
from cti_server.domain.setup import Skill
from cti_server.domain.tallies import QueueView
from cti_server.services.acd import Acd
from cti_server.services.alarms import Alarms
from cti_server.services.announcements import Announcements
from cti_server.services.calls.live import LiveCalls
from cti_server.services.configuration import By
from cti_server.services.floor import Floor
from cti_server.services.leader import LeaderService
from cti_server.services.listening import Listening
from cti_server.web.leader import Leader
from tests.services.doubles import FakeSwitch

GENERAL = QueueName("general")


class MemoryAnnouncements:
    """storage.announcements.SqlAnnouncements in memory."""

    def __init__(self) -> None:
        self.made: list[Announcement] = []
        self.readers_: dict[tuple[str, str], Micros | None] = {}

    async def add(self, announcement: Announcement, agents: Collection[AgentId]) -> None:
        self.made.append(announcement)
        self.readers_ |= {(announcement.announcement_id, agent): None for agent in agents}

    async def unread(self, agent_id: AgentId) -> list[Announcement]:
        return [one for one in self.made if self.readers_.get((one.announcement_id, agent_id), 0) is None]

    async def read(self, announcement_id: str, agent_id: AgentId, at: Micros) -> bool:
        news = self.readers_.get((announcement_id, agent_id), 0) is None
        if news:
            self.readers_[announcement_id, agent_id] = at
        return news

    async def readers(self, announcement_id: str) -> dict[AgentId, Micros | None]:
        return {AgentId(agent): at for (key, agent), at in self.readers_.items() if key == announcement_id}

    async def recent(self, limit: int) -> list[Sent]:
        found = []
        for one in reversed(self.made[-limit:]):
            read = [at for (key, _), at in self.readers_.items() if key == one.announcement_id]
            found.append(Sent(one, len(read), sum(at is not None for at in read)))
        return found


class MemorySettings:
    """The settings and agents of storage.configuration.SqlConfiguration in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.assigned: dict[str, dict[str, int]] = {}

    async def setting(self, name: str, default: Any = None) -> Any:
        return self.kept.get(name, default)

    async def save_setting(self, name: str, value: Any) -> None:
        self.kept[name] = value

    async def assign(self, agent_id: str, queues: Mapping[str, int], by: By) -> None:
        self.assigned[agent_id] = dict(queues)


def leader_tools(bus: Bus, clock: Any, agents: Collection[str], stored: Callable[[], list[Recorded]]) -> Leader:
    async def rare(since: Micros, *, limit: int) -> list[Recorded]:
        return [one for one in stored() if one.id >= since and isinstance(one.fact, AlarmFact | ListenFact)][-limit:]

    async def skills() -> list[Skill]:
        return [Skill(code="en", zh="英文", en="English")]

    queues = {GENERAL: Queue(name=GENERAL)}
    switch, settings, calls = FakeSwitch(clock), MemorySettings(), LiveCalls(bus, clock)
    acd = Acd(Router(queues), queues, GENERAL, switch, bus, clock)
    floor = Floor([Agent(agent_id=AgentId(one), queues={GENERAL: 5}) for one in agents], queues, acd, bus, clock)
    return Leader(
        control=LeaderService(floor, acd, calls, settings, bus),
        listening=Listening(floor, calls, switch, bus, clock),
        announcements=Announcements(floor, MemoryAnnouncements(), bus, clock),
        alarms=Alarms(lambda: [QueueView(name=GENERAL)], settings, lambda _, __: True, bus, clock),
        rare=rare,
        day_start=lambda at: at - at % (24 * 60 * MINUTE),
        skills=skills,
    )
