"""Customer files as agents work with them: search, second files, versions, the timeline, own tasks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from cti_server.clock import SystemClock
from cti_server.domain import facts as f
from cti_server.domain.customers import Account, Customer, Holding
from cti_server.domain.ids import SECOND, AgentId, CallId, CustomerId, VisitId
from cti_server.domain.timeline import Entry, page, place_of
from cti_server.errors import Conflict, InvalidValue, NotFound
from cti_server.storage import tables
from cti_server.storage.accounts import SqlAccounts
from cti_server.storage.customers import SqlCustomers
from cti_server.storage.engine import Database
from cti_server.storage.facts import SqlFactStore
from cti_server.storage.pins import PinHasher
from cti_server.storage.tickets import SqlTickets
from cti_server.storage.timeline import SqlTimeline
from cti_server.storage.work import SqlNotes

KINDS = ("call", "order", "message", "callback", "complaint")
ZHAO = CustomerId("z")
MOBILE, LANDLINE = "+8613900000001", "+862168881234"
ODD = "<img src=x onerror=alert(1)> 😀 שלום 100%_"


@pytest.fixture
async def files(database: Database) -> SqlCustomers:
    files = SqlCustomers(database, SystemClock())
    await SqlAccounts(database, SystemClock(), PinHasher(b"k" * 32)).create(Account(number="10000018"), None)
    zhao = Customer(
        customer_id=ZHAO,
        name="Zhao Lin",
        address="Long Street 5",
        phones=(MOBILE,),
        holdings=(Holding(account="10000018"),),
    )
    await files.create(zhao)
    await files.create(Customer(customer_id=CustomerId("odd"), name=ODD, phones=(LANDLINE,)))
    return files


async def test_a_customer_is_found_by_whatever_one_has_of_him(database: Database, files: SqlCustomers) -> None:
    order = await SqlTickets(database, SystemClock()).create("order", None, {"customer_id": "z"})
    charged = await SqlTickets(database, SystemClock()).create("order", None, {"account": "10000018"})

    async def found(text: str, number: str | None = None) -> list[str]:
        return [customer.customer_id for customer in await files.search(text, number, 10)]

    for text in ("zhao", "street 5", "10000018", "1000 0018", order.number, charged.number, "0000 001", "+86 139-0000"):
        assert await found(text) == ["z"], text
    assert await found("(021) 6888-1234", LANDLINE) == ["odd"]
    assert await found("1390000", "+861390000") == ["z"], "a number typed half is a possible number too"
    for text in (ODD, "100%_", "onerror"):
        assert await found(text) == ["odd"], text
    for text in ("%", "\\", "'; --", "001", "9999999"):
        assert (await found(text) == ["odd"]) if text == "%" else (await found(text) == [])


async def test_a_second_file_of_one_person_is_noticed(files: SqlCustomers) -> None:
    new = Customer(customer_id=CustomerId("new"), name="Somebody", phones=(MOBILE,))
    assert [one.customer_id for one in await files.alike(new, 5)] == ["z"]
    neighbour = replace(new, phones=(), name="Zhao Lin", address="Long Street 5")
    assert [one.customer_id for one in await files.alike(neighbour, 5)] == ["z"]
    for other in (
        replace(neighbour, address=""),
        replace(new, phones=()),
        replace(neighbour, address="Short Street 1"),
    ):
        assert await files.alike(other, 5) == []


async def test_a_change_is_kept_with_what_was_there_and_the_second_one_is_refused(
    database: Database, files: SqlCustomers
) -> None:
    known = await files.get(ZHAO)
    moved = replace(known, address=ODD, phones=(LANDLINE, MOBILE), flags=("hearing",), notes="line\nline")
    after = await files.update(moved, by="1001", address="127.0.0.1")
    assert (after.version, after.address, after.flags, after.holdings) == (2, ODD, ("hearing",), known.holdings)
    assert after.phones == tuple(sorted((LANDLINE, MOBILE)))
    assert await files.update(moved, by="1001", address="") == after, "sent again, changed once"
    with pytest.raises(Conflict) as refused:
        await files.update(replace(known, name="Other"), by="1002", address="")
    assert refused.value.details["reason"] == "customer_changed"
    assert (refused.value.details["version"], refused.value.details["address"]) == (2, ODD)
    with pytest.raises(NotFound):
        await files.update(replace(known, customer_id=CustomerId("gone")), by="1002", address="")
    with pytest.raises(InvalidValue):
        await files.update(replace(after, phones=("12",)), by="1002", address="")
    async with database.read() as connection:
        (row,) = (
            await connection.execute(select(tables.audit).where(tables.audit.c.action == "customer_changed"))
        ).all()
    assert (row.login, row.subject, row.before["address"], row.after["address"]) == ("1001", "z", "Long Street 5", ODD)
    assert set(row.after) == {"address", "phones", "flags", "notes"}, "only what changed"


async def test_of_two_changes_at_once_one_is_refused(files: SqlCustomers) -> None:
    known = await files.get(ZHAO)
    wishes = (files.update(replace(known, name=name), by=name, address="") for name in "ab")
    done = await asyncio.gather(*wishes, return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in done) == 1
    assert (await files.get(ZHAO)).version == 2


async def _call(store: SqlFactStore, key: str, at: int, caller: str) -> None:
    ids: dict[str, Any] = {"call_id": CallId(key)}
    facts: list[f.Fact] = [
        f.CallArrived(at=at, node="n", channel="c", uniqueid=key, caller=caller, did="95598", **ids),
        f.TalkStarted(at=at + SECOND, visit_id=VisitId(key), agent_id=AgentId("1001"), **ids),
        f.TalkEnded(at=at + 31 * SECOND, visit_id=VisitId(key), agent_id=AgentId("1001"), side="caller", **ids),
        f.CallEnded(at=at + 32 * SECOND, side="caller", **ids),
    ]
    first = at * 10
    await store.append([f.Recorded(id=first + place, server="s", fact=fact) for place, fact in enumerate(facts)])


async def test_the_timeline_is_read_page_by_page_without_hole_or_double(
    database: Database, files: SqlCustomers
) -> None:
    clock = SystemClock()
    now = clock.now() - 3_600 * SECOND
    store, notes, tickets = SqlFactStore(database), SqlNotes(database, clock), SqlTickets(database, clock)
    for place in range(5):
        await _call(store, f"call-{place}", now + place // 2 * 100 * SECOND + (place % 2), MOBILE)
    await _call(store, "stranger", now + 50, LANDLINE)
    await notes.save(CallId("call-1"), AgentId("1001"), ODD, 0)
    for kind in ("order", "message", "callback", "complaint"):
        await tickets.create(kind, None, {"customer_id": "z", "summary": kind, "agent_id": "1001", "node": kind})
    timeline, seen, before = SqlTimeline(database), list[Entry](), None
    while True:
        shown, more = page(await timeline.entries(ZHAO, KINDS, before, 3), 2)
        seen += shown
        if more is None:
            break
        before = place_of(more)
    assert [entry.kind for entry in seen] == ["complaint", "callback", "message", "order", *["call"] * 5]
    assert [entry.call_id for entry in seen[4:]] == ["call-4", "call-3", "call-2", "call-1", "call-0"]
    (noted,) = [entry for entry in seen if entry.notes]
    assert (noted.call_id, noted.notes[0].text, noted.talk) == ("call-1", ODD, 30 * SECOND)
    only = await timeline.entries(ZHAO, ("order", "message"), None, 10)
    assert {entry.kind for entry in only} == {"order", "message"}
    with pytest.raises(NotFound):
        await timeline.entries(CustomerId("gone"), KINDS, None, 10)


async def test_tasks_are_ones_own_and_nobodys_until_they_are_done(database: Database) -> None:
    tickets, timeline = SqlTickets(database, SystemClock()), SqlTimeline(database)
    mine = await tickets.create("callback", None, {"agent_id": "1001", "number": MOBILE})
    left = await tickets.create("message", None, {"summary": "left by a caller"})
    await tickets.create("message", None, {"agent_id": "1002"})
    await tickets.create("order", None, {"agent_id": "1001"})
    await tickets.create("callback", None, {"number": MOBILE})
    assert [one.number for one in await timeline.tasks(AgentId("1001"), 10)] == [mine.number, left.number]
    await tickets.advance(left.ticket_id, "closed", by="1001")
    assert [one.number for one in await timeline.tasks(AgentId("1001"), 10)] == [mine.number]


async def test_a_ticket_is_changed_on_what_was_seen_and_says_so(database: Database) -> None:
    tickets = SqlTickets(database, SystemClock())
    made = await tickets.create("order", None, {"summary": "no light", "description": "old"})
    seen = (await tickets.get(made.ticket_id)).changed_at
    await tickets.edit(made.ticket_id, seen, {"summary": ODD, "description": "old", "address": "x"}, by="1001")
    after = await tickets.get(made.ticket_id)
    assert (after.summary, after.fields["address"], after.fields["description"]) == (ODD, "x", "old")
    assert [(one.what, one.by, one.text) for one in await tickets.notes(made.ticket_id)] == [
        ("changed", "1001", "address, summary")
    ]
    await tickets.edit(made.ticket_id, seen, {"summary": ODD}, by="1001")
    with pytest.raises(Conflict) as refused:
        await tickets.edit(made.ticket_id, seen, {"summary": "other"}, by="1002")
    assert refused.value.details["reason"] == "ticket_changed"
    await tickets.advance(made.ticket_id, "cancelled", by="test")
    with pytest.raises(Conflict) as refused:
        await tickets.edit(made.ticket_id, after.changed_at, {"summary": "other"}, by="1002")
    assert refused.value.details["reason"] == "ticket_closed"


async def test_every_change_is_told_once_to_whom_it_concerns_and_without_personal_data(database: Database) -> None:
    told: list[f.Fact] = []
    clock = SystemClock()
    await SqlAccounts(database, clock, PinHasher(b"k" * 32)).create(Account(number="10000018"), None)
    files, tickets = SqlCustomers(database, clock, told.append), SqlTickets(database, clock, told.append)
    zhao = await files.create(Customer(customer_id=ZHAO, name="Zhao Lin", phones=(MOBILE,)))
    await files.link_account(ZHAO, "10000018")
    await files.link_phone(ZHAO, LANDLINE)
    moved = await files.update(replace(await files.get(ZHAO), version=zhao.version, address=ODD), by="1001", address="")
    await files.update(moved, by="1001", address="")
    assert [(fact.customer_id, fact.version) for fact in told if isinstance(fact, f.CustomerChanged)] == [
        ("z", 1),
        ("z", 1),
        ("z", 1),
        ("z", 2),
    ]
    told.clear()
    order = {"account": "10000018", "summary": ODD, "node": "n"}
    made = await tickets.create("order", CallId("call"), order)
    assert await tickets.create("order", CallId("call"), order) == made
    await tickets.note(made.ticket_id, by="caller", what="urged", text=ODD)
    seen = (await tickets.get(made.ticket_id)).changed_at
    await tickets.edit(made.ticket_id, seen, {"summary": "two"}, by="1001")
    await tickets.edit(made.ticket_id, seen, {"summary": "two"}, by="1001")
    await tickets.advance(made.ticket_id, "cancelled", by="office")
    callback = await tickets.create("callback", None, {"agent_id": "1001", "by": "1001", "number": MOBILE})
    await tickets.note_attempt(callback.ticket_id, 1)
    await tickets.end_callback(callback.ticket_id, "done")
    changes = [fact for fact in told if isinstance(fact, f.TicketChanged)]
    assert [(fact.what, fact.by) for fact in changes if fact.ticket == "order"] == [
        ("created", "caller"),
        ("urged", "caller"),
        ("changed", "1001"),
        ("cancelled", "office"),
    ]
    assert {fact.customers for fact in changes if fact.ticket == "order"} == {("z",)}, "he holds the account"
    assert [(fact.what, fact.by, fact.owner) for fact in changes if fact.ticket == "callback"] == [
        ("created", "1001", "1001"),
        ("attempt", "server", "1001"),
        ("done", "server", "1001"),
    ]
    assert ODD not in str(told)


async def test_tasks_stand_in_the_order_they_are_due_and_a_due_time_is_kept(database: Database) -> None:
    clock = SystemClock()
    tickets, timeline = SqlTickets(database, clock), SqlTimeline(database)
    hour = 3_600 * SECOND
    asked = {"agent_id": "1001", "number": MOBILE}
    late = await tickets.create("callback", None, asked | {"due_at": clock.now() + 2 * hour})
    soon = await tickets.create("callback", None, asked | {"due_at": clock.now() + hour})
    overdue = await tickets.create("message", None, {"agent_id": "1001", "due_at": clock.now() - hour})
    undated = await tickets.create("message", None, {"agent_id": "1001"})
    order = [one.number for one in await timeline.tasks(AgentId("1001"), 10)]
    assert order == [overdue.number, undated.number, soon.number, late.number]
    (waiting,) = [request for ticket_id, request in await tickets.open_callbacks() if ticket_id == late.ticket_id]
    assert waiting.due_at == (await tickets.get(late.ticket_id)).due_at
    seen = await tickets.get(late.ticket_id)
    await tickets.edit(late.ticket_id, seen.changed_at, {"due_at": None, "number": LANDLINE}, by="1001")
    (waiting,) = [request for ticket_id, request in await tickets.open_callbacks() if ticket_id == late.ticket_id]
    assert (waiting.due_at, waiting.number) == (None, LANDLINE)
    (step,) = await tickets.notes(late.ticket_id)
    assert step.text == "due_at, number"


async def test_codes_are_counted_by_visit_for_one_agent_since_a_moment(database: Database) -> None:
    store = SqlFactStore(database)
    given = [
        ("1001", "v1", "bill", 5),
        ("1001", "v1", "bill", 6),
        ("1001", "v2", "bill", 7),
        ("1001", "v3", "fault", 7),
    ]
    given += [("1001", "v4", "old", 1), ("1002", "v5", "bill", 7)]
    facts = [
        f.DispositionSet(at=at, call_id=CallId(visit), visit_id=VisitId(visit), agent_id=AgentId(who), code=code)
        for who, visit, code, at in given
    ]
    await store.append([f.Recorded(id=place + 1, server="s", fact=fact) for place, fact in enumerate(facts)])
    assert await store.codes_used(AgentId("1001"), 5) == {"bill": 2, "fault": 1}
