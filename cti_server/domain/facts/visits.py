"""One stay of one call in one queue: the wait, its offers, the talk, and a leader's hand in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cti_server.domain.facts.base import VisitFact
from cti_server.domain.facts.calls import Side
from cti_server.domain.ids import AgentId, Micros, OfferId, QueueName

Outcome = Literal[
    "answered", "abandoned", "overflowed", "timed_out", "callback", "key_exit", "refused", "unknown", "not_reached"
]
"""A visit ends in exactly one of these (metrics.md). Only `abandoned` counts as abandonment; `not_reached` is of calls agents
place, which belong to no queue."""

OfferResult = Literal["answered", "no_answer", "rejected", "unreachable", "caller_gone", "withdrawn"]

MISSES: frozenset[OfferResult] = frozenset({"no_answer", "rejected", "unreachable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitStarted(VisitFact):
    """The call joined a queue. `entered_at` is the time that decides its place: older than `at` when a place was kept."""

    queue: QueueName
    priority: int
    entered_at: Micros
    skills: tuple[tuple[str, int], ...] = ()
    preferred: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOffered(VisitFact):
    """`until` is when ringing must be over; 0 = not said."""

    offer_id: OfferId
    agent_id: AgentId
    until: Micros = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRinging(VisitFact):
    """The agent's phone rings: the moment the screen pops."""

    offer_id: OfferId
    agent_id: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferEnded(VisitFact):
    offer_id: OfferId
    agent_id: AgentId
    result: OfferResult


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkStarted(VisitFact):
    agent_id: AgentId
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldStarted(VisitFact):
    agent_id: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldEnded(VisitFact):
    agent_id: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkEnded(VisitFact):
    agent_id: AgentId
    side: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitEnded(VisitFact):
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitAssigned(VisitFact):
    """A leader (`by`, his login) gave a waiting caller to this agent out of turn. The offer follows."""

    agent_id: AgentId
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitMoved(VisitFact):
    """A leader (`by`) sends a waiting caller to another queue. The visit ends as overflowed, the next one keeps his time."""

    queue: QueueName
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitPromoted(VisitFact):
    """A leader (`by`) put a waiting caller at the head of his queue: `priority` is his from now on."""

    priority: int
    by: str
