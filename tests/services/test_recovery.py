"""After a kill: who waited keeps his turn, a talk nobody saw is told, a gap has its bounds. Virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cti_server.bus import Bus
from cti_server.clock import SystemClock
from cti_server.domain import facts as f
from cti_server.domain.ids import SECOND
from cti_server.ports import LinkDown, LinkUp, SwitchSnapshot
from cti_server.services.acd import RETURN_SECONDS
from cti_server.services.calls.recovery import Recovery
from cti_server.services.heartbeat import Heartbeat
from tests.services.call_world import World, agent, queue
from tests.services.doubles import FakeLine, Phone
from tests.virtual import run

Story = Callable[[World, World], Awaitable[None]]
NOBODY = SwitchSnapshot((), frozenset())


def play(folder: Path, story: Story) -> World:
    """`story` gets the server that is killed and the one started after it; returns the latter."""
    made: list[World] = []

    async def main() -> None:
        for name in ("before", "after"):
            (folder / name).mkdir()
            made.append(World(folder / name, [queue()], [agent("1001")]))
        try:
            await story(*made)
        finally:
            for world in made:
                world.close()

    run(main())
    return made[1]


async def killed(*sessions: asyncio.Task[None]) -> None:
    for session in sessions:
        session.cancel()
    await asyncio.gather(*sessions, return_exceptions=True)


def take_up(before: World, after: World) -> Recovery:
    recovery = Recovery(after.calls, after.floor, after.bus, after.clock)
    recovery.adopt([live.record for live in before.calls if live.record])
    after.acd.expect(recovery.waiting())
    return recovery


def back(world: World, line: FakeLine, **variables: str) -> FakeLine:
    """The same channel comes to the next server, with the ticket it carries."""
    return world.line(uniqueid=line.info.channel.uniqueid, variables={**line.variables, **variables})


@pytest.mark.parametrize("first_comes_back", [True, False])
def test_who_is_back_first_does_not_overtake_who_came_first(tmp_path: Path, first_comes_back: bool) -> None:
    order: list[str] = []

    async def story(before: World, after: World) -> None:
        first, second = before.line({1.0: "1"}), before.line({2.0: "1"})
        sessions = [before.start(first), before.start(second)]
        await asyncio.sleep(30)
        await killed(*sessions)
        order.extend(line.variables["CTI_CALL_ID"] for line in (first, second))
        take_up(before, after)
        after.agent_ready("1001", Phone(answers=1, talks=5))
        again = [after.start(back(after, second))]
        await asyncio.sleep(1)
        if first_comes_back:
            again.append(after.start(back(after, first)))
        await asyncio.sleep(90)
        await killed(*again)

    world = play(tmp_path, story)
    talked = world.of(f.TalkStarted)
    assert [talk.call_id for talk in talked] == (order if first_comes_back else order[1:])
    (offered, *_), resumed = world.of(f.AgentOffered), world.of(f.CallResumed)
    waited = offered.at - resumed[0].at
    assert waited == pytest.approx((1 if first_comes_back else RETURN_SECONDS) * SECOND, abs=SECOND // 10)
    assert not world.of(f.VisitStarted)  # the old visits go on


@pytest.mark.parametrize(("remembered", "result"), [("NOANSWER", "no_answer"), ("BUSY", "rejected"), ("", "withdrawn")])
def test_ringing_that_ended_unseen_is_told_as_it_ended(tmp_path: Path, remembered: str, result: str) -> None:
    async def story(before: World, after: World) -> None:
        before.agent_ready("1001", Phone(answers=None))
        line = before.line({1.0: "1"})
        session = before.start(line)
        await asyncio.sleep(5)
        await killed(session)
        take_up(before, after)
        again = after.start(back(after, line, DIALSTATUS=remembered))
        await asyncio.sleep(2)
        await killed(again)

    world = play(tmp_path, story)
    assert [fact.result for fact in world.of(f.OfferEnded)] == [result]
    assert not world.of(f.VisitEnded)


def test_a_talk_nobody_saw_is_told_from_its_answer_and_its_end_is_unknown(tmp_path: Path) -> None:
    answered: list[int] = []

    async def story(before: World, after: World) -> None:
        before.agent_ready("1001", Phone(answers=None))
        line = before.line({1.0: "1"})
        session = before.start(line)
        await asyncio.sleep(5)
        await killed(session)
        answered.append(before.clock.now())
        await asyncio.sleep(40)
        take_up(before, after)
        at = str(answered[0] // 1000)
        await after.start(back(after, line, DIALSTATUS="ANSWER", CTI_ANSWERED_AT=at))

    world = play(tmp_path, story)
    assert [(talk.agent_id, talk.at // 1000) for talk in world.of(f.TalkStarted)] == [("1001", answered[0] // 1000)]
    assert [talk.side for talk in world.of(f.TalkEnded)] == ["unknown"]
    assert [visit.outcome for visit in world.of(f.VisitEnded)] == ["answered"]


def test_a_switch_that_started_anew_has_ended_attached_calls_too(tmp_path: Path) -> None:
    """The link may be back before the lines' sessions have given up."""

    async def story(before: World, after: World) -> None:
        line = before.line({1.0: "1"})
        session = before.start(line)
        await asyncio.sleep(5)
        line.lose()
        before.switch.tell(
            LinkUp(at=before.clock.now(), node="asterisk", version="22", snapshot=NOBODY, restarted=True)
        )
        await session
        assert [end.side for end in before.of(f.CallEnded)] == ["unknown"]
        assert [visit.outcome for visit in before.of(f.VisitEnded)] == ["unknown"]

    play(tmp_path, story)


def link_up(at: int) -> LinkUp:
    return LinkUp(at=at, node="asterisk", version="22", snapshot=NOBODY)


async def test_a_gap_lasts_from_the_last_beat_to_the_first_link(tmp_path: Path) -> None:
    bus, file = Bus(SystemClock(), "test"), tmp_path / "alive"
    gaps: list[f.GapRecorded] = []
    bus.subscribe(lambda r: gaps.append(r.fact) if isinstance(r.fact, f.GapRecorded) else None)
    Heartbeat(file, bus, SystemClock()).on_event(link_up(5))
    assert not gaps  # the very first start
    file.write_text("1000")
    heartbeat = Heartbeat(file, bus, SystemClock())
    heartbeat.on_event(link_up(7000))
    heartbeat.on_event(LinkDown(at=8000, node="asterisk"))
    heartbeat.on_event(link_up(9000))
    assert gaps == [f.GapRecorded(at=7000, what="server_down", node="test", since=1000)]


async def test_it_beats_only_while_it_sees_the_switch(tmp_path: Path) -> None:
    file = tmp_path / "alive"
    heartbeat = Heartbeat(file, Bus(SystemClock(), "test"), SystemClock())
    task = asyncio.create_task(heartbeat.run())
    await asyncio.sleep(0.05)
    assert not file.exists()
    heartbeat.on_event(link_up(5))
    async with asyncio.timeout(10):
        while not file.exists():
            await asyncio.sleep(0.02)
    assert int(file.read_text()) <= SystemClock().now()
    await killed(task)
