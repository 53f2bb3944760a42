"""One caller's call, folded from its facts: the call record behind screen pop, history and reports.

The fold forgives missing and repeated facts, as they come after a gap, and invents nothing: `missing_start` says that the
arrival was not seen, `unknown_end` that the end was not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId, CallId, CustomerId, Micros
from cti_server.domain.visit_records import VisitRecord, apply_visit

Direction = Literal["inbound", "outbound", "internal", "callback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuStep:
    flow: str
    node: str
    key: str
    label: str
    at: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitsStep:
    """`digits` as the fact has them: masked, empty for secret input."""

    flow: str
    node: str
    digits: str
    valid: bool
    at: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedStep:
    flow: str
    node: str
    reason: Literal["timeout", "invalid", "too_long"]
    at: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRef:
    """`urged`: the call asked about this ticket, which an earlier one had made."""

    ticket: str
    ticket_id: str
    number: str
    urged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DispositionRef:
    """What an agent said his visit was about."""

    agent_id: AgentId
    visit_id: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyStep:
    """`score` is None while the caller was asked and has not answered."""

    node: str
    agent_id: AgentId | None
    score: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStep:
    how: Literal["blind", "attended", "flow"]
    target: str
    by: AgentId | None
    at: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRef:
    purpose: Literal["message", "description", "talk"]
    path: str
    millis: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """`started` and `ended` in micros UTC; `ended` None = goes on. `ivr` sums the time spent in no queue and with no agent."""

    call_id: CallId
    started: Micros
    direction: Direction = "inbound"
    caller: str = ""
    did: str = ""
    channels: tuple[tuple[str, str], ...] = ()
    """(node, uniqueid) of every channel the caller came to us on, first to last; of a call an agent placed, his own first."""
    customer_id: CustomerId | None = None
    tier: str = ""
    flags: tuple[str, ...] = ()
    language: str = ""
    flow: str = ""
    flow_version: str = ""
    menu: tuple[MenuStep, ...] = ()
    digits: tuple[DigitsStep, ...] = ()
    missed: tuple[MissedStep, ...] = ()
    failures: tuple[str, ...] = ()
    visits: tuple[VisitRecord, ...] = ()
    tickets: tuple[TicketRef, ...] = ()
    dispositions: tuple[DispositionRef, ...] = ()
    """One a visit and agent."""
    surveys: tuple[SurveyStep, ...] = ()
    transfers: tuple[TransferStep, ...] = ()
    recordings: tuple[RecordingRef, ...] = ()
    callback_of: str = ""
    """Ticket id of the callback request this outgoing call answers."""
    ended: Micros | None = None
    ended_side: f.Side | None = None
    cause: int = 0
    in_fallback: bool = False
    missing_start: bool = False
    unknown_end: bool = False
    unseen: f.CallUnseen | None = None
    """All that is known of a call no server saw; it has no visits, so that it counts in no figure of ours."""
    resumed: int = 0
    ivr: Micros = 0
    ivr_since: Micros | None = None
    last_at: Micros = 0
    """Time of the last fact; the best upper bound of what is not known to have ended."""

    @property
    def open(self) -> bool:
        return self.ended is None

    @property
    def menu_path(self) -> str:
        """Labels, or keys where a choice has none: `报修 › 停电`."""
        return " › ".join(step.label or step.key for step in self.menu)

    @property
    def last_agent(self) -> AgentId | None:
        """Who talked last, or tried to reach him."""
        if self.unseen is not None:
            return self.unseen.answered_by
        agents = (visit.agent_id or visit.placed_by for visit in reversed(self.visits))
        return next((agent_id for agent_id in agents if agent_id), None)

    def visit(self, visit_id: str) -> VisitRecord | None:
        return next((visit for visit in self.visits if visit.visit_id == visit_id), None)


def apply(record: CallRecord | None, fact: f.CallFact) -> CallRecord:
    """The call record after `fact`; `record` None = the first fact of this call that we have."""
    before = record or _blank(fact)
    if isinstance(fact, f.VisitFact):
        after = _apply_visit(before, fact)
    else:
        fold = _FOLDS.get(type(fact))
        after = fold(before, fact) if fold else before
    return _count_ivr(replace(after, last_at=max(after.last_at, fact.at)), fact.at)


def _blank(fact: f.CallFact) -> CallRecord:
    return CallRecord(call_id=fact.call_id, started=fact.at, missing_start=not isinstance(fact, f.CallArrived))


def _apply_visit(record: CallRecord, fact: f.VisitFact) -> CallRecord:
    known = record.visit(fact.visit_id)
    visit = apply_visit(known, fact)
    if record.ended is not None and record.ended_side is not None:
        visit = visit.close(max(fact.at, record.ended), record.ended_side)
    if known is None:
        return replace(record, visits=(*record.visits, visit))
    return replace(record, visits=tuple(visit if v is known else v for v in record.visits))


def _count_ivr(record: CallRecord, at: Micros) -> CallRecord:
    """Open or close the running stretch of IVR time, as the record stands after a fact."""
    in_ivr = record.ended is None and not any(visit.open for visit in record.visits)
    if in_ivr:
        return record if record.ivr_since is not None else replace(record, ivr_since=at)
    if record.ivr_since is None:
        return record
    return replace(record, ivr=record.ivr + max(0, at - record.ivr_since), ivr_since=None)


def _add(record: CallRecord, name: str, item: object) -> CallRecord:
    """Append to a tuple field unless the very same item is there: facts may be told twice."""
    items = getattr(record, name)
    return record if item in items else replace(record, **{name: (*items, item)})  # type: ignore[arg-type]


def _arrived(record: CallRecord, fact: f.CallArrived) -> CallRecord:
    record = _add(record, "channels", (fact.node, fact.uniqueid))
    return replace(
        record,
        started=min(record.started, fact.at),
        direction=fact.direction,
        caller=fact.caller,
        did=fact.did,
        missing_start=False,
    )


def _channel_joined(record: CallRecord, fact: f.ChannelJoined) -> CallRecord:
    return _add(record, "channels", (fact.node, fact.uniqueid))


def _resumed(record: CallRecord, fact: f.CallResumed) -> CallRecord:
    """A call closed as `unknown end` that comes back was not over: it is opened again."""
    if (fact.node, fact.uniqueid) in record.channels and fact.at <= record.last_at:
        return record
    record = _add(record, "channels", (fact.node, fact.uniqueid))
    record = replace(record, resumed=record.resumed + 1)
    if not record.unknown_end:
        return record
    return replace(record, ended=None, ended_side=None, cause=0, unknown_end=False)


def _identified(record: CallRecord, fact: f.CallerIdentified) -> CallRecord:
    return replace(record, customer_id=fact.customer_id, tier=fact.tier, flags=fact.flags)


def _flow_entered(record: CallRecord, fact: f.FlowEntered) -> CallRecord:
    """The first flow is the call's; subflows and resumes do not rename it."""
    return record if record.flow else replace(record, flow=fact.flow, flow_version=fact.version)


