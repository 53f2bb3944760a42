from __future__ import annotations

import asyncio
from functools import reduce
from typing import Any

import pytest

from cti_server.domain import facts as f
from cti_server.domain.calls import CallRecord, apply
from cti_server.domain.ids import AgentId, CallId, QueueName, VisitId
from cti_server.errors import InvalidValue
from cti_server.storage.engine import Database
from cti_server.storage.facts import SqlFactStore

A = AgentId("1001")


def recorded(at: int, kind: type[f.Fact], server: str = "s", **fields: Any) -> f.Recorded:
    return f.Recorded(at, server, kind(at=at, **fields))


def story(call: str, start: int, server: str = "s") -> list[f.Recorded]:
    """A call that was answered, eight facts from `start` on."""
    common: dict[str, Any] = {"call_id": CallId(call), "server": server}
    visit = {**common, "visit_id": VisitId(f"v{call}")}
    return [
        recorded(
            start, f.CallArrived, node="n", channel="x", uniqueid=call, caller=f"+86{call}", did="95598", **common
        ),
        recorded(start + 1, f.MenuChosen, flow="power", node="main", key="0", label="人工", **common),
        recorded(start + 2, f.VisitStarted, queue=QueueName("general"), priority=0, entered_at=start + 2, **visit),
        recorded(start + 3, f.TalkStarted, agent_id=A, **visit),
        recorded(start + 4, f.VisitEnded, outcome="answered", **visit),
        recorded(start + 5, f.TalkEnded, agent_id=A, side="agent", **visit),
        recorded(start + 6, f.CallEnded, side="server", **common),
        recorded(start + 7, f.WrapUpStarted, agent_id=A, until=start + 99, **visit),
    ]


def folded(facts: list[f.Recorded]) -> CallRecord:
    call_facts = [r.fact for r in facts if isinstance(r.fact, f.CallFact)]
    record = reduce(apply, call_facts, None)
    assert record is not None
    return record


@pytest.fixture
def store(database: Database) -> SqlFactStore:
    return SqlFactStore(database)


async def test_what_is_stored_is_read_back_the_same(store: SqlFactStore) -> None:
    told = [
        *story("1", 100),
        recorded(200, f.CallerIdentified, call_id=CallId("1"), customer_id="k", tier="", flags=("a",)),
    ]
    await store.append(told)
    assert await store.after(0, limit=100) == told
    assert await store.after(103, limit=2) == told[4:6]
    assert await store.of_call(CallId("1")) == told
    assert await store.last_id("s") == 200
    assert await store.last_id("other") == 0
    assert await store.load_call(CallId("1")) == folded(told)
    assert await store.load_call(CallId("2")) is None


async def test_facts_told_again_in_any_grouping_are_stored_and_folded_once(
    database: Database, store: SqlFactStore
) -> None:
    told = story("1", 100)
    await store.append(told[:3])
    await store.append(told[1:5])
    await SqlFactStore(database).append(told)  # after a restart nothing is in memory
    await store.append([told[7], *told])
    assert await store.after(0, limit=100) == told
    assert await store.load_call(CallId("1")) == folded(told)


async def test_one_batch_is_one_transaction(database: Database, store: SqlFactStore) -> None:
    told = story("1", 100)
    bad = recorded(150, f.MenuChosen, call_id=CallId("\ud800"), flow="f", node="n", key="1")
    with pytest.raises((InvalidValue, UnicodeEncodeError)):
        await store.append([*told, bad])
    assert await store.after(0, limit=100) == []
    assert await store.open_calls() == []
    await store.append(told)
    assert await store.load_call(CallId("1")) == folded(told)


async def test_two_servers_that_see_the_same_call_in_turn_fold_one_record(database: Database) -> None:
    told = story("1", 100)
    one, two = SqlFactStore(database), SqlFactStore(database)
    for place, fact in enumerate(told):
        await (two if place % 2 else one).append([f.Recorded(fact.id, f"s{place % 2}", fact.fact)])
    assert await one.load_call(CallId("1")) == folded(told)


async def test_two_servers_writing_at_once_lose_nothing(database: Database) -> None:
    first = story("0", 1)[:1]
    one, two = SqlFactStore(database), SqlFactStore(database)
    await one.append(first)

    async def press(store: SqlFactStore, server: str, start: int) -> None:
        for at in range(start, start + 20):
            fact = recorded(at, f.MenuChosen, server, call_id=CallId("0"), flow="f", node="n", key="1")
            await store.append([fact])

    await asyncio.gather(press(one, "s1", 100), press(two, "s2", 500))
    record = await one.load_call(CallId("0"))
    assert record is not None
    assert sorted(step.at for step in record.menu) == [*range(100, 120), *range(500, 520)]


async def test_open_calls_are_those_whose_end_is_not_stored(store: SqlFactStore) -> None:
    await store.append([*story("1", 100)[:4], *story("2", 200), *story("3", 300)[:1]])
    assert await store.open_calls() == ["1", "3"]
    assert [record.call_id for record in await store.open_records()] == ["3", "1"]
    await store.append(story("1", 100))
    assert await store.open_calls() == ["3"]


async def test_an_agents_facts_are_found_by_time(store: SqlFactStore) -> None:
    told = [recorded(50, f.AgentSignedIn, agent_id=A), *story("1", 100), recorded(900, f.AgentSignedOut, agent_id=A)]
    await store.append(told)
    assert await store.of_agent(A, 50, 900) == [told[0], told[4], told[6], told[8]]
    assert await store.of_agent(AgentId("1002"), 0, 10_000) == []


async def test_calls_are_searched_by_agent_number_queue_and_time(store: SqlFactStore) -> None:
    await store.append([*story("1", 100), *story("2", 200), *story("3", 300)[:2]])

    async def ids(**filters: Any) -> list[str]:
        return [record.call_id for record in await store.search_calls(**filters)]

    assert await ids() == ["3", "2", "1"]
    assert await ids(limit=1) == ["3"]
    assert await ids(number="+862") == ["2"]
    assert await ids(queue="general") == ["2", "1"]
    assert await ids(queue="vip") == []
    assert await ids(agent_id="1001", since=150) == ["2"]


async def test_a_batch_larger_than_a_statement_can_hold(store: SqlFactStore) -> None:
    told = [fact for call in range(700) for fact in story(f"c{call}", call * 10)[:2]]
    await store.append(told)
    await store.append(told)
    assert len(await store.after(0, limit=10_000)) == 1399  # the very first has id 0
    assert len(await store.open_calls()) == 700
