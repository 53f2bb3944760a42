"""Calls agents place: what stands on the timeline, what the agent's state says, and what is refused before anything rings."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from cti_server.domain import facts as f
from cti_server.domain.agents import SystemState
from cti_server.domain.ids import AgentId, ChannelRef
from cti_server.domain.phrases import phrase
from cti_server.domain.setup import OutsideNumber
from cti_server.errors import Conflict, Forbidden, InvalidValue
from cti_server.ports import ChannelEnded, LineInfo
from cti_server.services.outside import Outside
from tests.services.call_world import World, agent, queue
from tests.services.doubles import FakeLine, Phone
from tests.virtual import run

ONE = AgentId("1001")
NUMBER = "+8613900000009"
TRUNK = f"{NUMBER}@trunk"


def in_virtual_time(story: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test of one centre with two agents."""

    def test(tmp_path: Path, **values: Any) -> None:
        async def play() -> None:
            world = World(tmp_path, [queue()], [agent("1001"), agent("1002")])
            try:
                await story(world, **values)
            finally:
                world.close()

        run(play())

    wanted = [p for name, p in inspect.signature(story).parameters.items() if name != "world"]
    own = inspect.Parameter("tmp_path", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    test.__name__, test.__doc__ = story.__name__, story.__doc__
    test.__signature__ = inspect.Signature([own, *wanted])  # type: ignore[attr-defined]
    return test


def own_line(
    world: World, number: str, *, uniqueid: str = "9.1", hangs_up: float | None = None, **ticket: str
) -> FakeLine:
    """The agent's own phone, which has dialled."""
    channel = ChannelRef("asterisk", uniqueid, "PJSIP/1001-00000001")
    info = LineInfo(channel, "1001", "", "", "internal", (number,), ticket, "1001")
    return FakeLine(world.switch, info, None, hangs_up)


def system(world: World) -> SystemState:
    return world.floor.state(ONE).system


@in_virtual_time
async def test_a_call_from_the_desk_is_work_from_the_first_moment_to_the_wrap_up(world: World) -> None:
    world.agent_ready("1001")
    world.switch.phones[TRUNK] = Phone(answers=5.0, talks=30.0)
    await world.placing.place(ONE, "139 0000-0009", in_page=False)
    assert system(world) == "dialling"
    [arrived], [placed] = world.of(f.CallArrived), world.of(f.CallPlaced)
    assert (arrived.direction, arrived.caller, placed.number) == ("outbound", NUMBER, NUMBER)
    live = world.calls.of_agent(ONE)
    assert live is not None
    line = own_line(world, NUMBER, uniqueid=live.channel.uniqueid, CTI_CALL_ID=live.call_id)
    await world.start(line)
    story = ["CallArrived", "CallPlaced", "ChannelJoined", "PartyRinging", "ChannelJoined", "TalkStarted", "VisitEnded"]
    told = [kind for kind in world.kinds() if not kind.startswith("Agent")]
    assert told == [*story, "TalkEnded", "WrapUpStarted", "CallEnded"]
    assert system(world) == "wrap_up"
    record = world.calls.record(live.call_id)
    assert record is not None
    assert record.direction == "outbound"
    assert record.visits[0].result == "answered"
    assert record.visits[0].wait is None
    assert record.ended_side == "caller"


@pytest.mark.parametrize(
    ("phone", "result"),
    [(Phone(refuses=True), "busy"), (Phone(answers=None), "no_answer"), (None, "unreachable")],
)
@in_virtual_time
async def test_who_is_not_reached_is_told_and_wrapped_up(world: World, phone: Phone | None, result: str) -> None:
    world.agent_ready("1001")
    if phone is not None:
        world.switch.phones[TRUNK] = phone
    await world.start(own_line(world, "13900000009"))
    [ended] = world.of(f.CallNotReached)
    assert ended.result == result
    assert system(world) == "wrap_up"
    record = world.calls.record(ended.call_id)
    assert record is not None
    assert record.visits[0].result == result
    assert record.last_agent == ONE


@in_virtual_time
async def test_who_hangs_up_before_the_answer_has_cancelled(world: World) -> None:
    world.agent_ready("1001")
    world.switch.phones[TRUNK] = Phone(answers=20.0)
    await world.start(own_line(world, "13900000009", hangs_up=3.0))
    assert [fact.result for fact in world.of(f.CallNotReached)] == ["cancelled"]
    assert [fact.side for fact in world.of(f.CallEnded)] == ["agent"]


@in_virtual_time
async def test_the_agent_hangs_up_first(world: World) -> None:
    world.agent_ready("1001")
    world.switch.phones[TRUNK] = Phone(answers=1.0, talks=60.0)
    line = own_line(world, "13900000009", hangs_up=5.0)
    session = world.start(line)
    await asyncio.sleep(5.1)
    party = world.calls.of_agent(ONE)
    assert party is not None
    world.switch.tell(ChannelEnded(at=world.clock.now(), node="asterisk", channel=party.channel, cause=16))
    await session
    assert [fact.side for fact in world.of(f.TalkEnded)] == ["agent"]


@in_virtual_time
async def test_a_page_that_does_not_dial_loses_nothing_but_the_attempt(world: World) -> None:
    world.agent_ready("1001")
    await world.placing.place(ONE, "13900000009", in_page=True)
    await asyncio.sleep(11)
    assert [fact.result for fact in world.of(f.CallNotReached)] == ["no_phone"]
    assert system(world) == "available"


@in_virtual_time
async def test_the_line_of_a_page_is_the_call_it_asked_for(world: World) -> None:
    world.agent_ready("1001")
    world.switch.phones[TRUNK] = Phone(answers=1.0, talks=2.0)
    await world.placing.place(ONE, "13900000009", in_page=True)
    await world.start(own_line(world, "+86 139 0000 0009"))
    assert len(world.of(f.CallArrived)) == 1
    assert len(world.of(f.TalkStarted)) == 1


@in_virtual_time
async def test_nobody_is_offered_to_who_dials(world: World) -> None:
    world.agent_ready("1001")
    await world.placing.place(ONE, "13900000009", in_page=False)
    world.switch.phones["1002"] = Phone()
    world.start(world.line({1.5: "1"}, hangs_up=5.0))
    await asyncio.sleep(6)
    assert not world.of(f.AgentOffered)


@in_virtual_time
async def test_what_is_refused_is_refused_before_anything_rings(world: World) -> None:
    world.agent_ready("1001")
    for number in ("nonsense", "12", "*86"):
        with pytest.raises(InvalidValue) as bad:
            await world.placing.place(ONE, number, in_page=False)
        assert bad.value.details["reason"] == "bad_number"
    with pytest.raises(Forbidden) as refused:
        await world.placing.place(ONE, "+44 20 7946 0000", in_page=False)
    assert refused.value.details["reason"] == "number_refused"
    await world.placing.place(ONE, "110", in_page=False)
    with pytest.raises(Conflict) as twice:
        await world.placing.place(ONE, "13900000009", in_page=False)
    assert twice.value.details["reason"] == "in_call"
    assert len(world.of(f.CallPlaced)) == 1


@in_virtual_time
async def test_what_his_own_phone_may_not_dial_is_said_to_him_and_no_call_is_placed(world: World) -> None:
    world.agent_ready("1001")
    line = own_line(world, "00442079460000")
    await world.start(line)
    assert line.heard == list(phrase("number_refused", "zh"))
    assert not world.of(f.CallPlaced)
    assert system(world) == "available"


def test_numbers_that_may_be_called() -> None:
    outside = Outside(("home", "short", "00852"), "CN")
    assert outside.read("（0571）8888－1111") == "+8657188881111"
    assert outside.read("9 55 98") == "95598"
    allowed = {number: outside.allows(number) for number in ("+8613900000009", "119", "+85221234567", "+14155550100")}
    assert list(allowed.values()) == [True, True, True, False]
    assert not Outside((), "CN").allows("119")
    outside.replace({"n": OutsideNumber(number="0014155550100", name="Head office")})
    assert outside.allows("+14155550100")
    assert outside.name("+14155550100") == "Head office"


def test_nobody_is_rung_back_at_a_service_or_emergency_number() -> None:
    outside = Outside(("home", "short"), "CN")
    assert outside.subscriber("139 0000-0009") == NUMBER
    for number in ("110", "95598", "nobody", ""):
        with pytest.raises(InvalidValue):
            outside.subscriber(number)
    with pytest.raises(Forbidden):
        outside.subscriber("+14155550100")
