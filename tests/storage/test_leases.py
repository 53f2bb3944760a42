"""A lease has one holder; whoever asks while he lives is refused; a lapsed one is free."""

from __future__ import annotations

import asyncio
from typing import Any

from cti_server.domain import facts as f
from cti_server.domain.facts import Recorded
from cti_server.domain.ids import AgentId, CallId
from cti_server.storage.engine import Database
from cti_server.storage.facts import SqlFactStore
from cti_server.storage.leases import SqlLeases

LONG = 600.0


async def test_one_holder_at_a_time(database: Database) -> None:
    leases = SqlLeases(database)
    asked = await asyncio.gather(*(leases.take("takeover:pbx", name, "pbx", LONG) for name in ("a", "b", "c")))
    assert sorted(asked) == [False, False, True]
    (lease,) = await leases.all()
    assert not lease.lapsed
    assert lease.expires_at - lease.renewed_at == 600_000_000
    assert await leases.take("takeover:pbx", lease.holder, "pbx", LONG)
    assert await leases.take("server:b", "b", "pbx", LONG)


async def test_what_lapsed_or_was_given_up_is_free(database: Database) -> None:
    leases = SqlLeases(database)
    assert await leases.take("x", "a", "pbx", LONG)
    await leases.give_up("x", "b")
    assert not await leases.take("x", "b", "pbx", LONG)
    await leases.give_up("x", "a")
    found = await leases.get("x")
    assert found is not None
    assert found.lapsed
    assert await leases.take("x", "b", "pbx", LONG)
    assert await leases.get("y") is None


async def test_a_call_is_his_whom_it_reached_last_or_who_took_it_up(database: Database) -> None:
    store = SqlFactStore(database)
    first, second, ended = CallId("c1"), CallId("c2"), CallId("c3")
    channel: dict[str, Any] = {"node": "pbx", "channel": "x"}
    arrival = {**channel, "caller": "", "did": "1"}

    def resumed(call: CallId, uniqueid: str, at: int) -> f.CallResumed:
        return f.CallResumed(call_id=call, at=at, uniqueid=uniqueid, stage="menu", **channel)

    for place, (server, fact) in enumerate(
        [
            ("a", f.CallArrived(call_id=first, at=1, uniqueid="1", **arrival)),
            ("a", f.CallArrived(call_id=second, at=2, uniqueid="2", **arrival)),
            ("a", f.CallArrived(call_id=ended, at=3, uniqueid="3", **arrival)),
            ("a", f.CallEnded(call_id=ended, at=4, side="caller")),
            ("b", resumed(first, "4", 5)),
            ("a", f.CallNoted(call_id=first, at=6, agent_id=AgentId("1001"), version=1)),
        ]
    ):
        await store.append([Recorded(place + 1, server, fact)])
    assert await store.open_by_server() == {second: "a", first: "b"}
    await store.append([Recorded(9, "c", f.CallTakenUp(call_id=second, at=9, of="a"))])
    assert await store.open_by_server() == {first: "b", second: "c"}
