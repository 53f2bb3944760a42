"""The agent's work about a call, and his own day. Reading and changing personal data is audited; a note saved as it is
typed is not, the timeline tells it.
"""

from __future__ import annotations

from typing import Any

from cti_server.domain.users import Role
from cti_server.errors import Unavailable
from cti_server.services.work import WorkService
from cti_server.web.api.calls import READS_HISTORY
from cti_server.web.api.customers import OneCustomer
from cti_server.web.api.wishes import OfAgent, agent_of
from cti_server.web.live.views import may_watch
from cti_server.web.parts import Ask
from cti_server.web.routes import TAKES_CALLS, Handle, Route
from cti_server.web.wire import Args, CustomerCard
from cti_server.web.work_wire import (
    CallWork,
    CodeUse,
    CreateCustomer,
    CreateTicket,
    DispositionCode,
    Figures,
    LinkCustomer,
    MyDay,
    NoteSaved,
    NoteTicket,
    OfCall,
    OneTicket,
    SaveNote,
    SetDisposition,
    TicketCard,
    TicketRow,
    UrgeTicket,
    WorkedCall,
)

NOTES_TICKETS: frozenset[Role] = TAKES_CALLS | {"back_office"}


def _service(ask: Ask) -> WorkService:
    if ask.parts.work is None:
        raise Unavailable("this server keeps no work of agents")
    return ask.parts.work


async def work(ask: Ask, args: OfCall) -> Any:
    return await _service(ask).work(agent_of(ask, args.agent_id), args.call_id)


async def save_note(ask: Ask, args: SaveNote) -> Any:
    return await _service(ask).save_note(agent_of(ask, args.agent_id), args.call_id, args.text, args.version)


async def set_disposition(ask: Ask, args: SetDisposition) -> Any:
    return await _service(ask).set_disposition(agent_of(ask, args.agent_id), args.call_id, args.code)


async def create_ticket(ask: Ask, args: CreateTicket) -> Any:
    given = args.model_dump(exclude={"agent_id", "call_id"})
    made = await _service(ask).create_ticket(agent_of(ask, args.agent_id), args.call_id, by=ask.user.login, **given)
    await ask.audit("ticket_created", made["ticket_id"])
    return made


async def urge(ask: Ask, args: UrgeTicket) -> Any:
    agent = agent_of(ask, args.agent_id)
    ticket = await _service(ask).urge(agent, args.call_id, args.ticket_id, args.text, ask.user.login)
    await ask.audit("ticket_urged", args.ticket_id)
    return ticket


async def link_customer(ask: Ask, args: LinkCustomer) -> Any:
    agent = agent_of(ask, args.agent_id)
    card = await _service(ask).link(agent, args.call_id, args.customer_id, add_number=args.add_number)
    await ask.audit("customer_linked", args.customer_id)
    return card


async def create_customer(ask: Ask, args: CreateCustomer) -> Any:
    given = args.model_dump(exclude={"agent_id", "call_id"})
    card = await _service(ask).create_customer(agent_of(ask, args.agent_id), args.call_id, **given)
    await ask.audit("customer_created", card["customer_id"])
    return card


async def tickets(ask: Ask, args: OneCustomer) -> Any:
    await ask.audit("tickets_read", args.customer_id)
    return await _service(ask).tickets(args.customer_id)


async def ticket(ask: Ask, args: OneTicket) -> Any:
    await ask.audit("ticket_read", args.ticket_id)
    return await _service(ask).ticket(args.ticket_id)


async def note_ticket(ask: Ask, args: NoteTicket) -> Any:
    noted = await _service(ask).note_ticket(args.ticket_id, args.text, ask.user.login)
    await ask.audit("ticket_noted", args.ticket_id)
    return noted


async def figures(ask: Ask, args: MyDay) -> Any:
    return await _service(ask).figures(agent_of(ask, args.agent_id))


async def worked(ask: Ask, args: MyDay) -> Any:
    agent = agent_of(ask, args.agent_id)
    if agent != ask.user.agent_id:
        await ask.audit("notes_read", agent)
    return await _service(ask).worked(agent, args.limit, args.days, missing=args.missing)


async def codes(ask: Ask, _: Args) -> Any:
    return await _service(ask).codes()


async def codes_used(ask: Ask, args: OfAgent) -> Any:
    return await _service(ask).codes_used(agent_of(ask, args.agent_id))


def _post(path: str, wish: str, handle: Handle, args: type[OfCall], answer: Any, summary: str) -> Route:
    return Route(
        method="POST",
        path=f"/calls/{{call_id}}/{path}",
        handle=handle,
        summary=summary,
        roles=TAKES_CALLS,
        args=args,
        answer=answer,
        wish=wish,
    )


def _get(path: str, handle: Handle, args: type[Args], answer: Any, summary: str, roles: frozenset[Role]) -> Route:
    return Route(method="GET", path=path, handle=handle, summary=summary, roles=roles, args=args, answer=answer)


ROUTES = (
    _get("/calls/{call_id}/work", work, OfCall, CallWork, "One's note and code about a call", TAKES_CALLS),
    _post("note", "save_note", save_note, SaveNote, NoteSaved, "Save one's note about a call"),
    _post("disposition", "set_disposition", set_disposition, SetDisposition, CallWork, "Say what the call was about"),
    _post("tickets", "create_ticket", create_ticket, CreateTicket, TicketRow, "Make a ticket from a call (audited)"),
    _post("urge", "urge_ticket", urge, UrgeTicket, TicketCard, "The caller asks again about an open ticket (audited)"),
    _post("customer", "link_customer", link_customer, LinkCustomer, CustomerCard, "Say who the caller is (audited)"),
    _post(
        "new_customer", "create_customer", create_customer, CreateCustomer, CustomerCard, "Enter the caller (audited)"
    ),
    _get(
        "/customers/{customer_id}/tickets",
        tickets,
        OneCustomer,
        list[TicketRow],
        "His tickets (audited)",
        READS_HISTORY,
    ),
    _get("/tickets/{ticket_id}", ticket, OneTicket, TicketCard, "One ticket with its steps (audited)", READS_HISTORY),
    Route(
        method="POST",
        path="/tickets/{ticket_id}/notes",
        handle=note_ticket,
        summary="Add a note to a ticket (audited)",
        roles=NOTES_TICKETS,
        args=NoteTicket,
        answer=TicketCard,
        wish="note_ticket",
    ),
    _get("/agents/{agent_id}/figures", figures, MyDay, Figures, "One's figures of today", TAKES_CALLS),
    _get("/agents/{agent_id}/worked", worked, MyDay, list[WorkedCall], "One's calls of today, with notes", TAKES_CALLS),
    _get("/agents/{agent_id}/codes_used", codes_used, OfAgent, list[CodeUse], "Codes one gave lately", TAKES_CALLS),
    _get("/dispositions", codes, Args, list[DispositionCode], "Codes for what a call was about", may_watch()),
)
