"""Everything that can happen, as typed, immutable facts on one timeline.

A fact says what happened and when (`at`, micros UTC). It is recorded once, in order, with a growing `id`
(see `Recorded`). Live board, reports, screen pop and call records are folds over the same facts, so a number
on the live board and one in a report cannot disagree.

Digits a caller entered appear only masked (`PIN` never, not even masked). Numbers that identify a person stand in
fields listed in `PII`, which logs mask.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass, fields
from typing import Any, Literal

from cti_server.domain.ids import AgentId, CallId, CustomerId, Micros, OfferId, QueueName, VisitId
from cti_server.errors import InvalidValue

Outcome = Literal[
    "answered", "abandoned", "overflowed", "timed_out", "callback", "key_exit", "refused", "unknown", "not_reached"
]
"""A visit ends in exactly one of these (metrics.md). Only `abandoned` counts as abandonment; `not_reached` is of calls agents
place, which belong to no queue."""

NotReached = Literal["busy", "no_answer", "unreachable", "failed", "cancelled", "no_phone", "unknown"]
"""Why nobody answered a call an agent placed. `unreachable`: no such number, or switched off; `cancelled`: he hung up first;
`no_phone`: his own phone did not answer; `unknown`: the end was not seen (gap)."""

Side = Literal["caller", "agent", "server", "transfer", "unknown"]
"""Who ended a talk or a call."""

OfferResult = Literal["answered", "no_answer", "rejected", "unreachable", "caller_gone", "withdrawn"]
ConsultTo = Literal["agent", "queue", "number"]
ConsultResult = Literal["cancelled", "rejected", "no_answer", "unreachable", "gone", "unknown"]
"""Why a consultation ended with the agent back at his caller. `gone` = the one consulted hung up; `unknown` = nobody saw it."""

MISSES: frozenset[OfferResult] = frozenset({"no_answer", "rejected", "unreachable"})

PII = frozenset({"caller", "number", "digits", "text", "address", "name", "path", "target"})

KINDS: dict[str, type[Fact]] = {}
_FIELDS: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened at `at` (micros UTC)."""

    at: Micros

    def __init_subclass__(cls, **kwargs: Any) -> None:
        KINDS[cls.__name__] = cls


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFact(Fact):
    """A fact of one call."""

    call_id: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFact(CallFact):
    """A fact of one stay of one call in one queue."""

    visit_id: VisitId


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFact(Fact):
    """A fact of one agent."""

    agent_id: AgentId


