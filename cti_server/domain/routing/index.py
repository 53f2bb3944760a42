"""The router's bookkeeping: sorted lists that find the best caller or agent without looking at the others.

Callers who ask for the same thing stand in one `Group` with the idle agents who could serve them, so a caller's best
agent is the group's first, and an agent's best caller is the first of one of his groups. A change of one caller or
agent touches his own groups only; their number is that of the different requirements in use, not of callers or agents.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from cti_server.domain.ids import AgentId, Micros, QueueName, VisitId
from cti_server.domain.queues import Queue, Skills
from cti_server.domain.routing.model import Seat, Waiting
from cti_server.domain.routing.rules import Place, Rank, Step, eligible, rank, schedule

MOST_GROUPS = 64
"""Requirements remembered per queue while nobody asks for them. A new one costs one look at the queue's idle agents."""


Sorted = TypeVar("Sorted", Place, Rank)


def discard(ordered: list[Sorted], item: Sorted) -> None:
    at = bisect_left(ordered, item)
    if at < len(ordered) and ordered[at] == item:
        del ordered[at]


class Group:
    """Callers of one queue who ask for the same skills, in order; with `only`, for one agent."""

    __slots__ = ("_order", "_ranks", "only", "queue", "skills", "visits")

    def __init__(self, queue: QueueName, skills: Skills, only: AgentId | None = None) -> None:
        self.queue = queue
        self.skills = skills
        self.only = only
        self.visits: list[Place] = []
        self._ranks: dict[AgentId, Rank] = {}
        self._order: list[Rank] = []

    def add_idle(self, agent: AgentRecord) -> None:
        if (ranked := self._admit(agent)) is not None:
            insort(self._order, ranked)

    def fill(self, agents: Iterable[AgentRecord]) -> None:
        self._order = sorted(ranked for agent in agents if (ranked := self._admit(agent)) is not None)

    def _admit(self, agent: AgentRecord) -> Rank | None:
        seat = agent.seat
        if self.only not in (None, seat.agent_id) or not eligible(seat, self.queue, self.skills):
            return None
        self._ranks[seat.agent_id] = ranked = rank(seat, self.queue, self.skills)
        agent.idle_in.append(self)
        return ranked

    def drop_idle(self, agent_id: AgentId) -> None:
        ranked = self._ranks.pop(agent_id, None)
        if ranked is not None:
            discard(self._order, ranked)

    def has_idle(self) -> bool:
        return bool(self._order)

    def is_idle(self, agent_id: AgentId | None) -> bool:
        return agent_id in self._ranks

    def best_first(self) -> Iterator[AgentId]:
        return (ranked[-1] for ranked in self._order)

    def idle(self) -> tuple[AgentId, ...]:
        return tuple(self._ranks)


@dataclass(slots=True, eq=False)
class AgentRecord:
    seat: Seat
    backoff_until: Micros = 0
    idle: bool = False
    idle_in: list[Group] = field(default_factory=list)
    own: dict[tuple[QueueName, Skills], Group] = field(default_factory=dict)
    """Groups of the callers who wait for him alone."""


@dataclass(slots=True, eq=False)
class VisitRecord:
    waiting: Waiting
    place: Place
    skills: Skills
    """Still asked for, after relaxations."""
    preferred: AgentId | None
    waits_for_preferred: bool
    step: int = 0
    """Index of the next step in the queue's schedule."""
    timer: Micros | None = None
    group: Group | None = None
    """None while an agent is offered."""
    offered_to: AgentId | None = None
    barred: dict[AgentId, Micros] = field(default_factory=dict)
    """Agent → until when he is not offered this caller again."""
    callback_offered: bool = False


class Line:
    """One queue: everybody in it in order, the groups they form, the agents who serve it."""

    __slots__ = ("agents", "closed_to", "groups", "idle", "likely", "order", "queue", "schedule")

    def __init__(self, queue: Queue) -> None:
        self.change(queue)
        self.order: list[Place] = []
        self.groups: dict[Skills, Group] = {}
        self.agents: set[AgentId] = set()
        self.likely: set[AgentId] = set()
        self.idle: dict[AgentId, AgentRecord] = {}

    def change(self, queue: Queue) -> None:
        self.queue = queue
        self.schedule: tuple[Step, ...] = schedule(queue)
        self.closed_to: QueueName | None = None
        """Set when the queue was removed: nobody is matched in it any more, who is still in it goes there."""

    def group(self, skills: Skills) -> Group:
        group = self.groups.get(skills)
        if group is None:
            self._forget_one()
            group = self.groups[skills] = Group(self.queue.name, skills)
            group.fill(self.idle.values())
        return group

    def _forget_one(self) -> None:
        if len(self.groups) < MOST_GROUPS:
            return
        unused = next((group for group in self.groups.values() if not group.visits), None)
        if unused is not None:
            del self.groups[unused.skills]
            for agent_id in unused.idle():
                self.idle[agent_id].idle_in.remove(unused)

    def ahead_of(self, place: Place) -> int:
        return bisect_left(self.order, place)

    def visit_ids(self) -> tuple[VisitId, ...]:
        return tuple(place[-1] for place in self.order)
