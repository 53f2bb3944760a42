"""Customer files and tickets outside any one call: the timeline, changes, an agent's open tasks. All of it is audited."""

from __future__ import annotations

from typing import Any, get_args

from cti_server.domain.timeline import EntryKind
from cti_server.errors import Unavailable
from cti_server.services.customer_files import CustomerFiles
from cti_server.web.api.calls import READS_HISTORY
from cti_server.web.api.wishes import OfAgent, agent_of
from cti_server.web.api.work import NOTES_TICKETS
from cti_server.web.parts import Ask
from cti_server.web.routes import TAKES_CALLS, Route
from cti_server.web.wire import CustomerCard
from cti_server.web.work_wire import (
    ChangeCustomer,
    CloseTicket,
    EditTicket,
    NewCustomer,
    Task,
    TicketRow,
    TimelineOf,
    TimelinePage,
)

KINDS: tuple[str, ...] = get_args(EntryKind)


def _files(ask: Ask) -> CustomerFiles:
    if ask.parts.work is None:
        raise Unavailable("this server keeps no work of agents")
    return ask.parts.work.customers


async def timeline(ask: Ask, args: TimelineOf) -> Any:
    kinds = args.kinds.split(",") if args.kinds else KINDS
    await ask.audit("timeline_read", args.customer_id)
    return await _files(ask).timeline(args.customer_id, kinds, args.before, args.limit)


async def create(ask: Ask, args: NewCustomer) -> Any:
    card = await _files(ask).create(**args.model_dump())
    await ask.audit("customer_created", card["customer_id"])
    return card


async def change(ask: Ask, args: ChangeCustomer) -> Any:
    """Audited where it is stored, with what was there before."""
    given = args.model_dump(exclude={"customer_id"})
    return await _files(ask).update(args.customer_id, by=ask.user.login, address_of=ask.address, **given)


async def tasks(ask: Ask, args: OfAgent) -> Any:
    agent = agent_of(ask, args.agent_id)
    await ask.audit("tasks_read", agent)
    return await _files(ask).tasks(agent)


async def edit(ask: Ask, args: EditTicket) -> Any:
    given = args.model_dump(exclude={"agent_id", "ticket_id", "seen"})
    changed = await _files(ask).edit(args.ticket_id, args.seen, ask.user.login, **given)
    await ask.audit("ticket_changed", args.ticket_id)
    return changed


async def close(ask: Ask, args: CloseTicket) -> Any:
    closed = await _files(ask).close_message(args.ticket_id, args.text, ask.user.login)
    await ask.audit("ticket_closed", args.ticket_id)
    return closed


ROUTES = (
    Route(
        method="GET",
        path="/customers/{customer_id}/timeline",
        handle=timeline,
        summary="Everything he had to do with us, page by page (audited)",
        roles=READS_HISTORY,
        args=TimelineOf,
        answer=TimelinePage,
    ),
    Route(
        method="POST",
        path="/customers",
        handle=create,
        summary="Enter a customer outside any call (audited)",
        roles=TAKES_CALLS,
        args=NewCustomer,
        answer=CustomerCard,
        wish="enter_customer",
    ),
    Route(
        method="POST",
        path="/customers/{customer_id}",
        handle=change,
        summary="Change a customer's file (audited with what it was)",
        roles=TAKES_CALLS,
        args=ChangeCustomer,
        answer=CustomerCard,
        wish="change_customer",
    ),
    Route(
        method="GET",
        path="/agents/{agent_id}/tasks",
        handle=tasks,
        summary="Messages and callbacks one has to see to (audited)",
        roles=TAKES_CALLS,
        args=OfAgent,
        answer=list[Task],
    ),
    Route(
        method="POST",
        path="/tickets/{ticket_id}",
        handle=edit,
        summary="Change what a ticket says (audited)",
        roles=NOTES_TICKETS,
        args=EditTicket,
        answer=TicketRow,
        wish="edit_ticket",
    ),
    Route(
        method="POST",
        path="/tickets/{ticket_id}/close",
        handle=close,
        summary="A message is dealt with (audited)",
        roles=NOTES_TICKETS,
        args=CloseTicket,
        answer=TicketRow,
        wish="close_ticket",
    ),
)
