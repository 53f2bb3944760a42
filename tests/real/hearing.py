"""A caller with ears and fingers: sipp does the signalling, we are his audio. He presses keys when something has happened
instead of by the clock, keeps what he hears, and says how long he heard nothing.

Silence is judged at his end of the line: a span in which no packet, or none with sound in it, came in. What he lets pass
before he presses a key or hangs up is his own time and does not count; what follows until he hears something does.
"""

from __future__ import annotations

import asyncio
import struct
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from cti_server.domain import facts as f
from cti_server.domain.aloud import is_pause
from cti_server.domain.flows.texts import words
from cti_server.domain.ids import CallId
from cti_server.domain.phrases import phrase
from cti_server.lab.pcap import EVENT_TYPE, EVENTS, FRAME, RATE, SILENCE
from cti_server.lab.sipp import CARRIER, free_udp_port
from cti_server.lab.sipp_reports import CallReport, read_messages
from cti_server.lab.sipp_scenarios import call_end, call_opening, caller_keys, hang_up_request
from tests.real.centre import PATIENCE, Centre

F = TypeVar("F", bound=f.CallFact)
Samples = NDArray[np.float32]

TICK = FRAME / RATE
KEY_FRAMES, GAP_FRAMES = 5, 3
"""100 ms a key, 60 ms between two."""
LOUD = 90.0
"""Mean amplitude (of 32768) above which a packet holds sound: 50 dB below full scale, the gaps inside words are less."""
PAUSE = 0.8
"""Longest pause between two pieces of a sentence, seconds."""
SAME = 0.7
"""Correlation from which two sounds are the same recording."""


def _ulaw_table() -> Samples:
    """ITU-T G.711."""
    codes = ~np.arange(256, dtype=np.uint8)
    magnitude = ((((codes & 0x0F).astype(np.int32) << 3) + 132) << ((codes >> 4) & 7).astype(np.int32)) - 132
    return np.where(codes & 0x80, -magnitude, magnitude).astype(np.float32)


def _alaw_table() -> Samples:
    codes = np.arange(256, dtype=np.uint8) ^ 0x55
    mantissa = ((codes & 0x0F).astype(np.int32) << 4) + 8
    exponent = ((codes >> 4) & 7).astype(np.int32)
    magnitude = np.where(exponent == 0, mantissa, (mantissa + 256) << np.maximum(exponent - 1, 0))
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.float32)


ULAW, ALAW = _ulaw_table(), _alaw_table()


def alaw(path: Path) -> Samples:
    """A prompt file (8 kHz A-law without header)."""
    return ALAW[np.frombuffer(path.read_bytes(), dtype=np.uint8)]


def places(sound: Samples, heard: Samples) -> list[float]:
    """Seconds into `heard` at which `sound` begins, by normalised correlation."""
    if len(heard) < len(sound) or not np.any(sound):
        return []
    size = 1 << (len(heard) + len(sound)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sound, size)), size)
    product = product[: len(heard) - len(sound) + 1]
    power = np.cumsum(np.concatenate([[0.0], heard.astype(np.float64) ** 2]))
    energy = power[len(sound) :] - power[: -len(sound)]
    alike = product / (np.sqrt(np.maximum(energy, 1.0)) * float(np.linalg.norm(sound)))
    found: list[float] = []
    for place in np.flatnonzero(alike > SAME):
        if not found or place / RATE - found[-1] > len(sound) / RATE / 2:
            found.append(float(place) / RATE)
    return found


def _chains(sounds: Sequence[Samples], heard: Samples) -> list[float]:
    """Where all sounds begin in turn, at most a pause between two."""
    kinds = {sound.tobytes(): places(sound, heard) for sound in sounds}
    return [start for start in kinds[sounds[0].tobytes()] if _follow(sounds, kinds, start)]


