"""Opening hours at their edges, Chinese holidays and make-up days, working days."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cti_server.domain.calendar import (
    WEEKDAYS,
    Calendar,
    add_working_days,
    branch,
    holidays_known,
    is_open,
    is_working_day,
)
from cti_server.domain.ids import from_datetime, to_datetime

ZONE = "Asia/Shanghai"
DAILY = Calendar(weekly=dict.fromkeys(WEEKDAYS, ("08:00-20:00",)), on_holiday=("08:00-20:00",))
OFFICE = Calendar(weekly=dict.fromkeys(WEEKDAYS[:5], ("08:30-12:00", "13:30-17:30")))


def at(text: str, zone: str = ZONE) -> int:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


@pytest.mark.parametrize(
    ("time", "urgent", "where"),
    [
        ("2026-11-20T19:59:59.999999", False, "reception"),
        ("2026-11-20T20:00:00", False, "after_hours"),
        ("2026-11-20T07:59:59", False, "after_hours"),
        ("2026-11-20T08:00:00", False, "reception"),
        ("2026-11-21T03:00:00", True, "emergency"),
        ("2026-11-21T03:00:00", False, "after_hours"),
        ("2026-11-20T12:00:00", True, "reception"),
    ],
)
def test_reception_after_hours_emergency(time: str, urgent: bool, where: str) -> None:
    assert branch(DAILY, at(time), ZONE, urgent=urgent) == where


def test_a_calendar_can_refuse_emergencies() -> None:
    assert (
        branch(DAILY.model_copy(update={"emergency": False}), at("2026-11-21T03:00"), ZONE, urgent=True)
        == "after_hours"
    )


@pytest.mark.parametrize(
    ("time", "open_", "reason"),
    [
        ("2026-10-01T10:00", False, "holiday"),
        ("2026-10-10T10:00", True, "make_up_day"),  # a Saturday worked for the National Day week
        ("2026-10-11T10:00", False, "weekly"),
        ("2026-10-12T12:30", False, "weekly"),
        ("2026-10-12T13:30", True, "weekly"),
    ],
)
def test_holidays_and_make_up_days(time: str, open_: bool, reason: str) -> None:
    state = is_open(OFFICE, at(time), ZONE)
    assert (state.open, state.reason, state.holidays_known) == (open_, reason, True)


def test_unknown_years_follow_the_week_and_say_so() -> None:
    state = is_open(OFFICE, at("2041-10-01T10:00"), ZONE)
    assert state.open
    assert not state.holidays_known
    assert not holidays_known(2041)
    assert is_open(OFFICE.model_copy(update={"holidays": "none"}), at("2041-10-01T10:00"), ZONE).holidays_known


def test_single_dates_go_before_everything() -> None:
    calendar = OFFICE.model_copy(update={"dates": {date(2026, 10, 1): ("09:00-10:00",), date(2026, 10, 12): ()}})
    assert is_open(calendar, at("2026-10-01T09:30"), ZONE).reason == "special_date"
    assert is_open(calendar, at("2026-10-01T09:30"), ZONE).open
    assert not is_open(calendar, at("2026-10-12T10:00"), ZONE).open


def test_when_it_opens_and_closes() -> None:
    assert is_open(OFFICE, at("2026-09-30T18:00"), ZONE).opens_at == at("2026-10-08T08:30")
    assert is_open(OFFICE, at("2026-10-12T09:00"), ZONE).until == at("2026-10-12T12:00")
    always = Calendar(weekly=dict.fromkeys(WEEKDAYS, ("00:00-24:00",)), holidays="none")
    assert is_open(always, at("2026-10-12T00:00"), ZONE).until is None
    never = Calendar(weekly={})
    assert is_open(never, at("2026-10-12T00:00"), ZONE).opens_at is None


def test_hours_across_midnight() -> None:
    late = Calendar(weekly={"fri": ("17:00-01:00",)}, holidays="none")
    assert is_open(late, at("2026-11-21T00:59:59"), ZONE).open
    assert not is_open(late, at("2026-11-21T01:00"), ZONE).open
    assert not is_open(late, at("2026-11-20T00:30"), ZONE).open


def test_days_of_23_and_25_hours() -> None:
    """New York: 1 November 2026 has 25 hours, 14 March 2027 has 23."""
    calendar = Calendar(weekly={"sun": ("00:00-24:00",)}, holidays="none")
    zone = "America/New_York"
    start = at("2026-11-01T00:00", zone)
    assert is_open(calendar, start, zone).until == start + 25 * 3_600_000_000
    start = at("2027-03-14T00:00", zone)
    assert is_open(calendar, start, zone).until == start + 23 * 3_600_000_000


@pytest.mark.parametrize("span", ["8:00-20:00", "08:00", "08:00-08:00", "25:00-26:00", "08:00-24:30", ""])
def test_hours_that_cannot_be_right_are_refused(span: str) -> None:
    with pytest.raises(ValidationError, match=r"08:00-20:00|whole day"):
        Calendar(weekly={"mon": (span,)})


@pytest.mark.parametrize(
    ("start", "count", "due"),
    [
        (date(2024, 6, 3), 5, date(2024, 6, 11)),  # Mon 10 June 2024 was a holiday
        (date(2024, 6, 3), 0, date(2024, 6, 3)),
        (date(2026, 9, 30), 1, date(2026, 10, 8)),
        (date(2026, 10, 9), 1, date(2026, 10, 10)),  # a Saturday to make up
    ],
)
def test_working_days(start: date, count: int, due: date) -> None:
    assert add_working_days(start, count) == due


def test_no_working_day_is_an_error_not_a_hang() -> None:
    with pytest.raises(ValueError, match="no working day"):
        add_working_days(date(2026, 1, 1), 1, Calendar(weekly={}))
    with pytest.raises(ValueError, match="negative"):
        add_working_days(date(2026, 1, 1), -1)


@given(st.dates(date(2004, 1, 1), date(2040, 1, 1)), st.integers(0, 30))
def test_the_due_day_is_a_working_day_with_that_many_between(start: date, count: int) -> None:
    due = add_working_days(start, count)
    days = (date.fromordinal(day) for day in range(start.toordinal() + 1, due.toordinal() + 1))
    assert sum(is_working_day(day) for day in days) == count
    assert count == 0 or is_working_day(due)


@given(st.integers(at("2005-01-01T00:00"), at("2040-01-01T00:00")), st.sampled_from([DAILY, OFFICE]))
def test_what_it_promises_is_so(moment: int, calendar: Calendar) -> None:
    state = is_open(calendar, moment, ZONE)
    turn = state.until if state.open else state.opens_at
    assert turn is not None
    assert turn > moment
    assert is_open(calendar, turn, ZONE).open is not state.open
    assert is_open(calendar, turn - 1, ZONE).open is state.open
    assert to_datetime(turn).astimezone(ZoneInfo(ZONE)).second == 0
