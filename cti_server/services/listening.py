"""Listening to a talk: the leader's own phone is rung and joined to the agent's leg (ChanSpy), as quality staff and shift
leaders do to help and to train.

    asked ──he answers, the switch has joined him──► on (listen ⇄ whisper ⇄ barge) ──► ended
      └── he does not answer: nothing happened

One at a time for each person: another agent's talk ends the one before. The end is the end of the listener's channel, whoever
caused it: he hung up, the talk is over, or the switch has lost it while we looked away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cti_server.bus import Bus
from cti_server.clock import Clock, new_id
from cti_server.domain.agents.state import WITH_CALLER
from cti_server.domain.facts import ListenEnded, ListenFact, ListenMode, ListenModeChanged, ListenStarted, Recorded
from cti_server.domain.ids import AgentId, CallId, ChannelRef
from cti_server.errors import Conflict, NotFound
from cti_server.ports import ChannelEnded, LinkUp, SpyStarted, Switch, SwitchEvent
from cti_server.services.calls.legs import agent_leg
from cti_server.services.calls.live import LiveCalls
from cti_server.services.floor import Floor

CONTEXT = "cti-spy"
CHANNEL = "cti-spy-{}"
"""Uniqueid of a listener's channel: known before it exists, and again after our restart."""
RING_SECONDS = 20.0


@dataclass(slots=True)
class Listen:
    listening_id: str
    call_id: CallId
    subject: AgentId
    by: str
    mode: ListenMode
    channel: ChannelRef
    on: bool = False


class Listening:
    """`told` = agents are told that somebody listens to them (docs/decisions/0090)."""

    def __init__(
        self, floor: Floor, calls: LiveCalls, switch: Switch, bus: Bus, clock: Clock, *, told: bool = False
    ) -> None:
        self._floor, self._calls, self._switch, self._bus, self._clock = floor, calls, switch, bus, clock
        self._told = told
        self._listens: dict[tuple[str, str], Listen] = {}

    def restore(self, facts: Iterable[Recorded]) -> None:
        """Whoever listened when we went away may still do: the first link tells."""
        for recorded in facts:
            fact = recorded.fact
            if isinstance(fact, ListenStarted | ListenModeChanged):
                self._keep(
                    Listen(fact.listening_id, fact.call_id, fact.subject, fact.by, fact.mode, self._channel(fact), True)
                )
            elif isinstance(fact, ListenEnded):
                self._listens.pop(self._channel(fact).key, None)

    def of(self, by: str) -> dict[str, Any] | None:
        """What this login listens to, as `leader_wire.Listening`."""
        listen = self._of(by)
        if listen is None:
            return None
        return {"agent_id": listen.subject, "call_id": listen.call_id, "mode": listen.mode, "on": listen.on}

    def told(self, agent_id: AgentId) -> list[dict[str, Any]]:
        """Who listens to this agent, as `leader_wire.Listened`; nobody when agents are not told."""
        on = [one for one in self._listens.values() if one.on and one.subject == agent_id] if self._told else []
        return [{"by": one.by, "mode": one.mode} for one in on]

    async def listen(self, agent_id: AgentId, mode: ListenMode, by: str, own: AgentId) -> None:
        """`own` is the listener's own phone. Raises NotFound, Conflict when there is no talk or his phone cannot take it."""
        live = self._calls.of_agent(self._floor.agent(agent_id).agent_id)
        if live is None or live.talking_with != agent_id:
            raise Conflict(f"agent {agent_id} is not talking", reason="agent_not_talking")
        present = self._of(by)
        if present and present.on and (present.subject, present.call_id) == (agent_id, live.call_id):
            await self._change(present, mode)
            return
        self._must_be_able(own, agent_id, free=present is None)
        leg = await agent_leg(self._switch, self._floor, live, agent_id)
        if present:
            await self._switch.hangup(present.channel)
        await self._ring(Listen(new_id(self._clock), live.call_id, agent_id, by, mode, ChannelRef("", "")), leg, own)

    async def end(self, by: str) -> None:
        """Raises NotFound when he does not listen."""
        listen = self._of(by)
        if listen is None:
            raise NotFound("you are not listening to anybody")
        await self._switch.hangup(listen.channel)

    def on_event(self, event: SwitchEvent) -> None:
        match event:
            case SpyStarted():
                self._started(event)
            case ChannelEnded(channel=channel):
                self._ended(channel)
            case LinkUp(snapshot=snapshot):
                up = {live.channel.key for live in snapshot.channels}
                for listen in [one for key, one in self._listens.items() if key not in up]:
                    self._ended(listen.channel)

    # -- inside ------------------------------------------------------------------------------------------------

    def _must_be_able(self, own: AgentId, subject: AgentId, *, free: bool) -> None:
        state = self._floor.state(own)
        if own == subject:
            raise Conflict("this is your own talk", reason="own_talk")
        if not state.reachable:
            raise Conflict("your phone is not registered; switch it on or check its settings", reason="no_phone")
        if state.system in WITH_CALLER or (free and state.phone_busy):
            raise Conflict("your phone is in use; end that call first", reason="phone_busy")

    async def _ring(self, listen: Listen, leg: ChannelRef, own: AgentId) -> None:
        listen.channel = ChannelRef(self._switch.node, CHANNEL.format(listen.listening_id))
        self._keep(listen)
        try:
            await self._switch.originate(
                self._floor.dial_string(own),
                context=CONTEXT,
                extension=listen.mode,
                caller=listen.subject,
                variables={"CTI_SPY": leg.uniqueid},
                timeout=RING_SECONDS,
                channel_id=listen.channel.uniqueid,
            )
        except BaseException:
            self._listens.pop(listen.channel.key, None)
            raise

    async def _change(self, listen: Listen, mode: ListenMode) -> None:
        if mode == listen.mode:
            return
        await self._switch.redirect(listen.channel, mode, CONTEXT)
        listen.mode = mode
        self._note(ListenModeChanged, listen, mode=mode)

    def _started(self, event: SpyStarted) -> None:
        """Each change of mode joins him anew; only the first time is the start."""
        listen = self._listens.get(event.channel.key)
        if listen and not listen.on:
            listen.on = True
            self._note(ListenStarted, listen, mode=listen.mode)

    def _ended(self, channel: ChannelRef) -> None:
        listen = self._listens.pop(channel.key, None)
        if listen and listen.on:
            self._note(ListenEnded, listen)

    def _note(self, fact: type[ListenFact], listen: Listen, **more: Any) -> None:
        who: dict[str, Any] = {"listening_id": listen.listening_id, "subject": listen.subject, "by": listen.by}
        who["told"] = self._told
        self._bus.record(fact(at=self._clock.now(), call_id=listen.call_id, **who, **more))

    def _keep(self, listen: Listen) -> None:
        self._listens[listen.channel.key] = listen

    def _channel(self, fact: ListenFact) -> ChannelRef:
        return ChannelRef(self._switch.node, CHANNEL.format(fact.listening_id))

    def _of(self, by: str) -> Listen | None:
        """The newest: the one before may still be hanging up."""
        return next((listen for listen in reversed(self._listens.values()) if listen.by == by), None)
