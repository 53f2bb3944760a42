"""Who stands where: the callers' groups, the idle agents, the open offers. Every change touches only what it must.

A pair of caller and agent can begin to match only when the caller is put into a group, the agent becomes idle, or a bar
between them ends. Each of these marks the groups concerned as `hot`, and matching looks at hot groups only.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from heapq import heapify, heappop, heappush

from cti_server.domain.ids import AgentId, Micros, QueueName, VisitId
from cti_server.domain.queues import Queue
from cti_server.domain.routing import rules
from cti_server.domain.routing.index import AgentRecord, Group, Line, VisitRecord, discard
from cti_server.domain.routing.model import Offer, Seat
from cti_server.errors import Conflict


class Floor:
    def __init__(self, queues: Iterable[Queue]) -> None:
        self.lines = {queue.name: Line(queue) for queue in queues}
        self.visits: dict[VisitId, VisitRecord] = {}
        self.agents: dict[AgentId, AgentRecord] = {}
        self._offers: dict[AgentId, VisitId] = {}
        self._hot: dict[Group, None] = {}

    def line(self, queue: QueueName) -> Line:
        """Raises NotFound for an unknown queue."""
        line = self.lines.get(queue)
        if line is None:
            raise rules.no_queue(queue)
        return line

    def line_of(self, visit: VisitRecord) -> Line:
        return self.lines[visit.waiting.queue]

    # ---- queues ----------------------------------------------------------------------------------------------

    def open_line(self, queue: Queue) -> Line:
        """A new queue, served by those agents who name it, or a known one with other settings."""
        line = self.lines.get(queue.name)
        if line is not None:
            line.change(queue)
            return line
        line = self.lines[queue.name] = Line(queue)
        for agent in self.agents.values():
            if queue.name in agent.seat.queues:
                self._count(line, agent.seat)
                if agent.idle:
                    line.idle[agent.seat.agent_id] = agent
        return line

    def close_line(self, queue: QueueName, to: QueueName) -> tuple[VisitId, ...]:
        """Match nobody in it any more; those still in it. It is forgotten when the last of them has left."""
        line = self.line(queue)
        line.closed_to = to
        for visit_id in line.visit_ids():
            self.take_out(self.visits[visit_id])
        self._forget_if_empty(line)
        return line.visit_ids()

    def _forget_if_empty(self, line: Line) -> None:
        if line.closed_to is None or line.order:
            return
        del self.lines[line.queue.name]
        for agent in line.idle.values():
            agent.idle_in[:] = [group for group in agent.idle_in if group.queue != line.queue.name]
        self._hot = {group: None for group in self._hot if group.queue != line.queue.name}

    def strength(self, visit: VisitRecord) -> Fraction:
        """Likely agents of the caller's queue. One who serves others too counts for the part of those who come before this
        caller, in all his queues, that wait in this one, the caller included: agents take whoever stands first anywhere."""
        own = self.line_of(visit)
        serves = Counter(frozenset(self.agents[agent_id].seat.queues) for agent_id in own.likely)
        ahead = {
            name: self.lines[name].ahead_of(visit.place)
            for name in frozenset[QueueName]().union(*serves)
            if name in self.lines
        }
        served = ahead[visit.waiting.queue] + 1 if serves else 0
        return sum(
            (
                number * Fraction(served, 1 + sum(ahead.get(name, 0) for name in queues))
                for queues, number in serves.items()
            ),
            Fraction(0),
        )

    # ---- callers ---------------------------------------------------------------------------------------------

    def enter(self, visit: VisitRecord) -> None:
        self.visits[visit.waiting.visit_id] = visit
        insort(self.line_of(visit).order, visit.place)
        self.put(visit)

    def exit(self, visit: VisitRecord) -> None:
        del self.visits[visit.waiting.visit_id]
        self.take_out(visit)
        line = self.line_of(visit)
        discard(line.order, visit.place)
        self._forget_if_empty(line)

    def put(self, visit: VisitRecord) -> None:
        """Into the group of callers who ask for the same."""
        if self.line_of(visit).closed_to is not None:
            return
        group = self._group_for(visit)
        insort(group.visits, visit.place)
        visit.group = group
        self._hot[group] = None

    def take_out(self, visit: VisitRecord) -> None:
        group, visit.group = visit.group, None
        if group is None:
            return
        discard(group.visits, visit.place)
        if group.only is not None and not group.visits:
            self._forget_own(group.only, group)

    def move(self, visit: VisitRecord) -> None:
        if visit.group is not None:
            self.take_out(visit)
            self.put(visit)

    def _group_for(self, visit: VisitRecord) -> Group:
        line = self.line_of(visit)
        agent = self.agents.get(visit.preferred) if visit.preferred else None
        if visit.waits_for_preferred:
            visit.waits_for_preferred = rules.waits_for_preferred(
                line.queue, visit.skills, agent.seat if agent else None
            )
        if not visit.waits_for_preferred or agent is None:
            return line.group(visit.skills)
        return self._own_group(agent, visit)

    def _own_group(self, agent: AgentRecord, visit: VisitRecord) -> Group:
        key = (visit.waiting.queue, visit.skills)
        group = agent.own.get(key)
        if group is None:
            group = agent.own[key] = Group(*key, only=agent.seat.agent_id)
            if agent.idle:
                group.add_idle(agent)
        return group

    def _forget_own(self, agent_id: AgentId, group: Group) -> None:
        agent = self.agents.get(agent_id)
        if agent is not None:
            agent.own.pop((group.queue, group.skills), None)
            if group in agent.idle_in:
                agent.idle_in.remove(group)
        self._hot.pop(group, None)

    def heat(self, visit: VisitRecord) -> None:
        """Something about the caller changed: look at his group again."""
        if visit.group is not None:
            self._hot[visit.group] = None

    # ---- agents ----------------------------------------------------------------------------------------------

    def free(self, agent: AgentRecord, now: Micros) -> None:
        """Among the idle, if nothing stands against it."""
        agent_id = agent.seat.agent_id
        if agent.idle or not agent.seat.available or agent_id in self._offers or agent.backoff_until > now:
            return
        agent.idle = True
        for line in self._served(agent.seat):
            line.idle[agent_id] = agent
            for group in line.groups.values():
                group.add_idle(agent)
        for group in agent.own.values():
            group.add_idle(agent)
        self._hot.update(dict.fromkeys(group for group in agent.idle_in if group.visits))

    def busy(self, agent: AgentRecord) -> None:
        if not agent.idle:
            return
        agent.idle = False
        agent_id = agent.seat.agent_id
        for group in agent.idle_in:
            group.drop_idle(agent_id)
        agent.idle_in.clear()
        for line in self._served(agent.seat):
            line.idle.pop(agent_id, None)

    def release(self, agent_id: AgentId, visit_id: VisitId, now: Micros) -> None:
        """The offer of this pair is over."""
        if self._offers.get(agent_id) == visit_id:
            del self._offers[agent_id]
            if agent := self.agents.get(agent_id):
                self.free(agent, now)

    def enlist(self, seat: Seat) -> None:
        """Count the agent in the queues he serves."""
        for line in self._served(seat):
            self._count(line, seat)

    def _count(self, line: Line, seat: Seat) -> None:
        line.agents.add(seat.agent_id)
        if seat.likely:
            line.likely.add(seat.agent_id)

    def delist(self, seat: Seat) -> None:
        for line in self._served(seat):
            line.agents.discard(seat.agent_id)
            line.likely.discard(seat.agent_id)

    def deserted(self, seat: Seat) -> list[VisitId]:
        """Callers in the agent's queues who must not wait where nobody is signed in any more."""
        empty = [line for line in self._served(seat) if not line.agents and line.queue.no_agents == "overflow"]
        return [visit_id for line in empty for visit_id in line.visit_ids()]

    def _served(self, seat: Seat) -> list[Line]:
        return [self.lines[queue] for queue in seat.queues if queue in self.lines]

    def put_again(self, agent: AgentRecord) -> None:
        """Callers who wait for him alone: they may have to stop that now."""
        for group in list(agent.own.values()):
            for place in list(group.visits):
                self.move(self.visits[place[-1]])

    # ---- matching --------------------------------------------------------------------------------------------

    def match(self) -> Iterator[Offer]:
        """The best caller of all hot groups gets his best agent, until no hot group has both."""
        hot = [(group.visits[0], number, 0, group) for number, group in enumerate(self._hot) if group.visits]
        self._hot.clear()
        heapify(hot)
        while hot:
            place, number, at, group = heappop(hot)
            if not group.has_idle():
                continue
            agent_id = self._best_agent(self.visits[place[-1]], group)
            if agent_id is None:
                at += 1
            else:
                yield self._offer(place[-1], agent_id)
            if at < len(group.visits):
                heappush(hot, (group.visits[at], number, at, group))

    def _best_agent(self, visit: VisitRecord, group: Group) -> AgentId | None:
        """The preferred one if he is idle, else the first who is not barred for this caller."""
        preferred = visit.preferred
        if preferred is not None and group.is_idle(preferred) and preferred not in visit.barred:
            return preferred
        return next((agent_id for agent_id in group.best_first() if agent_id not in visit.barred), None)

    def assign(self, visit: VisitRecord, agent_id: AgentId) -> Offer:
        """Raises Conflict when either has an offer or the agent is not free."""
        agent = self.agents.get(agent_id)
        self.must_be_unoffered(visit)
        if agent is None or not agent.seat.available or agent_id in self._offers:
            raise Conflict(f"agent {agent_id} is not free", reason="agent_not_free")
        return self._offer(visit.waiting.visit_id, agent_id)

    def must_be_unoffered(self, visit: VisitRecord) -> None:
        if visit.offered_to is not None:
            raise Conflict("this caller is being offered to an agent already", reason="offered")

    def promote(self, visit: VisitRecord) -> int:
        """Before all others of his queue; who is there already stays as he is."""
        self.must_be_unoffered(visit)
        order = self.line_of(visit).order
        if order[0] != visit.place:
            self.take_out(visit)
            discard(order, visit.place)
            visit.waiting = replace(visit.waiting, priority=1 - order[0][0])
            visit.place = rules.place(visit.waiting)
            insort(order, visit.place)
            self.put(visit)
        return visit.waiting.priority

    def _offer(self, visit_id: VisitId, agent_id: AgentId) -> Offer:
        visit = self.visits[visit_id]
        self.busy(self.agents[agent_id])
        self.take_out(visit)
        visit.offered_to, visit.timer = agent_id, None
        self._offers[agent_id] = visit_id
        return Offer(visit_id, agent_id)
