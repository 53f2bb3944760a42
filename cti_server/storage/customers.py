"""Customer files: who has which number and which account."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Row, and_, bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cti_server.clock import Clock, SystemClock, new_id
from cti_server.domain.customers import Account, Customer, CustomerCard, Holding, KnownCaller, Relation, contacts
from cti_server.domain.facts import CustomerChanged
from cti_server.domain.ids import CustomerId
from cti_server.domain.orders import Ticket
from cti_server.errors import Conflict, InvalidValue, NotFound
from cti_server.storage import tables
from cti_server.storage.accounts import to_account
from cti_server.storage.engine import Database
from cti_server.storage.facts import calls_of
from cti_server.storage.tickets import tickets_where

LAST_CONTACTS = 10
SHORTEST_PART = 4
"""Digits of a phone number that are worth looking for."""
_c, _p, _h, _t = tables.customers.c, tables.phones.c, tables.holdings.c, tables.tickets.c
_WANTED: BindParameter[Any] = bindparam("wanted")
_ALL_WANTED: BindParameter[Any] = bindparam("wanted", expanding=True)
# Asked in every call, so built once.
_IDS_OF_NUMBER = select(_p.customer_id).where(_p.number == _WANTED)
_IDS_OF_ACCOUNT = select(_h.customer_id).where(_h.account == _WANTED)
_FILES = select(tables.customers).where(_c.customer_id.in_(_ALL_WANTED))
_PHONES = select(_p.customer_id, _p.number).where(_p.customer_id.in_(_ALL_WANTED)).order_by(_p.number)
_HOLDINGS = select(tables.holdings).where(_h.customer_id.in_(_ALL_WANTED)).order_by(_h.account)


class SqlCustomers:
    """`services.customers.CustomerStore`."""

    def __init__(
        self, database: Database, clock: Clock | None = None, told: Callable[[CustomerChanged], object] | None = None
    ) -> None:
        """`told` hears of every change once it is stored."""
        self._database, self._clock = database, clock or SystemClock()
        self._told = told or (lambda _: None)

    async def known_callers(self, number: str) -> Sequence[KnownCaller]:
        """Everyone who has this E.164 number."""
        async with self._database.read() as connection:
            ids = await _ids_of_number(connection, number)
            return [await _known(connection, customer) for customer in await _customers(connection, ids)]

    async def known(self, customer_id: CustomerId) -> KnownCaller:
        """Raises NotFound."""
        async with self._database.read() as connection:
            return await _known(connection, await one_customer(connection, customer_id))

    async def tickets(self, customer_id: CustomerId) -> Sequence[Ticket]:
        """His own and those of accounts he holds, open and closed, newest first. Raises NotFound."""
        async with self._database.read() as connection:
            return await tickets_where(connection, his_tickets(await one_customer(connection, customer_id)))

    async def names(self, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, str]:
        query = select(_c.customer_id, _c.name).where(_c.customer_id.in_(set(customer_ids)))
        async with self._database.read() as connection:
            return {CustomerId(row.customer_id): row.name for row in await connection.execute(query)}

    async def by_number(self, number: str) -> Sequence[Customer]:
        async with self._database.read() as connection:
            return await _customers(connection, await _ids_of_number(connection, number))

    async def get(self, customer_id: CustomerId) -> Customer:
        """Raises NotFound."""
        async with self._database.read() as connection:
            return await one_customer(connection, customer_id)

    async def card(self, customer_id: CustomerId) -> CustomerCard:
        """Calls count as his when he was recognised in them or they came from one of his numbers. Raises NotFound."""
        async with self._database.read() as connection:
            customer = await one_customer(connection, customer_id)
            accounts = await _accounts(connection, customer)
            tickets = await tickets_where(connection, his_tickets(customer))
            column = tables.calls.c
            calls = await calls_of(
                connection,
                or_(column.customer_id == customer_id, column.caller.in_(customer.phones)),
                limit=LAST_CONTACTS,
            )
        return CustomerCard(
            customer=customer,
            accounts=accounts,
            orders=tuple(ticket for ticket in tickets if ticket.open),
            contacts=contacts(calls, tickets, LAST_CONTACTS),
        )

    async def of_account(self, number: str) -> Sequence[Customer]:
        """Everyone linked to this account."""
        async with self._database.read() as connection:
            ids = await connection.execute(_IDS_OF_ACCOUNT, {"wanted": number})
            return await _customers(connection, ids.scalars().all())

    async def open_orders(self, customer_id: CustomerId) -> Sequence[Ticket]:
        """His own and those of accounts he holds, newest first; empty for an unknown customer."""
        async with self._database.read() as connection:
            found = await _customers(connection, [customer_id])
            return await _open_orders(connection, found[0]) if found else []

    async def search(self, text: str, number: str | None, limit: int) -> Sequence[Customer]:
        """By name, company, address (any part), account or ticket number; by phone when `number` is E.164, or by any part of
        one of at least `SHORTEST_PART` digits."""
        digits = _digits(text)
        named = select(_t.customer_id).where(_t.number == digits)
        charged = select(_h.customer_id).join(tables.tickets, _t.account == _h.account).where(_t.number == digits)
        found = or_(
            _c.name.icontains(text, autoescape=True),
            _c.company.icontains(text, autoescape=True),
            _c.address.icontains(text, autoescape=True),
            _c.customer_id.in_(select(_h.customer_id).where(_h.account == (digits or text))),
            _c.customer_id.in_(select(_p.customer_id).where(_phone(number, digits))),
            *([_c.customer_id.in_(named), _c.customer_id.in_(charged)] if digits else []),
        )
        query = select(_c.customer_id).where(found).order_by(_c.name, _c.customer_id).limit(limit)
        async with self._database.read() as connection:
            return await _customers(connection, (await connection.execute(query)).scalars().all())

    async def alike(self, customer: Customer, limit: int) -> Sequence[Customer]:
        """Files that may be the same person's: one of his numbers, or his name at his address."""
        phoned = _c.customer_id.in_(select(_p.customer_id).where(_p.number.in_(customer.phones)))
        lives = and_(_c.name == customer.name, _c.address == customer.address, _c.address != "")
        query = select(_c.customer_id).where(or_(phoned, lives)).order_by(_c.name, _c.customer_id).limit(limit)
        async with self._database.read() as connection:
            return await _customers(connection, (await connection.execute(query)).scalars().all())

    async def update(self, changed: Customer, *, by: str, address: str) -> Customer:
        """Writes a changed file and, in the same transaction, what changed into the audit log. `changed.version` is the one
        the change was made on; accounts and tier stay. What stands there already changes nothing, whatever the version: the
        answer to it may have been lost. Raises NotFound, InvalidValue; Conflict (`customer_changed`) when somebody was first.
        """
        _check_phones(changed.phones)
        async with self._database.write() as connection:
            await connection.execute(select(_c.version).where(_c.customer_id == changed.customer_id).with_for_update())
            known = await one_customer(connection, changed.customer_id)
            before, after = _differences(known, changed)
            if not after:
                return known
            if known.version != changed.version:
                raise Conflict(
                    f"this file is of version {known.version} now",
                    reason="customer_changed",
                    version=known.version,
                    **_editable(known),
                )
            await self._write(connection, changed, after)
            row = {"at": self._clock.now(), "login": by[:64], "action": "customer_changed", "address": address[:64]}
            row |= {"subject": changed.customer_id, "before": before, "after": after}
            await connection.execute(tables.audit.insert(), row)
            stored = await one_customer(connection, changed.customer_id)
        return self._tell(stored)

    async def _write(self, connection: AsyncConnection, changed: Customer, after: Mapping[str, Any]) -> None:
        values = {name: value for name, value in after.items() if name != "phones"}
        values |= {"version": changed.version + 1, "updated_at": self._clock.now()}
        this = _c.customer_id == changed.customer_id
        await connection.execute(update(tables.customers).where(this).values(**values))
        if "phones" not in after:
            return
        await connection.execute(delete(tables.phones).where(_p.customer_id == changed.customer_id))
        for number in changed.phones:
            await connection.execute(tables.phones.insert(), {"number": number, "customer_id": changed.customer_id})

    async def create(self, customer: Customer) -> Customer:
        """Store a new file with its phones and holdings; an empty `customer_id` is given one.

        Raises InvalidValue for a phone that is not E.164 or an account that does not exist, Conflict when the id is taken.
        """
        customer_id = customer.customer_id or CustomerId(new_id(self._clock))
        _check_phones(customer.phones)
        now = self._clock.now()
        row = {name: getattr(customer, name) for name in _FIELDS}
        row |= {"customer_id": customer_id, "flags": list(customer.flags), "created_at": now, "updated_at": now}
        async with self._database.write() as connection:
            await connection.execute(tables.customers.insert(), row)
            for number in customer.phones:
                await connection.execute(tables.phones.insert(), {"number": number, "customer_id": customer_id})
            for holding in customer.holdings:
                await self._hold(connection, customer_id, holding.account, holding.relation)
            stored = await one_customer(connection, customer_id)
        return self._tell(stored)

    async def link_phone(self, customer_id: CustomerId, number: str) -> None:
        """Raises NotFound, InvalidValue."""
        _check_phones([number])
        async with self._database.write() as connection:
            await one_customer(connection, customer_id)
            row = {"number": number, "customer_id": customer_id}
            await connection.execute(self._database.upsert(tables.phones, changes=False), row)
            await self._touch(connection, customer_id)
            stored = await one_customer(connection, customer_id)
        self._tell(stored)

    async def link_account(self, customer_id: CustomerId, account: str, relation: Relation = "holder") -> None:
        """Raises NotFound for the customer, InvalidValue for the account."""
        async with self._database.write() as connection:
            await one_customer(connection, customer_id)
            await self._hold(connection, customer_id, account, relation)
            await self._touch(connection, customer_id)
            stored = await one_customer(connection, customer_id)
        self._tell(stored)

    def _tell(self, stored: Customer) -> Customer:
        self._told(CustomerChanged(at=self._clock.now(), customer_id=stored.customer_id, version=stored.version))
        return stored

    async def _hold(self, connection: AsyncConnection, customer_id: CustomerId, account: str, relation: str) -> None:
        query = select(tables.accounts.c.number).where(tables.accounts.c.number == account)
        if await connection.scalar(query) is None:
            raise InvalidValue(f"account {account} does not exist; create it first")
        row = {"customer_id": customer_id, "account": account, "relation": relation}
        await connection.execute(self._database.upsert(tables.holdings), row)

    async def _touch(self, connection: AsyncConnection, customer_id: CustomerId) -> None:
        changed = update(tables.customers).where(_c.customer_id == customer_id).values(updated_at=self._clock.now())
        await connection.execute(changed)


