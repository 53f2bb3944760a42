"""What the router is told and what it decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cti_server.domain.agents import Agent, AgentState
from cti_server.domain.ids import AgentId, CallId, Micros, QueueName, VisitId
from cti_server.domain.queues import Skills


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One caller waiting in one queue."""

    visit_id: VisitId
    call_id: CallId
    queue: QueueName
    priority: int
    """Tier + queue + flow, summed; the higher is served first."""
    entered_at: Micros
    """Decides the place among equals; older than `joined_at` when a place was kept (callback, overflow, transfer)."""
    joined_at: Micros
    """When this visit began: relaxations, overflow and the longest wait count from here."""
    skills: Skills = ()
    preferred: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One signed-in agent as the router sees him."""

    agent_id: AgentId
    queues: Mapping[QueueName, int] = field(default_factory=dict)
    skills: Mapping[str, int] = field(default_factory=dict)
    available: bool = False
    """Ready and with nothing to do."""
    likely: bool = True
    """Takes calls now or once his present one is over; False when paused or unreachable. A caller waits for his
    preferred agent only when that one is likely, and only likely agents count in estimates."""
    idle_since: Micros = 0
    backoff_until: Micros = 0


def seat_of(agent: Agent, state: AgentState) -> Seat | None:
    """None when the agent is signed out."""
    if state.intent == "signed_out":
        return None
    return Seat(
        agent_id=agent.agent_id,
        queues=agent.queues,
        skills=agent.skills,
        available=state.free,
        likely=state.likely,
        idle_since=state.idle_since,
        backoff_until=state.backoff_until,
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """Ring this agent for this visit; answer with `Router.offer_ended`."""

    visit_id: VisitId
    agent_id: AgentId


@dataclass(frozen=True, slots=True)
class Overflow:
    """The visit ends as overflowed; the router has already forgotten it. Join it to queue `to` as a new visit."""

    visit_id: VisitId
    to: QueueName


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The visit waited its longest and ends; the router has already forgotten it."""

    visit_id: VisitId


@dataclass(frozen=True, slots=True)
class CallbackDue:
    """Time to offer the caller a callback; he keeps waiting meanwhile."""

    visit_id: VisitId


Decision = Offer | Overflow | TimedOut | CallbackDue
