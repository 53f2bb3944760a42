from __future__ import annotations

from typing import Any

from cti_server.domain import facts as f
from cti_server.domain.calls import CallRecord, apply
from cti_server.domain.ids import AgentId, CallId, CustomerId, OfferId, QueueName, VisitId

A, B = AgentId("1001"), AgentId("1002")


class Story:
    """Facts of one call told in seconds; times in the record are micros."""

    def __init__(self) -> None:
        self.record: CallRecord | None = None

    def __call__(self, at: float, kind: type[f.CallFact], **fields: Any) -> Story:
        whole = {"at": round(at * 1_000_000), "call_id": CallId("c"), **fields}
        if issubclass(kind, f.VisitFact):
            whole.setdefault("visit_id", VisitId("v"))
        self.record = apply(self.record, kind(**whole))
        return self

    @property
    def told(self) -> CallRecord:
        assert self.record is not None
        return self.record


def arrived() -> Story:
    return Story()(0, f.CallArrived, node="n", channel="x", uniqueid="1", caller="+8613900000001", did="95598")


def queued(story: Story, at: float, queue: str = "general") -> Story:
    return story(at, f.VisitStarted, queue=QueueName(queue), priority=10, entered_at=round(at * 1_000_000))


def answered(story: Story, at: float, agent: AgentId = A) -> Story:
    story(at - 5, f.AgentOffered, offer_id=OfferId(agent), agent_id=agent)
    story(at - 4, f.OfferRinging, offer_id=OfferId(agent), agent_id=agent)
    story(at, f.OfferEnded, offer_id=OfferId(agent), agent_id=agent, result="answered")
    return story(at, f.TalkStarted, agent_id=agent)(at, f.VisitEnded, outcome="answered")


def test_a_whole_call() -> None:
    story = arrived()(1, f.CallerIdentified, customer_id=CustomerId("k"), tier="vip", flags=("elderly",))
    story(10, f.MenuChosen, flow="power", node="main", key="1", label="报修")
    story(15, f.MenuChosen, flow="power", node="fault", key="2")
    story(18, f.InputCollected, flow="power", node="acc", digits="1000••18", valid=True)
    answered(queued(story, 20), 50)
    story(80, f.HoldStarted, agent_id=A)(95, f.HoldEnded, agent_id=A)(170, f.TalkEnded, agent_id=A, side="agent")
    story(172, f.SurveyOffered, node="s", agent_id=A)(178, f.SurveyAnswered, node="s", agent_id=A, score=5)
    record = story(180, f.CallEnded, side="server", cause=16).told
    (visit,) = record.visits
    assert (visit.wait, visit.ring, visit.talk, visit.hold) == (30_000_000, 4_000_000, 105_000_000, 15_000_000)
    assert (visit.outcome, visit.agent_id, record.last_agent) == ("answered", A, A)
    assert record.menu_path == "报修 › 2"
    assert [step.digits for step in record.digits] == ["1000••18"]
    assert [(step.score, step.agent_id) for step in record.surveys] == [(5, A)]
    assert record.ivr == 30_000_000
    assert (record.ended_side, record.unknown_end, record.missing_start) == ("server", False, False)


def test_a_transfer_to_a_second_agent_is_two_talks_of_one_visit() -> None:
    story = answered(queued(arrived(), 1), 10)
    story(60, f.CallTransferred, how="attended", target="1002", by=A)(60, f.TalkStarted, agent_id=B)
    (visit,) = story(90, f.TalkEnded, agent_id=B, side="caller").told.visits
    assert [(talk.agent_id, talk.talk) for talk in visit.talks] == [(A, 50_000_000), (B, 30_000_000)]
    assert visit.talks[0].side == "unknown"
    assert visit.answered_at == 10_000_000


def test_an_overflow_is_two_visits_each_with_its_own_wait() -> None:
    story = queued(arrived(), 1)(31, f.VisitEnded, outcome="overflowed")
    story(31, f.VisitStarted, visit_id=VisitId("w"), queue=QueueName("vip"), priority=0, entered_at=1_000_000)
    first, second = story(51, f.VisitEnded, visit_id=VisitId("w"), outcome="abandoned").told.visits
    assert (first.wait, first.outcome, second.wait, second.outcome) == (
        30_000_000,
        "overflowed",
        20_000_000,
        "abandoned",
    )
    assert second.entered_at == first.entered_at


def test_what_a_gap_hides_is_none_and_not_zero() -> None:
    record = Story()(50, f.TalkStarted, agent_id=A)(60, f.CallEnded, side="unknown").told
    (visit,) = record.visits
    assert (visit.wait, visit.queue, visit.outcome) == (None, "", "answered")
    assert (record.missing_start, record.unknown_end) == (True, True)


def test_a_wait_whose_end_was_not_seen_has_no_length() -> None:
    (visit,) = queued(arrived(), 5)(90, f.CallEnded, side="unknown").told.visits
    assert (visit.outcome, visit.wait) == ("unknown", None)


def test_a_call_closed_as_unknown_that_comes_back_goes_on() -> None:
    story = queued(arrived(), 5)(90, f.CallEnded, side="unknown")
    record = story(95, f.CallResumed, node="n2", channel="y", uniqueid="9", stage="waiting").told
    assert (record.open, record.unknown_end, record.resumed) == (True, False, 1)
    assert record.channels == (("n", "1"), ("n2", "9"))


def test_a_call_that_ended_as_seen_is_not_opened_again() -> None:
    story = arrived()(90, f.CallEnded, side="caller")
    assert not story(95, f.CallResumed, node="n2", channel="y", uniqueid="9", stage="menu").told.open
