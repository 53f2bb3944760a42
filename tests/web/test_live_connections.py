"""Live connections that are slow, end, or send what they should not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import aiohttp
import orjson
import pytest

from cti_server.web.live import client as live_client
from cti_server.web.live.client import Close
from cti_server.web.parts import PARTS
from tests.web.live_peer import LIVE, connected, events, hub_of
from tests.web.web_world import Client, SignIn, World, user


async def test_a_client_that_does_not_read_is_closed_and_the_others_go_on(
    client_of: SignIn, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_client, "OUTBOX_MESSAGES", 50)
    monkeypatch.setattr(live_client, "FRAME_MESSAGES", 10)
    slow, good = await client_of("1900"), await client_of("1800")
    async with connected(good) as reading, deaf(slow):
        await reading.ask("resume")
        await _until(lambda: len(hub_of(world)._clients) == 2)
        for number in range(400):
            world.desk.arrive(f"call-{number}", caller="x" * 50_000)
            await reading.ask("ping")
            if len(hub_of(world)._clients) == 1:
                break
        assert len(hub_of(world)._clients) == 1
        assert world.app[PARTS].registry.get_sample_value("cti_live_slow_closed_total") == 1.0
        last = world.desk.arrive("after").id
        _, seen = await reading.ask("ping")
        assert events(seen)[-1][0] == last


@asynccontextmanager
async def deaf(client: Client) -> AsyncIterator[None]:
    """A peer that asks for the stream and then reads nothing."""
    cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in client.session.cookie_jar)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port, limit=1024)
    upgrade = (
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n"
    )
    writer.write(f"GET {LIVE} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookies}\r\n{upgrade}\r\n".encode())
    assert b"101" in await reader.readuntil(b"\r\n\r\n")
    resume = b'{"id":1,"do":"resume"}'
    writer.write(bytes([0x81, 0x80 | len(resume), 0, 0, 0, 0]) + resume)
    yield
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0)


async def test_sign_out_closes_the_live_connection(client_of: SignIn) -> None:
    client = await client_of("1001")
    async with connected(client) as peer:
        await peer.ask("resume")
        await client.delete("/api/v1/session")
        assert await peer.close_code() == Close.SIGNED_OUT


async def test_the_end_of_the_session_closes_the_live_connection(
    client_of: SignIn, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti_server.web.live.socket.CHECK_SESSION", 0.0)
    client = await client_of("1001")
    async with connected(client) as peer:
        await peer.ask("resume")
        world.clock.pass_seconds(13 * 3600)
        assert await peer.close_code() == Close.SIGNED_OUT


async def test_a_user_made_inactive_loses_the_live_connection(
    client_of: SignIn, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti_server.web.live.socket.CHECK_SESSION", 0.0)
    async with connected(await client_of("1001")) as peer:
        await peer.ask("resume")
        world.users.users["1001"] = replace(user("1001"), active=False)
        world.clock.pass_seconds(60)
        assert await peer.close_code() == Close.SIGNED_OUT


async def test_stopping_the_server_tells_clients_to_come_back(client_of: SignIn, world: World) -> None:
    async with connected(await client_of("1001")) as peer:
        await peer.ask("resume")
        hub_of(world).close()
        assert await peer.close_code() == Close.RESTART


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "invalid_value"),
        ("[]", "invalid_value"),
        ('{"id": -1, "do": "ping"}', "invalid_value"),
        ('{"id": 1, "do": "ping", "extra": 1}', "invalid_value"),
        ('{"id": 1, "do": "fly"}', "not_found"),
        ('{"id": 1, "do": "resume", "args": {"after": "x"}}', "invalid_value"),
        ('{"id": 1, "do": "transfer", "args": {"target": "x\\r\\nAction: Originate"}}', "invalid_value"),
        ('{"id": 1, "do": "ready", "args": {"agent_id": "1002"}}', "forbidden"),
    ],
)
async def test_a_bad_command_gets_an_error_and_the_connection_stays(client_of: SignIn, text: str, code: str) -> None:
    async with connected(await client_of("1001")) as peer:
        await peer.socket.send_str(text)
        assert (await peer.next())["error"]["code"] == code
        answer, _ = await peer.ask("ping")
        assert "ok" in answer


async def test_commands_run_in_order_and_a_flood_is_refused(
    client_of: SignIn, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, order = asyncio.Event(), []

    async def slowly(agent_id: str, number: str, *, in_page: bool) -> None:
        await gate.wait()
        order.append(number)

    monkeypatch.setattr(world.desk, "place_call", slowly)
    async with connected(await client_of("1001")) as peer:
        for number in range(100, 160):
            text = orjson.dumps({"id": number, "do": "place_call", "args": {"number": str(number)}}).decode()
            await peer.socket.send_str(text)
        answer, before = await peer.ask("ping")
        assert answer["ok"]
        refused = [m["id"] for m in before if m.get("error", {}).get("code") == "too_many"]
        gate.set()
        await peer.until(lambda m: m.get("id") == min(refused) - 1)
    assert order == [str(number) for number in range(100, min(refused))]
    assert refused == list(range(min(refused), 160))


async def test_back_office_has_no_live_stream(client_of: SignIn) -> None:
    client = await client_of("office")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect(LIVE)
    assert refused.value.status == 403