_FIELDS = ("name", "company", "tier", "address", "language", "email", "convenient_time", "notes", "version")
_EDITED = ("name", "company", "address", "language", "email", "convenient_time", "notes")


def _editable(customer: Customer) -> dict[str, Any]:
    """What an agent may change, as JSON."""
    row: dict[str, Any] = {name: getattr(customer, name) for name in _EDITED}
    return row | {"flags": sorted(customer.flags), "phones": sorted(customer.phones)}


def _differences(known: Customer, changed: Customer) -> tuple[dict[str, Any], dict[str, Any]]:
    before, after = _editable(known), _editable(changed)
    names = [name for name in before if before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


def _digits(text: str) -> str:
    """A number as people write it without what stands between the digits; '' for what is no number."""
    bare = re.sub(r"[\s().+-]", "", text)
    return bare if bare.isascii() and bare.isdigit() else ""


def _phone(number: str | None, digits: str) -> ColumnElement[bool]:
    """The number itself, or one that has these digits: what is typed half may well be a possible number."""
    whole = _p.number == number
    return or_(whole, _p.number.contains(digits)) if len(digits) >= SHORTEST_PART else whole


def _check_phones(numbers: Iterable[str]) -> None:
    for number in numbers:
        if not (number.startswith("+") and number[1:].isascii() and number[1:].isdigit() and len(number) <= 16):
            raise InvalidValue(f"{number!r} is not E.164; write it like +8613900000001")
    if len(set(numbers)) != len(tuple(numbers)):
        raise Conflict("a phone number stands there twice")


async def _ids_of_number(connection: AsyncConnection, number: str) -> Sequence[str]:
    return (await connection.execute(_IDS_OF_NUMBER, {"wanted": number})).scalars().all()


async def one_customer(connection: AsyncConnection, customer_id: CustomerId) -> Customer:
    """Raises NotFound."""
    found = await _customers(connection, [customer_id])
    if not found:
        raise NotFound(f"no customer {customer_id}")
    return found[0]


async def _customers(connection: AsyncConnection, ids: Sequence[str]) -> list[Customer]:
    """In the order of `ids`, with phones and holdings: three queries however many they are."""
    if not ids:
        return []
    wanted = {"wanted": list(ids)}
    rows = {row.customer_id: row for row in await connection.execute(_FILES, wanted)}
    phones = (await connection.execute(_PHONES, wanted)).all()
    holdings = (await connection.execute(_HOLDINGS, wanted)).all()
    return [_customer(rows[customer_id], phones, holdings) for customer_id in ids if customer_id in rows]


def _customer(row: Row[Any], phones: Sequence[Any], holdings: Sequence[Any]) -> Customer:
    return Customer(
        customer_id=CustomerId(row.customer_id),
        flags=tuple(row.flags),
        phones=tuple(phone.number for phone in phones if phone.customer_id == row.customer_id),
        holdings=tuple(
            Holding(account=h.account, relation=h.relation) for h in holdings if h.customer_id == row.customer_id
        ),
        **{name: getattr(row, name) for name in _FIELDS},
    )


async def _known(connection: AsyncConnection, customer: Customer) -> KnownCaller:
    column = tables.calls.c
    last = (
        select(column.agent_id)
        .where(column.customer_id == customer.customer_id, column.agent_id.is_not(None))
        .order_by(column.started.desc())
        .limit(1)
    )
    return KnownCaller(
        customer=customer,
        accounts=await _accounts(connection, customer),
        open_orders=tuple(await _open_orders(connection, customer)),
        last_agent=await connection.scalar(last),
    )


async def _open_orders(connection: AsyncConnection, customer: Customer) -> list[Ticket]:
    tickets = await tickets_where(connection, his_tickets(customer), tables.tickets.c.kind == "order")
    return [ticket for ticket in tickets if ticket.open]


def his_tickets(customer: Customer) -> ColumnElement[bool]:
    """His own, and those of accounts he holds."""
    held = [holding.account for holding in customer.holdings]
    column = tables.tickets.c
    return or_(column.customer_id == customer.customer_id, column.account.in_(held))


async def _accounts(connection: AsyncConnection, customer: Customer) -> tuple[Account, ...]:
    held = [holding.account for holding in customer.holdings]
    if not held:
        return ()
    column = tables.accounts.c
    rows = await connection.execute(select(tables.accounts).where(column.number.in_(held)).order_by(column.number))
    return tuple(to_account(row) for row in rows)
