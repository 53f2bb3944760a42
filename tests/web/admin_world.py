"""The composed server without a switch: real database, services and web; flows in a folder of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from argon2 import PasswordHasher

from cti_server.app import Server
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
from cti_server.domain.agents import Agent
from cti_server.domain.ids import AgentId, QueueName
from cti_server.domain.queues import Queue
from cti_server.domain.setup import PauseCode, Skill
from cti_server.domain.users import Role, User
from cti_server.storage.configuration import SqlConfiguration
from cti_server.storage.engine import open_database
from cti_server.storage.migrate import migrate
from cti_server.storage.passwords import Hasher
from cti_server.storage.users import SqlUsers
from tests.services.call_world import DESK

PASSWORD = "correct horse"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ROLES: tuple[Role, ...] = ("agent", "leader", "inspector", "back_office", "admin")
CALENDARS = """# by hand
day:
  weekly: {mon: ["08:00-20:00"]}
"""


async def _prepare(url: str) -> None:
    database = open_database(url)
    await migrate(database)
    config, users = SqlConfiguration(database), SqlUsers(database)
    title = {"zh": "综合", "en": "General"}
    await config.save_queue(Queue(name=QueueName("general"), title=title, announce_first_seconds=600))
    await config.save_agent(Agent(agent_id=AgentId("1001"), name="Chen Mei", queues={QueueName("general"): 5}))
    await config.save_skill(Skill(code="power", zh="抢修", en="Power"))
    await config.save_pause_code(PauseCode(code="meal", zh="用餐", en="Meal"))
    hashed = await Hasher(CHEAP).hash(PASSWORD)
    for role in ROLES:
        agent_id = AgentId("1001") if role == "agent" else None
        await users.create_user(User(login=role, name=role, role=role, password_hash=hashed, agent_id=agent_id))
    await database.close()


@asynccontextmanager
async def open_server(folder: Path, ami_port: int, **calls: Any) -> AsyncIterator[Server]:
    flows = folder / "flows"
    flows.mkdir()
    (flows / "desk.yaml").write_text(DESK)
    (flows / "calendars.yaml").write_text(CALENDARS)
    url = f"sqlite+aiosqlite:///{folder}/cti.db"
    await _prepare(url)
    settings = Settings(
        ami=AmiSettings(port=ami_port),
        agi=AgiSettings(port=0),
        http=HttpSettings(port=0),
        database=DatabaseSettings(url=url),
        paths=PathSettings(data=folder / "data", flows=flows, recordings=folder / "recordings"),
        speech=SpeechSettings(engine="none"),
        calls=CallSettings(dids={"*": "desk:en"}, fallback_queue="general", hours="always", **calls),
    )
    async with Server(settings) as server:
        yield server


class Client:
    """One signed-in browser."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http

    async def get(self, path: str, status: int = 200, **query: Any) -> Any:
        async with self.http.get(f"/api/v1{path}", params=query) as answer:
            body = await answer.json() if answer.status != 204 else None
            assert answer.status == status, body
            return body

    async def post(self, path: str, body: Any, status: int = 200) -> Any:
        async with self.http.post(f"/api/v1{path}", json=body) as answer:
            found = await answer.json() if answer.status != 204 else None
            assert answer.status == status, found
            return found

    async def delete(self, path: str, status: int = 204, **query: Any) -> Any:
        async with self.http.delete(f"/api/v1{path}", params=query) as answer:
            found = await answer.json() if answer.status != 204 else None
            assert answer.status == status, found
            return found

    async def part(self, plural: str, key: str, name: str = "code") -> dict[str, Any]:
        """The part as it is set up now: {item, seen}."""
        setup = await self.get("/admin/setup")
        found: dict[str, Any] = next(one for one in setup[plural] if one["item"][name] == key)
        return found


@asynccontextmanager
async def client(server: Server, login: str, password: str = PASSWORD, status: int = 201) -> AsyncIterator[Client]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.web_port}", cookie_jar=jar) as http:
        one = Client(http)
        await one.post("/session", {"login": login, "password": password}, status)
        yield one
