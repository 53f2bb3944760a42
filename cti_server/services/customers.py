"""Who is calling: from a caller number to what the flow, the router and the screen need to know.

A call never waits long for it: the question is given `LIMIT` seconds, and a database that is slow or away makes the caller
an unknown one, who is served all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import phonenumbers
import structlog

from cti_server.domain.customers import Customer, CustomerCard, KnownCaller
from cti_server.domain.ids import CustomerId
from cti_server.domain.orders import Ticket
from cti_server.errors import InvalidValue, Unavailable
from cti_server.services.numbers import describe

LIMIT = 0.8
"""Seconds a call waits for its customer."""
SHORTEST_SUBSCRIBER = 7
"""Fewer digits without a country code are an extension or a service number (110, 95598), not a person."""
log = structlog.get_logger(__name__)


class CustomerStore(Protocol):
    """Customer files (storage). Raises StorageUnavailable."""

    async def known_callers(self, number: str) -> Sequence[KnownCaller]:
        """Everyone who has this E.164 number."""
        ...

    async def card(self, customer_id: CustomerId) -> CustomerCard:
        """Raises NotFound."""
        ...

    async def search(self, text: str, number: str | None, limit: int) -> Sequence[Customer]:
        """By name, company, address or account; `number` is the same text as E.164 where it is a phone number."""
        ...


class Customers:
    """`country` is the region of numbers written without a country code, e.g. CN."""

    def __init__(self, store: CustomerStore, country: str = "CN") -> None:
        self._store = store
        self._country = country

    def dialable(self, number: str) -> str:
        """E.164 of a number as it was sent or keyed in; '' when it is withheld or no possible number."""
        return to_e164(number, self._country)

    def about(self, number: str) -> Mapping[str, Any] | None:
        """`wire.NumberInfo`: region and carrier; None for what is no number."""
        return describe(number)

    async def e164(self, number: str) -> str:
        """As calls keep it: E.164, or the digits as they came where they are no number of the public network."""
        return self.dialable(number) or number.strip()

    async def identify(self, caller: str) -> Mapping[str, Any]:
        """`customer.*` of a flow (see `context`); {} when the number is withheld, unknown, or shared by several people."""
        found = await self._known(caller)
        return context(found[0]) if len(found) == 1 else {}

    async def _known(self, caller: str) -> Sequence[KnownCaller]:
        number = self.dialable(caller)
        if not number:
            return ()
        try:
            async with asyncio.timeout(LIMIT):
                return await self._store.known_callers(number)
        except (Unavailable, TimeoutError) as error:
            log.warning("customer_not_read", error=type(error).__name__, pii={"number": number})
            return ()

    async def candidates(self, caller: str) -> list[Mapping[str, Any]]:
        """Everyone who has this number, as `wire.CustomerRow`s; [] as with `identify`."""
        return [customer_row(known.customer) for known in await self._known(caller)]

    async def card(self, customer_id: CustomerId) -> Mapping[str, Any]:
        """What the screen pops, as `wire.CustomerCard`. Raises NotFound, StorageUnavailable."""
        card = await self._store.card(customer_id)
        return {
            **customer_row(card.customer),
            "language": card.customer.language or None,
            "email": card.customer.email,
            "convenient_time": card.customer.convenient_time,
            "notes": card.customer.notes,
            "accounts": [asdict(account) for account in card.accounts],
            "orders": [_order(ticket) for ticket in card.orders],
            "contacts": [asdict(contact) for contact in card.contacts],
        }

    async def search(self, text: str, limit: int) -> list[Mapping[str, Any]]:
        """`wire.CustomerRow`s. Raises InvalidValue when there is nothing to look for."""
        if not text.strip():
            raise InvalidValue("say what to look for: a number, a name, an account or an address")
        found = await self._store.search(text.strip(), self.dialable(text) or None, limit)
        return [customer_row(customer) for customer in found]


def to_e164(number: str, country: str) -> str:
    """`13900000001`, `0086 139…`, `+86139…` → `+8613900000001`; '' for withheld, names, short codes and impossible numbers.

    Trunks send the international prefix as 00, whatever the site's own dialling plan says.
    """
    text = number.strip()
    if any(character.isalpha() for character in text):
        return ""  # phonenumbers would read letters as keys, and a name as somebody's number
    if text.startswith("00"):
        text = "+" + text[2:].lstrip()
    try:
        parsed = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return ""
    short = not text.startswith("+") and len(str(parsed.national_number)) < SHORTEST_SUBSCRIBER
    if short or not phonenumbers.is_possible_number(parsed):
        return ""
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def context(known: KnownCaller) -> Mapping[str, Any]:
    """The caller as flows see him: plain values only. `account` is the one open account, '' when there are none or several;
    `open_order` the newest open repair order, None without one."""
    customer = known.customer
    accounts = [account.number for account in known.accounts if account.status == "open"]
    orders = [_order(ticket) for ticket in known.open_orders]
    return {
        "id": customer.customer_id,
        "name": customer.name,
        "company": customer.company,
        "tier": customer.tier,
        "flags": list(customer.flags),
        "address": customer.address,
        "language": customer.language,
        "account": accounts[0] if len(accounts) == 1 else "",
        "accounts": accounts,
        "open_order": orders[0] if orders else None,
        "open_orders": orders,
        "last_agent": known.last_agent,
    }


def customer_row(customer: Customer) -> dict[str, Any]:
    return {
        "customer_id": customer.customer_id,
        "name": customer.name,
        "company": customer.company,
        "tier": customer.tier,
        "flags": list(customer.flags),
        "phones": list(customer.phones),
        "address": customer.address,
        "version": customer.version,
    }


def _order(ticket: Ticket) -> dict[str, Any]:
    return {
        "ticket_id": ticket.ticket_id,
        "number": ticket.number,
        "kind": ticket.kind,
        "state": ticket.state,
        "opened_at": ticket.opened_at,
        "due_at": ticket.due_at,
        "summary": ticket.summary,
    }
