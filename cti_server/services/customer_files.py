"""What an agent does with customer files and tickets outside any one call: the timeline, changes, his open tasks.

A change is made on a version of what the agent saw; who comes second is told what stands there now. Everything here reads or
changes personal data: the web layer audits it, a changed file is audited with what it was before in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from cti_server.clock import Clock
from cti_server.domain.customers import FLAGS, Customer, KnownCaller
from cti_server.domain.ids import AgentId, CustomerId, Micros
from cti_server.domain.orders import Ticket, check_due
from cti_server.domain.timeline import page, place_of
from cti_server.domain.work import note_text
from cti_server.errors import Conflict, InvalidValue, NotFound
from cti_server.services.customers import Customers, customer_row
from cti_server.services.desk_rows import Texts
from cti_server.services.outside import Outside
from cti_server.services.work_rows import entry_row, task_row, ticket_row
from cti_server.services.work_stores import Callbacks, FileStore, TicketStore, Timeline

MOST_ALIKE = 5
MOST_TASKS = 100
Row = dict[str, Any]


class CustomerFiles:
    """`name_of` gives an agent's name, `choice_texts` what a menu choice is called, by language."""

    def __init__(
        self,
        *,
        files: FileStore,
        timeline: Timeline,
        tickets: TicketStore,
        customers: Customers,
        callbacks: Callbacks,
        outside: Outside,
        name_of: Callable[[str], str],
        choice_texts: Texts,
        clock: Clock,
    ) -> None:
        self._files, self._timeline, self._tickets, self._callbacks = files, timeline, tickets, callbacks
        self._outside = outside
        self._customers, self._name_of, self._choice_texts, self._clock = customers, name_of, choice_texts, clock

    async def timeline(self, customer_id: str, kinds: Collection[str], before: str | None, limit: int) -> Row:
        """`wire.TimelinePage`. Raises NotFound."""
        place = place_of(before) if before else None
        found = await self._timeline.entries(CustomerId(customer_id), kinds, place, limit + 1)
        shown, more = page(found, limit)
        return {"entries": [entry_row(entry, self._name_of, self._choice_texts) for entry in shown], "more": more}

    async def update(
        self, customer_id: str, *, version: int, phones: Sequence[str], flags: Sequence[str], by: str, address_of: str,
        **given: str,
    ) -> Row:  # fmt: skip
        """`wire.CustomerCard`. Raises NotFound; InvalidValue; Conflict `customer_changed` with what stands there now."""
        known = (await self._files.known(CustomerId(customer_id))).customer
        changed = replace(
            known,
            version=version,
            phones=self.phones(phones, known.phones),
            flags=self.flags(flags, known.flags),
            **given,  # type: ignore[arg-type]
        )
        await self._files.update(changed, by=by, address=address_of)
        return dict(await self._customers.card(known.customer_id))

    def phones(self, written: Sequence[str], kept: Collection[str] = ()) -> tuple[str, ...]:
        """E.164 of numbers written in any way; what stands in the file already is taken as it is. Raises InvalidValue."""
        numbers = {p: p if p in kept else self._customers.dialable(p) for p in written if p.strip()}
        if wrong := [phone for phone, number in numbers.items() if not number]:
            raise InvalidValue(f"{', '.join(wrong)} is no phone number that can be dialled", field="phones")
        return tuple(dict.fromkeys(numbers.values()))

    def flags(self, wanted: Collection[str], kept: Collection[str] = ()) -> tuple[str, ...]:
        """Raises InvalidValue for a flag that does not exist; tiers are computed, never typed."""
        if unknown := set(wanted) - FLAGS - set(kept):
            raise InvalidValue(
                f"no flag {', '.join(sorted(unknown))}; one of {', '.join(sorted(FLAGS))}", field="flags"
            )
        return tuple(sorted(set(wanted)))

    async def create(self, **given: Any) -> Row:
        """`wire.CustomerCard`; arguments and errors are those of `enter`."""
        known = await self.enter(given.pop("request_id"), **given)
        return dict(await self._customers.card(known.customer.customer_id))

    async def enter(
        self, request_id: str, *, phones: Sequence[str], flags: Sequence[str], anyway: bool = False, **given: str
    ) -> KnownCaller:
        """A new file; one however often `request_id` is sent. Raises InvalidValue for a phone that is none or a flag that does
        not exist; Conflict `maybe_known` when he may have a file, unless `anyway`."""
        customer = Customer(
            customer_id=CustomerId(request_id),
            phones=self.phones(phones),
            flags=self.flags(flags),
            **given,  # type: ignore[arg-type]
        )
        with suppress(NotFound):
            return await self._files.known(customer.customer_id)
        if not anyway:
            await self._refuse_second_file(customer)
        await self._files.create(customer)
        return await self._files.known(customer.customer_id)

    async def _refuse_second_file(self, customer: Customer) -> None:
        """Raises Conflict `maybe_known` with those who may be the same person."""
        if found := await self._files.alike(customer, MOST_ALIKE):
            rows = [customer_row(one) for one in found]
            raise Conflict("there is a file that may be this person's", reason="maybe_known", customers=rows)

    # -- tickets -------------------------------------------------------------------------------------------------

    async def tasks(self, agent_id: str) -> list[Row]:
        """`wire.Task`s: messages and callbacks the agent has to see to, in the order they are due."""
        found = await self._timeline.tasks(AgentId(agent_id), MOST_TASKS)
        names = await self._files.names([ticket.customer_id for ticket in found if ticket.customer_id])
        return [task_row(ticket, names, AgentId(agent_id)) for ticket in found]

    async def edit(self, ticket_id: str, seen: Micros, by: str, *, due_at: Micros | None, **given: str) -> Row:
        """`wire.TicketRow`. Raises InvalidValue; Conflict when it is closed, was changed since, or is a callback whose number or
        time is to change though it was rung."""
        ticket = await self._tickets.get(ticket_id)
        number = given.get("number", "")
        dialable = self._customers.dialable(number)
        if number and not dialable:
            raise InvalidValue("this is no phone number that can be dialled", field="number", reason="bad_number")
        if due_at != ticket.due_at:
            check_due(due_at, self._clock.now())
        changes = {**given, "number": dialable, "due_at": due_at}
        if ticket.kind == "callback" and (dialable, due_at) != (ticket.fields.get("number"), ticket.due_at):
            await self._rebook(ticket, seen, changes, by)
        else:
            await self._tickets.edit(ticket_id, seen, changes, by=by)
        return ticket_row(await self._tickets.get(ticket_id))

    async def _rebook(self, ticket: Ticket, seen: Micros, changes: Mapping[str, Any], by: str) -> None:
        """Nobody rings the old number while the new one is stored. Raises Conflict, and as Outside.subscriber."""
        number = self._outside.subscriber(changes["number"])
        booked = self._callbacks.take(ticket.ticket_id)
        if booked is None:
            raise Conflict("this callback was rung: make a new one", reason="callback_rung")
        wanted = booked
        try:
            await self._tickets.edit(ticket.ticket_id, seen, changes, by=by)
            wanted = replace(booked, number=number, due_at=changes["due_at"])
        finally:
            self._callbacks.wanted(ticket.ticket_id, wanted)

    async def close_message(self, ticket_id: str, text: str, by: str) -> Row:
        """A message is dealt with. Raises Conflict for other kinds and for one that is closed."""
        ticket = await self._tickets.get(ticket_id)
        if ticket.kind != "message":
            raise Conflict(f"a {ticket.kind} is not closed by hand", reason="not_a_message")
        if not ticket.open:
            raise Conflict(f"message {ticket.number} is closed", reason="ticket_closed")
        return ticket_row(await self._tickets.advance(ticket_id, "closed", by=by, text=note_text(text)))
