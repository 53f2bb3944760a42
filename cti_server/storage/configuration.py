"""What administrators set up: queues, agents, the lists people choose from, and settings changed while the server runs.

Read at start; whoever changes something here tells the running services himself. What happened in a queue or to an agent
since removed stays on the timeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Table, delete, select

from cti_server.domain.agents import Agent
from cti_server.domain.ids import AgentId, QueueName
from cti_server.domain.queues import Queue
from cti_server.domain.setup import Disposition, PauseCode, Skill
from cti_server.errors import NotFound
from cti_server.storage import tables
from cti_server.storage.engine import Database

_queue = TypeAdapter(Queue)
_agent = TypeAdapter(Agent)


class SqlConfiguration:
    """Lists come in their `position`, then by name. `save_…` overwrites."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def queues(self) -> list[Queue]:
        """Raises InvalidValue when a stored setting cannot be right."""
        rows = await self._rows(tables.queues, tables.queues.c.position, tables.queues.c.name)
        return [_queue.validate_python(row["settings"]) for row in rows]

    async def save_queue(self, queue: Queue, position: int = 0) -> None:
        settings = _queue.dump_python(queue, mode="json")
        await self._save(tables.queues, {"name": queue.name, "position": position, "settings": settings})

    async def remove_queue(self, name: QueueName) -> None:
        """Raises NotFound."""
        await self._remove(tables.queues, name)

    async def agents(self) -> list[Agent]:
        rows = await self._rows(tables.agents, tables.agents.c.agent_id)
        return [_agent.validate_python(row["settings"]) for row in rows]

    async def save_agent(self, agent: Agent) -> None:
        settings = _agent.dump_python(agent, mode="json")
        await self._save(tables.agents, {"agent_id": agent.agent_id, "settings": settings})

    async def remove_agent(self, agent_id: AgentId) -> None:
        """Raises NotFound."""
        await self._remove(tables.agents, agent_id)

    async def pause_codes(self) -> list[dict[str, Any]]:
        """As `wire.PauseCode`."""
        return await self._rows(tables.pause_codes, tables.pause_codes.c.position, tables.pause_codes.c.code)

    async def skills(self) -> list[Skill]:
        rows = await self._rows(tables.skills, tables.skills.c.position, tables.skills.c.code)
        return [Skill(**row) for row in rows]

    async def save_skill(self, skill: Skill) -> None:
        await self._save(tables.skills, asdict(skill))

    async def save_pause_code(self, code: PauseCode) -> None:
        await self._save(tables.pause_codes, asdict(code))

    async def dispositions(self, queue: str | None = None) -> list[Disposition]:
        """Those offered in a queue; all with None."""
        rows = await self._rows(tables.dispositions, tables.dispositions.c.position, tables.dispositions.c.code)
        found = [Disposition(**{**row, "queues": tuple(row["queues"])}) for row in rows]
        return [d for d in found if queue is None or not d.queues or queue in d.queues]

    async def save_disposition(self, disposition: Disposition) -> None:
        await self._save(tables.dispositions, asdict(disposition) | {"queues": list(disposition.queues)})

    async def setting(self, name: str, default: Any = None) -> Any:
        query = select(tables.settings.c.value).where(tables.settings.c.name == name)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return default if row is None else row.value

    async def save_setting(self, name: str, value: Any) -> None:
        """`value` is JSON."""
        await self._save(tables.settings, {"name": name, "value": value})

    async def _rows(self, table: Table, *order: Any) -> list[dict[str, Any]]:
        async with self._database.read() as connection:
            return [row._asdict() for row in await connection.execute(select(table).order_by(*order))]

    async def _save(self, table: Table, row: Mapping[str, Any]) -> None:
        async with self._database.write() as connection:
            await connection.execute(self._database.upsert(table), row)

    async def _remove(self, table: Table, key: str) -> None:
        (column,) = table.primary_key
        async with self._database.write() as connection:
            gone = await connection.execute(delete(table).where(column == key))
        if gone.rowcount == 0:
            raise NotFound(f"no {table.name.removesuffix('s')} {key}")
