"""Notes, codes and tickets as the screen reads them (shapes: web/work_wire.py)."""

from __future__ import annotations

from typing import Any, Protocol

from cti_server.domain.agent_day import AgentDay
from cti_server.domain.calls import CallRecord
from cti_server.domain.ids import AgentId, Micros
from cti_server.domain.orders import Ticket, TicketNote
from cti_server.domain.work import Note, disposition_of, visit_of
from cti_server.services.desk_rows import call_row

Row = dict[str, Any]


class Code(Protocol):
    """A disposition code as configured."""

    @property
    def code(self) -> str: ...
    @property
    def zh(self) -> str: ...
    @property
    def en(self) -> str: ...
    @property
    def queues(self) -> tuple[str, ...]: ...


def code_row(code: Code) -> Row:
    return {"code": code.code, "zh": code.zh, "en": code.en, "queues": list(code.queues)}


def note_row(note: Note) -> Row:
    return {"call_id": note.call_id, "text": note.text, "version": note.version, "saved_at": note.saved_at or None}


def ticket_row(ticket: Ticket) -> Row:
    return {
        "ticket_id": ticket.ticket_id,
        "number": ticket.number,
        "kind": ticket.kind,
        "state": ticket.state,
        "open": ticket.open,
        "opened_at": ticket.opened_at,
        "due_at": ticket.due_at,
        "summary": ticket.summary,
        "description": str(ticket.fields.get("description") or ""),
    }


def ticket_note_row(note: TicketNote) -> Row:
    return {"at": note.at, "by": note.by, "what": note.what, "text": note.text}


def worked_row(record: CallRecord, agent_id: AgentId, note: Note | None) -> Row:
    talks = [talk for visit in record.visits for talk in visit.talks if talk.agent_id == agent_id]
    return {
        **call_row(record),
        "talk_micros": sum(talk.talk for talk in talks),
        "note": note.text if note else "",
        "disposition": disposition_of(record, agent_id, visit_of(record, agent_id)),
        "tickets": [ref.number for ref in record.tickets],
    }


def day_row(day: AgentDay, since: Micros) -> Row:
    return {
        "since": since,
        "answered": day.answered,
        "missed": day.missed,
        "talk_micros": day.talk,
        "hold_micros": day.hold,
        "wrap_up_micros": day.wrap_up,
        "average_micros": day.average,
    }
