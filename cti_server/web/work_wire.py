"""Wire models of the agent's work about a call: notes, codes, tickets, who the caller is, own figures."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field, StrictBool, StringConstraints

from cti_server.domain.timeline import EntryKind
from cti_server.domain.work import NOTE_LIMIT
from cti_server.web.api.wishes import OfAgent
from cti_server.web.wire import Args, CallRow, PathStep, Plain, Wire

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
"""Text of several lines: no control characters but tab and line ends."""
Named = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$")]
"""`Plain` that is not blank."""
RequestId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
"""A UUID the page makes: what is sent twice is done once."""
ONE_KIND = f"({'|'.join(get_args(EntryKind))})"
NOTE = Field("", max_length=NOTE_LIMIT)
DUE = Field(None, ge=0, le=2**53)


class NoteSaved(Wire):
    """`version` is the one to send with the next change; 0 = nothing saved yet."""

    call_id: str
    text: str = ""
    version: int = 0
    saved_at: int | None = None


class DispositionCode(Wire):
    """`queues` empty = offered in every queue; `group` the name of the group it stands in, by language (zh, en)."""

    code: str
    zh: str
    en: str
    queues: tuple[str, ...] = ()
    group: dict[str, str] | None = None


class TicketRow(Wire):
    """`phone`, `name`, `address` and `account` are what the ticket itself says; `changed_at` comes back with a change."""

    ticket_id: str
    number: str
    kind: str
    state: str
    open: bool
    opened_at: int
    due_at: int | None = None
    summary: str = ""
    description: str = ""
    call_id: str = ""
    customer_id: str | None = None
    phone: str = ""
    name: str = ""
    address: str = ""
    account: str = ""
    changed_at: int = 0


class CallWork(Wire):
    """An agent's work about one call. `required`: the wrap-up is not ended without a code. `until_done`: it has no countdown.
    `extended`: it has been. `tickets` were made in this call."""

    call_id: str
    note: NoteSaved
    disposition: str | None = None
    required: bool = False
    until_done: bool = False
    extended: bool = False
    codes: tuple[DispositionCode, ...] = ()
    tickets: tuple[TicketRow, ...] = ()


class Task(TicketRow):
    """A message or callback to see to; `own` false = nobody's yet."""

    own: bool = True
    customer_name: str | None = None


class EntryNote(Wire):
    """What an agent noted about a call."""

    by: str
    name: str = ""
    at: int
    text: str


class TimelineEntry(Wire):
    """A call, or a ticket. `number` is the ticket's own, of a call the other side's phone; `by` is who made a ticket, '' = the
    caller; `outcome` of a call is its last visit's (null = it came to no queue), of a ticket its state; `topic` a menu path or
    summary, `text` a description."""

    kind: EntryKind
    at: int
    call_id: str = ""
    ticket_id: str = ""
    number: str = ""
    direction: str = ""
    queue: str | None = None
    outcome: str | None = None
    open: bool = False
    agent_id: str | None = None
    agent_name: str = ""
    by: str = ""
    topic: str = ""
    path: tuple[PathStep, ...] = ()
    text: str = ""
    talk_micros: int = 0
    codes: tuple[str, ...] = ()
    notes: tuple[EntryNote, ...] = ()


class TimelinePage(Wire):
    """Newest first; `more` = `before` of the next page, null = this is the last."""

    entries: tuple[TimelineEntry, ...] = ()
    more: str | None = None


class TicketStep(Wire):
    """`what` is a state entered, `note`, `urged` or `changed`."""

    at: int
    by: str
    what: str
    text: str = ""


class TicketCard(TicketRow):
    notes: tuple[TicketStep, ...] = ()


class WorkedCall(CallRow):
    """One's own call; `talk_micros` is one's own talk, `tickets` are numbers. `code_missing`: its queue wants a code still."""

    note: str = ""
    disposition: str | None = None
    tickets: tuple[str, ...] = ()
    code_missing: bool = False


class Figures(Wire):
    """One's own figures since `since` (midnight at the site). `placed` calls of one's own, of which `reached` were answered;
    times are of calls in and out. `average_micros` = (talk + hold + wrap-up) / handled; `occupancy` (0–1) = (offered +
    dialling + talk + hold + wrap-up) / (that + ready), until now; null = nothing to divide by."""

    since: int
    answered: int = 0
    missed: int = 0
    placed: int = 0
    reached: int = 0
    talk_micros: int = 0
    hold_micros: int = 0
    wrap_up_micros: int = 0
    average_micros: int | None = None
    ready_micros: int = 0
    occupancy: float | None = None


