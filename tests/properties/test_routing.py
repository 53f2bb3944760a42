"""The incremental router against a naive model that looks at everybody each time, on random histories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cti_server.domain.facts import MISSES, OfferResult
from cti_server.domain.ids import SECOND, AgentId, CallId, Micros, QueueName, VisitId
from cti_server.domain.queues import Queue, Relaxation, Skills
from cti_server.domain.routing import CallbackDue, Decision, Offer, Overflow, Router, Seat, TimedOut, Waiting
from cti_server.errors import Conflict, NotFound

A, B, C = QueueName("a"), QueueName("b"), QueueName("c")
QUEUES = {
    A: Queue(
        name=A,
        preferred_seconds=6,
        relaxations=(
            Relaxation(after_seconds=5, lower_by=3),
            Relaxation(after_seconds=12, drop=("x",), drop_preferred=True),
        ),
        overflow_after_seconds=20,
        overflow_length=5,
        overflow_to=B,
        callback_after_seconds=9,
        agent_backoff_seconds=3,
        pair_backoff_seconds=7,
    ),
    B: Queue(name=B, preferred_seconds=4, max_wait_seconds=30, max_length=6, overflow_to=C, no_agents="overflow"),
    C: Queue(name=C, preferred_seconds=0, no_agents="refuse"),
}
AGENTS = [AgentId(f"100{n}") for n in range(4)]
LEVELS = st.integers(1, 10)
SKILLS = st.dictionaries(st.sampled_from(["x", "y"]), LEVELS)


@dataclass
class Person:
    waiting: Waiting
    skills: Skills
    preferred: AgentId | None
    waits: bool
    found: int | None
    done: int = 0
    offered: AgentId | None = None
    barred: dict[AgentId, Micros] = field(default_factory=dict)

    @property
    def order(self) -> tuple[int, Micros, Micros, str]:
        return (-self.waiting.priority, self.waiting.entered_at, self.waiting.joined_at, self.waiting.visit_id)


class Naive:
    """The rules said in the plainest way: every decision looks at every caller and every agent."""

    def __init__(self) -> None:
        self.people: dict[VisitId, Person] = {}
        self.seats: dict[AgentId, Seat] = {}
        self.backoff: dict[AgentId, Micros] = {}
        self.ringing: set[AgentId] = set()

    def steps(self, person: Person) -> list[tuple[Micros, str, Relaxation | None]]:
        q = QUEUES[person.waiting.queue]
        found: list[tuple[float, str, Relaxation | None]] = [(r.after_seconds, "relax", r) for r in q.relaxations]
        found += [(q.preferred_seconds, "open", None), (q.callback_after_seconds, "callback", None)]
        found += [(q.overflow_after_seconds, "overflow", None), (q.max_wait_seconds, "timeout", None)]
        ordered = sorted((s for s in found if s[0]), key=lambda s: s[0])
        return [(person.waiting.joined_at + round(after * SECOND), kind, r) for after, kind, r in ordered]

    def can(self, seat: Seat, person: Person) -> bool:
        return person.waiting.queue in seat.queues and all(seat.skills.get(s, 0) >= n for s, n in person.skills)

    def idle(self, now: Micros) -> list[Seat]:
        free = [s for s in self.seats.values() if s.available and s.agent_id not in self.ringing]
        return [s for s in free if self.backoff.get(s.agent_id, 0) <= now]

    def matches(self, person: Person, now: Micros) -> list[Seat]:
        found = [s for s in self.idle(now) if self.can(s, person) and person.barred.get(s.agent_id, -1) <= now]
        return [s for s in found if not person.waits or s.agent_id == person.preferred]

    def best(self, person: Person, seats: list[Seat]) -> Seat:
        def rank(s: Seat) -> tuple[Any, ...]:
            fit = sum(s.skills[name] for name, _ in person.skills)
            return (s.agent_id != person.preferred, -s.queues[person.waiting.queue], -fit, s.idle_since, s.agent_id)

        return min(seats, key=rank)

    def settle_preferred(self) -> None:
        for person in self.people.values():
            seat = self.seats.get(person.preferred) if person.preferred else None
            if not person.offered and not (seat and seat.likely and self.can(seat, person)):
                person.waits = False

    def desert(self) -> None:
        for person in self.people.values():
            q = person.waiting.queue
            if QUEUES[q].no_agents == "overflow" and not any(q in s.queues for s in self.seats.values()):
                person.found = person.found or 0

    def waiting(self) -> list[Person]:
        return sorted((p for p in self.people.values() if not p.offered), key=lambda p: p.order)

    def relax(self, person: Person, now: Micros) -> bool:
        """Take due steps that may find an agent; True when one that ends or interrupts the wait comes next."""
        for at, kind, relaxation in self.steps(person)[person.done :]:
            if kind == "open" and not person.waits:
                person.done += 1
                continue
            if at > now:
                return False
            if kind not in ("relax", "open"):
                return True
            if kind == "open":
                person.waits = False
            elif relaxation is not None:
                person.skills = relaxation.relaxed(person.skills)
                if relaxation.drop_preferred:
                    person.preferred, person.waits = None, False
            person.done += 1
            self.settle_preferred()
        return False

    def decide(self, now: Micros) -> list[Decision]:
        decisions: list[Decision] = []
        while True:
            late = [p for p in self.waiting() if self.relax(p, now)]
            for person in self.waiting():
                if seats := self.matches(person, now):
                    person.offered = self.best(person, seats).agent_id
                    self.ringing.add(person.offered)
                    decisions.append(Offer(person.waiting.visit_id, person.offered))
            decisions += self.at_once()
            if not late:
                return decisions
            decisions += [d for p in late if (d := self.late(p)) is not None]

    def at_once(self) -> list[Decision]:
        gone: list[Decision] = []
        for person in self.waiting():
            found, person.found = person.found, None
            q = QUEUES[person.waiting.queue]
            deserted = q.no_agents == "overflow" and not any(q.name in s.queues for s in self.seats.values())
            if found is not None and q.overflow_to and ((q.overflow_length and found >= q.overflow_length) or deserted):
                gone.append(Overflow(person.waiting.visit_id, q.overflow_to))
                del self.people[person.waiting.visit_id]
        for person in self.people.values():
            person.found = None
        return gone

    def late(self, person: Person) -> Decision | None:
        visit = person.waiting.visit_id
        if person.offered or visit not in self.people:
            return None
        kind = self.steps(person)[person.done][1]
        person.done += 1
        if kind == "callback":
            return CallbackDue(visit)
        del self.people[visit]
        to = QUEUES[person.waiting.queue].overflow_to
        return Overflow(visit, to) if kind == "overflow" and to else TimedOut(visit)


class RoutingMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.router, self.naive = Router(QUEUES), Naive()
        self.now: Micros = 1_000 * SECOND
        self.joined = 0
        self.ended: set[VisitId] = set()
        self.called_back: set[VisitId] = set()

    def decide(self) -> None:
        mine, theirs = self.router.decide(self.now), self.naive.decide(self.now)
        assert [d for d in mine if isinstance(d, Offer)] == [d for d in theirs if isinstance(d, Offer)]
        assert sorted(map(repr, mine)) == sorted(map(repr, theirs))
        for decision in mine:
            assert decision.visit_id not in self.ended
            if isinstance(decision, Overflow | TimedOut):
                self.ended.add(decision.visit_id)
            elif isinstance(decision, CallbackDue):
                assert decision.visit_id not in self.called_back
                self.called_back.add(decision.visit_id)

    @rule(
        queue=st.sampled_from([A, B, C]),
        priority=st.integers(0, 2),
        waited=st.integers(0, 40),
        skills=SKILLS,
        preferred=st.none() | st.sampled_from(AGENTS),
    )
    def join(self, queue: QueueName, priority: int, waited: int, skills: dict[str, int], preferred: Any) -> None:
        self.joined += 1
        visit = VisitId(f"v{self.joined:04}")
        waiting = Waiting(
            visit_id=visit,
            call_id=CallId(visit),
            queue=queue,
            priority=priority,
            entered_at=self.now - waited * SECOND,
            joined_at=self.now,
            skills=tuple(skills.items()),
            preferred=preferred,
        )
        found = sum(p.waiting.queue == queue for p in self.naive.people.values())
        wanted = tuple(sorted(skills.items()))
        person = Person(waiting, wanted, preferred, bool(preferred and QUEUES[queue].preferred_seconds), found)
        self.naive.people[visit] = person
        self.naive.settle_preferred()
        self.router.join(waiting, self.now)
        self.decide()

    @precondition(lambda self: self.naive.people)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        visit = data.draw(st.sampled_from(sorted(self.naive.people)))
        offered = self.naive.people.pop(visit).offered
        self.naive.ringing.discard(offered or AgentId(""))
        self.router.leave(visit)
        self.ended.add(visit)
        self.decide()

    @rule(
        agent=st.sampled_from(AGENTS),
        queues=st.dictionaries(st.sampled_from([A, B, C]), LEVELS),
        skills=SKILLS,
        available=st.booleans(),
        likely=st.booleans(),
        idle=st.integers(0, 20),
        backoff=st.sampled_from([0, 0, 0, 4]),
    )
    def seat(
        self, agent: AgentId, queues: Any, skills: Any, available: bool, likely: bool, idle: int, backoff: int
    ) -> None:
        seat = Seat(
            agent_id=agent,
            queues=queues,
            skills=skills,
            available=available,
            likely=likely or available,
            idle_since=self.now - idle * SECOND,
            backoff_until=self.now + backoff * SECOND if backoff else 0,
        )
        self.naive.seats[agent] = seat
        self.naive.backoff[agent] = max(self.naive.backoff.get(agent, 0), seat.backoff_until)
        self.naive.settle_preferred()
        self.naive.desert()
        self.router.seat(seat)
        self.decide()

    @precondition(lambda self: self.naive.seats)
    @rule(data=st.data())
    def unseat(self, data: st.DataObject) -> None:
        agent = data.draw(st.sampled_from(sorted(self.naive.seats)))
        del self.naive.seats[agent]
        self.naive.backoff.pop(agent, None)
        self.naive.settle_preferred()
        self.naive.desert()
        self.router.unseat(agent)
        self.decide()

    @precondition(lambda self: any(p.offered for p in self.naive.people.values()))
    @rule(
        data=st.data(),
        result=st.sampled_from(["answered", "no_answer", "rejected", "unreachable", "caller_gone", "withdrawn"]),
    )
    def offer_ends(self, data: st.DataObject, result: OfferResult) -> None:
        visit = data.draw(st.sampled_from(sorted(v for v, p in self.naive.people.items() if p.offered)))
        person = self.naive.people[visit]
        agent, person.offered = person.offered, None
        assert agent
        self.naive.ringing.discard(agent)
        q = QUEUES[person.waiting.queue]
        if result in MISSES:
            person.barred[agent] = self.now + round(q.pair_backoff_seconds * SECOND)
            if agent in self.naive.seats:
                until = self.now + round(q.agent_backoff_seconds * SECOND)
                self.naive.backoff[agent] = max(self.naive.backoff.get(agent, 0), until)
        if result == "answered" and agent in self.naive.seats:
            self.naive.seats[agent] = replace(self.naive.seats[agent], available=False)
        if result in ("answered", "caller_gone"):
            del self.naive.people[visit]
            self.ended.add(visit)
        else:
            person.found = 0
        self.naive.settle_preferred()
        self.router.offer_ended(visit, agent, result, self.now)
        self.decide()

    @precondition(lambda self: self.naive.people)
    @rule(data=st.data(), agent=st.sampled_from(AGENTS))
    def assign(self, data: st.DataObject, agent: AgentId) -> None:
        """By hand: any waiting caller to any free agent, whatever queue, skills and back-offs say; else nothing changes."""
        visit = data.draw(st.sampled_from(sorted(self.naive.people)))
        person, seat = self.naive.people[visit], self.naive.seats.get(agent)
        if person.offered or seat is None or not seat.available or agent in self.naive.ringing:
            with pytest.raises(Conflict):
                self.router.assign(visit, agent, self.now)
        else:
            assert self.router.assign(visit, agent, self.now) == Offer(visit, agent)
            person.offered = agent
            self.naive.ringing.add(agent)
        self.decide()

    @precondition(lambda self: self.naive.people)
    @rule(data=st.data())
    def promote(self, data: st.DataObject) -> None:
        """By hand: before everybody of his queue, those who have an offer included; who is first stays as he is."""
        visit = data.draw(st.sampled_from(sorted(self.naive.people)))
        person = self.naive.people[visit]
        if person.offered:
            with pytest.raises(Conflict):
                self.router.promote(visit)
        else:
            queue = [p for p in self.naive.people.values() if p.waiting.queue == person.waiting.queue]
            first = min(queue, key=lambda p: p.order)
            if first is not person:
                person.waiting = replace(person.waiting, priority=first.waiting.priority + 1)
            assert self.router.promote(visit) == person.waiting.priority
            assert self.router.position(visit) == 1
        self.decide()

    @precondition(lambda self: self.naive.people)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        """By hand: he goes elsewhere, unless a phone rings for him."""
        visit = data.draw(st.sampled_from(sorted(self.naive.people)))
        if self.naive.people[visit].offered:
            with pytest.raises(Conflict):
                self.router.withdraw(visit)
        else:
            del self.naive.people[visit]
            self.router.withdraw(visit)
            self.ended.add(visit)
        self.decide()

    @precondition(lambda self: self.ended - set(self.naive.people))
    @rule(data=st.data(), agent=st.sampled_from(AGENTS))
    def nothing_is_done_for_who_has_gone(self, data: st.DataObject, agent: AgentId) -> None:
        visit = data.draw(st.sampled_from(sorted(self.ended - set(self.naive.people))))
        wishes: tuple[Callable[[], object], ...] = (
            lambda: self.router.promote(visit),
            lambda: self.router.withdraw(visit),
            lambda: self.router.assign(visit, agent, self.now),
        )
        for wish in wishes:
            with pytest.raises(NotFound):
                wish()

    @rule(seconds=st.integers(0, 25))
    def wait(self, seconds: int) -> None:
        """The router is called at its deadlines only; the model at every second."""
        for _ in range(seconds):
            self.now += SECOND
            deadline = self.router.deadline()
            if deadline is not None and deadline <= self.now:
                self.decide()
            else:
                assert self.naive.decide(self.now) == []

    @rule(seconds=st.integers(26, 90))
    def sleep(self, seconds: int) -> None:
        """Decisions come late, all at once."""
        self.now += seconds * SECOND
        self.decide()

    @invariant()
    def offers_are_pairs(self) -> None:
        offered = [p.offered for p in self.naive.people.values() if p.offered]
        assert len(offered) == len(set(offered))

    @invariant()
    def nobody_starves(self) -> None:
        assert not any(self.naive.matches(person, self.now) for person in self.naive.waiting())

    @invariant()
    def places_agree(self) -> None:
        for queue in QUEUES:
            people = sorted((p for p in self.naive.people.values() if p.waiting.queue == queue), key=lambda p: p.order)
            assert self.router.waiting(queue) == tuple(p.waiting.visit_id for p in people)
            assert [self.router.position(p.waiting.visit_id) for p in people] == [n + 1 for n in range(len(people))]
            assert self.router.agents(queue) == sum(queue in s.queues for s in self.naive.seats.values())


RoutingMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestRouting = RoutingMachine.TestCase
