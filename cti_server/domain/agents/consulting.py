"""The fold of consultations and conferences: whom an agent asks during a talk, and who has joined it.

─ started ─► ringing ─ answered ─► with him ⇄ (swap) with the caller ─ joined ─► party ─ left ─►
                └──── ended (refused, cancelled, gone …): back with the caller ────┘

The caller hangs up: who has answered or joined talks on with the agent (`internal`) until his phone is free; then he wraps up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cti_server.domain.agents.state import AgentState, Consultation
from cti_server.domain.facts import (
    ConferenceJoined,
    ConferenceLeft,
    ConsultAnswered,
    ConsultEnded,
    ConsultStarted,
    ConsultSwapped,
    Fact,
)


def _started(state: AgentState, fact: ConsultStarted) -> AgentState:
    if state.call_id != fact.call_id or state.system not in ("talking", "hold"):
        return state
    begun = Consultation(consult_id=fact.consult_id, to=fact.to, target=fact.target, since=fact.at)
    return replace(state, consult=begun)


def _changed(state: AgentState, fact: Any, **changes: Any) -> AgentState:
    consult = state.consult
    if consult is None or not consult.open or consult.consult_id != fact.consult_id:
        return state
    return replace(state, consult=replace(consult, since=fact.at, **changes))


def _answered(state: AgentState, fact: ConsultAnswered) -> AgentState:
    return _changed(state, fact, answered=True, partner=fact.partner)


def _swapped(state: AgentState, fact: ConsultSwapped) -> AgentState:
    return _changed(state, fact, with_caller=state.consult is not None and not state.consult.with_caller)


def _ended(state: AgentState, fact: ConsultEnded) -> AgentState:
    return _changed(state, fact, result=fact.result, with_caller=True)


def _joined(state: AgentState, fact: ConferenceJoined) -> AgentState:
    consult = state.consult
    if consult is None or consult.consult_id != fact.consult_id:
        return state
    return replace(state, consult=None, parties=(*state.parties, replace(consult, since=fact.at)))


def _left(state: AgentState, fact: ConferenceLeft) -> AgentState:
    return replace(state, parties=tuple(one for one in state.parties if one.consult_id != fact.consult_id))


def left_behind(state: AgentState) -> AgentState | None:
    """The caller is gone from the midst of others; None when there were none. One who has not answered yet is no party: his
    consultation is ended (services/calls/consulting.py)."""
    consult = state.consult if state.consulting else None
    if consult is None and not state.parties:
        return None
    with_him = consult is not None and consult.answered
    return replace(
        state,
        system="internal",
        phone_busy=True,
        offer_id=None,
        consult=None if with_him else consult,
        parties=(*state.parties, consult) if consult and with_him else state.parties,
    )


STEPS: dict[type[Fact], Callable[[AgentState, Any], AgentState]] = {
    ConsultStarted: _started,
    ConsultAnswered: _answered,
    ConsultSwapped: _swapped,
    ConsultEnded: _ended,
    ConferenceJoined: _joined,
    ConferenceLeft: _left,
}
