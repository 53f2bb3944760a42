"""Notes: nothing typed is lost between two windows, a lost answer, or odd characters."""

from __future__ import annotations

import asyncio

import pytest

from cti_server.clock import SystemClock
from cti_server.domain.customers import Customer
from cti_server.domain.ids import AgentId, CallId, CustomerId
from cti_server.errors import Conflict, NotFound
from cti_server.storage.customers import SqlCustomers
from cti_server.storage.engine import Database
from cti_server.storage.tickets import SqlTickets
from cti_server.storage.work import SqlNotes

CALL, OTHER, ME = CallId("call"), CallId("other"), AgentId("1001")
ODD = "<b>markup</b> 'quoted' \"twice\" 😀👩‍👩‍👧 שלום مرحبا \u202eabc\u202c 报修\n\ttab " + "长" * 9_000


@pytest.fixture
def notes(database: Database) -> SqlNotes:
    return SqlNotes(database, SystemClock())


async def test_a_note_grows_by_versions_and_keeps_every_character(notes: SqlNotes) -> None:
    assert (await notes.note(CALL, ME)).version == 0
    first = await notes.save(CALL, ME, "first", 0)
    second = await notes.save(CALL, ME, ODD, first.version)
    assert (second.version, second.text) == (2, ODD)
    assert await notes.note(CALL, ME) == second
    assert await notes.of_calls([CALL, OTHER], ME) == {CALL: second}
    assert await notes.of_calls([CALL], AgentId("1002")) == {}


async def test_the_same_text_again_is_no_change_whatever_its_version(notes: SqlNotes) -> None:
    saved = await notes.save(CALL, ME, "text", 0)
    assert await notes.save(CALL, ME, "text", 0) == saved
    emptied = await notes.save(CALL, ME, "", saved.version)
    assert (emptied.version, emptied.text) == (2, "")


async def test_an_older_window_is_refused_and_told_what_stands_there(notes: SqlNotes) -> None:
    await notes.save(CALL, ME, "one", 0)
    with pytest.raises(Conflict) as refused:
        await notes.save(CALL, ME, "two", 0)
    assert refused.value.details == {"reason": "note_changed", "text": "one", "version": 1}
    assert (await notes.note(CALL, ME)).text == "one"


async def test_of_two_windows_that_save_at_once_one_is_refused(notes: SqlNotes) -> None:
    done = await asyncio.gather(*(notes.save(CALL, ME, text, 0) for text in "ab"), return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in done) == 1
    assert (await notes.note(CALL, ME)).version == 1


async def test_a_file_is_read_by_id_with_its_tickets_and_name(database: Database) -> None:
    clock = SystemClock()
    files, tickets = SqlCustomers(database, clock), SqlTickets(database, clock)
    zhao = await files.create(Customer(customer_id=CustomerId("z"), name="Zhao", phones=("+8613900000001",)))
    order = await tickets.create("order", None, {"customer_id": "z", "summary": "no light"})
    closed = await tickets.create("message", None, {"customer_id": "z"})
    await tickets.advance(closed.ticket_id, "closed", by="test")
    known = await files.known(zhao.customer_id)
    assert (known.customer, [ticket.number for ticket in known.open_orders]) == (zhao, [order.number])
    assert {ticket.number for ticket in await files.tickets(zhao.customer_id)} == {order.number, closed.number}
    assert await files.names([zhao.customer_id, CustomerId("gone")]) == {"z": "Zhao"}
    assert await files.names([]) == {}
    for wish in (files.known, files.tickets):
        with pytest.raises(NotFound):
            await wish(CustomerId("gone"))
