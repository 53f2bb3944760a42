"""The FastAGI server over real TCP: whom it serves, whom it turns away, and that one bad peer harms no other call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvloop
from structlog.testing import capture_logs

from cti_server.asterisk.agi.server import AgiServer
from cti_server.config import AgiSettings
from cti_server.errors import BadSettings, LineGone
from cti_server.ports import CallHandler, Line
from tests.asterisk.agi_peer import AgiPeer, opening

Serve = Callable[..., Awaitable[AgiServer]]


class Calls:
    """A call handler that waits for keys until the line is gone, and remembers what it saw."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.ends: list[str] = []
        self.arrived = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, line: Line) -> None:
        self.lines.append(line)
        self.arrived.set()
        try:
            while True:
                self.ends.append(await line.wait_key(60))
        except LineGone:
            self.ends.append("gone")
            raise
        finally:
            self.left.set()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[AgiServer] = []

    async def start(handler: CallHandler, **settings: object) -> AgiServer:
        server = AgiServer(AgiSettings(port=0, **settings), "node-a", handler)
        servers.append(server)
        await server.start()
        return server

    yield start
    for server in servers:
        await server.stop()


async def test_a_call_reaches_its_handler_and_ends_when_the_caller_hangs_up(serve: Serve) -> None:
    calls = Calls()
    server = await serve(calls)
    async with AgiPeer(server.port) as peer:
        await peer.open()
        await peer.answers("200 result=49", "WAIT FOR DIGIT 60000")
        assert server.calls == 1
        assert await peer.hears() == "WAIT FOR DIGIT 60000"
        peer.says("200 result=-1\nHANGUP")
        assert await peer.is_closed()
    await calls.left.wait()
    assert calls.ends == ["1", "gone"]


def test_the_loop_of_production_takes_calls_too() -> None:
    async def one_call() -> list[str]:
        calls = Calls()
        server = AgiServer(AgiSettings(port=0), "node-a", calls)
        await server.start()
        async with AgiPeer(server.port) as peer:
            await peer.open()
            await peer.answers("200 result=49", "WAIT FOR DIGIT 60000")
            await peer.hears()
        await calls.left.wait()
        await server.stop()
        return calls.ends

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(one_call()) == ["1", "gone"]


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"x" * 10_000,
        b"agi_a: " + b"\xff" * 9000 + b"\n",
        b"agi_a: b\n" * 70_000,
        b"\n\n\n\n",
    ],
)
async def test_noise_is_closed_and_harms_no_other_call(serve: Serve, noise: bytes) -> None:
    calls = Calls()
    server = await serve(calls)
    async with AgiPeer(server.port) as good, AgiPeer(server.port) as bad:
        await good.open()
        bad.writer.write(noise)
        if noise != b"\n\n\n\n":
            assert await bad.is_closed()
        await good.answers("200 result=50")
        assert await good.hears() == "WAIT FOR DIGIT 60000"
    assert calls.ends[0] == "2"
    assert len(calls.lines) == 1


async def test_noise_in_the_middle_of_a_call_ends_that_call(serve: Serve) -> None:
    calls = Calls()
    server = await serve(calls)
    async with AgiPeer(server.port) as peer:
        await peer.open()
        await peer.hears()
        with capture_logs() as logs:
            peer.says("300 what\nis this")
            assert await peer.is_closed()
    await calls.left.wait()
    assert calls.ends == ["gone"]
    assert "agi_malformed" in [entry["event"] for entry in logs]


async def test_an_answer_nobody_asked_for_ends_the_call(serve: Serve) -> None:
    async def handler(line: Line) -> None:
        asking.set()
        await free.wait()

    asking, free = asyncio.Event(), asyncio.Event()
    server = await serve(handler)
    async with AgiPeer(server.port) as peer:
        await peer.open()
        await asking.wait()
        peer.says("200 result=0")
        assert await peer.is_closed()
    free.set()


async def test_a_foreign_peer_is_closed_at_once(serve: Serve) -> None:
    calls = Calls()
    server = await serve(calls, peers=("127.0.0.1/32",))
    with capture_logs() as logs:
        async with AgiPeer(server.port, local="127.0.0.9") as stranger:
            stranger.writer.write(opening())
            assert await stranger.is_closed()
    assert not calls.lines
    assert {"event": "agi_peer_refused", "peer": "127.0.0.9", "log_level": "warning"} in logs
    async with AgiPeer(server.port) as known:
        await known.open()
        assert await known.hears() == "WAIT FOR DIGIT 60000"


