"""One stay of one call in one queue, folded from its facts: who was offered, how long the caller waited, who talked.

A visit ends in exactly one outcome: the first that is recorded stays. Talks of one visit never overlap: a second agent's
talk ends the first one. What was not seen is None, never zero: a report can then say how many it leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId, Micros, OfferId, QueueName, VisitId

NO_QUEUE = QueueName("")
"""The queue of a call an agent placed, and of a visit whose beginning was not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRecord:
    """One attempt to ring one agent."""

    offer_id: OfferId
    agent_id: AgentId
    offered_at: Micros
    ringing_at: Micros | None = None
    ended_at: Micros | None = None
    result: f.OfferResult | None = None

    @property
    def ring(self) -> Micros:
        """How long the agent's phone rang; 0 while it has not rung or the end is not known."""
        if self.ringing_at is None or self.ended_at is None:
            return 0
        return max(0, self.ended_at - self.ringing_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRecord:
    started: Micros
    ended: Micros | None = None

    @property
    def micros(self) -> Micros:
        return 0 if self.ended is None else self.ended - self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkRecord:
    """One agent's conversation; `side` is who ended it. Holds lie within it."""

    agent_id: AgentId
    started: Micros
    ended: Micros | None = None
    side: f.Side | None = None
    channel: str = ""
    holds: tuple[HoldRecord, ...] = ()

    @property
    def hold(self) -> Micros:
        return sum(hold.micros for hold in self.holds)

    @property
    def talk(self) -> Micros:
        """Conversation without hold; 0 while it lasts."""
        return 0 if self.ended is None else self.ended - self.started - self.hold

    def end(self, at: Micros, side: f.Side) -> TalkRecord:
        if self.ended is not None:
            return self
        held = self.hold_end(at)
        return replace(held, ended=held._not_before(at), side=side)

    def hold_start(self, at: Micros) -> TalkRecord:
        if self.ended is not None or (self.holds and self.holds[-1].ended is None):
            return self
        return replace(self, holds=(*self.holds, HoldRecord(started=self._not_before(at))))

    def hold_end(self, at: Micros) -> TalkRecord:
        if not self.holds or self.holds[-1].ended is not None:
            return self
        last = replace(self.holds[-1], ended=max(at, self.holds[-1].started))
        return replace(self, holds=(*self.holds[:-1], last))

    def _not_before(self, at: Micros) -> Micros:
        """Clocks step back; intervals do not."""
        latest = self.holds[-1].ended or self.holds[-1].started if self.holds else self.started
        return max(at, latest)


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRecord:
    """`entered_at` decides the place and may be older than `started`, when a place was kept (callback, restart).

    `started` is None when the beginning fell into a gap.
    """

    visit_id: VisitId
    queue: QueueName = NO_QUEUE
    priority: int = 0
    entered_at: Micros | None = None
    started: Micros | None = None
    skills: tuple[tuple[str, int], ...] = ()
    preferred: AgentId | None = None
    offers: tuple[OfferRecord, ...] = ()
    talks: tuple[TalkRecord, ...] = ()
    ended: Micros | None = None
    outcome: f.Outcome | None = None
    placed_by: AgentId | None = None
    """The agent who called out; None = the caller came to us."""
    party_rang_at: Micros | None = None
    not_reached: f.NotReached | None = None

    @property
    def open(self) -> bool:
        """Still waiting or talking."""
        return self.outcome is None or self.talking

    @property
    def result(self) -> f.Outcome | f.NotReached | None:
        """The outcome, more exactly of a call nobody answered."""
        return self.not_reached or self.outcome

    @property
    def talking(self) -> bool:
        return bool(self.talks) and self.talks[-1].ended is None

    @property
    def answered_at(self) -> Micros | None:
        return self.talks[0].started if self.talks else None

    @property
    def agent_id(self) -> AgentId | None:
        """The agent who talked last."""
        return self.talks[-1].agent_id if self.talks else None

    @property
    def wait(self) -> Micros | None:
        """From joining this queue to the agent's answer, ring included, or to the end without one (metrics.md).

        None while it lasts, of a call an agent placed, and when a gap hides its beginning or its end.
        """
        if self.placed_by is not None:
            return None
        until = self.answered_at
        if until is None and self.outcome not in ("answered", "unknown"):
            until = self.ended
        if until is None or self.started is None:
            return None
        return max(0, until - self.started)

    @property
    def ring(self) -> Micros:
        """Sum over its offers."""
        return sum(offer.ring for offer in self.offers)

    @property
    def talk(self) -> Micros:
        return sum(talk.talk for talk in self.talks)

    @property
    def hold(self) -> Micros:
        return sum(talk.hold for talk in self.talks)

    def close(self, at: Micros, side: f.Side) -> VisitRecord:
        """The call is over: what is still open in this visit ended with it, its outcome `unknown` when nobody answered."""
        visit = _end_talk(self, at, side)
        if visit.outcome is not None:
            return visit
        if visit.placed_by is not None and not visit.talks:
            return replace(visit, ended=at, outcome="not_reached", not_reached="unknown")
        return replace(visit, ended=at, outcome="answered" if visit.talks else "unknown")


def apply_visit(visit: VisitRecord | None, fact: f.VisitFact) -> VisitRecord:
    """The visit after `fact`. A repeated fact changes nothing; a missing one leaves None where its value would be."""
    fold = _FOLDS.get(type(fact))
    known = visit or VisitRecord(visit_id=fact.visit_id)
    return fold(known, fact) if fold else known


def _started(visit: VisitRecord, fact: f.VisitStarted) -> VisitRecord:
    if visit.started is not None:
        return visit
    return replace(
        visit,
        queue=fact.queue,
        priority=fact.priority,
        entered_at=fact.entered_at,
        started=fact.at,
        skills=fact.skills,
        preferred=fact.preferred,
    )


def _placed(visit: VisitRecord, fact: f.CallPlaced) -> VisitRecord:
    started = fact.at if visit.started is None else visit.started
    return replace(visit, placed_by=fact.agent_id, started=started, entered_at=visit.entered_at or started)


def _party_ringing(visit: VisitRecord, fact: f.PartyRinging) -> VisitRecord:
    return visit if visit.party_rang_at is not None else replace(visit, party_rang_at=fact.at)


def _not_reached(visit: VisitRecord, fact: f.CallNotReached) -> VisitRecord:
    if visit.outcome is not None or visit.talks:
        return visit
    placed_by = visit.placed_by or fact.agent_id
    return replace(visit, placed_by=placed_by, ended=fact.at, outcome="not_reached", not_reached=fact.result)


def _offered(visit: VisitRecord, fact: f.AgentOffered | f.OfferRinging | f.OfferEnded) -> VisitRecord:
    if any(offer.offer_id == fact.offer_id for offer in visit.offers):
        return visit
    offer = OfferRecord(offer_id=fact.offer_id, agent_id=fact.agent_id, offered_at=fact.at)
    return replace(visit, offers=(*visit.offers, offer))


def _promoted(visit: VisitRecord, fact: f.VisitPromoted) -> VisitRecord:
    return replace(visit, priority=fact.priority)


def _change_offer(visit: VisitRecord, offer_id: OfferId, **changes: Any) -> VisitRecord:
    """Fill what is still None of one offer; the first value stays."""
    offers = tuple(
        replace(offer, **{name: value for name, value in changes.items() if getattr(offer, name) is None})
        if offer.offer_id == offer_id
        else offer
        for offer in visit.offers
    )
    return replace(visit, offers=offers)


def _ringing(visit: VisitRecord, fact: f.OfferRinging) -> VisitRecord:
    return _change_offer(_offered(visit, fact), fact.offer_id, ringing_at=fact.at)


def _offer_ended(visit: VisitRecord, fact: f.OfferEnded) -> VisitRecord:
    return _change_offer(_offered(visit, fact), fact.offer_id, ended_at=fact.at, result=fact.result)


def _talk_started(visit: VisitRecord, fact: f.TalkStarted) -> VisitRecord:
    if any(talk.agent_id == fact.agent_id and talk.started == fact.at for talk in visit.talks):
        return visit
    if visit.talking and visit.talks[-1].agent_id == fact.agent_id:
        return visit
    visit = _end_talk(visit, fact.at, "unknown")
    started = max([fact.at, *(talk.ended for talk in visit.talks if talk.ended is not None)])
    talk = TalkRecord(agent_id=fact.agent_id, started=started, channel=fact.channel)
    return replace(visit, talks=(*visit.talks, talk))


def _end_talk(visit: VisitRecord, at: Micros, side: f.Side) -> VisitRecord:
    if not visit.talking:
        return visit
    return replace(visit, talks=(*visit.talks[:-1], visit.talks[-1].end(at, side)))


def _talk_ended(visit: VisitRecord, fact: f.TalkEnded) -> VisitRecord:
    return _end_talk(visit, fact.at, fact.side) if visit.agent_id == fact.agent_id else visit


def _hold_started(visit: VisitRecord, fact: f.HoldStarted) -> VisitRecord:
    if visit.agent_id != fact.agent_id:
        return visit
    return replace(visit, talks=(*visit.talks[:-1], visit.talks[-1].hold_start(fact.at)))


def _hold_ended(visit: VisitRecord, fact: f.HoldEnded) -> VisitRecord:
    if visit.agent_id != fact.agent_id:
        return visit
    return replace(visit, talks=(*visit.talks[:-1], visit.talks[-1].hold_end(fact.at)))


def _ended(visit: VisitRecord, fact: f.VisitEnded) -> VisitRecord:
    return visit if visit.outcome is not None else replace(visit, ended=fact.at, outcome=fact.outcome)


_FOLDS: dict[type[f.Fact], Any] = {
    f.VisitStarted: _started,
    f.VisitPromoted: _promoted,
    f.CallPlaced: _placed,
    f.PartyRinging: _party_ringing,
    f.CallNotReached: _not_reached,
    f.AgentOffered: _offered,
    f.OfferRinging: _ringing,
    f.OfferEnded: _offer_ended,
    f.TalkStarted: _talk_started,
    f.HoldStarted: _hold_started,
    f.HoldEnded: _hold_ended,
    f.TalkEnded: _talk_ended,
    f.VisitEnded: _ended,
}
