"""What holds for the call fold whatever facts come, in whatever order, with whatever is missing or told twice."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cti_server.domain import facts as f
from cti_server.domain.calls import CallRecord, apply
from cti_server.domain.ids import AgentId, CallId, CustomerId, OfferId, QueueName, VisitId

CALL = CallId("c")
visits = st.sampled_from([VisitId("v1"), VisitId("v2")])
agents = st.sampled_from([AgentId("1001"), AgentId("1002")])
offers = st.sampled_from([OfferId("o1"), OfferId("o2")])
sides = st.sampled_from(["caller", "agent", "server", "transfer", "unknown"])
outcomes = st.sampled_from(
    ["answered", "abandoned", "overflowed", "timed_out", "callback", "key_exit", "refused", "unknown"]
)
times = st.integers(0, 1000)


def fact(kind: type[f.CallFact], **fields: st.SearchStrategy[object]) -> st.SearchStrategy[f.CallFact]:
    return st.builds(kind, at=times, call_id=st.just(CALL), **fields)


def visit_fact(kind: type[f.VisitFact], **fields: st.SearchStrategy[object]) -> st.SearchStrategy[f.CallFact]:
    return fact(kind, visit_id=visits, **fields)


names = st.sampled_from(["a", "b"])
call_facts = st.one_of(
    fact(f.CallArrived, node=names, channel=names, uniqueid=names, caller=st.just("+861"), did=st.just("95598")),
    fact(f.CallResumed, node=names, channel=names, uniqueid=names, stage=st.just("waiting")),
    fact(f.CallerIdentified, customer_id=st.just(CustomerId("x")), tier=names),
    fact(f.MenuChosen, flow=names, node=names, key=names),
    fact(f.InputMissed, flow=names, node=names, reason=st.just("timeout")),
    fact(f.SurveyOffered, node=names),
    fact(f.SurveyAnswered, node=names, score=st.integers(1, 5)),
    fact(f.TicketCreated, ticket=st.just("order"), ticket_id=names, number=names),
    fact(f.CallTransferred, how=st.just("blind"), target=names),
    fact(f.CallEnded, side=sides),
    visit_fact(f.VisitStarted, queue=st.just(QueueName("general")), priority=st.just(0), entered_at=times),
    visit_fact(f.AgentOffered, offer_id=offers, agent_id=agents),
    visit_fact(f.OfferRinging, offer_id=offers, agent_id=agents),
    visit_fact(f.OfferEnded, offer_id=offers, agent_id=agents, result=st.just("answered")),
    visit_fact(f.TalkStarted, agent_id=agents),
    visit_fact(f.HoldStarted, agent_id=agents),
    visit_fact(f.HoldEnded, agent_id=agents),
    visit_fact(f.TalkEnded, agent_id=agents, side=sides),
    visit_fact(f.VisitEnded, outcome=outcomes),
)
any_order = st.lists(call_facts, min_size=1, max_size=40)
in_order = any_order.map(lambda facts: sorted(facts, key=lambda fact: fact.at))
histories = st.one_of(any_order, in_order)
stored_form = TypeAdapter(CallRecord)


def fold(facts: list[f.CallFact], record: CallRecord | None = None) -> CallRecord:
    result = reduce(apply, facts, record)
    assert result is not None
    return result


@given(histories, st.data())
def test_a_record_stored_and_read_back_half_way_is_as_good_as_one_go(
    facts: list[f.CallFact], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(facts)))
    kept = stored_form.validate_json(stored_form.dump_json(fold(facts[:cut])))
    assert fold(facts[cut:], kept) == fold(facts)


@given(histories)
def test_every_fact_told_twice_changes_nothing(facts: list[f.CallFact]) -> None:
    assert fold([told for fact in facts for told in (fact, fact)]) == fold(facts)


@given(histories)
def test_a_visit_keeps_its_first_outcome(facts: list[f.CallFact]) -> None:
    record: CallRecord | None = None
    first: dict[str, object] = {}
    for fact in facts:
        record = apply(record, fact)
        for visit in record.visits:
            if visit.outcome is not None:
                assert first.setdefault(visit.visit_id, visit.outcome) == visit.outcome
        assert len({visit.visit_id for visit in record.visits}) == len(record.visits)


@given(histories)
def test_talks_do_not_overlap_holds_lie_within_and_no_time_is_negative(facts: list[f.CallFact]) -> None:
    record = fold(facts)
    assert record.ivr >= 0
    for visit in record.visits:
        assert visit.wait is None or visit.wait >= 0
        assert min(visit.talk, visit.hold, visit.ring) >= 0
        for talk, following in zip(visit.talks, visit.talks[1:], strict=False):
            assert talk.ended is not None
            assert talk.started <= talk.ended <= following.started
        for talk in visit.talks:
            for hold in talk.holds:
                assert talk.started <= hold.started <= (hold.ended if hold.ended is not None else hold.started)
                assert talk.ended is None or (hold.ended is not None and hold.ended <= talk.ended)


@given(histories)
def test_an_ended_call_has_nothing_open(facts: list[f.CallFact]) -> None:
    record = fold(facts)
    if record.ended is not None:
        assert not any(visit.open for visit in record.visits)
        assert record.ended >= record.started
        assert record.ivr_since is None
    assert record.unknown_end == (record.ended_side == "unknown")
