"""The live board: a fold over facts that says which rows each fact changed, so that live push touches only those.

Rows have keys: ("queue", name), ("agent", id), ("call", id), ("switch", node). Counts are of today, the site's day; a visit
belongs to the day it entered (metrics.md). Visits and agents fold as everywhere else, so board and reports agree. A
fact costs the same however many calls and agents there are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo
from typing import Any, Literal

from cti_server.domain import agents
from cti_server.domain import facts as f
from cti_server.domain.agents import AgentState
from cti_server.domain.ids import AgentId, CallId, CustomerId, Micros, QueueName, VisitId, from_datetime, to_datetime
from cti_server.domain.queues import Queue
from cti_server.domain.tallies import AgentTally, QueueTally, QueueView, count_talks
from cti_server.domain.visit_records import VisitRecord, apply_visit

Key = tuple[Literal["queue", "agent", "call", "switch"], str]
Stage = Literal["menu", "waiting", "ringing", "dialling", "talking", "held", "survey"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """One call in progress; `since` is when its stage began."""

    call_id: CallId
    caller: str = ""
    did: str = ""
    direction: str = "inbound"
    started: Micros = 0
    stage: Stage = "menu"
    since: Micros = 0
    queue: QueueName | None = None
    agent_id: AgentId | None = None
    customer_id: CustomerId | None = None
    tier: str = ""


View = QueueView | AgentState | CallView | bool


class Board:
    """`zone` is the site's; `members` says which queues an agent serves until a fact says otherwise. `apply` facts in the
    order of the timeline."""

    def __init__(
        self,
        queues: Mapping[QueueName, Queue],
        members: Mapping[AgentId, Collection[QueueName]],
        zone: tzinfo,
    ) -> None:
        self._tallies = {name: QueueTally(queue) for name, queue in queues.items()}
        self._members = dict(members)
        self._zone = zone
        self._day: tuple[Micros, Micros] = (0, 0)
        self._agents: dict[AgentId, AgentState] = {}
        self._calls: dict[CallId, CallView] = {}
        self._visits: dict[VisitId, VisitRecord] = {}
        self._visits_of: dict[CallId, set[VisitId]] = {}
        self._agents_on: dict[CallId, set[AgentId]] = {}
        self._switches: dict[str, bool] = {}
        self._lent: set[AgentId] = set()
        self._days: dict[AgentId, AgentTally] = {}

    def apply(self, recorded: f.Recorded) -> set[Key]:
        """The keys of the rows that look different now."""
        fact = recorded.fact
        changed = self.roll(fact.at)
        if isinstance(fact, f.CallEnded):
            self._call_ended(fact, changed)
        if isinstance(fact, f.VisitFact):
            self._visit(fact, changed)
        if (agent_id := f.agent_id_of(fact)) is not None:
            self._agent(agent_id, fact, changed)
        if isinstance(fact, f.CallFact):
            self._call(fact, changed)
        if isinstance(fact, f.CallUnseen):
            self._unseen(fact, changed)
        if isinstance(fact, f.AlarmFact):
            self._alarm(fact, changed)
        if isinstance(fact, f.SwitchLinked | f.SwitchLost):
            self._switches[fact.node] = isinstance(fact, f.SwitchLinked)
            changed.add(("switch", fact.node))
        return changed

    def roll(self, now: Micros) -> set[Key]:
        """Begin a new day when it is one: call it at midnight, when no fact may come for hours."""
        if now < self._day[1]:
            return set()
        self._day = day_of(now, self._zone)
        for tally in self._tallies.values():
            tally.new_day()
        changed: set[Key] = {("agent", agent_id) for agent_id in self._days}
        self._days.clear()
        return changed | {("queue", name) for name in self._tallies}

    def day_ends(self) -> Micros:
        """When `roll` has something to do."""
        return self._day[1]

    @property
    def calls_in_progress(self) -> int:
        return len(self._calls)

    def replace_queue(self, queue: Queue) -> set[Key]:
        """A queue is new, or its settings are: the day's counts stay, thresholds hold from now on."""
        tally = self._tallies.get(queue.name)
        if tally is None:
            tally = self._tallies[queue.name] = QueueTally(queue)
            for agent_id, state in self._agents.items():
                if queue.name in self._members.get(agent_id, ()):
                    tally.count_agent(state, 1)
            for visit in self._visits.values():
                if visit.queue == queue.name:
                    tally.count_now(visit, 1)
        tally.queue = queue
        return {("queue", queue.name)}

    def remove_queue(self, name: QueueName) -> set[Key]:
        return {("queue", name)} if self._tallies.pop(name, None) else set()

    def queue(self, name: QueueName) -> QueueView | None:
        tally = self._tallies.get(name)
        return tally.view() if tally else None

    def view(self, key: Key) -> View | None:
        """None = the row is gone."""
        kind, name = key
        rows: Mapping[str, Callable[[], View | None]] = {
            "queue": lambda: self.queue(QueueName(name)),
            "agent": lambda: self._agents.get(AgentId(name)),
            "call": lambda: self._calls.get(CallId(name)),
            "switch": lambda: self._switches.get(name),
        }
        return rows[kind]()

    def snapshot(self) -> dict[Key, View]:
        rows: dict[Key, View] = {("queue", name): tally.view() for name, tally in self._tallies.items()}
        rows |= {("agent", name): state for name, state in self._agents.items()}
        rows |= {("call", name): call for name, call in self._calls.items()}
        return rows | {("switch", node): linked for node, linked in self._switches.items()}

    # ---- visits ----------------------------------------------------------------------------------------------

    def _visit(self, fact: f.VisitFact, changed: set[Key]) -> None:
        before = self._visits.get(fact.visit_id)
        if before is None and not isinstance(fact, f.VisitStarted):
            return  # began before what we were told of, or is long over
        self._change(fact.call_id, before, apply_visit(before, fact), changed)

    def _change(self, call_id: CallId, before: VisitRecord | None, after: VisitRecord, changed: set[Key]) -> None:
        if after == before:
            return
        self._keep(call_id, after)
        changed.update(("agent", agent_id) for agent_id in count_talks(self._days, before, after, self._day[0]))
        tally = self._tallies.get(after.queue)
        if tally is None:
            return
        if before is not None:
            tally.count_now(before, -1)
        tally.count_now(after, 1)
        if after.started is not None and self._day[0] <= after.started < self._day[1]:
            tally.count_today(before, after)
        tally.count_trend(before, after)
        tally.count_talk(before, after)
        changed.add(("queue", after.queue))

    def _keep(self, call_id: CallId, visit: VisitRecord) -> None:
        visits = self._visits_of.setdefault(call_id, set())
        if visit.open or visit.outcome == "answered":
            self._visits[visit.visit_id] = visit
            visits.add(visit.visit_id)
        else:
            self._forget(visit.visit_id)
            visits.discard(visit.visit_id)
        if not visits:
            del self._visits_of[call_id]

    def _forget(self, visit_id: VisitId) -> None:
        self._visits.pop(visit_id, None)

    # ---- agents ----------------------------------------------------------------------------------------------

    def _agent(self, agent_id: AgentId, fact: f.Fact, changed: set[Key]) -> None:
        before = self._agents.get(agent_id) or AgentState(agent_id=agent_id)
        if isinstance(fact, f.AgentAssigned):
            self._assign(before, fact, changed)
        if isinstance(fact, f.WrapUpEnded) and before.system == "wrap_up":
            self._wrapped_up(before, fact)
        after = agents.apply(before, fact)
        if after == before and agent_id in self._agents:
            return
        self._agents[agent_id] = after
        changed.add(("agent", agent_id))
        self._index(before, after)
        if (before.intent, before.free) != (after.intent, after.free):
            for name in self._members.get(agent_id, ()):
                if tally := self._tallies.get(name):
                    tally.count_agent(before, -1)
                    tally.count_agent(after, 1)
                    changed.add(("queue", name))

    def _wrapped_up(self, state: AgentState, fact: f.WrapUpEnded) -> None:
        self._days.setdefault(state.agent_id, AgentTally()).handling += max(0, fact.at - state.work_since)

    def lent(self, agent_id: AgentId) -> bool:
        """He serves other queues than he is set up with, until he signs out."""
        return agent_id in self._lent

    def agent_day(self, agent_id: AgentId) -> AgentTally:
        """An agent's figures of today so far."""
        return self._days.get(agent_id) or AgentTally()

    def _assign(self, state: AgentState, fact: f.AgentAssigned, changed: set[Key]) -> None:
        now = [QueueName(name) for name, _ in fact.queues]
        for by, names in ((-1, self._members.get(fact.agent_id, ())), (1, now)):
            for name in names:
                if tally := self._tallies.get(name):
                    tally.count_agent(state, by)
                    changed.add(("queue", name))
        self._members[fact.agent_id] = now
        (self._lent.discard if fact.then is None else self._lent.add)(fact.agent_id)
        changed.add(("agent", fact.agent_id))

    def _alarm(self, fact: f.AlarmFact, changed: set[Key]) -> None:
        if tally := self._tallies.get(fact.queue):
            if isinstance(fact, f.AlarmRaised):
                tally.alarms |= {fact.alarm}
            elif isinstance(fact, f.AlarmCleared):
                tally.alarms -= {fact.alarm}
            changed.add(("queue", fact.queue))

    def _index(self, before: AgentState, after: AgentState) -> None:
        if before.call_id == after.call_id:
            return
        if before.call_id and (on := self._agents_on.get(before.call_id)):
            on.discard(before.agent_id)
            if not on:
                del self._agents_on[before.call_id]
        if after.call_id:
            self._agents_on.setdefault(after.call_id, set()).add(after.agent_id)

    # ---- calls -----------------------------------------------------------------------------------------------

    def _call(self, fact: f.CallFact, changed: set[Key]) -> None:
        before = self._calls.get(fact.call_id)
        if before is None and not isinstance(fact, f.CallArrived):
            return
        after = apply_call_view(before, fact)
        if after != before and after is not None:
            self._calls[fact.call_id] = after
            changed.add(("call", fact.call_id))

    def _unseen(self, fact: f.CallUnseen, changed: set[Key]) -> None:
        if (tally := self._tallies.get(fact.queue)) and self._day[0] <= fact.at < self._day[1]:
            tally.today.unseen += 1
            changed.add(("queue", fact.queue))

    def _call_ended(self, fact: f.CallEnded, changed: set[Key]) -> None:
        """Whatever of the call was still open ends with it."""
        for visit_id in self._visits_of.pop(fact.call_id, set()):
            visit = self._visits[visit_id]
            self._change(fact.call_id, visit, visit.close(fact.at, fact.side), changed)
            self._forget(visit_id)
        self._visits_of.pop(fact.call_id, None)
        for agent_id in tuple(self._agents_on.get(fact.call_id, ())):
            self._agent(agent_id, fact, changed)
        if self._calls.pop(fact.call_id, None) is not None:
            changed.add(("call", fact.call_id))


