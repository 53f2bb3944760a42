"""What falls due, and what an agent, a leader or the phone may change: each returns the facts to record."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from cti_server.domain.agents.state import MISSED_CALLS, WITH_CALLER, WORKING, Agent, AgentState
from cti_server.domain.facts import (
    AgentFact,
    AgentPaused,
    AgentPhoneBusy,
    AgentPhoneFree,
    AgentReachable,
    AgentReady,
    AgentSignedIn,
    AgentSignedOut,
    AgentUnreachable,
    CallNotReached,
    Fact,
    OfferEnded,
    WrapUpEnded,
    WrapUpExtended,
    WrapUpStarted,
)
from cti_server.domain.ids import MINUTE, Micros
from cti_server.domain.queues import Queue, micros
from cti_server.errors import Conflict, Forbidden, InvalidValue


def due(state: AgentState, now: Micros, queue: Queue | None = None) -> list[Fact]:
    """Facts whose time has come; record them, in order. Call it after every fact of the agent and at `state.deadline`.
    `queue` is that of the agent's visit: it gives the length of the wrap-up."""
    return [
        *_offer_due(state, now),
        *_dial_due(state, now),
        *_wrap_up_due(state, now, queue),
        *_missed_pause_due(state, now),
    ]


def _offer_due(state: AgentState, now: Micros) -> list[Fact]:
    """An offer nobody ended in time: whoever owned it is gone. No miss of the agent's."""
    if state.system != "offered" or state.deadline is None or now < state.deadline:
        return []
    assert state.call_id
    assert state.visit_id
    assert state.offer_id
    return [
        OfferEnded(
            at=now,
            call_id=state.call_id,
            visit_id=state.visit_id,
            offer_id=state.offer_id,
            agent_id=state.agent_id,
            result="withdrawn",
        )
    ]


def _dial_due(state: AgentState, now: Micros) -> list[Fact]:
    """Whoever dialled for him is gone."""
    if state.system != "dialling" or state.deadline is None or now < state.deadline:
        return []
    assert state.call_id
    assert state.visit_id
    return [
        CallNotReached(
            at=now, call_id=state.call_id, visit_id=state.visit_id, agent_id=state.agent_id, result="unknown"
        )
    ]


def _wrap_up_due(state: AgentState, now: Micros, queue: Queue | None) -> list[Fact]:
    if state.system != "wrap_up":
        return []
    until, facts = state.wrap_up_until, list[Fact]()
    if until is None:
        until = state.work_since + _wrap_up_length(state, queue)
        facts.append(_wrap_up(state, now, until))
    if now >= until:
        missing = code_missing(state, queue)
        facts.append(WrapUpEnded(at=now, agent_id=state.agent_id, by="deadline", code_missing=missing))
    return facts


def _wrap_up_length(state: AgentState, queue: Queue | None) -> Micros:
    if queue is None:
        return state.rules.wrap_up
    return state.rules.wrap_up_most if queue.wrap_up_until_done else micros(queue.wrap_up_seconds)


def code_missing(state: AgentState, queue: Queue | None) -> bool:
    """The wrap-up still lacks a disposition code its queue wants."""
    return queue is not None and queue.disposition_required and not state.coded


def _wrap_up(state: AgentState, now: Micros, until: Micros) -> WrapUpStarted:
    assert state.call_id
    assert state.visit_id
    return WrapUpStarted(at=now, agent_id=state.agent_id, call_id=state.call_id, visit_id=state.visit_id, until=until)


def _missed_pause_due(state: AgentState, now: Micros) -> list[Fact]:
    limit = state.rules.missed_limit
    if not limit or state.intent != "ready" or state.missed_in_a_row < limit:
        return []
    return [AgentPaused(at=now, agent_id=state.agent_id, reason=MISSED_CALLS, by="system")]


def may_place(state: AgentState, now: Micros, queue: Queue | None = None) -> list[Fact]:
    """He may call out now: a wrap-up is ended first, as `end_wrap_up` does. Conflict when he is signed out, has a call in hand,
    or no phone that is free."""
    _must_be_signed_in(state)
    if state.system in WITH_CALLER:
        raise Conflict("you have a call in hand; end it first, or consult from it", reason="in_call")
    if not state.reachable:
        raise Conflict("your phone is not registered; switch it on or check its settings", reason="phone_away")
    if state.system == "busy_elsewhere":
        raise Conflict("your phone is in a call; hang up first", reason="phone_busy")
    return end_wrap_up(state, now, queue=queue) if state.system == "wrap_up" else []


def overlong(state: AgentState, now: Micros) -> bool:
    """The talk is older than `talk_check`: ask the switch whether it still stands."""
    return state.system in ("talking", "hold") and now >= state.work_since + state.rules.talk_check


# ---- wishes --------------------------------------------------------------------------------------------------


def sign_in(state: AgentState, agent: Agent, now: Micros) -> list[Fact]:
    """Forbidden when suspended. The shift begins paused; [] when signed in already."""
    _must_not_be_suspended(agent)
    return [AgentSignedIn(at=now, agent_id=state.agent_id)] if state.intent == "signed_out" else []


