"""What a test caller says and presses, as one pcap file of RTP that sipp plays (`play_pcap_audio`).

A script is steps with `;` between them: `wait 2.5; digits 10000018#; speech hello.wav; hangup`. Audio is PCMU, 20 ms a packet
(RFC 3551); digits are RFC 4733 events of payload type 101. One file for both, because sipp cannot mix its own two ways.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from cti_server.errors import InvalidValue

RATE = 8000
FRAME = 160
"""Samples in one packet: 20 ms."""
EVENT_TYPE = 101
DIGIT_FRAMES = 6
"""120 ms a digit …"""
GAP_FRAMES = 5
"""… and 100 ms between two."""
END_REPEATS = 3
SILENCE = b"\xff" * FRAME
EVENTS = "0123456789*#ABCD"
LONGEST = 3600.0


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class Digits:
    digits: str


@dataclass(frozen=True, slots=True)
class Speech:
    path: Path


@dataclass(frozen=True, slots=True)
class HangUp:
    """The caller hangs up here. A script without it stays until the other side hangs up."""


Step = Wait | Digits | Speech | HangUp


def parse_script(text: str) -> list[Step]:
    """Raises InvalidValue that names the wrong step."""
    steps = [_step(part.strip()) for part in text.split(";") if part.strip()]
    if any(isinstance(step, HangUp) for step in steps[:-1]):
        raise InvalidValue("script: `hangup` can only be the last step")
    return steps


def _step(text: str) -> Step:
    word, _, rest = text.partition(" ")
    rest = rest.strip()
    match word:
        case "wait" if _is_seconds(rest):
            return Wait(float(rest))
        case "digits" if rest and all(digit in EVENTS for digit in rest):
            return Digits(rest)
        case "speech" if Path(rest).is_file():
            return Speech(Path(rest))
        case "hangup" if not rest:
            return HangUp()
    raise InvalidValue(f"script: {text!r} is none of `wait SECONDS`, `digits KEYS`, `speech WAV-FILE`, `hangup`")


def _is_seconds(text: str) -> bool:
    try:
        return 0 <= float(text) <= LONGEST
    except ValueError:
        return False


def ulaw(samples: NDArray[np.int16]) -> bytes:
    """ITU-T G.711 µ-law of 16-bit samples."""
    linear = samples.astype(np.int32)
    magnitude = np.minimum(np.abs(linear), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(linear < 0, 0x80, 0)
    return bytes((~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8))


def read_ulaw(path: Path) -> bytes:
    """Any sound file as 8 kHz mono µ-law, padded to whole packets."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), rate, RATE)
    data = ulaw(np.clip(mono * 32767, -32768, 32767).astype(np.int16))
    return data + b"\xff" * (-len(data) % FRAME)


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet, `frame` × 20 ms after the start."""

    frame: int
    payload_type: int
    timestamp: int
    payload: bytes
    marker: bool = False


def packets(steps: Sequence[Step]) -> Iterator[Packet]:
    """The whole script as RTP; audio pauses while an event is sent, as phones do."""
    frame = 0
    for step in steps:
        made: Iterator[Packet]
        match step:
            case Wait(seconds):
                made = _audio(frame, SILENCE * round(seconds * RATE / FRAME))
            case Speech(path):
                made = _audio(frame, read_ulaw(path))
            case Digits(digits):
                made = _digits(frame, digits)
            case HangUp():
                return
        for packet in made:
            frame = packet.frame + 1
            yield packet


def _audio(frame: int, sound: bytes) -> Iterator[Packet]:
    for index in range(len(sound) // FRAME):
        yield Packet(frame + index, 0, (frame + index) * FRAME, sound[index * FRAME : (index + 1) * FRAME])


def _digits(frame: int, digits: str) -> Iterator[Packet]:
    for digit in digits:
        yield from _event(frame, EVENTS.index(digit))
        yield from _audio(frame + DIGIT_FRAMES, SILENCE * GAP_FRAMES)
        frame += DIGIT_FRAMES + GAP_FRAMES


def _event(frame: int, event: int) -> Iterator[Packet]:
    start = frame * FRAME
    for index in range(DIGIT_FRAMES):
        payload = struct.pack("!BBH", event, 10, (index + 1) * FRAME)
        yield Packet(frame + index, EVENT_TYPE, start, payload, marker=index == 0)
    for _ in range(END_REPEATS):
        payload = struct.pack("!BBH", event, 0x80 | 10, DIGIT_FRAMES * FRAME)
        yield Packet(frame + DIGIT_FRAMES - 1, EVENT_TYPE, start, payload)


def write_pcap(steps: Sequence[Step], path: Path) -> float:
    """Write the script to `path`; returns its length in seconds."""
    last = -1
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for sequence, packet in enumerate(packets(steps)):
            last = packet.frame
            file.write(_record(packet, sequence))
    return (last + 1) * FRAME / RATE


def _record(packet: Packet, sequence: int) -> bytes:
    kind = packet.payload_type | (0x80 if packet.marker else 0)
    rtp = (
        struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, packet.timestamp & 0xFFFFFFFF, 0x43544931) + packet.payload
    )
    udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\2", b"\x7f\0\0\1")
    frame = bytes(12) + b"\x08\x00" + ip + udp
    seconds, micros = divmod(packet.frame * 20_000, 1_000_000)
    return struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame
