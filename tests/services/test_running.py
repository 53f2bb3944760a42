"""The set-up changed under calls in progress, in virtual time: callers and agents at every moment, and what must always hold."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from cti_server.domain import facts as f
from cti_server.domain.agents import Agent
from cti_server.domain.ids import SECOND, AgentId, CallId, QueueName, VisitId
from cti_server.domain.queues import Queue, Relaxation
from cti_server.domain.routing import Router, Seat, Waiting
from cti_server.domain.setup import Setup
from cti_server.domain.users import User
from cti_server.services.running import Running
from tests.services.call_world import FLOW, World, agent, queue
from tests.services.doubles import Phone
from tests.services.test_calls import play

NIGHT = FLOW.replace("queue: general\n    answered", "queue: night\n    answered")
GENERAL, VIP = queue(announce_first_seconds=600), queue("night", announce_first_seconds=600)


def test_callers_of_a_removed_queue_overflow_to_the_fallback_queue(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=1, talks=5))
        task = world.start(world.line({1.0: "1"}))
        await asyncio.sleep(10)
        world.acd.remove_queue(QueueName("night"))
        await task

    world = play(tmp_path, story, setup=[GENERAL, VIP], agents=[agent("1001")], flow=NIGHT)
    first, second = world.of(f.VisitStarted)
    assert (first.queue, second.queue, second.entered_at) == ("night", "general", first.entered_at)
    assert [fact.outcome for fact in world.of(f.VisitEnded)] == ["overflowed", "answered"]


def test_a_phone_that_rings_for_a_removed_queue_rings_on(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=8, talks=5))
        task = world.start(world.line({1.0: "1"}))
        await asyncio.sleep(4)
        world.acd.remove_queue(QueueName("night"))
        await task

    world = play(tmp_path, story, setup=[GENERAL, VIP], agents=[agent("1001", "night")], flow=NIGHT)
    assert [fact.outcome for fact in world.of(f.VisitEnded)] == ["answered"]


def test_an_agent_removed_while_talking_leaves_after_the_talk(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=1, talks=20))
        task = world.start(world.line({1.0: "1"}))
        await asyncio.sleep(10)
        world.floor.remove_agent(AgentId("1001"))
        assert world.floor.knows("1001")
        await task
        await asyncio.sleep(60)
        assert not world.floor.knows("1001")

    world = play(tmp_path, story, setup=[GENERAL])
    (talk,), (ended,), (out,) = world.of(f.TalkStarted), world.of(f.TalkEnded), world.of(f.AgentSignedOut)
    assert ended.at - talk.at == 20 * SECOND
    assert out.at >= ended.at


def test_a_new_agent_takes_the_caller_who_waits(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        task = world.start(world.line({1.0: "1"}))
        await asyncio.sleep(5)
        world.floor.replace_agent(agent("1009"), "admin")
        world.agent_ready("1009", Phone(answers=1, talks=5))
        await task

    world = play(tmp_path, story, setup=[GENERAL])
    assert [fact.agent_id for fact in world.of(f.TalkStarted)] == ["1009"]


def test_other_settings_hold_for_who_waits_already(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        task = world.start(world.line({1.0: "1"}))
        await asyncio.sleep(5)
        world.acd.replace_queue(replace(GENERAL, max_wait_seconds=30))
        await task

    world = play(tmp_path, story, setup=[GENERAL])
    (started,), (ended,) = world.of(f.VisitStarted), world.of(f.VisitEnded)
    assert (ended.outcome, ended.at - started.at) == ("timed_out", 30 * SECOND)


SKILLED = FLOW.replace("queue: general\n    answered", "queue: general\n    skills: {power: 5}\n    answered")


def levels(**queues: int) -> dict[QueueName, int]:
    return {QueueName(name): level for name, level in queues.items()}


def set_up(*agents: Agent, users: Sequence[User] = ()) -> Setup:
    return Setup(
        queues={one.name: one for one in (GENERAL, VIP)},
        agents={one.agent_id: one for one in agents},
        users={one.login: one for one in users},
    )


class NobodyLooks:
    """Board, pause menu and safety net: nothing here looks at them."""

    def replace_queue(self, queue: Queue) -> None: ...
    def remove_queue(self, name: QueueName) -> None: ...
    def replace_pause_codes(self, codes: Sequence[Mapping[str, Any]]) -> None: ...
    def compare(self) -> None: ...


def running(world: World) -> Running:
    nobody = NobodyLooks()
    return Running(world.acd, world.floor, nobody, nobody, nobody, world.outside, world.flows)


@pytest.mark.parametrize(
    ("flow", "before", "after"),
    [
        (SKILLED, {"skills": {"power": 4}}, {"skills": {"power": 6}}),
        (SKILLED, {"skills": {}}, {"skills": {"power": 5}}),
        (FLOW, {"queues": {"night": 5}}, {"queues": {"night": 5, "general": 1}}),
        (FLOW, {"certified": False}, {"certified": True}),
    ],
)
def test_what_a_signed_in_agent_is_given_counts_at_once_for_who_waits(
    tmp_path: Path, flow: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    was, is_now = replace(agent("1001"), **before), replace(agent("1001"), **after)
    changed_at = 0

    async def story(world: World) -> None:
        nonlocal changed_at
        world.agent_seen("1001", Phone(answers=1, talks=5))
        if was.certified:
            world.floor.ready(AgentId("1001"))
        task = world.start(world.line({1.0: "1"}))
        await asyncio.sleep(8)
        assert not world.of(f.AgentOffered)
        await running(world).apply(set_up(was), set_up(is_now), "admin")
        if not was.certified:
            world.floor.ready(AgentId("1001"))
        changed_at = world.clock.now()
        await task

    world = play(tmp_path, story, setup=[GENERAL, VIP], agents=[was], flow=flow)
    assert [fact.at - changed_at for fact in world.of(f.AgentOffered)] == [0]
    assert [fact.outcome for fact in world.of(f.VisitEnded)] == ["answered"]


def test_levels_decide_who_is_next_as_soon_as_they_are_saved(tmp_path: Path) -> None:
    one, other = replace(agent("1001"), queues=levels(general=9)), replace(agent("1002"), queues=levels(general=3))
    risen = replace(other, queues=levels(general=10))

    async def story(world: World) -> None:
        for agent_id in ("1001", "1002"):
            world.agent_ready(agent_id, Phone(answers=1, talks=2))
        await world.start(world.line({1.0: "1"}))
        await asyncio.sleep(120)  # both are free again
        await running(world).apply(set_up(one, other), set_up(one, risen), "admin")
        await world.start(world.line({1.0: "1"}, number="13911113333"))

    world = play(tmp_path, story, setup=[GENERAL, VIP], agents=[one, other])
    assert [fact.agent_id for fact in world.of(f.TalkStarted)] == ["1001", "1002"]


def test_a_queue_taken_away_in_a_talk_leaves_the_talk(tmp_path: Path) -> None:
    moved = agent("1001", "night")

    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=1, talks=20))
        first = world.start(world.line({1.0: "1"}))
        await asyncio.sleep(8)
        await running(world).apply(set_up(agent("1001")), set_up(moved), "admin")
        await first
        await world.start(world.line({1.0: "1"}, hangs_up=90, number="13911113333"))

    world = play(tmp_path, story, setup=[GENERAL, VIP], agents=[agent("1001")])
    (talk,), (ended,) = world.of(f.TalkStarted), world.of(f.TalkEnded)
    assert ended.at - talk.at == 20 * SECOND
    assert [fact.outcome for fact in world.of(f.VisitEnded)] == ["answered", "abandoned"]


USER = User(login="lin", name="Lin", role="agent", password_hash="", agent_id=AgentId("1001"))


@pytest.mark.parametrize("change", [{"active": False}, {"role": "inspector", "agent_id": None}, {"agent_id": "1002"}])
def test_an_agent_nobody_can_sign_in_as_any_more_leaves_after_his_talk(tmp_path: Path, change: dict[str, Any]) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=1, talks=20))
        task = world.start(world.line({1.0: "1"}))
        await asyncio.sleep(8)
        people = [agent("1001"), agent("1002")]
        before, after = (set_up(*people, users=[one]) for one in (USER, replace(USER, **change)))
        await running(world).apply(before, after, "admin")
        assert world.floor.state(AgentId("1001")).system == "talking"
        await task
        await asyncio.sleep(60)

    world = play(tmp_path, story, setup=[GENERAL, VIP])
    (talk,), (ended,), (out,) = world.of(f.TalkStarted), world.of(f.TalkEnded), world.of(f.AgentSignedOut)
    assert ended.at - talk.at == 20 * SECOND
    assert out.at >= ended.at
    assert not world.of(f.AgentReady)[1:]


def test_an_agent_whom_another_user_can_sign_in_as_stays(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001")
        second = replace(USER, login="lin.yue")
        before = set_up(agent("1001"), users=[USER, second])
        await running(world).apply(before, set_up(agent("1001"), users=[replace(USER, active=False), second]), "admin")
        assert world.floor.state(AgentId("1001")).intent == "ready"

    play(tmp_path, story, setup=[GENERAL, VIP])


def test_whom_a_leader_has_lent_stays_lent_until_his_own_queues_change(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001")
        own = agent("1001")
        world.floor.assign_queues(agent("1001", "night"), "1900", then=own.queues)
        named = replace(own, name="Lin Xiao")
        await running(world).apply(set_up(own), set_up(named), "admin")
        assert world.floor.agent(AgentId("1001")) == replace(named, queues=levels(night=5))
        given = replace(named, queues=levels(general=7))
        await running(world).apply(set_up(named), set_up(given), "admin")
        assert world.floor.agent(AgentId("1001")) == given

    play(tmp_path, story, setup=[GENERAL, VIP])


CHANGES = st.lists(
    st.tuples(
        st.floats(0.5, 60, allow_nan=False),
        st.sampled_from(["remove_queue", "add_queue", "change_queue", "remove_agent", "suspend", "move", "restore"]),
        st.sampled_from(["1001", "1002"]),
    ),
    max_size=8,
)


@given(CHANGES, st.lists(st.floats(0, 40, allow_nan=False), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_whatever_changes_every_visit_ends_once_and_nobody_talks_to_two(
    changes: list[tuple[float, str, str]], arrivals: list[float]
) -> None:
    async def story(world: World) -> None:
        loop = asyncio.get_running_loop()
        for agent_id in ("1001", "1002"):
            world.agent_ready(agent_id, Phone(answers=2, talks=12))
        for at, what, who in changes:
            loop.call_later(at, change, world, what, who)
        tasks = []
        for at in sorted(arrivals):
            await asyncio.sleep(max(0.0, at - loop.time()))
            tasks.append(world.start(world.line({1.5: "1"}, hangs_up=150)))
        await asyncio.gather(*tasks)

    setup = [GENERAL, replace(VIP, max_wait_seconds=90)]
    with tempfile.TemporaryDirectory() as folder:
        agents = [agent("1001", "night", "general"), agent("1002", "night")]
        world = play(Path(folder), story, setup=setup, agents=agents, flow=NIGHT)
    assert sorted(fact.visit_id for fact in world.of(f.VisitStarted)) == sorted(
        fact.visit_id for fact in world.of(f.VisitEnded)
    )
    assert len(world.of(f.CallEnded)) == len(arrivals)
    assert len(world.of(f.AgentOffered)) == len(world.of(f.OfferEnded))
    talking: set[str] = set()
    for fact in world.facts:
        if isinstance(fact, f.TalkStarted):
            assert fact.agent_id not in talking
            talking.add(fact.agent_id)
        elif isinstance(fact, f.TalkEnded):
            talking.remove(fact.agent_id)
    assert not talking


def change(world: World, what: str, who: str) -> None:
    known = world.floor.knows(who)
    match what:
        case "remove_queue" if "night" in world.acd.queues:
            world.acd.remove_queue(QueueName("night"))
        case "add_queue":
            world.acd.replace_queue(VIP)
        case "change_queue" if "night" in world.acd.queues:
            world.acd.replace_queue(
                replace(VIP, max_wait_seconds=45, overflow_after_seconds=20, overflow_to=GENERAL.name)
            )
        case "remove_agent" if known:
            world.floor.remove_agent(AgentId(who))
        case "suspend" if known:
            world.floor.replace_agent(replace(agent(who, "night"), suspended=True), "admin")
        case "move":
            world.floor.replace_agent(agent(who, "general"), "admin")
        case "restore":
            world.floor.replace_agent(agent(who, "night", "general"), "admin")
            world.floor.sign_in(AgentId(who))
            world.floor.ready(AgentId(who))


# ---- the router alone ------------------------------------------------------------------------------------------

NUMBERS = st.sampled_from([0, 5, 10, 20])
QUEUES = st.builds(
    Queue,
    name=st.just(QueueName("a")),
    preferred_seconds=NUMBERS,
    relaxations=st.lists(
        st.builds(Relaxation, after_seconds=st.sampled_from([3, 8]), lower_by=st.integers(1, 4)), max_size=2
    ).map(tuple),
    max_wait_seconds=NUMBERS,
    callback_after_seconds=NUMBERS,
)


@given(QUEUES, QUEUES, st.lists(st.tuples(st.integers(0, 9), st.integers(0, 8)), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_a_router_told_of_new_settings_decides_as_one_that_knew_them_from_the_start(
    before: Queue, after: Queue, callers: list[tuple[int, int]]
) -> None:
    """For callers nothing has happened to yet."""
    changed, fresh = Router({before.name: before}), Router({after.name: after})
    for router in (changed, fresh):
        router.seat(Seat(agent_id=AgentId("1"), queues={before.name: 5}, skills={"x": 3}))
        for number, (at, level) in enumerate(callers):
            router.join(caller(number, at, level), 10 * SECOND)
    changed.replace_queue(after, 10 * SECOND)
    for second in range(10, 45):
        now = second * SECOND
        assert changed.decide(now) == fresh.decide(now)
        assert changed.deadline() == fresh.deadline()
    for router in (changed, fresh):
        router.seat(Seat(agent_id=AgentId("1"), queues={before.name: 5}, skills={"x": 3}, available=True))
    assert changed.decide(46 * SECOND) == fresh.decide(46 * SECOND)


def caller(number: int, at: int, level: int) -> Waiting:
    skills: Any = (("x", level),) if level else ()
    name = f"v{number}"
    return Waiting(
        visit_id=VisitId(name), call_id=CallId(name), queue=QueueName("a"), priority=0,
        entered_at=at * SECOND, joined_at=at * SECOND, skills=skills,
    )  # fmt: skip
