"""The floor: every agent's state, their wishes, and the deadlines that let nobody get stuck.

States and transitions are domain/agents.py. Here facts are folded as they are recorded, due facts are recorded when their
time comes, the router hears of every change, and the switch's news of phones becomes facts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.domain import agents as rules
from cti_server.domain.agents import Agent, AgentRules, AgentState
from cti_server.domain.facts import (
    AgentAssigned,
    AgentOffered,
    CallEnded,
    CallPlaced,
    Fact,
    Recorded,
    TalkStarted,
    VisitStarted,
    WrapUpEnded,
    agent_id_of,
)
from cti_server.domain.ids import SECOND, AgentId, CallId, Micros, QueueName
from cti_server.domain.on_switch import LAST_QUEUE, endpoints, own_queue
from cti_server.domain.queues import Queue
from cti_server.domain.routing import seat_of
from cti_server.errors import NotFound
from cti_server.ports import LinkDown, LinkUp, PhoneBusy, PhoneReachability, SwitchEvent
from cti_server.services.acd import Acd


class Floor:
    """Owner of all agent states. Wishes raise Conflict, Forbidden, InvalidValue or NotFound in plain words."""

    def __init__(
        self,
        agents: Iterable[Agent],
        queues: Mapping[QueueName, Queue],
        acd: Acd,
        bus: Bus,
        clock: Clock,
        agent_rules: AgentRules | None = None,
    ) -> None:
        self._agents = {agent.agent_id: agent for agent in agents}
        self._queues, self._acd, self._bus, self._clock = queues, acd, bus, clock
        self._rules = agent_rules or AgentRules()
        self._states = {key: AgentState(agent_id=key, rules=self._rules) for key in self._agents}
        self._leaving: set[AgentId] = set()
        """Signed out as soon as they have no customer."""
        self._removed: set[AgentId] = set()
        """Of those: forgotten then."""
        self._timers: dict[AgentId, asyncio.TimerHandle] = {}
        self._call_queues: dict[CallId, QueueName] = {}
        self._served: dict[AgentId, QueueName | None] = {}
        """Agent → the queue his last caller came by: its wrap-up rules count, also after the call."""
        self._phones = self._list_phones()
        self._reachable: set[str] = set()
        self._busy: set[str] | None = None
        """Endpoints in a call as the switch says; None = not asked yet."""
        self._softphone_first: set[AgentId] = set()
        self._live = False
        self._undo = ExitStack()

    # -- life ------------------------------------------------------------------------------------------------

    def restore(self, facts: Iterable[Recorded]) -> None:
        """Fold what the timeline says happened before we started; nothing is recorded, no timer runs yet."""
        for recorded in facts:
            self._fold(recorded)

    def start(self) -> None:
        """From here on facts are heard as they are recorded, and deadlines that passed while we were down fall due."""
        self._live = True
        self._undo.callback(self._bus.subscribe(self._on_fact))
        for agent_id in self._states:
            self._settle(agent_id)

    def close(self) -> None:
        self._undo.close()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    # -- what others ask ---------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[tuple[Agent, AgentState]]:
        return ((agent, self._states[key]) for key, agent in self._agents.items())

    def agent(self, agent_id: AgentId) -> Agent:
        try:
            return self._agents[agent_id]
        except KeyError:
            raise NotFound(f"there is no agent {agent_id}") from None

    def name_of(self, agent_id: str) -> str:
        """His name; the id itself for somebody who is configured no more."""
        agent = self._agents.get(AgentId(agent_id))
        return agent.name if agent and agent.name else agent_id

    def state(self, agent_id: AgentId) -> AgentState:
        self.agent(agent_id)
        return self._states[agent_id]

    def queue_of(self, agent_id: AgentId) -> Queue | None:
        """The queue of the caller he has in hand or wraps up."""
        return self._queue_of(self.state(agent_id))

    def knows(self, agent_id: str) -> bool:
        return agent_id in self._agents

    def of_endpoint(self, endpoint: str) -> AgentId | None:
        return self._phones.get(endpoint)

    def available(self, agent_id: AgentId) -> bool:
        state = self._states.get(agent_id)
        return state is not None and state.free and state.backoff_until <= self._clock.now()

    def dial_string(self, agent_id: AgentId) -> str:
        """Where to ring him: the phone that is registered; the one he chose, at first the desk phone, when both or none are."""
        desk, web = endpoints(self.agent(agent_id))
        first, other = (web, desk) if agent_id in self._softphone_first else (desk, web)
        return f"PJSIP/{other if other in self._reachable and first not in self._reachable else first}"

    def prefer_softphone(self, agent_id: AgentId, wanted: bool) -> None:
        (self._softphone_first.add if wanted else self._softphone_first.discard)(agent_id)

    def prefers_softphone(self, agent_id: AgentId) -> bool:
        return agent_id in self._softphone_first

    def softphone(self, agent_id: AgentId) -> str:
        return endpoints(self.agent(agent_id))[1]

    def registered(self, agent_id: AgentId) -> tuple[bool, bool]:
        """Whether his desk phone and his softphone can be reached."""
        desk, web = endpoints(self.agent(agent_id))
        return desk in self._reachable, web in self._reachable

    def fallback_members(self) -> dict[str, frozenset[str]]:
        """app_queue → endpoints that answer when no server does: ready agents of our queue, all of them in the last one."""
        members: dict[str, set[str]] = {queue: set() for queue in (*map(own_queue, self._queues), LAST_QUEUE)}
        for agent, state in self:
            if state.intent == "ready" and state.reachable:
                phone = self.dial_string(agent.agent_id).removeprefix("PJSIP/")
                for queue in (*map(own_queue, agent.queues), LAST_QUEUE):
                    members.setdefault(queue, set()).add(phone)
        return {queue: frozenset(phones) for queue, phones in members.items()}

    # -- what was set up ---------------------------------------------------------------------------------------

    def replace_agent(self, agent: Agent, by: str) -> None:
        """Add an agent or change him; his call goes on. Who may not take calls any more is signed out after the talk."""
        known = self._agents.get(agent.agent_id)
        self._leaving.discard(agent.agent_id)
        self._removed.discard(agent.agent_id)
        self._agents[agent.agent_id] = replace(agent, queues=known.queues if known else {})
        self._states.setdefault(agent.agent_id, AgentState(agent_id=agent.agent_id, rules=self._rules))
        self._phones = self._list_phones()
        self._look_at_phones(agent.agent_id)
        state = self._states[agent.agent_id]
        if agent.suspended or (state.intent == "ready" and not agent.certified):
            self._leaving.add(agent.agent_id)
        if dict(agent.queues) != dict(self._agents[agent.agent_id].queues):
            self._record([assigned(agent, self._clock.now(), by)])
        self._settle(agent.agent_id)

    def assign_queues(self, agent: Agent, by: str, then: Mapping[QueueName, int] | None = None) -> None:
        """He serves the queues of `agent` from now on; `then` = only until he signs out, and those after it."""
        fact = assigned(agent, self._clock.now(), by)
        self._record([fact if then is None else replace(fact, then=tuple(sorted(then.items())))])

    def remove_agent(self, agent_id: AgentId) -> None:
        """At once, or after his talk and wrap-up. Raises NotFound."""
        self._removed.add(self.agent(agent_id).agent_id)
        self.dismiss(agent_id)

    def dismiss(self, agent_id: AgentId) -> None:
        """Sign him out as soon as no customer is in progress. Raises NotFound."""
        self._leaving.add(self.agent(agent_id).agent_id)
        self._settle(agent_id)

    def _let_go(self, state: AgentState) -> list[Fact]:
        """Signs a leaving agent out when his work is done, and forgets a removed one then."""
        if state.intent != "signed_out":
            return rules.end_shift(state, self._clock.now())
        self._leaving.discard(state.agent_id)
        if state.agent_id in self._removed:
            self._forget(state.agent_id)
        return []

    def _forget(self, agent_id: AgentId) -> None:
        self._arm(agent_id, None)
        self._removed.discard(agent_id)
        del self._agents[agent_id], self._states[agent_id]
        self._phones = self._list_phones()
        self._acd.unseat(agent_id)

    def _list_phones(self) -> dict[str, AgentId]:
        return {endpoint: agent.agent_id for agent in self._agents.values() for endpoint in endpoints(agent)}

    # -- wishes ----------------------------------------------------------------------------------------------

    def sign_in(self, agent_id: AgentId) -> None:
        agent = self.agent(agent_id)
        self._record(rules.sign_in(self._states[agent_id], agent, self._clock.now()))

    def sign_out(self, agent_id: AgentId, by: str = "") -> None:
        state = self.state(agent_id)
        self._record(rules.sign_out(state, self._clock.now(), by, self._queue_of(state)))

    def ready(self, agent_id: AgentId, by: str = "") -> None:
        agent, state = self.agent(agent_id), self.state(agent_id)
        self._record(rules.ready(state, agent, self._clock.now(), by, self._queue_of(state)))

    def pause(self, agent_id: AgentId, reason: str, by: str = "") -> None:
        self._record(rules.pause(self.state(agent_id), self._clock.now(), reason, by))

    def begin_call(self, agent_id: AgentId) -> None:
        """He calls out next: raises Conflict when he may not, and ends his wrap-up when he has one."""
        state = self.state(agent_id)
        self._record(rules.may_place(state, self._clock.now(), self._queue_of(state)))

    def extend_wrap_up(self, agent_id: AgentId, more: Micros, by: str = "") -> None:
        self._record(rules.extend_wrap_up(self.state(agent_id), self._clock.now(), more, by))

    def end_wrap_up(self, agent_id: AgentId, by: str = "") -> None:
        state = self.state(agent_id)
        self._record(rules.end_wrap_up(state, self._clock.now(), by, self._queue_of(state)))

    # -- the switch --------------------------------------------------------------------------------------------

    def on_switch(self, event: SwitchEvent) -> None:
        match event:
            case PhoneReachability(endpoint=endpoint, reachable=reachable):
                self._phone_seen(endpoint, reachable)
            case PhoneBusy(endpoint=endpoint, busy=busy):
                self._busy = self._busy or set()
                (self._busy.add if busy else self._busy.discard)(endpoint)
                if endpoint in self._phones:
                    self._look_at_calls(self._phones[endpoint])
            case LinkUp(snapshot=snapshot):
                self._reachable, self._busy = set(snapshot.reachable), set(snapshot.busy)
                for agent_id in self._agents:
                    self._look_at_phones(agent_id)
                    self._look_at_calls(agent_id)
            case LinkDown():
                # A talk's end will not be told now: whoever was busy with it must not stay so.
                self._busy = None

    def _phone_seen(self, endpoint: str, reachable: bool) -> None:
        """Phones of nobody are kept in mind too: an agent may be given one that is registered."""
        (self._reachable.add if reachable else self._reachable.discard)(endpoint)
        agent_id = self._phones.get(endpoint)
        if agent_id is not None:
            self._look_at_phones(agent_id)

    def _look_at_phones(self, agent_id: AgentId) -> None:
        any_phone = any(end in self._reachable for end in endpoints(self._agents[agent_id]))
        self._record(rules.phone(self._states[agent_id], self._clock.now(), reachable=any_phone))

    def _look_at_calls(self, agent_id: AgentId) -> None:
        if self._busy is not None:
            busy = not self._busy.isdisjoint(endpoints(self._agents[agent_id]))
            self._record(rules.phone(self._states[agent_id], self._clock.now(), busy=busy))

    # -- folding -----------------------------------------------------------------------------------------------

    def _record(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            self._bus.record(fact)

    def _on_fact(self, recorded: Recorded) -> None:
        agent_id = self._fold(recorded)
        if agent_id is None:
            return
        self._settle(agent_id)
        # What his phone was busy with while he worked was no news then.
        if isinstance(recorded.fact, WrapUpEnded) or self.state(agent_id).system == "internal":
            self._look_at_calls(agent_id)

    def _fold(self, recorded: Recorded) -> AgentId | None:
        """Fold one fact; the agent it is about, None when it is none of ours."""
        fact = recorded.fact
        if isinstance(fact, VisitStarted):
            self._call_queues[fact.call_id] = fact.queue
        elif isinstance(fact, CallEnded):
            self._call_queues.pop(fact.call_id, None)
        agent_id = agent_id_of(fact)
        if agent_id is None or agent_id not in self._states:
            return None
        if isinstance(fact, AgentOffered | CallPlaced | TalkStarted):
            self._served[agent_id] = self._call_queues.get(fact.call_id)
        if isinstance(fact, AgentAssigned):
            self._agents[agent_id] = replace(
                self._agents[agent_id], queues={QueueName(name): level for name, level in fact.queues}
            )
        self._states[agent_id] = rules.apply(self._states[agent_id], fact)
        return agent_id

    def _settle(self, agent_id: AgentId) -> None:
        """After a change: record what is due, tell the router, set the clock for the next deadline."""
        state = self._states[agent_id]
        facts = rules.due(state, self._clock.now(), self._queue_of(state))
        if facts and state.system in ("offered", "dialling") and not self._acd.can_wake:
            # Ringing goes on unseen while the link is away; only the switch can say whether he has answered.
            self._arm(agent_id, self._clock.now() + state.rules.grace)
            return
        if facts:
            self._record(facts)
            return
        if agent_id in self._leaving:
            facts = self._let_go(state)
            self._record(facts)
            if facts or agent_id not in self._agents:
                return
        seat = seat_of(self._agents[agent_id], state)
        if seat is None:
            self._acd.unseat(agent_id)
        else:
            self._acd.seat(seat)
        self._arm(agent_id, state.deadline)

    def _queue_of(self, state: AgentState) -> Queue | None:
        name = self._served.get(state.agent_id) if state.call_id else None
        return self._queues.get(name) if name else None

    def _arm(self, agent_id: AgentId, deadline: Micros | None) -> None:
        timer = self._timers.pop(agent_id, None)
        if timer:
            timer.cancel()
        if deadline is not None:
            delay = max(0.0, (deadline - self._clock.now()) / SECOND)
            loop = asyncio.get_running_loop()
            self._timers[agent_id] = loop.call_later(delay, self._settle, agent_id)


def assigned(agent: Agent, at: Micros, by: str) -> AgentAssigned:
    """`AgentAssigned` of the queues he is set up with."""
    return AgentAssigned(at=at, agent_id=agent.agent_id, queues=tuple(sorted(agent.queues.items())), by=by)
