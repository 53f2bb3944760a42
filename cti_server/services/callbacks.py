"""Ringing callers back at their turn, with the place they kept.

    wanted ─► [waits until it is due] ─► waits in the router like a caller ─► an agent is reserved (offer) ─► the number is rung
        reached (a key is pressed)  → the agent's phone rings, they talk; the request is done
        not reached                 → the agent is free again; due again after callback_retry, at most callback_attempts

Owner: this service until the customer is reached, then the call's session. Deadlines: `due_at` or the retry, then
RESERVE_SECONDS for one attempt; the request itself ends as `done` or `unreachable`. Requests are kept in storage; after a restart
they wait on with their place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import structlog

from cti_server.bus import Bus
from cti_server.clock import Clock, new_id
from cti_server.config import CallSettings
from cti_server.domain.facts import CallbackAttempted
from cti_server.domain.ids import MINUTE, SECOND, AgentId, CallId, ChannelRef, Micros, QueueName, VisitId
from cti_server.domain.orders import CallbackRequest
from cti_server.domain.routing import Decision, Offer, Overflow, TimedOut
from cti_server.errors import Conflict, CtiError
from cti_server.ports import Switch
from cti_server.services.acd import Acd, Place
from cti_server.services.calls.live import LiveCall, LiveCalls, Visit
from cti_server.services.calls.targets import Targets

log = structlog.get_logger(__name__)
CONTEXT = "cti-callback"
RESERVE_SECONDS = 45.0
"""How long the agent stays reserved beyond the ringing: greeting, key, his own phone."""
LONGEST_SLEEP = 60.0
"""Seconds after which a request that is not due yet looks at the clock again."""


class CallbackStore(Protocol):
    async def open_callbacks(self) -> list[tuple[str, CallbackRequest]]: ...
    async def end_callback(self, ticket_id: str, state: Literal["done", "unreachable"], text: str = "") -> None: ...
    async def note_attempt(self, ticket_id: str, attempts: int) -> None: ...


@dataclass(slots=True)
class Pending:
    """One request, between booking and its end. `place` is its place in the router; None = `until` has not come yet."""

    ticket_id: str
    request: CallbackRequest
    until: Micros
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    place: Place | None = None
    timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """Its turn does not come by itself any more."""
        if self.timer is not None:
            self.timer.cancel()


class CallbackService:
    """Implements `calls.parts.Callbacks`."""

    def __init__(
        self,
        calls: LiveCalls,
        acd: Acd,
        switch: Switch,
        store: CallbackStore,
        targets: Targets,
        bus: Bus,
        clock: Clock,
        settings: CallSettings,
    ) -> None:
        self._calls, self._acd, self._switch, self._store = calls, acd, switch, store
        self._targets, self._bus, self._clock, self._settings = targets, bus, clock, settings
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ringing: dict[CallId, Pending] = {}
        self._waiting: dict[str, Pending] = {}

    async def restore(self) -> None:
        for ticket_id, request in await self._store.open_callbacks():
            self.wanted(ticket_id, request)

    def close(self) -> None:
        for pending in self._waiting.values():
            pending.stop()
        for task in self._tasks:
            task.cancel()

    def wanted(self, ticket_id: str, request: CallbackRequest) -> None:
        self._wait(ticket_id, request, request.due_at or 0)

    def reached(self, call_id: CallId) -> None:
        pending = self._ringing.get(call_id)
        if pending:
            pending.reached.set()

    def take(self, ticket_id: str) -> CallbackRequest | None:
        """Out of its turn, to be changed and wanted again; None when it is being rung, was rung before, or has ended."""
        pending = self._waiting.get(ticket_id)
        if pending is None or pending.request.attempts:
            return None
        del self._waiting[ticket_id]
        pending.stop()
        if pending.place is not None:
            self._acd.leave(pending.place)
        return pending.request

    def now(self, ticket_id: str, agent_id: AgentId) -> bool:
        """An agent calls back by hand: this request is his out of its turn. False when it is not waiting. Raises Conflict when he
        is not free, Forbidden when its number may not be called any more; then it waits on."""
        pending = self._waiting.get(ticket_id)
        if pending is None:
            return False
        self._targets.outside.must(pending.request.number)
        pending.stop()
        place = pending.place or self._join(pending)
        try:
            self._acd.give(place, agent_id)
        except Conflict:
            del self._waiting[ticket_id]
            self._acd.leave(place)
            self._wait(ticket_id, pending.request, pending.until)
            raise
        return True

    # -- waiting -----------------------------------------------------------------------------------------------

    def _wait(self, ticket_id: str, request: CallbackRequest, until: Micros) -> None:
        if ticket_id in self._waiting:
            return
        self._waiting[ticket_id] = pending = Pending(ticket_id, request, until)
        self._look(pending)

    def _look(self, pending: Pending) -> None:
        """The clock says when: the timer only looks at it again, and a machine that slept too looks late."""
        left = (pending.until - self._clock.now()) / SECOND
        if left > 0:
            pending.timer = asyncio.get_running_loop().call_later(min(left, LONGEST_SLEEP), self._look, pending)
        else:
            self._join(pending)

    def _join(self, pending: Pending) -> Place:
        request = pending.request
        visit = Visit(
            VisitId(new_id(self._clock)),
            self._acd.known(request.queue),
            request.priority,
            max(request.entered_at, min(request.due_at or 0, self._clock.now())),
            request.skills,
        )
        pending.place = self._acd.join(
            self._new_call(request), visit, lambda place, decision: self._turn(pending, place, decision)
        )
        return pending.place

    # -- an attempt --------------------------------------------------------------------------------------------

    def _turn(self, pending: Pending, place: Place, decision: Decision) -> None:
        """Who is not on the line does not time out; where callers overflow he waits on, with the place he kept."""
        match decision:
            case Offer(agent_id=agent_id):
                self._waiting.pop(pending.ticket_id, None)
                self._spawn(self._attempt(pending, place, agent_id))
            case Overflow(to=queue):
                self._wait_on(pending, place, queue)
            case TimedOut():
                self._wait_on(pending, place, place.visit.queue)

    def _wait_on(self, pending: Pending, place: Place, queue: QueueName) -> None:
        self._acd.leave(place)
        visit = replace(place.visit, queue=self._acd.known(queue))
        pending.place = self._acd.join(place.live, visit, place.on_decision)

    async def _attempt(self, pending: Pending, place: Place, agent_id: AgentId) -> None:
        live, request = place.live, pending.request
        if not self._targets.outside.allows(request.number):
            await self._refuse(pending, place)
            return
        self._begin(live, place.visit, agent_id)
        self._ringing[live.call_id] = pending
        reached = False
        try:
            await self._ring(live, request)
            reached = await self._outcome(pending, live)
        except CtiError as error:
            log.warning("callback_not_placed", ticket=pending.ticket_id, error=str(error))
        finally:
            self._ringing.pop(live.call_id, None)
        attempt = request.attempts + 1
        live.note(CallbackAttempted, ticket_id=pending.ticket_id, attempt=attempt, reached=reached)
        if reached:
            await self._store.end_callback(pending.ticket_id, "done")
            return
        self._acd.leave(place)
        live.offer_ended("withdrawn")
        live.visit_ended("timed_out")
        live.end("server", cause=live.hangup_cause)
        await self._again(pending.ticket_id, replace(request, attempts=attempt))

    async def _refuse(self, pending: Pending, place: Place) -> None:
        """It could be rung when it was booked, and may not be now: the rule or the directory has changed."""
        log.warning("callback_refused", ticket=pending.ticket_id)
        self._acd.leave(place)
        await self._store.end_callback(pending.ticket_id, "unreachable", "number_refused")

    def _begin(self, live: LiveCall, visit: Visit, agent_id: AgentId) -> None:
        self._calls.add(live)
        live.arrived()
        live.start_visit(visit)
        live.offered(agent_id, self._settings.transfer_ring_seconds + RESERVE_SECONDS)

    async def _ring(self, live: LiveCall, request: CallbackRequest) -> None:
        await self._switch.originate(
            self._targets.trunk(request.number),
            context=CONTEXT,
            extension="s",
            caller=live.did,
            variables={"CTI_CALL_ID": live.call_id},
            timeout=self._settings.transfer_ring_seconds,
            channel_id=live.channel.uniqueid,
        )

    async def _outcome(self, pending: Pending, live: LiveCall) -> bool:
        """True when a person answered; False when the call ended before, or nobody pressed a key in time."""
        watch = {asyncio.create_task(pending.reached.wait()), asyncio.create_task(live.hung_up.wait())}
        try:
            limit = self._settings.transfer_ring_seconds + RESERVE_SECONDS
            await asyncio.wait(watch, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in watch:
                task.cancel()
        return pending.reached.is_set()

    async def _again(self, ticket_id: str, request: CallbackRequest) -> None:
        if request.attempts >= self._settings.callback_attempts:
            await self._store.end_callback(ticket_id, "unreachable")
            return
        await self._store.note_attempt(ticket_id, request.attempts)
        self._wait(ticket_id, request, self._clock.now() + int(self._settings.callback_retry_minutes * MINUTE))

    def _new_call(self, request: CallbackRequest) -> LiveCall:
        call_id = CallId(new_id(self._clock))
        return LiveCall(
            self._bus,
            self._clock,
            call_id,
            ChannelRef(self._switch.node, f"cti-{call_id}"),
            caller=request.number,
            did="",
            direction="callback",
            language=request.language,
            customer=request.customer,
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
