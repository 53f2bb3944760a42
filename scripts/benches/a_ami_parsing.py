"""(a) AMI parsing: events a CPU-second on a recorded stream, beside asterisk-ami's own client and panoramisk, same run.

The stream is what a real Asterisk sent during the recorded calls of tests/asterisk, repeated. All three read it in the same
64 kB chunks and hand one event in ten to a subscriber who reads two headers of it; nobody logs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

from asterisk.ami.client import AMIClient
from asterisk.ami.event import Event
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message as PanoramiskMessage
from report import Row, median_cpu

from cti_server.asterisk.ami.wire import Reader

TRANSCRIPTS = Path(__file__).resolve().parents[2] / "tests" / "asterisk" / "ami_transcripts"
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
EVENTS = 20_000
CHUNK = 65_536
HEADERS = ("Channel", "Uniqueid")


def stream() -> bytes:
    """At least EVENTS recorded events of channels, the greeting before them."""
    recorded = b"".join(path.read_bytes() for path in sorted(TRANSCRIPTS.glob("*.txt")))
    events = [part for part in recorded.split(b"\r\n\r\n") if b"\r\nUniqueid: " in part]
    return GREETING + b"".join(part + b"\r\n\r\n" for part, _ in zip(cycle(events), range(EVENTS), strict=False))


def chunks(data: bytes) -> list[bytes]:
    return [data[i : i + CHUNK] for i in range(0, len(data), CHUNK)]


class Subscriber:
    """Reads two headers of one event in ten."""

    def __init__(self) -> None:
        self.seen = 0
        self.read = 0

    def take(self, get: Callable[[str], object]) -> None:
        self.seen += 1
        if self.seen % 10 == 0:
            self.read += all(get(header) for header in HEADERS)

    def check(self) -> None:
        if (self.seen, self.read) != (EVENTS, EVENTS // 10):
            raise AssertionError(f"{self.seen} events seen, {self.read} read: not the same work")


def ours(parts: list[bytes]) -> None:
    subscriber, reader = Subscriber(), Reader()
    for part in parts:
        for message in reader.feed(part):
            if message.is_event:
                subscriber.take(message.get)
    subscriber.check()


class _Replay:
    """The socket asterisk-ami's client reads from: our recorded chunks, then the end."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = iter(parts)

    def recv(self, _size: int) -> bytes:
        return next(self._parts, b"")

    def close(self) -> None:
        pass


def asterisk_ami(parts: list[bytes]) -> None:
    subscriber = Subscriber()
    client = AMIClient()

    def on_event(event: Event, **_: object) -> None:
        subscriber.take(event.__getitem__)

    client.add_event_listener(on_event)
    client._socket = _Replay(parts)
    client.finished = threading.Event()
    client.listen()
    subscriber.check()


def own_buffer(parts: list[bytes]) -> Iterator[bytes]:
    """asterisk-ami reads 1024 bytes at a time; bigger reads make its splitting quadratic, so this is its best case."""
    for part in parts:
        for i in range(0, len(part), 1024):
            yield part[i : i + 1024]


class _Factory:
    """The part of panoramisk's Manager its protocol calls."""

    save_stream = None
    forgetable_actions: tuple[str, ...] = ()

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber
        self.awaiting_actions: list[object] = []

    def dispatch(self, message: PanoramiskMessage) -> None:
        self._subscriber.take(message.__getitem__)


def panoramisk(parts: list[bytes]) -> None:
    subscriber = Subscriber()
    protocol = AMIProtocol()
    protocol.connection_made(None)
    protocol.factory = _Factory(subscriber)
    for part in parts:
        protocol.data_received(part)
    subscriber.check()


def run() -> list[Row]:
    parts = chunks(stream())
    mine = EVENTS / median_cpu(lambda: ours(parts))
    small = list(own_buffer(parts))
    theirs = EVENTS / median_cpu(lambda: asterisk_ami(small), rounds=3)
    pano = EVENTS / median_cpu(lambda: panoramisk(parts), rounds=3)
    unit = "events/CPU s"
    return [
        Row("cti_server wire parser", mine, unit),
        Row("asterisk-ami client", theirs, unit, mine / theirs, "ours over it", "≥ 5×", mine / theirs >= 5),
        Row("panoramisk", pano, unit, mine / pano, "ours over it", "≥ 10×", mine / pano >= 10),
    ]