def _menu_chosen(record: CallRecord, fact: f.MenuChosen) -> CallRecord:
    step = MenuStep(flow=fact.flow, node=fact.node, key=fact.key, label=fact.label, at=fact.at)
    return _add(record, "menu", step)


def _input_collected(record: CallRecord, fact: f.InputCollected) -> CallRecord:
    step = DigitsStep(flow=fact.flow, node=fact.node, digits=fact.digits, valid=fact.valid, at=fact.at)
    return _add(record, "digits", step)


def _input_missed(record: CallRecord, fact: f.InputMissed) -> CallRecord:
    step = MissedStep(flow=fact.flow, node=fact.node, reason=fact.reason, at=fact.at)
    return _add(record, "missed", step)


def _language_chosen(record: CallRecord, fact: f.LanguageChosen) -> CallRecord:
    return replace(record, language=fact.language)


def _recording_made(record: CallRecord, fact: f.RecordingMade) -> CallRecord:
    return _add(record, "recordings", RecordingRef(purpose=fact.purpose, path=fact.path, millis=fact.millis))


def _ticket_created(record: CallRecord, fact: f.TicketCreated) -> CallRecord:
    ref = TicketRef(ticket=fact.ticket, ticket_id=fact.ticket_id, number=fact.number)
    return _add(record, "tickets", ref)


