"""Callers whom no server saw: those Asterisk's own queue took in while we were away, told by its log afterwards.

Each becomes one `CallUnseen`, whatever happens to us or to the log: the id of the call is made from what the log says, and what
is stored is not told again. One server of an Asterisk reads (lease `queue_log:<node>`). A caller whom we do know of, because
he came to us first, is left to his own call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from cti_server.bus import Bus
from cti_server.domain.calls import CallRecord
from cti_server.domain.facts import CallUnseen
from cti_server.domain.fallback import FallbackStay, call_id_of_stay
from cti_server.domain.ids import SECOND, AgentId, CallId, Micros, QueueName
from cti_server.errors import CtiError

log = structlog.get_logger(__name__)
LOOK = 15.0
"""Seconds between two looks: a caller may still be in the queue when we start."""
LONGEST_CALL: Micros = 6 * 3600 * SECOND
"""A caller who is in the fallback queue came to us, if he did, at most this much earlier."""


class Log(Protocol):
    @property
    def path(self) -> Path: ...
    def read(self) -> list[FallbackStay]: ...


class Archive(Protocol):
    async def load_call(self, call_id: CallId) -> CallRecord | None: ...
    async def known_channels(self, node: str, uniqueids: Collection[str], since: Micros) -> set[str]:
        """Those of these channels that came to a server at or after `since`."""
        ...


class UnseenCalls:
    """`turn` says whether it is this server's to read; `fallback_queue` is ours behind `cti-fallback`."""

    def __init__(
        self,
        queue_log: Log,
        archive: Archive,
        bus: Bus,
        *,
        node: str,
        fallback_queue: str,
        agent_of: Callable[[str], AgentId | None],
        dialable: Callable[[str], str],
        turn: Callable[[], Awaitable[bool]],
    ) -> None:
        self._log, self._archive, self._bus = queue_log, archive, bus
        self._node, self._fallback_queue = node, fallback_queue
        self._agent_of, self._dialable, self._turn = agent_of, dialable, turn
        self._pending: list[FallbackStay] = []
        self._mute = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
                self._mute = False
            except (CtiError, OSError) as error:
                if not self._mute:
                    log.warning("queue_log_not_read", path=str(self._log.path), error=str(error))
                self._mute = True
            await asyncio.sleep(LOOK)

    async def look(self) -> int:
        """How many calls were told. What the database refuses to answer now is tried at the next look."""
        if not await self._turn():
            return 0
        self._pending += await asyncio.to_thread(self._log.read)
        stays = [stay for stay in self._pending if await self._is_new(stay)]
        known = await self._known(stays)
        new = [stay for stay in stays if stay.uniqueid not in known]
        for stay in new:
            self._tell(stay)
        self._pending.clear()
        if new:
            log.warning("calls_unseen", calls=len(new), node=self._node)
        return len(new)

    async def _is_new(self, stay: FallbackStay) -> bool:
        return await self._archive.load_call(call_id_of_stay(self._node, stay)) is None

    async def _known(self, stays: Sequence[FallbackStay]) -> set[str]:
        if not stays:
            return set()
        since = min(stay.entered for stay in stays) - LONGEST_CALL
        return await self._archive.known_channels(self._node, {stay.uniqueid for stay in stays}, since)

    def _tell(self, stay: FallbackStay) -> None:
        self._bus.record(
            CallUnseen(
                at=stay.entered,
                call_id=call_id_of_stay(self._node, stay),
                node=self._node,
                uniqueid=stay.uniqueid,
                caller=self._dialable(stay.caller) or stay.caller,
                queue=QueueName(self._fallback_queue) if stay.queue == "fallback" else stay.queue,
                outcome=stay.outcome,
                answered_by=self._agent_of(stay.endpoint) if stay.answered else None,
                answered_at=stay.answered,
                ended_at=stay.ended,
            )
        )
