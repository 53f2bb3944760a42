"""The ACD at work: the pure router's decisions, carried to the callers who wait.

    place ──join──► waiting ──offer──► handed ──taken by the session──► (dial) ──rejoin or leave
                       └─ overflow, timed out, callback due: handed the same way

Timers: the router's own deadline (relaxation, overflow, longest wait); WAKE_AGAIN until a handed decision is taken. The
session of a waiting caller sleeps on his line; `Switch.wake` ends that sleep at once. A wake-up can fall between two AGI
commands and be lost, so it is repeated; without a switch link the session looks for itself every POLL seconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.domain.facts import (
    OfferEnded,
    Recorded,
    TalkEnded,
    TalkStarted,
    VisitAssigned,
    VisitEnded,
    VisitMoved,
    VisitPromoted,
)
from cti_server.domain.ids import SECOND, AgentId, ChannelRef, Micros, QueueName, VisitId
from cti_server.domain.queues import Queue, micros, skills_key
from cti_server.domain.routing import Decision, Offer, Overflow, Router, Seat, Waiting
from cti_server.errors import Conflict, CtiError, NotFound
from cti_server.ports import Switch
from cti_server.services.calls.live import LiveCall, Visit

log = structlog.get_logger(__name__)

RETURN_SECONDS = 4.0
"""How long after a start callers who were waiting are given to come back (the dialplan tries every second)."""
WAKE_AGAIN = 0.15
"""Seconds after which an untaken decision wakes the caller's channel again."""
POLL = 1.0
"""Seconds a waiting session sleeps at most while the switch cannot wake it."""


OnDecision = Callable[["Place", Decision], None]


@dataclass(slots=True, eq=False)
class Place:
    """A caller's place in a queue. `decision` waits here until the session takes it."""

    live: LiveCall
    visit: Visit
    on_decision: OnDecision | None = None
    """For a callback's place: nobody is on the line to be woken, this is called instead."""
    _decision: Decision | None = None
    _taken: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self) -> Decision | None:
        decision, self._decision = self._decision, None
        self._taken.set()
        return decision

    def hand(self, decision: Decision) -> None:
        self._decision = decision
        self._taken.clear()

    async def wait_taken(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._taken.wait(), seconds)
        except TimeoutError:
            return False
        return True


class Recent:
    """The mean of the last KEEP durations, micros."""

    KEEP = 20

    def __init__(self) -> None:
        self._last: deque[Micros] = deque(maxlen=self.KEEP)

    def add(self, duration: Micros) -> None:
        self._last.append(max(0, duration))

    @property
    def average(self) -> Micros:
        return sum(self._last) // max(1, len(self._last))


