"""Agents' states as stories: facts and wishes in, what he and the system say out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cti_server.domain import agents
from cti_server.domain import facts as f
from cti_server.domain.agents import Agent, AgentRules, AgentState
from cti_server.domain.ids import MINUTE, SECOND, AgentId, CallId, Micros, OfferId, QueueName, VisitId
from cti_server.domain.queues import Queue
from cti_server.domain.routing import seat_of
from cti_server.errors import Conflict, Forbidden, InvalidValue

ME, CALL, VISIT, OFFER = AgentId("1001"), CallId("call"), VisitId("visit"), OfferId("offer")
AGENT = Agent(agent_id=ME, queues={QueueName("general"): 5}, skills={"zh": 8})
QUEUE = Queue(name=QueueName("general"), wrap_up_seconds=30)


class Desk:
    """One agent whose facts are folded as they come; `settle` records what is due."""

    def __init__(self, rules: AgentRules | None = None) -> None:
        self.state = AgentState(agent_id=ME, rules=rules or AgentRules())
        self.now: Micros = 0
        self.facts: list[f.Fact] = []

    def tell(self, *facts: f.Fact) -> Desk:
        for fact in facts:
            self.facts.append(fact)
            self.state = agents.apply(self.state, fact)
        return self

    def settle(self, queue: Queue | None = QUEUE) -> Desk:
        while due := agents.due(self.state, self.now, queue):
            self.tell(*due)
        return self

    def after(self, seconds: float) -> Desk:
        self.now += round(seconds * SECOND)
        return self

    def sign_in(self) -> Desk:
        self.tell(f.AgentReachable(at=self.now, agent_id=ME))
        self.tell(*agents.sign_in(self.state, AGENT, self.now))
        return self.tell(*agents.ready(self.state, AGENT, self.now))

    def offer(self, offer: OfferId = OFFER) -> Desk:
        until = self.now + 20 * SECOND
        return self.tell(
            f.AgentOffered(at=self.now, call_id=CALL, visit_id=VISIT, offer_id=offer, agent_id=ME, until=until)
        )

    def offer_ends(self, result: f.OfferResult, offer: OfferId = OFFER) -> Desk:
        return self.tell(
            f.OfferEnded(at=self.now, call_id=CALL, visit_id=VISIT, offer_id=offer, agent_id=ME, result=result)
        )

    def talk(self) -> Desk:
        self.offer().offer_ends("answered")
        return self.tell(f.TalkStarted(at=self.now, call_id=CALL, visit_id=VISIT, agent_id=ME))

    def talk_ends(self, visit: VisitId = VISIT) -> Desk:
        return self.tell(f.TalkEnded(at=self.now, call_id=CALL, visit_id=visit, agent_id=ME, side="caller")).settle()

    def hold(self, on: bool) -> Desk:
        kind = f.HoldStarted if on else f.HoldEnded
        return self.tell(kind(at=self.now, call_id=CALL, visit_id=VISIT, agent_id=ME))

    def system(self) -> str:
        return self.state.system

    @property
    def shown(self) -> tuple[str, str, str]:
        return (self.state.intent, self.state.reason, self.state.system)


def test_a_shift_begins_paused_and_becomes_free() -> None:
    desk = Desk()
    assert desk.shown == ("signed_out", "", "unreachable")
    desk.tell(*agents.sign_in(desk.state, AGENT, 0))
    assert desk.shown == ("paused", "signed_in", "unreachable")
    desk.after(1).tell(*agents.ready(desk.state, AGENT, desk.now))
    assert (desk.shown, desk.state.free) == (("ready", "", "unreachable"), False)
    desk.after(1).tell(*agents.phone(desk.state, desk.now, reachable=True))
    assert (desk.shown, desk.state.free, desk.state.idle_since) == (("ready", "", "available"), True, 2 * SECOND)


def test_a_call_from_offer_to_the_end_of_wrap_up() -> None:
    desk = Desk().sign_in().after(5).offer()
    assert (desk.system(), desk.state.deadline) == ("offered", 30 * SECOND)
    desk.offer_ends("answered")
    assert (desk.system(), desk.state.since) == ("talking", 5 * SECOND)
    desk.after(60).hold(True)
    assert desk.system() == "hold"
    desk.after(1).hold(False).after(9).talk_ends()
    assert (desk.system(), desk.state.deadline, desk.state.call_id) == ("wrap_up", 105 * SECOND, CALL)
    desk.after(29).settle()
    assert desk.system() == "wrap_up"
    desk.after(1).settle()
    assert (desk.system(), desk.state.idle_since, desk.state.call_id) == ("available", 105 * SECOND, None)
    assert [type(fact) for fact in desk.facts[-2:]] == [f.WrapUpStarted, f.WrapUpEnded]


def test_a_queue_without_wrap_up_frees_at_once_and_the_facts_still_say_so() -> None:
    desk = Desk().sign_in().talk().after(10)
    desk.tell(f.TalkEnded(at=desk.now, call_id=CALL, visit_id=VISIT, agent_id=ME, side="agent"))
    free: bool = desk.state.free
    assert not free, "between talk and wrap-up no offer may come"
    desk.settle(Queue(name=QueueName("general"), wrap_up_seconds=0))
    assert desk.state.free
    assert [type(fact) for fact in desk.facts[-2:]] == [f.WrapUpStarted, f.WrapUpEnded]


def test_misses_in_a_row_pause_and_ready_begins_anew() -> None:
    desk = Desk().sign_in()
    for n in range(3):
        offer = OfferId(f"o{n}")
        desk.after(10).offer(offer).after(20).offer_ends("no_answer", offer)
        assert desk.state.backoff_until == desk.now + 5 * SECOND
        assert desk.state.intent == "ready"
        if n < 2:
            desk.settle()
    desk.settle()
    assert desk.shown == ("paused", "missed_calls", "available")
    assert desk.facts[-1] == f.AgentPaused(at=desk.now, agent_id=ME, reason="missed_calls", by="system")
    desk.tell(*agents.ready(desk.state, AGENT, desk.now)).settle()
    assert (desk.shown, desk.state.missed_in_a_row) == (("ready", "", "available"), 0)


def test_an_answered_call_forgets_misses() -> None:
    desk = Desk().sign_in().offer(OfferId("a")).offer_ends("rejected", OfferId("a"))
    assert desk.state.missed_in_a_row == 1
    assert desk.talk().state.missed_in_a_row == 0


@pytest.mark.parametrize(("result", "keeps"), [("caller_gone", True), ("withdrawn", True), ("no_answer", False)])
def test_only_a_miss_costs_the_turn(result: f.OfferResult, keeps: bool) -> None:
    desk = Desk().sign_in().after(60).offer().after(3).offer_ends(result)
    assert (desk.state.idle_since == 0) is keeps
    assert (desk.state.missed_in_a_row == 0) is keeps


def test_an_offer_nobody_ended_is_withdrawn() -> None:
    desk = Desk().sign_in().offer().after(24.9).settle()
    assert desk.system() == "offered"
    desk.after(0.1).settle()
    assert (desk.system(), desk.state.missed_in_a_row) == ("available", 0)
    assert isinstance(desk.facts[-1], f.OfferEnded)
    assert desk.facts[-1].result == "withdrawn"
    desk.offer_ends("no_answer")
    assert desk.state.missed_in_a_row == 0, "what comes late changes nothing"


def test_the_end_of_the_call_ends_a_talk_whose_end_was_not_seen() -> None:
    desk = Desk().sign_in().talk().after(5)
    desk.tell(f.CallEnded(at=desk.now, call_id=CallId("another"), side="caller"))
    assert desk.system() == "talking"
    desk.tell(f.CallEnded(at=desk.now, call_id=CALL, side="unknown")).settle()
    assert desk.system() == "wrap_up"


def test_the_end_of_another_visit_changes_nothing() -> None:
    assert Desk().sign_in().talk().talk_ends(VisitId("earlier")).state.system == "talking"


def test_overlong_talks_are_named() -> None:
    desk = Desk().sign_in().talk()
    assert desk.state.deadline is None
    assert not agents.overlong(desk.state, desk.now + 120 * MINUTE - 1)
    assert agents.overlong(desk.state, desk.now + 120 * MINUTE)


def test_phone_news() -> None:
    desk = Desk().sign_in()
    assert agents.phone(desk.state, 0, reachable=True) == []
    desk.tell(*agents.phone(desk.state, 0, busy=True))
    assert desk.system() == "busy_elsewhere"
    desk.tell(*agents.phone(desk.state, 0, busy=False))
    assert desk.state.free
    desk.offer()
    assert agents.phone(desk.state, 0, busy=True) == [], "our own call"
    desk.tell(*agents.phone(desk.state, 0, reachable=False))
    assert desk.system() == "offered"
    assert desk.offer_ends("unreachable").state.system == "unreachable"


def test_without_certificate_or_suspended_no_calls() -> None:
    desk = Desk().sign_in()
    with pytest.raises(Forbidden, match="certificate"):
        agents.ready(desk.state, Agent(agent_id=ME, certified=False), 0)
    with pytest.raises(Forbidden, match="suspended"):
        agents.ready(desk.state, Agent(agent_id=ME, suspended=True), 0)
    with pytest.raises(Forbidden, match="suspended"):
        agents.sign_in(Desk().state, Agent(agent_id=ME, suspended=True), 0)


def test_the_late_shift_stays_until_done() -> None:
    desk = Desk().sign_in().talk()
    with pytest.raises(Conflict, match="finish the call"):
        agents.sign_out(desk.state, desk.now)
    assert agents.end_shift(desk.state, desk.now) == []
    desk.after(60).talk_ends()
    assert agents.end_shift(desk.state, desk.now) == []
    desk.after(30).settle()
    desk.tell(*agents.end_shift(desk.state, desk.now))
    assert desk.shown == ("signed_out", "", "available")


def test_signing_out_ends_the_wrap_up() -> None:
    desk = Desk().sign_in().talk().talk_ends()
    facts = agents.sign_out(desk.state, desk.now, "1900")
    assert facts == [
        f.WrapUpEnded(at=0, agent_id=ME, by="signed_out"),
        f.AgentSignedOut(at=0, agent_id=ME, by="1900"),
    ]
    assert desk.tell(*facts).shown == ("signed_out", "", "available")
    assert agents.sign_out(desk.state, desk.now) == []


def test_pausing_during_a_talk_holds_from_its_end() -> None:
    desk = Desk().sign_in().talk()
    desk.tell(*agents.pause(desk.state, desk.now, "meal")).after(60).talk_ends().after(30).settle()
    assert (desk.shown, desk.state.free) == (("paused", "meal", "available"), False)


def test_pauses_need_a_reason_that_exists() -> None:
    desk = Desk().sign_in()
    for reason in ("", "nap"):
        with pytest.raises(InvalidValue, match="meal"):
            agents.pause(desk.state, 0, reason, reasons={"meal", "training"})
    desk.tell(*agents.pause(desk.state, 0, "meal", by="1900"))
    assert agents.pause(desk.state, 0, "meal") == []
    assert [type(x) for x in agents.pause(desk.state, 0, "training")] == [f.AgentPaused]


def test_wrap_up_is_extended_within_bounds_and_ended_by_ready() -> None:
    desk = Desk().sign_in().talk().talk_ends()
    with pytest.raises(Conflict, match="30 minutes"):
        agents.extend_wrap_up(desk.state, desk.now, 30 * MINUTE)
    with pytest.raises(InvalidValue):
        agents.extend_wrap_up(desk.state, desk.now, 0)
    until = desk.now + 90 * SECOND
    assert agents.extend_wrap_up(desk.state, desk.now, MINUTE) == [
        f.WrapUpExtended(at=desk.now, agent_id=ME, until=until, by=ME)
    ]
    extended = agents.extend_wrap_up(desk.state, desk.now, MINUTE, "1900")
    assert extended == [f.WrapUpExtended(at=desk.now, agent_id=ME, until=until, by="1900")]
    desk.tell(*extended).after(60).settle()
    assert (desk.system(), desk.state.deadline) == ("wrap_up", 90 * SECOND)
    with pytest.raises(Conflict, match="once"):
        agents.extend_wrap_up(desk.state, desk.now, MINUTE)
    facts = agents.ready(desk.state, AGENT, desk.now)
    assert facts == [f.WrapUpEnded(at=desk.now, agent_id=ME, by="agent")]
    assert desk.tell(*facts).state.free
    with pytest.raises(Conflict):
        agents.end_wrap_up(desk.state, desk.now)


CODED = Queue(name=QueueName("billing"), wrap_up_seconds=30, disposition_required=True)


def _coded(desk: Desk, visit: VisitId = VISIT) -> f.DispositionSet:
    return f.DispositionSet(at=desk.now, call_id=CALL, agent_id=ME, visit_id=visit, code="bill")


def test_a_queue_that_wants_a_code_is_not_left_without_one_but_by_the_deadline() -> None:
    desk = Desk().sign_in().talk().talk_ends()
    wishes: list[Callable[[], list[f.Fact]]] = [
        lambda: agents.end_wrap_up(desk.state, desk.now, queue=CODED),
        lambda: agents.ready(desk.state, AGENT, desk.now, queue=CODED),
        lambda: agents.sign_out(desk.state, desk.now, queue=CODED),
    ]
    for wish in wishes:
        with pytest.raises(Conflict) as refused:
            wish()
        assert refused.value.details["reason"] == "disposition_required"
    (by_leader,) = agents.end_wrap_up(desk.state, desk.now, "1900", CODED)
    assert by_leader == f.WrapUpEnded(at=desk.now, agent_id=ME, by="leader", code_missing=True, leader="1900")
    desk.after(31).settle(CODED)
    assert desk.facts[-1] == f.WrapUpEnded(at=desk.now, agent_id=ME, by="deadline", code_missing=True)
    assert desk.state.free


def test_a_code_given_while_talking_counts_and_that_of_another_visit_does_not() -> None:
    desk = Desk().sign_in().talk()
    desk.tell(_coded(desk, VisitId("earlier"))).talk_ends()
    with pytest.raises(Conflict):
        agents.end_wrap_up(desk.state, desk.now, queue=CODED)
    desk.tell(_coded(desk))
    (ended,) = agents.end_wrap_up(desk.state, desk.now, queue=CODED)
    assert ended == f.WrapUpEnded(at=desk.now, agent_id=ME, by="agent")


def test_a_wrap_up_until_done_still_has_a_deadline() -> None:
    desk = Desk().sign_in().talk().after(10)
    desk.tell(f.TalkEnded(at=desk.now, call_id=CALL, visit_id=VISIT, agent_id=ME, side="agent"))
    desk.settle(Queue(name=QueueName("general"), wrap_up_until_done=True))
    assert desk.state.deadline == desk.now + desk.state.rules.wrap_up_most


def test_a_wrap_up_may_be_extended_once_each_time() -> None:
    desk = Desk().sign_in().talk().talk_ends()
    desk.tell(*agents.extend_wrap_up(desk.state, desk.now, MINUTE))
    desk.tell(*agents.end_wrap_up(desk.state, desk.now)).talk().talk_ends()
    assert agents.extend_wrap_up(desk.state, desk.now, MINUTE)


@pytest.mark.parametrize("wish", [agents.pause, agents.ready])
def test_signed_out_agents_wish_in_vain(wish: object) -> None:
    state = AgentState(agent_id=ME)
    with pytest.raises(Conflict, match="sign in"):
        agents.pause(state, 0, "meal") if wish is agents.pause else agents.ready(state, AGENT, 0)


def test_seats_follow_states() -> None:
    desk = Desk()
    assert seat_of(AGENT, desk.state) is None
    seat = seat_of(AGENT, desk.sign_in().state)
    assert seat
    assert (seat.available, seat.likely, seat.queues) == (True, True, {"general": 5})
    seat = seat_of(AGENT, desk.talk().state)
    assert seat
    assert (seat.available, seat.likely) == (False, True)


def test_levels_are_within_one_and_ten() -> None:
    with pytest.raises(InvalidValue, match="level 11 of zh"):
        Agent(agent_id=ME, skills={"zh": 11})
