"""Calls agents place to numbers outside.

    asked for from the desk ─► (his own phone is rung, or his page dials) ─► his line comes to us ─┐
    dialled on the phone itself ───────────────────────────────────────────────────────────────────┴─► the number is rung
        answered                            → they talk; whoever hangs up first ends it
        busy, no answer, cannot be reached  → the screen says which, his phone hears it end so; then he wraps up

The agent is `dialling` from the first moment, so that nobody is offered to him; his call is a visit of no queue. Owner: `Placing`
until his line has come (deadline: CONNECT_SECONDS for a page, the ring time for a phone), then the line's session. Without a
session, after our restart, it is the switch watch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cti_server.bus import Bus
from cti_server.clock import Clock, new_id
from cti_server.config import CallSettings
from cti_server.domain.facts import CallerIdentified, NotReached
from cti_server.domain.ids import AgentId, CallId, ChannelRef, CustomerId, VisitId
from cti_server.domain.visit_records import NO_QUEUE
from cti_server.errors import CtiError, LineGone
from cti_server.ports import DialResult, LineInfo, Switch
from cti_server.services.calls.caller import Caller
from cti_server.services.calls.consulting import AGENT_CONTEXT
from cti_server.services.calls.live import LiveCall, LiveCalls, Visit
from cti_server.services.calls.targets import QUEUE_PREFIX, Target, Targets
from cti_server.services.calls.waiting import Moved
from cti_server.services.customers import Customers
from cti_server.services.floor import Floor

PHONE_SECONDS = 30.0
"""How long the agent's own phone rings."""
CONNECT_SECONDS = 10.0
"""How soon the call a page dials must come to us; also the grace for a phone just answered."""
END_SEEN_SECONDS = 1.0
"""How long the switch's own word on a hang-up (side, cause, exact time) is waited for."""
NOT_REACHED: dict[str, NotReached] = {
    "BUSY": "busy",
    "NOANSWER": "no_answer",
    "CHANUNAVAIL": "unreachable",
    "CONGESTION": "failed",
    "CANCEL": "cancelled",
}


