"""A test caller's script as RTP: right packets at the right times, and sound that survives µ-law."""

from __future__ import annotations

import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cti_server.errors import InvalidValue
from cti_server.lab.pcap import (
    DIGIT_FRAMES,
    EVENT_TYPE,
    EVENTS,
    FRAME,
    Digits,
    HangUp,
    Speech,
    Step,
    Wait,
    packets,
    parse_script,
    read_ulaw,
    ulaw,
    write_pcap,
)


def expand(data: bytes) -> NDArray[np.int32]:
    """µ-law to 16 bit, by the formula of G.711."""
    value = ~np.frombuffer(data, np.uint8).astype(np.int32) & 0xFF
    magnitude = (((value & 0x0F) << 3) + 132 << ((value >> 4) & 7)) - 132
    return np.where(value & 0x80, -magnitude, magnitude)


def test_a_script_is_read() -> None:
    assert parse_script(" wait 2.5; digits 10#*;wait 0; hangup ") == [Wait(2.5), Digits("10#*"), Wait(0), HangUp()]
    assert parse_script("") == []


@pytest.mark.parametrize(
    "wrong",
    ["wait", "wait -1", "wait nan", "wait 1e9", "digits 12x", "digits", "speech /no/file.wav", "dance", "hangup now"],
)
def test_a_wrong_step_is_named(wrong: str) -> None:
    with pytest.raises(InvalidValue, match=wrong.split(maxsplit=1)[0]):
        parse_script(f"wait 1; {wrong}")


def test_hanging_up_is_the_last_step() -> None:
    with pytest.raises(InvalidValue, match="last"):
        parse_script("hangup; wait 1")


def test_every_ulaw_code_comes_back() -> None:
    codes = bytes(range(256))
    linear = expand(codes).astype(np.int16)
    again = ulaw(linear)
    assert np.array_equal(expand(again), expand(codes))


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=200))
def test_ulaw_is_within_its_step(samples: list[int]) -> None:
    linear = np.array(samples, dtype=np.int16)
    back = expand(ulaw(linear))
    assert np.all(
        np.abs(back - linear) <= np.maximum(np.abs(linear.astype(np.int32)) / 16, 700 * (np.abs(linear) > 32000) + 8)
    )


steps = st.lists(
    st.one_of(
        st.floats(0, 1).map(Wait),
        st.text(EVENTS, min_size=1, max_size=4).map(Digits),
    ),
    max_size=5,
)


@given(steps)
def test_time_never_stands_still_or_goes_back_and_audio_never_overlaps_an_event(script: list[Step]) -> None:
    sent = list(packets(script))
    frames = [packet.frame for packet in sent if packet.payload_type == 0]
    assert all(b > a for a, b in pairwise(frames))
    events = {packet.frame for packet in sent if packet.payload_type == EVENT_TYPE}
    assert not events & set(frames)
    assert sorted(events | set(frames)) == list(range(len(events | set(frames))))
    assert all(packet.timestamp == packet.frame * FRAME for packet in sent if packet.payload_type == 0)


@given(st.text(EVENTS, min_size=1, max_size=8))
def test_each_digit_is_one_event_as_rfc_4733_wants_it(digits: str) -> None:
    found: dict[int, list[tuple[int, bool, int, bool]]] = {}
    for packet in packets([Digits(digits)]):
        if packet.payload_type == EVENT_TYPE:
            event, flags, duration = struct.unpack("!BBH", packet.payload)
            found.setdefault(packet.timestamp, []).append((event, bool(flags & 0x80), duration, packet.marker))
    assert "".join(EVENTS[event[0][0]] for _, event in sorted(found.items())) == digits
    for event in found.values():
        durations = [duration for _, _, duration, _ in event]
        assert durations == sorted(durations)
        assert durations[-1] == DIGIT_FRAMES * FRAME
        assert [end for _, end, _, _ in event] == [False] * DIGIT_FRAMES + [True] * 3
        assert [marker for *_, marker in event] == [True] + [False] * (DIGIT_FRAMES + 2)


def test_a_pcap_file_holds_the_packets_at_their_times(tmp_path: Path) -> None:
    tone = (np.sin(np.arange(44_100) / 10) * 10_000).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", np.stack([tone, tone], axis=1), 44_100)
    path = tmp_path / "caller.pcap"
    seconds = write_pcap([Wait(0.5), Digits("1"), Speech(tmp_path / "a.wav"), HangUp()], path)
    assert seconds == pytest.approx(0.5 + 0.22 + 1.0, abs=0.021)
    data, at, times = path.read_bytes(), 24, []
    while at < len(data):
        whole, micros, kept, length = struct.unpack_from("<IIII", data, at)
        assert kept == length
        packet = data[at + 16 : at + 16 + length]
        assert packet[12:14] == b"\x08\x00"
        assert struct.unpack_from("!H", packet, 16)[0] == length - 14  # IP says the same length
        assert struct.unpack_from("!H", packet, 38)[0] == length - 34  # and UDP
        times.append(whole + micros / 1e6)
        at += 16 + length
    assert times[0] == 0
    assert times == sorted(times)
    assert times[-1] == pytest.approx(seconds - 0.02)


def test_any_sound_file_becomes_8_khz_mono(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 700 / 16_000 * np.arange(16_000)) * 0.5
    soundfile.write(tmp_path / "b.wav", tone, 16_000)
    samples = expand(read_ulaw(tmp_path / "b.wav"))
    assert len(samples) == 8000
    assert np.argmax(np.abs(np.fft.rfft(samples))) == 700
