"""Everything a customer had to do with us as one timeline, newest first, read page by page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from cti_server.domain.calls import CallRecord, MenuStep
from cti_server.domain.ids import AgentId, Micros
from cti_server.domain.orders import Ticket
from cti_server.domain.work import Note

EntryKind = Literal["call", "order", "message", "callback", "complaint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`by` is who made a ticket: a login, or '' = the caller himself; `outcome` of a call is its last visit's, of a ticket its
    state; `topic` the menu path of a call, the summary of a ticket."""

    kind: EntryKind
    at: Micros
    call_id: str = ""
    ticket_id: str = ""
    number: str = ""
    direction: str = ""
    queue: str | None = None
    outcome: str | None = None
    open: bool = False
    agent_id: AgentId | None = None
    by: str = ""
    topic: str = ""
    text: str = ""
    menu: tuple[MenuStep, ...] = ()
    talk: Micros = 0
    codes: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def place(self) -> tuple[Micros, str]:
        """Where it stands on the timeline; no two entries stand in one place."""
        return self.at, self.ticket_id or self.call_id


def entry_of_call(record: CallRecord, notes: Sequence[Note]) -> Entry:
    visit = record.visits[-1] if record.visits else None
    return Entry(
        kind="call",
        at=record.started,
        call_id=record.call_id,
        number=record.caller,
        direction=record.direction,
        queue=(visit.queue or None) if visit else None,
        outcome=visit.result if visit else None,
        open=record.ended is None,
        agent_id=record.last_agent,
        topic=record.menu_path,
        menu=record.menu,
        talk=sum(one.talk for one in record.visits),
        codes=tuple(dict.fromkeys(ref.code for ref in record.dispositions)),
        notes=tuple(note for note in notes if note.call_id == record.call_id and note.text),
    )


def entry_of_ticket(ticket: Ticket) -> Entry:
    agent = ticket.fields.get("agent_id")
    return Entry(
        kind=ticket.kind,
        at=ticket.opened_at,
        call_id=ticket.call_id or "",
        ticket_id=ticket.ticket_id,
        number=ticket.number,
        outcome=ticket.state,
        open=ticket.open,
        agent_id=AgentId(str(agent)) if agent else None,
        by=str(ticket.fields.get("by") or ""),
        topic=ticket.summary,
        text=str(ticket.fields.get("description") or ""),
    )


def page(entries: Iterable[Entry], limit: int) -> tuple[list[Entry], str | None]:
    """The newest `limit` of them, and where the next page begins; None = there is none. Hand in one more of each kind than
    the limit."""
    found = sorted(entries, key=lambda entry: entry.place, reverse=True)
    shown = found[:limit]
    return shown, mark(shown[-1].place) if len(found) > limit else None


def mark(place: tuple[Micros, str]) -> str:
    return f"{place[0]}.{place[1]}"


def place_of(marked: str) -> tuple[Micros, str]:
    at, _, key = marked.partition(".")
    return int(at), key
