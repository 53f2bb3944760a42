"""What goes over the wire, as models: REST answers and live messages. OpenAPI and the desktop's protocol.ts are
generated from here, so the three cannot disagree.

Times are micros since 1970 UTC, durations micros, money whole fen (1/100 yuan; a debt is negative).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from cti_server.domain.agents import Intent
from cti_server.domain.facts import AlarmKind, ConsultResult, ConsultTo
from cti_server.domain.users import Role

System = Literal["available", "offered", "dialling", "talking", "internal", "wrap_up", "unreachable", "busy"]
Stage = Literal["menu", "waiting", "ringing", "dialling", "talking", "held", "survey", "ended"]


class Wire(BaseModel):
    """Unknown fields of an answer are dropped: only what stands here leaves the server."""

    model_config = ConfigDict(extra="ignore")


class Consult(Wire):
    """Somebody an agent asks during a talk, or who has joined it. `since` is of the last change; `result` set = over, and why;
    `with_caller`: the agent has swapped back to his caller."""

    consult_id: str
    to: ConsultTo
    target: str
    since: int
    partner: str | None = None
    answered: bool = False
    with_caller: bool = False
    result: ConsultResult | None = None


class Me(Wire):
    """An agent: what he asked for (intent) and what the system sees are two fields. `busy` = his phone is in a call that is
    none of ours; `held` = the talk is on hold. `deadline` is when the state ends by itself; null = it does not.
    `by` = who else asked for the intent: a leader's login or `system`; '' = the agent himself."""

    agent_id: str
    name: str = ""
    intent: Intent
    reason: str | None = None
    by: str = ""
    system: System
    since: int
    deadline: int | None = None
    call_id: str | None = None
    visit_id: str | None = None
    offer_id: str | None = None
    held: bool = False
    consult: Consult | None = None
    parties: list[Consult] = []
    queues: list[str] = []
    levels: dict[str, int] = {}


class AgentRow(Me):
    """An agent on the board: with his figures of today. `average` = AHT (talk, hold and wrap-up of a handled call); `lent` = he
    serves these queues until he signs out."""

    answered: int = 0
    average: int | None = None
    lent: bool = False
    skills: dict[str, int] = {}


class QueueRow(Wire):
    """`longest_since` is when the caller who waits longest entered the queue; `title` its name by language (zh, en). Counts
    and rates are of today, in the site's time zone; `unseen` calls, which only Asterisk's own queue saw, are in none of them;
    null = nothing to divide by. `service_levels` by formula, SL1–SL6, and their `threshold` in seconds. `trend`: visits offered,
    answered, abandoned by interval, `trend_step` long each, from `trend_at`."""

    name: str
    title: dict[str, str] = {}
    waiting: int = 0
    longest_since: int | None = None
    offered: int = 0
    ringing: int = 0
    talking: int = 0
    ready: int = 0
    free: int = 0
    signed_in: int = 0
    answered: int = 0
    abandoned: int = 0
    abandoned_short: int = 0
    unseen: int = 0
    overflowed: int = 0
    callbacks: int = 0
    answer_rate: float | None = None
    asa: int | None = None
    average_talk: int | None = None
    service_levels: dict[str, float | None] = {}
    threshold: float = 0
    trend_at: int = 0
    trend_step: int = 0
    trend: list[tuple[int, int, int]] = []
    alarms: list[AlarmKind] = []


class BoardCall(Wire):
    call_id: str
    caller: str = ""
    did: str = ""
    stage: Stage
    since: int
    queue: str | None = None
    agent_id: str | None = None
    customer_name: str | None = None


class Counts(Wire):
    """Agents by what they do, for those who may not see each other's state, and the visits of today in all queues."""

    signed_in: int = 0
    ready: int = 0
    talking: int = 0
    wrap_up: int = 0
    paused: int = 0
    calls: int = 0
    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    service_levels: dict[str, float | None] = {}


class Board(Wire):
    """For agents `agents` and `calls` are empty: they see the queues and `counts`."""

    at: int = 0
    switch_linked: bool = True
    queues: list[QueueRow] = []
    agents: list[AgentRow] = []
    calls: list[BoardCall] = []
    counts: Counts = Counts()


class BoardRows(Board):
    """Rows that changed, as of fact `last`; `gone` = rows to remove (kind and id). Replaces rows, adds none twice."""

    last: int
    gone: list[tuple[Literal["queue", "agent", "call", "switch"], str]] = []


class PauseCode(Wire):
    code: str
    zh: str
    en: str


class Account(Wire):
    """`balance_fen` below zero is arrears."""

    number: str
    status: str = "open"
    balance_fen: int = 0
    due_date: str | None = None
    address: str = ""


class Order(Wire):
    ticket_id: str
    number: str
    kind: str
    state: str
    opened_at: int
    due_at: int | None = None
    summary: str = ""


