"""A customer's timeline, and the tickets an agent still has to do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cti_server.domain.calls import CallRecord
from cti_server.domain.ids import AgentId, CustomerId, Micros
from cti_server.domain.orders import CLOSED, Ticket
from cti_server.domain.timeline import Entry, entry_of_call, entry_of_ticket
from cti_server.domain.work import Note
from cti_server.storage import tables
from cti_server.storage.customers import his_tickets, one_customer
from cti_server.storage.engine import Database
from cti_server.storage.facts import calls_of
from cti_server.storage.tickets import tickets_where
from cti_server.storage.work import to_note

_c, _t = tables.calls.c, tables.tickets.c


class SqlTimeline:
    """`services.customer_files.Timeline`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(
        self, customer_id: CustomerId, kinds: Collection[str], before: tuple[Micros, str] | None, most: int
    ) -> list[Entry]:
        """At most `most` calls and `most` tickets, older than the place `before`. Calls count as his when he was recognised in
        them or they came from one of his numbers. Raises NotFound."""
        async with self._database.read() as connection:
            customer = await one_customer(connection, customer_id)
            calls: list[CallRecord] = []
            if "call" in kinds:
                his = or_(_c.customer_id == customer_id, and_(_c.customer_id.is_(None), _c.caller.in_(customer.phones)))
                calls = await calls_of(connection, his, *_older(_c.started, _c.call_id, before), limit=most)
            notes = await _notes(connection, calls)
            wanted = (his_tickets(customer), _t.kind.in_(kinds), *_older(_t.opened_at, _t.ticket_id, before))
            tickets = await tickets_where(connection, *wanted, limit=most)
        return [*(entry_of_call(call, notes) for call in calls), *map(entry_of_ticket, tickets)]

    async def tasks(self, agent_id: AgentId, limit: int) -> list[Ticket]:
        """Open messages and callbacks he made, and messages nobody took yet; by when they are due, else by their age."""
        maker = _t.fields["agent_id"].as_string()
        unowned = and_(_t.kind == "message", maker.is_(None))
        done = CLOSED["message"] | CLOSED["callback"]
        where = (_t.kind.in_(("message", "callback")), _t.state.not_in(done), or_(maker == agent_id, unowned))
        order = (func.coalesce(_t.due_at, _t.opened_at), _t.number)
        async with self._database.read() as connection:
            return await tickets_where(connection, *where, limit=limit, order=order)


def _older(at: Any, key: Any, before: tuple[Micros, str] | None) -> list[ColumnElement[bool]]:
    if before is None:
        return []
    return [or_(at < before[0], and_(at == before[0], key < before[1]))]


async def _notes(connection: AsyncConnection, calls: Sequence[CallRecord]) -> list[Note]:
    if not calls:
        return []
    column = tables.call_notes.c
    query = select(tables.call_notes).where(column.call_id.in_([call.call_id for call in calls]))
    return [to_note(row) for row in await connection.execute(query.order_by(column.saved_at))]
