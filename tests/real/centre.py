"""A whole contact centre for a test: our server in this process, on the private Asterisk, with the demo's sample data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from cti_server.app import Server
from cti_server.clock import SystemClock
from cti_server.config import (
    AgiSettings,
    AmiSettings,
    CallSettings,
    DatabaseSettings,
    HttpSettings,
    PathSettings,
    Settings,
    SpeechSettings,
)
from cti_server.domain.facts import Fact
from cti_server.domain.ids import AgentId
from cti_server.lab import sample_data
from cti_server.lab.asterisk import CHECKOUT, AsteriskInstance
from cti_server.lab.phones import AgentPhone, Behaviour, PhoneBank
from cti_server.lab.sipp import SippCaller
from cti_server.lab.sipp_reports import CallReport
from cti_server.storage.configuration import SqlConfiguration
from cti_server.storage.engine import open_database
from cti_server.storage.migrate import migrate

F = TypeVar("F", bound=Fact)
PATIENCE = 30.0
QueueChanges = Mapping[str, Mapping[str, Any]]


@dataclass
class Centre:
    """`facts` is what our server has recorded since it started."""

    asterisk: AsteriskInstance
    server: Server
    bank: PhoneBank
    caller: SippCaller
    facts: list[Fact] = field(default_factory=list)
    arriving: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a call arrives, so that each caller knows its own id."""

    def of(self, kind: type[F]) -> list[F]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def kinds(self) -> list[str]:
        return [type(fact).__name__ for fact in self.facts]

    async def call(self, script: str, *, to: str = "95598", caller: str = "13900000002", **more: Any) -> CallReport:
        return await self.caller.call(to, caller=caller, script=script, **more)

    async def until(self, kind: type[F], count: int = 1, within: float = PATIENCE) -> list[F]:
        """Wait until so many facts of this kind are there."""
        await self.true(lambda: len(self.of(kind)) >= count, f"{count} {kind.__name__}", within)
        return self.of(kind)

    async def true(self, test: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
        try:
            async with asyncio.timeout(within):
                while not test():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"not within {within} s: {what}; facts so far: {self.kinds()}") from None

    async def agent(self, agent_id: str, behaviour: Behaviour | None = None, *, ready: bool = True) -> AgentPhone:
        """An agent with a registered phone, signed in and ready."""
        phone = await self.bank.phone(agent_id, self.asterisk.password(agent_id), behaviour)
        await self.signed_in(agent_id, ready=ready)
        return phone

    async def signed_in(self, agent_id: str, *, ready: bool = True) -> None:
        """The agent is signed in once his phone is seen."""
        floor = self.server.floor
        await self.true(lambda: floor.state(AgentId(agent_id)).reachable, f"{agent_id} reachable")
        floor.sign_in(AgentId(agent_id))
        if ready:
            floor.ready(AgentId(agent_id))

    async def calls_over(self) -> None:
        """All calls ended, and nothing left on the switch."""
        await self.true(lambda: len(self.server.calls) == 0, "all calls over")


def settings(asterisk: AsteriskInstance, folder: Path, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "ami": AmiSettings(port=asterisk.ports.ami, username=asterisk.user, password=SecretStr(asterisk.secret)),
        "agi": AgiSettings(port=asterisk.ports.agi),
        "http": HttpSettings(port=0),
        "database": DatabaseSettings(url=f"sqlite+aiosqlite:///{folder}/cti.db"),
        "paths": PathSettings(data=folder / "data", flows=CHECKOUT / "ivr_flows", recordings=folder / "recordings"),
        "speech": SpeechSettings(engine="pyttsx3"),
        "calls": CallSettings(node=asterisk.node, hours="always"),
    }
    return Settings(**{**values, **changes})


async def prepare(wanted: Settings, folder: Path, queues: QueueChanges | None = None) -> dict[str, Any]:
    """Schema and sample data, queues as changed; the logins."""
    database = open_database(wanted.database.url)
    try:
        await migrate(database)
        logins = await sample_data.create(database, SystemClock(), folder / "logins.json")
        configuration = SqlConfiguration(database)
        for queue in await configuration.queues():
            if changes := (queues or {}).get(queue.name):
                await configuration.save_queue(replace(queue, **changes))
        return logins
    finally:
        await database.close()


@asynccontextmanager
async def open_centre(
    asterisk: AsteriskInstance, folder: Path, queues: QueueChanges | None = None, **changes: Any
) -> AsyncIterator[Centre]:
    wanted = settings(asterisk, folder, **changes)
    await prepare(wanted, folder, queues)
    await asterisk.serve_from(f"127.0.0.1:{wanted.agi.port}")
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Server(wanted))
        bank = await stack.enter_async_context(PhoneBank("127.0.0.1", asterisk.ports.sip))
        centre = Centre(asterisk, server, bank, SippCaller(asterisk.ports.sip))
        server.bus.subscribe(lambda recorded: centre.facts.append(recorded.fact))
        await centre.true(lambda: server.switch.linked, "switch linked")
        yield centre
