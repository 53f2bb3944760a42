"""What a shift leader decides over the router's head: a waiting caller given to an agent, an agent moved to other queues.

Pausing and signing out are the agent's own wishes, asked for by a leader (services/floor.py): during a talk a pause holds from
its end, and nobody is signed out with a customer in progress.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from cti_server.domain.agents import Agent
from cti_server.domain.ids import AgentId, CallId, QueueName
from cti_server.errors import Conflict, NotFound
from cti_server.services.acd import Acd
from cti_server.services.calls.live import LiveCalls
from cti_server.services.floor import Floor


class AgentStore(Protocol):
    """Raises StorageUnavailable."""

    async def save_agent(self, agent: Agent) -> None: ...


class LeaderService:
    def __init__(self, floor: Floor, acd: Acd, calls: LiveCalls, store: AgentStore) -> None:
        self._floor, self._acd, self._calls, self._store = floor, acd, calls, store

    def assign(self, call_id: str, agent_id: str, by: str) -> None:
        """Raises NotFound, Conflict when the caller does not wait or the agent is not free."""
        agent = self._floor.agent(AgentId(agent_id)).agent_id
        live = self._calls.get(CallId(call_id))
        if live is None or live.visit is None or not live.waiting:
            raise Conflict("this caller is not waiting any more", reason="not_waiting")
        self._acd.assign(live.visit.visit_id, agent, by)

    async def move(self, agent_id: str, queues: Mapping[str, int], by: str) -> None:
        """The agent serves these queues from now on, each with his level 1–10: kept first, in force after. A call in hand
        goes on. Raises NotFound for an unknown agent or queue, InvalidValue for a level."""
        agent = self._floor.agent(AgentId(agent_id))
        if unknown := sorted(set(queues) - set(self._acd.queues)):
            raise NotFound(f"there is no queue {unknown[0]}")
        moved = replace(agent, queues={QueueName(name): level for name, level in queues.items()})
        await self._store.save_agent(moved)
        self._floor.replace_agent(moved, by)
