"""What a shift leader decides over the router's head: a waiting caller given to an agent, put first or sent to another queue, an
agent moved to other queues for this shift or for good.

Pausing and signing out are the agent's own wishes, asked for by a leader (services/floor.py): during a talk a pause holds from
its end, and nobody is signed out with a customer in progress. A move for the shift ends when the agent signs out, whoever asked
for that; a later move for good, or an administrator's change of his queues, takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from cti_server.bus import Bus
from cti_server.domain.facts import AgentAssigned, AgentSignedOut, Recorded
from cti_server.domain.ids import AgentId, CallId, QueueName, VisitId
from cti_server.errors import Conflict, NotFound
from cti_server.services.acd import Acd
from cti_server.services.calls.live import LiveCalls
from cti_server.services.configuration import By
from cti_server.services.floor import Floor

Queues = Mapping[QueueName, int]


class AgentStore(Protocol):
    """Raises StorageUnavailable and NotFound; in force when it returns (services/configuration.py)."""

    async def assign(self, agent_id: str, queues: Mapping[str, int], by: By) -> None: ...


class LeaderService:
    """Made after the floor, so that it hears of a sign-out after him."""

    def __init__(self, floor: Floor, acd: Acd, calls: LiveCalls, store: AgentStore, bus: Bus) -> None:
        self._floor, self._acd, self._calls, self._store = floor, acd, calls, store
        self._moved: dict[AgentId, Queues] = {}
        """What agents who were moved for this shift serve again after it."""
        self._bus = bus
        self._undo: Callable[[], None] = lambda: None

    def restore(self, facts: Iterable[Recorded]) -> None:
        for recorded in facts:
            self._fold(recorded)

    def start(self) -> None:
        """Who signed out while nobody looked goes back now."""
        self._undo = self._bus.subscribe(self._take)
        for agent_id in tuple(self._moved):
            self._settle(agent_id)

    def close(self) -> None:
        self._undo()

    def assign(self, call_id: str, agent_id: str, by: str) -> None:
        """Raises NotFound, Conflict when the caller does not wait or the agent is not free."""
        agent = self._floor.agent(AgentId(agent_id)).agent_id
        self._acd.assign(self._waiting(call_id), agent, by)

    def send(self, call_id: str, queue: str, by: str) -> None:
        """Raises NotFound for an unknown queue, Conflict when the caller does not wait, or waits there."""
        self._acd.send(self._waiting(call_id), QueueName(queue), by)

    def promote(self, call_id: str, by: str) -> None:
        """Raises Conflict when the caller does not wait."""
        self._acd.promote(self._waiting(call_id), by)

    def _waiting(self, call_id: str) -> VisitId:
        live = self._calls.get(CallId(call_id))
        if live is None or live.visit is None or not live.waiting:
            raise Conflict("this caller is not waiting any more", reason="not_waiting")
        return live.visit.visit_id

    async def move(self, agent_id: str, queues: Mapping[str, int], by: By, *, for_good: bool = True) -> None:
        """The agent serves these queues from now on, each with his level 1–10, `for_good` (a change of his set-up) or until he
        signs out. A call in hand goes on. Raises NotFound for an unknown agent or queue, InvalidValue for a level."""
        agent = self._floor.agent(AgentId(agent_id))
        if unknown := sorted(set(queues) - set(self._acd.queues)):
            raise NotFound(f"there is no queue {unknown[0]}")
        moved = replace(agent, queues={QueueName(name): level for name, level in queues.items()})
        if not for_good:
            self._floor.assign_queues(moved, by.login, self._moved.get(agent.agent_id, agent.queues))
            return
        await self._store.assign(agent_id, queues, by)
        if agent.agent_id in self._moved or self._floor.agent(agent.agent_id).queues != moved.queues:
            self._floor.assign_queues(moved, by.login)  # set up so all along, and lent till now

    # -- the end of the shift --------------------------------------------------------------------------------------

    def _take(self, recorded: Recorded) -> None:
        self._fold(recorded)
        if isinstance(recorded.fact, AgentSignedOut):
            self._settle(recorded.fact.agent_id)

    def _fold(self, recorded: Recorded) -> None:
        fact = recorded.fact
        if isinstance(fact, AgentAssigned):
            self._moved.pop(fact.agent_id, None)
            if fact.then is not None:
                self._moved[fact.agent_id] = {QueueName(name): level for name, level in fact.then}

    def _settle(self, agent_id: AgentId) -> None:
        """Back to the queues he has by his set-up, those of them that still exist."""
        then = self._moved.get(agent_id)
        if then is None or not self._floor.knows(agent_id) or self._floor.state(agent_id).intent != "signed_out":
            return
        queues = {name: level for name, level in then.items() if name in self._acd.queues}
        self._floor.assign_queues(replace(self._floor.agent(agent_id), queues=queues), "system")
