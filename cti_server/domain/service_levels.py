"""Service level and its kin, from counts of visits (metrics.md). The live board and the reports call the same formulas.

None = nothing to divide by: shown as "–", never as 0 % or 100 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

from cti_server.domain.ids import Micros


@dataclass(slots=True)
class VisitCounts:
    """Visits that entered in one interval. `within` = answered or left within the threshold T, waits in micros."""

    offered: int = 0
    answered: int = 0
    answered_within: int = 0
    abandoned: int = 0
    abandoned_within: int = 0
    abandoned_short: int = 0
    overflowed: int = 0
    timed_out: int = 0
    callbacks: int = 0
    key_exits: int = 0
    refused: int = 0
    unknown: int = 0
    unseen: int = 0
    """Calls only Asterisk's own queue saw; in no other count."""
    wait_of_answered: Micros = 0
    longest_wait: Micros = 0

    @property
    def answer_rate(self) -> float | None:
        return ratio(self.answered, self.offered)

    @property
    def abandonment_rate(self) -> float | None:
        return ratio(self.abandoned, self.offered)

    @property
    def average_speed_of_answer(self) -> Micros | None:
        return self.wait_of_answered // self.answered if self.answered else None

    def service_levels(self) -> dict[str, float | None]:
        return {name: formula(self) for name, formula in SERVICE_LEVELS.items()}


def summed(counts: Iterable[VisitCounts]) -> VisitCounts:
    """Of several queues: each visit was judged by its own queue's threshold."""
    total = VisitCounts()
    for one in counts:
        for name in _ADDED:
            setattr(total, name, getattr(total, name) + getattr(one, name))
        total.longest_wait = max(total.longest_wait, one.longest_wait)
    return total


def ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


_ADDED = tuple(one.name for one in fields(VisitCounts) if one.name != "longest_wait")

SERVICE_LEVELS: dict[str, Callable[[VisitCounts], float | None]] = {
    "SL1": lambda c: ratio(c.answered_within, c.answered),
    "SL2": lambda c: ratio(c.answered_within + c.abandoned_within, c.answered + c.abandoned),
    "SL3": lambda c: ratio(c.answered_within, c.answered + c.abandoned),
    "SL4": lambda c: ratio(c.answered_within, c.answered + c.abandoned - c.abandoned_within),
    "SL5": lambda c: ratio(c.answered_within, c.answered + c.abandoned - c.abandoned_short),
    "SL6": lambda c: ratio(c.answered_within, c.offered),
}
