"""Customers, their accounts, and everything they had to do with us. Field names are those of the screen (web/wire.py)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cti_server.domain.calls import CallRecord
from cti_server.domain.ids import CustomerId, Micros
from cti_server.domain.orders import Ticket

Relation = Literal["holder", "insured", "beneficiary", "authorised_agent", "prospect"]
"""Of a caller to an account (service-rules.md 3)."""

FLAGS = frozenset({"elderly", "vulnerable", "hearing", "sight"})
"""What an agent may say of a customer; tiers are computed, never typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`balance_fen` in fen (1/100 yuan): credit above zero, arrears below. `due_date` is an ISO date."""

    number: str
    status: Literal["open", "closed"] = "open"
    address: str = ""
    balance_fen: int = 0
    due_date: str | None = None
    locked_until: Micros = 0
    """Telephone enquiry is refused until then, after too many wrong PINs."""

    @property
    def arrears_fen(self) -> int:
        return max(0, -self.balance_fen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What a customer is to an account."""

    account: str
    relation: Relation = "holder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """`phones` are E.164; `flags` such as `elderly`; `tier` a tier of the service profile."""

    customer_id: CustomerId
    name: str
    company: str = ""
    tier: str = "ordinary"
    flags: tuple[str, ...] = ()
    address: str = ""
    language: str = ""
    email: str = ""
    convenient_time: str = ""
    notes: str = ""
    phones: tuple[str, ...] = ()
    holdings: tuple[Holding, ...] = ()
    version: int = 1
    """Grows by one with each change by an agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One line of a customer's history: a call or a ticket."""

    kind: Literal["call", "order", "message", "callback", "complaint"]
    at: Micros
    call_id: str = ""
    ticket_id: str = ""
    number: str = ""
    queue: str | None = None
    outcome: str | None = None
    agent_id: str | None = None
    topic: str = ""
    direction: str = "inbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCaller:
    """What a call needs to know of its caller, read in one go."""

    customer: Customer
    accounts: tuple[Account, ...]
    open_orders: tuple[Ticket, ...]
    last_agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerCard:
    """A customer as the screen pops him: `orders` still open, newest first; `contacts` calls and tickets, newest first."""

    customer: Customer
    accounts: tuple[Account, ...]
    orders: tuple[Ticket, ...]
    contacts: tuple[Contact, ...]


def contact_of_call(record: CallRecord) -> Contact:
    visit, unseen = record.visits[-1] if record.visits else None, record.unseen
    return Contact(
        kind="call",
        at=record.started,
        call_id=record.call_id,
        number=record.caller,
        queue=unseen.queue if unseen else (visit.queue or None) if visit else None,
        outcome="unseen" if unseen else visit.result if visit else None,
        agent_id=record.last_agent,
        topic=record.menu_path,
        direction=record.direction,
    )


def contact_of_ticket(ticket: Ticket) -> Contact:
    return Contact(
        kind=ticket.kind,
        at=ticket.opened_at,
        call_id=ticket.call_id or "",
        ticket_id=ticket.ticket_id,
        number=ticket.number,
        outcome=ticket.state,
        topic=ticket.summary,
    )


def contacts(calls: Iterable[CallRecord], tickets: Iterable[Ticket], limit: int) -> tuple[Contact, ...]:
    """One timeline, newest first."""
    found = [*map(contact_of_call, calls), *map(contact_of_ticket, tickets)]
    return tuple(sorted(found, key=lambda contact: contact.at, reverse=True)[:limit])