class Acd:
    """Owns the router. Everything runs in the event loop; a decision is made in the same turn as the event that led to it."""

    def __init__(
        self, router: Router, queues: dict[QueueName, Queue], fallback: str, switch: Switch, bus: Bus, clock: Clock
    ) -> None:
        """`queues` is this service's from now on; others who hold it see every change at once and change nothing."""
        self._queues = queues
        self._removed: dict[QueueName, Queue] = {}
        self._fallback = QueueName(fallback)
        self._router = router
        self._switch = switch
        self._clock = clock
        self._places: dict[VisitId, Place] = {}
        self._wakers: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._soon = False
        self._talks: dict[VisitId, tuple[QueueName, Micros]] = {}
        self._handling: dict[QueueName, Recent] = {}
        self._expected: set[VisitId] = set()
        self._expected_until: Micros = 0
        self._undo = bus.subscribe(self.on_fact)

    # -- queues ----------------------------------------------------------------------------------------------

    @property
    def queues(self) -> Mapping[QueueName, Queue]:
        return self._queues

    def queue(self, name: QueueName) -> Queue:
        """The settings that hold for callers of that queue, also for the last ones of a queue that was removed."""
        return self._queues.get(name) or self._removed.get(name) or self._queues[self._fallback]

    def replace_queue(self, queue: Queue) -> None:
        """Add a queue or change its settings. Who waits there goes on by the new ones; a ringing phone rings on."""
        self._queues[queue.name] = queue
        self._removed.pop(queue.name, None)
        self._router.replace_queue(queue, self._clock.now())
        self.poke()

    def remove_queue(self, name: QueueName) -> None:
        """Who waits there overflows to the fallback queue. Raises NotFound, and Conflict for the fallback queue itself."""
        if name == self._fallback:
            raise Conflict(f"{name} is the fallback queue (setting calls.fallback_queue); callers need it")
        if name not in self._queues:
            raise NotFound(f"there is no queue {name}")
        self._removed[name] = self._queues.pop(name)
        self._router.remove_queue(name, self._fallback)
        self.poke()

    # -- callers ---------------------------------------------------------------------------------------------

    def known(self, name: str) -> QueueName:
        """The queue of that name, else the fallback queue: nobody is lost to a renamed queue."""
        return QueueName(name if name in self.queues else self._fallback)

    def refusal(self, queue: QueueName) -> str | None:
        """Why a caller cannot join now: `unknown_queue`, `full`, `no_agents`; None = welcome."""
        if queue not in self.queues:
            return "unknown_queue"
        return self._router.admission(queue, self._clock.now())

    def join(self, live: LiveCall, visit: Visit, on_decision: OnDecision | None = None) -> Place:
        place = Place(live, visit, on_decision)
        self._places[visit.visit_id] = place
        self._enter(place)
        return place

    def expect(self, visits: Iterable[VisitId]) -> None:
        """These callers are on their way back after our restart. Nobody is served before all are in their places or
        RETURN_SECONDS have passed: else whoever is back first would overtake those who came before him."""
        self._expected = set(visits)
        self._expected_until = self._clock.now() + micros(RETURN_SECONDS)
        self.poke()

    def leave(self, place: Place) -> None:
        """The caller is gone or served elsewhere; an offer not taken is withdrawn. Safe to call twice."""
        if self._places.pop(place.visit.visit_id, None) is None:
            return
        self._router.leave(place.visit.visit_id)
        place.take()
        self.poke()

    def on_fact(self, recorded: Recorded) -> None:
        """What happened to visits and offers, whoever saw it: the router hears it from the timeline only."""
        if isinstance(recorded.fact, VisitEnded):
            self._back(recorded.fact.visit_id)
        match recorded.fact:
            case OfferEnded(visit_id=visit_id, agent_id=agent_id, result=result):
                self._router.offer_ended(visit_id, agent_id, result, self._clock.now())
                self.poke()
            case VisitEnded(visit_id=visit_id) if visit_id in self._places:
                self.leave(self._places[visit_id])
            case TalkStarted() | TalkEnded() as fact:
                self._handling_time(fact)

    def _handling_time(self, fact: TalkStarted | TalkEnded) -> None:
        """Keep the present service rate: the mean handling time of each queue's last talks, wrap-up included."""
        if isinstance(fact, TalkStarted):
            visit = fact.visit_id
            place = self._places.get(visit)
            if place is not None:
                self._talks[visit] = (place.visit.queue, fact.at)
            return
        queue, since = self._talks.pop(fact.visit_id, (None, 0))
        if queue is not None:
            wrap_up = micros(self.queue(queue).wrap_up_seconds)
            self._handling.setdefault(queue, Recent()).add(fact.at - since + wrap_up)

    def assign(self, visit_id: VisitId, agent_id: AgentId, by: str) -> None:
        """Give a waiting caller to a free agent out of turn. Raises NotFound and Conflict, and then nothing has changed."""
        place = self._place(visit_id)
        offer = self._router.assign(visit_id, agent_id, self._clock.now())
        place.live.note(VisitAssigned, visit_id=visit_id, agent_id=agent_id, by=by)
        self._carry(offer)

    def give(self, place: Place, agent_id: AgentId) -> None:
        """To this free agent, out of turn, because it is his own. Raises Conflict, and then nothing has changed."""
        self._carry(self._router.assign(place.visit.visit_id, agent_id, self._clock.now()))

    def send(self, visit_id: VisitId, queue: QueueName, by: str) -> None:
        """A waiting caller goes on in another queue, with his time and priority. Raises NotFound and Conflict, and then nothing
        has changed."""
        place = self._place(visit_id)
        if queue not in self._queues:
            raise NotFound(f"there is no queue {queue}")
        if queue == place.visit.queue:
            raise Conflict("he waits in that queue already", reason="same_queue")
        self._router.withdraw(visit_id)
        place.live.note(VisitMoved, visit_id=visit_id, queue=queue, by=by)
        self._carry(Overflow(visit_id, queue))

    def promote(self, visit_id: VisitId, by: str) -> None:
        """A waiting caller is next. Raises NotFound and Conflict, and then nothing has changed."""
        place = self._place(visit_id)
        place.visit.priority = self._router.promote(visit_id)
        place.live.note(VisitPromoted, visit_id=visit_id, priority=place.visit.priority, by=by)
        self.poke()

    def _place(self, visit_id: VisitId) -> Place:
        place = self._places.get(visit_id)
        if place is None:
            raise NotFound("this caller is not waiting any more")
        return place

    def position(self, place: Place) -> int:
        """1 = next."""
        return self._router.position(place.visit.visit_id)

    def estimate(self, place: Place) -> Micros | None:
        """Expected further wait, None when the present service rate gives none."""
        handle = self._handling.get(place.visit.queue)
        return self._router.estimate(place.visit.visit_id, self._clock.now(), handle.average) if handle else None

    @property
    def can_wake(self) -> bool:
        return self._switch.linked

    # -- agents ----------------------------------------------------------------------------------------------

    def seat(self, seat: Seat) -> None:
        self._router.seat(seat)
        self.poke()

    def unseat(self, agent_id: AgentId) -> None:
        self._router.unseat(agent_id)
        self.poke()

    # -- deciding --------------------------------------------------------------------------------------------

    def poke(self) -> None:
        """Decide in this turn of the loop, once for all events of the turn."""
        if not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._decide)

    def close(self) -> None:
        self._undo()
        if self._timer:
            self._timer.cancel()
        for task in self._wakers:
            task.cancel()

    def _back(self, visit_id: VisitId) -> None:
        self._expected.discard(visit_id)
        self.poke()

    def _enter(self, place: Place) -> None:
        visit = place.visit
        self._back(visit.visit_id)
        if visit.queue not in self._queues:  # removed while he was on his way
            self._carry(Overflow(visit.visit_id, self._fallback))
            return
        self._router.join(
            Waiting(
                visit_id=visit.visit_id,
                call_id=place.live.call_id,
                queue=visit.queue,
                priority=visit.priority,
                entered_at=visit.entered_at,
                skills=skills_key(visit.skills),
                preferred=visit.preferred,
                joined_at=self._clock.now(),
            ),
            self._clock.now(),
        )
        self.poke()

    def _decide(self) -> None:
        self._soon = False
        now = self._clock.now()
        if self._expected and now < self._expected_until:
            self._call_at(self._expected_until, now)
            return
        for decision in self._router.decide(now):
            self._carry(decision)
        self._arm(now)

    def _carry(self, decision: Decision) -> None:
        place = self._places.get(decision.visit_id)
        if place is None:
            return
        if place.on_decision is not None:
            place.on_decision(place, decision)
            return
        if isinstance(decision, Offer):
            place.live.offered(decision.agent_id, self.queue(place.visit.queue).ring_seconds)
        place.hand(decision)
        task = asyncio.create_task(self._wake(place, place.live.channel))
        self._wakers.add(task)
        task.add_done_callback(self._wakers.discard)

    async def _wake(self, place: Place, channel: ChannelRef) -> None:
        while not place.live.over:
            try:
                await self._switch.wake(channel)
            except CtiError as error:
                log.debug("wake_failed", error=str(error))
            if await place.wait_taken(WAKE_AGAIN):
                return

    def _arm(self, now: Micros) -> None:
        self._call_at(self._router.deadline(), now)

    def _call_at(self, deadline: Micros | None, now: Micros) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None
        if deadline is not None:
            delay = max(0.0, (deadline - now) / SECOND)
            self._timer = asyncio.get_running_loop().call_later(delay, self.poke)
