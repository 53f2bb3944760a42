"""A contact centre without a switch: real sessions, router, floor and flows; a fake line and switch; virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cti_server.bus import Bus
from cti_server.config import CallSettings
from cti_server.domain.agents import Agent
from cti_server.domain.facts import Fact
from cti_server.domain.flows.effects import Created
from cti_server.domain.ids import AgentId, CallId, ChannelRef, QueueName
from cti_server.domain.orders import CallbackRequest
from cti_server.domain.queues import Queue
from cti_server.domain.routing import Router
from cti_server.errors import StorageUnavailable
from cti_server.ports import LineInfo, PhoneReachability
from cti_server.services.acd import Acd
from cti_server.services.callbacks import CallbackService
from cti_server.services.calls.consulting import Consultations
from cti_server.services.calls.live import LiveCalls
from cti_server.services.calls.parts import Parts, Recordings
from cti_server.services.calls.placing import Placing
from cti_server.services.calls.recovery import Recovery
from cti_server.services.calls.session import Sessions
from cti_server.services.calls.targets import Targets
from cti_server.services.calls.watch import SwitchWatch
from cti_server.services.customers import Customers
from cti_server.services.floor import Floor
from cti_server.services.flows import FlowRegistry
from cti_server.services.lookups import Lookups
from cti_server.services.outside import Outside
from tests.services.doubles import FakeLine, FakeSpeaker, FakeSwitch, Phone
from tests.virtual import VirtualClock

DESK = """name: desk
title: {en: Desk, zh: 服务台}
languages: [en, zh]
start: main
person: help
fallback_queue: general
nodes:
  main:
    kind: menu
    say: {en: "For help press 1.", zh: "求助请按1。"}
    keys:
      1: {to: help, label: {en: Help, zh: 求助}}
  help:
    kind: queue
    queue: general
"""
"""The smallest flow that finds an agent."""
FLOW = (
    DESK
    + """    answered: thanks
  thanks:
    kind: say
    say: {en: "Thank you.", zh: "谢谢。"}
    next: bye
  bye:
    kind: hangup
