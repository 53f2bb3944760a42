"""The real composed server, without a switch, for pages that show much: agents by the hundred, calls made of facts."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aiohttp.test_utils import unused_port
from pydantic import SecretStr

from cti_server.app import Server
from cti_server.clock import SystemClock, new_id
from cti_server.config import (
    AgiSettings,
    AmiSettings,
    CallSettings,
    DatabaseSettings,
    HttpSettings,
    PathSettings,
    Settings,
)
from cti_server.domain import facts as f
from cti_server.domain.agents import Agent
from cti_server.domain.ids import AgentId, CallId, ChannelRef, OfferId, QueueName, VisitId
from cti_server.lab import sample_data
from cti_server.lab.asterisk import CHECKOUT
from cti_server.ports import PhoneReachability
from cti_server.services.calls.live import LiveCall, Visit
from cti_server.storage.configuration import SqlConfiguration
from cti_server.storage.engine import Database, open_database
from cti_server.storage.migrate import migrate

Kind = TypeVar("Kind", bound=f.Fact)
GENERAL = QueueName("general")
MoreData = Callable[[Database], Awaitable[None]]


@dataclass
class LeaderSite:
    server: Server
    logins: dict[str, Any]
    clock: SystemClock = field(default_factory=SystemClock)
    _number: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self._facts: list[f.Fact] = []
        self.server.bus.subscribe(lambda recorded: self._facts.append(recorded.fact))

    def facts_of(self, kind: type[Kind]) -> list[Kind]:
        return [fact for fact in self._facts if isinstance(fact, kind)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.web_port}"

    def password(self, login: str) -> str:
        return str(next(known["password"] for known in self.logins["logins"] if known["login"] == login))

    def ready(self, agent_id: str) -> None:
        """His phone registers, he signs in and goes ready."""
        floor = self.server.floor
        floor.on_switch(PhoneReachability(at=self.clock.now(), node="asterisk", endpoint=agent_id, reachable=True))
        floor.sign_in(AgentId(agent_id))
        floor.ready(AgentId(agent_id))

    def waits(self, caller: str, queue: QueueName = GENERAL) -> LiveCall:
        """A caller in a queue, also for the router."""
        call = CallId(new_id(self.clock))
        live = self.server.calls.open(call, ChannelRef("asterisk", call), caller=caller, did="95598")
        live.note(f.CallArrived, node="asterisk", channel="c", uniqueid=call, caller=caller, did="95598")
        now = self.clock.now()
        visit = live.start_visit(Visit(VisitId(new_id(self.clock)), queue, 0, now))
        self.server.acd.join(live, visit)
        return live

    def story(self, agent_id: str) -> list[f.Fact]:
        """A call of that agent's, fact by fact; wrap-up follows by itself."""
        number, now = next(self._number), self.clock.now()
        call, visit = CallId(f"call-{number}"), VisitId(f"visit-{number}")
        of: dict[str, Any] = {"at": now, "call_id": call, "visit_id": visit, "agent_id": AgentId(agent_id)}
        offer = {**of, "offer_id": OfferId(f"offer-{number}")}
        arrived: dict[str, Any] = {
            "node": "asterisk",
            "channel": "c",
            "uniqueid": call,
            "caller": f"139{number:08}",
            "did": "95598",
        }
        entered: dict[str, Any] = {"visit_id": visit, "queue": GENERAL, "priority": 0, "entered_at": now}
        return [
            f.CallArrived(at=now, call_id=call, **arrived),
            f.VisitStarted(at=now, call_id=call, **entered),
            f.AgentOffered(**offer),
            f.OfferRinging(**offer),
            f.OfferEnded(result="answered", **offer),
            f.TalkStarted(**of),
            f.VisitEnded(at=now, call_id=call, visit_id=visit, outcome="answered"),
            f.TalkEnded(side="agent", **of),
            f.CallEnded(at=now, call_id=call, side="caller"),
        ]


@asynccontextmanager
async def open_site(
    folder: Path, agents: int = 0, clock: SystemClock | None = None, more: MoreData | None = None
) -> AsyncIterator[LeaderSite]:
    """The server with the sample data, `agents` more, 2001 and up, in the general queue, and what `more` adds; on the same
    folder again it is that server after a restart."""
    settings = Settings(
        ami=AmiSettings(port=unused_port(), password=SecretStr("none")),
        agi=AgiSettings(port=unused_port()),
        http=HttpSettings(port=0),
        database=DatabaseSettings(url=f"sqlite+aiosqlite:///{folder}/cti.db"),
        paths=PathSettings(data=folder / "data", flows=CHECKOUT / "ivr_flows", recordings=folder / "recordings"),
        calls=CallSettings(hours="always"),
    )
    logins = await _prepare(settings, folder, agents, more)
    async with Server(settings, clock) as server:
        yield LeaderSite(server, logins, clock or SystemClock())


async def _prepare(settings: Settings, folder: Path, agents: int, more: MoreData | None) -> dict[str, Any]:
    database = open_database(settings.database.url)
    try:
        await migrate(database)
        logins = await sample_data.create(database, SystemClock(), folder / "logins.json")
        configuration = SqlConfiguration(database)
        for number in range(agents):
            agent = Agent(agent_id=AgentId(str(2001 + number)), name=f"Agent {number}", queues={GENERAL: 5})
            await configuration.save_agent(agent)
        if more is not None:
            await more(database)
        return logins
    finally:
        await database.close()
