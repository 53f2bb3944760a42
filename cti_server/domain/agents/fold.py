"""The fold: an agent's state after each fact. Late and repeated facts change nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cti_server.domain.agents import consulting
from cti_server.domain.agents.state import SIGNED_IN, WITH_CALLER, WORKING, AgentState, SystemState
from cti_server.domain.facts import (
    MISSES,
    AgentOffered,
    AgentPaused,
    AgentPhoneBusy,
    AgentPhoneFree,
    AgentReachable,
    AgentReady,
    AgentSignedIn,
    AgentSignedOut,
    AgentUnreachable,
    CallEnded,
    CallNotReached,
    CallPlaced,
    DispositionSet,
    Fact,
    HoldEnded,
    HoldStarted,
    OfferEnded,
    TalkEnded,
    TalkStarted,
    WrapUpEnded,
    WrapUpExtended,
    WrapUpStarted,
)
from cti_server.domain.ids import Micros


def apply(state: AgentState, fact: Fact) -> AgentState:
    """The state after a fact; facts of other agents and other kinds change nothing."""
    step = _STEPS.get(type(fact))
    if step is None or not _concerns(state, fact):
        return state
    return _settled(state, step(state, fact), fact)


def _concerns(state: AgentState, fact: Any) -> bool:
    if isinstance(fact, CallEnded):
        return fact.call_id == state.call_id
    return bool(fact.agent_id == state.agent_id)


def _settled(before: AgentState, after: AgentState, fact: Fact) -> AgentState:
    """Derive what follows from the rest: what the system sees of an agent without work, and since when."""
    if after.system not in WORKING:
        after = replace(after, system=_unoccupied(after))
    if _shown(after) != _shown(before):
        after = replace(after, since=fact.at)
    if after.free and not before.free and not _kept_turn(fact):
        after = replace(after, idle_since=fact.at)
    return after


def _unoccupied(state: AgentState) -> SystemState:
    if not state.reachable:
        return "unreachable"
    return "busy_elsewhere" if state.phone_busy else "available"


def _shown(state: AgentState) -> tuple[str, str, str]:
    return (state.intent, state.reason, state.system)


def _kept_turn(fact: Fact) -> bool:
    return isinstance(fact, OfferEnded) and fact.result not in MISSES


def _without_work(state: AgentState) -> AgentState:
    return replace(
        state,
        system="available",
        call_id=None,
        visit_id=None,
        offer_id=None,
        deadline=None,
        wrap_up_until=None,
        wrap_up_extended=False,
        consult=None,
        parties=(),
    )


def _signed_in(state: AgentState, fact: AgentSignedIn) -> AgentState:
    return replace(state, intent="paused", reason=SIGNED_IN, by=state.agent_id, missed_in_a_row=0, backoff_until=0)


def _signed_out(state: AgentState, fact: AgentSignedOut) -> AgentState:
    out = replace(state, intent="signed_out", reason="", by=fact.by, missed_in_a_row=0)
    return _without_work(out) if out.system == "wrap_up" else out


def _ready(state: AgentState, fact: AgentReady) -> AgentState:
    return replace(state, intent="ready", reason="", by=fact.by, missed_in_a_row=0)


def _paused(state: AgentState, fact: AgentPaused) -> AgentState:
    return replace(state, intent="paused", reason=fact.reason, by=fact.by)


def _offered(state: AgentState, fact: AgentOffered) -> AgentState:
    until = fact.until or fact.at + state.rules.ring
    return replace(
        state,
        system="offered",
        call_id=fact.call_id,
        visit_id=fact.visit_id,
        offer_id=fact.offer_id,
        deadline=until + state.rules.grace,
        wrap_up_until=None,
    )


def _offer_ended(state: AgentState, fact: OfferEnded) -> AgentState:
    if fact.offer_id != state.offer_id:
        return state
    if fact.result == "answered":
        return _talking(state, fact)
    after = _without_work(state) if state.system == "offered" else replace(state, offer_id=None)
    if fact.result not in MISSES:
        return after
    missed = state.missed_in_a_row + 1
    return replace(after, missed_in_a_row=missed, backoff_until=fact.at + state.rules.backoff)


def _talking(state: AgentState, fact: OfferEnded | TalkStarted) -> AgentState:
    if state.system in ("talking", "hold") and state.visit_id == fact.visit_id:
        return replace(state, offer_id=None)
    return replace(
        state,
        system="talking",
        call_id=fact.call_id,
        visit_id=fact.visit_id,
        offer_id=None,
        missed_in_a_row=0,
        work_since=fact.at,
        deadline=None,
        wrap_up_until=None,
        consult=None,
        parties=(),
    )


def _hold(state: AgentState, fact: HoldStarted) -> AgentState:
    return replace(state, system="hold") if _talks_on(state, fact) else state


def _unhold(state: AgentState, fact: HoldEnded) -> AgentState:
    return replace(state, system="talking") if _talks_on(state, fact) else state


def _talks_on(state: AgentState, fact: HoldStarted | HoldEnded | TalkEnded) -> bool:
    return state.system in ("talking", "hold") and state.visit_id == fact.visit_id


def _talk_ended(state: AgentState, fact: TalkEnded) -> AgentState:
    if not _talks_on(state, fact):
        return state
    on = consulting.left_behind(state) if fact.side in ("caller", "unknown") else None
    return on or _after_talk(state, fact.at)


def _phone_free(state: AgentState, fact: AgentPhoneFree) -> AgentState:
    """The end of what his phone was in; of a talk among those a caller left behind too."""
    free = replace(state, phone_busy=False)
    return _after_talk(free, fact.at) if state.system == "internal" else free


def _call_ended(state: AgentState, fact: CallEnded) -> AgentState:
    """Only when the end of the talk or offer was not seen: the call is over, so they are."""
    if state.system in ("talking", "hold"):
        return consulting.left_behind(state) or _after_talk(state, fact.at)
    return _without_work(state) if state.system in ("offered", "dialling") else state


def _placed(state: AgentState, fact: CallPlaced) -> AgentState:
    """A call he placed while he has another in hand is a consultation, and changes nothing."""
    if state.system in ("talking", "hold", "offered"):
        return state
    until = fact.until or fact.at + state.rules.ring
    return replace(
        _without_work(state),
        system="dialling",
        call_id=fact.call_id,
        visit_id=fact.visit_id,
        deadline=until + state.rules.grace,
    )


def _not_reached(state: AgentState, fact: CallNotReached) -> AgentState:
    """An attempt that got as far as the other side is work to wrap up; one broken off before is not."""
    if state.system != "dialling" or state.visit_id != fact.visit_id:
        return state
    tried = fact.rang or fact.result in ("busy", "no_answer", "unreachable", "failed")
    return _after_talk(state, fact.at) if tried else _without_work(state)


def _after_talk(state: AgentState, at: Micros) -> AgentState:
    """Wrap-up begins with the end of the talk, not when somebody says so; its length is due at once."""
    if state.intent == "signed_out":
        return _without_work(state)
    return replace(
        _without_work(state),
        system="wrap_up",
        call_id=state.call_id,
        visit_id=state.visit_id,
        work_since=at,
        deadline=at,
    )


def _wrap_up_started(state: AgentState, fact: WrapUpStarted) -> AgentState:
    if state.system in WITH_CALLER:
        return state
    since = state.work_since if state.system == "wrap_up" else fact.at
    return replace(
        state,
        system="wrap_up",
        call_id=fact.call_id,
        visit_id=fact.visit_id,
        work_since=since,
        deadline=fact.until,
        wrap_up_until=fact.until,
    )


def _wrap_up_extended(state: AgentState, fact: WrapUpExtended) -> AgentState:
    if state.system != "wrap_up":
        return state
    return replace(state, deadline=fact.until, wrap_up_until=fact.until, wrap_up_extended=True)


def _wrap_up_ended(state: AgentState, fact: WrapUpEnded) -> AgentState:
    return _without_work(state) if state.system == "wrap_up" else state


_STEPS: dict[type[Fact], Callable[[AgentState, Any], AgentState]] = {
    AgentSignedIn: _signed_in,
    AgentSignedOut: _signed_out,
    AgentReady: _ready,
    AgentPaused: _paused,
    AgentReachable: lambda state, _: replace(state, reachable=True),
    AgentUnreachable: lambda state, _: replace(state, reachable=False),
    AgentPhoneBusy: lambda state, _: replace(state, phone_busy=True),
    AgentPhoneFree: _phone_free,
    CallPlaced: _placed,
    CallNotReached: _not_reached,
    AgentOffered: _offered,
    OfferEnded: _offer_ended,
    TalkStarted: _talking,
    HoldStarted: _hold,
    HoldEnded: _unhold,
    TalkEnded: _talk_ended,
    CallEnded: _call_ended,
    DispositionSet: lambda state, fact: replace(state, coded_visit=fact.visit_id),
    WrapUpStarted: _wrap_up_started,
    WrapUpExtended: _wrap_up_extended,
    WrapUpEnded: _wrap_up_ended,
    **consulting.STEPS,
}
