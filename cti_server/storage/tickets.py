"""Work orders, messages, callback requests and complaints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cti_server.clock import Clock, new_id
from cti_server.domain.facts import TicketChanged
from cti_server.domain.flows.effects import Created
from cti_server.domain.ids import AgentId, CallId, CustomerId, Micros
from cti_server.domain.orders import CLOSED, CallbackRequest, Ticket, TicketNote, check_step, first_state, ticket_number
from cti_server.errors import Conflict, NotFound
from cti_server.storage import tables
from cti_server.storage.engine import Database

MOST_TICKETS = 100
_COLUMNS = ("account", "summary", "due_at")
"""What an agent may change of a ticket that stands in a column of its own as well."""
_t = tables.tickets.c
_NEWEST = (_t.opened_at.desc(), _t.number.desc())


class SqlTickets:
    """Numbers are given in the transaction that stores the ticket: none is given twice, none told without its ticket. `told`
    hears of every change once it is stored."""

    def __init__(self, database: Database, clock: Clock, told: Callable[[TicketChanged], object] | None = None) -> None:
        self._database, self._clock, self._told = database, clock, told or (lambda _: None)

    async def create(self, kind: str, call_id: CallId | None, fields: Mapping[str, Any]) -> Created:
        """Once per call, kind and `fields["node"]` (messages: recording too); asked again it returns the same ticket.

        `fields` may name `customer_id` (or the mapping `customer`), `account`, `summary`, `due_at`; all of them are kept.
        Raises InvalidValue for an unknown kind or values that are not JSON, StorageUnavailable.
        """
        state = first_state(kind)
        once = _idempotency(kind, call_id, fields) or new_id(self._clock)
        async with self._database.write() as connection:
            known = (await connection.execute(select(_t.ticket_id, _t.number).where(_t.idempotency == once))).first()
            if known is not None:
                return Created(known.ticket_id, known.number)
            row = await self._row(connection, kind, state, fields)
            await connection.execute(tables.tickets.insert(), row | {"call_id": call_id, "idempotency": once})
            ticket = await _one(connection, row["ticket_id"])
            news = await self._news(connection, ticket, "created", str(fields.get("by") or "caller"))
        self._told(news)
        return Created(ticket.ticket_id, ticket.number)

    async def get(self, ticket_id: str) -> Ticket:
        """Raises NotFound."""
        async with self._database.read() as connection:
            return await _one(connection, ticket_id)

    async def by_number(self, number: str) -> Ticket | None:
        async with self._database.read() as connection:
            found = await tickets_where(connection, _t.number == number)
        return found[0] if found else None

    async def advance(self, ticket_id: str, to: str, *, by: str, text: str = "") -> Ticket:
        """Raises NotFound; Conflict when its state does not allow that step."""
        async with self._database.write() as connection:
            ticket = await _one(connection, ticket_id, lock=True)
            check_step(ticket.kind, ticket.state, to)
            now = self._clock.now()
            closed_at = now if to in CLOSED[ticket.kind] else None
            changes = {"state": to, "changed_at": now, "closed_at": closed_at}
            await connection.execute(update(tables.tickets).where(_t.ticket_id == ticket_id).values(**changes))
            await self._note(connection, ticket_id, by, to, text)
            ticket = await _one(connection, ticket_id)
            news = await self._news(connection, ticket, to, by)
        self._told(news)
        return ticket

    async def note(self, ticket_id: str, *, by: str, what: str = "note", text: str = "") -> None:
        """Raises NotFound."""
        async with self._database.write() as connection:
            ticket = await _one(connection, ticket_id)
            await self._note(connection, ticket_id, by, what, text)
            news = await self._news(connection, ticket, what, by)
        self._told(news)

    async def edit(self, ticket_id: str, seen: Micros, changes: Mapping[str, Any], *, by: str) -> None:
        """`seen` is the `changed_at` the change was made on; what stands there already changes nothing. Raises NotFound;
        Conflict when the ticket is closed (`ticket_closed`) or was changed since (`ticket_changed`)."""
        async with self._database.write() as connection:
            ticket = await _one(connection, ticket_id, lock=True)
            known = {**ticket.fields, **{name: getattr(ticket, name) for name in _COLUMNS}}
            new = {name: value for name, value in changes.items() if (value or "") != (known.get(name) or "")}
            if not new:
                return
            if not ticket.open:
                raise Conflict(f"{ticket.kind} {ticket.number} is closed; make a new one", reason="ticket_closed")
            if ticket.changed_at != seen:
                raise Conflict(f"{ticket.kind} {ticket.number} was changed since", reason="ticket_changed")
            values: dict[str, Any] = {"fields": {**ticket.fields, **new}}
            values["changed_at"] = max(self._clock.now(), ticket.changed_at + 1)
            values |= {name: new[name] if name == "summary" else new[name] or None for name in _COLUMNS if name in new}
            await connection.execute(update(tables.tickets).where(_t.ticket_id == ticket_id).values(**values))
            await self._note(connection, ticket_id, by, "changed", ", ".join(sorted(new)))
            news = await self._news(connection, ticket, "changed", by)
        self._told(news)

    async def notes(self, ticket_id: str) -> list[TicketNote]:
        """Oldest first."""
        column = tables.ticket_notes.c
        query = select(tables.ticket_notes).where(column.ticket_id == ticket_id).order_by(column.at)
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return [TicketNote(at=row.at, by=row.by, what=row.what, text=row.text) for row in rows]

    # ---- callback requests ---------------------------------------------------------------------------------------

    async def open_callbacks(self) -> list[tuple[str, CallbackRequest]]:
        """Requests still to be carried out, by the place they kept."""
        async with self._database.read() as connection:
            found = await tickets_where(connection, _t.kind == "callback", _t.state == "waiting", limit=None)
        requests = [(ticket.ticket_id, _request(ticket)) for ticket in found]
        return sorted(requests, key=lambda pair: pair[1].entered_at)

    async def end_callback(self, ticket_id: str, state: Literal["done", "unreachable"], text: str = "") -> None:
        """`text` says why. Raises NotFound; Conflict when it has ended before."""
        await self.advance(ticket_id, state, by="server", text=text)

    async def note_attempt(self, ticket_id: str, attempts: int) -> None:
        """Raises NotFound."""
        async with self._database.write() as connection:
            ticket = await _one(connection, ticket_id, lock=True)
            values = {"fields": {**ticket.fields, "attempts": attempts}, "changed_at": self._clock.now()}
            await connection.execute(update(tables.tickets).where(_t.ticket_id == ticket_id).values(**values))
            await self._note(connection, ticket_id, "server", "attempt", str(attempts))
            news = await self._news(connection, ticket, "attempt", "server")
        self._told(news)

    # ---- parts of them ---------------------------------------------------------------------------------------------

    async def _news(self, connection: AsyncConnection, ticket: Ticket, what: str, by: str) -> TicketChanged:
        held = tables.holdings.c
        holders = select(held.customer_id).where(held.account == ticket.account)
        shown = (await connection.execute(holders)).scalars().all() if ticket.account else []
        owner = str(ticket.fields.get("agent_id") or "")
        return TicketChanged(
            at=self._clock.now(),
            ticket_id=ticket.ticket_id,
            ticket=ticket.kind,
            what=what,
            by=by,
            owner=AgentId(owner) if owner else None,
            customers=tuple(CustomerId(one) for one in sorted({*shown, *filter(None, [ticket.customer_id])})),
        )

    async def _row(
        self, connection: AsyncConnection, kind: str, state: str, fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        now = self._clock.now()
        return {
            "ticket_id": new_id(self._clock),
            "number": ticket_number(kind, await self._next(connection, kind)),
            "kind": kind,
            "state": state,
            "customer_id": await _existing_customer(connection, fields),
            "account": str(fields["account"])[:16] if fields.get("account") else None,
            "summary": str(fields.get("summary") or "")[:256],
            "fields": dict(fields),
            "opened_at": now,
            "changed_at": now,
            "due_at": fields.get("due_at"),
        }

    async def _next(self, connection: AsyncConnection, series: str) -> int:
        column = tables.numbers.c
        start = self._database.upsert(tables.numbers, changes=False)
        await connection.execute(start, {"series": series, "last": 0})
        counted = update(tables.numbers).where(column.series == series).values(last=column.last + 1)
        return int((await connection.execute(counted.returning(column.last))).scalar_one())

    async def _note(self, connection: AsyncConnection, ticket_id: str, by: str, what: str, text: str) -> None:
        """Each step is later than the one before, even within one microsecond or after the clock went back."""
        column = tables.ticket_notes.c
        last = await connection.scalar(select(func.max(column.at)).where(column.ticket_id == ticket_id))
        at = max(self._clock.now(), (last or 0) + 1)
        row = {"note_id": new_id(self._clock), "ticket_id": ticket_id, "at": at, "by": by}
        await connection.execute(tables.ticket_notes.insert(), row | {"what": what, "text": text})


async def tickets_where(
    connection: AsyncConnection,
    *where: ColumnElement[bool],
    limit: int | None = MOST_TICKETS,
    order: Sequence[ColumnElement[Any]] = _NEWEST,
) -> list[Ticket]:
    query = select(tables.tickets).where(*where).order_by(*order).limit(limit)
    return [_ticket(row) for row in await connection.execute(query)]


async def _one(connection: AsyncConnection, ticket_id: str, *, lock: bool = False) -> Ticket:
    query = select(tables.tickets).where(_t.ticket_id == ticket_id)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise NotFound(f"no ticket {ticket_id}")
    return _ticket(row)


async def _existing_customer(connection: AsyncConnection, fields: Mapping[str, Any]) -> str | None:
    """A file deleted since the call began must not cost the caller his ticket."""
    customer = fields.get("customer")
    customer_id = fields.get("customer_id") or (customer.get("id") if isinstance(customer, Mapping) else customer)
    if not customer_id:
        return None
    column = tables.customers.c.customer_id
    found: str | None = await connection.scalar(select(column).where(column == str(customer_id)))
    return found


def _idempotency(kind: str, call_id: CallId | None, fields: Mapping[str, Any]) -> str:
    """'' = every request is a ticket of its own. A second message of one call is another message."""
    if call_id is None:
        return ""
    recording = fields.get("recording", "") if kind == "message" else ""
    return ":".join((call_id, kind, str(fields.get("node", "")), str(recording)))[:160]


def _ticket(row: Row[Any]) -> Ticket:
    return Ticket(
        ticket_id=row.ticket_id,
        number=row.number,
        kind=row.kind,
        state=row.state,
        opened_at=row.opened_at,
        changed_at=row.changed_at,
        call_id=row.call_id,
        customer_id=CustomerId(row.customer_id) if row.customer_id else None,
        account=row.account,
        summary=row.summary,
        fields=row.fields,
        due_at=row.due_at,
        closed_at=row.closed_at,
    )


def _request(ticket: Ticket) -> CallbackRequest:
    """A request made by a flow names no queue and no place: it waits from when it was made."""
    fields = ticket.fields
    skills: Sequence[Sequence[Any]] = fields.get("skills") or ()
    return CallbackRequest(
        number=str(fields.get("number") or ""),
        queue=str(fields.get("queue") or ""),
        priority=int(fields.get("priority") or 0),
        entered_at=int(fields.get("entered_at") or ticket.opened_at),
        skills=tuple((str(name), int(level)) for name, level in skills),
        language=str(fields.get("language") or ""),
        customer=fields.get("customer") or {},
        attempts=int(fields.get("attempts") or 0),
        due_at=ticket.due_at,
    )
