"""The ACD's rules one by one, as short stories."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cti_server.domain.ids import SECOND, AgentId, CallId, Micros, QueueName, VisitId
from cti_server.domain.queues import Queue, Relaxation
from cti_server.domain.routing import CallbackDue, Offer, Overflow, Router, Seat, TimedOut, Waiting
from cti_server.errors import NotFound

Q, R = QueueName("general"), QueueName("rest")
NOW: Micros = 1_000 * SECOND
ANN, BEN, CAT = AgentId("1001"), AgentId("1002"), AgentId("1003")


def router(**settings: Any) -> Router:
    quiet = {"preferred_seconds": 0} | settings
    return Router({Q: Queue(name=Q, **quiet), R: Queue(name=R, preferred_seconds=0)})


def caller(name: str, *, at: float = 0, **more: Any) -> Waiting:
    when = NOW + round(at * SECOND)
    base: dict[str, Any] = {"queue": Q, "priority": 0, "entered_at": when, "joined_at": when} | more
    return Waiting(visit_id=VisitId(name), call_id=CallId(name), **base)


def seat(agent: AgentId, **more: Any) -> Seat:
    base: dict[str, Any] = {"agent_id": agent, "queues": {Q: 5}, "available": True, "idle_since": NOW}
    return Seat(**(base | more))


def at(seconds: float) -> Micros:
    return NOW + round(seconds * SECOND)


def offers(router: Router, seconds: float = 0) -> list[tuple[str, str]]:
    return [(d.visit_id, d.agent_id) for d in router.decide(at(seconds)) if isinstance(d, Offer)]


def test_priority_first_then_the_original_entry() -> None:
    acd = router()
    for waiting in (caller("late", at=2), caller("kept", at=3, entered_at=at(-9)), caller("vip", at=4, priority=9)):
        acd.join(waiting, at(5))
    assert acd.waiting(Q) == ("vip", "kept", "late")
    assert [acd.position(visit) for visit in acd.waiting(Q)] == [1, 2, 3]
    acd.seat(seat(ANN))
    assert offers(acd, 5) == [("vip", ANN)]


def test_the_fittest_then_the_longest_idle() -> None:
    acd = router()
    acd.seat(seat(ANN, skills={"zh": 9}, idle_since=at(-1)))
    acd.seat(seat(BEN, skills={"zh": 5}, idle_since=at(-99)))
    acd.seat(seat(CAT, skills={"zh": 9}, idle_since=at(-2)))
    for n in range(3):
        acd.join(caller(f"v{n}", at=n, skills=(("zh", 5),)), at(n))
    assert offers(acd, 3) == [("v0", CAT), ("v1", ANN), ("v2", BEN)]


def test_the_level_in_the_queue_counts_before_skills() -> None:
    acd = router()
    acd.seat(seat(ANN, queues={Q: 1}, skills={"zh": 9}, idle_since=at(-9)))
    acd.seat(seat(BEN, queues={Q: 9}, skills={"zh": 5}))
    acd.join(caller("v", skills=(("zh", 5),)), NOW)
    assert offers(acd) == [("v", BEN)]


def test_nobody_without_the_skill_until_it_relaxes() -> None:
    acd = router(relaxations=(Relaxation(after_seconds=10, lower_by=3), Relaxation(after_seconds=20, drop=("zh",))))
    acd.seat(seat(ANN, skills={"zh": 4}))
    acd.seat(seat(BEN))
    acd.join(caller("v", skills=(("zh", 7),)), NOW)
    acd.join(caller("w", skills=(("zh", 8),)), NOW)
    assert offers(acd) == []
    assert acd.deadline() == at(10)
    assert offers(acd, 9.9) == []
    assert offers(acd, 10) == [("v", ANN)]
    assert offers(acd, 20) == [("w", BEN)]


def test_the_last_agent_has_the_caller_to_himself_first() -> None:
    acd = router(preferred_seconds=15)
    acd.seat(seat(ANN, available=False))
    acd.seat(seat(BEN, idle_since=at(-99)))
    acd.join(caller("v", preferred=ANN), NOW)
    assert offers(acd) == []
    acd.seat(seat(ANN))
    assert offers(acd, 14) == [("v", ANN)]


@pytest.mark.parametrize(
    "preferred",
    [None, seat(ANN, available=False, likely=False), seat(ANN, queues={R: 5}), seat(ANN, available=False)],
    ids=["signed-out", "paused", "other-queue", "busy"],
)
def test_only_an_agent_who_may_come_is_waited_for(preferred: Seat | None) -> None:
    acd = router(preferred_seconds=15)
    if preferred:
        acd.seat(preferred)
    acd.seat(seat(BEN))
    acd.join(caller("v", preferred=ANN), NOW)
    waits = preferred is not None and preferred.likely and Q in preferred.queues
    assert offers(acd) == ([] if waits else [("v", BEN)])


@pytest.mark.parametrize("how", ["unseat", "pause", "leave-queue"])
def test_the_wait_for_the_last_agent_ends_when_he_goes(how: str) -> None:
    acd = router(preferred_seconds=15)
    acd.seat(seat(ANN, available=False))
    acd.seat(seat(BEN))
    acd.join(caller("v", preferred=ANN), NOW)
    assert offers(acd) == []
    if how == "unseat":
        acd.unseat(ANN)
    else:
        acd.seat(seat(ANN, available=False, likely=how != "pause", queues={Q if how == "pause" else R: 5}))
    assert offers(acd, 1) == [("v", BEN)]


def test_after_the_wait_the_last_agent_still_comes_first_when_idle() -> None:
    acd = router(preferred_seconds=5)
    acd.seat(seat(ANN, available=False, idle_since=at(-1)))
    acd.join(caller("v", preferred=ANN), NOW)
    assert offers(acd, 6) == []
    acd.seat(seat(BEN, idle_since=at(-99)))
    acd.seat(seat(ANN, idle_since=at(-1)))
    assert offers(acd, 7) == [("v", ANN)]


def test_a_waiting_favourite_does_not_overtake() -> None:
    acd = router(preferred_seconds=15)
    acd.seat(seat(ANN, available=False))
    acd.join(caller("first"), NOW)
    acd.join(caller("favourite", at=1, preferred=ANN), at(1))
    acd.seat(seat(ANN))
    assert offers(acd, 2) == [("first", ANN)]


def test_one_offer_an_agent_and_one_a_caller() -> None:
    acd = router()
    acd.seat(seat(ANN))
    acd.join(caller("v"), NOW)
    acd.join(caller("w", at=1), at(1))
    assert offers(acd, 1) == [("v", ANN)]
    acd.seat(seat(ANN, idle_since=at(-5)))
    assert offers(acd, 2) == []
    acd.unseat(ANN)
    acd.seat(seat(ANN))
    assert offers(acd, 3) == [], "signing out and in does not end the offer"
    acd.seat(seat(BEN))
    assert offers(acd, 4) == [("w", BEN)]


def test_a_miss_backs_off_and_bars_the_pair() -> None:
    acd = router(agent_backoff_seconds=5, pair_backoff_seconds=15)
    acd.seat(seat(ANN))
    acd.join(caller("v"), NOW)
    assert offers(acd) == [("v", ANN)]
    acd.offer_ended(VisitId("v"), ANN, "no_answer", at(20))
    assert offers(acd, 20) == []
    assert acd.position(VisitId("v")) == 1
    acd.join(caller("w", at=21), at(21))
    assert offers(acd, 24.9) == []
    assert offers(acd, 25) == [("w", ANN)], "the next caller, not the one he missed"
    acd.offer_ended(VisitId("w"), ANN, "withdrawn", at(26))
    assert offers(acd, 26) == [("w", ANN)], "what was not his fault has no consequence"
    acd.offer_ended(VisitId("w"), ANN, "caller_gone", at(30))
    assert acd.waiting(Q) == ("v",)
    assert offers(acd, 35) == [("v", ANN)]


def test_answered_keeps_the_agent_until_he_is_seated_anew() -> None:
    acd = router()
    acd.seat(seat(ANN))
    acd.join(caller("v"), NOW)
    acd.join(caller("w", at=1), NOW)
    assert offers(acd) == [("v", ANN)]
    acd.offer_ended(VisitId("v"), ANN, "answered", at(3))
    assert offers(acd, 3) == []
    acd.seat(seat(ANN, idle_since=at(60)))
    assert offers(acd, 60) == [("w", ANN)]


def test_overflow_by_length_spares_whoever_finds_an_agent() -> None:
    acd = router(overflow_length=1, overflow_to=R)
    acd.seat(seat(BEN, skills={"en": 5}))
    acd.join(caller("v", skills=(("zh", 1),)), NOW)
    acd.join(caller("w", at=1, skills=(("en", 1),)), NOW)
    acd.join(caller("x", at=2, skills=(("zh", 1),)), NOW)
    assert acd.decide(at(2)) == [Offer(VisitId("w"), BEN), Overflow(VisitId("x"), R)]
    assert acd.waiting(Q) == ("v", "w")


def test_an_agent_at_the_last_moment_beats_the_end_of_the_wait() -> None:
    acd = router(overflow_after_seconds=30, overflow_to=R)
    acd.join(caller("v"), NOW)
    acd.join(caller("w", at=0.5), NOW)
    acd.seat(seat(ANN, backoff_until=at(31)))
    assert acd.decide(at(31)) == [Offer(VisitId("v"), ANN), Overflow(VisitId("w"), R)]
    acd.offer_ended(VisitId("v"), ANN, "rejected", at(40))
    assert acd.decide(at(40)) == [Overflow(VisitId("v"), R)], "what fell due while it rang is due now"


def test_callback_is_offered_once_and_the_caller_waits_on() -> None:
    acd = router(callback_after_seconds=10, max_wait_seconds=30)
    acd.join(caller("v"), NOW)
    assert acd.deadline() == at(10)
    assert acd.decide(at(10)) == [CallbackDue(VisitId("v"))]
    assert acd.decide(at(11)) == []
    assert acd.decide(at(30)) == [TimedOut(VisitId("v"))]
    assert acd.deadline() is None
    with pytest.raises(NotFound):
        acd.position(VisitId("v"))


def test_an_emptied_queue_overflows_whoever_waits() -> None:
    acd = router(no_agents="overflow", overflow_to=R)
    acd.seat(seat(ANN, available=False))
    acd.join(caller("v"), NOW)
    assert acd.decide(NOW) == []
    acd.seat(seat(ANN, queues={R: 5}, available=False))
    assert acd.decide(at(1)) == [Overflow(VisitId("v"), R)]
    acd.join(caller("w", at=2), at(2))
    assert acd.decide(at(2)) == [Overflow(VisitId("w"), R)]


def test_admission() -> None:
    acd = router(max_length=1, no_agents="refuse")
    assert acd.admission(Q, NOW) == "no_agents"
    acd.seat(seat(ANN, available=False))
    assert acd.admission(Q, NOW) is None
    acd.join(caller("v"), NOW)
    assert acd.admission(Q, NOW) == "full"
    with pytest.raises(NotFound, match="nowhere"):
        acd.admission(QueueName("nowhere"), NOW)


def test_estimate_follows_place_and_agents() -> None:
    acd = router()
    for n in range(4):
        acd.join(caller(f"v{n}", at=n), NOW)
    assert acd.estimate(VisitId("v3"), NOW, 180 * SECOND) is None
    acd.seat(seat(ANN, available=False))
    acd.seat(seat(BEN, available=False))
    acd.seat(seat(CAT, available=False, likely=False))
    assert acd.estimate(VisitId("v0"), NOW, 180 * SECOND) == 90 * SECOND
    assert acd.estimate(VisitId("v3"), NOW, 180 * SECOND) == 360 * SECOND


def test_a_clock_set_back_frees_nobody_twice_and_loses_nobody() -> None:
    acd = router(agent_backoff_seconds=5)
    acd.seat(seat(ANN))
    acd.join(caller("v"), NOW)
    offers(acd)
    acd.offer_ended(VisitId("v"), ANN, "rejected", at(1))
    assert offers(acd, 30) == [("v", ANN)]
    acd.offer_ended(VisitId("v"), ANN, "withdrawn", at(-100))
    assert offers(acd, -100) == [("v", ANN)]


def test_joining_again_replaces() -> None:
    acd = router()
    acd.join(caller("v"), NOW)
    acd.join(replace(caller("v"), queue=R), NOW)
    assert (acd.waiting(Q), acd.waiting(R)) == ((), ("v",))
    with pytest.raises(NotFound):
        acd.join(replace(caller("v"), queue=QueueName("nowhere")), NOW)
    assert acd.waiting(R) == ("v",), "a mistake does not lose the caller"


def test_many_different_requirements_are_forgotten_again() -> None:
    acd = router()
    acd.seat(seat(ANN, skills={"s1999": 5}))
    for n in range(2000):
        acd.join(caller(f"v{n}", skills=((f"s{n}", 1),)), NOW)
        if n < 1999:
            acd.decide(NOW)
            acd.leave(VisitId(f"v{n}"))
    assert offers(acd) == [("v1999", ANN)]
    assert len(acd._floor.lines[Q].groups) <= 64


def test_a_last_agent_who_refuses_is_waited_for_no_longer() -> None:
    acd = router(preferred_seconds=15)
    acd.seat(seat(ANN))
    acd.join(caller("v", preferred=ANN), NOW)
    assert offers(acd) == [("v", ANN)]
    acd.seat(seat(BEN))
    acd.offer_ended(VisitId("v"), ANN, "rejected", at(1))
    assert offers(acd, 1) == [("v", BEN)]