class CodeUse(Wire):
    """How many of one's visits of the last days got this code."""

    code: str
    times: int


class OfCall(OfAgent):
    call_id: Plain = Field(min_length=1, max_length=64)


class SaveNote(OfCall):
    """`version` is the one the change was made on."""

    text: Text = NOTE
    version: int = Field(0, ge=0, le=2**31 - 2)


class SetDisposition(OfCall):
    code: Plain = Field(min_length=1, max_length=32)


class CreateTicket(OfCall):
    """What is left empty is filled in from the call and the customer's file. `due_at`: a callback is not rung before."""

    kind: Literal["order", "message", "callback"]
    request_id: RequestId
    summary: Plain = Field("", max_length=256)
    description: Text = Field("", max_length=4_000)
    number: Plain = Field("", max_length=40)
    name: Plain = Field("", max_length=128)
    address: Plain = Field("", max_length=256)
    account: Plain = Field("", max_length=16)
    due_at: int | None = DUE


class UrgeTicket(OfCall):
    ticket_id: Plain = Field(min_length=1, max_length=64)
    text: Text = NOTE


class LinkCustomer(OfCall):
    """`add_number`: from now on the caller's number stands in this customer's file."""

    customer_id: Plain = Field(min_length=1, max_length=64)
    add_number: bool = False


class FileFields(Args):
    """What a customer's file says; `phones` in any way people write them."""

    name: Named = Field(max_length=128)
    company: Plain = Field("", max_length=128)
    address: Plain = Field("", max_length=256)
    language: Literal["", "zh", "en"] = ""
    email: Plain = Field("", max_length=128)
    convenient_time: Plain = Field("", max_length=64)
    notes: Text = Field("", max_length=4_000)
    phones: list[Annotated[Plain, Field(max_length=40)]] = Field([], max_length=10)
    flags: list[Annotated[Plain, Field(max_length=20)]] = Field([], max_length=10)


class NewCustomer(FileFields):
    """`anyway`: also when somebody like him has a file."""

    request_id: RequestId
    anyway: StrictBool = False


class CreateCustomer(OfCall, NewCustomer):
    """Who calls is entered."""


class ChangeCustomer(FileFields):
    """The whole file as it is to be; `version` is the one the change was made on."""

    customer_id: Plain = Field(min_length=1, max_length=64)
    version: int = Field(ge=1, le=2**31 - 2)


class TimelineOf(Args):
    """`kinds` empty = all, several with commas between; `before` = `more` of the page before."""

    customer_id: Plain = Field(min_length=1, max_length=64)
    kinds: Annotated[str, StringConstraints(pattern=rf"^({ONE_KIND}(,{ONE_KIND}){{0,4}})?$")] = ""
    before: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}\.[0-9A-Za-z_-]{1,64}$")] | None = None
    limit: int = Field(20, ge=1, le=100)


class OneTicket(OfAgent):
    ticket_id: Plain = Field(min_length=1, max_length=64)


class NoteTicket(OneTicket):
    text: Text = Field(min_length=1, max_length=NOTE_LIMIT)


class EditTicket(OneTicket):
    """The fields as they are to be; `seen` is the `changed_at` the change was made on."""

    seen: int = Field(ge=0, le=2**62)
    summary: Plain = Field("", max_length=256)
    description: Text = Field("", max_length=4_000)
    number: Plain = Field("", max_length=40)
    name: Plain = Field("", max_length=128)
    address: Plain = Field("", max_length=256)
    account: Plain = Field("", max_length=16)
    due_at: int | None = DUE


class CloseTicket(OneTicket):
    text: Text = NOTE


class MyDay(OfAgent):
    """`days` with today; `missing` = only calls whose code is missing."""

    limit: int = Field(100, ge=1, le=500)
    days: int = Field(1, ge=1, le=31)
    missing: bool = False


ANSWERS: tuple[type[BaseModel], ...] = (
    CallWork,
    TicketRow,
    TicketCard,
    WorkedCall,
    Figures,
    Task,
    TimelinePage,
    CodeUse,
)
