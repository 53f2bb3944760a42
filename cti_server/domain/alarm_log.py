"""What happened to alarms, folded from their facts: raised, taken care of by whom, over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cti_server.domain.facts import AlarmAcknowledged, AlarmCleared, AlarmFact, AlarmKind, AlarmRaised
from cti_server.domain.ids import Micros, QueueName


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRecord:
    """`value` and `threshold` as it was raised; `acknowledged_by` is a login, '' = nobody yet."""

    queue: QueueName
    alarm: AlarmKind
    raised_at: Micros
    value: int
    threshold: int
    cleared_at: Micros | None = None
    acknowledged_at: Micros | None = None
    acknowledged_by: str = ""


class AlarmLog:
    def __init__(self) -> None:
        self._open: dict[tuple[QueueName, AlarmKind], AlarmRecord] = {}
        self._over: list[AlarmRecord] = []

    def apply(self, fact: AlarmFact) -> None:
        key = (fact.queue, fact.alarm)
        known = self._open.get(key)
        if isinstance(fact, AlarmRaised):
            self._open[key] = known or AlarmRecord(
                queue=fact.queue, alarm=fact.alarm, raised_at=fact.at, value=fact.value, threshold=fact.threshold
            )
        elif known is not None and isinstance(fact, AlarmCleared):
            self._over.append(replace(self._open.pop(key), cleared_at=fact.at))
        elif known is not None and isinstance(fact, AlarmAcknowledged) and not known.acknowledged_by:
            self._open[key] = replace(known, acknowledged_at=fact.at, acknowledged_by=fact.by)

    def get(self, queue: QueueName, alarm: AlarmKind) -> AlarmRecord | None:
        """Of an alarm that is raised now."""
        return self._open.get((queue, alarm))

    def raised(self) -> Iterable[AlarmRecord]:
        return tuple(self._open.values())

    def since(self, start: Micros) -> list[AlarmRecord]:
        """Raised now, or over after `start`: newest first."""
        found = [*self._open.values(), *(one for one in self._over if (one.cleared_at or 0) >= start)]
        return sorted(found, key=lambda one: one.raised_at, reverse=True)

    def forget_before(self, start: Micros) -> None:
        self._over = [one for one in self._over if (one.cleared_at or 0) >= start]