class Placing:
    def __init__(
        self,
        calls: LiveCalls,
        floor: Floor,
        targets: Targets,
        customers: Customers,
        switch: Switch,
        bus: Bus,
        clock: Clock,
        settings: CallSettings,
    ) -> None:
        self._calls, self._floor, self._targets, self._customers = calls, floor, targets, customers
        self._switch, self._bus, self._clock, self._settings = switch, bus, clock, settings
        self._timers: dict[CallId, asyncio.TimerHandle] = {}

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    # -- from the desk ------------------------------------------------------------------------------------------

    async def place(self, agent_id: AgentId, text: str, *, in_page: bool) -> None:
        """`in_page`: his page dials by itself as soon as we have agreed. Raises InvalidValue, Forbidden, Conflict before
        anything rings, and what the switch says when it refuses."""
        inside = self._targets.find(text.strip())
        if inside.kind in ("agent", "queue"):
            await self._call_inside(agent_id, inside, in_page)
            return
        number = self._targets.outside.must(text)
        customer = await self._customers.identify(number)
        self._floor.begin_call(agent_id)
        call_id = CallId(new_id(self._clock))
        live = self._calls.open(
            call_id,
            ChannelRef(self._switch.node, f"cti-{call_id}"),
            caller=number,
            direction="outbound",
            customer=customer,
        )
        live.agent_channel = None if in_page else live.channel
        wait = CONNECT_SECONDS if in_page else PHONE_SECONDS
        self._begin(live, agent_id, wait + CONNECT_SECONDS + self._settings.transfer_ring_seconds)
        self._expect(live, wait + CONNECT_SECONDS if not in_page else wait)
        if not in_page:
            try:
                ticket = {"CTI_CALL_ID": str(live.call_id)}
                await self._ring_agent(agent_id, number, ticket, live.channel.uniqueid)
            except CtiError:
                self._give_up(live)
                raise

    async def _call_inside(self, agent_id: AgentId, target: Target, in_page: bool) -> None:
        """A colleague or a queue: no customer's call, so nothing is placed; the session of his line does the rest."""
        self._floor.begin_call(agent_id)
        if not in_page:
            prefix = QUEUE_PREFIX if target.kind == "queue" else ""
            await self._ring_agent(agent_id, f"{prefix}{target.name}", {}, "")

    async def _ring_agent(self, agent_id: AgentId, extension: str, ticket: Mapping[str, str], channel_id: str) -> None:
        await self._switch.originate(
            self._floor.dial_string(agent_id),
            context=AGENT_CONTEXT,
            extension=extension,
            caller=extension,
            variables=ticket,
            timeout=PHONE_SECONDS,
            channel_id=channel_id,
        )

    def _expect(self, live: LiveCall, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._timers[live.call_id] = loop.call_later(seconds, self._give_up, live)

    def _give_up(self, live: LiveCall) -> None:
        """His own phone never came."""
        self._timers.pop(live.call_id, None)
        if live.dialled_by is not None and not live.attached:
            live.end("server")

    def _begin(self, live: LiveCall, agent_id: AgentId, seconds: float) -> None:
        live.arrived()
        live.placed(agent_id, Visit(VisitId(new_id(self._clock)), NO_QUEUE, 0, self._clock.now()), seconds)
        if live.customer:
            live.note(CallerIdentified, **identified(live.customer))

    # -- from the line ------------------------------------------------------------------------------------------

    def of_line(self, info: LineInfo) -> LiveCall | None:
        """The call this agent's line belongs to: the one he asked for, or one that goes on after our restart."""
        agent_id = self._floor.of_endpoint(info.endpoint)
        own = self._calls.on_channel(info.channel)
        if own is not None and own.direction == "outbound":
            return own
        live = self._calls.of_agent(agent_id) if agent_id else None
        if live is None or live.dialled_by != agent_id or live.attached or not info.arguments:
            return None
        if self._targets.outside.read(info.arguments[0]) != live.caller:
            return None
        self._calls.move(live, info.channel)
        return live

    def may_begin(self, info: LineInfo) -> AgentId | None:
        """The agent whose phone this is, when what he dials is a call of its own and no consultation."""
        agent_id = self._floor.of_endpoint(info.endpoint)
        return agent_id if agent_id and self._calls.of_agent(agent_id) is None else None

    async def connect(self, caller: Caller, agent_id: AgentId, number: str) -> None:
        """His line is here: ring the number and stay until the talk is over. LineGone when he hangs up."""
        live = caller.live
        if timer := self._timers.pop(live.call_id, None):
            timer.cancel()
        if live.visit is None:
            live.direction, live.caller = "outbound", number
            live.customer = await self._customers.identify(number)
            self._begin(live, agent_id, CONNECT_SECONDS + self._settings.transfer_ring_seconds)
        live.agent_channel = live.agent_channel or caller.line.info.channel
        live.joined_by(caller.line.info.channel, "agent")
        await caller.write({"CTI_CALL_ID": live.call_id})
        if live.visit is not None:
            live.visit.connected = True
        await self._finish(caller, agent_id, await self._dial(caller))

    async def _dial(self, caller: Caller) -> DialResult:
        """After our restart the ringing may be over: the line remembers how."""
        if caller.live.record is not None and caller.live.record.resumed:
            status = await caller.line.get_variable("DIALSTATUS")
            if status:
                return DialResult(status if status in NOT_REACHED or status == "ANSWER" else "UNKNOWN")  # type: ignore[arg-type]
        return await caller.line.dial(
            self._targets.trunk(caller.live.caller),
            timeout=self._settings.transfer_ring_seconds,
            as_caller=self._settings.shown_number,
        )

    async def _finish(self, caller: Caller, agent_id: AgentId, result: DialResult) -> None:
        live = caller.live
        if result.status == "ANSWER":
            if live.dialled_by is not None:
                live.talk_started(agent_id, result.answered_at or None)
            await self._end_seen(live)
        if result.transferred or live.leaving or live.owner is not caller:
            with suppress(LineGone):
                await caller.line.leave(done=True)
            raise Moved("whom he called goes on without him")
        if result.status == "ANSWER":
            live.end("caller", cause=live.hangup_cause, at=live.hung_up_at)
            return
        live.not_reached(NOT_REACHED.get(result.status, "failed"))

    async def _end_seen(self, live: LiveCall) -> None:
        """His line is free again; that alone does not say whether the other has hung up or was sent on."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if live.leaving else END_SEEN_SECONDS):
                await live.hung_up.wait()


def identified(customer: Any) -> dict[str, Any]:
    """Fields of `CallerIdentified` of who was found by his number."""
    return {
        "customer_id": CustomerId(str(customer["id"])),
        "tier": str(customer.get("tier", "")),
        "flags": tuple(customer.get("flags", ())),
    }
