"""What an agent or leader does from the screen: state, call control, and who is calling.

Answers the web layer's Desk with JSON types; shapes are web/wire.py's. Call control goes to the agent's own leg on the
switch: the page never holds a call, so closing it never cuts one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol

from cti_server.domain.board import Key
from cti_server.domain.calls import CallRecord
from cti_server.domain.facts import Recorded
from cti_server.domain.ids import MINUTE, AgentId, CallId, ChannelRef, CustomerId, Micros
from cti_server.domain.work import REPEAT_WITHIN, earlier_calls
from cti_server.errors import Conflict, CtiError, InvalidValue, NotFound
from cti_server.ports import Switch
from cti_server.services.callbacks import CallbackService
from cti_server.services.calls.consulting import Consultations, ConsultStep
from cti_server.services.calls.legs import agent_leg, hang_up_phone
from cti_server.services.calls.live import LiveCall, LiveCalls
from cti_server.services.calls.placing import Placing
from cti_server.services.calls.targets import QUEUE_PREFIX, Targets
from cti_server.services.customers import Customers
from cti_server.services.desk_rows import Texts, agent_row, call_row, event_row, pop_row
from cti_server.services.floor import Floor

BUSY = 17
"""Q.850 cause of a refused offer."""
EXTEND_WRAP_UP: Micros = MINUTE
TRANSFER_CONTEXT = "cti-transfer"
LAST_CONTACTS = 10
LISTEN_SECONDS = 0.2
"""Ten packets of sound."""
Row = dict[str, Any]
TransferHow = Literal["blind", "attended"]


class CallArchive(Protocol):
    """Stored calls (storage)."""

    async def load_call(self, call_id: CallId) -> CallRecord | None: ...
    async def of_call(self, call_id: CallId) -> list[Recorded]: ...
    async def search_calls(
        self, *, agent_id: str | None, number: str | None, queue: str | None, since: int | None, limit: int
    ) -> list[CallRecord]: ...


class LiveBoard(Protocol):
    """The board of this moment (services/board.py)."""

    def snapshot(self) -> Row: ...
    def rows(self, keys: Iterable[Key]) -> Row: ...
    def watch(self, watcher: Callable[[Collection[Key]], None]) -> Callable[[], None]: ...


class DeskService:
    """Implements web.desk.Desk."""

    def __init__(
        self,
        *,
        floor: Floor,
        calls: LiveCalls,
        callbacks: CallbackService,
        targets: Targets,
        placing: Placing,
        switch: Switch,
        archive: CallArchive,
        files: Customers,
        board: LiveBoard,
        pause_codes: Sequence[Mapping[str, Any]],
        consultations: Consultations,
        choice_texts: Texts,
    ) -> None:
        """`choice_texts`: what a menu choice is called, by language."""
        self._floor, self._calls, self._callbacks, self._targets = floor, calls, callbacks, targets
        self._placing = placing
        self._switch, self._archive, self._files, self._board = switch, archive, files, board
        self._pause_codes, self._consultations, self._choice_texts = pause_codes, consultations, choice_texts

    # -- state -------------------------------------------------------------------------------------------------

    def board(self) -> Row:
        return self._board.snapshot()

    def board_rows(self, keys: Iterable[Key]) -> Row:
        return self._board.rows(keys)

    def watch_board(self, watcher: Callable[[Collection[Key]], None]) -> Callable[[], None]:
        return self._board.watch(watcher)

    def agent(self, agent_id: str) -> Row:
        agent = self._floor.agent(AgentId(agent_id))
        return agent_row(agent, self._floor.state(agent.agent_id))

    def pause_codes(self) -> list[Row]:
        return [dict(code) for code in self._pause_codes]

    def replace_pause_codes(self, codes: Sequence[Mapping[str, Any]]) -> None:
        self._pause_codes = codes

    async def sign_in(self, agent_id: str, by: str) -> None:
        self._floor.sign_in(AgentId(agent_id))

    async def sign_out(self, agent_id: str, by: str) -> None:
        self._floor.sign_out(AgentId(agent_id), by)

    async def ready(self, agent_id: str, by: str) -> None:
        self._floor.ready(AgentId(agent_id), by)

    async def pause(self, agent_id: str, reason: str, by: str) -> None:
        if reason not in {code["code"] for code in self._pause_codes}:
            raise InvalidValue(f"no pause code {reason!r}", field="reason")
        self._floor.pause(AgentId(agent_id), reason, by)

    async def end_wrap_up(self, agent_id: str, by: str) -> None:
        self._floor.end_wrap_up(AgentId(agent_id), by)

    async def extend_wrap_up(self, agent_id: str, by: str) -> None:
        self._floor.extend_wrap_up(AgentId(agent_id), EXTEND_WRAP_UP, by)

    # -- call control --------------------------------------------------------------------------------------------

    async def reject_offer(self, agent_id: str) -> None:
        live = self._call_of(agent_id)
        if live.visit is None or live.visit.offer is None:
            raise Conflict("no call is ringing at your phone", reason="nothing_rings")
        leg = await self._leg(live, agent_id)
        await self._switch.hangup(leg, cause=BUSY)

    async def hang_up(self, agent_id: str) -> None:
        if self._floor.state(AgentId(agent_id)).system == "internal":
            await hang_up_phone(self._switch, self._floor, AgentId(agent_id))
            return
        live = self._call_of(agent_id)
        if live.dialled_by is not None and live.agent_channel is None and not live.attached:
            live.end("agent")  # his page was to dial, and has not
            return
        await self._switch.hangup(await self._leg(live, agent_id))

    async def transfer(self, agent_id: str, target: str, how: TransferHow) -> None:
        """Blind: the caller goes at once. Attended: a consultation starts; hanging up completes it."""
        live = self._talk_of(agent_id)
        found = self._targets.find(target)
        if found.kind == "unknown":
            self._targets.outside.must(target)
            raise InvalidValue(f"{target!r} is no queue, agent or number", field="target")
        if how == "attended":
            await self._consultations.begin(live, AgentId(agent_id), found)
            return
        state = self._floor.state(AgentId(agent_id))
        if state.consulting or state.parties:
            raise Conflict("others are on the line: complete, cancel or end the conference first", reason="consulting")
        extension = f"{QUEUE_PREFIX}{found.name}" if found.kind == "queue" else found.name
        await self._send_on(live, await self._leg(live, agent_id), extension)

    async def _send_on(self, live: LiveCall, leg: ChannelRef, extension: str) -> None:
        """Said before it happens, since the line may end before the answer comes."""
        live.leaving = True
        try:
            await self._switch.blind_transfer(leg, extension, TRANSFER_CONTEXT)
        except CtiError:
            live.leaving = False
            raise

    async def consult(self, agent_id: str, step: ConsultStep) -> None:
        """Go on with a consultation an attended transfer began."""
        await self._consultations.step(self._talk_of(agent_id), AgentId(agent_id), step)

    async def drop_party(self, agent_id: str, party: str | None) -> None:
        """One leaves the conference; None = all do, and then the agent too: the conference is over, the caller's flow goes on."""
        live = self._talk_of(agent_id)
        await self._consultations.drop(live, AgentId(agent_id), party)
        if party is None:
            await self._switch.hangup(await self._leg(live, agent_id))

    async def phone_cut(self, agent_id: str) -> None:
        """His page has gone with a talk on its phone. The switch would notice after seconds of silence only; the caller is kept
        for him (services/calls/waiting.py). A consultation ends first: without its agent it would take the caller along."""
        agent = AgentId(agent_id)
        if self._floor.state(agent).system == "internal":
            await hang_up_phone(self._switch, self._floor, agent, self._floor.softphone(agent))
        elif (talk := await self._softphone_call(agent)) is not None:
            live, leg = talk
            await self._consultations.abandon(live, agent)
            live.cut = live.talking_with == agent_id and not self._floor.state(agent).parties
            if live.cut and live.on_agents_line:
                await self._send_on(live, leg, agent_id)
            else:
                await self._switch.hangup(leg)

    async def phone_sounds(self, agent_id: str) -> bool | None:
        """Whether the sound of his call's softphone reaches the switch now; None = no such call, or the switch cannot tell."""
        try:
            if (call := await self._softphone_call(AgentId(agent_id))) is None:
                return None
            before = await self._switch.sound_from(call[1])
            await asyncio.sleep(LISTEN_SECONDS)
            return await self._switch.sound_from(call[1]) > before
        except CtiError:
            return None

    async def _softphone_call(self, agent_id: AgentId) -> tuple[LiveCall, ChannelRef] | None:
        """What he talks or dials on the phone in his page, and his leg of it."""
        live = self._calls.of_agent(agent_id)
        if live is None or agent_id not in (live.talking_with, live.dialled_by):
            return None
        leg = await self._leg(live, agent_id)
        return (live, leg) if leg.name.startswith(f"PJSIP/{self._floor.softphone(agent_id)}-") else None

    async def call_back(self, agent_id: str, ticket_id: str) -> None:
        if not self._floor.available(AgentId(agent_id)):
            raise Conflict("go ready first; a callback needs a free agent", reason="not_free")
        if not self._callbacks.now(ticket_id, AgentId(agent_id)):
            raise NotFound("this callback is not waiting any more")

    async def place_call(self, agent_id: str, number: str, *, in_page: bool = False) -> None:
        """Rings the agent's own phone first, unless his page dials by itself; then the number."""
        await self._placing.place(AgentId(agent_id), number, in_page=in_page)

    def _call_of(self, agent_id: str) -> LiveCall:
        live = self._calls.of_agent(AgentId(agent_id))
        if live is None:
            raise Conflict("you have no call at the moment", reason="no_call")
        return live

    def _talk_of(self, agent_id: str) -> LiveCall:
        live = self._call_of(agent_id)
        if live.talking_with != agent_id:
            raise Conflict("you are not talking to anybody", reason="not_talking")
        return live

    async def _leg(self, live: LiveCall, agent_id: str) -> ChannelRef:
        return await agent_leg(self._switch, self._floor, live, AgentId(agent_id))

    # -- who is calling ------------------------------------------------------------------------------------------

    async def pop(self, agent_id: str) -> Row | None:
        """The call an agent is offered, talks on, or wraps up."""
        state = self._floor.state(AgentId(agent_id))
        live = self._calls.of_agent(AgentId(agent_id))
        call_id = live.call_id if live else state.call_id
        if call_id is None:
            return None
        serves = live.serves if live else None
        record = await self._record(serves or call_id)
        if record is None:
            return None
        visit = record.visit(str(state.visit_id)) or (record.visits[-1] if record.visits else None)
        card = await self._card(record)
        about = {"number": self._files.about(record.caller), "repeat": await self._repeat(record, card)}
        candidates = [] if record.customer_id else await self._files.candidates(record.caller)
        return {**pop_row(record, visit, state, card, self._choice_texts), **about, "candidates": candidates}

    async def _repeat(self, record: CallRecord, card: Mapping[str, Any] | None) -> Row | None:
        """He called lately, or has something open with us; None = neither."""
        if card is not None:
            calls = [(contact["call_id"], contact["at"]) for contact in card["contacts"] if contact["kind"] == "call"]
        else:
            calls = [(call.call_id, call.started) for call in await self._calls_from(record)]
        earlier = earlier_calls(calls, record)
        orders = [o for o in card["orders"] if o["opened_at"] < record.started] if card else []
        order = next((o for o in orders if o["kind"] in ("order", "complaint")), None)
        return (
            {"calls": len(earlier), "last_at": max(earlier, default=None), "order": order} if earlier or order else None
        )

    async def _calls_from(self, record: CallRecord) -> list[CallRecord]:
        since = record.started - REPEAT_WITHIN
        try:
            return await self._archive.search_calls(
                agent_id=None, number=record.caller, queue=None, since=since, limit=LAST_CONTACTS
            )
        except CtiError:
            return []

    async def _record(self, call_id: CallId) -> CallRecord | None:
        return self._calls.record(call_id) or await self._archive.load_call(call_id)

    async def _card(self, record: CallRecord) -> Mapping[str, Any] | None:
        """Without the file the pop still shows the call: a slow database must not hide the caller."""
        if record.customer_id is None:
            return None
        try:
            return await self._files.card(record.customer_id)
        except CtiError:
            return None

    # -- history -------------------------------------------------------------------------------------------------

    async def call(self, call_id: str) -> Row:
        record = await self._record(CallId(call_id))
        if record is None:
            raise NotFound(f"no call {call_id}")
        timeline = await self._archive.of_call(CallId(call_id))
        return {**call_row(record), "timeline": [event_row(recorded) for recorded in timeline]}

    async def calls(
        self, *, agent_id: str | None, number: str | None, queue: str | None, since: int | None, limit: int
    ) -> list[Row]:
        records = await self._archive.search_calls(
            agent_id=agent_id, number=number, queue=queue, since=since, limit=limit
        )
        return [call_row(record) for record in records]

    async def history(self, number: str, limit: int) -> list[Row]:
        return await self.calls(agent_id=None, number=number, queue=None, since=None, limit=limit)

    async def customers(self, text: str, limit: int) -> list[Row]:
        return [dict(row) for row in await self._files.search(text, limit)]

    async def customer(self, customer_id: str) -> Row:
        return dict(await self._files.card(CustomerId(customer_id)))