def _follow(sounds: Sequence[Samples], kinds: Mapping[bytes, list[float]], start: float) -> bool:
    for before, sound in pairwise(sounds):
        due = start + len(before) / RATE
        near = [place for place in kinds[sound.tobytes()] if due - 0.1 <= place <= due + PAUSE]
        if not near:
            return False
        start = near[0]
    return True


class Ear(asyncio.DatagramProtocol):
    """The caller's audio: what came in, and what he says and presses, a packet every 20 ms."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._peer: tuple[str, int] | None = None
        self._to_send: deque[tuple[int, bytes, bool] | None] = deque()
        self._sequence = self._frame = 0
        self._payloads: list[bytes] = []
        self._keys: dict[int, str] = {}
        self.packets: list[tuple[float, bool]] = []
        """When each packet came (loop time) and whether it held sound."""
        self.presses: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) < 12 or data[0] >> 6 != 2:
            return
        if data[1] & 0x7F == EVENT_TYPE:
            self._take_key(data)
        if data[1] & 0x7F != 0:
            return
        self._peer = addr
        payload = data[12:]
        self._payloads.append(payload)
        loud = float(np.mean(np.abs(ULAW[np.frombuffer(payload, dtype=np.uint8)]))) > LOUD
        self.packets.append((self._loop.time(), loud))

    def _take_key(self, data: bytes) -> None:
        """RFC 4733: all packets of one key bear the time it was pressed."""
        stamp, event = struct.unpack("!I", data[4:8])[0], data[12]
        self._keys.setdefault(stamp, EVENTS[event])

    @property
    def keys(self) -> str:
        """Pressed by the other side."""
        return "".join(self._keys.values())

    @property
    def heard(self) -> Samples:
        """All that was played to him, spans without packets left out."""
        return ULAW[np.frombuffer(b"".join(self._payloads), dtype=np.uint8)]

    def press(self, keys: str) -> None:
        for key in keys:
            event = EVENTS.index(key)
            for index in range(KEY_FRAMES):
                self._to_send.append((EVENT_TYPE, struct.pack("!BBH", event, 10, (index + 1) * FRAME), index == 0))
            self._to_send.append((EVENT_TYPE, struct.pack("!BBH", event, 0x80 | 10, KEY_FRAMES * FRAME), False))
            self._to_send.extend([None] * GAP_FRAMES)

    def speak(self, seconds: float) -> None:
        """A voice-like noise."""
        generator = np.random.default_rng(7)
        for _ in range(round(seconds / TICK)):
            self._to_send.append((0, bytes(generator.integers(0x10, 0x30, FRAME, dtype=np.uint8)), False))

    async def pressed(self) -> None:
        """Until all keys and words are out."""
        while self._to_send:
            await asyncio.sleep(TICK)
        self.presses.append(self._loop.time())

    async def run(self) -> None:
        """Send until cancelled; a late tick is made up for."""
        start, event_start = self._loop.time(), 0
        while True:
            step = self._to_send.popleft() if self._to_send and self._peer else None
            kind, payload, first = step or (0, SILENCE, False)
            if first:
                event_start = self._frame
            ends = kind == EVENT_TYPE and payload[1] & 0x80
            stamp = (event_start if kind == EVENT_TYPE else self._frame) * FRAME
            for _ in range(3 if ends else 1):
                self._send(kind, stamp, payload, first)
            self._frame += 1
            await asyncio.sleep(max(0.0, start + self._frame * TICK - self._loop.time()))

    def _send(self, kind: int, stamp: int, payload: bytes, marker: bool) -> None:
        if self._transport is None or self._peer is None:
            return
        head = struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), self._sequence & 0xFFFF, stamp, 0x43544931)
        self._sequence += 1
        self._transport.sendto(head + payload, self._peer)

    def quiet_for(self) -> float:
        """Seconds since the last sound; 0 while none has come since he last pressed something."""
        last = next((at for at, loud in reversed(self.packets) if loud), 0.0)
        waited_for = max(self.presses, default=0.0) < last
        return self._loop.time() - last if waited_for else 0.0

    def silences(self, until: float) -> list[tuple[float, float]]:
        """(when, seconds) of every silence that was not his own time, from the first sound to `until`."""
        sounds = [at for at, loud in self.packets if loud and at <= until]
        marks = sorted(
            [(at, True) for at in sounds] + [(at, False) for at in self.presses if sounds and at > sounds[0]]
        )
        pairs = pairwise(marks)
        return [(start, end - start) for (start, _), (end, is_sound) in pairs if is_sound]


@dataclass
class Caller:
    """One call from the caller's side. `facts` is what the server recorded of it."""

    centre: Centre
    ear: Ear
    call_id: CallId
    _hang_up: Callable[[], None]
    _sipp: asyncio.Task[CallReport]
    started: float = 0.0
    ended_at: float = 0.0
    _seen: dict[str, int] = field(default_factory=dict)

    @property
    def facts(self) -> list[f.CallFact]:
        return [fact for fact in self.centre.facts if isinstance(fact, f.CallFact) and fact.call_id == self.call_id]

    def of(self, kind: type[F], **fields: Any) -> list[F]:
        wanted = fields.items()
        return [x for x in self.facts if isinstance(x, kind) and all(getattr(x, k) == v for k, v in wanted)]

    async def until(self, kind: type[F], count: int = 1, within: float = PATIENCE, **fields: Any) -> F:
        """The `count`th such fact of this call."""
        what = f"{count} {kind.__name__} {fields}"
        try:
            await self.centre.true(lambda: len(self.of(kind, **fields)) >= count, what, within)
        except AssertionError:
            raise AssertionError(f"{what} not within {within} s; of this call: {self.story()}") from None
        return self.of(kind, **fields)[count - 1]

    async def asked(self, node: str) -> None:
        """Until he is at this node (the next time, when he was there before)."""
        self._seen[node] = self._seen.get(node, 0) + 1
        await self.until(f.NodeEntered, self._seen[node], node=node)

    async def press(self, keys: str, at: str = "") -> None:
        """Press, once the node `at` asks for it; may be in the middle of its prompt."""
        if at:
            await self.asked(at)
        self.ear.press(keys)
        await self.ear.pressed()

    async def speak(self, seconds: float) -> None:
        self.ear.speak(seconds)
        await self.ear.pressed()

    async def listened(self, pause: float = 0.8) -> None:
        """Until nothing more is said to him."""
        await self.centre.true(lambda: self.ear.quiet_for() > pause, "the voice paused", 60.0)

    def spoken(self, node: str, language: str = "zh", **values: object) -> tuple[str, ...]:
        """The pieces this node of the shipped flow speaks; `values` fill its slots (`report_number` for `report.number`)."""
        text = getattr(self.centre.server.flows.get("power").nodes[node], "say")  # noqa: B009 the node kinds have no common base
        return words(text, language, lambda path: values[path.replace(".", "_")])

    async def heard(self, pieces: Sequence[str], language: str = "zh") -> list[float]:
        """Where in all he heard (seconds) these pieces were said, one right after the other, as recorded."""
        sounds = [alaw(self._file(piece, language)) for piece in pieces if not is_pause(piece)]
        return await asyncio.to_thread(_chains, sounds, self.ear.heard)

    async def heard_node(self, node: str, language: str = "zh", **values: object) -> list[float]:
        return await self.heard(self.spoken(node, language, **values), language)

    async def heard_phrase(self, name: str, language: str = "zh") -> list[float]:
        return await self.heard(phrase(name, language), language)

    def _file(self, text: str, language: str) -> Path:
        ready = self.centre.server.speaker.ready(text, language)
        assert ready, f"{text!r} has no sound"
        return Path(ready + ".alaw")

    def story(self) -> list[str]:
        return [
            type(fact).__name__ + (f":{node}" if (node := getattr(fact, "node", "")) else "") for fact in self.facts
        ]

    async def hang_up(self) -> None:
        self.ear.presses.append(asyncio.get_running_loop().time())
        self._hang_up()
        await self.over()

    async def over(self) -> CallReport:
        """Until the line is down and the call's end recorded."""
        report = await self._sipp
        await self.until(f.CallEnded)
        return report

    def check_never_silent(self, most: float = 2.0) -> None:
        start = self.ear.packets[0][0]
        long = [(round(at - start, 2), s) for at, s in self.ear.silences(self.ended_at or 1e12) if s > most]
        first = self.facts[0].at
        story = [(round((x.at - first) / 1e6, 2), type(x).__name__, getattr(x, "node", "")) for x in self.facts]
        assert not long, (
            f"silence (when, seconds): {long}; {story}; keys {[round(at - start, 2) for at in self.ear.presses]}"
        )
        first_word = next((at for at, loud in self.ear.packets if loud), 1e12) - self.started
        assert first_word <= most, f"the first word came {first_word} s after his call"


