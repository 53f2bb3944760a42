"""Alarms: what they say, and that they do not flicker."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from cti_server.domain.alarms import CLEAR_AFTER, KINDS, RAISE_AFTER, Alarm, Side, Thresholds, read
from cti_server.domain.facts import AlarmKind
from cti_server.domain.ids import SECOND, Micros, QueueName
from cti_server.domain.service_levels import VisitCounts
from cti_server.domain.tallies import QueueView
from cti_server.errors import InvalidValue

NOW: Micros = 1_000_000 * SECOND
READINGS = st.lists(
    st.tuples(st.integers(0, 20 * SECOND), st.sampled_from(["bad", "between", "good"])), min_size=1, max_size=60
)


def sides(view: QueueView, limits: Thresholds, on_duty: bool = True) -> dict[AlarmKind, Side]:
    return {kind: reading.side for kind, reading in read(view, limits, NOW, on_duty=on_duty).items()}


def queue(**values: object) -> QueueView:
    return QueueView(name=QueueName("a"), **{"ready": 5, **values})  # type: ignore[arg-type]


@given(READINGS)
def test_an_alarm_changes_only_after_the_readings_spoke_for_it_without_a_break(
    readings: list[tuple[int, Side]],
) -> None:
    alarm, now, changed, story = Alarm(), NOW, None, list[tuple[Micros, Side]]()
    for passed, side in readings:
        now += passed
        story.append((now, side))
        before, alarm = alarm, alarm.step(side, now)
        if alarm.raised == before.raised:
            continue
        patience, wanted = (RAISE_AFTER, "bad") if alarm.raised else (CLEAR_AFTER, "good")
        unbroken = next((n for n, (_, seen) in enumerate(reversed(story)) if seen != wanted), len(story))
        assert now - story[len(story) - unbroken][0] >= patience
        assert changed is None or now - changed >= patience, "it flickers"
        changed = now


@given(READINGS, st.sampled_from(["bad", "good"]))
def test_steady_readings_win_in_the_end(readings: list[tuple[int, Side]], steady: Side) -> None:
    alarm, now = Alarm(), NOW
    for passed, side in readings:
        now += passed
        alarm = alarm.step(side, now)
    for at in range(now, now + CLEAR_AFTER + 2 * SECOND, SECOND):
        alarm = alarm.step(steady, at)
    assert alarm.raised == (steady == "bad")


@given(st.integers(1, 100), st.integers(0, 200))
def test_between_bad_and_good_lies_a_margin(threshold: int, waiting: int) -> None:
    side = sides(queue(waiting=waiting), Thresholds(waiting=threshold))["waiting"]
    assert (side == "bad") == (waiting > threshold)
    assert side != "good" or waiting < threshold


def test_every_kind_says_what_it_means() -> None:
    limits = Thresholds(waiting=5, longest_wait=60, service_level=80, formula="SL3", agents_ready=2)
    bad = queue(
        waiting=6,
        longest_since=NOW - 61 * SECOND,
        today=VisitCounts(offered=12, answered=9, answered_within=7, abandoned=1),
        ready=1,
    )
    assert sides(bad, limits) == dict.fromkeys(KINDS, "bad")
    assert {kind: (r.value, r.threshold) for kind, r in read(bad, limits, NOW, on_duty=True).items()} == {
        "waiting": (6, 5),
        "longest_wait": (61, 60),
        "service_level": (70, 80),
        "agents_ready": (1, 2),
    }
    assert sides(bad, Thresholds(agents_ready=0)) == dict.fromkeys(KINDS, "good"), "0 is off"
    assert sides(queue(), limits) == dict.fromkeys(KINDS, "good"), "nobody called yet"
    assert sides(bad, limits, on_duty=False)["agents_ready"] == "good", "nobody has to be there at night"


def test_a_service_level_is_judged_from_ten_visits_and_good_two_points_above_its_threshold() -> None:
    limits = Thresholds(service_level=50)
    few = VisitCounts(offered=9, answered=9)
    assert sides(queue(today=few), limits)["service_level"] == "good"
    levels = [
        sides(queue(today=VisitCounts(offered=100, answered=100, answered_within=within)), limits)["service_level"]
        for within in (49, 50, 51, 52)
    ]
    assert levels == ["bad", "between", "between", "good"]


@pytest.mark.parametrize(
    "wrong", [{"waiting": -1}, {"service_level": 101}, {"formula": "SL7"}, {"longest_wait": 10**9}]
)
def test_thresholds_that_cannot_be_right_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidValue):
        Thresholds(**wrong)  # type: ignore[arg-type]
