"""Moments at which something falls due, soonest first; stale ones are dropped when they come up."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from cti_server.domain.ids import AgentId, Micros, VisitId

Timer = tuple[Micros, int, VisitId | None, AgentId | None]
"""When, a number that breaks ties, and whose: a visit's next step, an agent's back-off, or a barred pair's."""


class Timers:
    def __init__(self, is_live: Callable[[Timer], bool]) -> None:
        self._heap: list[Timer] = []
        self._numbers = count()
        self._is_live = is_live

    def set(self, at: Micros, visit_id: VisitId | None = None, agent_id: AgentId | None = None) -> None:
        heappush(self._heap, (at, next(self._numbers), visit_id, agent_id))

    def soonest(self) -> Micros | None:
        while self._heap and not self._is_live(self._heap[0]):
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: Micros) -> Timer | None:
        soonest = self.soonest()
        return heappop(self._heap) if soonest is not None and soonest <= now else None
