"""An agent asks somebody else while his caller hears music, and the three together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cti_server.domain.facts.base import VisitFact
from cti_server.domain.ids import AgentId, CallId

ConsultTo = Literal["agent", "queue", "number"]

ConsultResult = Literal["cancelled", "rejected", "no_answer", "unreachable", "gone", "unknown"]
"""Why a consultation ended with the agent back at his caller. `gone` = the one consulted hung up; `unknown` = nobody saw it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultStarted(VisitFact):
    """The agent asks somebody else while the caller hears music (attended transfer). `consult_id` is the call that rings him.
    The end of the talk ends its consultations and its conference too; those a caller leaves talk on (`internal`)."""

    agent_id: AgentId
    consult_id: CallId
    to: ConsultTo
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultAnswered(VisitFact):
    """`partner` is the agent who answered, null = somebody outside."""

    agent_id: AgentId
    consult_id: CallId
    partner: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultSwapped(VisitFact):
    """The agent speaks with the other of the two now."""

    agent_id: AgentId
    consult_id: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultEnded(VisitFact):
    """The agent is back with his caller alone, or with the conference he left to consult."""

    agent_id: AgentId
    consult_id: CallId
    result: ConsultResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceJoined(VisitFact):
    """The one consulted talks with caller and agent together."""

    agent_id: AgentId
    consult_id: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceLeft(VisitFact):
    """The one who had joined by this consultation has gone; caller and agent talk on."""

    agent_id: AgentId
    consult_id: CallId
