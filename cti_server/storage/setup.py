"""The set-up as one whole: read in one view, changed and audited in one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, Table, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cti_server.domain.agents import Agent
from cti_server.domain.ids import Micros
from cti_server.domain.queues import Queue
from cti_server.domain.setup import Disposition, FlowVersion, Kind, OutsideNumber, PauseCode, Setup, Skill
from cti_server.domain.users import User
from cti_server.storage import tables
from cti_server.storage.engine import Database

_queue = TypeAdapter(Queue)
_agent = TypeAdapter(Agent)
TABLES: dict[Kind, Table] = {
    "queue": tables.queues,
    "agent": tables.agents,
    "skill": tables.skills,
    "pause_code": tables.pause_codes,
    "disposition": tables.dispositions,
    "outside_number": tables.outside_numbers,
    "user": tables.users,
}
_v = tables.flow_versions.c


class SqlSetup:
    """`services.configuration.SetupStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Setup:
        async with self._database.read() as connection:
            return await _read(connection)

    @asynccontextmanager
    async def change(self) -> AsyncIterator[SetupChange]:
        async with self._database.write() as connection:
            yield SetupChange(self._database, connection)

    async def versions(self, file: str, limit: int) -> list[FlowVersion]:
        """Newest first, without their texts."""
        columns = [column for column in _v if column.name != "text"]
        query = select(*columns).where(_v.file == file).order_by(_v.id.desc()).limit(limit)
        async with self._database.read() as connection:
            return [FlowVersion(**row._asdict()) for row in await connection.execute(query)]

    async def version_files(self) -> list[str]:
        async with self._database.read() as connection:
            return list((await connection.execute(select(_v.file).distinct().order_by(_v.file))).scalars())

    async def version(self, file: str, version: int) -> FlowVersion | None:
        query = select(tables.flow_versions).where(_v.file == file, _v.id == version)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return FlowVersion(**row._asdict()) if row else None


class SetupChange:
    """One transaction."""

    def __init__(self, database: Database, connection: AsyncConnection) -> None:
        self._database, self._connection = database, connection

    async def read(self) -> Setup:
        return await _read(self._connection)

    async def put(self, kind: Kind, part: Any) -> None:
        row = await self._row(kind, part)
        await self._connection.execute(self._database.upsert(TABLES[kind]), row)

    async def remove(self, kind: Kind, key: str) -> None:
        (column,) = TABLES[kind].primary_key
        await self._connection.execute(delete(TABLES[kind]).where(column == key))

    async def end_sessions(self, login: str) -> None:
        await self._connection.execute(delete(tables.sessions).where(tables.sessions.c.login == login))

    async def audit(
        self,
        at: Micros,
        login: str,
        address: str,
        action: str,
        subject: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
    ) -> None:
        row = {"at": at, "login": login[:64], "action": action, "subject": subject[:160], "address": address[:64]}
        await self._connection.execute(tables.audit.insert(), row | {"before": before, "after": after})

    async def last_change(self, actions: tuple[str, ...], subject: str) -> tuple[str, Micros] | None:
        """Who changed it last, and when."""
        audit = tables.audit.c
        query = select(audit.login, audit.at).where(audit.action.in_(actions), audit.subject == subject)
        row = (await self._connection.execute(query.order_by(audit.id.desc()).limit(1))).one_or_none()
        return (row.login, row.at) if row else None

    async def put_setting(self, name: str, value: Any) -> None:
        """`value` is JSON."""
        await self._connection.execute(self._database.upsert(tables.settings), {"name": name, "value": value})

    async def newest_version(self, file: str) -> FlowVersion | None:
        query = select(tables.flow_versions).where(_v.file == file).order_by(_v.id.desc()).limit(1)
        row = (await self._connection.execute(query)).one_or_none()
        return FlowVersion(**row._asdict()) if row else None

    async def add_version(self, version: FlowVersion) -> int:
        row = {name: value for name, value in asdict(version).items() if name != "id"}
        done = await self._connection.execute(tables.flow_versions.insert().returning(_v.id), row)
        return int(done.scalar_one())

    async def _row(self, kind: Kind, part: Any) -> dict[str, Any]:
        if kind == "queue":
            settings = _queue.dump_python(part, mode="json")
            return {"name": part.name, "position": await self._position(part.name), "settings": settings}
        if kind == "agent":
            return {"agent_id": part.agent_id, "settings": _agent.dump_python(part, mode="json")}
        row = asdict(part)
        return row | {"queues": list(part.queues)} if kind == "disposition" else row

    async def _position(self, name: str) -> int:
        """A queue keeps its place; a new one comes last."""
        column = tables.queues.c
        found = await self._connection.execute(select(column.position).where(column.name == name))
        position = found.scalar_one_or_none()
        if position is not None:
            return int(position)
        last = await self._connection.execute(select(func.max(column.position)))
        return int(last.scalar_one_or_none() or 0) + 1


async def _read(connection: AsyncConnection) -> Setup:
    async def rows(table: Table, *order: Any) -> list[Row[Any]]:
        return list(await connection.execute(select(table).order_by(*order)))

    t = tables
    queues = [_queue.validate_python(r.settings) for r in await rows(t.queues, t.queues.c.position, t.queues.c.name)]
    agents = [_agent.validate_python(r.settings) for r in await rows(t.agents, t.agents.c.agent_id)]
    skills = [Skill(**r._asdict()) for r in await rows(t.skills, t.skills.c.position, t.skills.c.code)]
    pauses = [PauseCode(**r._asdict()) for r in await rows(t.pause_codes, t.pause_codes.c.position)]
    found = [r._asdict() for r in await rows(t.dispositions, t.dispositions.c.position, t.dispositions.c.code)]
    dispositions = [Disposition(**{**row, "queues": tuple(row["queues"])}) for row in found]
    numbers = [OutsideNumber(**r._asdict()) for r in await rows(t.outside_numbers, t.outside_numbers.c.position)]
    users = [User(**r._asdict()) for r in await rows(t.users, t.users.c.login)]
    return Setup(
        queues={one.name: one for one in queues},
        agents={one.agent_id: one for one in agents},
        skills={one.code: one for one in skills},
        pause_codes={one.code: one for one in pauses},
        outside_numbers={one.number: one for one in numbers},
        dispositions={one.code: one for one in dispositions},
        users={one.login: one for one in users},
    )
