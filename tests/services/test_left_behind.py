"""The caller hangs up in the midst of a consultation or conference: who stays on the line, and each one's state. No switch."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cti_server.domain import facts as f
from cti_server.domain.agents import AgentState, apply
from cti_server.domain.ids import SECOND, AgentId, CallId, ChannelRef
from cti_server.ports import ChannelEnded, ChannelUnbridged, LinkUp, LiveChannel, PhoneBusy, SwitchSnapshot
from cti_server.services.calls.consulting import CONSULT_ID
from cti_server.services.calls.live import LiveCall
from cti_server.services.calls.targets import Target
from tests.services.call_world import World
from tests.services.doubles import FakeLine, Phone
from tests.services.test_calls import play
from tests.services.test_consulting import LEG, ONE, ask, event, joins, partner_answers, state, talking

TWO = AgentId("1002")
TWOS_LEG = ChannelRef("asterisk", "leg-1002", "PJSIP/1002-1")


def busy(world: World, on: bool, endpoint: str = "1001") -> None:
    world.switch.tell(PhoneBusy(at=world.clock.now(), node="asterisk", endpoint=endpoint, busy=on))


def linked(world: World, *busy_phones: str) -> None:
    snapshot = SwitchSnapshot((), frozenset({"1001", "1002"}), frozenset(busy_phones))
    world.switch.tell(LinkUp(at=world.clock.now(), node="asterisk", version="22", snapshot=snapshot))


def on_the_line(world: World, leg: ChannelRef, endpoint: str) -> None:
    """All the switch shows from now on."""

    async def snapshot() -> SwitchSnapshot:
        return SwitchSnapshot((LiveChannel(leg, None, endpoint, "up", "b", "", 1),), frozenset({"1001", "1002"}))

    world.switch.snapshot = snapshot  # type: ignore[method-assign]


async def caller_hangs_up(world: World, live: LiveCall) -> None:
    world.switch.lines[live.channel.key].hang_up()
    await asyncio.sleep(2)


def hung_up(world: World) -> list[str]:
    return [wish[1] for wish in world.switch.wishes if wish[0] == "hangup"]


def test_the_agent_talks_on_with_whom_he_consulted_and_wraps_up_after_that(tmp_path: Path) -> None:
    async def story(world: World, live: LiveCall) -> None:
        busy(world, True)
        partner_answers(world, await ask(world, live))
        await caller_hangs_up(world, live)
        assert state(world).system == "internal"
        assert [party.partner for party in state(world).parties] == [TWO]
        assert (state(world).call_id, state(world).wrap_up_until) == (live.call_id, None)
        await asyncio.sleep(40)
        assert not state(world).free, "however long they talk, nobody is offered to him"
        busy(world, False)
        assert (state(world).system, state(world).work_since) == ("wrap_up", world.clock.now())
        await asyncio.sleep(31)
        assert state(world).free

    world = play(tmp_path, talking(story))
    (ended,), (wrap_up,) = world.of(f.TalkEnded), world.of(f.WrapUpStarted)
    assert ended.side == "caller"
    assert wrap_up.at - ended.at == 42 * SECOND
    assert hung_up(world) == []


def test_who_rings_or_is_waited_for_is_let_go_with_the_caller(tmp_path: Path) -> None:
    async def story(world: World, live: LiveCall) -> None:
        busy(world, True)
        on_the_line(world, LEG, "1001")
        await ask(world, live)
        await caller_hangs_up(world, live)
        assert hung_up(world) == [LEG.uniqueid]
        busy(world, False)
        assert (state(world).system, state(world).consult) == ("wrap_up", None)

    play(tmp_path, talking(story))


def test_the_last_one_of_a_conference_is_hung_up_on(tmp_path: Path) -> None:
    async def story(world: World, live: LiveCall) -> None:
        busy(world, True)
        consult_id = await ask(world, live)
        leg = partner_answers(world, consult_id)
        joins(world, live)
        await caller_hangs_up(world, live)
        assert state(world).system == "internal"
        on_the_line(world, LEG, "1001")
        world.switch.tell(event(ChannelEnded, world, consult_id, leg))
        await asyncio.sleep(1)
        assert state(world).parties == ()
        assert hung_up(world) == [LEG.uniqueid]

    world = play(tmp_path, talking(story))
    (left,) = world.of(f.ConferenceLeft)
    assert left.call_id == world.of(f.TalkEnded)[0].call_id


def test_a_phone_that_is_free_already_keeps_nobody_from_his_wrap_up(tmp_path: Path) -> None:
    """Caller and agent hang up at once: the phone's news came before the end of the talk did."""

    async def story(world: World, live: LiveCall) -> None:
        busy(world, True)
        partner_answers(world, await ask(world, live))
        busy(world, False)
        await caller_hangs_up(world, live)
        assert state(world).system == "wrap_up"

    play(tmp_path, talking(story))


