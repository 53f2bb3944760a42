"""The alarm keeper: reads every queue once a second against its thresholds (domain/alarms.py) and records alarms as they are
raised and cleared. Thresholds are a setting in the database, changed while the server runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.domain.alarms import Alarm, Reading, Thresholds, read
from cti_server.domain.board import QueueView
from cti_server.domain.facts import AlarmCleared, AlarmKind, AlarmRaised
from cti_server.domain.ids import Micros, QueueName
from cti_server.errors import NotFound

EVERY = 1.0
SETTING = "alarms"
OnDuty = Callable[[QueueName, Micros], bool]
"""Whether a queue is open at a time."""


class SettingStore(Protocol):
    """storage.configuration.SqlConfiguration. Raises StorageUnavailable."""

    async def setting(self, name: str, default: Any = None) -> Any: ...
    async def save_setting(self, name: str, value: Any) -> None: ...


class Alarms:
    """`await load()`, then `run()` as a task of its own."""

    def __init__(
        self, queues: Callable[[], list[QueueView]], store: SettingStore, on_duty: OnDuty, bus: Bus, clock: Clock
    ) -> None:
        self._queues, self._store, self._on_duty, self._bus, self._clock = queues, store, on_duty, bus, clock
        self._limits: dict[QueueName, Thresholds] = {}
        self._alarms: dict[tuple[QueueName, AlarmKind], Alarm] = {}

    async def load(self) -> None:
        """Raises InvalidValue when a stored threshold cannot be right."""
        stored: Mapping[str, Mapping[str, Any]] = await self._store.setting(SETTING, {})
        self._limits = {QueueName(name): Thresholds(**values) for name, values in stored.items()}

    def thresholds(self) -> dict[str, dict[str, Any]]:
        """By queue, as `leader_wire.QueueThresholds` without the name."""
        return {view.name: asdict(self._of(view.name)) for view in self._queues()}

    async def set(self, queue: str, limits: Thresholds) -> None:
        """Kept first, in force after. Raises NotFound, StorageUnavailable."""
        name = QueueName(queue)
        if name not in {view.name for view in self._queues()}:
            raise NotFound(f"there is no queue {queue}")
        changed = {**self._limits, name: limits}
        await self._store.save_setting(SETTING, {key: asdict(values) for key, values in changed.items()})
        self._limits = changed

    async def run(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(EVERY)

    def look(self) -> None:
        """One reading of every queue."""
        now = self._clock.now()
        for view in self._queues():
            readings = read(view, self._of(view.name), now, on_duty=self._on_duty(view.name, now))
            for kind, reading in readings.items():
                self._step(view, kind, reading, now)

    def _of(self, queue: QueueName) -> Thresholds:
        return self._limits.get(queue) or Thresholds()

    def _step(self, view: QueueView, kind: AlarmKind, reading: Reading, now: Micros) -> None:
        """What the board says is raised counts: after a restart an alarm goes on, it is not raised again."""
        before = self._alarms.get((view.name, kind)) or Alarm(kind in view.alarms)
        after = self._alarms[view.name, kind] = before.step(reading.side, now)
        if after.raised == before.raised:
            return
        if after.raised:
            at = {"value": reading.value, "threshold": reading.threshold}
            self._bus.record(AlarmRaised(at=now, queue=view.name, alarm=kind, **at))
        else:
            self._bus.record(AlarmCleared(at=now, queue=view.name, alarm=kind))