def sign_out(state: AgentState, now: Micros, by: str = "", queue: Queue | None = None) -> list[Fact]:
    """Conflict while offered, talking or on hold; ends a wrap-up as `end_wrap_up` does."""
    if state.intent == "signed_out":
        return []
    if state.system in WITH_CALLER:
        raise Conflict("a customer is in progress: finish the call first, then sign out", reason="in_call")
    if by in ("", state.agent_id):
        _must_have_code(state, queue)
    ended = _end_wrap_up(state, now, "signed_out", queue)
    return [*ended, AgentSignedOut(at=now, agent_id=state.agent_id, by=by or state.agent_id)]


def end_shift(state: AgentState, now: Micros) -> list[Fact]:
    """[] while a customer is in progress, wrap-up included (service-rules.md 11: the late shift stays until done)."""
    return [] if state.system in WORKING else sign_out(state, now, by="system")


def ready(state: AgentState, agent: Agent, now: Micros, by: str = "", queue: Queue | None = None) -> list[Fact]:
    """Conflict when signed out; Forbidden when suspended or without a training certificate. Ends a wrap-up as
    `end_wrap_up` does."""
    _must_be_signed_in(state)
    _must_not_be_suspended(agent)
    if not agent.certified:
        raise Forbidden(f"agent {agent.agent_id} has no training certificate; enter it before he takes calls")
    facts: list[Fact] = []
    if state.system == "wrap_up":
        facts += end_wrap_up(state, now, by, queue)
    if state.intent != "ready":
        facts.append(AgentReady(at=now, agent_id=state.agent_id, by=by or state.agent_id))
    return facts


def pause(
    state: AgentState, now: Micros, reason: str, by: str = "", reasons: Collection[str] | None = None
) -> list[Fact]:
    """Conflict when signed out, InvalidValue when the reason is missing or not one of `reasons`. During a talk it
    holds from the end of the talk."""
    _must_be_signed_in(state)
    if not reason or (reasons is not None and reason not in reasons):
        raise InvalidValue(f"{reason!r} is no reason for a pause; choose one of {', '.join(sorted(reasons or ()))}")
    if state.intent == "paused" and state.reason == reason:
        return []
    return [AgentPaused(at=now, agent_id=state.agent_id, reason=reason, by=by or state.agent_id)]


def extend_wrap_up(state: AgentState, now: Micros, more: Micros, by: str = "") -> list[Fact]:
    """Once each wrap-up, whoever asks. Conflict when not in wrap-up, extended before, or beyond `wrap_up_most`; InvalidValue
    when `more` is not positive."""
    _must_be_in_wrap_up(state)
    if state.wrap_up_extended:
        raise Conflict("a wrap-up is extended once; pause if you need longer", reason="extended_before")
    if more <= 0:
        raise InvalidValue("a wrap-up is extended by a positive time")
    until = (state.wrap_up_until or now) + more
    if until > state.work_since + state.rules.wrap_up_most:
        most = state.rules.wrap_up_most // MINUTE
        raise Conflict(f"a wrap-up may last {most} minutes at most; pause instead", reason="wrap_up_longest")
    return [WrapUpExtended(at=now, agent_id=state.agent_id, until=until, by=by or state.agent_id)]


def end_wrap_up(state: AgentState, now: Micros, by: str = "", queue: Queue | None = None) -> list[Fact]:
    """`by` is a leader's login; '' or the agent's own id = himself. Conflict when not in wrap-up, and when `queue` wants a
    disposition code the agent has not given: a leader may end it all the same, the missing code is flagged."""
    _must_be_in_wrap_up(state)
    if by in ("", state.agent_id):
        _must_have_code(state, queue)
        return _end_wrap_up(state, now, "agent", queue)
    return _end_wrap_up(state, now, "leader", queue, by)


def phone(state: AgentState, now: Micros, *, reachable: bool | None = None, busy: bool | None = None) -> list[Fact]:
    """What the switch says of the phone, as facts when it is news. A phone busy with our own call is no news."""
    news: list[type[AgentFact]] = []
    if reachable is not None and reachable != state.reachable:
        news.append(AgentReachable if reachable else AgentUnreachable)
    if busy is not None and busy != state.phone_busy and not (busy and state.system in WITH_CALLER):
        news.append(AgentPhoneBusy if busy else AgentPhoneFree)
    return [kind(at=now, agent_id=state.agent_id) for kind in news]


def _end_wrap_up(
    state: AgentState,
    now: Micros,
    by: Literal["agent", "leader", "signed_out"],
    queue: Queue | None,
    leader: str = "",
) -> list[Fact]:
    if state.system != "wrap_up":
        return []
    missing = code_missing(state, queue)
    return [WrapUpEnded(at=now, agent_id=state.agent_id, by=by, code_missing=missing, leader=leader)]


def _must_have_code(state: AgentState, queue: Queue | None) -> None:
    if state.system == "wrap_up" and code_missing(state, queue):
        raise Conflict("choose what the call was about first: this queue wants a code", reason="disposition_required")


def _must_be_signed_in(state: AgentState) -> None:
    if state.intent == "signed_out":
        raise Conflict(f"agent {state.agent_id} is signed out; sign in first", reason="signed_out")


def _must_be_in_wrap_up(state: AgentState) -> None:
    if state.system != "wrap_up":
        raise Conflict(f"agent {state.agent_id} is not in wrap-up but {state.system}", reason="not_in_wrap_up")


def _must_not_be_suspended(agent: Agent) -> None:
    if agent.suspended:
        raise Forbidden(f"agent {agent.agent_id} is suspended; an administrator can lift that")
