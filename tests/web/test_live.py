"""The live connection: commands, events, resuming without hole or duplicate, bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from cti_server.bus import Bus
from cti_server.domain.facts import AgentReady
from cti_server.domain.ids import AgentId
from cti_server.domain.users import SignInSession
from cti_server.errors import StorageUnavailable
from cti_server.web.auth import Identity
from cti_server.web.live import client as live_client
from cti_server.web.live.client import Client as LiveClient
from cti_server.web.live.client import Close
from cti_server.web.live.hub import Hub
from cti_server.web.live.ring import Ring
from cti_server.web.meters import Meters
from cti_server.web.parts import PARTS
from tests.web.desk_double import DeskDouble, ManualClock, MemoryFacts
from tests.web.web_world import NAMES, PASSWORD, Client, SignIn, World, make_world, user

LIVE = "/api/v1/live"
Message = dict[str, Any]
SESSION = SignInSession(token_hash="t", login="1900", created_at=0, used_at=0, expires_at=2**53)


class Peer:
    """The browser's side of one connection."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self._queue: list[Message] = []
        self._id = 0

    async def next(self) -> Message:
        while not self._queue:
            message = await self.socket.receive(timeout=5)
            assert message.type is aiohttp.WSMsgType.TEXT, message
            parsed = orjson.loads(message.data)
            self._queue += parsed if isinstance(parsed, list) else [parsed]
        return self._queue.pop(0)

    async def until(self, wanted: Callable[[Message], bool]) -> list[Message]:
        """Everything up to and with the first message that is wanted."""
        seen = [await self.next()]
        while not wanted(seen[-1]):
            seen.append(await self.next())
        return seen

    async def ask(self, do: str, **args: Any) -> tuple[Message, list[Message]]:
        """The answer, and what came before it."""
        self._id += 1
        await self.socket.send_str(orjson.dumps({"id": self._id, "do": do, "args": args}).decode())
        *before, answer = await self.until(lambda m: m.get("id") == self._id)
        return answer, before

    async def close_code(self) -> int:
        while (message := await self.socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.type is aiohttp.WSMsgType.CLOSE
        return int(message.data)


@asynccontextmanager
async def connected(client: Client) -> AsyncIterator[Peer]:
    async with client.ws_connect(LIVE) as socket:
        yield Peer(socket)


def events(messages: list[Message]) -> list[tuple[int, str]]:
    return [(m["event"], m["kind"]) for m in messages if "event" in m]


def hub_of(world: World) -> Hub:
    hub: Hub = world.app[PARTS].hub
    return hub


async def test_a_command_changes_the_state_and_the_state_comes_back(client_of: SignIn, world: World) -> None:
    async with connected(await client_of("1001")) as peer:
        answer, before = await peer.ask("resume")
        assert [next(iter(m)) for m in before] == ["reset"]
        assert before[0]["reset"]["reason"] == "new"
        assert before[0]["reset"]["me"]["intent"] == "signed_out"
        await peer.ask("sign_in")
        answer, _ = await peer.ask("ready")
        assert answer["ok"]["me"]["intent"] == "ready"
        [*_, last] = await peer.until(lambda m: m.get("me", {}).get("intent") == "ready")
        assert last["me"]["system"] == "available"
        answer, _ = await peer.ask("pause", reason="nap")
        assert answer["error"]["code"] == "invalid_value"
        assert world.desk.states["1001"].intent == "ready"


async def test_the_pop_follows_the_ringing(client_of: SignIn, world: World) -> None:
    world.desk.pops["1001"] = {"call_id": "call-1", "caller": "+8613900000001", "customer": None}
    async with connected(await client_of("1001")) as peer:
        await peer.ask("resume")
        await peer.ask("sign_in")
        await peer.ask("ready")
        world.desk.ring("1001")
        seen = await peer.until(lambda m: bool(m.get("pop")))
        assert "OfferRinging" in [kind for _, kind in events(seen)]
        assert seen[-1]["pop"]["call_id"] == "call-1"
        world.desk.end_offer("1001", "caller_gone")
        seen = await peer.until(lambda m: "pop" in m)
        assert seen[-1]["pop"] is None


async def test_a_pop_that_cannot_be_read_is_told_and_the_stream_goes_on(
    client_of: SignIn, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(agent_id: str) -> None:
        raise StorageUnavailable("the database is away")

    async with connected(await client_of("1001")) as peer:
        await peer.ask("resume")
        monkeypatch.setattr(world.desk, "pop", away)
        world.desk.ring("1001")
        seen = await peer.until(lambda m: "pop_error" in m)
        assert seen[-1]["pop_error"]["code"] == "storage_unavailable"
        answer, _ = await peer.ask("ping")
        assert answer["ok"]["now"] == world.clock.now()


async def test_an_agent_sees_his_own_events_and_a_leader_all(client_of: SignIn, world: World) -> None:
    agent, leader, admin = await client_of("1001"), await client_of("1900"), await client_of("admin")
    async with connected(agent) as one, connected(leader) as two, connected(admin) as three:
        for peer in (one, two, three):
            await peer.ask("resume")
        world.desk.arrive("call-1")
        world.desk.ring("1001")
        world.desk.ring("1002", "call-2")
        _, seen_by_agent = await one.ask("ping")
        _, seen_by_leader = await two.ask("ping")
        _, seen_by_admin = await three.ask("ping")
    assert {m["data"]["agent_id"] for m in seen_by_agent if "event" in m} == {"1001"}
    assert len(events(seen_by_leader)) == 6
    callers = [m["data"]["caller"] for m in seen_by_leader if m.get("kind") == "CallArrived"]
    assert callers == ["+8613900000001"]
    assert [m["data"]["caller"] for m in seen_by_admin if m.get("kind") == "CallArrived"] == ["+86•••••••••01"]


async def test_the_board_is_pushed_to_each_as_he_may_see_it(
    client_of: SignIn, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti_server.web.live.hub.BOARD_EVERY", 0.0)
    world.desk.board_calls = [{"call_id": "c", "stage": "waiting", "since": 1, "caller": "+8613900000001"}]
    async with connected(await client_of("1001")) as one, connected(await client_of("1900")) as two:
        await one.ask("resume")
        await two.ask("resume")
        world.desk.arrive("call-1")
        world.desk.ring("1002", "c")
        seen = await one.until(lambda m: "rows" in m)
        [*before, full] = await two.until(lambda m: "rows" in m and bool(m["rows"]["agents"]))
    own = seen[-1]["rows"]
    assert own["agents"] == own["calls"] == own["gone"] == []
    assert own["queues"][0]["waiting"] == 1
    assert [agent["agent_id"] for agent in full["rows"]["agents"]] == ["1002"], "only what changed"
    assert full["rows"]["calls"][0]["caller"] == "+8613900000001"
    assert full["rows"]["last"] == events(before)[-1][0], "rows follow the events they contain"


async def test_a_returning_client_misses_nothing_and_gets_nothing_twice(client_of: SignIn, world: World) -> None:
    leader = await client_of("1900")
    async with connected(leader) as peer:
        await peer.ask("resume")
        world.desk.arrive("call-1")
        _, seen = await peer.ask("ping")
    last = events(seen)[-1][0]
    missed = [world.desk.arrive(f"missed-{number}") for number in range(3)]
    async with connected(leader) as peer:
        answer, before = await peer.ask("resume", after=last)
        assert answer["ok"]["last"] == missed[-1].id
        assert [next(iter(m)) for m in before if "event" not in m] == ["state"]
        assert len(events(before)) == 6
        assert events(before)[-1][0] == missed[-1].id
        world.desk.arrive("later")
        _, after = await peer.ask("ping")
        assert [e for e, _ in events(after)] == sorted({e for e, _ in events(before + after)})[-2:]


async def test_after_a_restart_the_stream_goes_on_from_the_store() -> None:
    before = make_world()
    first = before.desk.arrive("call-1")
    missed = before.desk.arrive("call-2")
    await before.app.cleanup()
    world = make_world(facts=before.facts)
    async with (
        TestServer(world.app) as server,
        aiohttp.ClientSession(f"http://127.0.0.1:{server.port}", cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
    ):
        await session.post("/api/v1/session", json={"login": "1900", "password": PASSWORD})
        live = world.desk.arrive("call-3")
        async with session.ws_connect(LIVE) as socket:
            answer, seen = await Peer(socket).ask("resume", after=first.id)
    ids = [event for event, _ in events(seen)]
    assert ids == [r.id for r in world.facts.stored if r.id > first.id]
    assert missed.id in ids
    assert live.id in ids
    assert answer["ok"]["last"] == live.id


@pytest.mark.parametrize(("after", "reason"), [(1, "too_old"), (2**52, "unknown")])
async def test_who_cannot_be_resumed_is_told_to_start_again(
    client_of: SignIn, world: World, after: int, reason: str
) -> None:
    last = world.desk.arrive("call-1").id
    world.facts.stored.clear()
    hub_of(world)._ring = Ring(10, floor=last)
    async with connected(await client_of("1900")) as peer:
        answer, [reset] = await peer.ask("resume", after=after)
        assert reset["reset"]["reason"] == reason
        assert answer["ok"]["last"] == reset["reset"]["last"] == last
        world.desk.arrive("call-2")
        _, seen = await peer.ask("ping")
        assert len(events(seen)) == 2


async def test_the_database_away_refuses_a_long_way_back_and_the_client_may_try_again(
    client_of: SignIn, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = world.clock.now() - 1
    world.desk.arrive("call-1")
    hub_of(world)._ring = Ring(10, floor=world.bus.last_id)

    async def away(last_id: int, *, limit: int) -> list[Any]:
        raise StorageUnavailable("the database is away")

    async with connected(await client_of("1900")) as peer:
        with monkeypatch.context() as patch:
            patch.setattr(world.facts, "after", away)
            answer, _ = await peer.ask("resume", after=start)
            assert answer["error"]["code"] == "storage_unavailable"
        answer, seen = await peer.ask("resume", after=start)
        assert len(events(seen)) == 2


@given(
    ring=st.integers(1, 12),
    chunk=st.integers(1, 5),
    before=st.integers(0, 30),
    during=st.lists(st.integers(0, 4), max_size=12),
    seen_until=st.integers(0, 30),
)
@settings(max_examples=150, deadline=None)
def test_any_way_back_has_no_hole_and_no_duplicate(
    ring: int, chunk: int, before: int, during: list[int], seen_until: int
) -> None:
    """Facts keep coming at every await of the replay, the ring is small, the store pages are small."""

    async def scenario() -> None:
        clock = ManualClock()
        bus, facts = Bus(clock, "cti"), MemoryFacts()
        bus.subscribe(facts.take)
        hub = Hub(bus, facts, DeskDouble(bus, clock, NAMES), clock, Meters(CollectorRegistry()), ring=ring)
        arrivals = iter(during)

        def happen(count: int) -> None:
            for _ in range(count):
                bus.record(AgentReady(at=clock.now(), agent_id=AgentId("1001")))

        happen(before)
        ids = [one.id for one in facts.stored]
        last_id = ids[min(seen_until, len(ids) - 1)] if ids else None
        client = LiveClient(Identity(user("1900"), SESSION))
        got: list[bytes] = []
        stored_after = facts.after

        async def after(last: int, *, limit: int) -> list[Any]:
            page: list[Any] = await stored_after(last, limit=limit)
            happen(next(arrivals, 0))
            return page

        async def drained() -> None:
            happen(next(arrivals, 0))

        client.put = got.append  # type: ignore[method-assign,assignment]
        client.drained = drained  # type: ignore[method-assign]
        facts.after = after  # type: ignore[method-assign,assignment]
        await hub.catch_up(client, last_id)
        happen(3)
        hub.close()
        messages = [orjson.loads(one) for one in got]
        found = [m["event"] for m in messages if "event" in m]
        resets = [m["reset"] for m in messages if "reset" in m]
        start = resets[0]["last"] if resets else last_id
        after_start = [event for event in found if start is not None and event > start]
        assert resets == [] or last_id is None
        assert after_start == [one.id for one in facts.stored if start is not None and one.id > start]
        assert found == after_start

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cti_server.web.live.hub.CHUNK", chunk)
        asyncio.run(scenario())


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