class Contact(Wire):
    """One line of a customer's history: a call, or what a call led to (`number` is the ticket's; of a call the other
    side's phone)."""

    kind: Literal["call", "order", "message", "callback", "complaint"] = "call"
    at: int
    call_id: str = ""
    ticket_id: str = ""
    number: str = ""
    queue: str | None = None
    outcome: str | None = None
    agent_id: str | None = None
    topic: str = ""
    direction: str = "inbound"


class CustomerRow(Wire):
    customer_id: str
    name: str = ""
    company: str = ""
    tier: str = "ordinary"
    flags: list[str] = []
    phones: list[str] = []
    address: str = ""


class CustomerCard(CustomerRow):
    """`orders` are tickets still open, complaints among them; `version` is the one to send with a change."""

    version: int = 1
    language: str | None = None
    email: str = ""
    convenient_time: str = ""
    notes: str = ""
    accounts: list[Account] = []
    orders: list[Order] = []
    contacts: list[Contact] = []


class PathStep(Wire):
    """One menu step the caller took; `label` is the choice in the menu's own words, `labels` in each language (zh, en) the flow
    has them in."""

    node: str
    key: str = ""
    label: str = ""
    labels: dict[str, str] = {}
    at: int


class Digits(Wire):
    """What the caller entered at a node, masked by the server; secret input never appears."""

    node: str
    digits: str


class NumberInfo(Wire):
    """What a number tells by itself, by language (zh, en)."""

    number: str
    region: dict[str, str] = {}
    carrier: dict[str, str] = {}


class Repeat(Wire):
    """He called `calls` times in the last 24 hours before this call; `order` is what he has open with us."""

    calls: int = 0
    last_at: int | None = None
    order: Order | None = None


class Pop(Wire):
    """Who is calling, or called (`direction` outbound; `dialling` is then `dialling`, `ringing`, or why nobody answered, and
    null once somebody has). `customer` is None when the number is not known or several have it (`candidates`); `entered_at`
    starts the wait."""

    call_id: str
    visit_id: str | None = None
    offer_id: str | None = None
    caller: str = ""
    did: str = ""
    direction: str = "inbound"
    dialling: str | None = None
    queue: str | None = None
    language: str | None = None
    entered_at: int | None = None
    answered_at: int | None = None
    path: list[PathStep] = []
    digits: list[Digits] = []
    customer: CustomerCard | None = None
    candidates: list[CustomerRow] = []
    number: NumberInfo | None = None
    repeat: Repeat | None = None


class CallRow(Wire):
    call_id: str
    at: int
    ended_at: int | None = None
    caller: str = ""
    did: str = ""
    direction: str = "inbound"
    customer_id: str | None = None
    customer_name: str | None = None
    queue: str | None = None
    outcome: str | None = None
    agent_id: str | None = None
    wait_micros: int = 0
    talk_micros: int = 0
    unknown_end: bool = False
    unseen: bool = False


class Event(Wire):
    """One fact. `event` is its id on the timeline: the place to resume from."""

    event: int
    kind: str
    at: int
    data: dict[str, Any]


class CallRecord(CallRow):
    timeline: list[Event] = []


class Session(Wire):
    """Who is signed in. `expires_at` is when it ends at the latest; `country` whose numbers are written without country code."""

    login: str
    name: str
    role: Role
    agent_id: str | None = None
    expires_at: int
    country: str


class Person(Wire):
    """Whose name stands for a login."""

    login: str
    name: str


class Args(BaseModel):
    """What a client sends: an unknown field is an error, so that a typing mistake is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


Plain = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text without control characters: databases refuse NUL, and CR/LF has no place in a name."""


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""With `strict`: an integer as JSON Schema has it. 613.0 is one, "613" and true are none."""


class SignIn(Args):
    login: Plain = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)


class Health(Wire):
    """`ok` when calls can be served; `degraded` names a part that is away. `details` is for administrators."""

    status: Literal["ok", "degraded"]
    version: str
    switch_linked: bool
    database: bool
    calls: int
    details: dict[str, Any] | None = None


class ErrorBody(Wire):
    code: str
    message: str
    details: dict[str, Any] = {}


class Failure(Wire):
    error: ErrorBody


class Done(Wire):
    """The wish was carried out; the new state comes over the live connection and in `me`."""

    me: Me | None = None


class LiveState(Wire):
    """State as of fact `last`. `me` is None for users who take no calls."""

    last: int
    now: int
    me: Me | None = None
    board: Board


class Reset(LiveState):
    """The stream could not be continued: forget earlier events. `reason` new = first connect, too_old, or unknown id."""

    reason: Literal["new", "too_old", "unknown"]


class Command(Args):
    """One live command: `{"id": 7, "do": "pause", "args": {"reason": "meal"}}`."""

    id: int = Field(ge=0, le=2**53)
    do: str = Field(max_length=40)
    args: dict[str, Any] = {}
