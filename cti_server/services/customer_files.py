"""What an agent does with customer files and tickets outside any one call: the timeline, changes, his open tasks.

A change is made on a version of what the agent saw; who comes second is told what stands there now. Everything here reads or
changes personal data: the web layer audits it, a changed file is audited with what it was before in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from cti_server.domain.customers import FLAGS, Customer, KnownCaller
from cti_server.domain.ids import AgentId, CustomerId, Micros
from cti_server.domain.orders import Ticket
from cti_server.domain.timeline import Entry, page, place_of
from cti_server.domain.work import note_text
from cti_server.errors import Conflict, InvalidValue
from cti_server.services.customers import Customers, customer_row
from cti_server.services.work_rows import entry_row, task_row, ticket_row

MOST_ALIKE = 5
MOST_TASKS = 100
Row = dict[str, Any]


class FileStore(Protocol):
    """Customer files (storage). Raises NotFound, StorageUnavailable."""

    async def known(self, customer_id: CustomerId) -> KnownCaller: ...
    async def alike(self, customer: Customer, limit: int) -> Sequence[Customer]: ...
    async def update(self, changed: Customer, *, by: str, address: str) -> Customer: ...
    async def names(self, customer_ids: Sequence[CustomerId]) -> Mapping[CustomerId, str]: ...


class Timeline(Protocol):
    async def entries(
        self, customer_id: CustomerId, kinds: Collection[str], before: tuple[Micros, str] | None, most: int
    ) -> list[Entry]: ...
    async def tasks(self, agent_id: AgentId, limit: int) -> list[Ticket]: ...


class TicketStore(Protocol):
    async def get(self, ticket_id: str) -> Ticket: ...
    async def edit(self, ticket_id: str, seen: Micros, changes: Mapping[str, str], *, by: str) -> None: ...
    async def advance(self, ticket_id: str, to: str, *, by: str, text: str = "") -> Ticket: ...


class CustomerFiles:
    """`name_of` gives an agent's name."""

    def __init__(
        self,
        files: FileStore,
        timeline: Timeline,
        tickets: TicketStore,
        customers: Customers,
        name_of: Callable[[str], str],
    ) -> None:
        self._files, self._timeline, self._tickets = files, timeline, tickets
        self._customers, self._name_of = customers, name_of

    async def timeline(self, customer_id: str, kinds: Collection[str], before: str | None, limit: int) -> Row:
        """`wire.TimelinePage`. Raises NotFound."""
        place = place_of(before) if before else None
        found = await self._timeline.entries(CustomerId(customer_id), kinds, place, limit + 1)
        shown, more = page(found, limit)
        return {"entries": [entry_row(entry, self._name_of) for entry in shown], "more": more}

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

    async def refuse_second_file(self, customer: Customer) -> None:
        """Raises Conflict `maybe_known` with those who may be the same person."""
        if found := await self._files.alike(customer, MOST_ALIKE):
            rows = [customer_row(one) for one in found]
            raise Conflict("there is a file that may be this person's", reason="maybe_known", customers=rows)

    # -- tickets -------------------------------------------------------------------------------------------------

    async def tasks(self, agent_id: str) -> list[Row]:
        """`wire.Task`s: messages and callbacks the agent has to see to, oldest first."""
        found = await self._timeline.tasks(AgentId(agent_id), MOST_TASKS)
        names = await self._files.names([ticket.customer_id for ticket in found if ticket.customer_id])
        return [task_row(ticket, names, AgentId(agent_id)) for ticket in found]

    async def edit(self, ticket_id: str, seen: Micros, by: str, **given: str) -> Row:
        """`wire.TicketRow`. The number of a callback stays: the caller waits for his turn under it. Raises Conflict."""
        ticket = await self._tickets.get(ticket_id)
        number = given.get("number", "")
        dialable = self._customers.dialable(number)
        if number and not dialable:
            raise InvalidValue("this is no phone number that can be dialled", field="number", reason="bad_number")
        if ticket.kind == "callback" and dialable != ticket.fields.get("number"):
            raise InvalidValue("the number of a callback cannot be changed; make a new one", field="number")
        await self._tickets.edit(ticket_id, seen, {**given, "number": dialable}, by=by)
        return ticket_row(await self._tickets.get(ticket_id))

    async def close_message(self, ticket_id: str, text: str, by: str) -> Row:
        """A message is dealt with. Raises Conflict for other kinds and for one that is closed."""
        ticket = await self._tickets.get(ticket_id)
        if ticket.kind != "message":
            raise Conflict(f"a {ticket.kind} is not closed by hand", reason="not_a_message")
        if not ticket.open:
            raise Conflict(f"message {ticket.number} is closed", reason="ticket_closed")
        return ticket_row(await self._tickets.advance(ticket_id, "closed", by=by, text=note_text(text)))
