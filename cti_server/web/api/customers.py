"""Customers: search and card. Reading personal data is audited."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cti_server.web.api.calls import READS_HISTORY
from cti_server.web.parts import Ask
from cti_server.web.routes import Route
from cti_server.web.wire import Args, CustomerCard, CustomerRow, Plain


class Search(Args):
    text: Plain = Field(min_length=2, max_length=80)
    limit: int = Field(20, ge=1, le=100)


class OneCustomer(Args):
    customer_id: Plain = Field(max_length=64)


async def search(ask: Ask, args: Search) -> Any:
    await ask.audit("customer_search", args.text)
    return await ask.parts.desk.customers(args.text, args.limit)


async def card(ask: Ask, args: OneCustomer) -> Any:
    await ask.audit("customer_read", args.customer_id)
    return await ask.parts.desk.customer(args.customer_id)


ROUTES = (
    Route(
        method="GET",
        path="/customers",
        handle=search,
        summary="Customers by number, name, account or address (audited)",
        roles=READS_HISTORY,
        args=Search,
        answer=list[CustomerRow],
    ),
    Route(
        method="GET",
        path="/customers/{customer_id}",
        handle=card,
        summary="One customer with accounts, open orders and last contacts (audited)",
        roles=READS_HISTORY,
        args=OneCustomer,
        answer=CustomerCard,
    ),
)
