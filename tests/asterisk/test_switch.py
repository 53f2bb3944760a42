"""AmiSwitch: what it sends, what it refuses to send, and that a resync loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from cti_server.asterisk.ami.wire import Message
from cti_server.asterisk.switch import AmiSwitch
from cti_server.clock import SystemClock
from cti_server.domain.ids import ChannelRef
from cti_server.errors import InvalidValue, SwitchRefused, SwitchUnavailable
from cti_server.ports import ChannelEnded, ChannelUp, LinkDown, LinkUp, Switch, SwitchEvent
from tests.asterisk.ami_fake import FakeAmi, reply, reply_list

CHANNEL = ChannelRef("lab", "lab-1.1", "PJSIP/1001-00000001")


@pytest.fixture
async def fake() -> AsyncIterator[FakeAmi]:
    async with FakeAmi() as fake:
        yield fake


class Told:
    def __init__(self, switch: AmiSwitch) -> None:
        self.events: list[SwitchEvent] = []
        self._news = asyncio.Event()
        switch.subscribe(self._take)

    def _take(self, event: SwitchEvent) -> None:
        self.events.append(event)
        self._news.set()

    async def until(self, kind: type[SwitchEvent], count: int = 1) -> Any:
        async with asyncio.timeout(10):
            while len(found := [e for e in self.events if isinstance(e, kind)]) < count:
                self._news.clear()
                await self._news.wait()
        return found[count - 1]


@pytest.fixture
async def switch(fake: FakeAmi) -> AsyncIterator[AmiSwitch]:
    async with AmiSwitch(fake.settings(), "lab", SystemClock()) as switch:
        await Told(switch).until(LinkUp)
        yield switch


def sent(fake: FakeAmi, name: str) -> dict[str, str]:
    last = next(m for m in reversed(fake.actions) if m.name == name)
    return {key: value for key, value in last.headers() if key != "ActionID"}


async def test_wishes_as_actions(fake: FakeAmi, switch: AmiSwitch) -> None:
    as_port: Switch = switch
    await as_port.wake(CHANNEL)
    assert sent(fake, "PlayDTMF") == {"Channel": "lab-1.1", "Digit": "D", "Receive": "true"}
    await as_port.hangup(CHANNEL)
    assert sent(fake, "Hangup") == {"Channel": "lab-1.1", "Cause": "16"}
    await as_port.blind_transfer(CHANNEL, "q-vip", "cti-transfer")
    assert sent(fake, "BlindTransfer") == {"Channel": "lab-1.1", "Context": "cti-transfer", "Exten": "q-vip"}
    await as_port.set_variable(CHANNEL, "CTI_X", 'a,b{"')
    assert sent(fake, "Setvar") == {"Channel": "lab-1.1", "Variable": "CTI_X", "Value": 'a,b{"'}


async def test_originate_passes_variables_on(fake: FakeAmi, switch: AmiSwitch) -> None:
    await switch.originate(
        "PJSIP/1001", context="cti-callback", extension="s", caller="+861", variables={"CTI_A": "1,B=2"}, timeout=2.5
    )
    assert sent(fake, "Originate") == {
        "Channel": "PJSIP/1001", "Context": "cti-callback", "Exten": "s", "Priority": "1", "CallerID": "+861",
        "Timeout": "2500", "Async": "true", "Variable": "__CTI_A=1\\,B=2",
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "PJSIP/1001&PJSIP/1002"},
        {"target": "PJSIP/1001,30,U(x)"},
        {"target": "DAHDI/1"},
        {"target": "PJSIP/1\r\nAction: Command"},
        {"context": "a,b"},
        {"extension": "1 2"},
        {"extension": ""},
        {"caller": '"x" <1>\r\n'},
        {"variables": {"A,B": "1"}},
        {"variables": {"A": "1\n2"}},
        {"channel_id": "/all/"},
    ],
)
async def test_nothing_odd_is_originated(fake: FakeAmi, switch: AmiSwitch, changes: Mapping[str, Any]) -> None:
    wish: dict[str, Any] = {
        "target": "PJSIP/1001", "context": "c", "extension": "s", "caller": "1", "variables": {}, "timeout": 1, **changes
    }  # fmt: skip
    with pytest.raises(InvalidValue):
        await switch.originate(wish.pop("target"), **wish)
    assert not any(m.name == "Originate" for m in fake.actions)


@pytest.mark.parametrize("name", ["/^PJSIP.*$/", "a b", "", "x\r\n", "x" * 151])
async def test_no_pattern_passes_for_a_channel(switch: AmiSwitch, name: str) -> None:
    with pytest.raises(InvalidValue):
        await switch.hangup(ChannelRef("lab", name))


async def test_events_that_come_during_the_resync_are_kept_and_merged(fake: FakeAmi) -> None:
    def lists(request: Message) -> bytes:
        # Ended is told before the list that still shows the channel; Born after the list that does not.
        fake.send(
            b"Event: Hangup\r\nSystemName: lab-x7\r\nChannel: PJSIP/1001-00000001\r\nUniqueid: old\r\nCause: 16\r\n\r\n"
        )
        fake.send(b"Event: Newchannel\r\nSystemName: lab-x7\r\nChannel: PJSIP/1002-00000002\r\nUniqueid: new\r\n\r\n")
        old = {
            "Event": "CoreShowChannel",
            "Channel": "PJSIP/1001-00000001",
            "Uniqueid": "old",
            "ChannelStateDesc": "Up",
        }
        return reply_list(request, old)

    fake.answers["CoreShowChannels"] = lists
    fake.answers["DeviceStateList"] = lambda m: b""
    switch = AmiSwitch(fake.settings(), "lab", SystemClock())
    told = Told(switch)
    async with switch:
        async with asyncio.timeout(5):
            while len(switch._kept or ()) < 2:
                await asyncio.sleep(0.005)
        assert told.events == []
        assert not switch.linked
        fake.answers["DeviceStateList"] = reply_list
        last = next(m for m in fake.actions if m.name == "DeviceStateList")
        for writer in fake._writers:
            writer.write(reply_list(last))
        up = await told.until(LinkUp)
    assert [c.channel.uniqueid for c in up.snapshot.channels] == ["new"]
    assert [type(e) for e in told.events] == [ChannelEnded, ChannelUp, LinkUp, LinkDown]


async def test_down_once_and_up_again(fake: FakeAmi) -> None:
    switch = AmiSwitch(fake.settings(), "lab", SystemClock())
    told = Told(switch)
    async with switch:
        await told.until(LinkUp)
        fake.hang_up()
        down = await told.until(LinkDown)
        second = await told.until(LinkUp, 2)
        assert (second.lost_at, second.restarted) == (down.at, False)
        fake.answers["CoreStatus"] = lambda m: reply(m, CoreStartupDate="2026-01-03", CoreStartupTime="00:00:00")
        fake.hang_up()
        assert (await told.until(LinkUp, 3)).restarted
    assert [type(e) for e in told.events] == [LinkUp, LinkDown] * 3
    with pytest.raises(SwitchUnavailable):
        await switch.wake(CHANNEL)


async def test_a_subscriber_that_fails_does_not_rob_the_others(fake: FakeAmi) -> None:
    switch = AmiSwitch(fake.settings(), "lab", SystemClock())

    def fail(event: SwitchEvent) -> None:
        raise RuntimeError(event)

    undo = switch.subscribe(fail)
    told = Told(switch)
    async with switch:
        await told.until(LinkUp)
    undo()
    undo()


async def test_fallback_queues_get_the_difference_only(fake: FakeAmi, switch: AmiSwitch) -> None:
    def member(queue: str, endpoint: str, membership: str = "dynamic") -> dict[str, str]:
        return {"Event": "QueueMember", "Queue": queue, "Location": f"PJSIP/{endpoint}", "Membership": membership}

    fake.answers["QueueStatus"] = lambda m: reply_list(
        m, {"Event": "QueueParams", "Queue": "cti-a"}, member("cti-a", "1"), member("cti-a", "2"),
        member("cti-a", "3", "static"), member("cti-b", "9"),
    )  # fmt: skip
    await switch.sync_fallback({"cti-a": frozenset({"2", "3", "4"})})
    changes = [
        (m.name, m.get("Queue"), m.get("Interface")) for m in fake.actions if m.name in ("QueueAdd", "QueueRemove")
    ]
    assert changes == [("QueueAdd", "cti-a", "PJSIP/4"), ("QueueRemove", "cti-a", "PJSIP/1")]
    fake.answers["QueueAdd"] = lambda m: reply(m, "Error", Message="No such queue")
    with pytest.raises(SwitchRefused, match="cti-c"):
        await switch.sync_fallback({"cti-c": frozenset({"1"}), "cti-b": frozenset()})
    assert sent(fake, "QueueRemove")["Queue"] == "cti-b"
    with pytest.raises(InvalidValue):
        await switch.sync_fallback({"cti-a": frozenset({"1,2"})})


async def test_an_event_that_does_not_bear_the_systems_name_is_not_believed(fake: FakeAmi) -> None:
    switch = AmiSwitch(fake.settings(), "lab", SystemClock())
    told = Told(switch)
    async with switch:
        await told.until(LinkUp)
        for name, ids in (("lab", ("forged",)), ("lab-x7", ("one", "two")), ("lab-x7", ("true",))):
            lines = "".join(f"Uniqueid: {unique}\r\n" for unique in ids)
            fake.send(f"Event: Hangup\r\nSystemName: {name}\r\nChannel: PJSIP/1001-00000001\r\n{lines}\r\n".encode())
        await told.until(ChannelEnded)
    assert [event.channel.uniqueid for event in told.events if isinstance(event, ChannelEnded)] == ["true"]
