"""One call from the first key to the saved wrap-up, through two agents' browsers; afterwards the database is read."""

from __future__ import annotations

import asyncio
import re
from collections import Counter

from playwright.async_api import Page, expect

from cti_server.clock import SystemClock
from cti_server.domain import facts as f
from cti_server.domain.calls import CallRecord
from cti_server.domain.ids import AgentId, CallId
from cti_server.storage.engine import open_database
from cti_server.storage.facts import SqlFactStore
from cti_server.storage.tickets import SqlTickets
from cti_server.storage.work import SqlNotes
from tests.real.hearing import Caller, caller
from tests.real.room import IN_A_ROOM, Room, flows_both_ways

pytestmark = IN_A_ROOM
STRANGER, ACCOUNT, PIN = "13800007777", "10000018", "246810"
NOTE = "客户问余额,<b>转</b>账务 👍"
SUMMARY = "核对电费账单"
FIRST, SECOND = AgentId("1001"), AgentId("1002")


async def asks_for_his_balance_and_a_person(one: Caller) -> None:
    await one.press("2", at="main")
    await one.press(f"{ACCOUNT}#", at="balance_account")
    await one.press(PIN, at="pin")
    await one.press("0", at="balance_more")


async def the_pop_tells_who_and_why(page: Page) -> None:
    await expect(page.get_by_test_id("caller-name")).to_have_text("陈先生")
    await expect(page.get_by_test_id("path")).to_have_text("balance › agent")
    await expect(page.get_by_test_id("digits")).to_have_text("1000••18")
    assert PIN not in await page.content()


async def holds_and_takes_back(page: Page, room: Room) -> None:
    held = len(room.centre.of(f.HoldStarted))
    await page.get_by_test_id("hold").click()
    await room.centre.until(f.HoldStarted, held + 1)
    await expect(page.get_by_test_id("system")).to_have_text("On hold")
    await page.get_by_test_id("hold").click()
    await room.centre.until(f.HoldEnded, held + 1)


async def hands_over(page: Page, colleague: Page, room: Room) -> None:
    """Asked first: both talk, then the caller goes over."""
    await page.get_by_test_id("target").fill(SECOND)
    await page.get_by_test_id("attended").click()
    await colleague.get_by_test_id("answer").click()
    await flows_both_ways(colleague, room.centre, SECOND)
    await page.get_by_test_id("consult-complete").click()
    await room.centre.until(f.CallTransferred)
    await flows_both_ways(colleague, room.centre, SECOND)
    await holds_and_takes_back(colleague, room)


SAID = """() => {
  const words = [...document.querySelectorAll("[aria-label], [title], [placeholder]")].filter((one) => one.checkVisibility())
    .flatMap((one) => ["aria-label", "title", "placeholder"].map((name) => one.getAttribute(name) ?? ""));
  return [document.querySelector("main").innerText, ...words].join("\\n");
}"""
"""All the page says, to eyes and to screen readers."""


async def says_it_all_in_the_other_language(page: Page) -> None:
    """At once, in the middle of a form; what was typed and chosen stays as it is."""
    form, summary = page.get_by_test_id("ticket-order"), page.get_by_test_id("field-summary")
    await expect(form).to_contain_text("Work order")
    await page.get_by_role("button", name="中文").click()
    await expect(page.get_by_test_id("system")).to_have_text("整理中")
    said = re.sub(r"Alt\+\S", "", await page.evaluate(SAID))
    assert set(re.findall(r"[A-Za-z]{2,}", said)) <= {"VIP", "English"}
    await expect(summary).to_have_value(SUMMARY)
    await expect(page.get_by_test_id("note")).to_have_value(NOTE)
    await expect(page.get_by_test_id("code-bill")).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
    await expect(summary).to_have_value(SUMMARY)


