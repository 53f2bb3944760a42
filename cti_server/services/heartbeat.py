"""When did we last see the switch? A file touched every BEAT seconds answers after a kill, and the gap is put on the timeline.

    not seeing ──LinkUp──► seeing (beats) ──LinkDown──► not seeing

The gap lasts until the first link: only then is anything seen again. A server that dies while its link is away leaves the
time when it lost the link.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.domain.facts import GapRecorded
from cti_server.domain.ids import Micros
from cti_server.ports import LinkDown, LinkUp, SwitchEvent

log = structlog.get_logger(__name__)
BEAT = 1.0


class Heartbeat:
    """`last` is when the last server on this data folder saw the switch, None at the very first start. Subscribe
    `on_event` to the switch before whoever closes what died in the gap."""

    def __init__(self, path: Path, bus: Bus, clock: Clock) -> None:
        self._path, self._bus, self._clock = path, bus, clock
        self._seeing = False
        self.last = _read(path)

    def on_event(self, event: SwitchEvent) -> None:
        match event:
            case LinkUp(at=at):
                self._seeing = True
                self._record_gap(at)
            case LinkDown():
                self._seeing = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._beat()
            await asyncio.sleep(BEAT)

    def _record_gap(self, at: Micros) -> None:
        since, self.last = self.last, None
        if since is not None:
            self._bus.record(GapRecorded(at=at, what="server_down", node=self._bus.server, since=since))

    async def _beat(self) -> None:
        if not self._seeing:
            return
        try:
            await asyncio.to_thread(_write, self._path, self._clock.now())
        except OSError as error:
            log.error("heartbeat_not_written", error=str(error))


def _read(path: Path) -> Micros | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _write(path: Path, at: Micros) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(str(at))
    temporary.replace(path)