def day_of(at: Micros, zone: tzinfo) -> tuple[Micros, Micros]:
    """Start and end of the day `at` lies in, in `zone` (23 or 25 hours when clocks change)."""
    date = to_datetime(at).astimezone(zone).date()
    start, end = (datetime.combine(day, time.min, tzinfo=zone) for day in (date, date + timedelta(days=1)))
    return from_datetime(start), from_datetime(end)


def apply_call_view(call: CallView | None, fact: f.CallFact) -> CallView | None:
    """The row of a call after a fact of it; other facts than those of the table below change nothing."""
    if isinstance(fact, f.CallArrived):
        return call or CallView(
            call_id=fact.call_id,
            caller=fact.caller,
            did=fact.did,
            direction=fact.direction,
            started=fact.at,
            since=fact.at,
        )
    if call is None:
        return None
    if isinstance(fact, f.CallerIdentified):
        return replace(call, customer_id=fact.customer_id, tier=fact.tier)
    step = _STAGES.get(type(fact))
    changes = step(fact) if step else {}
    if changes.get("stage", call.stage) != call.stage:
        changes["since"] = fact.at
    return replace(call, **changes)


def _after_visit(fact: f.VisitEnded) -> dict[str, Any]:
    return {} if fact.outcome == "answered" else {"stage": "menu", "queue": None, "agent_id": None}


def _after_offer(fact: f.OfferEnded) -> dict[str, Any]:
    return {} if fact.result == "answered" else {"stage": "waiting", "agent_id": None}


_STAGES: dict[type[f.Fact], Callable[[Any], dict[str, Any]]] = {
    f.VisitStarted: lambda fact: {"stage": "waiting", "queue": fact.queue, "agent_id": None},
    f.AgentOffered: lambda fact: {"stage": "ringing", "agent_id": fact.agent_id},
    f.CallPlaced: lambda fact: {"stage": "dialling", "agent_id": fact.agent_id},
    f.CallNotReached: lambda fact: {"stage": "menu", "agent_id": None},
    f.OfferEnded: _after_offer,
    f.TalkStarted: lambda fact: {"stage": "talking", "agent_id": fact.agent_id},
    f.HoldStarted: lambda fact: {"stage": "held"},
    f.HoldEnded: lambda fact: {"stage": "talking"},
    f.TalkEnded: lambda fact: {"stage": "menu", "agent_id": None},
    f.VisitEnded: _after_visit,
    f.SurveyOffered: lambda fact: {"stage": "survey"},
}
