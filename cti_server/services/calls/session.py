"""One line, from the moment Asterisk hands it to us until it is gone: the coroutine of one call.

    call       a caller, new or come back after we or the network went away
    transfer   a caller an agent sent on: to a queue, an agent, a number
    internal   an agent's phone dials: a colleague, a queue (consultation), a number outside
    callback   a caller we rang back has answered

Ends: LineGone (he hung up, or the switch moved him), the flow's end (we hang up), our own stop (the channel goes back to
the dialplan, which finds the next server). An error of ours also gives the channel back: the dialplan tries again and then
falls back to its own queue. The session never drops a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog

from cti_server.clock import new_id
from cti_server.domain.facts import CallerIdentified, CallResumed, ConsultResult, FlowFailed, Side
from cti_server.domain.flows.effects import Ask, CallContext, QueueResult
from cti_server.domain.ids import AgentId, CallId, ChannelRef, QueueName, VisitId
from cti_server.domain.phrases import phrase
from cti_server.domain.visit_records import NO_QUEUE
from cti_server.errors import LineGone, NotFound, Unavailable
from cti_server.ports import Line
from cti_server.services.calls import ticket as tickets
from cti_server.services.calls.caller import Caller
from cti_server.services.calls.consulting import CONSULT_ID
from cti_server.services.calls.driver import FlowDriver
from cti_server.services.calls.live import LiveCall, Visit
from cti_server.services.calls.parts import Parts
from cti_server.services.calls.placing import END_SEEN_SECONDS, identified
from cti_server.services.calls.recovery import take_up
from cti_server.services.calls.targets import Target
from cti_server.services.calls.voice import Voice
from cti_server.services.calls.waiting import Moved, Stay

log = structlog.get_logger(__name__)
STORE_SECONDS = 1.0
"""How long a caller who comes back may wait in silence for the record of his call."""
GREETINGS = 3
"""How often a callback greets before it counts as not reached."""
Direction = Literal["inbound", "outbound", "internal", "callback"]


class Sessions:
    """`handle` is the CallHandler given to the FastAGI server."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._scripts: dict[str, Callable[[Caller], Awaitable[None]]] = {
            "call": self._call,
            "transfer": self._transferred,
            "internal": self._internal,
            "callback": self._called_back,
        }

    async def handle(self, line: Line) -> None:
        live = await self._find(line)
        if live is None:
            await line.leave(done=True)
            return
        caller = self._caller(line, live)
        try:
            await self._begin(caller)
            await self._scripts.get(line.info.script, self._call)(caller)
            await line.leave(done=True)
            live.end("server")
        except Moved:
            live.leaving = live.leaving or live.owner is caller
        except LineGone:
            await self._gone(caller)
        except asyncio.CancelledError:
            await self._give_back(caller)
            raise
        except Exception:
            log.exception("session_failed", call=live.call_id)
            await self._give_back(caller)
        finally:
            if live.owner is caller:
                live.owner = None

    # -- beginnings --------------------------------------------------------------------------------------------

    async def _find(self, line: Line) -> LiveCall | None:
        """The call this channel belongs to: one in progress, another server's, or one only its ticket knows. None: it is over,
        this was an agent's line of it."""
        if line.info.script == "internal":
            return self._of_phone(line)
        call_id = CallId(line.info.variables.get("CTI_CALL_ID", ""))
        live = self._parts.calls.get(call_id) if call_id else None
        if live is None and call_id:
            live = await self._of_another_server(call_id)
        if live is not None:
            self._parts.calls.move(live, line.info.channel)
            return live
        return self._open(
            line, call_id or CallId(new_id(self._parts.clock)), DIRECTION.get(line.info.script, "inbound")
        )

    def _open(self, line: Line, call_id: CallId, direction: Direction, caller: str = "") -> LiveCall:
        return self._parts.calls.open(
            call_id,
            line.info.channel,
            caller=caller or self._parts.customers.dialable(line.info.caller) or line.info.caller,
            did="" if direction == "outbound" else line.info.did,
            direction=direction,
        )

    def _of_phone(self, line: Line) -> LiveCall | None:
        """An agent's phone or a consultation dials: a call he places, or one of our own."""
        info, call_id = line.info, CallId(new_id(self._parts.clock))
        if (consult_id := CallId(info.variables.get(CONSULT_ID, ""))) and self._parts.consultations.knows(consult_id):
            return self._consultation(line, consult_id)
        if (live := self._parts.placing.of_line(info)) is not None:
            return live
        target = self._parts.targets.find(info.arguments[0] if info.arguments else "")
        if target.kind != "number" or self._parts.placing.may_begin(info) is None:
            return self._open(line, call_id, "internal")
        return None if "CTI_CALL_ID" in info.variables else self._open(line, call_id, "outbound", target.name)

    def _consultation(self, line: Line, consult_id: CallId) -> LiveCall:
        """The one an agent has asked for; after our restart it is known already."""
        live = self._parts.calls.get(consult_id)
        if live is None:
            return self._open(line, consult_id, "internal")
        self._parts.calls.move(live, line.info.channel)
        return live

    async def _of_another_server(self, call_id: CallId) -> LiveCall | None:
        """What it knew beyond the ticket, from the store we share; None when that does not answer soon or has nothing."""
        try:
            async with asyncio.timeout(STORE_SECONDS):
                record = await self._parts.archive.load_call(call_id) if self._parts.archive else None
        except (Unavailable, TimeoutError):
            log.warning("call_record_not_loaded", call=call_id)
            return None
        return take_up(self._parts.calls, record) if record else None

    def _caller(self, line: Line, live: LiveCall) -> Caller:
        voice = Voice(line, self._parts.speaker, language=live.language, render_seconds=self._parts.render_seconds)
        return Caller(self._parts, line, live, voice)

    async def _begin(self, caller: Caller) -> None:
        """Put the arrival or return on the timeline; from here on the channel carries the call's id."""
        live, info = caller.live, caller.line.info
        live.owner, live.leaving = caller, False
        if info.script == "internal" and live.direction == "outbound":
            if live.visit is not None and live.visit.connected:
                self._resumed(live, info.channel, "talking")
            return
        if info.script in ("callback", "internal") and live.record is not None:
            return
        if "CTI_CALL_ID" in info.variables and info.script != "internal":
            self._come_back(caller)
            return
        live.arrived()
        await caller.write({"CTI_CALL_ID": live.call_id})

    def _come_back(self, caller: Caller) -> None:
        live, info = caller.live, caller.line.info
        ticket = tickets.read(info.variables.get("CTI_STAGE", ""), info.variables.get("CTI_TICKET", ""))
        caller.flow_state = ticket.flow
        caller.speak(ticket.language or live.language)
        if ticket.script != info.script:
            caller.flow_state = {}
            self._resumed(live, info.channel, "transfer")
            return
        caller.resumed = ticket if ticket.visit else None
        if live.visit is None and ticket.visit is not None:
            live.visit = ticket.visit
        stage = "talking" if live.talking_with else ticket.stage
        self._resumed(live, info.channel, stage)

    def _resumed(self, live: LiveCall, channel: ChannelRef, stage: str) -> None:
        live.note(CallResumed, node=channel.node, channel=channel.name, uniqueid=channel.uniqueid, stage=stage)

    # -- scripts -----------------------------------------------------------------------------------------------

    async def _call(self, caller: Caller) -> None:
        live = caller.live
        await self._identify(caller)
        await caller.line.answer()
        try:
            flow, language = self._parts.flows.for_did(live.did)
        except NotFound:
            log.error("did_without_flow", pii={"did": live.did})
            live.note(FlowFailed, flow="", node="", error="unknown_did")
            await FlowDriver(caller).to_person()
            return
        if caller.resumed is not None and not caller.flow_state:
            await Stay(caller).take_up(caller.resumed)
            return
        if not caller.flow_state:
            caller.speak(language)
        context = CallContext(
            caller=live.caller,
            did=live.did,
            language=caller.voice.language,
            customer=live.customer,
            started=self._parts.clock.now(),
            time_zone=self._parts.settings.time_zone,
            always_open=self._parts.settings.hours == "always",
        )
        await FlowDriver(caller).run(flow, context, caller.flow_state or None)

    async def _transferred(self, caller: Caller) -> None:
        """An agent sent the caller on; `argument` is what he dialled."""
        extension = caller.line.info.arguments[0] if caller.line.info.arguments else ""
        if not caller.live.customer:
            await self._identify(caller)
        target = self._parts.targets.find(extension)
        if caller.live.cut and target.kind == "agent":
            await Stay(caller).keep(self._visit(caller, NO_QUEUE), AgentId(target.name))
            return
        if caller.resumed is None and target.kind == "number":
            await self._dial_out(caller, self._parts.targets.trunk(target.name))
            return
        served = await self._to_target(caller, target)
        if served is None or served.outcome in ("refused", "timed_out"):
            await FlowDriver(caller).to_person()

    async def _to_target(self, caller: Caller, target: Target) -> QueueResult | None:
        """To a queue or an agent; None when it is neither."""
        stay = Stay(caller)
        if caller.resumed is not None:
            return await stay.take_up(caller.resumed)
        if target.kind == "agent":
            visit = self._visit(caller, self._last_queue(caller.live))
            caller.live.start_visit(visit)
            return await stay.direct(visit, AgentId(target.name))
        if target.kind == "queue":
            return await stay.begin(self._visit(caller, self._parts.acd.known(target.name)))
        return None

    async def _internal(self, caller: Caller) -> None:
        """An agent dials from his phone. A queue makes it a consultation: it waits like a caller, but first."""
        agent_id = self._parts.floor.of_endpoint(caller.line.info.endpoint)
        if caller.live.direction == "outbound" and agent_id is not None:
            await self._parts.placing.connect(caller, agent_id, caller.live.caller)
            return
        target = self._parts.targets.find(caller.line.info.arguments[0] if caller.line.info.arguments else "")
        self._parts.consultations.began(caller.live.call_id)
        if await self._dialled_before(caller):
            return
        if target.kind == "queue":
            await caller.line.answer()
            stayed = await Stay(caller).begin(self._visit(caller, self._parts.acd.known(target.name)))
            if stayed.outcome != "answered":
                self._parts.consultations.ended(caller.live.call_id, "no_answer")
                await caller.voice.say_phrase("nobody_answered")
        elif target.kind == "agent":
            await self._dial_out(caller, self._parts.floor.dial_string(AgentId(target.name)))
        elif target.kind == "number":
            await self._dial_out(caller, self._parts.targets.trunk(target.name))
        else:
            await caller.line.answer()
            await caller.voice.say_phrase("number_refused")

    async def _dialled_before(self, caller: Caller) -> bool:
        """A consultation that comes back after our restart with its Dial behind it must not ring him a second time."""
        known = self._parts.consultations.knows(caller.live.call_id)
        return known and await caller.line.get_variable("DIALSTATUS") == "ANSWER"

    async def _called_back(self, caller: Caller) -> None:
        """Somebody answered our callback: a key proves a person and not a machine; then the agent who waits for him."""
        visit = caller.live.visit
        if visit is None:
            await FlowDriver(caller).to_person()
            return
        greeting = phrase("callback_greeting", caller.voice.language)
        for _ in range(GREETINGS):
            answer = await caller.voice.ask(Ask(greeting, first_seconds=4))
            if answer.keys:
                self._parts.callbacks.reached(caller.live.call_id)
                await Stay(caller).connect(visit)
                return

    async def _dial_out(self, caller: Caller, dial_string: str) -> None:
        result = await caller.line.dial(dial_string, timeout=self._parts.settings.transfer_ring_seconds)
        if result.transferred:
            raise Moved("the switch moved the caller")
        if result.status != "ANSWER":
            self._parts.consultations.ended(caller.live.call_id, DIAL_FAILED.get(result.status, "unreachable"))
            await caller.voice.say_phrase("nobody_answered")

    # -- parts of them -----------------------------------------------------------------------------------------

    async def _identify(self, caller: Caller) -> None:
        live = caller.live
        live.customer = await self._parts.customers.identify(live.caller)
        if live.customer and (live.record is None or live.record.customer_id is None):
            live.note(CallerIdentified, **identified(live.customer))

    def _visit(self, caller: Caller, queue: QueueName) -> Visit:
        """Of a caller an agent has sent on."""
        priority = self._parts.priority(caller.live.customer) + self._parts.settings.transfer_priority
        return Visit(VisitId(new_id(self._parts.clock)), queue, priority, self._parts.clock.now())

    def _last_queue(self, live: LiveCall) -> QueueName:
        return self._parts.acd.known(live.visit.queue if live.visit else "")

    # -- ends --------------------------------------------------------------------------------------------------

    async def _gone(self, caller: Caller) -> None:
        """The line is gone. Only the switch's word that the channel ended makes it the end of the call; without it the
        channel is still in the dialplan and comes back, or the recovery finds it missing."""
        live = caller.live
        side: Side = "agent" if caller.line.info.script == "internal" and live.direction == "outbound" else "caller"
        try:
            async with asyncio.timeout(END_SEEN_SECONDS):
                await live.hung_up.wait()
        except TimeoutError:
            log.info("line_gone_call_open", call=live.call_id)
            return
        if not live.leaving and live.owner is caller:
            seen = live.hung_up_at is not None
            live.end(side if seen else "unknown", cause=live.hangup_cause, at=live.hung_up_at)

    async def _give_back(self, caller: Caller) -> None:
        """The channel goes on in the dialplan with its ticket; the call is not over."""
        try:
            async with asyncio.timeout(END_SEEN_SECONDS):
                await caller.line.leave(done=False)
        except (LineGone, TimeoutError):
            log.info("line_gone_while_leaving", call=caller.live.call_id)


DIAL_FAILED: dict[str, ConsultResult] = {"BUSY": "rejected", "NOANSWER": "no_answer"}
DIRECTION: dict[str, Direction] = {"internal": "internal", "callback": "callback"}
