"""The live board: what it pushes row by row is what it shows, and both are what a recount of all facts says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
from hypothesis import given

from cti_server.domain import facts as f
from cti_server.domain.agents import AgentState
from cti_server.domain.agents import apply as apply_agent
from cti_server.domain.board import Board, CallView, Key, day_of
from cti_server.domain.ids import SECOND, AgentId, CallId, CustomerId, Micros, OfferId, QueueName, VisitId
from cti_server.domain.queues import Queue
from cti_server.domain.tallies import AgentTally, QueueView
from cti_server.domain.visit_records import TalkRecord, VisitRecord, apply_visit

ZONE = ZoneInfo("Asia/Shanghai")
DAY: Micros = 86_400 * SECOND
MORNING: Micros = 1_767_225_600 * SECOND  # 2026-01-01 08:00 in Shanghai
QUEUES = {QueueName(name): Queue(name=QueueName(name), threshold_seconds=20, short_seconds=5) for name in ("a", "b")}
AGENTS = [AgentId("1001"), AgentId("1002")]
MEMBERS = {AGENTS[0]: [QueueName("a")], AGENTS[1]: [QueueName("a"), QueueName("b")]}


def board() -> Board:
    return Board(QUEUES, MEMBERS, ZONE)


class Story:
    """Draws facts that may happen next; ids tell which call, visit and offer they are of."""

    def __init__(self, draw: Any) -> None:
        self.draw, self.now, self.facts = draw, MORNING, list[f.Fact]()
        self.made = 0

    def add(self, kind: type[f.Fact], **fields: Any) -> None:
        self.facts.append(kind(at=self.now, **fields))

    def wait(self) -> None:
        self.now += self.draw(st.sampled_from([0, 1, 4, 5, 20, 21, 600, 50_000])) * SECOND

    def call(self) -> None:
        self.made += 1
        call = CallId(f"c{self.made}")
        self.add(f.CallArrived, call_id=call, node="n", channel="x", uniqueid=call, caller="1", did="2")
        if self.draw(st.booleans()):
            self.add(f.CallerIdentified, call_id=call, customer_id=CustomerId("k"), tier="vip")
        for _ in range(self.draw(st.integers(0, 2))):
            self.visit(call)
        if self.draw(st.integers(0, 3)):
            self.add(f.CallEnded, call_id=call, side="caller")

    def visit(self, call: CallId) -> None:
        self.made += 1
        visit, queue = VisitId(f"v{self.made}"), self.draw(st.sampled_from(sorted(QUEUES)))
        self.add(f.VisitStarted, call_id=call, visit_id=visit, queue=queue, priority=0, entered_at=self.now - 7)
        self.wait()
        for _ in range(self.draw(st.integers(0, 2))):
            if self.offer(call, visit):
                return
        outcome = self.draw(st.sampled_from(["abandoned", "timed_out", "overflowed", "callback", "key_exit", None]))
        if outcome:
            self.add(f.VisitEnded, call_id=call, visit_id=visit, outcome=outcome)

    def offer(self, call: CallId, visit: VisitId) -> bool:
        self.made += 1
        agent = self.draw(st.sampled_from(AGENTS))
        of: dict[str, Any] = {"call_id": call, "visit_id": visit, "agent_id": agent}
        offer = OfferId(f"o{self.made}")
        self.add(f.AgentOffered, offer_id=offer, **of)
        self.wait()
        result = self.draw(st.sampled_from(["answered", "answered", "no_answer", None]))
        if result:
            self.add(f.OfferEnded, offer_id=offer, result=result, **of)
        if result == "answered":
            self.talk(call, visit, of)
        return bool(result == "answered")

    def talk(self, call: CallId, visit: VisitId, of: dict[str, Any]) -> None:
        self.add(f.TalkStarted, **of)
        early = self.draw(st.booleans())
        if early:
            self.add(f.VisitEnded, call_id=call, visit_id=visit, outcome="answered")
        self.wait()
        if self.draw(st.booleans()):
            self.add(f.HoldStarted, **of)
            self.add(f.HoldEnded, **of)
        if self.draw(st.booleans()):
            self.add(f.TalkEnded, side="agent", **of)
            if not early:
                self.add(f.VisitEnded, call_id=call, visit_id=visit, outcome="answered")

    def agent(self) -> None:
        kinds = [f.AgentSignedIn, f.AgentReady, f.AgentReachable, f.AgentUnreachable, f.AgentSignedOut]
        self.add(self.draw(st.sampled_from(kinds)), agent_id=self.draw(st.sampled_from(AGENTS)))


@st.composite
def timelines(draw: Any) -> list[f.Recorded]:
    story = Story(draw)
    for part in draw(st.lists(st.sampled_from([story.call, story.call, story.agent, story.wait]), max_size=15)):
        part()
    return [f.Recorded(n, "s", fact) for n, fact in enumerate(story.facts, 1)]


@given(timelines())
def test_rows_pushed_are_the_rows_shown(timeline: list[f.Recorded]) -> None:
    live = board()
    mirror = live.snapshot()
    for recorded in timeline:
        for key in live.apply(recorded):
            row = live.view(key)
            if row is None:
                mirror.pop(key, None)
            else:
                mirror[key] = row
        assert mirror == live.snapshot()


@given(timelines(), st.data())
def test_replay_equals_live(timeline: list[f.Recorded], data: st.DataObject) -> None:
    live, replayed = board(), board()
    for recorded in timeline:
        live.apply(recorded)
        live.view(("queue", "a"))
        live.roll(recorded.fact.at)
    stored = [f.Recorded(r.id, r.server, f.from_dict(type(r.fact).__name__, f.to_dict(r.fact))) for r in timeline]
    for recorded in stored:
        replayed.apply(recorded)
    assert replayed.snapshot() == live.snapshot()


@given(timelines())
def test_numbers_equal_a_recount_of_all_facts(timeline: list[f.Recorded]) -> None:
    live = board()
    for recorded in timeline:
        live.apply(recorded)
    facts = [recorded.fact for recorded in timeline]
    if not facts:
        return
    start, end = day_of(facts[-1].at, ZONE)
    visits = _visits(facts)
    for name, queue in QUEUES.items():
        shown = live.queue(name)
        assert shown
        _check_queue(shown, [v for v in visits if v.queue == name], queue, start, end)
        states = [_agent(agent, facts) for agent in AGENTS if name in MEMBERS[agent]]
        assert shown.signed_in == sum(state.intent != "signed_out" for state in states)
        assert shown.free == sum(state.free for state in states)
    for agent in AGENTS:
        _check_agent(live.agent_day(agent), [t for v in visits for t in v.talks if t.agent_id == agent], start)
    open_calls = {c.call_id for c in facts if isinstance(c, f.CallArrived)}
    open_calls -= {c.call_id for c in facts if isinstance(c, f.CallEnded)}
    assert {name for kind, name in live.snapshot() if kind == "call"} == open_calls


def _visits(facts: list[f.Fact]) -> list[VisitRecord]:
    visits: dict[VisitId, VisitRecord] = {}
    of: dict[VisitId, CallId] = {}
    for fact in facts:
        if isinstance(fact, f.VisitFact):
            visits[fact.visit_id] = apply_visit(visits.get(fact.visit_id), fact)
            of[fact.visit_id] = fact.call_id
        if isinstance(fact, f.CallEnded):
            ended = [visit for visit, call in of.items() if call == fact.call_id]
            visits |= {visit: visits[visit].close(fact.at, fact.side) for visit in ended}
    return list(visits.values())


def _agent(agent: AgentId, facts: list[f.Fact]) -> AgentState:
    state = AgentState(agent_id=agent)
    for fact in facts:
        if f.agent_id_of(fact) == agent or isinstance(fact, f.CallEnded):
            state = apply_agent(state, fact)
    return state


def _check_agent(shown: AgentTally, talks: list[TalkRecord], start: Micros) -> None:
    """Of today are the talks that began today, also for what of them ends after midnight."""
    today = [talk for talk in talks if talk.started >= start]
    ended = [talk for talk in today if talk.ended is not None]
    assert shown.answered == len(today)
    assert shown.handled == len(ended)
    assert shown.handling == sum(talk.talk + talk.hold for talk in ended)


@given(timelines())
def test_an_agents_figures_are_pushed_whenever_they_change(timeline: list[f.Recorded]) -> None:
    live = board()
    for recorded in timeline:
        before = {agent: replace(live.agent_day(agent)) for agent in AGENTS}
        pushed = {name for kind, name in live.apply(recorded) if kind == "agent"}
        assert {agent for agent in AGENTS if live.agent_day(agent) != before[agent]} <= pushed


def _check_queue(shown: QueueView, visits: list[VisitRecord], queue: Queue, start: Micros, end: Micros) -> None:
    waiting = [v.entered_at for v in visits if v.outcome is None and not v.talks]
    assert shown.waiting == len(waiting)
    assert shown.longest_since == min((at for at in waiting if at is not None), default=None)
    assert shown.talking == sum(v.talking for v in visits)
    talks = [t.ended - t.started for v in visits for t in v.talks if t.ended is not None and start <= t.ended < end]
    assert shown.average_talk == (sum(talks) // len(talks) if talks else None)
    today = [v for v in visits if v.started is not None and start <= v.started < end]
    answered = [v for v in today if v.talks]
    lost = [v for v in today if v.outcome == "abandoned"]
    counts = shown.today
    assert counts.offered == len(today)
    assert counts.answered == len(answered)
    assert counts.abandoned == len(lost)
    assert counts.answered_within == sum((v.wait or 0) <= 20 * SECOND for v in answered)
    assert counts.abandoned_within == sum((v.wait or 0) <= 20 * SECOND for v in lost)
    assert counts.abandoned_short == sum((v.wait or 0) < 5 * SECOND for v in lost)
    assert counts.wait_of_answered == sum(v.wait or 0 for v in answered)
    assert counts.overflowed == sum(v.outcome == "overflowed" for v in today)
    assert counts.unknown == sum(v.outcome == "unknown" for v in today)


def test_a_call_walks_the_board_and_leaves_it() -> None:
    live = board()
    call, visit, agent = CallId("c"), VisitId("v"), AGENTS[0]
    stages: list[str | None] = []
    of: dict[str, Any] = {"at": MORNING, "call_id": call, "visit_id": visit, "agent_id": agent}
    story: list[f.Fact] = [
        f.CallArrived(at=MORNING, call_id=call, node="n", channel="x", uniqueid="u", caller="1", did="2"),
        f.VisitStarted(at=MORNING, call_id=call, visit_id=visit, queue=QueueName("a"), priority=0, entered_at=MORNING),
        f.AgentOffered(offer_id=OfferId("o"), **of),
        f.OfferEnded(offer_id=OfferId("o"), result="answered", **of),
        f.TalkStarted(**of),
        f.HoldStarted(**of),
        f.HoldEnded(**of),
        f.TalkEnded(side="agent", **of),
        f.VisitEnded(at=MORNING, call_id=call, visit_id=visit, outcome="answered"),
        f.SurveyOffered(at=MORNING, call_id=call, node="s"),
        f.CallEnded(at=MORNING, call_id=call, side="caller"),
    ]
    for n, fact in enumerate(story, 1):
        changed: set[Key] = live.apply(f.Recorded(n, "s", fact))
        row = live.view(("call", "c"))
        stage = row.stage if isinstance(row, CallView) else None
        if not stages or stages[-1] != stage:
            assert ("call", "c") in changed
            stages.append(stage)
    expected = ["menu", "waiting", "ringing", "talking", "held", "talking", "menu", "survey", None]
    assert stages == expected


def test_a_new_day_begins_at_midnight_of_the_site() -> None:
    live = board()
    visit = f.VisitStarted(
        at=MORNING, call_id=CallId("c"), visit_id=VisitId("v"), queue=QueueName("a"), priority=0, entered_at=MORNING
    )
    live.apply(f.Recorded(1, "s", visit))
    midnight = live.day_ends()
    assert midnight == MORNING + 16 * 3600 * SECOND
    assert live.roll(midnight - 1) == set()
    assert live.roll(midnight) == {("queue", "a"), ("queue", "b")}
    shown = live.queue(QueueName("a"))
    assert shown
    assert (shown.waiting, shown.today.offered) == (1, 0)
    left = f.VisitEnded(at=midnight + 1, call_id=CallId("c"), visit_id=VisitId("v"), outcome="abandoned")
    live.apply(f.Recorded(2, "s", left))
    shown = live.queue(QueueName("a"))
    assert shown
    assert (shown.waiting, shown.today.abandoned) == (0, 0), "he belongs to yesterday"


def test_days_have_23_or_25_hours_where_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    hours = [
        (e - s) // (3600 * SECOND) for s, e in (day_of(at * SECOND, berlin) for at in (1_774_778_400, 1_792_922_400))
    ]
    assert hours == [23, 25]


def test_an_agent_moved_to_another_queue_counts_there_and_an_alarm_stands_on_its_queue() -> None:
    live = board()
    of: dict[str, Any] = {"at": MORNING, "agent_id": AGENTS[0]}
    story: list[f.Fact] = [
        f.AgentReachable(**of),
        f.AgentSignedIn(**of),
        f.AgentReady(**of),
        f.AgentAssigned(queues=(("b", 3),), by="1900", **of),
        f.AlarmRaised(at=MORNING, queue=QueueName("b"), alarm="waiting", value=6, threshold=5),
    ]
    changed = [live.apply(f.Recorded(n, "s", fact)) for n, fact in enumerate(story, 1)]
    assert changed[-2:] == [{("agent", AGENTS[0]), ("queue", "a"), ("queue", "b")}, {("queue", "b")}]
    shown = {name: live.queue(name) for name in QUEUES}
    assert [(row.signed_in, row.ready, row.free, row.alarms) for row in shown.values() if row] == [
        (0, 0, 0, ()),
        (1, 1, 1, ("waiting",)),
    ]
    live.apply(f.Recorded(9, "s", f.AlarmCleared(at=MORNING, queue=QueueName("b"), alarm="waiting")))
    live.apply(f.Recorded(10, "s", f.AgentPaused(reason="meal", **of)))
    after = live.queue(QueueName("b"))
    assert after
    assert (after.signed_in, after.ready, after.free, after.alarms) == (1, 0, 0, ())
