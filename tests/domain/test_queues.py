"""Queue settings, tiers and service levels: numbers exact, mistakes named."""

from __future__ import annotations

from typing import Any

import pytest

from cti_server.domain import tiers
from cti_server.domain.ids import QueueName
from cti_server.domain.queues import Queue, Relaxation, check, skills_key
from cti_server.domain.service_levels import VisitCounts
from cti_server.errors import BadSettings, InvalidValue


def queue(name: str, **settings: Any) -> Queue:
    return Queue(name=QueueName(name), **settings)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"ring_seconds": 0}, "ring_seconds must be more than 0"),
        ({"announce_every_seconds": 0}, "announce_every_seconds"),
        ({"wrap_up_seconds": -1}, "wrap_up_seconds is -1"),
        ({"wrap_up_seconds": 0, "disposition_required": True}, "no wrap-up time"),
        ({"overflow_after_seconds": 60}, "names no queue"),
        ({"no_agents": "overflow"}, "names no queue"),
        ({"overflow_to": "q"}, "overflow to the same queue"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidValue, match=says):
        queue("q", **settings)


def test_overflow_leads_somewhere_and_never_in_a_circle() -> None:
    line = [queue("a", overflow_to="b"), queue("b", overflow_to="c"), queue("c")]
    check({q.name: q for q in line})
    with pytest.raises(BadSettings, match="d, which does not exist"):
        check({QueueName("a"): queue("a", overflow_to="d")})
    circle = [queue("a", overflow_to="b"), queue("b", overflow_to="a")]
    with pytest.raises(BadSettings, match="a → b → a"):
        check({q.name: q for q in circle})


def test_relaxing() -> None:
    wanted = skills_key({"zh": 5, "tech": 8, "none": 0})
    assert wanted == (("tech", 8), ("zh", 5))
    assert Relaxation(after_seconds=1, lower_by=5).relaxed(wanted) == (("tech", 3),)
    assert Relaxation(after_seconds=1, drop=("tech",)).relaxed(wanted) == (("zh", 5),)


def test_tiers_are_told_apart_and_flags_help() -> None:
    power, mobile = tiers.table("power"), tiers.table("mobile")
    ordered = [power.priority(tier) for tier in ("vip", "main", "ordinary", "small")]
    assert ordered == sorted(ordered, reverse=True)
    assert len(set(ordered)) == 4
    assert [mobile.priority(t) for t in ("platinum", "gold", "steel", "lead")] == ordered
    assert power.priority("ordinary") < power.priority("ordinary", ["elderly"]) < power.priority("vip")
    assert power.priority("ordinary", ["elderly", "open_case"]) == power.priority("ordinary", ["elderly"])
    assert power.priority("") == power.priority("ordinary")
    with pytest.raises(InvalidValue, match="vip, main"):
        power.priority("platinum")
    with pytest.raises(InvalidValue, match="power"):
        tiers.table("bank")


def test_the_six_service_levels() -> None:
    """100 offered: 70 answered, 56 of them within T; 20 abandoned, 8 within T, 5 of those short; 10 other."""
    counts = VisitCounts(
        offered=100,
        answered=70,
        answered_within=56,
        abandoned=20,
        abandoned_within=8,
        abandoned_short=5,
        overflowed=10,
        wait_of_answered=700,
    )
    assert counts.service_levels() == {
        "SL1": 56 / 70,
        "SL2": 64 / 90,
        "SL3": 56 / 90,
        "SL4": 56 / 82,
        "SL5": 56 / 85,
        "SL6": 56 / 100,
    }
    assert (counts.answer_rate, counts.abandonment_rate, counts.average_speed_of_answer) == (0.7, 0.2, 10)


def test_nothing_offered_is_no_percentage() -> None:
    assert set(VisitCounts().service_levels().values()) == {None}
