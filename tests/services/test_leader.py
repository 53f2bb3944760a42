"""What a shift leader does, in virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cti_server.domain import facts as f
from cti_server.domain.alarms import Thresholds
from cti_server.domain.ids import AgentId, CallId, ChannelRef
from cti_server.errors import Conflict, NotFound
from cti_server.ports import ChannelEnded, LinkUp, SpyStarted
from cti_server.services.alarms import Alarms
from cti_server.services.board import BoardService
from cti_server.services.listening import Listening
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


class Kept:
    """A store of settings in memory."""

    def __init__(self, **values: Any) -> None:
        self.values = values

    async def setting(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    async def save_setting(self, name: str, value: Any) -> None:
        self.values[name] = value


def board_of(world: World) -> BoardService:
    board = BoardService(
        world.floor, world.calls, world.switch, world.acd.queues, world.bus, world.clock, "Asia/Shanghai"
    )
    board.start()
    return board


def test_an_alarm_is_raised_shown_and_cleared_and_does_not_flicker(tmp_path: Path) -> None:
    shown: list[tuple[str, ...]] = []

    async def story(world: World) -> None:
        board, kept = board_of(world), Kept()
        alarms = Alarms(board.queues, kept, lambda _, __: True, world.bus, world.clock)
        await alarms.set("general", Thresholds(waiting=1, agents_ready=0))
        keeper = asyncio.create_task(alarms.run())
        lines = [world.start(world.line({2.0: "1"}, hangs_up=ends)) for ends in (30, 30, 60)]
        await asyncio.sleep(20)
        shown.append(board.queues()[0].alarms)
        again = Alarms(board.queues, kept, lambda _, __: True, world.bus, world.clock)
        await again.load()
        again.look()
        assert again.thresholds() == alarms.thresholds()
        await asyncio.gather(*lines)
        await asyncio.sleep(20)
        shown.append(board.queues()[0].alarms)
        keeper.cancel()
        await asyncio.wait({keeper})
        board.close()

    world = play(tmp_path, story)
    assert shown == [("waiting",), ()]
    (raised,), (cleared,) = world.of(f.AlarmRaised), world.of(f.AlarmCleared)
    assert (raised.queue, raised.alarm, raised.threshold) == ("general", "waiting", 1)
    assert cleared.at > raised.at


def test_two_agents_fewer_than_the_minimum_are_told_only_while_the_queue_is_open(tmp_path: Path) -> None:
    is_open = True

    async def story(world: World) -> None:
        nonlocal is_open
        board = board_of(world)
        alarms = Alarms(board.queues, Kept(), lambda _, __: is_open, world.bus, world.clock)
        keeper = asyncio.create_task(alarms.run())
        world.agent_ready("1001")
        await asyncio.sleep(10)
        assert board.queues()[0].alarms == ("agents_ready",)
        world.agent_ready("1002")
        await asyncio.sleep(20)
        assert board.queues()[0].alarms == ()
        world.floor.pause(AgentId("1002"), "meal")
        is_open = False
        await asyncio.sleep(20)
        assert board.queues()[0].alarms == ()
        keeper.cancel()
        await asyncio.wait({keeper})
        board.close()

    world = play(tmp_path, story)
    assert [(fact.value, fact.threshold) for fact in world.of(f.AlarmRaised)] == [(1, 2)]


def listening_of(world: World) -> Listening:
    listening = Listening(world.floor, world.calls, world.switch, world.bus, world.clock)
    world.switch.subscribe(listening.on_event)
    return listening


def joined(world: World, channel: str) -> None:
    """The switch tells that this channel listens."""
    world.switch.tell(
        SpyStarted(at=world.clock.now(), node="asterisk", channel=ChannelRef("asterisk", channel), endpoint="1900")
    )


def gone(world: World, channel: str) -> None:
    world.switch.tell(ChannelEnded(at=world.clock.now(), node="asterisk", channel=ChannelRef("asterisk", channel)))


async def talking(world: World, *agents: str) -> list[asyncio.Task[None]]:
    lines = []
    for name in agents:
        world.agent_ready(name, Phone(answers=1, talks=300))
        lines.append(world.start(world.line({2.0: "1"})))
        while len(world.of(f.TalkStarted)) < len(lines):
            await asyncio.sleep(0.5)
    for line in world.calls:
        line.agent_channel = ChannelRef("asterisk", f"leg-{line.talking_with}")
    return lines


def test_one_listen_at_a_time_its_modes_and_its_ends(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        listening, own = listening_of(world), AgentId("1900")
        world.agent_ready("1900")
        world.floor.pause(own, "training")
        lines = await talking(world, "1001", "1002")
        with pytest.raises(NotFound):
            await listening.end("1900")

        await listening.listen(AgentId("1001"), "listen", "1900", own)
        first = world.switch.wishes[-1][3]
        shown = listening.of("1900")
        assert shown
        assert not shown["on"], "his phone still rings"
        joined(world, first)
        await listening.listen(AgentId("1001"), "whisper", "1900", own)
        joined(world, first)
        await listening.listen(AgentId("1001"), "whisper", "1900", own)
        assert [wish for wish in world.switch.wishes if wish[0] == "redirect"] == [
            ("redirect", first, "whisper", "cti-spy")
        ]

        await listening.listen(AgentId("1002"), "listen", "1900", own)
        assert ("hangup", first) in world.switch.wishes
        second = world.switch.wishes[-1][3]
        gone(world, first)
        joined(world, second)
        shown = listening.of("1900")
        assert shown
        assert (shown["agent_id"], shown["on"]) == ("1002", True)
        gone(world, second)
        gone(world, second)
        assert listening.of("1900") is None
        for line in lines:
            line.cancel()
        await asyncio.wait(lines)

    world = play(tmp_path, story, agents=[agent("1001"), agent("1002"), agent("1900")])
    assert [(fact.subject, fact.mode) for fact in world.of(f.ListenStarted)] == [("1001", "listen"), ("1002", "listen")]
    assert [fact.mode for fact in world.of(f.ListenModeChanged)] == ["whisper"]
    assert [fact.subject for fact in world.of(f.ListenEnded)] == ["1001", "1002"]


def test_a_phone_that_did_not_answer_heard_nothing_and_a_restart_finds_who_listens(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        own = AgentId("1900")
        listening = listening_of(world)
        with pytest.raises(Conflict) as refused:
            await listening.listen(AgentId("1001"), "listen", "1900", own)
        assert refused.value.details["reason"] == "agent_not_talking"
        lines = await talking(world, "1001")
        with pytest.raises(Conflict) as refused:
            await listening.listen(AgentId("1001"), "listen", "1900", own)
        assert refused.value.details["reason"] == "no_phone"
        with pytest.raises(Conflict) as refused:
            await listening.listen(AgentId("1001"), "listen", "1001", AgentId("1001"))
        assert refused.value.details["reason"] == "own_talk"

        world.agent_ready("1900")
        world.floor.pause(own, "training")
        await listening.listen(AgentId("1001"), "barge", "1900", own)
        gone(world, world.switch.wishes[-1][3])
        assert not world.of(f.ListenStarted)
        assert not world.of(f.ListenEnded)

        await listening.listen(AgentId("1001"), "barge", "1900", own)
        joined(world, world.switch.wishes[-1][3])
        restarted = Listening(world.floor, world.calls, world.switch, world.bus, world.clock)
        restarted.restore([f.Recorded(n, "s", fact) for n, fact in enumerate(world.facts)])
        assert restarted.of("1900") == listening.of("1900")
        up = LinkUp(at=world.clock.now(), node="asterisk", version="22", snapshot=await world.switch.snapshot())
        restarted.on_event(up)
        assert restarted.of("1900") is None, "his channel went while nobody looked"
        for line in lines:
            line.cancel()
        await asyncio.wait(lines)

    world = play(tmp_path, story, agents=[agent("1001"), agent("1900")])
    assert len(world.of(f.ListenEnded)) == 1
