"""One call in progress and the one place that records its facts.

The caller's line (AGI) and the switch's events (AMI) both see a talk begin and end, in either order, and either may be
away. Every method here is therefore idempotent: the first to report wins, the second changes nothing.

    menu ──start_visit──► waiting ──offer──► offered ──talk_started──► talking ──talk_ended──► menu ──end──► ended
                             ▲                  │
                             └──── offer_ended ─┘
    placed ──dialling──► talk_started … as above, or not_reached: the agent called out, and his line is the session's

Owner of a call is its session while a line is attached; without one (after our restart) it is the switch watch.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cti_server.bus import Bus
from cti_server.clock import Clock, new_id
from cti_server.domain.calls import CallRecord
from cti_server.domain.calls import apply as fold
from cti_server.domain.facts import (
    AgentOffered,
    CallArrived,
    CallEnded,
    CallFact,
    CallNotReached,
    CallPlaced,
    ChannelJoined,
    Fact,
    HoldEnded,
    HoldStarted,
    NotReached,
    OfferEnded,
    OfferResult,
    OfferRinging,
    Outcome,
    PartyRinging,
    Recorded,
    Side,
    TalkEnded,
    TalkStarted,
    VisitEnded,
    VisitStarted,
)
from cti_server.domain.ids import SECOND, AgentId, CallId, ChannelRef, Micros, OfferId, QueueName, VisitId

KEPT_ENDED = 500
"""Records of ended calls kept in memory for the wrap-ups that follow."""


@dataclass(slots=True)
class Visit:
    """A stay in one queue and the talk it leads to."""

    visit_id: VisitId
    queue: QueueName
    priority: int
    entered_at: Micros
    skills: tuple[tuple[str, int], ...] = ()
    preferred: AgentId | None = None
    offer: tuple[OfferId, AgentId] | None = None
    rang: bool = False
    dialling: AgentId | None = None
    """He calls out, and nobody has answered yet."""
    connected: bool = False
    """His own phone is on the line."""
    talking: AgentId | None = None
    held: bool = False
    closed: bool = False


@dataclass(slots=True)
class LiveCall:
    """A call in progress. `record` is the fold of its facts so far; `visit` the present or last stay in a queue."""

    bus: Bus
    clock: Clock
    call_id: CallId
    channel: ChannelRef
    caller: str = ""
    did: str = ""
    direction: str = "inbound"
    language: str = "zh"
    customer: Mapping[str, Any] = field(default_factory=dict)
    record: CallRecord | None = None
    visit: Visit | None = None
    agent_channel: ChannelRef | None = None
    owner: object | None = None
    """The session whose line the caller is on; None = nobody's since we restarted, or in the fallback queue."""
    leaving: bool = False
    """The switch is moving the caller elsewhere (blind transfer): the end of this line is not the end of the call."""
    in_fallback: bool = False
    cut: bool = False
    """The talk ends because the agent's page goes away, not because anybody hung up."""
    serves: CallId | None = None
    """A consultation that carries on for this call after an attended transfer into a queue."""
    over: bool = False
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    """The caller's channel has ended; `hung_up_at` and `hangup_cause` (Q.850) say how, None = nobody saw it."""
    hung_up_at: Micros | None = None
    hangup_cause: int = 0
    aliases: list[tuple[str, str]] = field(default_factory=list)
    """Keys of every channel this caller has sat on."""

    def note(self, fact: type[Fact], at: Micros | None = None, **fields: Any) -> None:
        """Record a fact of this call, now unless the switch said when."""
        if not self.over:
            self.bus.record(fact(**{"at": at or self.clock.now(), "call_id": self.call_id, **fields}))

    def arrived(self) -> None:
        self.note(
            CallArrived,
            node=self.channel.node,
            channel=self.channel.name,
            uniqueid=self.channel.uniqueid,
            caller=self.caller,
            did=self.did,
            direction=self.direction,
        )

    # -- the visit -------------------------------------------------------------------------------------------

    def start_visit(self, visit: Visit) -> Visit:
        self.visit = visit
        self.note(
            VisitStarted,
            visit_id=visit.visit_id,
            queue=visit.queue,
            priority=visit.priority,
            entered_at=visit.entered_at,
            skills=visit.skills,
            preferred=visit.preferred,
        )
        return visit

    def offered(self, agent_id: AgentId, ring_seconds: float = 0) -> None:
        """`ring_seconds` 0 = not said."""
        visit = self.visit
        if visit is None or visit.closed or visit.offer is not None:
            return
        visit.offer, visit.rang = (OfferId(new_id(self.clock)), agent_id), False
        until = self.clock.now() + round(ring_seconds * SECOND) if ring_seconds else 0
        self.note(AgentOffered, visit_id=visit.visit_id, offer_id=visit.offer[0], agent_id=agent_id, until=until)

    def rang(self, agent_id: AgentId, at: Micros | None = None) -> None:
        visit = self.visit
        if visit is None or visit.offer is None or visit.rang or visit.offer[1] != agent_id:
            return
        visit.rang = True
        self.note(OfferRinging, at, visit_id=visit.visit_id, offer_id=visit.offer[0], agent_id=agent_id)

    def offer_ended(self, result: OfferResult, at: Micros | None = None) -> None:
        visit = self.visit
        if visit is None or visit.offer is None:
            return
        (offer_id, agent_id), visit.offer = visit.offer, None
        self.note(OfferEnded, at, visit_id=visit.visit_id, offer_id=offer_id, agent_id=agent_id, result=result)

    def visit_ended(self, outcome: Outcome, at: Micros | None = None) -> None:
        visit = self.visit
        if visit is None or visit.closed:
            return
        visit.closed = True
        self.note(VisitEnded, at, visit_id=visit.visit_id, outcome=outcome)

    # -- a call an agent places --------------------------------------------------------------------------------

    def placed(self, agent_id: AgentId, visit: Visit, seconds: float) -> None:
        """`seconds` until it must have been answered."""
        self.visit, visit.dialling = visit, agent_id
        until = self.clock.now() + round(seconds * SECOND)
        self.note(CallPlaced, visit_id=visit.visit_id, agent_id=agent_id, number=self.caller, until=until)

    def joined_by(self, channel: ChannelRef, side: Literal["agent", "party"]) -> None:
        self.note(ChannelJoined, node=channel.node, channel=channel.name, uniqueid=channel.uniqueid, side=side)

    def party_rang(self, at: Micros | None = None) -> None:
        visit = self.visit
        if visit is None or visit.dialling is None or visit.rang:
            return
        visit.rang = True
        self.note(PartyRinging, at, visit_id=visit.visit_id, agent_id=visit.dialling)

    def not_reached(self, result: NotReached, at: Micros | None = None) -> None:
        visit = self.visit
        if visit is None or visit.dialling is None:
            return
        agent_id, visit.dialling, visit.closed, self.agent_channel = visit.dialling, None, True, None
        self.note(CallNotReached, at, visit_id=visit.visit_id, agent_id=agent_id, result=result, rang=visit.rang)

    # -- the talk --------------------------------------------------------------------------------------------

    def talk_started(self, agent_id: AgentId, at: Micros | None = None, channel: str = "") -> None:
        """The agent answered: the offer and the visit end here, the talk begins."""
        visit = self.visit
        if visit is None or visit.talking is not None:
            return
        self.offer_ended("answered", at)
        visit.talking, visit.held, visit.dialling, self.cut = agent_id, False, None, False
        self.note(TalkStarted, at, visit_id=visit.visit_id, agent_id=agent_id, channel=channel)
        self.visit_ended("answered", at)

    def held(self, on: bool, at: Micros | None = None) -> None:
        visit = self.visit
        if visit is None or visit.talking is None or visit.held == on:
            return
        visit.held = on
        self.note(HoldStarted if on else HoldEnded, at, visit_id=visit.visit_id, agent_id=visit.talking)

    def talk_ended(self, side: Side, at: Micros | None = None) -> None:
        visit = self.visit
        if visit is None or visit.talking is None:
            return
        self.held(False, at)
        agent_id, visit.talking = visit.talking, None
        self.agent_channel = None
        self.note(TalkEnded, at, visit_id=visit.visit_id, agent_id=agent_id, side=side)

    # -- the end ---------------------------------------------------------------------------------------------

    def end(self, side: Side, *, cause: int = 0, at: Micros | None = None) -> None:
        """Close everything still open, in order, then the call."""
        if self.over:
            return
        unseen = side == "unknown"
        if self.dialled_by is not None and self.visit is not None:
            self.not_reached("unknown" if unseen else "cancelled" if self.visit.connected else "no_phone", at)
        self.offer_ended("caller_gone", at)
        self.talk_ended(side, at)
        self.visit_ended("unknown" if unseen or self.in_fallback else "abandoned", at)
        self.note(CallEnded, at, side=side, cause=cause, in_fallback=self.in_fallback)
        self.over = True

    @property
    def attached(self) -> bool:
        return self.owner is not None

    @property
    def on_agents_line(self) -> bool:
        """The agent called out: the session's line is his own, and whom he called hangs on it."""
        return self.agent_channel is not None and self.agent_channel.key in self.aliases

    @property
    def talking_with(self) -> AgentId | None:
        return self.visit.talking if self.visit else None

    @property
    def waiting(self) -> bool:
        return self.visit is not None and not self.visit.closed and self.visit.dialling is None

    @property
    def dialled_by(self) -> AgentId | None:
        """The agent who calls out while nobody has answered."""
        return self.visit.dialling if self.visit else None


