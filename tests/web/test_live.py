"""The live connection: commands, events, resuming without hole or duplicate, bounds."""

from __future__ import annotations

import asyncio
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
from cti_server.domain.customers import Customer
from cti_server.domain.facts import AgentReady
from cti_server.domain.ids import AgentId, CustomerId
from cti_server.errors import StorageUnavailable
from cti_server.services.customers import Customers
from cti_server.web.auth import Identity
from cti_server.web.live.client import Client as LiveClient
from cti_server.web.live.hub import Hub
from cti_server.web.live.ring import Ring
from cti_server.web.meters import Meters
from tests.web.desk_double import DeskDouble, ManualClock, MemoryFacts
from tests.web.live_peer import LIVE, SESSION, Peer, connected, events, hub_of
from tests.web.web_world import NAMES, PASSWORD, SignIn, World, make_world, user


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


async def test_a_change_of_a_file_or_ticket_reaches_every_page_and_the_pop_that_shows_it(
    client_of: SignIn, world: World
) -> None:
    """Also a change made in a call of another agent, by the caller in a menu, or at an office desk."""
    files, tickets = world.work.files, world.work.tickets
    zhao = await files.create(Customer(customer_id=CustomerId("c1"), name="Zhao Lin", phones=("+8613900000001",)))
    shown: dict[str, Any] = {"call_id": "call-1", "caller": "+8613900000001"}
    one, two, admin = await client_of("1001"), await client_of("1002"), await client_of("admin")
    async with connected(one) as first, connected(two) as second, connected(admin) as third:
        for peer in (first, second, third):
            await peer.ask("resume")
        world.desk.pops["1001"] = shown | {"customer": dict(await Customers(files).card(CustomerId("c1")))}
        world.desk.arrive("call-1")
        world.desk.ring("1001")
        await first.until(lambda m: bool(m.get("pop")))
        made = await tickets.create("order", None, {"customer_id": "c1", "summary": "no light"})
        for peer in (first, second, third):
            [*_, told] = await peer.until(lambda m: m.get("kind") == "TicketChanged")
            assert (told["data"]["ticket_id"], told["data"]["customers"]) == (made.ticket_id, ["c1"])
        world.desk.pops["1001"] = shown | {"customer": dict(await Customers(files).card(CustomerId("c1")))}
        await files.update(replace(zhao, address="Short Street 1"), by="1002", address="")
        seen = await first.until(lambda m: bool((m.get("pop") or {}).get("customer", {}).get("orders")))
        assert "CustomerChanged" in [kind for _, kind in events(seen)] or await first.until(
            lambda m: m.get("kind") == "CustomerChanged"
        )
        asked = world.desk.pops_asked
        await files.create(Customer(customer_id=CustomerId("c2"), name="Other"))
        await second.until(lambda m: m.get("kind") == "CustomerChanged" and m["data"]["customer_id"] == "c2")
        await first.ask("ping")
        assert world.desk.pops_asked == asked, "nobody's pop shows c2"


async def test_a_page_that_was_away_hears_of_changes_it_missed(client_of: SignIn, world: World) -> None:
    client = await client_of("1001")
    async with connected(client) as peer:
        answer, _ = await peer.ask("resume")
        last = answer["ok"]["last"]
    await world.work.tickets.create("message", None, {"summary": "left by a caller"})
    async with connected(client) as peer:
        _, before = await peer.ask("resume", after=last)
        assert [kind for _, kind in events(before)] == ["TicketChanged"]
