"""The numbers behind the live board's rows: one tally a queue, one an agent, kept by the fold of board.py.

Counts are of today; a visit belongs to the day and the interval it entered (metrics.md). The trend goes back over midnight.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field, replace

from cti_server.domain import facts as f
from cti_server.domain.agents import AgentState
from cti_server.domain.ids import MINUTE, AgentId, Micros, QueueName, VisitId
from cti_server.domain.queues import Queue, micros
from cti_server.domain.service_levels import VisitCounts
from cti_server.domain.visit_records import VisitRecord

TREND_STEP: Micros = 15 * MINUTE
TREND_STEPS = 16
"""Intervals a trend shows: four hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """One queue now and today. `waiting` counts callers not yet answered, those being offered (`ringing`) included."""

    name: QueueName
    waiting: int = 0
    longest_since: Micros | None = None
    """When the caller who waits longest entered."""
    ringing: int = 0
    talking: int = 0
    signed_in: int = 0
    ready: int = 0
    """Agents of this queue who asked for calls, busy or not."""
    free: int = 0
    today: VisitCounts = field(default_factory=VisitCounts)
    average_talk: Micros | None = None
    """Of the talks that ended today, hold included."""
    alarms: tuple[f.AlarmKind, ...] = ()
    threshold_seconds: float = 0
    """T of its service level."""
    trend_at: Micros = 0
    """When the first interval of `trend` began; each is `TREND_STEP` long."""
    trend: tuple[tuple[int, int, int], ...] = ()
    """Visits by the interval they entered: offered, answered, abandoned."""


class QueueTally:
    """One queue's numbers."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.waiting: list[tuple[Micros, VisitId]] = []
        self.ringing = self.talking = self.signed_in = self.ready = self.free = 0
        self.alarms: frozenset[f.AlarmKind] = frozenset()
        self._trend: dict[int, list[int]] = {}
        self.new_day()

    def new_day(self) -> None:
        self.today = VisitCounts()
        self.talks, self.talk_micros = 0, 0

    def view(self) -> QueueView:
        return QueueView(
            name=self.queue.name,
            waiting=len(self.waiting),
            longest_since=self.waiting[0][0] if self.waiting else None,
            ringing=self.ringing,
            talking=self.talking,
            signed_in=self.signed_in,
            ready=self.ready,
            free=self.free,
            today=replace(self.today),
            average_talk=self.talk_micros // self.talks if self.talks else None,
            alarms=tuple(sorted(self.alarms)),
            threshold_seconds=self.queue.threshold_seconds,
            trend_at=self._trend_from() * TREND_STEP,
            trend=self._trend_lines(),
        )

    def count_agent(self, state: AgentState, by: int) -> None:
        self.signed_in += by * (state.intent != "signed_out")
        self.ready += by * (state.intent == "ready")
        self.free += by * state.free

    def count_now(self, visit: VisitRecord, by: int) -> None:
        self.talking += by * visit.talking
        self.ringing += by * _rings(visit)
        if _waits(visit):
            self._stand((visit.entered_at or visit.started or 0, visit.visit_id), by)

    def _stand(self, place: tuple[Micros, VisitId], by: int) -> None:
        if by > 0:
            insort(self.waiting, place)
        else:
            del self.waiting[bisect_left(self.waiting, place)]

    def count_today(self, before: VisitRecord | None, after: VisitRecord) -> None:
        today = self.today
        today.offered += before is None or before.started is None
        answered, was = _answered(after), before is not None and _answered(before)
        if answered and not was:
            self._count_answer(after.wait)
        if after.outcome and after.outcome != "answered" and not (before and before.outcome) and not answered:
            self._count_other(after.outcome, after.wait)

    def _count_answer(self, wait: Micros | None) -> None:
        today = self.today
        today.answered += 1
        if wait is not None:
            today.answered_within += wait <= micros(self.queue.threshold_seconds)
            today.wait_of_answered += wait
            today.longest_wait = max(today.longest_wait, wait)

    def _count_other(self, outcome: f.Outcome, wait: Micros | None) -> None:
        today, name = self.today, _COUNTED_AS[outcome]
        setattr(today, name, getattr(today, name) + 1)
        if outcome == "abandoned" and wait is not None:
            today.abandoned_within += wait <= micros(self.queue.threshold_seconds)
            today.abandoned_short += wait < micros(self.queue.short_seconds)
            today.longest_wait = max(today.longest_wait, wait)

    def count_trend(self, before: VisitRecord | None, after: VisitRecord) -> None:
        """The interval a visit entered; it may be of the day before."""
        if after.started is None:
            return
        step = self._trend.setdefault(after.started // TREND_STEP, [0, 0, 0])
        step[0] += before is None or before.started is None
        step[1] += _answered(after) and not (before is not None and _answered(before))
        step[2] += after.outcome == "abandoned" and not (before and before.outcome)
        while len(self._trend) > TREND_STEPS:
            del self._trend[min(self._trend)]

    def _trend_from(self) -> int:
        return max(min(self._trend), max(self._trend) - TREND_STEPS + 1) if self._trend else 0

    def _trend_lines(self) -> tuple[tuple[int, int, int], ...]:
        if not self._trend:
            return ()
        lines = (self._trend.get(at, (0, 0, 0)) for at in range(self._trend_from(), max(self._trend) + 1))
        return tuple((offered, answered, abandoned) for offered, answered, abandoned in lines)

    def count_talk(self, before: VisitRecord | None, after: VisitRecord) -> None:
        """A talk of the visit that ended with this fact."""
        if before and before.talking:
            talk = after.talks[len(before.talks) - 1]
            if talk.ended is not None:
                self.talks += 1
                self.talk_micros += talk.ended - talk.started


_COUNTED_AS: dict[f.Outcome, str] = {
    "abandoned": "abandoned",
    "overflowed": "overflowed",
    "timed_out": "timed_out",
    "callback": "callbacks",
    "key_exit": "key_exits",
    "refused": "refused",
    "unknown": "unknown",
}


def _waits(visit: VisitRecord) -> bool:
    return visit.outcome is None and not visit.talks


def _rings(visit: VisitRecord) -> bool:
    return _waits(visit) and bool(visit.offers) and visit.offers[-1].result is None


def _answered(visit: VisitRecord) -> bool:
    return bool(visit.talks) or visit.outcome == "answered"


@dataclass(slots=True)
class AgentTally:
    """An agent's talks of today; `handled` have ended, `handling` is their talk, hold and wrap-up (domain/agent_day.py)."""

    answered: int = 0
    handled: int = 0
    handling: Micros = 0

    @property
    def average(self) -> Micros | None:
        """AHT = (talk + hold + wrap-up) / handled; None before the first talk has ended."""
        return self.handling // self.handled if self.handled else None


def count_talks(
    tallies: dict[AgentId, AgentTally], before: VisitRecord | None, after: VisitRecord, today: Micros
) -> set[AgentId]:
    """Count talks that began or ended with this fact; those that began before `today` do not count. Whose figures changed."""
    known = before.talks if before else ()
    changed = set()
    for place, talk in enumerate(after.talks):
        was = known[place] if place < len(known) else None
        if talk == was or talk.started < today:
            continue
        tally = tallies.setdefault(talk.agent_id, AgentTally())
        tally.answered += was is None
        if talk.ended is not None and (was is None or was.ended is None):
            tally.handled += 1
            tally.handling += talk.talk + talk.hold
            changed.add(talk.agent_id)
        elif was is None:
            changed.add(talk.agent_id)
    return changed
