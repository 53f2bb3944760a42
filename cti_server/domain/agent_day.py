"""An agent's own figures of a day, folded from his facts by the folds of the board and the call record (metrics.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cti_server.domain import agents
from cti_server.domain import facts as f
from cti_server.domain.agents import AgentState
from cti_server.domain.ids import AgentId, Micros, VisitId
from cti_server.domain.visit_records import VisitRecord, apply_visit


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDay:
    """`answered` talks, `missed` offers; durations of what has ended. A talk belongs to the day it began."""

    answered: int = 0
    handled: int = 0
    missed: int = 0
    talk: Micros = 0
    hold: Micros = 0
    wrap_up: Micros = 0

    @property
    def average(self) -> Micros | None:
        """AHT = (talk + hold + wrap-up) / handled; None before the first talk has ended."""
        return (self.talk + self.hold + self.wrap_up) // self.handled if self.handled else None


def day_figures(agent_id: AgentId, facts: Iterable[f.Fact]) -> AgentDay:
    """`facts` are the agent's own since the day began, in order, those of his offers and talks included."""
    visits: dict[VisitId, VisitRecord] = {}
    state, wrap_up = AgentState(agent_id=agent_id), 0
    for fact in facts:
        if isinstance(fact, f.WrapUpEnded) and state.system == "wrap_up":
            wrap_up += max(0, fact.at - state.work_since)
        state = agents.apply(state, fact)
        if isinstance(fact, f.VisitFact):
            visits[fact.visit_id] = apply_visit(visits.get(fact.visit_id), fact)
    return replace(_of_visits(agent_id, visits.values()), wrap_up=wrap_up)


def _of_visits(agent_id: AgentId, visits: Iterable[VisitRecord]) -> AgentDay:
    seen = tuple(visits)
    talks = [talk for visit in seen for talk in visit.talks if talk.agent_id == agent_id]
    offers = [offer for visit in seen for offer in visit.offers if offer.agent_id == agent_id]
    return AgentDay(
        answered=len(talks),
        handled=sum(talk.ended is not None for talk in talks),
        missed=sum(offer.result in f.MISSES for offer in offers),
        talk=sum(talk.talk for talk in talks),
        hold=sum(talk.hold for talk in talks),
    )
