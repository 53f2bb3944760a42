"""Consultations and conferences: an agent asks somebody else during a talk, then completes, joins, swaps or goes back.

Owner of the state is the timeline (domain/agents/consulting.py folds it): it outlives pages, tabs and this server. The switch
does the work (Atxfer and the keys of features.conf on the agent's leg), so desk phones and softphones work alike.

Deadlines: a phone rings `calls.transfer_ring_seconds`, a queue is waited for as long as the queue says; then the switch gives
the agent back to his caller. After a loss of the switch's link its channels say which consultations still stand.

A caller who hangs up leaves the others behind: who has answered or joined talks on with the agent, who rings or is
waited for is let go. The last one left alone is hung up on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Literal

import structlog

from cti_server.bus import Bus
from cti_server.clock import Clock, new_id
from cti_server.domain.agents import Consultation
from cti_server.domain.facts import (
    CallEnded,
    ConferenceJoined,
    ConferenceLeft,
    ConsultAnswered,
    ConsultEnded,
    ConsultResult,
    ConsultStarted,
    ConsultSwapped,
    Fact,
    HoldEnded,
    Recorded,
    TalkEnded,
)
from cti_server.domain.ids import SECOND, AgentId, CallId, Micros, VisitId
from cti_server.errors import Conflict, CtiError, NotFound
from cti_server.ports import LinkUp, LiveChannel, Switch, SwitchEvent
from cti_server.services.calls.legs import agent_leg, hang_up_phone
from cti_server.services.calls.live import LiveCall, LiveCalls
from cti_server.services.calls.targets import QUEUE_PREFIX, Target
from cti_server.services.floor import Floor

log = structlog.get_logger(__name__)

CONSULT_ID = "CTI_CONSULT_ID"
"""Channel variable of the agent's leg: the id of the call that rings whom he consults."""
AGENT_CONTEXT = "cti-agents"
BEGIN_SECONDS = 5.0
"""The switch hands us the call within a few ms; one it never makes would ring for ever."""
SETTLE = 1.2
"""An agent just given back hears the switch's tone first; a transfer asked for meanwhile would be ignored (Asterisk 22.10)."""
BACK_SECONDS = 1.0
"""The switch gives the agent back to his caller within a few ms of the key."""
ConsultStep = Literal["complete", "join", "swap", "cancel"]
CONSULT_KEYS: dict[ConsultStep, str] = {"cancel": "ABA", "complete": "ABB", "join": "ABC", "swap": "ABD"}
"""docker/asterisk/conf/features.conf, [general]."""


