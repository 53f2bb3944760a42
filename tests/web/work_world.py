"""Agents' work for the tests of the web layer: the real service on a real SQLite file; no switch behind the floor."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from cti_server.bus import Bus
from cti_server.domain.agents import Agent
from cti_server.domain.calls import CallRecord, apply
from cti_server.domain.facts import CallFact, DispositionSet, Recorded, call_id_of
from cti_server.domain.ids import AgentId, CallId, ChannelRef, Micros, QueueName
from cti_server.domain.orders import CallbackRequest
from cti_server.domain.queues import Queue
from cti_server.domain.routing import Router
from cti_server.domain.work import took_part
from cti_server.services.acd import Acd
from cti_server.services.calls.live import LiveCalls
from cti_server.services.customer_files import CustomerFiles
from cti_server.services.customers import Customers
from cti_server.services.floor import Floor
from cti_server.services.outside import Outside
from cti_server.services.work import WorkService
from cti_server.storage.configuration import SqlConfiguration
from cti_server.storage.customers import SqlCustomers
from cti_server.storage.engine import Database, open_database
from cti_server.storage.tables import metadata
from cti_server.storage.tickets import SqlTickets
from cti_server.storage.timeline import SqlTimeline
from cti_server.storage.work import SqlNotes
from tests.services.doubles import FakeSwitch
from tests.web.desk_double import MemoryFacts

GENERAL = QueueName("general")
_numbers = count()


class Shelf:
    """Calls folded from the facts in memory; `lost` are calls the server knows no more."""

    def __init__(self, facts: MemoryFacts) -> None:
        self._facts = facts
        self.lost: set[str] = set()

    async def load_call(self, call_id: CallId) -> CallRecord | None:
        return None if call_id in self.lost else self._records().get(call_id)

    def _records(self) -> dict[CallId, CallRecord]:
        records: dict[CallId, CallRecord] = {}
        for fact in (recorded.fact for recorded in self._facts.stored):
            if isinstance(fact, CallFact):
                records[fact.call_id] = apply(records.get(fact.call_id), fact)
        return records

    async def of_agent(self, agent_id: AgentId, since: Micros, until: Micros) -> list[Recorded]:
        return [
            recorded for recorded in await self._facts.of_agent(agent_id, since, until) if recorded.fact.at >= since
        ]

    async def codes_used(self, agent_id: AgentId, since: Micros) -> Counter[str]:
        given = [
            one.fact for one in self._facts.stored if isinstance(one.fact, DispositionSet) and one.fact.at >= since
        ]
        return Counter(code for code, _ in {(fact.code, fact.visit_id) for fact in given if fact.agent_id == agent_id})

    async def search_calls(self, *, agent_id: str | None, limit: int, **_: Any) -> list[CallRecord]:
        found = [one for one in self._records().values() if agent_id is None or took_part(one, AgentId(agent_id))]
        return found[: -limit - 1 : -1]


class Booked:
    """Callbacks that wait; `rung` are those it is too late for."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, CallbackRequest]] = []
        self.rung: set[str] = set()

    def take(self, ticket_id: str) -> CallbackRequest | None:
        found = dict(self.requests).get(ticket_id) if ticket_id not in self.rung else None
        self.requests = [one for one in self.requests if found is None or one[0] != ticket_id]
        return found

    def wanted(self, ticket_id: str, request: CallbackRequest) -> None:
        self.requests.append((ticket_id, request))


class WorkWorld:
    """`calls` are in progress from their first fact on."""

    def __init__(
        self, bus: Bus, clock: Any, facts: MemoryFacts, names: dict[str, str], queues: Sequence[Queue]
    ) -> None:
        self.database = _database()
        bus.subscribe(self._known)
        self.calls, self.booked, self.shelf = LiveCalls(bus, clock), Booked(), Shelf(facts)
        self.files = SqlCustomers(self.database, clock, bus.record)
        self.tickets = SqlTickets(self.database, clock, bus.record)
        self.configuration = SqlConfiguration(self.database)
        table = {queue.name: queue for queue in queues}
        acd = Acd(Router(table), table, GENERAL, FakeSwitch(clock), bus, clock)
        agents = [Agent(agent_id=AgentId(key), name=name, queues={GENERAL: 5}) for key, name in names.items()]
        self.floor = Floor(agents, table, acd, bus, clock)
        bus.subscribe(lambda recorded: self.floor.restore((recorded,)))
        outside = Outside(("home", "short"), "CN")
        self.service = WorkService(
            bus=bus,
            clock=clock,
            floor=self.floor,
            calls=self.calls,
            archive=self.shelf,
            acd=acd,
            notes=SqlNotes(self.database, clock),
            tickets=self.tickets,
            files=self.files,
            customers=Customers(self.files),
            codes=self.configuration,
            callbacks=self.booked,
            outside=outside,
            priority=lambda customer, queue: 0,
            time_zone="Asia/Shanghai",
            book=CustomerFiles(
                files=self.files,
                timeline=SqlTimeline(self.database),
                tickets=self.tickets,
                customers=Customers(self.files),
                callbacks=self.booked,
                outside=outside,
                name_of=self.floor.name_of,
                choice_texts=lambda step: {},
                clock=clock,
            ),
        )

    def _known(self, recorded: Recorded) -> None:
        """Every call the tests tell facts of is in progress from its first fact on."""
        call_id = call_id_of(recorded.fact)
        if call_id is not None and self.calls.get(call_id) is None:
            self.calls.open(call_id, ChannelRef("n", call_id))


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cti-web-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _template() -> Path:
    path = _folder() / "template.db"
    engine = create_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    engine.dispose()
    return path


def _database() -> Database:
    """A file with all tables, connected to when it is first asked."""
    path = _folder() / f"{next(_numbers)}.db"
    shutil.copyfile(_template(), path)
    return open_database(f"sqlite+aiosqlite:///{path}")