@asynccontextmanager
async def caller(
    centre: Centre, number: str = "13900000002", *, to: str = "95598", name: str = "", answered: bool = True
) -> AsyncIterator[Caller]:
    """A call in progress; hung up at the end if it still is. `number` and `name` as sent (percent-escapes stay)."""
    loop = asyncio.get_running_loop()
    transport, ear = await loop.create_datagram_endpoint(Ear, local_addr=(CARRIER, free_udp_port(CARRIER)))
    media: tuple[str, int] = transport.get_extra_info("sockname")
    signalling = free_udp_port(CARRIER)
    cid = f"{media[1]}-{id(ear)}@carrier"
    with tempfile.TemporaryDirectory(prefix="cti-caller-") as folder:
        (Path(folder) / "scenario.xml").write_text(call_opening(to, media) + call_end(300_000), encoding="utf-8")
        options = ("-cid_str", cid, *caller_keys(number, name))
        async with centre.arriving:
            before = len(centre.of(f.CallArrived))
            sipp = asyncio.create_task(
                _sipp(Path(folder), f"127.0.0.1:{centre.asterisk.ports.sip}", signalling, options)
            )
            sending = asyncio.create_task(ear.run())
            try:
                await centre.true(lambda: len(centre.of(f.CallArrived)) > before or sipp.done(), "the call arrived")
                arrived = centre.of(f.CallArrived)[before:]
                if not arrived:
                    raise AssertionError(f"no call arrived: {(await sipp).codes}")
            except BaseException:
                sipp.cancel()
                sending.cancel()
                await asyncio.gather(sipp, sending, return_exceptions=True)
                transport.close()
                raise

        def hang_up() -> None:
            transport_to_sipp(transport, signalling, cid)

        one = Caller(centre, ear, arrived[0].call_id, hang_up, sipp, loop.time())
        sipp.add_done_callback(lambda _: setattr(one, "ended_at", loop.time()))
        try:
            yield one
        finally:
            if not sipp.done():
                hang_up()
                await asyncio.wait({sipp}, timeout=5)
            sipp.cancel()
            sending.cancel()
            await asyncio.gather(sipp, sending, return_exceptions=True)
            transport.close()


def transport_to_sipp(transport: asyncio.DatagramTransport, port: int, cid: str) -> None:
    """The word our scenario waits for to say BYE."""
    transport.sendto(hang_up_request(CARRIER, port, cid), (CARRIER, port))


async def _sipp(folder: Path, target: str, port: int, options: Sequence[str]) -> CallReport:
    with (folder / "sipp.out").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            "sipp", target, "-sf", "scenario.xml", "-i", CARRIER, "-p", str(port), "-m", "1", "-nostdin",
            "-trace_msg", "-message_file", "messages.log", *options,
            cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    messages = folder / "messages.log"
    return read_messages(messages.read_text(errors="replace") if messages.exists() else "")
