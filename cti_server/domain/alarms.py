"""Alarms by threshold, one for each queue and kind. What keeps them from flickering is hysteresis in value and in time:

    off ──bad for RAISE_AFTER──► raised ──good for CLEAR_AFTER──► off

`bad` is beyond the threshold, `good` well within it; in the margin between them an alarm stays as it is, and the time counts
anew. A kind whose threshold is 0 is off, and so is `agents_ready` outside the queue's hours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from cti_server.domain.facts import AlarmKind
from cti_server.domain.ids import SECOND, Micros
from cti_server.domain.service_levels import SERVICE_LEVELS
from cti_server.domain.tallies import QueueView
from cti_server.errors import InvalidValue

KINDS: tuple[AlarmKind, ...] = get_args(AlarmKind)
RAISE_AFTER: Micros = 3 * SECOND
CLEAR_AFTER: Micros = 10 * SECOND
JUDGED_FROM = 10
"""Visits answered or abandoned today from which on a service level says something."""
LEVEL_MARGIN = 2
"""Percentage points a service level must be better than its threshold to be good."""
Side = Literal["bad", "between", "good"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a queue's leader is alarmed; 0 = never. Raises InvalidValue. `agents_ready` is the minimum staff on duty
    (service-rules.md 2), agents who asked for calls, busy or not."""

    waiting: int = 0
    """More callers waiting than this."""
    longest_wait: int = 0
    """Somebody waiting longer than these seconds."""
    service_level: int = 0
    """Below this many percent."""
    formula: str = "SL2"
    agents_ready: int = 2

    def __post_init__(self) -> None:
        for name in KINDS:
            if not 0 <= getattr(self, name) <= 86_400:
                raise InvalidValue(f"{name} is {getattr(self, name)}; give 0 (off) to 86400", field=name)
        if self.service_level > 100:
            raise InvalidValue("service_level is a percentage, 0 (off) to 100", field="service_level")
        if self.formula not in SERVICE_LEVELS:
            raise InvalidValue(f"formula is one of {', '.join(SERVICE_LEVELS)}", field="formula")


@dataclass(frozen=True, slots=True, kw_only=True)
class StateLimits:
    """Seconds after which an agent's state is marked on the board; 0 = never. Raises InvalidValue."""

    talking: int = 600
    held: int = 60
    wrap_up: int = 120
    paused: int = 1800
    trouble: int = 60

    def __post_init__(self) -> None:
        for name in ("talking", "held", "wrap_up", "paused", "trouble"):
            if not 0 <= getattr(self, name) <= 86_400:
                raise InvalidValue(f"{name} is {getattr(self, name)}; give 0 (never) to 86400 seconds", field=name)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a queue shows for one kind: callers, seconds, percent, agents."""

    value: int
    threshold: int
    side: Side


@dataclass(frozen=True, slots=True)
class Alarm:
    """`turning` = since when the readings have spoken for the other state; None = they do not."""

    raised: bool = False
    turning: Micros | None = None

    def step(self, side: Side, now: Micros) -> Alarm:
        """The alarm after a reading at `now`."""
        if side != ("good" if self.raised else "bad"):
            return Alarm(self.raised)
        since = now if self.turning is None else self.turning
        if now - since < (CLEAR_AFTER if self.raised else RAISE_AFTER):
            return Alarm(self.raised, since)
        return Alarm(not self.raised)


def read(view: QueueView, limits: Thresholds, now: Micros, *, on_duty: bool) -> dict[AlarmKind, Reading]:
    """`on_duty` = the queue is open, so its minimum staff should be there."""
    return {kind: _KINDS[kind](view, limits, now, on_duty) for kind in KINDS}


def _waiting(view: QueueView, limits: Thresholds, _: Micros, __: bool) -> Reading:
    return _above(view.waiting, limits.waiting)


def _longest_wait(view: QueueView, limits: Thresholds, now: Micros, _: bool) -> Reading:
    waited = 0 if view.longest_since is None else max(0, now - view.longest_since) // SECOND
    return _above(waited, limits.longest_wait)


def _service_level(view: QueueView, limits: Thresholds, _: Micros, __: bool) -> Reading:
    level, threshold = SERVICE_LEVELS[limits.formula](view.today), limits.service_level
    if level is None or view.today.answered + view.today.abandoned < JUDGED_FROM:
        return Reading(100, threshold, "good")
    percent = int(level * 100)
    if percent < threshold:
        return Reading(percent, threshold, "bad")
    return Reading(percent, threshold, "good" if percent >= min(100, threshold + LEVEL_MARGIN) else "between")


def _agents_ready(view: QueueView, limits: Thresholds, _: Micros, on_duty: bool) -> Reading:
    short = on_duty and view.ready < limits.agents_ready
    return Reading(view.ready, limits.agents_ready, "bad" if short else "good")


def _above(value: int, threshold: int) -> Reading:
    """Bad above the threshold, good from a fifth (at least one) below it."""
    if threshold and value > threshold:
        return Reading(value, threshold, "bad")
    return Reading(value, threshold, "between" if threshold and value > threshold - max(1, threshold // 5) else "good")


_KINDS: Mapping[AlarmKind, Callable[[QueueView, Thresholds, Micros, bool], Reading]] = {
    "waiting": _waiting,
    "longest_wait": _longest_wait,
    "service_level": _service_level,
    "agents_ready": _agents_ready,
}