async def test_a_peer_that_stalls_in_its_opening_is_closed(serve: Serve) -> None:
    calls = Calls()
    server = await serve(calls, handshake_seconds=0.05)
    with capture_logs() as logs:
        async with AgiPeer(server.port) as peer:
            peer.writer.write(b"agi_network: yes\n")
            assert await peer.is_closed()
    assert "agi_handshake_late" in [entry["event"] for entry in logs]
    assert not calls.lines


async def test_more_calls_than_allowed_go_back_to_the_dialplan(serve: Serve) -> None:
    calls = Calls()
    server = await serve(calls, max_calls=1)
    async with AgiPeer(server.port) as first:
        await first.open()
        async with AgiPeer(server.port) as second:
            assert await second.is_closed()
        assert server.turned_away == 1
        await first.answers("200 result=51")
        assert await first.hears() == "WAIT FOR DIGIT 60000"


async def test_a_handler_that_raises_ends_only_its_own_call(serve: Serve) -> None:
    async def handler(line: Line) -> None:
        if line.info.did == "1":
            raise RuntimeError("a bug of ours")
        await line.wait_key(60)

    server = await serve(handler)
    async with AgiPeer(server.port) as good, AgiPeer(server.port) as bad:
        await good.open()
        assert await good.hears() == "WAIT FOR DIGIT 60000"
        with capture_logs() as logs:
            await bad.open(dnid="1")
            assert await bad.is_closed()
        assert [entry["event"] for entry in logs] == ["call_handler_failed"]
        assert server.calls == 1
        good.says("200 result=0")
        assert await good.is_closed()


async def test_a_command_never_answered_ends_the_call(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti_server.asterisk.agi.line.SLACK", 0.05)

    async def handler(line: Line) -> None:
        try:
            await line.wait_key(0.01)
        except LineGone:
            gone.set()

    gone = asyncio.Event()
    server = await serve(handler)
    with capture_logs() as logs:
        async with AgiPeer(server.port) as peer:
            await peer.open()
            await peer.hears()
            assert await peer.is_closed()
        await gone.wait()
    assert "agi_no_answer" in [entry["event"] for entry in logs]


async def test_draining_takes_no_new_call_and_keeps_those_here(serve: Serve) -> None:
    calls = Calls()
    server = await serve(calls)
    async with AgiPeer(server.port) as peer:
        await peer.open()
        await peer.hears()
        server.drain()
        with pytest.raises(ConnectionRefusedError):
            await AgiPeer(server.port).__aenter__()
        peer.says("200 result=52")
        assert await peer.hears() == "WAIT FOR DIGIT 60000"
        await server.stop()
        assert await peer.is_closed()
    assert calls.ends == ["4", "gone"]
    assert server.calls == 0


async def test_stopping_cancels_a_handler_that_does_not_end(serve: Serve) -> None:
    async def handler(line: Line) -> None:
        arrived.set()
        await asyncio.Event().wait()

    arrived = asyncio.Event()
    server = await serve(handler)
    async with AgiPeer(server.port) as peer:
        await peer.open()
        await arrived.wait()
        await server.stop(grace=0.01)
        assert server.calls == 0


def test_a_call_and_its_hang_up_under_uvloop() -> None:
    """The production loop: its transports and sockets are classes of its own."""

    async def call() -> None:
        calls = Calls()
        server = AgiServer(AgiSettings(port=0), "node-a", calls)
        await server.start()
        async with AgiPeer(server.port) as peer:
            await peer.open()
            await peer.answers("200 result=49")
            assert await peer.hears() == "WAIT FOR DIGIT 60000"
            peer.says("HANGUP\n200 result=-1")
            assert await peer.is_closed()
        await server.stop()
        assert calls.ends == ["1", "gone"]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(call())


async def test_a_second_server_on_the_same_port_says_what_to_mend(serve: Serve) -> None:
    server = await serve(Calls())
    second = AgiServer(AgiSettings(port=server.port), "node-a", Calls())
    with pytest.raises(BadSettings, match=rf"127\.0\.0\.1:{server.port}.*CTI_AGI__PORT"):
        await second.start()


def test_peers_that_are_no_networks_are_refused() -> None:
    with pytest.raises(BadSettings, match="CTI_AGI__PEERS"):
        AgiServer(AgiSettings(peers=("127.0.0.1/8",)), "node-a", Calls())
