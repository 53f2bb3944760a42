"""Opening hours as people look at them: what is wrong with them, whether it is open now, and which days are special soon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from chinese_calendar import constants

from cti_server.domain.calendar import WEEKDAYS, Calendar, OpenState, Reason, day_plan, is_open
from cti_server.domain.ids import Micros, to_datetime
from cti_server.domain.wrong import Wrong, wrong

AHEAD_DAYS = 400
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A day whose hours are not those of its weekday; `name` by language, {} for a date of one's own."""

    day: date
    reason: Reason
    hours: tuple[str, ...]
    name: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outlook:
    state: OpenState
    days: tuple[SpecialDay, ...]


def outlook(calendar: Calendar, at: Micros, tz: str) -> Outlook:
    today = to_datetime(at).astimezone(ZoneInfo(tz)).date()
    ahead = (today + timedelta(days=count) for count in range(AHEAD_DAYS))
    plans = ((day, *day_plan(calendar, day)) for day in ahead)
    days = tuple(SpecialDay(day, reason, hours, _name(day)) for day, reason, hours in plans if reason != "weekly")
    return Outlook(is_open(calendar, at, tz), days)


def _name(day: date) -> dict[str, str]:
    english = constants.holidays.get(day) or constants.workdays.get(day)
    if english is None:
        return {}
    return {"en": str(english), "zh": str(constants.Holiday(english).chinese)}


def overlaps(calendar: Calendar) -> Iterator[tuple[str, Wrong]]:
    """Field, and which two spans of it share a minute; the night before reaches into a day's morning."""
    yield from _week(calendar)
    lists = {"on_holiday": calendar.on_holiday} | {f"dates.{day}": hours for day, hours in calendar.dates.items()}
    for name, hours in lists.items():
        if (pair := _clash([(*_minutes(span, 0), span) for span in hours])) is not None:
            yield name, pair


def _week(calendar: Calendar) -> Iterator[tuple[str, Wrong]]:
    """Sunday's night reaches into Monday: it is looked at before the week too."""
    spans: list[tuple[int, int, str, str]] = []
    for place, day in enumerate(WEEKDAYS):
        for span in calendar.weekly.get(day, ()):
            start, end = _minutes(span, place * DAY_MINUTES)
            spans.append((start, end, span, day))
    night = [
        (start - WEEK_MINUTES, end - WEEK_MINUTES, span, day) for start, end, span, day in spans if end > WEEK_MINUTES
    ]
    for first, second in pairwise(sorted([*night, *spans])):
        if second[0] < first[1]:
            yield f"weekly.{second[3]}", wrong("span_overlap", first=first[2], second=second[2])


def _clash(spans: Sequence[tuple[int, int, str]]) -> Wrong | None:
    found = next((pair for pair in pairwise(sorted(spans)) if pair[1][0] < pair[0][1]), None)
    return wrong("span_overlap", first=found[0][2], second=found[1][2]) if found else None


def _minutes(span: str, offset: int) -> tuple[int, int]:
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in span.split("-"))
    return offset + start, offset + (end if end > start else end + DAY_MINUTES)
