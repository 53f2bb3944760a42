"""What Asterisk really says of calls, holds and transfers, and what we make of it.

`CTI_RECORD_AMI=1 pytest tests/real/test_ami_calls.py` writes the transcripts that tests/asterisk/test_ami_translate.py reads.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
from asterisk.ami.action import SimpleAction
from pydantic import SecretStr

from cti_server.asterisk.ami.link import CLASSES
from cti_server.asterisk.ami.session import Session
from cti_server.asterisk.switch import AmiSwitch
from cti_server.clock import SystemClock
from cti_server.errors import SwitchRefused, SwitchUnavailable, Unavailable
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import Behaviour, PhoneBank
from cti_server.ports import (
    ChannelAnswered,
    ChannelBridged,
    ChannelEnded,
    ChannelHeld,
    ChannelRinging,
    ChannelUnheld,
    ChannelUp,
    Lacking,
    LinkDown,
    LinkUp,
    PhoneReachability,
    SwitchEvent,
    TransferDone,
)
from tests.real.ami_stage import CALL, CONSULT, TRANSCRIPTS, Stage, ami

pytestmark = pytest.mark.real


@pytest.fixture
async def stage(asterisk: AsteriskInstance, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    raw: list[bytes] = []
    switch = AmiSwitch(ami(asterisk), asterisk.node, SystemClock())
    bank = PhoneBank("127.0.0.1", asterisk.ports.sip)
    stage = Stage(asterisk, switch, bank)
    switch.subscribe(stage.take)
    server = await asyncio.start_server(stage.served, "127.0.0.1", 0)
    await asterisk.serve_from(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    recorder = Session(ami(asterisk), events=CLASSES, on_event=lambda m: raw.append(m.raw))
    async with recorder, switch, bank:
        await stage.wait(LinkUp)
        yield stage
        await asyncio.sleep(0.1 if os.environ.get("CTI_RECORD_AMI") else 0)
        await stage.close()
    server.close()
    await server.wait_closed()
    if os.environ.get("CTI_RECORD_AMI"):
        name = request.node.name.removeprefix("test_").replace("[", "_").rstrip("]")
        (TRANSCRIPTS / f"{name}.txt").write_bytes(b"".join(r + b"\r\n\r\n" for r in raw))


async def test_talk_with_hold(stage: Stage) -> None:
    phone = await stage.phone("1001", Behaviour(answer_after=0.3))
    agi = await stage.caller()
    await stage.dial(agi, "1001")
    ringing = await stage.wait(ChannelRinging, "1001")
    answered = await stage.wait(ChannelAnswered, "1001")
    assert ringing.channel == answered.channel
    assert answered.caller == agi.channel
    assert answered.call_id == CALL
    await asyncio.wait_for(phone.talk.answered.wait(), 5)
    await phone.hold()
    held = await stage.wait(ChannelHeld, "1001")
    assert held.call_id == CALL
    await phone.unhold()
    await stage.wait(ChannelUnheld, "1001")
    snapshot = await stage.switch.snapshot()
    assert {(c.call_id, c.state) for c in snapshot.channels} == {(CALL, "up")}
    assert len({c.bridge for c in snapshot.channels}) == 1
    assert "1001" in snapshot.busy
    await phone.hang_up()
    ended = await stage.wait(ChannelEnded, "1001")
    assert ended.cause == 16
    assert ended.call_id == CALL


async def test_refused(stage: Stage) -> None:
    await stage.phone("1001", Behaviour(refuse=True))
    agi = await stage.caller()
    await stage.dial(agi, "1001")
    ended = await stage.wait(ChannelEnded, "1001")
    assert ended.cause in (17, 21)


async def test_caller_gives_up_while_ringing(stage: Stage) -> None:
    await stage.phone("1001", Behaviour(answer_after=None))
    agi = await stage.caller("wait 1; hangup")
    await stage.dial(agi, "1001")
    await stage.wait(ChannelRinging, "1001")
    ended = await stage.wait(ChannelEnded)
    assert ended.call_id == CALL


async def test_blind_transfer_by_the_phone(stage: Stage) -> None:
    phone = await stage.phone("1001")
    agi = await stage.caller()
    await stage.dial(agi, "1001")
    await stage.wait(ChannelAnswered, "1001")
    await asyncio.wait_for(phone.talk.answered.wait(), 5)
    with suppress(Unavailable):  # Asterisk's BYE may come before the phone hears how the transfer went
        await phone.transfer("6002")
    done = await stage.wait(TransferDone)
    assert (done.how, done.by, done.extension, done.call_id) == ("blind", "1001", "6002", CALL)
    assert done.channel == agi.channel


async def test_blind_transfer_by_us(stage: Stage) -> None:
    await stage.phone("1001")
    agi = await stage.caller()
    await stage.dial(agi, "1001")
    answered = await stage.wait(ChannelAnswered, "1001")
    await stage.wait(ChannelBridged, "1001")
    await stage.switch.blind_transfer(answered.channel, "q-vip", "cti-transfer")
    done = await stage.wait(TransferDone)
    assert (done.how, done.by, done.extension, done.call_id) == ("blind", "1001", "q-vip", CALL)
    agi.writer.close()
    again = await stage.session()
    assert again.variables["agi_uniqueid"] == agi.variables["agi_uniqueid"]
    assert again.variables["agi_network_script"] == "transfer"


async def test_attended_transfer_by_the_phone(stage: Stage) -> None:
    first = await stage.phone("1001")
    await stage.phone("1002")
    agi = await stage.caller()
    await stage.dial(agi, "1001")
    await stage.wait(ChannelAnswered, "1001")
    await asyncio.wait_for(first.talk.answered.wait(), 5)
    talk = first.talk
    await talk.call.hold()
    consulting = asyncio.create_task(first.call("1002"))
    consult = await stage.session()
    await consult.say("ANSWER")
    await consult.say(f"SET VARIABLE __CTI_CALL_ID {CONSULT}")
    await stage.dial(consult, "1002")
    target = await stage.wait(ChannelAnswered, "1002")
    await first.complete_transfer(talk, await consulting)
    done = await stage.wait(TransferDone)
    assert (done.how, done.by, done.call_id) == ("attended", "1001", CALL)
    assert done.channel == agi.channel
    assert done.target == target.channel
    assert (done.target_endpoint, done.consult_call_id) == ("1002", CONSULT)


async def test_attended_transfer_to_a_line_still_in_a_queue(stage: Stage) -> None:
    first = await stage.phone("1001")
    agi = await stage.caller()
    await stage.dial(agi, "1001")
    await stage.wait(ChannelAnswered, "1001")
    await asyncio.wait_for(first.talk.answered.wait(), 5)
    talk = first.talk
    consulting = asyncio.create_task(first.call("6002"))
    consult = await stage.session()
    await consult.say("ANSWER")
    await consult.say(f"SET VARIABLE __CTI_CALL_ID {CONSULT}")
    waiting = asyncio.create_task(consult.say("WAIT FOR DIGIT 20000"))
    stage.tasks.append(waiting)
    await first.complete_transfer(talk, await consulting)
    done = await stage.wait(TransferDone)
    assert (done.how, done.by, done.call_id, done.consult_call_id) == ("attended", "1001", CALL, CONSULT)
    assert done.channel == agi.channel
    assert done.target is not None
    assert done.target.uniqueid == consult.channel.uniqueid
    assert done.target_endpoint == ""
    # The consulted session goes on, now with the caller's channel in it: that one is woken from now on.
    await stage.switch.wake(done.channel)
    assert await asyncio.wait_for(waiting, 5) == f"200 result={ord('D')}"


@pytest.mark.parametrize("extension", ["1002", "q-vip"])
async def test_attended_transfer_by_us(stage: Stage, extension: str) -> None:
    await stage.phone("1001")
    await stage.phone("1002")
    agi = await stage.caller()
    await stage.dial(agi, "1001", "gtT")
    answered = await stage.wait(ChannelAnswered, "1001")
    await stage.wait(ChannelBridged, "1001")
    await stage.switch.attended_transfer(answered.channel, extension, "cti-transfer")
    consult = await stage.session()
    assert consult.variables["agi_network_script"] == "transfer"
    assert consult.variables["agi_arg_1"] == extension
    await consult.say("ANSWER")
    await stage.dial(consult, "1002")
    await stage.wait(ChannelAnswered, "1002")
    # The agent hears the consulted one before he completes the transfer.
    await stage.wait(ChannelBridged, "1002")
    await stage.switch.hangup(answered.channel)
    done = await stage.wait(TransferDone)
    assert (done.how, done.by, done.call_id) == ("attended", "1001", CALL)
    assert done.channel == agi.channel
    assert done.target is not None
    assert done.target.name.removesuffix("1") == consult.channel.name.removesuffix("2")


async def test_phone_comes_and_goes(stage: Stage) -> None:
    phone = await stage.phone("1003")
    assert "1003" in (await stage.switch.snapshot()).reachable
    await phone.unregister()
    gone = await stage.wait(PhoneReachability, "1003")
    assert not gone.reachable
    assert "1003" not in (await stage.switch.snapshot()).reachable


async def test_a_private_call_makes_the_phone_busy(stage: Stage) -> None:
    phone = await stage.phone("1001")
    calling = asyncio.create_task(phone.call("1002"))
    agi = await stage.session()
    await agi.say("ANSWER")
    await calling
    await stage.wait_busy("1001", True)
    await phone.hang_up()
    agi.writer.close()
    await stage.wait_busy("1001", False)


async def test_waking_a_waiting_caller(stage: Stage) -> None:
    agi = await stage.caller()
    waiting = asyncio.create_task(agi.say("WAIT FOR DIGIT 20000"))
    stage.tasks.append(waiting)
    await asyncio.sleep(0.1)
    await stage.switch.wake(agi.channel)
    assert await asyncio.wait_for(waiting, 5) == f"200 result={ord('D')}"


async def test_variables_reach_the_channel_unchanged(stage: Stage) -> None:
    odd = '{"a":"b,c=d","e":[1,"\\""],"f":"${EXTEN}","g":"(x"}'
    await stage.switch.originate(
        "Local/95598@cti-inbound",
        context="cti-callback",
        extension="s",
        caller="Test <1000>",
        variables={"CTI_CALL_ID": CALL, "CTI_TICKET": odd},
        timeout=10,
        channel_id="cti-test-1",
    )
    agi = await stage.session()
    assert await agi.say("GET VARIABLE CTI_TICKET") == f"200 result=1 ({odd})"
    up = next(e for e in stage.events if isinstance(e, ChannelUp))
    assert up.channel.uniqueid == "cti-test-1"
    await stage.switch.set_variable(agi.channel, "CTI_TICKET", odd[::-1])
    assert await agi.say("GET VARIABLE CTI_TICKET") == f"200 result=1 ({odd[::-1]})"
    await stage.switch.hangup(agi.channel)
    assert (await stage.wait(ChannelEnded)).call_id == CALL


async def test_asterisk_restarted_under_us(new_asterisk: Callable[..., Awaitable[AsteriskInstance]]) -> None:
    asterisk = await new_asterisk(node="lab")
    events: list[SwitchEvent] = []
    ups: asyncio.Queue[LinkUp] = asyncio.Queue()
    switch = AmiSwitch(ami(asterisk, reconnect_max_seconds=0.2), "lab", SystemClock())
    switch.subscribe(events.append)
    switch.subscribe(lambda e: ups.put_nowait(e) if isinstance(e, LinkUp) else None)
    async with switch, asyncio.timeout(30):
        first = await ups.get()
        assert (first.lost_at, first.restarted) == (None, False)
        assert first.version.startswith("22.")
        await asterisk.kill()
        while switch.linked:
            await asyncio.sleep(0.01)
        with pytest.raises(SwitchUnavailable):
            await switch.snapshot()
        # Asterisk's start time has whole seconds; the same second would look like no restart.
        await asyncio.sleep(1)
        await asterisk.start()
        second = await ups.get()
        assert second.restarted
        down = [e for e in events if isinstance(e, LinkDown)]
        assert [e.at for e in down] == [second.lost_at]


async def test_fallback_members_are_kept_in_step(asterisk: AsteriskInstance) -> None:
    async with AmiSwitch(ami(asterisk), asterisk.node, SystemClock()) as switch:
        async with asyncio.timeout(10):
            while not switch.linked:
                await asyncio.sleep(0.01)
        await switch.sync_fallback({"cti-vip": frozenset({"1001", "1002"}), "cti-general": frozenset({"1001"})})
        await switch.sync_fallback({"cti-vip": frozenset({"1002", "1003"}), "cti-general": frozenset()})
        members = await asterisk.cli("queue show cti-vip")
        assert ["1001" in members, "1002" in members, "1003" in members] == [False, True, True]
        assert "No Members" in await asterisk.cli("queue show cti-general")
        with pytest.raises(SwitchRefused, match="nowhere"):
            await switch.sync_fallback({"cti-nowhere": frozenset({"1001"}), "cti-vip": frozenset()})
        assert "No Members" in await asterisk.cli("queue show cti-vip")


async def test_what_the_switch_lacks_is_told(asterisk: AsteriskInstance) -> None:
    async with AmiSwitch(ami(asterisk), asterisk.node, SystemClock()) as switch:
        with pytest.raises(SwitchUnavailable):
            await switch.lacking(["1001"], [])
        async with asyncio.timeout(10):
            while not switch.linked:
                await asyncio.sleep(0.01)
        found = await switch.lacking(["1001", "1001w", "1999", "1,2"], ["cti-vip", "cti-nowhere"])
        assert found == Lacking(frozenset({"1999", "1,2"}), frozenset({"cti-nowhere"}))


async def test_a_wrong_password_is_told_in_plain_words(asterisk: AsteriskInstance) -> None:
    settings = ami(asterisk, password=SecretStr("wrong"))
    async with AmiSwitch(settings, asterisk.node, SystemClock()) as switch:
        async with asyncio.timeout(10):
            while not switch.trouble:
                await asyncio.sleep(0.01)
        assert "CTI_AMI__PASSWORD" in switch.trouble
        assert not switch.linked


@pytest.mark.parametrize("auth", ["plain", "challenge"])
async def test_both_ways_to_log_in(asterisk: AsteriskInstance, auth: str) -> None:
    async with Session(ami(asterisk, auth=auth)) as session:
        assert (await session.send(SimpleAction("Ping"))).get("ping") == "Pong"
