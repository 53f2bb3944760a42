"""The running parts that live by the set-up: each change is carried to them at once, by small methods of theirs.

Order: queues come before the agents who serve them and go after; flows are checked again when other queues exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from cti_server.domain.agents import Agent
from cti_server.domain.ids import AgentId, QueueName
from cti_server.domain.queues import Queue
from cti_server.domain.setup import OutsideNumber, PauseCode, Setup
from cti_server.services.acd import Acd
from cti_server.services.floor import Floor
from cti_server.services.flows import FlowRegistry


class LiveBoard(Protocol):
    def replace_queue(self, queue: Queue) -> None: ...
    def remove_queue(self, name: QueueName) -> None: ...


class PauseMenu(Protocol):
    def replace_pause_codes(self, codes: Sequence[Mapping[str, Any]]) -> None: ...


class Numbers(Protocol):
    def replace(self, listed: Mapping[str, OutsideNumber]) -> None: ...


class SafetyNet(Protocol):
    def compare(self) -> None: ...


class Running:
    def __init__(
        self,
        acd: Acd,
        floor: Floor,
        board: LiveBoard,
        menu: PauseMenu,
        net: SafetyNet,
        numbers: Numbers,
        flows: FlowRegistry,
    ) -> None:
        self._acd, self._floor, self._board, self._menu, self._net = acd, floor, board, menu, net
        self._numbers = numbers
        self.flows = flows

    async def apply(self, before: Setup, after: Setup, by: str) -> None:
        """Carry what differs between two set-ups to the running parts."""
        for queue in _changed(before.queues, after.queues):
            self._acd.replace_queue(queue)
            self._board.replace_queue(queue)
        for agent in _changed(before.agents, after.agents):
            self._floor.replace_agent(self._as_lent(before, agent), by)
        for agent_id in _gone(before.agents, after.agents):
            if self._floor.knows(agent_id):
                self._floor.remove_agent(AgentId(agent_id))
        self._dismiss_disabled(before, after)
        for name in _gone(before.queues, after.queues):
            self._acd.remove_queue(QueueName(name))
            self._board.remove_queue(QueueName(name))
        if before.pause_codes != after.pause_codes:
            self._menu.replace_pause_codes(pause_rows(after))
        self._numbers.replace(after.outside_numbers)
        self._net.compare()
        if before.queues.keys() != after.queues.keys():
            await self.flows.refresh(anyway=True)

    def _as_lent(self, before: Setup, agent: Agent) -> Agent:
        """Whom a leader has lent to other queues for this shift stays there, unless his own are what is changed."""
        known = before.agents.get(agent.agent_id)
        if known is None or known.queues != agent.queues or not self._floor.knows(agent.agent_id):
            return agent
        return replace(agent, queues=self._floor.agent(agent.agent_id).queues)

    def _dismiss_disabled(self, before: Setup, after: Setup) -> None:
        """Agents nobody can sign in as any more take no more calls either."""
        for agent_id in _can_sign_in(before) - _can_sign_in(after):
            if self._floor.knows(agent_id):
                self._floor.dismiss(agent_id)


def _can_sign_in(setup: Setup) -> set[AgentId]:
    return {user.agent_id for user in setup.users.values() if user.active and user.agent_id is not None}


def pause_rows(setup: Setup) -> list[dict[str, Any]]:
    codes: list[PauseCode] = sorted(setup.pause_codes.values(), key=lambda code: (code.position, code.code))
    return [{"code": one.code, "zh": one.zh, "en": one.en, "position": one.position} for one in codes]


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Any]:
    return [part for key, part in after.items() if before.get(key) != part]


def _gone(before: Mapping[str, Agent] | Mapping[str, Queue], after: Mapping[str, Any]) -> list[str]:
    return [key for key in before if key not in after]
