"""What an agent does about a call besides talking: notes, disposition code, tickets, and who the caller is.

Only who had a part in a call (it was offered to him, or he talked) may write to it, while it lasts and after. Rules of the
wrap-up are domain/agents; here the code is recorded that ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal
from zoneinfo import ZoneInfo

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.domain.agent_day import day_figures
from cti_server.domain.board import day_of
from cti_server.domain.calls import CallRecord
from cti_server.domain.calls import apply as fold
from cti_server.domain.customers import KnownCaller
from cti_server.domain.facts import (
    CallerIdentified,
    CallFact,
    CallNoted,
    DispositionSet,
    TicketCreated,
    TicketUrged,
)
from cti_server.domain.ids import MINUTE, SECOND, AgentId, CallId, CustomerId, Micros, QueueName, VisitId
from cti_server.domain.orders import CallbackRequest, Ticket, check_due
from cti_server.domain.queues import Queue
from cti_server.domain.work import Note, disposition_of, note_text, took_part, visit_of
from cti_server.errors import Conflict, Forbidden, InvalidValue, NotFound
from cti_server.services.acd import Acd
from cti_server.services.calls.live import LiveCalls
from cti_server.services.customer_files import CustomerFiles
from cti_server.services.customers import Customers, context
from cti_server.services.floor import Floor
from cti_server.services.outside import Outside
from cti_server.services.work_rows import code_row, day_row, note_row, ticket_note_row, ticket_row, worked_row
from cti_server.services.work_stores import Archive, Callbacks, CodeStore, FileStore, NoteStore, TicketStore

NOTE_TOLD_EVERY: Micros = 15 * SECOND
"""A note saved as it is typed is told on the timeline at most this often."""
Row = dict[str, Any]
TicketKind = Literal["order", "message", "callback"]
DAY: Micros = 24 * 60 * MINUTE
USED_DAYS = 7
LOOK_BACK: Micros = DAY
"""A shift that began before midnight began less than this before it."""


class WorkService:
    """`priority` gives a customer's place in a queue (services/calls/parts.py); `customers` is what is done outside calls."""

    def __init__(
        self,
        *,
        bus: Bus,
        clock: Clock,
        floor: Floor,
        calls: LiveCalls,
        archive: Archive,
        acd: Acd,
        notes: NoteStore,
        tickets: TicketStore,
        files: FileStore,
        customers: Customers,
        codes: CodeStore,
        callbacks: Callbacks,
        outside: Outside,
        priority: Callable[[Mapping[str, Any], QueueName], int],
        time_zone: str,
        book: CustomerFiles,
    ) -> None:
        self._bus, self._clock, self._floor, self._calls, self._archive = bus, clock, floor, calls, archive
        self._acd, self._notes, self._tickets, self._files = acd, notes, tickets, files
        self._customers, self._codes, self._callbacks, self._priority = customers, codes, callbacks, priority
        self._outside = outside
        self._zone, self.customers = ZoneInfo(time_zone), book
        self._told: dict[tuple[CallId, AgentId], Micros] = {}

    # -- notes and codes -----------------------------------------------------------------------------------------

    async def work(self, agent_id: str, call_id: str) -> Row:
        """`wire.CallWork`. Raises NotFound, Forbidden."""
        return await self._work(await self._own(agent_id, call_id), AgentId(agent_id))

    async def _work(self, record: CallRecord, agent: AgentId) -> Row:
        visit, queue = self._visit(record, agent)
        return {
            "call_id": record.call_id,
            "note": note_row(await self._notes.note(record.call_id, agent)),
            "disposition": disposition_of(record, agent, visit),
            "required": queue is not None and queue.disposition_required,
            "until_done": queue is not None and queue.wrap_up_until_done,
            "extended": self._floor.state(agent).wrap_up_extended,
            "codes": [code_row(code) for code in await self._codes.dispositions(queue.name if queue else None)],
            "tickets": [ticket_row(ticket) for ticket in await self._made(record)],
        }

    async def _made(self, record: CallRecord) -> list[Ticket]:
        """Tickets made in this call; the record names urged ones too."""
        tickets = [await self._tickets.get(ref.ticket_id) for ref in record.tickets]
        return [ticket for ticket in tickets if ticket.call_id == record.call_id]

    async def save_note(self, agent_id: str, call_id: str, text: str, version: int) -> Row:
        """`wire.NoteSaved`. Raises InvalidValue, Conflict (`note_changed`)."""
        record, agent = await self._own(agent_id, call_id), AgentId(agent_id)
        note = await self._notes.save(record.call_id, agent, note_text(text), version)
        if note.version != version:
            self._tell(note)
        return note_row(note)

    def _tell(self, note: Note) -> None:
        key, now = (note.call_id, note.agent_id), self._clock.now()
        if now - self._told.get(key, 0) < NOTE_TOLD_EVERY:
            return
        self._told = {k: at for k, at in self._told.items() if now - at < NOTE_TOLD_EVERY} | {key: now}
        self._bus.record(CallNoted(at=now, call_id=note.call_id, agent_id=note.agent_id, version=note.version))

    async def set_disposition(self, agent_id: str, call_id: str, code: str) -> Row:
        """`wire.CallWork`. Raises InvalidValue for a code the queue does not offer."""
        record, agent = await self._own(agent_id, call_id), AgentId(agent_id)
        visit, queue = self._visit(record, agent)
        if visit is None:
            raise Conflict("this call came by no queue and takes no code", reason="no_visit")
        offered = {one.code for one in await self._codes.dispositions(queue.name if queue else None)}
        if code not in offered:
            raise InvalidValue(f"no code {code!r} here; one of {', '.join(sorted(offered))}", field="code")
        if disposition_of(record, agent, visit) != code:
            fact = self._fact(DispositionSet, record, agent_id=agent, visit_id=visit, code=code)
            record = fold(record, fact)
        return await self._work(record, agent)

    async def codes(self) -> list[Row]:
        return [code_row(code) for code in await self._codes.dispositions()]

    async def codes_used(self, agent_id: str) -> list[Row]:
        """`wire.CodeUse`s of the last `USED_DAYS`, the most used first."""
        since = self._clock.now() - USED_DAYS * DAY
        uses = await self._archive.codes_used(AgentId(agent_id), since)
        return [
            {"code": code, "times": times} for code, times in sorted(uses.items(), key=lambda use: (-use[1], use[0]))
        ]

    # -- tickets -------------------------------------------------------------------------------------------------

    async def create_ticket(
        self,
        agent_id: str,
        call_id: str,
        *,
        kind: TicketKind,
        request_id: str,
        by: str,
        due_at: Micros | None = None,
        **given: str,
    ) -> Row:
        """`wire.TicketRow`. What is known of the call is filled in: customer, account, number, language. `request_id` makes
        it one ticket however often it is sent. Raises InvalidValue for a number nobody can dial or a time that is past."""
        record, agent = await self._own(agent_id, call_id), AgentId(agent_id)
        check_due(due_at, self._clock.now())
        known = await self._known(record)
        fields = self._fields(record, agent, known, given) | {"node": f"agent:{request_id}", "by": by, "due_at": due_at}
        request = self._callback(record, fields, known) if kind == "callback" else None
        created = await self._tickets.create(kind, record.call_id, fields | (asdict(request) if request else {}))
        if not any(ref.ticket_id == created.ticket_id for ref in record.tickets):
            self._fact(
                TicketCreated,
                record,
                ticket=kind,
                ticket_id=created.ticket_id,
                number=created.number,
                agent_id=agent,
            )
            if request is not None:
                self._callbacks.wanted(created.ticket_id, request)
        return ticket_row(await self._tickets.get(created.ticket_id))

    def _fields(
        self, record: CallRecord, agent: AgentId, known: KnownCaller | None, given: Mapping[str, str]
    ) -> dict[str, Any]:
        """What the agent gave, and where he gave nothing what is known."""
        number = given.get("number") or record.caller
        dialable = self._customers.dialable(number)
        if given.get("number") and not dialable:
            raise InvalidValue("this is no phone number that can be dialled", field="number", reason="bad_number")
        fields: dict[str, Any] = {name: value for name, value in given.items() if value}
        fields |= {"number": dialable or number, "agent_id": agent, "language": record.language}
        if known is None:
            return fields
        accounts = [account.number for account in known.accounts if account.status == "open"]
        fields |= {"customer_id": known.customer.customer_id, "name": known.customer.name}
        fields.setdefault("account", accounts[0] if len(accounts) == 1 else "")
        fields.setdefault("address", known.customer.address)
        return fields

    def _callback(self, record: CallRecord, fields: Mapping[str, Any], known: KnownCaller | None) -> CallbackRequest:
        """Its turn is when it is due, else now, in the queue the call came by. Raises as Outside.subscriber."""
        number = self._outside.subscriber(str(fields["number"]))
        customer = context(known) if known else {}
        last = next((visit.queue for visit in reversed(record.visits) if visit.queue in self._acd.queues), "")
        queue = self._acd.known(last)
        return CallbackRequest(
            number=number,
            queue=queue,
            priority=self._priority(customer, queue),
            entered_at=self._clock.now(),
            skills=(),
            language=record.language,
            customer=customer,
            due_at=fields["due_at"],
        )

    async def urge(self, agent_id: str, call_id: str, ticket_id: str, text: str, by: str) -> Row:
        """The caller asks again about an open ticket: linked, no second one is made. Raises Conflict when it is closed."""
        record, ticket = await self._own(agent_id, call_id), await self._tickets.get(ticket_id)
        if not ticket.open:
            raise Conflict(f"{ticket.kind} {ticket.number} is closed; make a new one", reason="ticket_closed")
        await self._tickets.note(ticket_id, by=by, what="urged", text=note_text(text))
        agent = AgentId(agent_id)
        self._fact(TicketUrged, record, ticket_id=ticket_id, number=ticket.number, agent_id=agent)
        return await self.ticket(ticket_id)

    async def note_ticket(self, ticket_id: str, text: str, by: str) -> Row:
        """`wire.TicketCard`. Raises NotFound."""
        await self._tickets.note(ticket_id, by=by, text=note_text(text))
        return await self.ticket(ticket_id)

    async def ticket(self, ticket_id: str) -> Row:
        ticket = await self._tickets.get(ticket_id)
        return {**ticket_row(ticket), "notes": [ticket_note_row(note) for note in await self._tickets.notes(ticket_id)]}

    async def tickets(self, customer_id: str) -> list[Row]:
        return [ticket_row(ticket) for ticket in await self._files.tickets(CustomerId(customer_id))]

    # -- who the caller is -----------------------------------------------------------------------------------------

    async def link(self, agent_id: str, call_id: str, customer_id: str, *, add_number: bool) -> Row:
        """`wire.CustomerCard` of whom the agent says it is; `add_number` keeps the caller's number in his file."""
        record, known = await self._own(agent_id, call_id), await self._files.known(CustomerId(customer_id))
        number = self._customers.dialable(record.caller)
        if add_number and number and number not in known.customer.phones:
            await self._files.link_phone(known.customer.customer_id, number)
        return await self._identified(record, AgentId(agent_id), known)

    async def create_customer(
        self,
        agent_id: str,
        call_id: str,
        *,
        request_id: str,
        phones: Sequence[str],
        flags: Sequence[str],
        anyway: bool = False,
        **given: str,
    ) -> Row:
        """`wire.CustomerCard`; one file however often `request_id` is sent. Raises InvalidValue for a phone that is none or
        a flag that does not exist; Conflict `maybe_known` when he may have a file, unless `anyway`."""
        record = await self._own(agent_id, call_id)
        known = await self.customers.enter(request_id, phones=phones, flags=flags, anyway=anyway, **given)
        return await self._identified(record, AgentId(agent_id), known)

    async def _identified(self, record: CallRecord, agent: AgentId, known: KnownCaller) -> Row:
        customer = known.customer
        if record.customer_id != customer.customer_id:
            live = self._calls.get(record.call_id)
            if live is not None:
                live.customer = context(known)
            self._fact(
                CallerIdentified,
                record,
                customer_id=customer.customer_id,
                tier=customer.tier,
                flags=customer.flags,
                by="agent",
                agent_id=agent,
            )
        return dict(await self._customers.card(customer.customer_id))

    # -- the agent's day -------------------------------------------------------------------------------------------

    async def figures(self, agent_id: str) -> Row:
        """`wire.Figures` since midnight at the site."""
        agent, now = AgentId(agent_id), self._clock.now()
        self._floor.agent(agent)
        since = day_of(now, self._zone)[0]
        facts = await self._archive.of_agent(agent, since - LOOK_BACK, now + 1)
        return day_row(day_figures(agent, [recorded.fact for recorded in facts], since, now), since)

    async def worked(self, agent_id: str, limit: int, days: int = 1, *, missing: bool = False) -> list[Row]:
        """`wire.WorkedCall`s of today and the days before it, newest first; `missing` = those that still lack their code."""
        agent = AgentId(agent_id)
        since = day_of(self._clock.now(), self._zone)[0] - (days - 1) * DAY
        found = await self._archive.search_calls(agent_id=agent, number=None, queue=None, since=since, limit=limit)
        records = [self._calls.record(record.call_id) or record for record in found]
        records = [one for one in records if not missing or self._code_missing(one, agent)]
        notes = await self._notes.of_calls([record.call_id for record in records], agent)
        names = await self._files.names([record.customer_id for record in records if record.customer_id])
        return [
            {
                **worked_row(record, agent, notes.get(record.call_id)),
                "code_missing": self._code_missing(record, agent),
                "customer_name": names.get(record.customer_id) if record.customer_id else None,
            }
            for record in records
        ]

    def _code_missing(self, record: CallRecord, agent: AgentId) -> bool:
        """He talked, his part is over, and the queue wants a code he has not given."""
        visit = record.visit(str(visit_of(record, agent)))
        if visit is None or self._in_hand(record, agent) or not any(talk.agent_id == agent for talk in visit.talks):
            return False
        queue = self._acd.queues.get(visit.queue)
        return bool(queue and queue.disposition_required) and not disposition_of(record, agent, visit.visit_id)

    # -- parts of them ---------------------------------------------------------------------------------------------

    async def _own(self, agent_id: str, call_id: str) -> CallRecord:
        """Raises NotFound; Forbidden when the agent had no part in the call."""
        wanted, agent = CallId(call_id), AgentId(agent_id)
        record = self._calls.record(wanted) or await self._archive.load_call(wanted)
        if record is None:
            raise NotFound(f"no call {call_id}")
        if not (took_part(record, agent) or self._in_hand(record, agent)):
            raise Forbidden("you had no part in this call", reason="other_agent")
        return record

    def _in_hand(self, record: CallRecord, agent: AgentId) -> bool:
        """He is offered it, talks, or wraps it up; also when his part of it began as a consultation."""
        live = self._calls.of_agent(agent)
        return record.call_id in (self._floor.state(agent).call_id, live.serves if live else None)

    def _visit(self, record: CallRecord, agent: AgentId) -> tuple[VisitId | None, Queue | None]:
        """The visit in hand, else his last of this call; and its queue."""
        if self._in_hand(record, agent):
            return self._floor.state(agent).visit_id, self._floor.queue_of(agent)
        visit = record.visit(str(visit_of(record, agent)))
        return (visit.visit_id, self._acd.queues.get(visit.queue)) if visit else (None, None)

    async def _known(self, record: CallRecord) -> KnownCaller | None:
        """A file deleted since costs the caller nothing."""
        try:
            return await self._files.known(record.customer_id) if record.customer_id else None
        except NotFound:
            return None

    def _fact(self, kind: type[CallFact], record: CallRecord, **fields: Any) -> CallFact:
        fact = kind(**{"at": self._clock.now(), "call_id": record.call_id, **fields})
        self._bus.record(fact)
        return fact
