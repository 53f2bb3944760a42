"""Notes, codes and an agent's day, folded from facts told in seconds."""

from __future__ import annotations

from typing import Any

import pytest

from cti_server.domain import facts as f
from cti_server.domain.agent_day import AgentDay, day_figures
from cti_server.domain.calls import CallRecord, apply
from cti_server.domain.ids import MINUTE, SECOND, AgentId, CallId, OfferId, QueueName, VisitId
from cti_server.domain.work import (
    NOTE_LIMIT,
    REPEAT_WITHIN,
    disposition_of,
    earlier_calls,
    note_text,
    took_part,
    visit_of,
)
from cti_server.errors import InvalidValue

ME, OTHER, NOBODY = AgentId("1001"), AgentId("1002"), AgentId("9")
CALL = CallId("call")


def test_a_note_keeps_every_character_but_line_ends_become_one_kind() -> None:
    odd = "<b>x</b> 😀 שלום \u202e 报修\ttab"
    assert note_text(f"{odd}\r\nnext\rlast\n") == f"{odd}\nnext\nlast\n"
    assert note_text("😀" * NOTE_LIMIT)


@pytest.mark.parametrize("text", ["x" * (NOTE_LIMIT + 1), "nul \x00", "escape \x1b[0m", "delete \x7f"])
def test_a_note_that_cannot_be_kept_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        note_text(text)


def _told(*facts: f.CallFact) -> CallRecord:
    record: CallRecord | None = None
    for fact in facts:
        record = apply(record, fact)
    assert record
    return record


def _visit(at: int, visit: str, agent: AgentId, *, talks: bool) -> list[f.CallFact]:
    ids: dict[str, Any] = {"at": at * SECOND, "call_id": CALL, "visit_id": VisitId(visit)}
    offer: dict[str, Any] = {**ids, "offer_id": OfferId(visit), "agent_id": agent}
    queued = f.VisitStarted(**ids, queue=QueueName("vip"), priority=0, entered_at=at * SECOND)
    return [queued, f.AgentOffered(**offer), *([f.TalkStarted(**ids, agent_id=agent)] if talks else [])]


def _coded(agent: AgentId, visit: str, code: str) -> f.DispositionSet:
    return f.DispositionSet(at=9 * SECOND, call_id=CALL, agent_id=agent, visit_id=VisitId(visit), code=code)


def test_an_agent_writes_to_the_visit_he_talked_in_and_the_last_code_counts() -> None:
    visits = [*_visit(1, "v", ME, talks=True), *_visit(2, "w", ME, talks=False), *_visit(3, "x", OTHER, talks=False)]
    codes = [_coded(ME, "v", "bill"), _coded(ME, "v", "fault"), _coded(OTHER, "x", "other")]
    record = _told(*visits, *codes)
    assert (visit_of(record, ME), visit_of(record, OTHER), visit_of(record, NOBODY)) == ("v", "x", None)
    assert (took_part(record, OTHER), took_part(record, NOBODY)) == (True, False)
    assert (disposition_of(record, ME, "v"), disposition_of(record, OTHER, "x")) == ("fault", "other")
    assert disposition_of(record, ME, "x") is None


def test_a_repeat_caller_called_within_a_day_before_this_call() -> None:
    now = REPEAT_WITHIN
    record = _told(f.CallArrived(at=now, call_id=CALL, node="n", channel="x", uniqueid="1", caller="", did=""))
    calls = [(str(CALL), now), ("a", now - MINUTE), ("b", 0), ("too old", -1), ("later", now + 1)]
    assert earlier_calls(calls, record) == [now - MINUTE, 0]


def _talk(visit: str, at: int, *, talked: int, wrapped: int, held: int = 0) -> list[f.Fact]:
    ids: dict[str, Any] = {"call_id": CallId(visit), "visit_id": VisitId(visit), "agent_id": ME}
    end = at + talked
    return [
        f.AgentOffered(at=(at - 5) * SECOND, offer_id=OfferId(visit), **ids),
        f.OfferEnded(at=at * SECOND, offer_id=OfferId(visit), result="answered", **ids),
        f.TalkStarted(at=at * SECOND, **ids),
        f.HoldStarted(at=(at + 1) * SECOND, **ids),
        f.HoldEnded(at=(at + 1 + held) * SECOND, **ids),
        f.TalkEnded(at=end * SECOND, side="caller", **ids),
        f.WrapUpStarted(at=end * SECOND, until=(end + 30) * SECOND, **ids),
        f.WrapUpEnded(at=(end + wrapped) * SECOND, agent_id=ME, by="agent"),
    ]


def test_a_days_figures() -> None:
    signed_in = [f.AgentSignedIn(at=0, agent_id=ME), f.AgentReady(at=0, agent_id=ME)]
    missed: dict[str, Any] = {
        "call_id": CallId("m"),
        "visit_id": VisitId("m"),
        "agent_id": ME,
        "offer_id": OfferId("m"),
    }
    facts: list[f.Fact] = [
        *signed_in,
        *_talk("a", 10, talked=60, held=20, wrapped=10),
        f.AgentOffered(at=100 * SECOND, **missed),
        f.OfferEnded(at=120 * SECOND, result="no_answer", **missed),
        *_talk("b", 200, talked=30, wrapped=5),
    ]
    day = day_figures(ME, facts, 0, 240 * SECOND)
    work = (5 + 60 + 10) + 20 + (5 + 30 + 5)
    assert day == AgentDay(
        answered=2,
        handled=2,
        missed=1,
        talk=70 * SECOND,
        hold=20 * SECOND,
        wrap_up=15 * SECOND,
        working=work * SECOND,
        ready=(240 - work) * SECOND,
    )
    assert day.occupancy == work / (240)
    assert day.average == 105 * SECOND // 2
    unfinished = day_figures(ME, facts[:5], 0, 40 * SECOND)
    assert (unfinished.answered, unfinished.handled, unfinished.average) == (1, 0, None)
    assert day_figures(ME, [], 0, 40 * SECOND) == AgentDay()
    assert day_figures(NOBODY, facts, 0, 240 * SECOND).answered == 0


def test_a_shift_over_midnight_counts_what_it_began_and_cuts_its_time_there() -> None:
    """Signed in and talking the evening before: that talk is yesterday's, its rest and its wrap-up are today's work."""
    midnight = 1_000 * SECOND
    facts: list[f.Fact] = [
        f.AgentSignedIn(at=0, agent_id=ME),
        f.AgentReady(at=0, agent_id=ME),
        *_talk("late", 900, talked=200, wrapped=10),
        *_talk("early", 1_200, talked=50, wrapped=0),
        f.AgentPaused(at=1_300 * SECOND, agent_id=ME, reason="meal"),
    ]
    day = day_figures(ME, facts, midnight, 1_500 * SECOND)
    assert (day.answered, day.handled, day.talk, day.wrap_up) == (1, 1, 50 * SECOND, 10 * SECOND)
    assert day.working == (100 + 10 + 5 + 50) * SECOND
    assert day.ready == (300 - (100 + 10 + 5 + 50)) * SECOND, "the pause is neither"
