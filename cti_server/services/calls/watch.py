"""What the switch tells of calls, put on their timelines.

The switch sees the moments a line's own session cannot: the agent's phone ringing, the answer, hold, transfers made from a
phone, and everything of calls that have no session since we restarted. Ends of talks and calls that have a session are its
own to record: only it knows who hung up first.
"""

from __future__ import annotations

import re

from cti_server.domain.facts import CallerIdentified, CallTransferred, Side
from cti_server.domain.ids import AgentId
from cti_server.ports import (
    ChannelAnswered,
    ChannelEnded,
    ChannelEvent,
    ChannelHeld,
    ChannelRinging,
    ChannelUnbridged,
    ChannelUnheld,
    SwitchEvent,
    TransferDone,
)
from cti_server.services.calls.consulting import Consultations
from cti_server.services.calls.live import LiveCall, LiveCalls
from cti_server.services.floor import Floor

LOCAL = re.compile(r"(?P<line>Local/(?P<extension>[^@]+)@.+);1")


class SwitchWatch:
    """`on_event` is subscribed to the switch."""

    def __init__(self, calls: LiveCalls, floor: Floor, consultations: Consultations) -> None:
        self._calls, self._floor, self._consultations = calls, floor, consultations

    def on_event(self, event: SwitchEvent) -> None:
        match event:
            case ChannelRinging():
                self._ringing(event)
            case ChannelAnswered():
                self._answered(event)
            case ChannelHeld() | ChannelUnheld():
                self._hold(event, isinstance(event, ChannelHeld))
            case ChannelUnbridged():
                self._unbridged(event)
            case TransferDone(how="blind"):
                self._sent_on(event)
            case TransferDone(how="joined"):
                self._joined(event)
            case TransferDone():
                self._handed_over(event)
            case ChannelEnded():
                self._ended(event)

    def _leg(self, event: ChannelEvent) -> tuple[LiveCall | None, AgentId | None]:
        """The call an agent's leg belongs to, and the agent. A leg that was a consultation keeps that call's id when the caller
        comes over to it; then it is the call he talks on."""
        agent_id = self._floor.of_endpoint(event.endpoint)
        live = self._calls.get(event.call_id)
        if agent_id and (live is None or live.over):
            live = self._calls.of_agent(agent_id) or live
        return live, agent_id

    def _ringing(self, event: ChannelRinging) -> None:
        live, agent_id = self._leg(event)
        if live and agent_id:
            live.rang(agent_id, event.at)
        elif live:
            live.party_rang(event.at)

    def _answered(self, event: ChannelAnswered) -> None:
        live, agent_id = self._leg(event)
        if event.endpoint:
            self._consultations.answered(event.call_id, event.at, agent_id)
        if live is not None and agent_id is None and live.dialled_by is not None:
            self._party_answered(live, live.dialled_by, event)
        if live is None or agent_id is None or live.visit is None:
            return
        # Without an offer it is the fallback queue that rang him, or ringing that outlived its deadline.
        if live.waiting and (live.visit.offer is None or live.visit.offer[1] == agent_id):
            live.agent_channel = event.channel
            live.talk_started(agent_id, event.at, event.channel.name)

    def _party_answered(self, live: LiveCall, agent_id: AgentId, event: ChannelAnswered) -> None:
        """From here on the call's channel is that of whom the agent called, as it is a caller's when one calls in."""
        self._calls.move(live, event.channel)
        live.joined_by(event.channel, "party")
        live.talk_started(agent_id, event.at, live.agent_channel.name if live.agent_channel else "")

    def _caller_of(self, event: ChannelEvent) -> LiveCall | None:
        """The call whose outside party is on this channel; an agent's line of a call he placed is none."""
        live = self._calls.on_channel(event.channel)
        return live if live and live.channel.key == event.channel.key else None

    def _hold(self, event: ChannelEvent, on: bool) -> None:
        live, agent_id = self._leg(event)
        if live and agent_id and live.talking_with == agent_id:
            live.held(on, event.at)

    def _unbridged(self, event: ChannelUnbridged) -> None:
        """A talk without a session: whoever leaves the bridge first has ended it."""
        self._leaves_the_three(event)
        mine = self._caller_of(event)
        if mine and self._floor.of_endpoint(event.endpoint):
            return  # one consulted, on his way into another bridge or out: the end of his channel says which
        if mine and not mine.attached and not mine.leaving:
            mine.talk_ended("caller", event.at)
            return
        live, agent_id = self._leg(event)
        if live and agent_id and not live.attached and live.talking_with == agent_id:
            live.talk_ended("agent", event.at)

    def _sent_on(self, event: TransferDone) -> None:
        live = self._calls.on_channel(event.channel) or self._calls.get(event.call_id)
        if live is None:
            return
        by = self._floor.of_endpoint(event.by)
        if (
            by is not None and event.extension == by
        ):  # nobody sends a caller to himself: his page is gone (desk.py:phone_cut)
            live.talk_ended("agent", event.at)
            return
        live.leaving = True
        live.note(CallTransferred, event.at, how="blind", target=event.extension, by=by)
        live.talk_ended("transfer", event.at)

    def _joined(self, event: TransferDone) -> None:
        """All three talk: the agent's talk goes on, and only his leaving hands the caller over."""
        live = self._calls.on_channel(event.channel) or self._calls.get(event.call_id)
        if live is not None:
            live.held(False, event.at)
            self._consultations.joined(live, event.at)

    def _leaves_the_three(self, event: ChannelUnbridged) -> None:
        """The agent leaves a conference, and not to consult one more: the first who joined has the caller now."""
        live, agent_id = self._leg(event)
        if live is None or agent_id is None or agent_id != live.talking_with:
            return
        state = self._floor.state(agent_id)
        if not state.parties or state.consulting:
            return
        live.leaving = live.leaving or live.on_agents_line
        heir = next((one for one in state.parties if one.partner), state.parties[0])
        live.note(CallTransferred, event.at, how="attended", target=heir.partner or heir.target, by=agent_id)
        live.talk_ended("transfer", event.at)
        if heir.partner:
            live.talk_started(heir.partner, event.at)
            if (consult := self._calls.get(heir.consult_id)) is not None:
                consult.end("transfer", at=event.at)

    def _handed_over(self, event: TransferDone) -> None:
        """Attended: the caller goes on with whoever the agent consulted, or waits on in the consultation's place."""
        live = self._calls.on_channel(event.channel) or self._calls.get(event.call_id)
        if live is None:
            return
        live.leaving = live.leaving or live.on_agents_line
        by, (partner, consult) = self._floor.of_endpoint(event.by), self._partner(event)
        outside = partner is None and (consult is None or consult.visit is None)
        target = partner or (_dialled(event, consult) if outside else consult and consult.visit and consult.visit.queue)
        live.note(CallTransferred, event.at, how="attended", target=str(target), by=by)
        live.talk_ended("transfer", event.at)
        if outside:
            if consult is not None:
                consult.end("transfer", at=event.at)
            return
        if partner is None:
            if consult is not None:
                self._waits_on(consult, live, event)
            return
        if consult is not None:
            consult.end("transfer", at=event.at)
        # A Local channel is gone once the switch has joined both sides of it; the leg behind it is looked for when needed.
        live.agent_channel = None if event.target and LOCAL.fullmatch(event.target.name) else event.target
        live.talk_started(partner, event.at, event.target.name if event.target else "")

    def _partner(self, event: TransferDone) -> tuple[AgentId | None, LiveCall | None]:
        """The agent consulted, and the consultation. One the switch began (Atxfer) runs through a Local channel: he is the one
        its queue found or whom it dialled; None = still waiting, or somebody outside."""
        partner, consult = self._floor.of_endpoint(event.target_endpoint), self._calls.get(event.consult_call_id)
        local = LOCAL.fullmatch(event.target.name) if event.target else None
        if local is None:
            return partner, consult
        consult = self._calls.on_channel_named(f"{local['line']};2")
        dialled = AgentId(local["extension"]) if self._floor.knows(local["extension"]) else None
        return partner or (consult and consult.talking_with) or dialled, consult

    def _waits_on(self, consult: LiveCall, live: LiveCall, event: TransferDone) -> None:
        """The agent went while his consultation still waits: the switch puts the caller's channel into its place, so the
        consultation becomes the caller's call and his first one ends as transferred."""
        live.end("transfer", at=event.at)
        consult.caller, consult.customer, consult.serves = live.caller, live.customer, live.call_id
        if event.target is None or not LOCAL.fullmatch(event.target.name):
            self._calls.move(consult, event.channel)
        if live.record and live.record.customer_id:
            consult.note(
                CallerIdentified, customer_id=live.record.customer_id, tier=live.record.tier, flags=live.record.flags
            )

    def _ended(self, event: ChannelEnded) -> None:
        if event.endpoint:
            self._leg_ended(event)
        live = self._calls.on_channel(event.channel)
        if live is None or live.channel.key != event.channel.key:
            return
        if live.direction == "internal" and live.talking_with and live.agent_channel is not None:
            # Only our half of a Local channel: the one consulted has joined, or his caller's hang-up left him with the agent.
            self._calls.move(live, live.agent_channel)
            return
        live.hung_up_at, live.hangup_cause = event.at, event.cause
        live.hung_up.set()
        if not live.attached:
            live.end(self._side(event), cause=event.cause, at=event.at)

    def _leg_ended(self, event: ChannelEnded) -> None:
        self._consultations.left(event.call_id, event.at)
        live = self._calls.get(event.call_id)
        if live and live.agent_channel and live.agent_channel.key == event.channel.key:
            live.agent_channel = None

    def _side(self, event: ChannelEnded) -> Side:
        return "agent" if self._floor.of_endpoint(event.endpoint) else "caller"


def _dialled(event: TransferDone, consult: LiveCall | None) -> str:
    """The number outside an agent consulted."""
    local = LOCAL.fullmatch(event.target.name) if event.target else None
    return local["extension"] if local else consult.did if consult else event.target_endpoint
