"""Agents as administrators set them up: phone, queues, skills, certificate."""

from __future__ import annotations

from pydantic import TypeAdapter
from sqlalchemy import delete, select

from cti_server.domain.agents import Agent
from cti_server.domain.ids import AgentId
from cti_server.errors import NotFound
from cti_server.storage import tables
from cti_server.storage.engine import Database

_agent = TypeAdapter(Agent)


class SqlAgents:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> dict[AgentId, Agent]:
        query = select(tables.agents.c.settings).order_by(tables.agents.c.agent_id)
        async with self._database.read() as connection:
            found = [_agent.validate_python(row) for row in (await connection.execute(query)).scalars()]
        return {agent.agent_id: agent for agent in found}

    async def save(self, agent: Agent) -> None:
        row = {"agent_id": agent.agent_id, "settings": _agent.dump_python(agent, mode="json")}
        async with self._database.write() as connection:
            await connection.execute(self._database.upsert(tables.agents), row)

    async def remove(self, agent_id: AgentId) -> None:
        """Raises NotFound."""
        async with self._database.write() as connection:
            gone = await connection.execute(delete(tables.agents).where(tables.agents.c.agent_id == agent_id))
        if gone.rowcount == 0:
            raise NotFound(f"no agent {agent_id}")
