"""Phones over the web: whose account it is, what is remembered, and that the way to the switch carries one's own phone only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from cti_server.config import PhoneSettings
from cti_server.services.phones import write_secrets
from cti_server.web.phone.proxy import speaks_for
from tests.web.web_world import PASSWORD, Client, World, make_world

API = "/api/v1"
SOCKET = f"{API}/phone/ws"


def sip(method: str, user: str, to: str = "<sip:1001w@cti.invalid>") -> str:
    return (
        f"{method} sip:cti.invalid SIP/2.0\r\nVia: SIP/2.0/WS x.invalid\r\nFrom: <sip:{user}@cti.invalid>;tag=a\r\n"
        f"To: {to}\r\nCall-ID: 1\r\n\r\n"
    )


@pytest.fixture
async def switch() -> AsyncIterator[str]:
    """Stands where Asterisk's WebSocket is: says back what it hears."""

    async def echo(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("sip",))
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/ws", echo)
    async with TestServer(app) as server:
        yield f"ws://127.0.0.1:{server.port}/ws"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    path = tmp_path / "softphones.json"
    write_secrets(path, [("1001w", "s3cret-one"), ("1002w", "s3cret-two"), ("demo", "s3cret-demo")])
    return path


def phones(secrets: Path, switch: str = "ws://127.0.0.1:1/ws") -> PhoneSettings:
    return PhoneSettings(secrets=secrets, websocket=switch)


@pytest.fixture
async def clients() -> AsyncIterator[list[Client]]:
    opened: list[Client] = []
    yield opened
    for client in opened:
        await client.close()


async def client_of(world: World, clients: list[Client], login: str | None = None) -> Client:
    client: Client = TestClient(TestServer(world.app))
    await client.start_server()
    clients.append(client)
    if login:
        await client.post(f"{API}/session", json={"login": login, "password": PASSWORD})
    return client


async def test_an_agent_gets_his_own_account_and_it_is_audited(secrets: Path, clients: list[Client]) -> None:
    world = make_world(phones=phones(secrets))
    client = await client_of(world, clients, "1001")
    found = await (await client.get(f"{API}/agents/me/phone")).json()
    assert found["use"] == "desk"
    assert found["account"] == {
        "uri": "sip:1001w@cti.invalid",
        "user": "1001w",
        "password": "s3cret-one",
        "websocket": SOCKET,
    }
    assert ("1001", "phone_account_read", "1001") in world.users.audited


@pytest.mark.parametrize(
    ("login", "asked", "status"),
    [("1001", "1002", 403), ("1900", "1001", 403), ("trainee", "me", 409), ("1800", "me", 409)],
)
async def test_nobody_gets_anothers_account(
    secrets: Path, clients: list[Client], login: str, asked: str, status: int
) -> None:
    client = await client_of(make_world(phones=phones(secrets)), clients, login)
    answer = await client.get(f"{API}/agents/{asked}/phone")
    assert answer.status == status
    assert "s3cret" not in await answer.text()


async def test_the_choice_is_kept_and_needs_a_softphone(secrets: Path, clients: list[Client]) -> None:
    world = make_world(phones=phones(secrets))
    client = await client_of(world, clients, "1001")
    assert (await client.post(f"{API}/agents/me/phone", json={"use": "softphone"})).status == 200
    assert (await (await client.get(f"{API}/agents/me/phone")).json())["use"] == "softphone"
    leader = await client_of(make_world(phones=phones(secrets)), clients, "1900")
    assert (await leader.post(f"{API}/agents/me/phone", json={"use": "softphone"})).status == 404


async def test_passwords_others_can_read_are_not_used(secrets: Path, clients: list[Client]) -> None:
    secrets.chmod(0o644)
    client = await client_of(make_world(phones=phones(secrets)), clients, "1001")
    answer = await (await client.get(f"{API}/agents/me/phone")).json()
    assert answer["account"] is None


async def test_sip_goes_through_and_back(secrets: Path, switch: str, clients: list[Client]) -> None:
    client = await client_of(make_world(phones=phones(secrets, switch)), clients, "1001")
    async with client.ws_connect(SOCKET, protocols=("sip",)) as socket:
        await socket.send_str(sip("REGISTER", "1001w"))
        assert (await socket.receive(timeout=5)).data == sip("REGISTER", "1001w")


async def test_anothers_phone_is_cut_off(secrets: Path, switch: str, clients: list[Client]) -> None:
    client = await client_of(make_world(phones=phones(secrets, switch)), clients, "1001")
    async with client.ws_connect(SOCKET, protocols=("sip",)) as socket:
        await socket.send_str(sip("REGISTER", "1002w"))
        assert (await socket.receive(timeout=5)).type is WSMsgType.CLOSE


async def test_without_signing_in_or_sip_or_switch_there_is_no_way(
    secrets: Path, switch: str, clients: list[Client]
) -> None:
    stranger = await client_of(make_world(phones=phones(secrets, switch)), clients)
    agent = await client_of(make_world(phones=phones(secrets)), clients, "1001")
    for client, protocols, status in ((stranger, ("sip",), 401), (agent, (), 400), (agent, ("sip",), 503)):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(SOCKET, protocols=protocols)
        assert refused.value.status == status


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        (sip("REGISTER", "1001w"), True),
        (sip("INVITE", "1001w", "<sip:95598@cti.invalid>"), True),
        (sip("INVITE", "1002w", "<sip:95598@cti.invalid>"), False),
        (sip("BYE", "x7k2", "<sip:95598@cti.invalid>;tag=b"), True),
        ("SIP/2.0 200 OK\r\nFrom: <sip:a@b>\r\n\r\n", True),
        ("\r\n\r\n", True),
        ("REGISTER sip:x SIP/2.0\r\nFrom: <sip:1001w@b>\r\nFrom: <sip:1002w@b>\r\nTo: <sip:x@b>\r\n\r\n", False),
        ("GET / HTTP/1.1\r\nFrom: <sip:1001w@b>\r\nTo: <sip:x@b>\r\n\r\n", False),
        ("", True),
        ("nonsense", False),
    ],
)
def test_a_page_speaks_for_its_own_phone(message: str, passes: bool) -> None:
    assert speaks_for(message, "1001w") is passes


async def test_the_newcomers_phone_is_in_the_demo_alone(secrets: Path, clients: list[Client]) -> None:
    plain = await client_of(make_world(phones=phones(secrets)), clients)
    for path in (f"{API}/demo/phone", f"{API}/demo/phone/asked?caller=13900000001", "/demo/phone"):
        assert (await plain.get(path)).status == 404
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await plain.ws_connect(f"{API}/demo/phone/ws", protocols=("sip",))
    assert refused.value.status == 404
    demo = await client_of(make_world(phones=phones(secrets), demo=True), clients)
    found = await (await demo.get(f"{API}/demo/phone")).json()
    assert found["account"]["user"] == "demo"
    assert found["dids"] == ["95598", "4008"]
    assert (found["languages"]["95598"], found["languages"]["4008"]) == ("zh", "en")
    assert await (await demo.get(f"{API}/demo/phone/asked?caller=13900000001")).json() is None
    assert (await demo.get(f"{API}/demo/phone/asked?caller=nobody")).status == 422