def _ticket_urged(record: CallRecord, fact: f.TicketUrged) -> CallRecord:
    ref = TicketRef(ticket="order", ticket_id=fact.ticket_id, number=fact.number, urged=True)
    return _add(record, "tickets", ref)


def _disposition_set(record: CallRecord, fact: f.DispositionSet) -> CallRecord:
    """The last one of a visit and agent counts."""
    ref = DispositionRef(agent_id=fact.agent_id, visit_id=fact.visit_id, code=fact.code)
    others = [r for r in record.dispositions if (r.agent_id, r.visit_id) != (ref.agent_id, ref.visit_id)]
    return replace(record, dispositions=(*others, ref))


def _flow_failed(record: CallRecord, fact: f.FlowFailed) -> CallRecord:
    return _add(record, "failures", f"{fact.flow}/{fact.node}: {fact.error}")


def _survey_offered(record: CallRecord, fact: f.SurveyOffered) -> CallRecord:
    if any(step.node == fact.node and step.agent_id == fact.agent_id for step in record.surveys):
        return record
    return _add(record, "surveys", SurveyStep(node=fact.node, agent_id=fact.agent_id))


def _survey_answered(record: CallRecord, fact: f.SurveyAnswered) -> CallRecord:
    """The first answer of one survey about one agent counts."""
    same = [step for step in record.surveys if step.node == fact.node and step.agent_id == fact.agent_id]
    answered = SurveyStep(node=fact.node, agent_id=fact.agent_id, score=fact.score)
    if not same:
        return _add(record, "surveys", answered)
    if same[0].score is not None:
        return record
    return replace(record, surveys=tuple(answered if step is same[0] else step for step in record.surveys))


def _transferred(record: CallRecord, fact: f.CallTransferred) -> CallRecord:
    return _add(record, "transfers", TransferStep(how=fact.how, target=fact.target, by=fact.by, at=fact.at))


def _callback_attempted(record: CallRecord, fact: f.CallbackAttempted) -> CallRecord:
    return replace(record, callback_of=fact.ticket_id)


def _ended(record: CallRecord, fact: f.CallEnded) -> CallRecord:
    """The first end stays. Visits and talks still open end with the call."""
    if record.ended is not None:
        return record
    ended = max(fact.at, record.started)
    return replace(
        record,
        ended=ended,
        ended_side=fact.side,
        cause=fact.cause,
        in_fallback=fact.in_fallback,
        unknown_end=fact.side == "unknown",
        visits=tuple(visit.close(ended, fact.side) for visit in record.visits),
    )


def _unseen(record: CallRecord, fact: f.CallUnseen) -> CallRecord:
    record = _add(record, "channels", (fact.node, fact.uniqueid))
    return replace(
        record,
        unseen=fact,
        caller=fact.caller,
        in_fallback=True,
        missing_start=False,
        ended=fact.ended_at,
        ended_side="unknown",
    )


_FOLDS: dict[type[f.Fact], Any] = {
    f.CallArrived: _arrived,
    f.ChannelJoined: _channel_joined,
    f.CallResumed: _resumed,
    f.CallerIdentified: _identified,
    f.FlowEntered: _flow_entered,
    f.MenuChosen: _menu_chosen,
    f.InputCollected: _input_collected,
    f.InputMissed: _input_missed,
    f.LanguageChosen: _language_chosen,
    f.RecordingMade: _recording_made,
    f.TicketCreated: _ticket_created,
    f.TicketUrged: _ticket_urged,
    f.DispositionSet: _disposition_set,
    f.FlowFailed: _flow_failed,
    f.SurveyOffered: _survey_offered,
    f.SurveyAnswered: _survey_answered,
    f.CallTransferred: _transferred,
    f.CallbackAttempted: _callback_attempted,
    f.CallEnded: _ended,
    f.CallUnseen: _unseen,
}