def test_a_new_server_learns_from_the_switch_that_they_have_hung_up(tmp_path: Path) -> None:
    async def story(world: World, live: LiveCall) -> None:
        busy(world, True)
        partner_answers(world, await ask(world, live))
        await caller_hangs_up(world, live)
        again = AgentState(agent_id=ONE, reachable=True)
        for fact in world.facts:
            again = apply(again, fact)
        assert (again.system, again.parties) == ("internal", state(world).parties)
        linked(world, "1001")
        assert state(world).system == "internal"
        linked(world)
        assert state(world).system == "wrap_up"

    play(tmp_path, talking(story))


def test_a_phone_busy_with_something_else_after_wrap_up_gets_no_caller(tmp_path: Path) -> None:
    """What it was busy with while the agent worked was no news then."""

    async def story(world: World, live: LiveCall) -> None:
        busy(world, True)
        await caller_hangs_up(world, live)
        assert state(world).system == "wrap_up"
        await asyncio.sleep(31)
        assert state(world).system == "busy_elsewhere"
        busy(world, False)
        assert state(world).free

    play(tmp_path, talking(story))


async def consult_queue(world: World, live: LiveCall) -> tuple[CallId, FakeLine, asyncio.Task[None]]:
    """Agent 1002 takes the consultation from the queue."""
    world.agent_ready("1002", Phone(answers=1, talks=1e6))
    await world.consultations.begin(live, ONE, Target("queue", "general"))
    consult = state(world).consult
    assert consult is not None
    ids = {CONSULT_ID: consult.consult_id}
    line = world.line(script="internal", arguments=("q-general",), variables=ids)
    task = world.start(line)
    await asyncio.sleep(3)
    assert world.floor.state(TWO).system == "talking"
    return consult.consult_id, line, task


def test_a_partner_from_a_queue_stays_in_the_talk_until_he_hangs_up(tmp_path: Path) -> None:
    async def story(world: World, live: LiveCall) -> None:
        busy(world, True)
        consult_id, line, task = await consult_queue(world, live)
        joins(world, live)
        line.hang_up()  # the switch joins both bridges: our half of the Local channel is gone
        await task
        assert world.floor.state(TWO).system == "talking"
        await caller_hangs_up(world, live)
        assert (state(world).system, world.floor.state(TWO).system) == ("internal", "talking")
        world.switch.tell(event(ChannelUnbridged, world, consult_id, TWOS_LEG, bridge="b"))
        assert world.floor.state(TWO).system == "talking", "the end of his channel counts, not a change of bridges"
        world.switch.tell(event(ChannelEnded, world, consult_id, TWOS_LEG))
        assert (state(world).parties, world.floor.state(TWO).system) == ((), "wrap_up")
        assert len(world.calls) == 0

    world = play(tmp_path, talking(story))
    assert [(fact.agent_id, fact.side) for fact in world.of(f.TalkEnded)] == [("1001", "caller"), ("1002", "agent")]


def test_a_partner_from_a_queue_to_whom_the_caller_is_left_has_no_wrap_up_between(tmp_path: Path) -> None:
    async def story(world: World, live: LiveCall) -> None:
        _, line, task = await consult_queue(world, live)
        joins(world, live)
        line.hang_up()
        await task
        world.switch.tell(event(ChannelUnbridged, world, live.call_id, LEG, bridge="b"))
        two = world.floor.state(TWO)
        assert (two.system, two.call_id) == ("talking", live.call_id)
        assert live.talking_with == TWO

    world = play(tmp_path, talking(story))
    assert [fact.agent_id for fact in world.of(f.WrapUpStarted)][:1] == ["1001"]
    between = [fact for fact in world.of(f.WrapUpStarted) if fact.agent_id == TWO]
    assert all(fact.at > world.of(f.CallTransferred)[0].at for fact in between)
