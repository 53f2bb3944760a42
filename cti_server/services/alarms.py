"""The alarm keeper: reads every queue once a second against its thresholds (domain/alarms.py) and records alarms as they are
raised and cleared. Thresholds are a setting in the database, changed while the server runs: general ones under EVERY_QUEUE, and a
queue's own instead of them. So are the times after which an agent's state is marked on the board.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.domain.alarm_log import AlarmLog, AlarmRecord
from cti_server.domain.alarms import Alarm, Reading, StateLimits, Thresholds, read
from cti_server.domain.facts import AlarmAcknowledged, AlarmCleared, AlarmFact, AlarmKind, AlarmRaised, Recorded
from cti_server.domain.ids import MINUTE, Micros, QueueName
from cti_server.domain.tallies import QueueView
from cti_server.errors import Conflict, NotFound

EVERY = 1.0
SETTING = "alarms"
STATE_SETTING = "state_limits"
EVERY_QUEUE = QueueName("*")
KEPT: Micros = 36 * 60 * MINUTE
"""How long alarms that are over stay in the log."""
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
        self._state_limits = StateLimits()
        self._alarms: dict[tuple[QueueName, AlarmKind], Alarm] = {}
        self._log = AlarmLog()
        self.close = bus.subscribe(self._take)

    async def load(self) -> None:
        """Raises InvalidValue when a stored threshold cannot be right."""
        stored: Mapping[str, Mapping[str, Any]] = await self._store.setting(SETTING, {})
        self._limits = {QueueName(name): Thresholds(**values) for name, values in stored.items()}
        self._state_limits = StateLimits(**await self._store.setting(STATE_SETTING, {}))

    def restore(self, facts: Iterable[Recorded]) -> None:
        for recorded in facts:
            self._take(recorded)

    def _take(self, recorded: Recorded) -> None:
        if isinstance(recorded.fact, AlarmFact):
            self._log.apply(recorded.fact)

    def thresholds(self) -> list[dict[str, Any]]:
        """As `leader_wire.Thresholds`: the general ones first, then every queue's."""
        names = [EVERY_QUEUE, *(view.name for view in self._queues())]
        return [{"queue": name, "own": name in self._limits, **asdict(self._of(name))} for name in names]

    def state_limits(self) -> StateLimits:
        return self._state_limits

    async def set_state_limits(self, limits: StateLimits) -> None:
        """Kept first, in force after. Raises StorageUnavailable."""
        await self._store.save_setting(STATE_SETTING, asdict(limits))
        self._state_limits = limits

    def log(self, since: Micros) -> list[AlarmRecord]:
        """Newest first: what is raised now, or was over after `since`."""
        return self._log.since(since)

    def acknowledge(self, queue: str, alarm: AlarmKind, by: str) -> None:
        """Raises NotFound when it is not raised, Conflict when somebody has it already."""
        record = self._log.get(QueueName(queue), alarm)
        if record is None:
            raise NotFound("this alarm is over")
        if record.acknowledged_by:
            raise Conflict(f"{record.acknowledged_by} has acknowledged it already", reason="acknowledged")
        self._bus.record(AlarmAcknowledged(at=self._clock.now(), queue=record.queue, alarm=alarm, by=by))

    async def set(self, queue: str, limits: Thresholds) -> None:
        """Kept first, in force after. Raises NotFound, StorageUnavailable."""
        name = QueueName(queue)
        if name != EVERY_QUEUE and name not in {view.name for view in self._queues()}:
            raise NotFound(f"there is no queue {queue}")
        await self._keep({**self._limits, name: limits})

    async def reset(self, queue: str) -> None:
        """The general thresholds hold for this queue again. Raises StorageUnavailable."""
        await self._keep({name: limits for name, limits in self._limits.items() if name != queue})

    async def _keep(self, changed: dict[QueueName, Thresholds]) -> None:
        await self._store.save_setting(SETTING, {key: asdict(values) for key, values in changed.items()})
        self._limits = changed

    async def run(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(EVERY)

    def look(self) -> None:
        """One reading of every queue."""
        now = self._clock.now()
        self._log.forget_before(now - KEPT)
        views = self._queues()
        for gone in [one for one in self._log.raised() if one.queue not in {view.name for view in views}]:
            self._bus.record(AlarmCleared(at=now, queue=gone.queue, alarm=gone.alarm))
        for view in views:
            readings = read(view, self._of(view.name), now, on_duty=self._on_duty(view.name, now))
            for kind, reading in readings.items():
                self._step(view, kind, reading, now)

    def _of(self, queue: QueueName) -> Thresholds:
        return self._limits.get(queue) or self._limits.get(EVERY_QUEUE) or Thresholds()

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