"""
)


class NoCustomers:
    """A customer file nobody is in."""

    async def known_callers(self, number: str) -> Sequence[Any]:
        return ()

    async def card(self, customer_id: str) -> Any:
        raise StorageUnavailable("no files here")

    async def search(self, text: str, number: str | None, limit: int) -> Sequence[Any]:
        return ()


@dataclass
class TicketShelf:
    """Tickets in memory; `away` makes the store fail."""

    away: bool = False
    kept: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)

    async def create(self, kind: str, call_id: CallId, fields: Mapping[str, Any]) -> Created:
        if self.away:
            raise StorageUnavailable("the database is away")
        self.kept.append((kind, fields))
        return Created(f"t{len(self.kept)}", f"300000{len(self.kept)}")

    async def note(self, ticket_id: str, *, by: str, what: str = "note", text: str = "") -> None:
        self.ended.append((ticket_id, f"{what} by {by}"))

    async def open_callbacks(self) -> list[tuple[str, CallbackRequest]]:
        return []

    async def end_callback(self, ticket_id: str, state: str, text: str = "") -> None:
        self.ended.append((ticket_id, state))

    async def note_attempt(self, ticket_id: str, attempts: int) -> None:
        self.ended.append((ticket_id, f"attempt {attempts}"))


class World:
    """`await World.make(folder)`, then `arrive(...)`; `facts` is the timeline so far."""

    def __init__(self, folder: Path, queues: Sequence[Queue], agents: Sequence[Agent], flow: str = FLOW) -> None:
        self.clock = VirtualClock()
        self.bus = Bus(self.clock, "test")
        self.facts: list[Fact] = []
        self.bus.subscribe(lambda recorded: self.facts.append(recorded.fact))
        self.switch = FakeSwitch(self.clock)
        self.speaker = FakeSpeaker()
        self.tickets = TicketShelf()
        self.settings = CallSettings(dids={"100": "desk:en"}, fallback_queue="general", callback_retry_minutes=1)
        self._build(folder, {queue.name: queue for queue in queues}, agents, flow)
        self._count = 0

    def _build(self, folder: Path, queues: dict[QueueName, Queue], agents: Sequence[Agent], flow: str) -> None:
        self.calls = LiveCalls(self.bus, self.clock)
        self.acd = Acd(Router(queues), queues, "general", self.switch, self.bus, self.clock)
        self.floor = Floor(agents, queues, self.acd, self.bus, self.clock)
        self.outside = Outside(self.settings.outgoing_allowed, self.settings.country)
        targets = Targets(queues, self.floor, self.settings.trunk, self.outside)
        self.callbacks = CallbackService(
            self.calls, self.acd, self.switch, self.tickets, targets, self.bus, self.clock, self.settings
        )
        customers = Customers(NoCustomers())
        self.placing = Placing(
            self.calls, self.floor, targets, customers, self.switch, self.bus, self.clock, self.settings
        )
        (folder / "desk.yaml").write_text(flow)
        self.flows = FlowRegistry(folder, set(queues), self.settings.dids)
        self.flows.load()
        assert not self.flows.problems, self.flows.problems
        self.lookups = Lookups({})
        self.consultations = Consultations(self.calls, self.floor, self.switch, self.bus, self.clock)
        self.sessions = Sessions(
            Parts(
                settings=self.settings,
                render_seconds=3.0,
                bus=self.bus,
                clock=self.clock,
                calls=self.calls,
                acd=self.acd,
                floor=self.floor,
                flows=self.flows,
                customers=customers,
                lookups=self.lookups,
                tickets=self.tickets,
                speaker=self.speaker,
                switch=self.switch,
                recordings=Recordings(folder, folder),
                callbacks=self.callbacks,
                targets=targets,
                placing=self.placing,
                consultations=self.consultations,
            )
        )
        watch = SwitchWatch(self.calls, self.floor, self.consultations)
        recovery = Recovery(self.calls, self.floor, self.bus, self.clock)
        for subscriber in (self.floor.on_switch, watch.on_event, recovery.on_event, self.consultations.on_event):
            self.switch.subscribe(subscriber)
        self.floor.start()

    def close(self) -> None:
        self.placing.close()
        self.consultations.close()
        self.callbacks.close()
        self.floor.close()
        self.acd.close()

    # -- agents ------------------------------------------------------------------------------------------------

    def agent_ready(self, agent_id: str, phone: Phone | None = None) -> None:
        self.agent_seen(agent_id, phone)
        self.floor.ready(AgentId(agent_id))

    def agent_seen(self, agent_id: str, phone: Phone | None = None) -> None:
        """Signed in, his phone registered; not ready yet."""
        self.switch.phones[agent_id] = phone or Phone()
        now = self.clock.now()
        self.switch.tell(PhoneReachability(at=now, node="asterisk", endpoint=agent_id, reachable=True))
        self.floor.sign_in(AgentId(agent_id))

    # -- callers -----------------------------------------------------------------------------------------------

    def line(
        self,
        caller: Mapping[float, str] | None = None,
        *,
        hangs_up: float | None = None,
        did: str = "100",
        script: str = "call",
        arguments: tuple[str, ...] = (),
        variables: Mapping[str, str] | None = None,
        number: str = "13911112222",
        uniqueid: str = "",
    ) -> FakeLine:
        self._count += 1
        unique = uniqueid or f"1.{self._count}"
        info = LineInfo(
            ChannelRef("asterisk", unique, f"PJSIP/trunk-{unique}"),
            number,
            "",
            did,
            script,
            arguments,
            dict(variables or {}),
        )
        return FakeLine(self.switch, info, caller, hangs_up)

    def start(self, line: FakeLine) -> asyncio.Task[None]:
        return asyncio.create_task(self.sessions.handle(line))

    def kinds(self) -> list[str]:
        return [type(fact).__name__ for fact in self.facts]

    def of(self, kind: type[Fact]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]


def queue(name: str = "general", **settings: Any) -> Queue:
    return replace(Queue(name=QueueName(name)), **settings)


def agent(agent_id: str, *queues: str) -> Agent:
    return Agent(agent_id=AgentId(agent_id), queues={QueueName(name): 5 for name in queues or ("general",)})
