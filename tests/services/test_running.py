"""The set-up changed under calls in progress, in virtual time: callers and agents at every moment, and what must always hold."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from cti_server.domain import facts as f
from cti_server.domain.ids import SECOND, AgentId, CallId, QueueName, VisitId
from cti_server.domain.queues import Queue, Relaxation
from cti_server.domain.routing import Router, Seat, Waiting
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
