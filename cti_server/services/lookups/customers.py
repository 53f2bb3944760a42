"""Our own customer and account file as a lookup.

account     account            → account, customer_id, name, tier, address, status
verify_pin  account, pin       → ok, locked
balance     account            → balance, arrears (yuan as text, "128.50"; a debt is a negative balance), due_date, as_of
open_order  customer_id        → ticket_id, number, state, promised, created (the newest open order; times are micros)
notices     area, language     → zh, en, text (in `language`, Chinese by default)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from cti_server.clock import Clock
from cti_server.domain.customers import Account, Customer
from cti_server.domain.ids import CustomerId, iso
from cti_server.domain.orders import Ticket
from cti_server.errors import InvalidValue, NotFound

REPEATABLE = frozenset({"account", "balance", "open_order", "notices"})


class AccountFile(Protocol):
    """storage.accounts"""

    async def get(self, number: str) -> Account:
        """Raises NotFound."""
        ...

    async def verify_pin(self, number: str, pin: str) -> bool: ...
    async def tries_left(self, number: str) -> int:
        """0 while locked."""
        ...


class CustomerFile(Protocol):
    """storage.customers"""

    async def open_orders(self, customer_id: CustomerId) -> Sequence[Ticket]:
        """Newest first; empty for an unknown customer."""
        ...

    async def of_account(self, number: str) -> Sequence[Customer]:
        """Everyone linked to this account."""
        ...


class CustomerLookup:
    """A LookupAdapter. `notices` gives the notices in force, each `{zh, en, area?}`."""

    def __init__(
        self,
        accounts: AccountFile,
        customers: CustomerFile,
        clock: Clock,
        notices: Callable[[], Sequence[Mapping[str, str]]] = lambda: (),
    ) -> None:
        self._accounts, self._customers, self._clock, self._notices = accounts, customers, clock, notices
        self._queries: dict[str, Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]] = {
            "account": self._account,
            "verify_pin": self._verify_pin,
            "balance": self._balance,
            "open_order": self._open_order,
            "notices": self._find_notices,
        }

    async def lookup(self, query: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = self._queries.get(query)
        if asked is None:
            raise NotFound(f"lookup customers has no query {query!r}; it knows {', '.join(self._queries)}")
        try:
            return await asked(arguments)
        except NotFound:
            return {}

    async def _account(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        account = await self._accounts.get(_text(arguments, "account"))
        holder = await self._holder(account.number)
        return {
            "account": account.number,
            "customer_id": holder.customer_id if holder else None,
            "name": holder.name if holder else "",
            "tier": holder.tier if holder else "",
            "address": account.address,
            "status": account.status,
        }

    async def _holder(self, number: str) -> Customer | None:
        """The holder, else whoever else is linked to the account."""
        found = [
            (holding.relation != "holder", customer.customer_id, customer)
            for customer in await self._customers.of_account(number)
            for holding in customer.holdings
            if holding.account == number
        ]
        return min(found)[2] if found else None

    async def _verify_pin(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        number = _text(arguments, "account")
        ok = await self._accounts.verify_pin(number, _text(arguments, "pin"))
        return {"ok": ok, "locked": not ok and await self._accounts.tries_left(number) == 0}

    async def _balance(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        account = await self._accounts.get(_text(arguments, "account"))
        return {
            "balance": yuan(account.balance_fen),
            "arrears": yuan(account.arrears_fen),
            "due_date": account.due_date,
            "as_of": iso(self._clock.now()),
        }

    async def _open_order(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        orders = await self._customers.open_orders(CustomerId(_text(arguments, "customer_id")))
        if not orders:
            return {}
        order = orders[0]
        return {
            "ticket_id": order.ticket_id,
            "number": order.number,
            "state": order.state,
            "promised": order.due_at,
            "created": order.opened_at,
        }

    async def _find_notices(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        area, language = arguments.get("area"), arguments.get("language") or "zh"
        found = [notice for notice in self._notices() if notice.get("area") in (None, "", area)]
        if not found:
            return {}
        told = {name: " ".join(notice[name] for notice in found if notice.get(name)) for name in ("zh", "en")}
        return {**told, "text": told.get(str(language), "")}


def yuan(fen: int) -> str:
    """12850 → `128.50`, exact."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _text(arguments: Mapping[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidValue(f"this lookup needs {name} as text")
    return value
