"""(e) Routing: decisions a second, and how the cost of one event grows with agents and with callers.

busy  every agent talks and callers wait: an agent comes free, gets the best caller, answers, and a new caller joins
idle  every agent is idle: a caller joins, gets the best agent, who answers, talks and is idle again

Ten queues, agents of three queues and three of four skills with levels at random, callers with five kinds of
requirement, four priorities, one in five with a preferred agent. Requirements are warm: the first caller with a new one
costs one look at the queue's idle agents. CPU time, garbage collection included; numbers are per routing decision made.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

from report import Row

from cti_server.domain.ids import SECOND, AgentId, CallId, Micros, QueueName, VisitId
from cti_server.domain.queues import Queue, Relaxation, Skills, skills_key
from cti_server.domain.routing import Offer, Router, Seat, Waiting

SKILLS = ("zh", "en", "technical", "billing")
QUEUES = tuple(QueueName(f"q{n}") for n in range(10))
GAP: Micros = SECOND // 50
EVENTS = 2_000
ROUNDS = 7
GOAL = "≤ 2× from 100 to 10 000 agents"


class World:
    """A centre with a seeded past; `busy_event` and `idle_event` make one decision each."""

    def __init__(self, agents: int, waiting: int, *, idle: bool = False) -> None:
        self.random = random.Random(agents + waiting)
        self.now: Micros = 1_767_225_600 * SECOND
        self.joined = self.decisions = 0
        relax = (Relaxation(after_seconds=60, lower_by=2),)
        self.router = Router({name: Queue(name=name, relaxations=relax) for name in QUEUES})
        self.wanted = [self._skills(n, (2, 5)) for n in (0, 0, 1, 1, 2)]
        self.agents = [self._seat(n) for n in range(agents)]
        self.seats = {seat.agent_id: seat for seat in self.agents}
        for _ in range(waiting):
            self.join()
        for queue in QUEUES if idle else ():
            for skills in self.wanted:
                self.join(queue, skills)
        self.router.decide(self.now)
        for queue in QUEUES if idle else ():
            for visit in self.router.waiting(queue):
                self.router.leave(visit)
        for seat in self.seats.values():
            self.router.seat(replace(seat, available=idle))
        self.router.decide(self.now)

    def _skills(self, count: int, levels: tuple[int, ...]) -> Skills:
        return skills_key({name: self.random.choice(levels) for name in self.random.sample(SKILLS, count)})

    def _seat(self, n: int) -> Seat:
        queues = {name: self.random.randint(1, 10) for name in self.random.sample(QUEUES, 3)}
        skills = dict(self._skills(3, tuple(range(1, 11))))
        idle_since = self.now - self.random.randrange(3600 * SECOND)
        return Seat(agent_id=AgentId(f"{n:05}"), queues=queues, skills=skills, available=True, idle_since=idle_since)

    def join(self, queue: QueueName | None = None, skills: Skills | None = None) -> None:
        self.joined += 1
        visit = VisitId(f"v{self.joined:08}")
        preferred = self.random.choice(self.agents).agent_id if self.random.random() < 0.2 else None
        waiting = Waiting(
            visit_id=visit,
            call_id=CallId(visit),
            queue=queue or self.random.choice(QUEUES),
            priority=self.random.randrange(4),
            entered_at=self.now,
            joined_at=self.now,
            skills=self.random.choice(self.wanted) if skills is None else skills,
            preferred=preferred,
        )
        self.router.join(waiting, self.now)

    def answer(self) -> list[Seat]:
        """Carry the offers out; the agents who talk now."""
        offers = [decision for decision in self.router.decide(self.now) if isinstance(decision, Offer)]
        for offer in offers:
            seat = self.seats[offer.agent_id]
            self.router.seat(replace(seat, available=False))
            self.router.offer_ended(offer.visit_id, offer.agent_id, "answered", self.now)
        self.decisions += len(offers)
        return [self.seats[offer.agent_id] for offer in offers]

    def busy_event(self) -> None:
        self.now += GAP
        seat = self.random.choice(self.agents)
        self.router.seat(replace(seat, idle_since=self.now))
        for _ in self.answer():
            self.join()

    def idle_event(self) -> None:
        self.now += GAP
        self.join()
        for seat in self.answer():
            self.router.seat(replace(seat, idle_since=self.now))


def micros_a_decision(world: World, event: Callable[[], None]) -> float:
    """Median over rounds, after one to warm up."""
    rounds = []
    for _ in range(ROUNDS + 1):
        before, start = world.decisions, time.process_time()
        for _ in range(EVENTS):
            event()
        rounds.append((time.process_time() - start) * 1e6 / max(1, world.decisions - before))
    return statistics.median(rounds[1:])


def busy(agents: int, waiting: int) -> float:
    world = World(agents, waiting)
    return micros_a_decision(world, world.busy_event)


def idle(agents: int) -> float:
    world = World(agents, 0, idle=True)
    return micros_a_decision(world, world.idle_event)


def growth(what: str, costs: dict[int, float], of: str) -> list[Row]:
    first = min(costs)
    return [
        Row(
            what=f"{what}, {size:,} {of}",
            median=cost,
            unit="CPU µs a decision",
            ratio=cost / costs[first] if size != first else None,
            against=f"{first:,} {of}" if size != first else "",
            goal=GOAL if size == 10_000 else "",
            met=cost <= 2 * costs[first] if size == 10_000 else None,
        )
        for size, cost in costs.items()
    ]


def run() -> list[Row]:
    by_agents = {agents: busy(agents, 5_000) for agents in (100, 1_000, 10_000)}
    by_callers = {waiting: busy(1_000, waiting) for waiting in (500, 5_000, 50_000)}
    return [
        Row("decisions, 1,000 agents and 5,000 waiting", 1e6 / by_agents[1_000], "a CPU-second"),
        *growth("busy, 5,000 waiting", by_agents, "agents"),
        *growth("busy, 1,000 agents", by_callers, "waiting"),
        *growth("idle", {agents: idle(agents) for agents in (100, 1_000, 10_000)}, "agents"),
    ]
