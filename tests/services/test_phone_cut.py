"""A talk cut by the agent's page: the caller is kept for the same agent, then waits on in his old place. Virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cti_server.domain import facts as f
from cti_server.domain.ids import SECOND, AgentId
from cti_server.domain.visit_records import NO_QUEUE
from cti_server.ports import PhoneReachability
from tests.services.call_world import World
from tests.services.doubles import Phone
from tests.services.test_calls import play
from tests.services.test_placing import TRUNK, own_line


async def cut(world: World, at: float) -> None:
    """What the page's word does: the talk's end is then no hang-up."""
    await asyncio.sleep(at)
    (live,) = world.calls
    live.cut = True


def softphone(world: World, reachable: bool) -> None:
    now = world.clock.now()
    world.switch.tell(PhoneReachability(at=now, node="asterisk", endpoint="1001w", reachable=reachable))


def test_the_same_agent_is_rung_again_when_his_page_is_back(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=1, talks=30))
        call = world.start(world.line({3.0: "1"}, hangs_up=60))
        await cut(world, 20)
        await asyncio.sleep(17)
        softphone(world, True)
        await call

    world = play(tmp_path, story)
    assert [fact.agent_id for fact in world.of(f.TalkStarted)] == ["1001", "1001"]
    first, second = world.of(f.VisitStarted)
    assert (second.queue, second.entered_at, second.priority) == (first.queue, first.entered_at, first.priority)
    assert len(world.of(f.CallEnded)) == 1


def test_without_his_page_a_free_colleague_takes_the_caller_after_the_time_he_was_his_agents_alone(
    tmp_path: Path,
) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=1, talks=30))
        call = world.start(world.line({3.0: "1"}, hangs_up=120))
        await cut(world, 20)
        world.agent_ready("1002", Phone(answers=1, talks=10))
        await call

    world = play(tmp_path, story)
    first, second = world.of(f.TalkStarted)
    assert [first.agent_id, second.agent_id] == ["1001", "1002"]
    waited = second.at - world.of(f.TalkEnded)[0].at
    assert 8 * SECOND <= waited <= 10 * SECOND
    assert len(world.of(f.VisitStarted)) == 2


def test_his_agent_back_before_anybody_is_free_takes_him_out_of_the_queue(tmp_path: Path) -> None:
    """Also when others wait before him: he is rung for his own caller, whom nobody else would have taken now."""

    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=1, talks=30))
        call = world.start(world.line({3.0: "1"}, hangs_up=120))
        await cut(world, 20)
        other = world.start(world.line({1.0: "1"}, hangs_up=60))
        await asyncio.sleep(14 + 12)
        softphone(world, True)
        await call
        await other

    world = play(tmp_path, story)
    first, second = world.of(f.TalkStarted)[:2]
    assert [first.agent_id, second.agent_id, second.call_id] == ["1001", "1001", first.call_id]
    back = world.of(f.TalkEnded)[0].at + 12 * SECOND
    assert 0 <= second.at - back <= 3 * SECOND


def test_a_caller_of_a_lost_page_is_served_before_an_equal_one_who_came_later(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=1, talks=30))
        kept = world.start(world.line({3.0: "1"}, hangs_up=120))
        await asyncio.sleep(10)
        later = world.start(world.line({1.0: "1"}, hangs_up=120))
        await asyncio.sleep(5)
        world.floor.pause(AgentId("1001"), "meal")
        next(live for live in world.calls if live.talking_with).cut = True
        await asyncio.sleep(30)
        world.agent_ready("1002", Phone(answers=1, talks=5))
        await kept
        await later

    world = play(tmp_path, story)
    first = world.of(f.CallArrived)[0].call_id
    assert [fact.call_id == first for fact in world.of(f.TalkStarted)] == [True, True, False]


def test_an_ordinary_end_of_a_talk_keeps_nobody(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=1, talks=30))
        softphone(world, True)
        await world.start(world.line({3.0: "1"}))

    world = play(tmp_path, story)
    assert len(world.of(f.TalkStarted)) == len(world.of(f.VisitStarted)) == 1


def test_whom_an_agent_called_is_kept_for_him_and_then_served_by_another(tmp_path: Path) -> None:
    """The agent's line, on which the called one hangs, ends; the call does not."""

    async def story(world: World) -> None:
        world.agent_ready("1001")
        world.switch.phones[TRUNK] = Phone(answers=1, talks=10)
        line = own_line(world, "13900000009")
        agents_part = world.start(line)
        await asyncio.sleep(5)
        (live,) = world.calls
        assert live.on_agents_line
        live.cut = live.leaving = True
        party = world.line(script="transfer", arguments=("1001",), variables={"CTI_CALL_ID": live.call_id}, hangs_up=90)
        kept = world.start(party)
        await agents_part
        assert line.left is True
        world.agent_ready("1002", Phone(talks=10))
        world.floor.pause(AgentId("1001"), "meal")
        await kept

    world = play(tmp_path, story)
    assert [(fact.agent_id, fact.call_id) for fact in world.of(f.TalkStarted)] == [
        (agent_id, world.of(f.CallPlaced)[0].call_id) for agent_id in ("1001", "1002")
    ]
    kept, waited = world.of(f.VisitStarted)
    assert (kept.queue, waited.queue, waited.entered_at) == (NO_QUEUE, "general", kept.entered_at)
    assert [fact.outcome for fact in world.of(f.VisitEnded)] == ["answered", "overflowed", "answered"]
    assert world.of(f.TalkStarted)[1].at - world.of(f.TalkEnded)[0].at >= 8 * SECOND
    assert len(world.of(f.CallEnded)) == 1
    assert world.kinds().index("CallEnded") > world.kinds().index("CallResumed")
