"""Everything the web layer stands on, in memory, and the logins of its tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient
from argon2 import PasswordHasher

from cti_server.bus import Bus
from cti_server.config import HttpSettings, PhoneSettings, Settings
from cti_server.domain.ids import AgentId
from cti_server.domain.queues import Queue
from cti_server.domain.users import Role, User
from cti_server.storage.passwords import Hasher
from cti_server.web.app import create_app
from tests.web.desk_double import DeskDouble, ManualClock, MemoryFacts, MemoryUsers
from tests.web.leader_world import leader_tools
from tests.web.phone_double import make_phones
from tests.web.work_world import GENERAL, WorkWorld

WORK_QUEUES = (Queue(name=GENERAL, disposition_required=True),)
PASSWORD = "correct horse"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HASH = CHEAP.hash(PASSWORD)
NAMES = {"1001": "Chen Mei", "1002": "Li Wei", "1900": "Sun Yan"}
LOGINS: dict[str, tuple[Role, str | None]] = {
    "1001": ("agent", "1001"),
    "1002": ("agent", "1002"),
    "1900": ("leader", "1900"),
    "1800": ("inspector", None),
    "admin": ("admin", None),
    "office": ("back_office", None),
    "trainee": ("agent", None),
}


def user(login: str) -> User:
    role, agent_id = LOGINS[login]
    return User(
        login=login,
        name=NAMES.get(login, login),
        role=role,
        password_hash=HASH,
        agent_id=AgentId(agent_id) if agent_id else None,
    )


@dataclass
class World:
    clock: Any
    bus: Bus
    facts: MemoryFacts
    desk: DeskDouble
    users: MemoryUsers
    app: web.Application
    settings: Settings
    work: WorkWorld


def make_world(
    *,
    facts: MemoryFacts | None = None,
    clock: Any = None,
    phones: PhoneSettings | None = None,
    demo: bool = False,
    **http: Any,
) -> World:
    """Everything the web layer stands on. Give the same `facts` again to play a restart of the server."""
    clock, facts = clock or ManualClock(), facts or MemoryFacts()
    bus = Bus(clock, "cti", last_id=facts.stored[-1].id if facts.stored else 0)
    bus.subscribe(facts.take)
    desk = DeskDouble(bus, clock, NAMES)
    users = MemoryUsers(*map(user, LOGINS))
    work = WorkWorld(bus, clock, facts, NAMES, WORK_QUEUES)
    settings = Settings(http=HttpSettings(**http), phones=phones or PhoneSettings(), demo=demo)

    async def health() -> dict[str, Any]:
        return {
            "status": "ok",
            "version": "0.1.0",
            "switch_linked": True,
            "database": True,
            "calls": 0,
            "details": {"node": "asterisk"},
        }

    app = create_app(
        settings,
        desk=desk,
        users=users,
        bus=bus,
        facts=facts,
        clock=clock,
        health=health,
        phones=make_phones(NAMES, settings.phones.secrets),
        work=work.service,
        hasher=Hasher(CHEAP),
        leader=leader_tools(bus, clock, NAMES, lambda: facts.stored),
    )
    app.on_cleanup.append(lambda _: work.database.close())
    return World(clock, bus, facts, desk, users, app, settings, work)


Client = TestClient[web.Request, web.Application]
SignIn = Callable[..., Awaitable[Client]]
