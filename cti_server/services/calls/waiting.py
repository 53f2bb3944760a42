"""Waiting for an agent and talking to one: from joining a queue to the end of that stay.

    join ─► music, announcements, keys ─► offer ─► ring ─► talk ─► the flow goes on
                │   ▲                       │
                │   └──── not answered ◄────┘
                ├─► overflow to another queue (the place in time is kept)
                ├─► callback asked for (the place is kept without the caller)
                └─► timed out, refused

Every sleep on the line is at most LONGEST_SLEEP, so a lost wake-up never leaves anybody stuck.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from cti_server.clock import new_id
from cti_server.domain.facts import OfferResult, TicketCreated
from cti_server.domain.flows.effects import Ask, QueueResult
from cti_server.domain.ids import MINUTE, SECOND, AgentId, Micros, VisitId
from cti_server.domain.orders import CallbackRequest
from cti_server.domain.phrases import phrase
from cti_server.domain.queues import Queue, micros
from cti_server.domain.routing import CallbackDue, Decision, Offer, Overflow, TimedOut
from cti_server.errors import CtiError, Forbidden, InvalidValue, LineGone, SpeechUnavailable
from cti_server.ports import ANSWERED_AT, DialResult
from cti_server.services.acd import POLL, Place
from cti_server.services.calls.caller import Caller
from cti_server.services.calls.kept import LOOK_AGAIN, LOOK_FIRST, Back, Kept
from cti_server.services.calls.live import Visit
from cti_server.services.calls.ticket import Ticket

LONGEST_SLEEP = 15.0
DECIDE_SECONDS = 5.0
"""How long a caller may think about the callback offer while the music plays on."""
OFFER_RESULT: dict[str, OfferResult] = {
    "BUSY": "rejected",
    "NOANSWER": "no_answer",
    "CHANUNAVAIL": "unreachable",
    "CONGESTION": "unreachable",
    "CANCEL": "caller_gone",
}
YES = "1"
REPEAT = "*"
OTHER_NUMBER = "2"
NUMBER_TRIES = 2
"""How often a caller may enter a number that cannot be taken; then he waits on."""
NUMBER_REFUSED = {InvalidValue: "invalid_key", Forbidden: "number_refused"}


@dataclass(frozen=True, slots=True)
class CallbackWanted:
    """The caller pressed the key that was offered to him."""


class Moved(LineGone):
    """The switch takes the caller elsewhere (blind transfer): this session is over, the call is not."""


@dataclass(slots=True)
class Announcer:
    """When the waiting caller hears his position and expected wait."""

    queue: Queue
    next_at: Micros

    @staticmethod
    def starting(queue: Queue, now: Micros) -> Announcer:
        return Announcer(queue, now + micros(queue.announce_first_seconds))

    def sleep(self, now: Micros) -> float:
        """Seconds until there is something to say, at most LONGEST_SLEEP."""
        return max(0.0, min(self.next_at - now, micros(LONGEST_SLEEP)) / SECOND)

    def due(self, now: Micros) -> bool:
        if now < self.next_at:
            return False
        self.next_at = now + micros(self.queue.announce_every_seconds)
        return True


class Stay:
    """One caller's stay with the ACD. `through()` returns when the flow may go on; LineGone when the caller hung up."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._parts = caller.parts
        self._line = caller.line
        self._live = caller.live
        self._callback_offered = False
        self._kept: Kept | None = None

    async def through(self, visit: Visit) -> QueueResult:
        """Join, wait, ring, talk. `visit` is already on the timeline (a resumed one keeps its place)."""
        while True:
            place = self._parts.acd.join(self._live, visit)
            try:
                ended = await self._wait(place)
            finally:
                self._parts.acd.leave(place)
            if isinstance(ended, Overflow):
                visit = self._overflow(visit, ended)
                continue
            result = await self._ring_first(visit, ended.agent_id) if isinstance(ended, Back) else ended
            if result is not None:
                return await self._after(visit, result)

    async def direct(self, visit: Visit, agent_id: AgentId) -> QueueResult:
        """Ring this agent first (a transfer names him); when he does not answer, wait in his favour."""
        if self._parts.floor.available(agent_id):
            result = await self._ring_first(visit, agent_id)
            if result is not None:
                return await self._after(visit, result)
        return await self.through(visit)

    async def connect(self, visit: Visit) -> QueueResult:
        """A callback: the agent is reserved already (the visit's offer); without him, wait on with the kept place."""
        result = await self._ring(visit, visit.offer[1]) if visit.offer else None
        return await self._after(visit, result) if result else await self.through(visit)

    async def begin(self, visit: Visit) -> QueueResult:
        """A new stay. A queue that cannot take him ends the visit as refused."""
        live, reason = self._live, self._parts.acd.refusal(visit.queue)
        live.start_visit(visit)
        if reason is not None:
            live.visit_ended("refused")
            return QueueResult("refused", reason=reason)
        return await self.through(visit)

    async def take_up(self, ticket: Ticket) -> QueueResult:
        """A caller who was waiting or talking when we went away: the talk is over, or he waits on in his old place."""
        visit = self._live.visit
        if visit is not None and visit.talking is not None:
            agent_id = visit.talking
            self._live.talk_ended("agent")
            return QueueResult("answered", agent_id)
        if visit is None or visit.closed:
            return QueueResult("answered", ticket.dialled)
        return await self._unseen_talk(ticket.dialled) or await self.through(visit)

    async def _unseen_talk(self, agent_id: AgentId | None) -> QueueResult | None:
        """How the ringing that went on without us ended, as the channel remembers it: with a talk we saw nothing of, or not.
        When that was answered the switch has kept; who ended it, and when, nobody knows."""
        status = await self._line.get_variable("DIALSTATUS")
        if agent_id is None or status != "ANSWER":
            self._live.offer_ended(OFFER_RESULT.get(status, "withdrawn"))
            return None
        millis = await self._line.get_variable(ANSWERED_AT)
        self._live.talk_started(agent_id, int(millis) * 1000 if millis.isdecimal() else None)
        self._live.talk_ended("unknown")
        return QueueResult("answered", agent_id)

    # -- waiting ---------------------------------------------------------------------------------------------

    async def _wait(self, place: Place) -> QueueResult | Overflow | Back:
        visit = place.visit
        queue = self._parts.acd.queue(visit.queue)
        await self._caller.carry("waiting", visit)
        announcer = Announcer.starting(queue, self._parts.clock.now())
        while True:
            decision = await self._next_decision(place, queue, announcer)
            if isinstance(decision, Overflow | Back):
                return decision
            result = await self._carry_out(place, decision)
            if result is not None:
                return result

    async def _carry_out(
        self, place: Place, decision: Offer | TimedOut | CallbackDue | CallbackWanted
    ) -> QueueResult | None:
        match decision:
            case Offer(agent_id=agent_id):
                return await self._ring(place.visit, agent_id)
            case TimedOut():
                self._live.visit_ended("timed_out")
                return QueueResult("timed_out")
            case CallbackDue():
                self._callback_offered = True
                return await self._take_callback(place) if await self._offer_callback(place) else None
            case CallbackWanted():
                return await self._take_callback(place)

    async def _next_decision(
        self, place: Place, queue: Queue, announcer: Announcer
    ) -> Decision | CallbackWanted | Back:
        """What the ACD decides, or what the caller asks for by a key: * = where am I, 1 = call me back once offered."""
        await self._line.music(True, queue.music_class)
        while (decision := place.take()) is None:
            if (back := self._back()) is not None:
                return back
            now = self._parts.clock.now()
            if announcer.due(now):
                key = await self._over_music(queue, self._where_you_are(place, queue))
            else:
                key = await self._sleep(announcer.sleep(now))
            if key == REPEAT:
                announcer.next_at = now
            elif key == YES and self._callback_offered:
                return CallbackWanted()
        return decision

    async def _sleep(self, seconds: float) -> str:
        limit = seconds if self._parts.acd.can_wake else min(seconds, POLL)
        limit = limit if self._kept is None else min(limit, LOOK_AGAIN)
        return await self._line.wait_key(max(limit, 0.05))

    async def _over_music(self, queue: Queue, words: tuple[str, ...]) -> str:
        """Speak to a waiting caller; words that cannot be spoken are left out, the music goes on."""
        try:
            sounds = await self._caller.voice.sounds(words)
        except SpeechUnavailable:
            return ""
        await self._line.music(False)
        key = await self._line.play(sounds)
        await self._line.music(True, queue.music_class)
        return key

    def _where_you_are(self, place: Place, queue: Queue) -> tuple[str, ...]:
        words: tuple[str, ...] = ()
        language = self._caller.voice.language
        if queue.announce_position:
            position = self._parts.acd.position(place)
            words += (
                phrase("queue_next", language)
                if position <= 1
                else phrase("queue_position", language, position=position)
            )
        estimate = self._parts.acd.estimate(place) if queue.announce_estimate else None
        if estimate is not None:
            words += phrase("queue_estimate", language, minutes=max(1, round(estimate / MINUTE)))
        return words + phrase("queue_thanks", language)

    def _overflow(self, visit: Visit, overflow: Overflow) -> Visit:
        self._live.visit_ended("overflowed")
        return self._live.start_visit(
            Visit(
                VisitId(new_id(self._parts.clock)),
                self._parts.acd.known(overflow.to),
                visit.priority,
                visit.entered_at,
                visit.skills,
                visit.preferred,
            )
        )

    # -- ringing and talking -----------------------------------------------------------------------------------

    async def _ring(self, visit: Visit, agent_id: AgentId) -> QueueResult | None:
        """Ring one agent and stay while they talk. None: not answered, the caller keeps his place."""
        queue = self._parts.acd.queue(visit.queue)
        await self._caller.carry("waiting", visit, agent_id)
        await self._line.music(False)
        try:
            result = await self._line.dial(
                self._parts.floor.dial_string(agent_id), timeout=queue.ring_seconds, music_class=queue.music_class
            )
        except LineGone as gone:
            self._gone_unseen(agent_id, gone)
            raise
        if result.transferred:
            raise Moved("the switch moved the caller")
        if result.status == "ANSWER":
            return self._talk_over(visit, agent_id, result)
        self._live.offer_ended(OFFER_RESULT.get(result.status, "unreachable"))
        return None

    def _gone_unseen(self, agent_id: AgentId, gone: LineGone) -> None:
        """The caller hung up while the switch's events are away: the line alone knows of his talk."""
        answered_at = gone.details.get("answered_at")
        if self._parts.acd.can_wake or not isinstance(answered_at, int):
            return
        if answered_at:
            self._live.talk_started(agent_id, answered_at)
            self._live.talk_ended("caller")
        else:
            self._live.offer_ended("caller_gone")

    def _talk_over(self, visit: Visit, agent_id: AgentId, result: DialResult) -> QueueResult:
        if not visit.closed:  # else the switch has told of it already, and of whoever took it over
            self._live.talk_started(agent_id, result.answered_at or None)
        last = self._live.talking_with or agent_id
        self._live.talk_ended("agent")
        return QueueResult("answered", last)

    async def _after(self, visit: Visit, ended: QueueResult) -> QueueResult:
        """A talk cut by the agent's page is not over for the caller (services/calls/kept.py)."""
        agent_id = AgentId(ended.agent_id or "")
        if not self._live.cut or not agent_id:
            return ended
        again = Visit(
            VisitId(new_id(self._parts.clock)),
            visit.queue,
            visit.priority,
            visit.entered_at,
            visit.skills,
            agent_id,
        )
        return await self.keep(again, agent_id)

    async def keep(self, again: Visit, agent_id: AgentId) -> QueueResult:
        """For the agent whose page is gone, then for whoever is free."""
        live = self._live
        live.cut = False
        live.talk_ended("agent")
        live.start_visit(again)
        self._kept = kept = Kept.now(agent_id, self._parts.settings, self._parts.clock.now())
        result = await self._ring_first(again, agent_id) if await self._alone(again, kept) else None
        again.preferred = None
        return await self._after(again, result) if result else await self.through(again)

    async def _alone(self, visit: Visit, kept: Kept) -> bool:
        """Music until his agent is back; False when he is not in time."""
        await self._caller.carry("waiting", visit)
        await self._line.music(True, self._parts.acd.queue(visit.queue).music_class)
        await self._line.wait_key(LOOK_FIRST)
        while self._parts.clock.now() < kept.alone_until:
            if self._back() is not None:
                return True
            await self._line.wait_key(LOOK_AGAIN)
        return False

    def _back(self) -> Back | None:
        return self._kept.back(self._parts.floor, self._parts.clock.now()) if self._kept else None

    async def _ring_first(self, visit: Visit, agent_id: AgentId) -> QueueResult | None:
        """Without the ACD's choice. None: not answered."""
        self._kept = None
        self._live.offered(agent_id, self._parts.acd.queue(visit.queue).ring_seconds)
        return await self._ring(visit, agent_id)

    # -- callback ----------------------------------------------------------------------------------------------

    async def _offer_callback(self, place: Place) -> bool:
        """Offer to ring back; True when he takes it. A decision that arrives meanwhile goes first."""
        queue = self._parts.acd.queue(place.visit.queue)
        key = await self._over_music(queue, phrase("callback_offer", self._caller.voice.language))
        key = key or await self._line.wait_key(DECIDE_SECONDS)
        return key == YES

    async def _take_callback(self, place: Place) -> QueueResult | None:
        """Agree on a number and book it; None: he waits on."""
        number = await self._number_to_call()
        if number and await self._book_callback(place.visit, number):
            return QueueResult("callback")
        await self._line.music(True, self._parts.acd.queue(place.visit.queue).music_class)
        return None

    async def _number_to_call(self) -> str:
        """The caller's own number if he agrees, else one he enters; '' = none, he waits on. Numbers that may not be called
        (`calls.outgoing_allowed`) are neither offered nor taken: a caller's number is what he says it is."""
        await self._line.music(False)
        for _ in range(NUMBER_TRIES):
            own = await self._own_number()
            if own is not None:
                return own
            entered = await self._entered_number()
            if entered is not None:
                return entered
        await self._caller.voice.say_phrase("callback_failed")
        return ""

    async def _own_number(self) -> str | None:
        """None: he wants another one, or his cannot be called."""
        voice = self._caller.voice
        try:
            own = self._parts.targets.outside.subscriber(self._live.caller)
        except (InvalidValue, Forbidden):
            return None
        words = phrase("callback_number_confirm", voice.language, number=self._live.caller)
        answer = await voice.ask(Ask(words, first_seconds=DECIDE_SECONDS))
        return own if answer.keys == YES else None if answer.keys == OTHER_NUMBER else ""

    async def _entered_number(self) -> str | None:
        """None: he has been told that it cannot be taken."""
        voice = self._caller.voice
        words = phrase("callback_enter_number", voice.language)
        answer = await voice.ask(Ask(words, most=16, stop_keys="#*", first_seconds=8, gap_seconds=4))
        if not answer.keys:
            return ""
        try:
            return self._parts.targets.outside.subscriber(answer.keys)
        except (InvalidValue, Forbidden) as error:
            await voice.say_phrase(NUMBER_REFUSED[type(error)])
            return None

    async def _book_callback(self, visit: Visit, number: str) -> bool:
        live, voice = self._live, self._caller.voice
        request = CallbackRequest(
            number, visit.queue, visit.priority, visit.entered_at, visit.skills, voice.language, live.customer
        )
        try:
            created = await voice.meanwhile(self._parts.tickets.create("callback", live.call_id, asdict(request)))
        except CtiError:
            await voice.say_phrase("apology_to_person")
            return False
        live.note(TicketCreated, ticket="callback", ticket_id=created.ticket_id, number=created.number)
        live.visit_ended("callback")
        self._parts.callbacks.wanted(created.ticket_id, request)
        await voice.say_phrase("callback_confirmed")
        return True
