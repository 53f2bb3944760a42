"""The AMI parser and encoder: any chunking gives the same messages, nothing sent can break out of its line."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from asterisk.ami.action import Action, SimpleAction
from asterisk.ami.event import Event
from asterisk.ami.response import Response
from hypothesis import given
from hypothesis import strategies as st

from cti_server.asterisk.ami.wire import MAX_LINE, MAX_MESSAGE, Message, Reader, encode, quote
from cti_server.errors import InvalidValue, SwitchUnavailable

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
RECORDED = GREETING + b"".join(
    p.read_bytes() for p in sorted((Path(__file__).parent / "ami_transcripts").glob("*.txt"))
)
EVENT = Message(
    b"Event: Hangup\r\nChannel: PJSIP/1001-0000002a\r\nCallerIDName: a: b\xe2\x80\xa8Event: Fake\r\nAccountCode: \r\n"
    b"ChanVariable: CTI_CALL_ID=x=y\r\nChanVariable: OTHER=1\r\nCause-txt: Normal Clearing\r\nOdd:value"
)


def read(data: bytes, cuts: list[int]) -> list[bytes]:
    reader, messages, edges = Reader(), [], [0, *sorted(cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        messages += reader.feed(data[start:end])
    return [message.raw for message in messages]


@given(st.lists(st.integers(0, len(RECORDED)), max_size=30))
def test_any_chunking_of_a_recording_gives_the_same_messages(cuts: list[int]) -> None:
    assert read(RECORDED, cuts) == RECORDED.removeprefix(GREETING).removesuffix(b"\r\n\r\n").split(b"\r\n\r\n")


words = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=40)
keys = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,20}", fullmatch=True)


@given(st.lists(st.tuples(keys, words), max_size=8, unique_by=lambda header: header[0].lower()), st.integers(1, 40))
def test_messages_survive_byte_by_byte(headers: list[tuple[str, str]], step: int) -> None:
    raw = "\r\n".join(["Event: X", *(f"{k}: {v}" for k, v in headers)]).encode()
    data = GREETING + (raw + b"\r\n\r\n") * 3
    assert read(data, list(range(0, len(data), step))) == [raw] * 3
    assert list(Message(raw).headers()) == headers
    for key, value in headers:
        assert Message(raw).all(key.upper()) == [value]
        assert Message(raw).get(key) == Message(raw).get(key.swapcase()) == value


@given(keys, st.dictionaries(keys, words, max_size=6))
def test_what_is_encoded_is_read_back(name: str, values: dict[str, str]) -> None:
    (message,) = Reader().feed(GREETING + encode(Action(name, values)))
    assert message.raw.startswith(f"Action: {name}".encode())
    assert list(message.headers()) == list(values.items())


@given(st.text(), st.text())
def test_no_value_can_add_a_header(key: str, value: str) -> None:
    try:
        data = encode(Action("Originate", {key: value}, {"A": value}))
    except InvalidValue:
        return
    assert data.count(b"\r\n") == 4
    assert data.endswith(b"\r\n\r\n")
    assert data.count(b"\r") == data.count(b"\n") == 4
    assert b"\0" not in data


@pytest.mark.parametrize("bad", ["a\r\nAction: Command", "a\n", "a\r", "a\0"])
@pytest.mark.parametrize("place", ["name", "key", "value", "variable", "variable_value"])
def test_line_ends_are_refused_everywhere(bad: str, place: str) -> None:
    fields = dict.fromkeys(("name", "key", "value", "variable", "variable_value"), "A") | {place: bad}
    action = Action(fields["name"], {fields["key"]: fields["value"]}, {fields["variable"]: fields["variable_value"]})
    with pytest.raises(InvalidValue):
        encode(action)


def test_a_line_asterisk_would_discard_is_refused_here() -> None:
    encode(SimpleAction("Setvar", Value="x" * 1000))
    with pytest.raises(InvalidValue, match="1023 bytes"):
        encode(SimpleAction("Setvar", Value="线" * 400))


def test_a_variable_value_cannot_set_another_variable() -> None:
    assert b"Variable: T=a\\,B=c\r\n" in encode(Action("Originate", {}, {"T": "a,B=c"}))
    assert quote('\\"(),[]x') == '\\\\\\"\\(\\)\\,\\[\\]x'


def test_headers_are_found_by_name_alone() -> None:
    assert EVENT.name == "Hangup"
    assert EVENT.get("channel") == EVENT.get("Channel") == "PJSIP/1001-0000002a"
    assert EVENT.get("AccountCode", "none") == ""
    assert EVENT.get("ODD") == "value"
    assert EVENT.get("Chan", "none") == "none"
    assert EVENT.get("CallerIDName") == "a: b\u2028Event: Fake"
    assert EVENT.all("chanvariable") == ["CTI_CALL_ID=x=y", "OTHER=1"]
    assert EVENT.variables() == {"CTI_CALL_ID": "x=y", "OTHER": "1"}


def test_messages_become_asterisk_amis_types() -> None:
    event = EVENT.as_event()
    assert isinstance(event, Event)
    assert (event.name, event["Cause-txt"], event["CallerIDName"]) == (
        "Hangup",
        "Normal Clearing",
        "a: b\u2028Event: Fake",
    )
    assert event["ChanVariable"] == {"CTI_CALL_ID": "x=y", "OTHER": "1"}
    response = Message(b"Response: Error\r\nMessage: no\r\nOutput: a\r\nOutput: b").as_response()
    assert isinstance(response, Response)
    assert response.is_error()
    assert response.keys["Output"] == "a\nb"


def test_recorded_events_read_as_asterisk_ami_reads_them() -> None:
    for raw in read(RECORDED, []):
        theirs, ours = Event.read(raw.decode()), Message(raw).as_event()
        assert (theirs.name, theirs.keys) == (ours.name, ours.keys)


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"x", b"Asterisk Call Manager/" + b"1" * 90])
def test_another_protocol_is_named(greeting: bytes) -> None:
    with pytest.raises(SwitchUnavailable, match="does not speak AMI"):
        Reader().feed(greeting)


def test_the_greeting_tells_the_version_and_may_come_in_pieces() -> None:
    reader = Reader()
    assert [reader.feed(GREETING[i : i + 1]) for i in range(len(GREETING))] == [[]] * len(GREETING)
    assert reader.version == "11.0.0"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"Event: X\r\nKey: " + b"x" * MAX_LINE, "line"),
        (b"Event: X\r\n" + b"Key: value\r\n" * (MAX_MESSAGE // 12 + 1), "message"),
        (b"Event: X\r\n" + b"Key: value\r\n" * (MAX_MESSAGE // 12 + 1) + b"\r\n", "message"),
    ],
)
def test_endless_input_ends_with_a_clear_error(data: bytes, what: str) -> None:
    with pytest.raises(SwitchUnavailable, match=what):
        read(GREETING + data, list(range(0, len(data), 4096)))
    with pytest.raises(SwitchUnavailable, match=what):
        Reader().feed(GREETING + data)