class Consultations:
    def __init__(self, calls: LiveCalls, floor: Floor, switch: Switch, bus: Bus, clock: Clock) -> None:
        self._calls, self._floor, self._switch, self._bus, self._clock = calls, floor, switch, bus, clock
        self._due: dict[CallId, asyncio.TimerHandle] = {}
        self._back: dict[AgentId, Micros] = {}
        """When each agent last came back from a hold."""
        self._hanging_up: set[asyncio.Task[None]] = set()
        self._undo = bus.subscribe(self._on_fact)

    def close(self) -> None:
        self._undo()
        for timer in self._due.values():
            timer.cancel()
        for task in self._hanging_up:
            task.cancel()

    # -- wishes ----------------------------------------------------------------------------------------------

    async def begin(self, live: LiveCall, agent_id: AgentId, target: Target) -> None:
        """Raises Conflict while another consultation is open, and what the switch says; then he is back with his caller."""
        if self._floor.state(agent_id).consulting:
            raise Conflict("you are consulting somebody already; complete or cancel that first", reason="consulting")
        leg = await agent_leg(self._switch, self._floor, live, agent_id)
        await self._settled(agent_id)
        consult_id = CallId(new_id(self._clock))
        visit_id = self._visit(agent_id)
        to, name = target.kind, target.name
        assert to != "unknown"
        live.note(ConsultStarted, visit_id=visit_id, agent_id=agent_id, consult_id=consult_id, to=to, target=name)
        try:
            await self._switch.set_variable(leg, f"__{CONSULT_ID}", consult_id)
            await self._switch.attended_transfer(leg, f"{QUEUE_PREFIX}{name}" if to == "queue" else name, AGENT_CONTEXT)
        except CtiError:
            self.ended(consult_id, "unreachable")
            raise
        self._due[consult_id] = asyncio.get_running_loop().call_later(BEGIN_SECONDS, self._never_began, consult_id)

    async def _settled(self, agent_id: AgentId) -> None:
        back = SETTLE - (self._clock.now() - self._back.get(agent_id, 0)) / SECOND
        if back > 0:
            await asyncio.sleep(min(back, SETTLE))

    def _never_began(self, consult_id: CallId) -> None:
        log.warning("consultation_never_began", consult=consult_id)
        self.began(consult_id)
        self.ended(consult_id, "unreachable")

    async def step(self, live: LiveCall, agent_id: AgentId, step: ConsultStep) -> None:
        """Raises Conflict when there is nobody to complete, join or swap with."""
        consult = self._floor.state(agent_id).consult
        if consult is None or not consult.open:
            raise Conflict("you are consulting nobody; start with an attended transfer", reason="not_consulting")
        waits_on = step == "complete" and consult.to == "queue"
        if step != "cancel" and not consult.answered and not waits_on:
            raise Conflict("nobody has answered yet; wait, or go back to the caller", reason="not_answered")
        await self._switch.press(await agent_leg(self._switch, self._floor, live, agent_id), CONSULT_KEYS[step])
        if step == "cancel":
            self.ended(consult.consult_id, "cancelled")
        elif step == "swap":
            self._note(ConsultSwapped, live, agent_id, consult.consult_id)

    async def drop(self, live: LiveCall, agent_id: AgentId, consult_id: str | None = None) -> None:
        """Hang up on one who is in conference; None = on all. The caller stays. Raises NotFound and Conflict."""
        parties = self._floor.state(agent_id).parties
        if not parties:
            raise Conflict("you are in no conference", reason="no_conference")
        out = {one.consult_id for one in parties if consult_id in (None, one.consult_id)}
        if not out:
            raise NotFound("he is not in your conference any more")
        for leg in (await self._switch.snapshot()).channels:
            if leg.call_id in out and leg.channel.key != live.channel.key:
                await self._switch.hangup(leg.channel)
        for gone in out:
            self.left(gone)

    async def abandon(self, live: LiveCall, agent_id: AgentId) -> None:
        """Back to the caller before the agent's leg is taken down; at most BACK_SECONDS."""
        if not self._floor.state(agent_id).consulting:
            return
        back = asyncio.Event()
        undo = self._bus.subscribe(lambda one: back.set() if _unheld(one, agent_id) else None)
        try:
            await self.step(live, agent_id, "cancel")
            async with asyncio.timeout(BACK_SECONDS):
                await back.wait()
        except TimeoutError:
            log.warning("consultation_not_given_back", call=live.call_id)
        finally:
            undo()

    # -- what happens ----------------------------------------------------------------------------------------

    def knows(self, consult_id: str) -> bool:
        return self._of(CallId(consult_id)) is not None

    def began(self, consult_id: CallId) -> None:
        """The switch has handed us the call that rings him: from here on that call's end is the consultation's."""
        timer = self._due.pop(consult_id, None)
        if timer is not None:
            timer.cancel()

    def answered(self, consult_id: CallId | None, at: Micros, partner: AgentId | None) -> None:
        found = self._of(consult_id)
        if found is not None and found[1].open and not found[1].answered:
            self._fact(ConsultAnswered, found[0], found[1].consult_id, at, partner=partner)

    def ended(self, consult_id: CallId | None, result: ConsultResult, at: Micros | None = None) -> None:
        found = self._of(consult_id)
        if found is not None and found[1].open:
            self._fact(ConsultEnded, found[0], found[1].consult_id, at, result=result)

    def joined(self, live: LiveCall, at: Micros) -> None:
        """All three talk."""
        agent_id = live.talking_with
        consult = self._floor.state(agent_id).consult if agent_id else None
        if agent_id and consult and consult.open:
            self._note(ConferenceJoined, live, agent_id, consult.consult_id, at)

    def left(self, consult_id: CallId | None, at: Micros | None = None) -> None:
        """A channel of this consultation has ended."""
        for agent, state in self._floor:
            if any(one.consult_id == consult_id for one in state.parties):
                self._fact(ConferenceLeft, agent.agent_id, CallId(str(consult_id)), at)
                self._last_one(agent.agent_id)

    def _last_one(self, agent_id: AgentId) -> None:
        state = self._floor.state(agent_id)
        if state.system == "internal" and not state.parties:
            self._let_go(agent_id)

    def _let_go(self, agent_id: AgentId) -> None:
        task = asyncio.create_task(self._hang_up(agent_id))
        self._hanging_up.add(task)
        task.add_done_callback(self._hanging_up.discard)

    async def _hang_up(self, agent_id: AgentId) -> None:
        try:
            await hang_up_phone(self._switch, self._floor, agent_id)
        except CtiError as error:
            log.debug("nothing_to_hang_up", agent=agent_id, error=error.code)

    def on_event(self, event: SwitchEvent) -> None:
        if isinstance(event, LinkUp):
            self._reconcile(event.snapshot.channels, event.at)

    def _reconcile(self, channels: Iterable[LiveChannel], at: Micros) -> None:
        legs = {leg.call_id: leg for leg in channels if leg.endpoint}
        for _, state in self._floor:
            consult = state.consult
            leg = legs.get(consult.consult_id) if consult else None
            if consult is not None and leg is None:
                self.ended(consult.consult_id, "unknown", at)
            elif consult is not None and leg is not None and leg.bridge:
                self.answered(consult.consult_id, at, self._floor.of_endpoint(leg.endpoint))
            for party in state.parties:
                if party.consult_id not in legs:
                    self.left(party.consult_id, at)

    def _on_fact(self, recorded: Recorded) -> None:
        """The call that rang him is over, and nobody said why; or the caller has gone while he rings or is waited for."""
        fact = recorded.fact
        if isinstance(fact, HoldEnded):
            self._back[fact.agent_id] = fact.at
        if isinstance(fact, TalkEnded) and fact.side in ("caller", "unknown"):
            consult = self._floor.state(fact.agent_id).consult if self._floor.knows(fact.agent_id) else None
            if consult is not None and consult.open and not consult.answered:
                self._let_go(fact.agent_id)
        if isinstance(fact, CallEnded):
            found = self._of(fact.call_id)
            if found is not None and found[1].open:
                self.ended(fact.call_id, "gone" if found[1].answered else "no_answer", fact.at)

    # -- helpers ---------------------------------------------------------------------------------------------

    def _of(self, consult_id: CallId | None) -> tuple[AgentId, Consultation] | None:
        for agent, state in self._floor:
            if state.consult is not None and state.consult.consult_id == consult_id:
                return agent.agent_id, state.consult
        return None

    def _fact(
        self, kind: type[Fact], agent_id: AgentId, consult_id: CallId, at: Micros | None, **fields: object
    ) -> None:
        state = self._floor.state(agent_id)
        live = self._calls.get(state.call_id)
        if live is not None:
            self._note(kind, live, agent_id, consult_id, at, **fields)
        elif state.system == "internal":  # his caller's call is over
            ids: dict[str, Any] = {"call_id": state.call_id, "visit_id": state.visit_id, "agent_id": agent_id}
            self._bus.record(kind(at=at or self._clock.now(), **ids, **{"consult_id": consult_id, **fields}))

    def _note(
        self,
        kind: type[Fact],
        live: LiveCall,
        agent_id: AgentId,
        consult_id: CallId,
        at: Micros | None = None,
        **fields: object,
    ) -> None:
        visit_id = self._visit(agent_id)
        live.note(kind, at, visit_id=visit_id, agent_id=agent_id, consult_id=consult_id, **fields)

    def _visit(self, agent_id: AgentId) -> VisitId | None:
        return self._floor.state(agent_id).visit_id


def _unheld(recorded: Recorded, agent_id: AgentId) -> bool:
    return isinstance(recorded.fact, HoldEnded) and recorded.fact.agent_id == agent_id
