"""What a call leaves to be done and read: tickets, notes, disposition codes; and changes of what is kept of a customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cti_server.domain.facts.base import CallFact, Fact
from cti_server.domain.ids import AgentId, CustomerId, VisitId


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketCreated(CallFact):
    """The call led to a work order, a message or a callback request. `number` is what the caller was told; `agent_id` who
    made it, null = the flow did."""

    ticket: Literal["order", "message", "callback", "complaint"]
    ticket_id: str
    number: str
    agent_id: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketUrged(CallFact):
    """A repeat caller asked about an open order: linked as an urging, no second order (service-rules 4)."""

    ticket_id: str
    number: str
    agent_id: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNoted(CallFact):
    """An agent's note about the call was saved; its text is kept apart. Told at most every few seconds while he types."""

    agent_id: AgentId
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DispositionSet(CallFact):
    """The agent said what the call was about. The last one of a visit and agent counts."""

    agent_id: AgentId
    visit_id: VisitId
    code: str


# ---- what is kept of customers: whoever shows it reads it again. Told to every desktop; no text, no number stands in it -------


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketChanged(Fact):
    """A ticket was made or went on, in a call or outside it. `what` is `created`, a state entered, `note`, `urged`, `changed` or
    `attempt`; `by` a login, `caller` or `server`; `owner` the agent who has to see to it, null = nobody yet; `customers` those on
    whose timeline it stands: its own, and the holders of its account."""

    ticket_id: str
    ticket: Literal["order", "message", "callback", "complaint"]
    what: str
    by: str
    owner: AgentId | None = None
    customers: tuple[CustomerId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerChanged(Fact):
    """A customer's file was made or changed. `version` is the one that stands now."""

    customer_id: CustomerId
    version: int
