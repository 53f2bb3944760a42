"""Whatever facts come in whatever order, an agent's state stays sound."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from cti_server.domain import agents
from cti_server.domain import facts as f
from cti_server.domain.agents import AgentState
from cti_server.domain.ids import SECOND, AgentId, CallId, OfferId, VisitId

ME = AgentId("1001")
VISITS = st.sampled_from(["v1", "v2"])


def _fact(kind: type[f.Fact], **fields: Any) -> st.SearchStrategy[f.Fact]:
    return st.builds(kind, at=st.just(0), **fields)


def _visit(kind: type[f.Fact], **fields: Any) -> st.SearchStrategy[f.Fact]:
    who = {"call_id": VISITS.map(CallId), "visit_id": VISITS.map(VisitId), "agent_id": st.just(ME)}
    return _fact(kind, **who, **fields)


def _agent(kind: type[f.Fact], **fields: Any) -> st.SearchStrategy[f.Fact]:
    return _fact(kind, agent_id=st.just(ME), **fields)


OFFERS = st.sampled_from(["o1", "o2"]).map(OfferId)
RESULTS = st.sampled_from(["answered", "no_answer", "rejected", "unreachable", "caller_gone", "withdrawn"])
FACTS = st.one_of(
    _agent(f.AgentSignedIn),
    _agent(f.AgentSignedOut),
    _agent(f.AgentReady),
    _agent(f.AgentPaused, reason=st.just("meal")),
    _agent(f.AgentReachable),
    _agent(f.AgentUnreachable),
    _agent(f.AgentPhoneBusy),
    _agent(f.AgentPhoneFree),
    _visit(f.AgentOffered, offer_id=OFFERS),
    _visit(f.OfferEnded, offer_id=OFFERS, result=RESULTS),
    _visit(f.TalkStarted),
    _visit(f.HoldStarted),
    _visit(f.HoldEnded),
    _visit(f.TalkEnded, side=st.just("caller")),
    _visit(f.WrapUpStarted, until=st.integers(0, 500).map(lambda n: n * SECOND)),
    _agent(f.WrapUpEnded, by=st.just("agent")),
    _fact(f.CallEnded, call_id=VISITS.map(CallId), side=st.just("caller")),
)


def _histories() -> st.SearchStrategy[list[tuple[int, f.Fact]]]:
    return st.lists(st.tuples(st.integers(0, 30), FACTS), max_size=40)


def _at(fact: f.Fact, at: int) -> f.Fact:
    return f.from_dict(type(fact).__name__, {**f.to_dict(fact), "at": at})


@given(_histories())
def test_states_stay_sound(history: list[tuple[int, f.Fact]]) -> None:
    state, now = AgentState(agent_id=ME), 0
    for pause, fact in history:
        now += pause * SECOND
        before, state = state, agents.apply(state, _at(fact, now))
        working = state.system in ("offered", "talking", "hold", "wrap_up")
        assert working == (state.visit_id is not None)
        assert (state.system == "offered") <= (state.offer_id is not None and state.deadline is not None)
        assert (state.system == "wrap_up") <= (state.deadline is not None)
        assert state.free == (state.intent == "ready" and not working and state.reachable and not state.phone_busy)
        changed = (before.intent, before.reason, before.system) != (state.intent, state.reason, state.system)
        assert state.since == (now if changed else before.since)


@given(_histories())
def test_nobody_gets_stuck(history: list[tuple[int, f.Fact]]) -> None:
    """From any state, doing what is due when it is due ends offers and wrap-ups, and then nothing is due."""
    state, now = AgentState(agent_id=ME), 0
    for pause, fact in history:
        now += pause * SECOND
        state = agents.apply(state, _at(fact, now))
    for _ in range(5):
        for due in agents.due(state, now):
            state = agents.apply(state, due)
        if state.deadline is not None:
            now = max(now, state.deadline)
    assert state.system not in ("offered", "wrap_up")
    assert agents.due(state, now + 10**12) == []


@given(_histories())
def test_the_same_fact_twice_is_the_same(history: list[tuple[int, f.Fact]]) -> None:
    once = twice = AgentState(agent_id=ME)
    now = 0
    for pause, fact in history:
        now += pause * SECOND
        once = agents.apply(once, _at(fact, now))
        twice = agents.apply(agents.apply(twice, _at(fact, now)), _at(fact, now))
    assert twice == once
