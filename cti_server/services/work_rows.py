"""Notes, codes and tickets as the screen reads them (shapes: web/work_wire.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Protocol

from cti_server.domain.agent_day import AgentDay
from cti_server.domain.calls import CallRecord
from cti_server.domain.ids import AgentId, CustomerId, Micros
from cti_server.domain.orders import Ticket, TicketNote
from cti_server.domain.timeline import Entry
from cti_server.domain.work import Note, disposition_of, visit_of
from cti_server.services.desk_rows import Texts, call_row, path_rows

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
    @property
    def group_zh(self) -> str: ...
    @property
    def group_en(self) -> str: ...


def code_row(code: Code) -> Row:
    group = {"zh": code.group_zh, "en": code.group_en} if code.group_zh else None
    return {"code": code.code, "zh": code.zh, "en": code.en, "queues": list(code.queues), "group": group}


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
        "call_id": ticket.call_id or "",
        "customer_id": ticket.customer_id,
        "account": ticket.account or "",
        "changed_at": ticket.changed_at,
        **{name: str(ticket.fields.get(name) or "") for name in ("description", "name", "address")},
        "phone": str(ticket.fields.get("number") or ""),
    }


def task_row(ticket: Ticket, names: Mapping[CustomerId, str], agent_id: AgentId) -> Row:
    owned = str(ticket.fields.get("agent_id") or "") == agent_id
    customer = names.get(ticket.customer_id) if ticket.customer_id else None
    return {**ticket_row(ticket), "own": owned, "customer_name": customer}


def entry_row(entry: Entry, name_of: Callable[[str], str], texts: Texts) -> Row:
    notes = [
        {"by": note.agent_id, "name": name_of(note.agent_id), "at": note.saved_at, "text": note.text}
        for note in entry.notes
    ]
    return {
        **{field.name: getattr(entry, field.name) for field in fields(entry)},
        "agent_name": name_of(entry.agent_id) if entry.agent_id else "",
        "talk_micros": entry.talk,
        "path": path_rows(entry.menu, texts),
        "notes": notes,
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
        "placed": day.placed,
        "reached": day.reached,
        "talk_micros": day.talk,
        "hold_micros": day.hold,
        "wrap_up_micros": day.wrap_up,
        "average_micros": day.average,
        "ready_micros": day.ready,
        "occupancy": day.occupancy,
    }