# ---- the call ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CallArrived(CallFact):
    """A caller's channel reached us. `caller` is E.164 where it could be read, else what came, cleaned; '' = withheld."""

    node: str
    channel: str
    uniqueid: str
    caller: str
    did: str
    direction: Literal["inbound", "outbound", "internal", "callback"] = "inbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelJoined(CallFact):
    """One more channel of a call an agent placed: his own phone's, or that of whom he called."""

    node: str
    channel: str
    uniqueid: str
    side: Literal["agent", "party"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResumed(CallFact):
    """The same caller came back to us: after our restart, or sent here by a transfer."""

    node: str
    channel: str
    uniqueid: str
    stage: Literal["menu", "waiting", "talking", "transfer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTakenUp(CallFact):
    """The call of a server (`of`) whose lease has lapsed is another's from now on."""

    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallUnseen(CallFact):
    """No server saw this call: Asterisk's own queue had it, and its log says so, to the second. `at` is when the caller entered;
    `answered_by` is null when nobody answered or the phone is no agent's."""

    node: str
    uniqueid: str
    caller: str
    queue: QueueName
    outcome: Outcome
    answered_by: AgentId | None = None
    answered_at: Micros | None = None
    ended_at: Micros

    @property
    def wait(self) -> Micros:
        return (self.answered_at or self.ended_at) - self.at

    @property
    def talk(self) -> Micros:
        return self.ended_at - self.answered_at if self.answered_at else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIdentified(CallFact):
    customer_id: CustomerId
    tier: str
    flags: tuple[str, ...] = ()
    by: Literal["number", "account", "agent"] = "number"
    agent_id: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowEntered(CallFact):
    flow: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEntered(CallFact):
    """The caller reached a node that asks for something (menu, collect, record, survey)."""

    flow: str
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuChosen(CallFact):
    flow: str
    node: str
    key: str
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputCollected(CallFact):
    """`digits` is masked (`1000••18`); for secret input it is empty."""

    flow: str
    node: str
    digits: str
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InputMissed(CallFact):
    """The caller pressed nothing in time, or a key that is not on offer."""

    flow: str
    node: str
    reason: Literal["timeout", "invalid", "too_long"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupDone(CallFact):
    flow: str
    node: str
    adapter: str
    outcome: str
    micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChosen(CallFact):
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingMade(CallFact):
    """A sound file was stored. `path` is relative to the recordings root; `millis` its length."""

    purpose: Literal["message", "description", "talk"]
    path: str
    millis: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketCreated(CallFact):
    """The call led to a work order, a message or a callback request. `number` is what the caller was told; `agent_id` who
    made it, null = the flow did."""

    ticket: Literal["order", "message", "callback", "complaint"]
    ticket_id: str
    number: str
    agent_id: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketUrged(CallFact):
    """A repeat caller asked about an open order: linked as an urging, no second order (service-rules 4)."""

    ticket_id: str
    number: str
    agent_id: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNoted(CallFact):
    """An agent's note about the call was saved; its text is kept apart. Told at most every few seconds while he types."""

    agent_id: AgentId
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DispositionSet(CallFact):
    """The agent said what the call was about. The last one of a visit and agent counts."""

    agent_id: AgentId
    visit_id: VisitId
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFailed(CallFact):
    """A machine part failed and the caller was sent to a person or to a spoken apology."""

    flow: str
    node: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyAnswered(CallFact):
    node: str
    score: int
    agent_id: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyOffered(CallFact):
    node: str
    agent_id: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTransferred(CallFact):
    """`target` is a queue name, an agent id or a number; `by` the agent who transferred."""

    how: Literal["blind", "attended", "flow"]
    target: str
    by: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallFact):
    """`side='unknown'` = the end was not seen (gap): flagged, never guessed. `cause` is the Q.850 number, 0 = none."""

    side: Side
    cause: int = 0
    in_fallback: bool = False


# ---- the visit ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitStarted(VisitFact):
    """The call joined a queue. `entered_at` is the time that decides its place: older than `at` when a place was kept."""

    queue: QueueName
    priority: int
    entered_at: Micros
    skills: tuple[tuple[str, int], ...] = ()
    preferred: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOffered(VisitFact):
    """`until` is when ringing must be over; 0 = not said."""

    offer_id: OfferId
    agent_id: AgentId
    until: Micros = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRinging(VisitFact):
    """The agent's phone rings: the moment the screen pops."""

    offer_id: OfferId
    agent_id: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferEnded(VisitFact):
    offer_id: OfferId
    agent_id: AgentId
    result: OfferResult


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkStarted(VisitFact):
    agent_id: AgentId
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldStarted(VisitFact):
    agent_id: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldEnded(VisitFact):
    agent_id: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkEnded(VisitFact):
    agent_id: AgentId
    side: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultStarted(VisitFact):
    """The agent asks somebody else while the caller hears music (attended transfer). `consult_id` is the call that rings him.
    The end of the talk ends its consultations and its conference too."""

    agent_id: AgentId
    consult_id: CallId
    to: ConsultTo
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultAnswered(VisitFact):
    """`partner` is the agent who answered, null = somebody outside."""

    agent_id: AgentId
    consult_id: CallId
    partner: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultSwapped(VisitFact):
    """The agent speaks with the other of the two now."""

    agent_id: AgentId
    consult_id: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultEnded(VisitFact):
    """The agent is back with his caller alone, or with the conference he left to consult."""

    agent_id: AgentId
    consult_id: CallId
    result: ConsultResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceJoined(VisitFact):
    """The one consulted talks with caller and agent together."""

    agent_id: AgentId
    consult_id: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceLeft(VisitFact):
    """The one who had joined by this consultation has gone; caller and agent talk on."""

    agent_id: AgentId
    consult_id: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitEnded(VisitFact):
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlaced(VisitFact):
    """An agent calls `number`: his part of the call is a visit of no queue. `until` is when it must have been answered; 0 = not
    said. An answer is `TalkStarted`."""

    agent_id: AgentId
    number: str
    until: Micros = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyRinging(VisitFact):
    """The phone of whom the agent calls rings."""

    agent_id: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNotReached(VisitFact):
    """Nobody answered a placed call. `rang`: his phone had rung."""

    agent_id: AgentId
    result: NotReached
    rang: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitAssigned(VisitFact):
    """A leader (`by`, his login) gave a waiting caller to this agent out of turn. The offer follows."""

    agent_id: AgentId
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitMoved(VisitFact):
    """A leader (`by`) sends a waiting caller to another queue. The visit ends as overflowed, the next one keeps his time."""

    queue: QueueName
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitPromoted(VisitFact):
    """A leader (`by`) put a waiting caller at the head of his queue: `priority` is his from now on."""

    priority: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAttempted(CallFact):
    """We rang a caller back. `call_id` is the new, outgoing call; `ticket_id` the request."""

    ticket_id: str
    attempt: int
    reached: bool


# ---- the agent ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSignedIn(AgentFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSignedOut(AgentFact):
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReady(AgentFact):
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPaused(AgentFact):
    """`by` is the agent's own id, a leader's login, or `system` (reason `missed_calls`)."""

    reason: str
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpStarted(AgentFact):
    call_id: CallId
    visit_id: VisitId
    until: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpExtended(AgentFact):
    until: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpEnded(AgentFact):
    """`code_missing`: the queue wants a disposition code and none was given."""

    by: Literal["agent", "deadline", "signed_out", "leader"]
    code_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReachable(AgentFact):
    """The agent's phone has a live contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentUnreachable(AgentFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPhoneBusy(AgentFact):
    """The agent's phone is in use by a call that is none of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPhoneFree(AgentFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAssigned(AgentFact):
    """The queues the agent serves from now on, each with his level 1–10; `by` is the login of whoever moved him. `then` = what
    he serves again after this shift; null = the move is for good."""

    queues: tuple[tuple[str, int], ...]
    by: str
    then: tuple[tuple[str, int], ...] | None = None


# ---- the shift leader ----------------------------------------------------------------------------------------

ListenMode = Literal["listen", "whisper", "barge"]
"""listen: hears both; whisper: the agent hears him too; barge: everybody hears everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenFact(CallFact):
    """Somebody (`by`, his login) on an agent's talk. The agent is `subject`, not `agent_id`: he is told only when `told`
    (setting calls.tell_listening)."""

    listening_id: str
    subject: AgentId
    by: str
    told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenStarted(ListenFact):
    """He hears the talk from now on."""

    mode: ListenMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenModeChanged(ListenFact):
    mode: ListenMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenEnded(ListenFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementMade(Fact):
    """A message of a leader's to `agents`; `audience` is `all`, `queue` or `agent`, and `name` which of them."""

    announcement_id: str
    by: str
    audience: Literal["all", "queue", "agent"]
    name: str
    text: str
    agents: tuple[AgentId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementRead(AgentFact):
    announcement_id: str


AlarmKind = Literal["waiting", "longest_wait", "service_level", "agents_ready"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFact(Fact):
    queue: QueueName
    alarm: AlarmKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised(AlarmFact):
    """A queue is beyond a threshold. `value` and `threshold` are callers, seconds, percent, or agents, by kind of alarm."""

    value: int
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared(AlarmFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmAcknowledged(AlarmFact):
    """A leader (`by`, his login) has seen the alarm and takes care of it."""

    by: str


# ---- the system --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRecorded(Fact):
    """We could not see from `since` to `at`, or could not keep what we saw (`journal`). Reports over that time say so."""

    what: Literal["server_down", "switch_link", "journal"]
    node: str
    since: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchLinked(Fact):
    node: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchLost(Fact):
    node: str


# ---- recorded facts and their wire form ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact with its place on the timeline: `id` grows strictly on one server, across restarts too.

    It is the id of the live event stream (`Last-Event-Id`) and, with `server`, the key that stores a fact exactly once.
    Ids are made from the clock in micros, never repeating, so they fit a JavaScript number.
    """

    id: int
    server: str
    fact: Fact


def to_dict(fact: Fact) -> dict[str, Any]:
    """The fact's own fields, without its kind. Values are JSON types only."""
    return {name: getattr(fact, name) for name in _names(type(fact))}


def from_dict(kind: str, data: dict[str, Any]) -> Fact:
    """The inverse of `to_dict`; fields a newer server added are ignored. Raises InvalidValue for an unknown kind."""
    cls = KINDS.get(kind)
    if cls is None:
        raise InvalidValue(f"unknown kind of fact: {kind!r}")
    try:
        return cls(**{k: _tuples(v) for k, v in data.items() if k in _names(cls)})
    except TypeError as error:
        raise InvalidValue(f"{kind}: {error}") from error


def call_id_of(fact: Fact) -> CallId | None:
    return getattr(fact, "call_id", None)


def agent_id_of(fact: Fact) -> AgentId | None:
    return getattr(fact, "agent_id", None)


def schema() -> dict[str, dict[str, str]]:
    """Kind → field → type text, for docs/events.md and the desktop's protocol.ts."""
    return {
        kind: {name: _type_text(hint) for name, hint in typing.get_type_hints(cls).items()}
        for kind, cls in KINDS.items()
        if cls not in (CallFact, VisitFact, AgentFact, ListenFact, AlarmFact)
    }


def _names(cls: type[Fact]) -> tuple[str, ...]:
    names = _FIELDS.get(cls.__name__)
    if names is None:
        names = _FIELDS[cls.__name__] = tuple(field.name for field in fields(cls))
    return names


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _type_text(hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return " | ".join(repr(value) for value in typing.get_args(hint))
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return " | ".join(_type_text(part) for part in typing.get_args(hint))
    if hint is type(None):
        return "null"
    if isinstance(hint, typing.NewType):
        return "string"
    return {int: "number", str: "string", bool: "boolean"}.get(hint, str(hint))
