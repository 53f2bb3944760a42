"""Stories of one or two callers in virtual time: what they hear, and what stands on the timeline afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cti_server.domain import facts as f
from cti_server.domain.ids import SECOND, AgentId
from tests.services.call_world import FLOW, World, agent, queue
from tests.services.doubles import Phone
from tests.virtual import run

Story = Callable[[World], Awaitable[None]]


def play(folder: Path, story: Story, **world: object) -> World:
    made: list[World] = []

    async def main() -> None:
        people = world.get("agents") or [agent("1001"), agent("1002")]
        built = World(folder, world.get("setup") or [queue()], people, str(world.get("flow", FLOW)))  # type: ignore[arg-type]
        made.append(built)
        try:
            await story(built)
        finally:
            built.close()

    run(main())
    return made[0]


def test_a_caller_chooses_waits_talks_and_is_thanked(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=2, talks=60))
        line = world.line({3.0: "1"})
        await world.start(line)
        assert line.left is True
        assert line.heard[-1] == "Thank you."

    world = play(tmp_path, story)
    (started,), (talk,), (ended,) = world.of(f.VisitStarted), world.of(f.TalkStarted), world.of(f.TalkEnded)
    assert talk.at - started.at == 2 * SECOND
    assert ended.at - talk.at == 60 * SECOND
    assert ended.side == "agent"
    assert [fact.outcome for fact in world.of(f.VisitEnded)] == ["answered"]
    assert [fact.side for fact in world.of(f.CallEnded)] == ["server"]
    assert len(world.calls) == 0


def test_who_hangs_up_while_waiting_has_abandoned(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.start(world.line({2.0: "1"}, hangs_up=40))

    world = play(tmp_path, story)
    assert [fact.outcome for fact in world.of(f.VisitEnded)] == ["abandoned"]
    assert [fact.side for fact in world.of(f.CallEnded)] == ["caller"]


@pytest.mark.parametrize("at", [0.2, 1.0, 4.0, 9.0, 11.5, 13.0, 30.0])
def test_a_hang_up_at_any_moment_ends_the_call_once(tmp_path: Path, at: float) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=3, talks=60))
        await world.start(world.line({8.0: "1"}, hangs_up=at))

    world = play(tmp_path, story)
    assert len(world.of(f.CallEnded)) == 1
    assert len(world.of(f.VisitStarted)) == len(world.of(f.VisitEnded))
    assert len(world.of(f.TalkStarted)) == len(world.of(f.TalkEnded))
    assert len(world.of(f.AgentOffered)) == len(world.of(f.OfferEnded))


def test_a_refusing_agent_costs_the_caller_no_place(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(refuses=True))
        task = world.start(world.line({1.0: "1"}))
        await asyncio.sleep(5)
        world.agent_ready("1002", Phone(answers=1, talks=5))
        await task

    world = play(tmp_path, story)
    assert next((o.agent_id, o.result) for o in world.of(f.OfferEnded)) == ("1001", "rejected")
    assert world.of(f.TalkStarted)[0].agent_id == "1002"
    assert len(world.of(f.VisitStarted)) == 1


def test_three_missed_calls_pause_the_agent(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=None))
        await world.start(world.line({1.0: "1"}, hangs_up=400))

    world = play(tmp_path, story)
    assert [fact.reason for fact in world.of(f.AgentPaused)][-1] == "missed_calls"
    assert [o.result for o in world.of(f.OfferEnded)] == ["no_answer"] * 3


def test_wrap_up_holds_the_next_caller_until_it_is_over(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=1, talks=10))
        first = world.start(world.line({1.0: "1"}))
        second = world.start(world.line({1.5: "1"}))
        await asyncio.gather(first, second)

    world = play(tmp_path, story, setup=[queue(wrap_up_seconds=30)])
    first, second = world.of(f.TalkStarted)
    assert second.at - first.at >= 41 * SECOND


def test_overflow_keeps_the_time_the_caller_came(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1002", Phone(answers=1, talks=5))
        await world.start(world.line({1.0: "1"}))

    setup = [queue(overflow_after_seconds=20, overflow_to="vip"), queue("vip")]
    world = play(tmp_path, story, setup=setup, agents=[agent("1002", "vip")])
    general, vip = world.of(f.VisitStarted)
    assert vip.queue == "vip"
    assert vip.entered_at == general.entered_at
    assert [fact.outcome for fact in world.of(f.VisitEnded)] == ["overflowed", "answered"]


def test_a_second_server_takes_the_caller_up_in_his_old_place(tmp_path: Path) -> None:
    """The first session dies with its server; the channel brings its ticket to the next one."""

    async def story(world: World) -> None:
        line = world.line({1.0: "1"})
        task = world.start(line)
        await asyncio.sleep(10)

        task.cancel()
        await asyncio.wait({task})
        assert line.left is False

        back = world.line(variables=line.variables, uniqueid=line.info.channel.uniqueid)
        world.agent_ready("1001", Phone(answers=1, talks=5))
        await world.start(back)
        assert back.heard[-1] == "Thank you."

    world = play(tmp_path, story)
    assert len(world.of(f.VisitStarted)) == 1
    assert [fact.stage for fact in world.of(f.CallResumed)] == ["waiting"]
    assert [fact.outcome for fact in world.of(f.VisitEnded)] == ["answered"]


def test_speech_that_fails_leads_to_a_person(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.speaker.missing = {"For help press 1."}
        world.agent_ready("1001", Phone(answers=1, talks=5))
        await world.start(world.line())

    world = play(tmp_path, story)
    assert len(world.of(f.FlowFailed)) == 1
    assert len(world.of(f.TalkStarted)) == 1


def test_an_unknown_number_leads_to_a_person(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=1, talks=5))
        await world.start(world.line(did="777"))

    world = play(tmp_path, story)
    assert [fact.error for fact in world.of(f.FlowFailed)] == ["unknown_did"]
    assert len(world.of(f.TalkStarted)) == 1


def test_without_a_switch_link_a_waiting_caller_is_still_found(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.switch.linked = False
        task = world.start(world.line({1.0: "1"}))
        await asyncio.sleep(30)
        world.agent_ready("1001", Phone(answers=1, talks=5))
        await task

    world = play(tmp_path, story)
    assert len(world.of(f.TalkStarted)) == 1


def test_a_callback_keeps_the_place_and_is_carried_out(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.start(world.line({1.0: "1", 25.0: "1", 28.0: "1"}))
        world.agent_ready("1001", Phone(answers=1, talks=20))
        await asyncio.sleep(1)
        _, _, _, channel = next(wish for wish in world.switch.wishes if wish[0] == "originate")
        (arrived,) = [fact for fact in world.of(f.CallArrived) if fact.direction == "callback"]
        back = world.line({2.0: "1"}, script="callback", variables={"CTI_CALL_ID": arrived.call_id}, uniqueid=channel)
        await world.start(back)

    world = play(tmp_path, story, setup=[queue(callback_after_seconds=15)])
    first, second = world.of(f.VisitStarted)
    assert second.entered_at == first.entered_at
    assert [fact.outcome for fact in world.of(f.VisitEnded)] == ["callback", "answered"]
    assert [fact.reached for fact in world.of(f.CallbackAttempted)] == [True]
    assert world.tickets.ended == [("t1", "done")]


def test_a_callback_nobody_answers_frees_the_agent_and_is_tried_again(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.start(world.line({1.0: "1", 25.0: "1", 28.0: "1"}))
        world.agent_ready("1001")
        await asyncio.sleep(3600)

    world = play(tmp_path, story, setup=[queue(callback_after_seconds=15)])
    assert [fact.reached for fact in world.of(f.CallbackAttempted)] == [False, False, False]
    assert world.tickets.ended[-1] == ("t1", "unreachable")
    assert len(world.of(f.AgentOffered)) == len(world.of(f.OfferEnded))
    assert world.floor.state(AgentId("1001")).free


def test_a_caller_sent_to_a_full_queue_still_gets_a_person(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(answers=1, talks=5))
        waiting = world.start(world.line({0.5: "1"}, hangs_up=60, did="100"))
        await asyncio.sleep(40)
        filler = world.line(script="transfer", arguments=("vip",), hangs_up=300)
        first = world.start(filler)
        await asyncio.sleep(1)
        second = world.start(world.line(script="transfer", arguments=("vip",), number="13911113333"))
        await asyncio.gather(waiting, second)
        filler.hang_up()
        await first

    setup = [queue(wrap_up_seconds=1), queue("vip", max_length=1)]
    world = play(tmp_path, story, setup=setup)
    assert [fact.outcome for fact in world.of(f.VisitEnded)].count("refused") == 1
    assert world.of(f.TalkStarted)[-1].call_id == world.of(f.VisitStarted)[-1].call_id
