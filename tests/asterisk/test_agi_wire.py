"""The AGI protocol layer: what Asterisk sends is read whole however it is cut; what we send arrives as given."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.asterisk.agi.wire import (
    MAX_ANSWER,
    MAX_VARIABLES,
    AgiMalformed,
    Answer,
    HungUp,
    Message,
    Opened,
    Parser,
    encode,
)
from cti_server.errors import InvalidValue

OPENING = b"agi_network: yes\nagi_network_script: call\nagi_callerid: 13900000001\nagi_arg_1: a b\n\n"
TRANSCRIPT = (
    OPENING
    + b"200 result=0\n200 result=49 endpos=8000\n200 result=1 (13900000001)\n200 result=1 (a (b) \xe4\xb8\xad)\n"
    + b"200 result=-1 (hangup) endpos=12\nHANGUP\n510 Invalid or unknown command\n200 result=1 (two\nlines)\n200 result=1 ()\n"
    + b"520-Invalid command syntax.  Proper usage follows:\n Usage: X\n520 End of proper usage.\nHANGUP\n200 result= (timeout)\n"
)
MESSAGES: list[Message] = [
    Opened({"network": "yes", "network_script": "call", "callerid": "13900000001", "arg_1": "a b"}),
    Answer(200, "0"),
    Answer(200, "49", endpos=8000),
    Answer(200, "1", "13900000001"),
    Answer(200, "1", "a (b) 中"),
    Answer(200, "-1", "hangup", 12),
    HungUp(),
    Answer(510, data="Invalid or unknown command"),
    Answer(200, "1", "two\nlines"),
    Answer(200, "1", ""),
    Answer(520, data="Invalid command syntax.  Proper usage follows:\n Usage: X\n520 End of proper usage."),
    HungUp(),
    Answer(200, "", "timeout"),
]


def asterisk_split(line: bytes) -> list[str]:
    """Asterisk's own splitter (parse_args in res_agi.c), step by step."""
    words: list[bytearray] = []
    quoted = escaped = False
    whitespace = True
    for byte in line:
        char = bytes([byte])
        if char == b'"' and not escaped:
            quoted = not quoted
            if quoted and whitespace:
                words.append(bytearray())
                whitespace = False
        elif char in b" \t" and not quoted and not escaped:
            whitespace = True
        elif char == b"\\" and not escaped:
            escaped = True
            continue
        else:
            if whitespace:
                words.append(bytearray())
                whitespace = False
            words[-1] += char
        escaped = False
    return [word.decode() for word in words]


@given(st.lists(st.integers(0, len(TRANSCRIPT)), max_size=20))
def test_any_chunking_gives_the_same_messages(cuts: list[int]) -> None:
    parser = Parser()
    edges = [0, *sorted(cuts), len(TRANSCRIPT)]
    found = [m for a, b in itertools.pairwise(edges) for m in parser.feed(TRANSCRIPT[a:b])]
    assert found == MESSAGES


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=40), max_size=6)
)
def test_every_argument_arrives_as_given(arguments: list[str]) -> None:
    line = encode("EXEC", *arguments)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert asterisk_split(line[:-1]) == ["EXEC", *arguments]


@given(st.text(max_size=20), st.sampled_from("\r\n\0"), st.text(max_size=20))
def test_line_ends_and_nul_are_never_sent(before: str, bad: str, after: str) -> None:
    with pytest.raises(InvalidValue):
        encode("SET VARIABLE", "X", before + bad + after)


def test_a_command_longer_than_asterisks_buffer_is_refused() -> None:
    assert len(encode("EXEC", "a" * 1990)) <= 2000
    with pytest.raises(InvalidValue, match="shorten"):
        encode("EXEC", "中" * 700)


@given(st.lists(st.binary(max_size=200), max_size=10), st.booleans())
def test_arbitrary_bytes_raise_nothing_but_the_wires_own_error(chunks: list[bytes], opened: bool) -> None:
    parser = Parser(max_line=256)
    if opened:
        parser.feed(OPENING)
    with contextlib.suppress(AgiMalformed):
        for chunk in chunks:
            parser.feed(chunk)


@given(st.text(st.sampled_from("200 result=-1(endpos)HANGUP5\n: agi_-"), max_size=400))
def test_almost_right_lines_raise_nothing_but_the_wires_own_error(text: str) -> None:
    parser = Parser(max_line=256)
    parser.feed(OPENING)
    with contextlib.suppress(AgiMalformed):
        parser.feed(text.encode())


@pytest.mark.parametrize(
    "flood",
    [
        b"x" * 300,
        b"agi_a: " + b"x" * 300 + b"\n",
        b"".join(b"agi_%d: x\n" % i for i in range(MAX_VARIABLES + 1)),
        b"GET / HTTP/1.1\r\n",
        OPENING + b"520-a\n" + b"b\n" * (MAX_VARIABLES + 1),
        OPENING + b"200 result=1 (a\n" + b"b\n" * (MAX_VARIABLES + 1),
        OPENING + b"hello\n",
        b"agi_callerid: 1\r\nagi_dnid: 2\nagi_dnid: 95598\n",
        b"agi_callerid: 1\nagi_arg_1: evil\nagi_calleridname: x\n",
        b"agi_arg_2: x\n",
        b"agi_callerid: 1\n\nagi_calleridname: x\n",
        OPENING + b"200 result=0 endpos=" + b"9" * 200 + b"\n",
    ],
)
def test_floods_and_strangers_are_refused(flood: bytes) -> None:
    parser = Parser(max_line=256)
    with pytest.raises(AgiMalformed):
        parser.feed(flood)


def test_an_answer_of_endless_long_lines_is_refused() -> None:
    parser = Parser()
    parser.feed(OPENING + b"520-usage\n")
    with pytest.raises(AgiMalformed, match=str(MAX_ANSWER)):
        parser.feed((b"x" * 8000 + b"\n") * 10)