async def wraps_up(page: Page) -> None:
    await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
    await expect(page.get_by_test_id("note")).to_have_value(NOTE)
    await page.get_by_test_id("code-bill").click()
    await expect(page.get_by_test_id("code-bill")).to_have_attribute("aria-pressed", "true")
    await page.get_by_test_id("new-order").click()
    form = page.get_by_test_id("ticket-order")
    await form.get_by_test_id("field-summary").fill(SUMMARY)
    await says_it_all_in_the_other_language(page)
    await page.get_by_test_id("ticket-order-submit").click()
    await expect(form).to_have_count(0)
    await page.get_by_test_id("end-wrap-up").click()
    await expect(page.get_by_test_id("system")).to_have_text("Available")


async def sends_it_back(colleague: Page, page: Page, room: Room) -> None:
    """Straight away: the first agent's page rings again, with what he wrote before."""
    await colleague.get_by_test_id("target").fill(FIRST)
    await colleague.get_by_test_id("blind").click()
    await page.get_by_test_id("answer").click()
    await flows_both_ways(page, room.centre)
    await expect(colleague.get_by_test_id("system")).to_have_text("Wrap-up")
    await expect(page.get_by_test_id("caller-name")).to_have_text("陈先生")
    await expect(page.get_by_test_id("note")).to_have_value(NOTE)


async def test_one_call_from_the_first_key_to_the_saved_wrap_up(room: Room) -> None:
    centre = room.centre
    page, colleague = await room.agent(FIRST), await room.agent(SECOND, ready=False)
    async with caller(centre, STRANGER) as one:
        await asks_for_his_balance_and_a_person(one)
        await page.get_by_test_id("answer").click()
        await the_pop_tells_who_and_why(page)
        await flows_both_ways(page, centre)
        assert one.ear.quiet_for() < 3.0, "the caller hears the agent"
        await page.get_by_test_id("note").fill(NOTE)
        await expect(page.get_by_test_id("note-state")).to_have_text("Saved")
        await holds_and_takes_back(page, room)
        await hands_over(page, colleague, room)
        await wraps_up(page)
        await sends_it_back(colleague, page, room)
        await page.get_by_test_id("hang-up").click()
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
        await page.get_by_test_id("end-wrap-up").click()
        await one.over()
    await centre.calls_over()
    await what_the_database_holds(room, one.call_id)
    await page.close()
    await colleague.close()


async def what_the_database_holds(room: Room, call_id: CallId) -> None:
    database = open_database(room.database)
    try:
        store = SqlFactStore(database)
        while call_id in await store.open_calls():
            await asyncio.sleep(0.05)
        facts = [r.fact for r in await store.after(0, limit=1000) if getattr(r.fact, "call_id", None) == call_id]
        record = await store.load_call(call_id)
        note = await SqlNotes(database, SystemClock()).note(call_id, FIRST)
        made = [fact for fact in facts if isinstance(fact, f.TicketCreated)]
        tickets = [await SqlTickets(database, SystemClock()).get(fact.ticket_id) for fact in made]
    finally:
        await database.close()
    assert note.text == NOTE
    assert [(ticket.summary, ticket.call_id) for ticket in tickets] == [(SUMMARY, call_id)]
    assert record is not None
    check_record(record)
    told = Counter(type(fact).__name__ for fact in facts)
    assert {name: told[name] for name in ONCE} == dict.fromkeys(ONCE, 1)
    assert (told["TalkStarted"], told["TalkEnded"], told["CallTransferred"]) == (3, 3, 2)
    assert (told["HoldStarted"], told["HoldEnded"]) == (3, 3), "held, held while asking, held by the colleague"


ONCE = ("CallArrived", "CallerIdentified", "DispositionSet", "TicketCreated", "CallEnded")


def check_record(record: CallRecord) -> None:
    assert [(one.agent_id, one.code) for one in record.dispositions] == [(FIRST, "bill")]
    talks = [talk for visit in record.visits for talk in visit.talks]
    assert [talk.agent_id for talk in talks] == [FIRST, SECOND, FIRST]
    assert not record.unknown_end