class LiveCalls:
    """All calls in progress, by call id and by channel. Folds every fact of a live call into its record."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock
        self._calls: dict[CallId, LiveCall] = {}
        self._channels: dict[tuple[str, str], CallId] = {}
        self._ended: OrderedDict[CallId, CallRecord] = OrderedDict()
        bus.subscribe(self._fold)

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[LiveCall]:
        return iter(tuple(self._calls.values()))

    def get(self, call_id: CallId | None) -> LiveCall | None:
        return self._calls.get(call_id) if call_id is not None else None

    def record(self, call_id: CallId) -> CallRecord | None:
        """Of a call in progress or lately over: what agents do in wrap-up shows at once. None = ask the archive."""
        live = self.get(call_id)
        return live.record if live else self._ended.get(call_id)

    def on_channel(self, channel: ChannelRef) -> LiveCall | None:
        return self.get(self._channels.get(channel.key))

    def on_channel_named(self, name: str) -> LiveCall | None:
        return next((live for live in self._calls.values() if live.channel.name == name), None)

    def open(self, call_id: CallId, channel: ChannelRef, **fields: Any) -> LiveCall:
        return self.add(LiveCall(self._bus, self._clock, call_id, channel, **fields))

    def add(self, live: LiveCall) -> LiveCall:
        self._calls[live.call_id] = live
        self.move(live, live.channel)
        return live

    def move(self, live: LiveCall, channel: ChannelRef) -> None:
        """The caller now sits on another channel (aliases are kept until the call ends)."""
        live.channel = channel
        live.aliases.append(channel.key)
        self._channels[channel.key] = live.call_id

    def release(self, live: LiveCall) -> None:
        """Another server has it: nothing more of it is ours to record."""
        live.over = True
        self._forget(live.call_id)
        self._ended.pop(live.call_id, None)

    def of_agent(self, agent_id: AgentId) -> LiveCall | None:
        """The call an agent talks on, is offered, or dials."""
        for live in self._calls.values():
            visit = live.visit
            if visit and (agent_id in (visit.talking, visit.dialling) or (visit.offer and visit.offer[1] == agent_id)):
                return live
        return None

    def _fold(self, recorded: Recorded) -> None:
        fact = recorded.fact
        live = self.get(fact.call_id) if isinstance(fact, CallFact) else None
        if isinstance(fact, CallFact) and fact.call_id in self._ended:
            self._ended[fact.call_id] = fold(self._ended[fact.call_id], fact)
        if live is None or not isinstance(fact, CallFact):
            return
        live.record = fold(live.record, fact)
        if isinstance(fact, OfferEnded) and live.visit and live.visit.offer and live.visit.offer[0] == fact.offer_id:
            live.visit.offer = None  # withdrawn at its deadline, by the floor
        if isinstance(fact, CallNotReached) and live.visit and live.visit.visit_id == fact.visit_id:
            live.visit.dialling, live.visit.closed = None, True  # at its deadline, by the floor
        if isinstance(fact, CallEnded):
            self._forget(fact.call_id)

    def _forget(self, call_id: CallId) -> None:
        live = self._calls.pop(call_id)
        if live.record is not None:
            self._ended[call_id] = live.record
        if len(self._ended) > KEPT_ENDED:
            self._ended.popitem(last=False)
        for key in live.aliases:
            self._channels.pop(key, None)
