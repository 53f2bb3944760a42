"""Wire models of the agent's work about a call: notes, codes, tickets, who the caller is, own figures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from cti_server.domain.work import NOTE_LIMIT
from cti_server.web.api.wishes import OfAgent
from cti_server.web.wire import CallRow, Plain, Wire

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
"""Text of several lines: no control characters but tab and line ends."""
Named = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$")]
"""`Plain` that is not blank."""
RequestId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
"""A UUID the page makes: what is sent twice is done once."""
NOTE = Field("", max_length=NOTE_LIMIT)


class NoteSaved(Wire):
    """`version` is the one to send with the next change; 0 = nothing saved yet."""

    call_id: str
    text: str = ""
    version: int = 0
    saved_at: int | None = None


class DispositionCode(Wire):
    """`queues` empty = offered in every queue."""

    code: str
    zh: str
    en: str
    queues: tuple[str, ...] = ()


class CallWork(Wire):
    """An agent's work about one call. `required`: the wrap-up is not ended without a code. `until_done`: it has no countdown.
    `extended`: it has been."""

    call_id: str
    note: NoteSaved
    disposition: str | None = None
    required: bool = False
    until_done: bool = False
    extended: bool = False
    codes: tuple[DispositionCode, ...] = ()


class TicketRow(Wire):
    ticket_id: str
    number: str
    kind: str
    state: str
    open: bool
    opened_at: int
    due_at: int | None = None
    summary: str = ""
    description: str = ""


class TicketStep(Wire):
    """`what` is a state entered, `note` or `urged`."""

    at: int
    by: str
    what: str
    text: str = ""


class TicketCard(TicketRow):
    notes: tuple[TicketStep, ...] = ()


class WorkedCall(CallRow):
    """One's own call of today; `talk_micros` is one's own talk, `tickets` are numbers."""

    note: str = ""
    disposition: str | None = None
    tickets: tuple[str, ...] = ()


class Figures(Wire):
    """One's own figures since `since` (midnight at the site). `average_micros` = (talk + hold + wrap-up) / handled."""

    since: int
    answered: int = 0
    missed: int = 0
    talk_micros: int = 0
    hold_micros: int = 0
    wrap_up_micros: int = 0
    average_micros: int | None = None


class OfCall(OfAgent):
    call_id: Plain = Field(min_length=1, max_length=64)


class SaveNote(OfCall):
    """`version` is the one the change was made on."""

    text: Text = NOTE
    version: int = Field(0, ge=0, le=2**31 - 2)


class SetDisposition(OfCall):
    code: Plain = Field(min_length=1, max_length=32)


class CreateTicket(OfCall):
    """What is left empty is filled in from the call and the customer's file."""

    kind: Literal["order", "message", "callback"]
    request_id: RequestId
    summary: Plain = Field("", max_length=256)
    description: Text = Field("", max_length=4_000)
    number: Plain = Field("", max_length=40)
    name: Plain = Field("", max_length=128)
    address: Plain = Field("", max_length=256)
    account: Plain = Field("", max_length=16)


class UrgeTicket(OfCall):
    ticket_id: Plain = Field(min_length=1, max_length=64)
    text: Text = NOTE


class LinkCustomer(OfCall):
    """`add_number`: from now on the caller's number stands in this customer's file."""

    customer_id: Plain = Field(min_length=1, max_length=64)
    add_number: bool = False


class CreateCustomer(OfCall):
    """`phones` in any way people write them."""

    request_id: RequestId
    name: Named = Field(max_length=128)
    company: Plain = Field("", max_length=128)
    address: Plain = Field("", max_length=256)
    language: Literal["", "zh", "en"] = ""
    email: Plain = Field("", max_length=128)
    convenient_time: Plain = Field("", max_length=64)
    phones: list[Annotated[Plain, Field(max_length=40)]] = Field([], max_length=10)
    flags: list[Annotated[Plain, Field(max_length=20)]] = Field([], max_length=10)


class OneTicket(OfAgent):
    ticket_id: Plain = Field(min_length=1, max_length=64)


class NoteTicket(OneTicket):
    text: Text = Field(min_length=1, max_length=NOTE_LIMIT)


class MyDay(OfAgent):
    limit: int = Field(100, ge=1, le=500)


ANSWERS: tuple[type[BaseModel], ...] = (CallWork, TicketRow, TicketCard, WorkedCall, Figures)
