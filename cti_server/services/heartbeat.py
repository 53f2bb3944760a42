"""When were we last alive? A file touched every BEAT seconds answers after a kill, and the gap is put on the timeline."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.domain.facts import GapRecorded
from cti_server.domain.ids import SECOND, Micros

log = structlog.get_logger(__name__)
BEAT = 1.0
SHORTEST_GAP: Micros = 2 * SECOND
"""A beat may be late by this much on a busy machine without anything being missed."""


class Heartbeat:
    """`last` is when the last server on this data folder was alive, None at the very first start."""

    def __init__(self, path: Path, bus: Bus, clock: Clock) -> None:
        self._path, self._bus, self._clock = path, bus, clock

    @property
    def last(self) -> Micros | None:
        try:
            return int(self._path.read_text())
        except (OSError, ValueError):
            return None

    def record_gap(self) -> None:
        """Call at start: the time since the last beat is a gap nobody saw."""
        since = self.last
        if since is not None and self._clock.now() - since > SHORTEST_GAP:
            self._bus.record(GapRecorded(at=self._clock.now(), what="server_down", node=self._bus.server, since=since))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self._beat)
            except OSError as error:
                log.error("heartbeat_not_written", error=str(error))
            await asyncio.sleep(BEAT)

    def _beat(self) -> None:
        temporary = self._path.with_suffix(".new")
        temporary.write_text(str(self._clock.now()))
        temporary.replace(self._path)
