"""An agent's own figures of a day, folded from his facts by the folds of the board and the call record (metrics.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cti_server.domain import agents
from cti_server.domain import facts as f
from cti_server.domain.agents import AgentState
from cti_server.domain.agents.state import WORKING
from cti_server.domain.ids import AgentId, Micros, VisitId
from cti_server.domain.visit_records import TalkRecord, VisitRecord, apply_visit


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDay:
    """`answered` talks, `missed` offers, `placed` calls of his own of which `reached` were answered; durations of what has ended,
    in and out. What was begun the day before belongs to that day; only `working` (offered, dialling, talk, hold, wrap-up) and
    `ready` are cut at midnight, and they run until now."""

    answered: int = 0
    handled: int = 0
    missed: int = 0
    placed: int = 0
    reached: int = 0
    talk: Micros = 0
    hold: Micros = 0
    wrap_up: Micros = 0
    working: Micros = 0
    ready: Micros = 0

    @property
    def average(self) -> Micros | None:
        """AHT = (talk + hold + wrap-up) / handled; None before the first talk has ended."""
        return (self.talk + self.hold + self.wrap_up) // self.handled if self.handled else None

    @property
    def occupancy(self) -> float | None:
        """(offered + talk + hold + wrap-up) / (that + ready); None before he was ready or worked."""
        whole = self.working + self.ready
        return self.working / whole if whole else None


def day_figures(agent_id: AgentId, facts: Iterable[f.Fact], since: Micros, until: Micros) -> AgentDay:
    """`facts` are the agent's own in order, those of his offers and talks included, from far enough before `since` that his
    state at `since` follows from them. His phone counts as reachable until a fact tells otherwise."""
    visits: dict[VisitId, VisitRecord] = {}
    state, at, day = AgentState(agent_id=agent_id, reachable=True), since, AgentDay()
    for fact in facts:
        day = _passed(day, state, max(0, fact.at - at))
        at = max(at, fact.at)
        if isinstance(fact, f.WrapUpEnded) and state.system == "wrap_up" and state.work_since >= since:
            day = replace(day, wrap_up=day.wrap_up + max(0, fact.at - state.work_since))
        state = agents.apply(state, fact)
        if isinstance(fact, f.VisitFact):
            visits[fact.visit_id] = apply_visit(visits.get(fact.visit_id), fact)
    return _of_visits(_passed(day, state, max(0, until - at)), agent_id, visits.values(), since)


def _passed(day: AgentDay, state: AgentState, micros: Micros) -> AgentDay:
    if state.system in WORKING:
        return replace(day, working=day.working + micros)
    return replace(day, ready=day.ready + micros) if state.free else day


def _of_visits(day: AgentDay, agent_id: AgentId, visits: Iterable[VisitRecord], since: Micros) -> AgentDay:
    seen = tuple(visits)
    talks = [talk for visit in seen for talk in _own(visit, agent_id) if talk.started >= since]
    placed = [visit for visit in seen if visit.placed_by == agent_id and (visit.started or 0) >= since]
    offers = [one for visit in seen for one in visit.offers if one.agent_id == agent_id and one.offered_at >= since]
    own = sum(talk in talks for visit in seen if visit.placed_by == agent_id for talk in _own(visit, agent_id))
    return replace(
        day,
        answered=len(talks) - own,
        handled=sum(talk.ended is not None for talk in talks),
        missed=sum(offer.result in f.MISSES for offer in offers),
        placed=len(placed),
        reached=sum(bool(_own(visit, agent_id)) for visit in placed),
        talk=sum(talk.talk for talk in talks),
        hold=sum(talk.hold for talk in talks),
    )


def _own(visit: VisitRecord, agent_id: AgentId) -> list[TalkRecord]:
    return [talk for talk in visit.talks if talk.agent_id == agent_id]
