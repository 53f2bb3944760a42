"""Opening hours and working days.

Chinese public holidays and make-up days come from `chinesecalendar`, which knows the years the State Council has announced.
For any other year the weekday rule alone decides and `holidays_known` is False, so that nobody takes a guess for knowledge.
All times of a calendar are wall-clock times of the site; intervals are compared in UTC, so days of 23 or 25 hours are right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from chinese_calendar import constants
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cti_server.domain.ids import Micros, from_datetime, to_datetime
from cti_server.domain.wrong import WrongValue, wrong

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Reason = Literal["weekly", "holiday", "make_up_day", "special_date"]
Branch = Literal["reception", "after_hours", "emergency"]
LOOK_AHEAD_DAYS = 60
_SPAN = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-(([01]\d|2[0-3]):([0-5]\d)|24:00)$")


def _valid_span(text: str) -> str:
    if not _SPAN.match(text):
        raise WrongValue(wrong("span_form", text=text))
    if text[:5] == text[6:]:
        raise WrongValue(wrong("span_empty", text=text))
    return text


Span = Annotated[str, AfterValidator(_valid_span)]
"""`08:00-20:00`: from 08:00 up to but not including 20:00. An end before the start is on the next day."""


class Calendar(BaseModel):
    """When somebody is there. `dates` goes before holidays, holidays before the week."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weekly: dict[Weekday, tuple[Span, ...]] = Field(description="hours by weekday; a day left out is closed")
    holidays: Literal["cn", "none"] = Field("cn", description="cn: Chinese public holidays and make-up working days")
    on_holiday: tuple[Span, ...] = Field((), description="hours on public holidays; none = closed")
    make_up_as: Weekday = Field("mon", description="a make-up working day has the hours of this weekday")
    dates: dict[date, tuple[Span, ...]] = Field({}, description="hours of single dates; none = closed that day")
    emergency: bool = Field(True, description="urgent callers reach the emergency queue outside these hours")


CHINESE_WEEK = Calendar(weekly=dict.fromkeys(WEEKDAYS[:5], ("00:00-24:00",)))
"""Monday to Friday, Chinese public holidays and make-up days: what a legal working day is."""


@dataclass(frozen=True, slots=True)
class OpenState:
    """`until` is set when open (None = no end in sight), `opens_at` when closed (None = not within 60 days)."""

    open: bool
    reason: Reason
    until: Micros | None = None
    opens_at: Micros | None = None
    holidays_known: bool = True


def is_open(calendar: Calendar, at: Micros, tz: str) -> OpenState:
    """Open from the first second of a span up to, not including, its end: 08:00–20:00 is open at 19:59:59, closed at 20:00."""
    today = to_datetime(at).astimezone(ZoneInfo(tz)).date()
    reason = day_plan(calendar, today)[0]
    known = calendar.holidays == "none" or holidays_known(today.year)
    for start, end in _joined(calendar, today, tz):
        if start <= at < end:
            endless = end > at + (LOOK_AHEAD_DAYS - 3) * 86_400_000_000
            return OpenState(True, reason, until=None if endless else end, holidays_known=known)
        if start > at:
            return OpenState(False, reason, opens_at=start, holidays_known=known)
    return OpenState(False, reason, holidays_known=known)


def branch(calendar: Calendar, at: Micros, tz: str, *, urgent: bool) -> Branch:
    """Where a caller belongs now (service-rules 2: reception in hours; urgent callers round the clock)."""
    if is_open(calendar, at, tz).open:
        return "reception"
    return "emergency" if urgent and calendar.emergency else "after_hours"


@lru_cache(maxsize=64)
def holidays_known(year: int) -> bool:
    return any(day.year == year for day in constants.holidays)


def is_working_day(day: date, calendar: Calendar = CHINESE_WEEK) -> bool:
    return bool(day_plan(calendar, day)[1])


def add_working_days(day: date, count: int, calendar: Calendar = CHINESE_WEEK) -> date:
    """The `count`-th working day after `day`, which itself does not count (PRC Civil Code art. 201: the first day is not
    reckoned). Raises ValueError for a negative count or a calendar without working days."""
    if count < 0:
        raise ValueError("count must not be negative")
    for _ in range(count):
        following = (day + timedelta(days=ahead) for ahead in range(1, 400))
        found = next((candidate for candidate in following if is_working_day(candidate, calendar)), None)
        if found is None:
            raise ValueError("the calendar has no working day within 400 days")
        day = found
    return day


def day_plan(calendar: Calendar, day: date) -> tuple[Reason, tuple[str, ...]]:
    """Why that date has its hours, and the hours."""
    if day in calendar.dates:
        return "special_date", calendar.dates[day]
    if calendar.holidays == "cn" and day in constants.holidays:
        return "holiday", calendar.on_holiday
    if calendar.holidays == "cn" and day in constants.workdays:
        return "make_up_day", calendar.weekly.get(calendar.make_up_as, ())
    return "weekly", calendar.weekly.get(WEEKDAYS[day.weekday()], ())


def _joined(calendar: Calendar, today: date, tz: str) -> Iterator[tuple[Micros, Micros]]:
    """Intervals from yesterday's on, in order, with touching ones made one."""
    current: tuple[Micros, Micros] | None = None
    for ahead in range(-1, LOOK_AHEAD_DAYS):
        for start, end in sorted(_spans(calendar, today + timedelta(days=ahead), tz)):
            if current and start <= current[1]:
                current = (current[0], max(end, current[1]))
            else:
                if current:
                    yield current
                current = (start, end)
    if current:
        yield current


def _spans(calendar: Calendar, day: date, tz: str) -> Iterator[tuple[Micros, Micros]]:
    for span in day_plan(calendar, day)[1]:
        start, end = span.split("-")
        last = day if end != "24:00" and end > start else day + timedelta(days=1)
        yield _moment(day, start, tz), _moment(last, "00:00" if end == "24:00" else end, tz)


def _moment(day: date, clock: str, tz: str) -> Micros:
    hour, minute = clock.split(":")
    return from_datetime(datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=ZoneInfo(tz)))
