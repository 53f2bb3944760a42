"""The incremental router: told of every change, it decides what to do now. Time and back-offs stand here, who could serve
whom in floor.py, what is right in rules.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from cti_server.domain.facts import OfferResult
from cti_server.domain.ids import AgentId, Micros, QueueName, VisitId
from cti_server.domain.queues import Queue, micros, skills_key
from cti_server.domain.routing import rules
from cti_server.domain.routing.floor import Floor
from cti_server.domain.routing.index import AgentRecord, VisitRecord
from cti_server.domain.routing.model import CallbackDue, Decision, Offer, Overflow, Seat, TimedOut, Waiting
from cti_server.domain.routing.timers import Timer, Timers


class Router:
    """Usage: tell it of every change (`join`, `leave`, `seat`, `unseat`, `offer_ended`), then call `decide(now)` and carry
    the decisions out; call `decide` again at `deadline()` even when nothing happened.

    `seat` is the truth about the agent; on top of it, an agent with an open offer, and a visit with one, get no other
    until `offer_ended`. Unknown ids are ignored in `leave`, `unseat` and `offer_ended`: those events may cross.
    After a restart seat the agents first, then join the callers, then decide.
    """

    def __init__(self, queues: Mapping[QueueName, Queue]) -> None:
        self._floor = Floor(queues.values())
        self._timers = Timers(self._is_live)
        self._fresh: list[tuple[VisitId, int]] = []
        """Callers to look at for overflow at once, and how many waited when they joined."""
        self._now: Micros = 0

    # ---- what was set up -------------------------------------------------------------------------------------

    def replace_queue(self, queue: Queue, now: Micros) -> None:
        """A queue is new, or its settings are. Callers go on as if they had waited by them from the start, except that no
        callback is offered twice, nobody waits for his preferred agent again, and open offers stand."""
        self._tick(now)
        line = self._floor.open_line(queue)
        for visit_id in line.visit_ids():
            self._start_over(self._floor.visits[visit_id], queue)
            self._fresh.append((visit_id, 0))

    def remove_queue(self, queue: QueueName, to: QueueName) -> None:
        """Whoever waits there overflows to `to` with the next `decide`, whoever is being offered when that fails. Raises
        NotFound."""
        self._fresh += [(visit_id, 0) for visit_id in self._floor.close_line(queue, to)]

    def _start_over(self, visit: VisitRecord, queue: Queue) -> None:
        visit.skills = skills_key(visit.waiting.skills)
        visit.preferred = visit.waiting.preferred
        visit.waits_for_preferred = visit.waits_for_preferred and bool(queue.preferred_seconds)
        visit.step = 0
        if visit.offered_to is None:
            self._floor.take_out(visit)
            self._floor.put(visit)
            self._set_timer(visit)

    # ---- what happened ---------------------------------------------------------------------------------------

    def join(self, waiting: Waiting, now: Micros) -> None:
        """A caller starts to wait; joining again replaces what was known of him. Raises NotFound for an unknown queue."""
        line = self._floor.line(waiting.queue)
        if line.closed_to is not None:
            raise rules.no_queue(waiting.queue)
        self.leave(waiting.visit_id)
        self._tick(now)
        visit = VisitRecord(
            waiting=waiting,
            place=rules.place(waiting),
            skills=skills_key(waiting.skills),
            preferred=waiting.preferred,
            waits_for_preferred=bool(waiting.preferred and line.queue.preferred_seconds),
        )
        self._fresh.append((waiting.visit_id, len(line.order)))
        self._floor.enter(visit)
        self._set_timer(visit)

    def leave(self, visit_id: VisitId) -> None:
        """The caller left (hang-up, key, callback accepted); an open offer for him is over too."""
        visit = self._floor.visits.get(visit_id)
        if visit is None:
            return
        self._floor.exit(visit)
        if visit.offered_to is not None:
            self._floor.release(visit.offered_to, visit_id, self._now)

    def seat(self, seat: Seat) -> None:
        """An agent signed in or anything about him changed."""
        agent = self._floor.agents.get(seat.agent_id)
        if agent is None:
            agent = self._floor.agents[seat.agent_id] = AgentRecord(seat)
            self._floor.enlist(seat)
        elif agent.seat == seat:
            return
        else:
            self._reseat(agent, seat)
        self._back_off(agent, seat.backoff_until)
        self._floor.free(agent, self._now)

    def unseat(self, agent_id: AgentId) -> None:
        """The agent signed out."""
        agent = self._floor.agents.pop(agent_id, None)
        if agent is None:
            return
        self._floor.busy(agent)
        self._floor.delist(agent.seat)
        self._floor.put_again(agent)
        self._look_at_deserted(agent.seat)

    def offer_ended(self, visit_id: VisitId, agent_id: AgentId, result: OfferResult, now: Micros) -> None:
        """answered and caller_gone end the visit here; the others put the caller back in his place. A miss
        (no_answer, rejected, unreachable) also starts the back-offs. After `answered` the agent stays occupied until
        the next `seat`."""
        visit = self._floor.visits.get(visit_id)
        if visit is None or visit.offered_to != agent_id:
            return
        self._tick(now)
        agent = self._floor.agents.get(agent_id)
        if agent and result == "answered":
            agent.seat = replace(agent.seat, available=False)
        if rules.starts_back_off(result):
            self._bar(visit, agent_id)
            if agent_id == visit.preferred:
                visit.waits_for_preferred = False  # he had his chance; the others may now
        if rules.ends_visit(result):
            self.leave(visit_id)
        else:
            self._return(visit, agent_id)

    def assign(self, visit_id: VisitId, agent_id: AgentId, now: Micros) -> Offer:
        """Offer this caller to this agent out of turn: carry it out like one of `decide`. Queue, skills and back-offs do not
        count, because a person decided. Raises NotFound when the caller does not wait, Conflict when he or the agent has an
        offer or the agent is not free."""
        visit = self._visit(visit_id)
        self._tick(now)
        return self._floor.assign(visit, agent_id)

    def withdraw(self, visit_id: VisitId) -> None:
        """Somebody sends this caller elsewhere. Raises NotFound when he does not wait, Conflict when he has an offer."""
        self._floor.must_be_unoffered(self._visit(visit_id))
        self.leave(visit_id)

    def promote(self, visit_id: VisitId) -> int:
        """To the head of his queue, by a person's decision: his priority from now on. Raises NotFound when he does not wait,
        Conflict when he has an offer."""
        return self._floor.promote(self._visit(visit_id))

    def _visit(self, visit_id: VisitId) -> VisitRecord:
        visit = self._floor.visits.get(visit_id)
        if visit is None:
            raise rules.not_waiting(visit_id)
        return visit

    # ---- what to do ------------------------------------------------------------------------------------------

    def decide(self, now: Micros) -> list[Decision]:
        """Everything to do at `now`, each decision once. Callback, overflow and end come only to callers who have no
        offer: an agent found at the last moment still counts."""
        self._tick(now)
        decisions: list[Decision] = []
        while True:
            waited = self._fire()
            decisions += self._floor.match()
            self._overflow_at_once(decisions)
            if not waited:
                return decisions
            for visit_id in waited:
                self._take_step(visit_id, decisions)

    def deadline(self) -> Micros | None:
        """The next moment `decide` must run even when nothing happens; None = only events matter."""
        return self._timers.soonest()

    # ---- what is known ---------------------------------------------------------------------------------------

    def position(self, visit_id: VisitId) -> int:
        """1 = next; callers being offered count. Raises NotFound when the visit does not wait here."""
        visit = self._visit(visit_id)
        return self._floor.line_of(visit).ahead_of(visit.place) + 1

    def waiting(self, queue: QueueName) -> tuple[VisitId, ...]:
        """In the order of service, callers being offered included."""
        return self._floor.line(queue).visit_ids()

    def length(self, queue: QueueName) -> int:
        return len(self._floor.line(queue).order)

    def agents(self, queue: QueueName) -> int:
        """Signed-in agents who serve the queue."""
        return len(self._floor.line(queue).agents)

    def estimate(self, visit_id: VisitId, now: Micros, handle: Micros) -> Micros | None:
        """Expected further wait: position × `handle` (average handling time of the queue now) ÷ likely agents, those of several
        queues by their share (`Floor.strength`). None when nobody serves the queue."""
        position = self.position(visit_id)
        strength = self._floor.strength(self._floor.visits[visit_id])
        return int(position * handle / strength) if strength else None

    def admission(self, queue: QueueName, now: Micros) -> Literal["full", "no_agents"] | None:
        """Why a caller cannot join now; None = he can. Raises NotFound for an unknown queue."""
        line = self._floor.line(queue)
        return rules.refusal(line.queue, len(line.order), len(line.agents))

    # ---- agents ----------------------------------------------------------------------------------------------

    def _reseat(self, agent: AgentRecord, seat: Seat) -> None:
        self._floor.busy(agent)
        before, agent.seat = agent.seat, seat
        if (before.queues, before.skills, before.likely) != (seat.queues, seat.skills, seat.likely):
            self._floor.delist(before)
            self._floor.enlist(seat)
            self._floor.put_again(agent)
            self._look_at_deserted(before)

    def _look_at_deserted(self, seat: Seat) -> None:
        self._fresh += [(visit_id, 0) for visit_id in self._floor.deserted(seat)]

    def _back_off(self, agent: AgentRecord, until: Micros) -> None:
        if until > max(agent.backoff_until, self._now):
            agent.backoff_until = until
            self._timers.set(until, agent_id=agent.seat.agent_id)

    def _bar(self, visit: VisitRecord, agent_id: AgentId) -> None:
        queue = self._floor.line_of(visit).queue
        if agent := self._floor.agents.get(agent_id):
            self._back_off(agent, self._now + micros(queue.agent_backoff_seconds))
        visit.barred[agent_id] = until = self._now + micros(queue.pair_backoff_seconds)
        self._timers.set(until, visit.waiting.visit_id, agent_id)

    def _return(self, visit: VisitRecord, agent_id: AgentId) -> None:
        """Back in his place; what fell due meanwhile is due now."""
        visit.offered_to = None
        self._floor.release(agent_id, visit.waiting.visit_id, self._now)
        self._fresh.append((visit.waiting.visit_id, 0))
        self._floor.put(visit)
        self._set_timer(visit)

    # ---- time ------------------------------------------------------------------------------------------------

    def _tick(self, now: Micros) -> None:
        """The wall clock may be set back; what was over stays over."""
        self._now = max(self._now, now)

    def _set_timer(self, visit: VisitRecord) -> None:
        steps = self._floor.line_of(visit).schedule
        while visit.step < len(steps) and _is_needless(visit, steps[visit.step].kind):
            visit.step += 1
        visit.timer = None
        if visit.step < len(steps):
            visit.timer = visit.waiting.joined_at + steps[visit.step].after
            self._timers.set(visit.timer, visit.waiting.visit_id)

    def _is_live(self, timer: Timer) -> bool:
        at, _, visit_id, agent_id = timer
        if visit_id is None:
            agent = self._floor.agents.get(agent_id) if agent_id else None
            return agent is not None and agent.backoff_until == at
        visit = self._floor.visits.get(visit_id)
        if visit is None:
            return False
        if agent_id is not None:
            return visit.barred.get(agent_id) == at
        return visit.timer == at

    def _fire(self) -> list[VisitId]:
        """Do what is due before matching; returns the callers for whom something is due after it."""
        waited: list[VisitId] = []
        while (timer := self._timers.pop_due(self._now)) is not None:
            _, _, visit_id, agent_id = timer
            if visit_id is None:
                assert agent_id
                self._floor.free(self._floor.agents[agent_id], self._now)
            elif agent_id is not None:
                visit = self._floor.visits[visit_id]
                del visit.barred[agent_id]
                self._floor.heat(visit)
            else:
                visit = self._floor.visits[visit_id]
                visit.timer = None  # settings changed to and fro leave the same moment twice: it counts once
                if not self._relax(visit):
                    waited.append(visit_id)
        return waited

    def _relax(self, visit: VisitRecord) -> bool:
        """Take the visit's next step if it may find an agent; False when it is one that comes after matching."""
        step = self._floor.line_of(visit).schedule[visit.step]
        if step.kind not in rules.BEFORE_MATCHING:
            return False
        if step.kind == "open":
            visit.waits_for_preferred = False
        if step.relaxation is not None:
            visit.skills = step.relaxation.relaxed(visit.skills)
            if step.relaxation.drop_preferred:
                visit.preferred, visit.waits_for_preferred = None, False
        self._floor.move(visit)
        visit.step += 1
        self._set_timer(visit)
        return True

    def _take_step(self, visit_id: VisitId, decisions: list[Decision]) -> None:
        visit = self._floor.visits.get(visit_id)
        if visit is None or visit.offered_to is not None:
            return
        line = self._floor.line_of(visit)
        kind = line.schedule[visit.step].kind
        visit.step += 1
        if kind == "callback":
            visit.callback_offered = True
            decisions.append(CallbackDue(visit_id))
            self._set_timer(visit)
        elif kind == "overflow" and line.queue.overflow_to is not None:
            self._end(Overflow(visit_id, line.queue.overflow_to), decisions)
        else:
            self._end(TimedOut(visit_id), decisions)

    def _overflow_at_once(self, decisions: list[Decision]) -> None:
        fresh, self._fresh = self._fresh, []
        for visit_id, found in fresh:
            visit = self._floor.visits.get(visit_id)
            if visit is None or visit.offered_to is not None:
                continue
            line = self._floor.line_of(visit)
            to = line.queue.overflow_to
            if line.closed_to is not None:
                self._end(Overflow(visit_id, line.closed_to), decisions)
            elif to is not None and rules.overflows_at_once(line.queue, found, len(line.agents)):
                self._end(Overflow(visit_id, to), decisions)

    def _end(self, decision: Overflow | TimedOut, decisions: list[Decision]) -> None:
        decisions.append(decision)
        self.leave(decision.visit_id)


def _is_needless(visit: VisitRecord, kind: rules.StepKind) -> bool:
    return (kind == "open" and not visit.waits_for_preferred) or (kind == "callback" and visit.callback_offered)
