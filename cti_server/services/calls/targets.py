"""What an agent or a flow may send a caller to, and how the switch dials it.

`q-billing`, `billing` or a queue's code → queue; an agent's id → agent; a phone number that may be called → number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cti_server.domain.ids import AgentId, QueueName
from cti_server.domain.queues import Queue
from cti_server.services.floor import Floor
from cti_server.services.outside import Outside

QUEUE_PREFIX = "q-"


@dataclass(frozen=True, slots=True)
class Target:
    kind: Literal["queue", "agent", "number", "unknown"]
    name: str


class Targets:
    def __init__(self, queues: Mapping[QueueName, Queue], floor: Floor, trunk: str, outside: Outside) -> None:
        self._queues, self._floor, self._trunk, self.outside = queues, floor, trunk, outside

    def find(self, text: str) -> Target:
        """`unknown` when it is none of the three: the caller is then taken to a person."""
        name = QueueName(text.removeprefix(QUEUE_PREFIX))
        if name in self._queues:
            return Target("queue", name)
        coded = next((queue.name for queue in self._queues.values() if queue.code and queue.code == text), None)
        if coded is not None:
            return Target("queue", coded)
        if self._floor.knows(text):
            return Target("agent", text)
        number = self.outside.read(text)
        return Target("number", number) if number and self.outside.allows(number) else Target("unknown", text)

    def dial_string(self, kind: str, name: str) -> str | None:
        """None when there is no such agent, or the number is none or may not be called: a flow may have it from its caller."""
        if kind == "agent":
            return self._floor.dial_string(AgentId(name)) if self._floor.knows(name) else None
        number = self.outside.read(name)
        return self.trunk(number) if number and self.outside.allows(number) else None

    def trunk(self, number: str) -> str:
        return self._trunk.format(number=number)
