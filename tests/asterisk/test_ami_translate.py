"""Recorded AMI beside the switch events it must yield: `ami_transcripts/<story>.txt` and `.events`.

The transcripts come from a real Asterisk (tests/real/test_ami_calls.py). A bug report becomes one more pair.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import structlog

from cti_server.asterisk import tables
from cti_server.asterisk.ami.wire import Message
from cti_server.asterisk.resync import merge, phones
from cti_server.asterisk.tables import endpoint_of
from cti_server.asterisk.translate import Translator, parse_duration, parse_stamp
from cti_server.domain.ids import ChannelRef
from cti_server.ports import (
    ChannelBridged,
    ChannelEnded,
    ChannelEvent,
    ChannelUnbridged,
    ChannelUp,
    LiveChannel,
    PhoneBusy,
    PhoneReachability,
    SwitchEvent,
    SwitchSnapshot,
    TransferDone,
)

TRANSCRIPTS = Path(__file__).parent / "ami_transcripts"
STORIES = sorted(TRANSCRIPTS.glob("*.txt"))


class StillClock:
    def now(self) -> int:
        return 77

    def monotonic(self) -> float:
        return 0.0


def translator() -> Translator:
    return Translator("lab", StillClock())


def translate(raw: bytes) -> list[SwitchEvent]:
    translate = translator()
    return [event for part in raw.split(b"\r\n\r\n") if part for event in translate(Message(part))]


class Teller:
    """Events as lines that stay the same from one recording to the next: channels and bridges by order of appearance."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def line(self, event: SwitchEvent) -> str:
        fields = ((f.name, getattr(event, f.name)) for f in dataclasses.fields(event))
        shown = [f"{k}={self._show(k, v)}" for k, v in fields if k not in ("at", "node") and v not in (None, "")]
        return " ".join([type(event).__name__, *shown])

    def _show(self, key: str, value: object) -> str:
        if isinstance(value, ChannelRef):
            kind = re.sub(r"-[0-9a-f]{8}", "", value.name)
            return self._names.setdefault(value.uniqueid, f"{kind}#{len(self._names) + 1}")
        if key == "bridge":
            return self._names.setdefault(str(value), f"bridge#{len(self._names) + 1}")
        return str(value).removeprefix("018f0000-0000-7000-8000-00000000")


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_story(story: Path) -> None:
    tell = Teller()
    told = [tell.line(event) for event in translate(story.read_bytes())]
    assert told == story.with_suffix(".events").read_text().splitlines()


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_times_are_asterisks_own_and_in_order(story: Path) -> None:
    times = [event.at for event in translate(story.read_bytes())]
    assert times == sorted(times)
    assert all(time > 1_700_000_000_000_000 for time in times)


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_every_channel_of_a_story_is_gone_at_its_end(story: Path) -> None:
    events = translate(story.read_bytes())
    empty = SwitchSnapshot((), frozenset())
    assert merge(empty, events).channels == ()
    assert merge(merge(empty, events), events) == merge(empty, events)


def test_a_resync_gives_the_same_state_wherever_the_lists_fell() -> None:
    """The lists show some moment between login and now; events from before and after it are applied all the same."""
    events = translate((TRANSCRIPTS / "talk_with_hold.txt").read_bytes())
    empty = SwitchSnapshot((), frozenset())
    for until in range(len(events)):
        truth = merge(empty, events[:until])
        for listed in range(until + 1):
            at_lists = merge(empty, events[:listed])
            merged = merge(at_lists, events[:until])
            assert {c.channel.key for c in merged.channels} == {c.channel.key for c in truth.channels}
            assert {(c.channel.key, c.bridge) for c in merged.channels} == {
                (c.channel.key, c.bridge) for c in truth.channels
            }
            assert (merged.reachable, merged.busy) == (truth.reachable, truth.busy)


def test_an_event_without_a_timestamp_takes_our_clock() -> None:
    (event,) = translator()(Message(b"Event: Newchannel\r\nChannel: PJSIP/1001-0000002a\r\nUniqueid: 1.2"))
    assert event == ChannelUp(
        at=77, node="lab", channel=ChannelRef("lab", "1.2", "PJSIP/1001-0000002a"), call_id=None, endpoint="1001"
    )


@pytest.mark.parametrize(
    ("channel", "endpoint"),
    [
        ("PJSIP/1001-0000002a", "1001"),
        ("PJSIP/sales-desk-0000002a", "sales-desk"),
        ("PJSIP/1001-0000002a<ZOMBIE>", "1001"),
        ("Local/600@cti-agents-00000001;1", ""),
        ("PJSIP/1001", ""),
        ("", ""),
    ],
)
def test_endpoint_of_a_channel_name(channel: str, endpoint: str) -> None:
    assert endpoint_of(channel) == endpoint


