"""What a shift leader does, in virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId, CallId
from cti_server.errors import Conflict, NotFound
from tests.services.call_world import World, agent, queue
from tests.services.doubles import Phone
from tests.services.test_calls import play


async def waiting_call(world: World, number: int = 0) -> CallId:
    """Until the caller of that number waits in a queue."""
    while len(world.of(f.VisitStarted)) <= number:
        await asyncio.sleep(0.1)
    return CallId(world.of(f.VisitStarted)[number].call_id)


def test_a_waiting_caller_is_given_to_an_agent_of_another_queue_out_of_turn(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        lines = [world.start(world.line({2.0: "1"})) for _ in range(2)]
        live = world.calls.get(await waiting_call(world, 1))
        assert live
        assert live.visit
        world.agent_ready("2001", Phone(answers=2, talks=20))
        await asyncio.sleep(5)
        assert not world.of(f.AgentOffered), "he does not serve that queue"
        world.acd.assign(live.visit.visit_id, AgentId("2001"), "1900")
        await asyncio.sleep(10)
        world.agent_ready("1001", Phone(answers=1, talks=5))
        await asyncio.gather(*lines)

    world = play(tmp_path, story, setup=[queue(), queue("other")], agents=[agent("1001"), agent("2001", "other")])
    (assigned,) = world.of(f.VisitAssigned)
    assert (assigned.agent_id, assigned.by) == ("2001", "1900")
    talk = world.of(f.TalkStarted)[0]
    assert (talk.call_id, talk.agent_id) == (assigned.call_id, "2001")
    assert [fact.outcome for fact in world.of(f.VisitEnded)] == ["answered", "answered"]


def test_nobody_gets_two_offers_by_hand(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        lines = [world.start(world.line({2.0: "1"}, hangs_up=30)) for _ in range(2)]
        lives = [world.calls.get(await waiting_call(world, number)) for number in range(2)]
        visits = [live.visit.visit_id for live in lives if live and live.visit]
        world.agent_ready("1001", Phone(answers=None))
        world.agent_ready("1002", Phone(answers=None))
        await asyncio.sleep(1)
        for visit in visits:
            for name in ("1001", "1002"):
                with pytest.raises(Conflict):
                    world.acd.assign(visit, AgentId(name), "1900")
        await asyncio.gather(*lines)
        with pytest.raises(NotFound):
            world.acd.assign(visits[0], AgentId("1001"), "1900")

    world = play(tmp_path, story)
    assert not world.of(f.VisitAssigned)


def test_who_does_not_answer_a_call_given_to_him_gives_it_back(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        task = world.start(world.line({2.0: "1"}))
        live = world.calls.get(await waiting_call(world))
        assert live
        assert live.visit
        world.agent_ready("2001", Phone(answers=None))
        world.acd.assign(live.visit.visit_id, AgentId("2001"), "1900")
        await asyncio.sleep(25)
        world.agent_ready("1001", Phone(answers=1, talks=5))
        await task

    world = play(tmp_path, story, setup=[queue(), queue("other")], agents=[agent("1001"), agent("2001", "other")])
    assert [(fact.agent_id, fact.result) for fact in world.of(f.OfferEnded)] == [
        ("2001", "no_answer"),
        ("1001", "answered"),
    ]
