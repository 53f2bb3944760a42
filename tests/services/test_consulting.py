"""Consultations as the server keeps them: who is asked, what became of it, and that it outlives a restart. No switch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cti_server.domain import facts as f
from cti_server.domain.agents import AgentState, apply
from cti_server.domain.ids import AgentId, CallId, ChannelRef
from cti_server.errors import Conflict, CtiError, NotFound, SwitchRefused
from cti_server.ports import ChannelAnswered, ChannelEnded, ChannelUnbridged, LinkUp, SwitchSnapshot, TransferDone
from cti_server.services.calls.live import LiveCall
from cti_server.services.calls.targets import Target
from tests.services.call_world import World
from tests.services.doubles import Phone
from tests.services.test_calls import play

ONE = AgentId("1001")
LEG = ChannelRef("asterisk", "9.1", "PJSIP/1001-00000001")


def talking(story: Callable[[World, LiveCall], Awaitable[None]]) -> Callable[[World], Awaitable[None]]:
    """The story begins once agent 1001 talks to his caller."""

    async def whole(world: World) -> None:
        world.agent_ready("1001", Phone(answers=1, talks=60))
        call = world.start(world.line({3.0: "1"}, hangs_up=120))
        await asyncio.sleep(15)
        (live,) = world.calls
        live.agent_channel = LEG
        await story(world, live)
        await call

    return whole


def state(world: World) -> AgentState:
    return world.floor.state(ONE)


async def ask(world: World, live: LiveCall, target: str = "1002") -> CallId:
    await world.consultations.begin(live, ONE, Target("agent", target))
    consult = state(world).consult
    assert consult is not None
    return consult.consult_id


def event(kind: Any, world: World, call_id: CallId, channel: ChannelRef, **more: Any) -> Any:
    endpoint = channel.name.removeprefix("PJSIP/").partition("-")[0]
    at = world.clock.now()
    return kind(at=at, node="asterisk", channel=channel, call_id=call_id, endpoint=endpoint, **more)


def partner_answers(world: World, consult_id: CallId, uniqueid: str = "9.2", agent: str = "1002") -> ChannelRef:
    leg = ChannelRef("asterisk", uniqueid, f"PJSIP/{agent}-0000000{uniqueid[-1]}")
    world.switch.tell(event(ChannelAnswered, world, consult_id, leg, caller=None))
    return leg


def joins(world: World, live: LiveCall) -> None:
    world.switch.tell(event(TransferDone, world, live.call_id, live.channel, how="joined", by="1001"))


def test_he_is_rung_answers_and_is_gone(tmp_path: Path) -> None:
    async def story(world: World, live: LiveCall) -> None:
        consult_id = await ask(world, live)
        assert world.switch.wishes[-2:] == [
            ("set", "__CTI_CONSULT_ID", consult_id),
            ("attended_transfer", LEG.uniqueid, "1002", "cti-agents"),
        ]
        consult = state(world).consult
        assert consult is not None
        assert (consult.target, consult.answered, consult.open) == ("1002", False, True)
        partner_answers(world, consult_id)
        consult = state(world).consult
        assert consult is not None
        assert (consult.answered, consult.partner) == (True, "1002")
        world.bus.record(f.CallEnded(at=world.clock.now(), call_id=consult_id, side="agent"))
        assert not state(world).consulting

    world = play(tmp_path, talking(story))
    assert [fact.result for fact in world.of(f.ConsultEnded)] == ["gone"]


def test_keys_are_pressed_on_the_agents_leg_and_need_an_answer(tmp_path: Path) -> None:
    async def story(world: World, live: LiveCall) -> None:
        with pytest.raises(Conflict):
            await world.consultations.step(live, ONE, "cancel")
        consult_id = await ask(world, live)
        for step in ("complete", "join", "swap"):
            with pytest.raises(Conflict) as early:
                await world.consultations.step(live, ONE, step)
            assert early.value.details["reason"] == "not_answered"
        with pytest.raises(Conflict):
            await ask(world, live, "1003")
        partner_answers(world, consult_id)
        await world.consultations.step(live, ONE, "swap")
        consult = state(world).consult
        assert consult is not None
        assert consult.with_caller
        await world.consultations.step(live, ONE, "cancel")
        pressed = [wish for wish in world.switch.wishes if wish[0] == "press"]
        assert pressed == [("press", LEG.uniqueid, "ABD"), ("press", LEG.uniqueid, "ABA")]

    world = play(tmp_path, talking(story))
    assert [fact.result for fact in world.of(f.ConsultEnded)] == ["cancelled"]


def test_a_switch_that_refuses_ends_the_consultation_at_once(tmp_path: Path) -> None:
    async def refuse(*_: object) -> None:
        raise SwitchRefused("no such channel")

    async def story(world: World, live: LiveCall) -> None:
        world.switch.attended_transfer = refuse  # type: ignore[method-assign,assignment]
        with pytest.raises(CtiError):
            await ask(world, live)

    world = play(tmp_path, talking(story))
    assert [fact.result for fact in world.of(f.ConsultEnded)] == ["unreachable"]


def test_a_conference_grows_shrinks_and_goes_on_without_the_agent(tmp_path: Path) -> None:
    async def story(world: World, live: LiveCall) -> None:
        first = await ask(world, live)
        partner_answers(world, first)
        joins(world, live)
        second = await ask(world, live, "1003")
        # He leaves the bridge to consult once more: the others wait for him, nobody is handed over.
        world.switch.tell(event(ChannelUnbridged, world, live.call_id, LEG, bridge="b"))
        third = partner_answers(world, second, "9.3", "1003")
        joins(world, live)
        assert [one.consult_id for one in state(world).parties] == [first, second]
        world.switch.tell(event(ChannelEnded, world, second, third))
        assert [one.consult_id for one in state(world).parties] == [first]
        with pytest.raises(NotFound):
            await world.consultations.drop(live, ONE, second)
        assert live.talking_with == ONE
        world.switch.tell(event(ChannelUnbridged, world, live.call_id, LEG, bridge="b"))
        assert live.talking_with == "1002"

    world = play(tmp_path, talking(story))
    assert [(fact.how, fact.target, fact.by) for fact in world.of(f.CallTransferred)] == [("attended", "1002", "1001")]
    assert len(world.of(f.ConferenceLeft)) == 1


def test_after_a_loss_of_the_link_the_channels_say_what_still_stands(tmp_path: Path) -> None:
    async def story(world: World, live: LiveCall) -> None:
        await ask(world, live)
        now = world.clock.now()
        snapshot = SwitchSnapshot((), frozenset({"1001"}))
        world.consultations.on_event(LinkUp(at=now, node="asterisk", version="22", snapshot=snapshot, lost_at=now))
        assert not state(world).consulting

    world = play(tmp_path, talking(story))
    assert [fact.result for fact in world.of(f.ConsultEnded)] == ["unknown"]


def test_a_new_server_knows_the_consultation_from_the_timeline(tmp_path: Path) -> None:
    seen: list[AgentState] = []

    async def story(world: World, live: LiveCall) -> None:
        partner_answers(world, await ask(world, live))
        seen.append(state(world))
        again = AgentState(agent_id=ONE)
        for fact in world.facts:
            again = apply(again, fact)
        assert again.consult == seen[0].consult
        assert again.consulting

    world = play(tmp_path, talking(story))
    assert state(world).consult is None, "the end of the talk ends the consultation"
