"""Calls that we place: an agent's own, and callbacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cti_server.domain.facts.base import CallFact, VisitFact
from cti_server.domain.ids import AgentId, Micros

NotReached = Literal["busy", "no_answer", "unreachable", "failed", "cancelled", "no_phone", "unknown"]
"""Why nobody answered a call an agent placed. `unreachable`: no such number, or switched off; `cancelled`: he hung up first;
`no_phone`: his own phone did not answer; `unknown`: the end was not seen (gap)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlaced(VisitFact):
    """An agent calls `number`: his part of the call is a visit of no queue. `until` is when it must have been answered; 0 = not
    said. An answer is `TalkStarted`."""

    agent_id: AgentId
    number: str
    until: Micros = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyRinging(VisitFact):
    """The phone of whom the agent calls rings."""

    agent_id: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNotReached(VisitFact):
    """Nobody answered a placed call. `rang`: his phone had rung."""

    agent_id: AgentId
    result: NotReached
    rang: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAttempted(CallFact):
    """We rang a caller back. `call_id` is the new, outgoing call; `ticket_id` the request."""

    ticket_id: str
    attempt: int
    reached: bool