def test_stamps_are_exact() -> None:
    assert parse_stamp("1795295845.886596") == 1_795_295_845_886_596
    assert parse_stamp("1795295845.000001") == 1_795_295_845_000_001
    assert parse_stamp("1795295845.1") is None
    assert parse_stamp("") is None
    assert parse_duration("01:02:03") == 3723
    assert parse_duration("nonsense") == 0


def test_failed_transfers_are_no_transfers() -> None:
    failed = b"Event: %b\r\nResult: Fail\r\nTransfereeUniqueid: 1.1\r\nTransfereeChannel: PJSIP/1001-00000001"
    assert list(translator()(Message(failed % b"BlindTransfer"))) == []
    assert list(translator()(Message(failed % b"AttendedTransfer"))) == []
    lonely = b"Event: BlindTransfer\r\nResult: Success\r\nTransfererChannel: PJSIP/1001-00000001"
    assert list(translator()(Message(lonely))) == []


def test_an_unknown_word_is_logged_once() -> None:
    table = tables.Table("colour", {"Red": "red"}, "unknown")
    with structlog.testing.capture_logs() as logs:
        assert [table["RED"], table["Blue"], table["Blue"]] == ["red", "unknown", "unknown"]
    assert [entry["word"] for entry in logs] == ["Blue"]


def device(state: str, name: str = "PJSIP/1001") -> Message:
    return Message(f"Event: DeviceStateChange\r\nDevice: {name}\r\nState: {state}".encode())


def contact(status: str, uri: str = "sip:a") -> Message:
    return Message(f"Event: ContactStatus\r\nURI: {uri}\r\nContactStatus: {status}\r\nEndpointName: 1001".encode())


def told(*messages: Message) -> list[bool | str]:
    translate = translator()
    return [_word(event) for message in messages for event in translate(message)]


def _word(event: SwitchEvent) -> bool | str:
    if isinstance(event, PhoneReachability):
        return event.reachable
    assert isinstance(event, PhoneBusy)
    return f"busy={event.busy}"


def test_a_phone_tells_changes_only() -> None:
    assert told(device("NOT_INUSE"), device("NOT_INUSE"), contact("NonQualified")) == [True, "busy=False"]
    assert told(device("NOT_INUSE"), device("INUSE"), device("BUSY"), device("UNAVAILABLE")) == [
        True, "busy=False", "busy=True", False, "busy=False",
    ]  # fmt: skip
    assert told(device("INUSE", "Queue:x_avail"), device("INUSE", "Custom:1001")) == []


def test_a_phone_with_two_contacts_is_reachable_until_the_last_goes() -> None:
    two = (contact("Reachable", "sip:a"), contact("Reachable", "sip:b"))
    assert told(*two, contact("Removed", "sip:a")) == [True]
    assert told(*two, contact("Removed", "sip:a"), contact("Unreachable", "sip:b")) == [True, False]
    # The link is young and never heard of that contact: another one may still live, the device state decides.
    assert told(contact("Removed", "sip:old")) == []


def test_phones_of_a_device_list() -> None:
    states = [
        device("INUSE"),
        device("NOT_INUSE", "PJSIP/1002"),
        device("UNAVAILABLE", "PJSIP/1003"),
        device("BUSY", "SIP/1"),
    ]
    assert phones(states) == (frozenset({"1001", "1002"}), frozenset({"1001"}))


def test_merge_keeps_what_lists_and_events_say() -> None:
    ref = ChannelRef("lab", "1.1", "PJSIP/1001-00000001")
    live = LiveChannel(ref, None, "1001", "up", "b1", "Dial", 9)
    start = SwitchSnapshot((live,), frozenset({"1001"}), frozenset())
    late_leave = ChannelUnbridged(at=1, node="lab", channel=ref, bridge="b0")
    assert merge(start, [late_leave]).channels == (live,)
    moved = merge(start, [ChannelBridged(at=1, node="lab", channel=ref, bridge="b2")])
    assert moved.channels[0].bridge == "b2"
    assert merge(start, [ChannelEnded(at=2, node="lab", channel=ref)]).channels == ()
    other = TransferDone(at=1, node="lab", channel=ref, how="blind", by="1001")
    assert isinstance(other, ChannelEvent)
    assert merge(start, [other]) == start
