"""Carries out what a flow asks for: effects in, results back (domain/flows/effects.py).

Policy: a machine that fails gives the caller a person. Whatever goes wrong inside a flow is noted as FlowFailed, the caller
hears an apology and joins the fallback queue; only LineGone (he hung up) ends the flow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import UTC
from pathlib import PurePosixPath
from typing import Any

import structlog

from cti_server.clock import new_id
from cti_server.domain.facts import (
    CallTransferred,
    FlowFailed,
    LookupDone,
    RecordingMade,
    TicketCreated,
    TicketUrged,
)
from cti_server.domain.flows import effects as fx
from cti_server.domain.flows.interpreter import run
from cti_server.domain.flows.schema import Flow
from cti_server.domain.ids import QueueName, VisitId, to_datetime
from cti_server.domain.orders import CallbackRequest
from cti_server.errors import CtiError, Forbidden, InvalidValue, LineGone, NotFound, SpeechUnavailable
from cti_server.services.calls.caller import Caller
from cti_server.services.calls.live import Visit
from cti_server.services.calls.waiting import Moved, Stay

log = structlog.get_logger(__name__)


class FlowDriver:
    """Walks one caller through one flow. `run` returns when the flow is over and the line still stands."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._parts = caller.parts
        self._live = caller.live
        self._voice = caller.voice
        self._writing: set[asyncio.Task[Any]] = set()
        self._recordings = 0
        self._node = ""
        self._at_checkpoint = False
        """The flow can be resumed at the very step that comes next."""
        self._do: dict[type[fx.Effect], Callable[[Any], Awaitable[Any]]] = {
            fx.Say: self._say,
            fx.Ask: self._ask,
            fx.Record: self._record,
            fx.Lookup: self._lookup,
            fx.Create: self._create,
            fx.Enqueue: self._enqueue,
            fx.Transfer: self._transfer,
            fx.SetLanguage: self._set_language,
            fx.Emit: self._emit,
            fx.Checkpoint: self._checkpoint,
            fx.Now: self._now,
        }

    async def run(self, flow: Flow, context: fx.CallContext, resume: Mapping[str, Any] | None = None) -> None:
        try:
            await self._walk(flow, context, resume)
        except LineGone:
            raise
        except Exception as error:
            log.exception("flow_failed", call=self._live.call_id, flow=flow.name, node=self._node)
            self._live.note(FlowFailed, flow=flow.name, node=self._node, error=getattr(error, "code", "internal"))
            await self.to_person()
        finally:
            await self._finish_writing()

    async def to_person(self) -> None:
        """The way out of every failure: an apology if it can be spoken, then the fallback queue."""
        try:
            await self._voice.say_phrase("apology_to_person")
        except SpeechUnavailable:
            log.error("apology_unavailable", language=self._voice.language)
        self._voice.forget_typed()
        self._at_checkpoint = False
        result = await self._enqueue(fx.Enqueue(QueueName(self._parts.settings.fallback_queue)))
        if result.outcome == "refused":
            await self._voice.say_phrase("apology_goodbye")

    async def _walk(self, flow: Flow, context: fx.CallContext, resume: Mapping[str, Any] | None) -> None:
        steps = run(flow, self._parts.flows.flows, context, resume)
        result: Any = None
        while True:
            try:
                effect = steps.send(result)
            except StopIteration:
                return
            if isinstance(effect, fx.Hangup):
                return
            result = await self._do[type(effect)](effect)
            self._at_checkpoint = isinstance(effect, fx.Checkpoint)

    # -- the line ----------------------------------------------------------------------------------------------

    async def _say(self, effect: fx.Say) -> None:
        await self._voice.say(effect.words)

    async def _ask(self, effect: fx.Ask) -> fx.Answer:
        return await self._voice.ask(effect)

    async def _record(self, effect: fx.Record) -> fx.Recording | None:
        await self._voice.say(effect.words)
        self._voice.forget_typed()
        path = self._recording_path(effect)
        recordings = self._parts.recordings
        await asyncio.to_thread((recordings.ours / path).parent.mkdir, parents=True, exist_ok=True)
        made = await self._caller.line.record(
            str(recordings.on_switch / path), limit=effect.most_seconds, silence=effect.silence_seconds, stop_on="0*#"
        )
        if not made.millis:
            return None
        stored = f"{path}.wav"
        self._live.note(RecordingMade, purpose=effect.purpose, path=stored, millis=made.millis)
        return fx.Recording(stored, made.millis, made.key)

    def _recording_path(self, effect: fx.Record) -> PurePosixPath:
        """`message/2026/01/31/<call>-<n>`: by day, so that retention deletes folders."""
        day = to_datetime(self._parts.clock.now()).astimezone(UTC)
        self._recordings += 1
        return PurePosixPath(effect.purpose, f"{day:%Y/%m/%d}", f"{self._live.call_id}-{self._recordings}")

    # -- the world ---------------------------------------------------------------------------------------------

    async def _lookup(self, effect: fx.Lookup) -> fx.Found:
        started = self._parts.clock.now()
        found = await self._voice.meanwhile(self._ask_adapter(effect))
        self._live.note(
            LookupDone,
            flow=self._flow_name,
            node=effect.node,
            adapter=effect.adapter,
            outcome=found.outcome,
            micros=self._parts.clock.now() - started,
        )
        return found

    async def _ask_adapter(self, effect: fx.Lookup) -> fx.Found:
        try:
            async with asyncio.timeout(effect.seconds):
                values = await self._parts.lookups.lookup(effect.adapter, effect.query, effect.arguments)
        except (CtiError, TimeoutError) as error:
            log.warning("lookup_failed", adapter=effect.adapter, query=effect.query, error=type(error).__name__)
            return fx.Found("failed")
        return fx.Found("found" if values else "nothing", values)

    async def _create(self, effect: fx.Create) -> fx.Created | None:
        """Finished even when the caller hangs up meanwhile: what he told us is not lost."""
        try:
            request = self._callback(effect) if effect.kind == "callback" else None
        except (InvalidValue, Forbidden) as error:
            log.warning("callback_refused", call=self._live.call_id, reason=error.details.get("reason"))
            await self._voice.say_phrase("number_refused")
            return None
        task = asyncio.create_task(self._store_ticket(effect, request))
        self._writing.add(task)
        return await self._voice.meanwhile(_wait(task))

    async def _store_ticket(self, effect: fx.Create, request: CallbackRequest | None) -> fx.Created | None:
        fields = {**effect.fields, **asdict(request)} if request else effect.fields
        try:
            created = await self._parts.tickets.create(effect.kind, self._live.call_id, fields)
        except CtiError as error:
            log.error("ticket_not_stored", kind=effect.kind, call=self._live.call_id, error=str(error))
            return None
        self._live.note(TicketCreated, ticket=effect.kind, ticket_id=created.ticket_id, number=created.number)
        if request is not None:
            self._parts.callbacks.wanted(created.ticket_id, request)
        return created

    def _callback(self, effect: fx.Create) -> CallbackRequest:
        """A callback a flow creates: its turn is now, in the queue it names or the one the caller came from. Raises InvalidValue
        and Forbidden for a number that cannot or may not be rung; without one it is the caller's own."""
        last = self._live.visit.queue if self._live.visit else ""
        queue = self._parts.acd.known(str(effect.fields.get("queue") or last))
        return CallbackRequest(
            number=self._parts.targets.outside.subscriber(str(effect.fields.get("number") or self._live.caller)),
            queue=queue,
            priority=self._parts.priority(self._live.customer, queue),
            entered_at=self._parts.clock.now(),
            skills=(),
            language=self._voice.language,
            customer=self._live.customer,
        )

    async def _finish_writing(self) -> None:
        if self._writing:
            await asyncio.wait(self._writing)

    async def _emit(self, effect: fx.Emit) -> None:
        self._node = str(effect.fields.get("node", self._node))
        self._live.note(effect.kind, **effect.fields)
        if effect.kind is TicketUrged:
            self._writing.add(asyncio.create_task(self._note_urged(str(effect.fields["ticket_id"]))))

    async def _note_urged(self, ticket_id: str) -> None:
        """Those who work on it see that he asked again; a ticket of another system is that system's."""
        try:
            await self._parts.tickets.note(ticket_id, by="caller", what="urged")
        except NotFound:
            return
        except CtiError as error:
            log.error("urging_not_stored", ticket=ticket_id, call=self._live.call_id, error=str(error))

    async def _checkpoint(self, effect: fx.Checkpoint) -> None:
        self._caller.flow_state = effect.state
        if self._caller.resumed is None:
            await self._caller.carry("menu")

    async def _set_language(self, effect: fx.SetLanguage) -> None:
        self._caller.speak(effect.language)

    async def _now(self, effect: fx.Now) -> int:
        return self._parts.clock.now()

    @property
    def _flow_name(self) -> str:
        return str(self._caller.flow_state.get("f", ""))

    # -- people ------------------------------------------------------------------------------------------------

    async def _enqueue(self, effect: fx.Enqueue) -> fx.QueueResult:
        stay = Stay(self._caller)
        if not self._at_checkpoint:
            self._caller.flow_state = {}
        resumed = self._caller.take_resumed()
        if resumed is not None:
            return await stay.take_up(resumed)
        visit = Visit(
            VisitId(new_id(self._parts.clock)),
            effect.queue,
            effect.priority + self._parts.priority(self._live.customer, effect.queue),
            self._parts.clock.now(),
            effect.skills,
            effect.preferred or self._live.customer.get("last_agent"),
        )
        return await stay.begin(visit)

    async def _transfer(self, effect: fx.Transfer) -> bool:
        target = self._parts.targets.dial_string(effect.kind, effect.target)
        if target is None:
            return False
        self._live.note(CallTransferred, how="flow", target=effect.target)
        result = await self._caller.line.dial(target, timeout=self._parts.settings.transfer_ring_seconds)
        if result.transferred:
            raise Moved("the switch moved the caller")
        return result.status == "ANSWER"


async def _wait(task: asyncio.Task[Any]) -> Any:
    """Wait without cancelling the task when we are."""
    return await asyncio.shield(task)
