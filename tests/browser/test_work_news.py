"""What others change reaches an open page; what is due; how numbers, moments and long texts are shown. Real web application and
database, no telephone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from playwright.async_api import Page, expect

from cti_server.domain import facts as f
from cti_server.domain.customers import Customer
from cti_server.domain.ids import SECOND, AgentId, CallId, CustomerId, VisitId
from tests.browser.conftest import Site, sign_in
from tests.browser.test_agent_page import now
from tests.browser.test_work_page import (
    EVIL,
    LONG,
    MOBILE,
    customer,  # noqa: F401
    nothing_ran,
    past_calls,
    session_ends,
    shot,
    talking,
)

ZHAO = CustomerId("c1")
HOUR = 3_600 * SECOND
TICKETS = 7


async def opened(page: Page, site: Site) -> None:
    """1001 has no call and reads the customer's card."""
    await sign_in(page, site)
    await page.get_by_test_id("find").fill("long street")
    await page.get_by_test_id("found").get_by_test_id("link").click()
    await expect(page.get_by_test_id("card-name")).to_be_visible()


async def others(page: Page, site: Site) -> None:
    """What a colleague, the office and the caller in a menu do with this customer; the page follows without a reload."""
    tickets, files = site.world.work.tickets, site.world.work.files
    field = page.get_by_test_id
    (first,) = await files.open_orders(ZHAO)
    await field("ticket-steps").first.click()
    await expect(field("file").get_by_text("None", exact=True)).to_be_visible()
    await tickets.note(first.ticket_id, by="caller", what="urged", text="")
    await expect(field("steps").get_by_role("listitem")).to_have_count(1)
    await expect(field("steps")).to_contain_text("caller Urged")

    made = await tickets.create("order", None, {"customer_id": "c1", "summary": f"meter {EVIL}", "by": "1002"})
    await expect(field("orders").get_by_role("strong")).to_have_text([made.number, first.number])
    await expect(field("timeline")).to_contain_text(f"meter {EVIL}")
    await tickets.advance(made.ticket_id, "cancelled", by="office")
    await expect(field("orders").get_by_role("strong")).to_have_text([first.number])
    await expect(field("timeline").get_by_role("listitem").first).to_contain_text("Cancelled")

    file = await files.get(ZHAO)
    await files.update(replace(file, address="Short Street 1", flags=("sight",)), by="1002", address="")
    await expect(field("file")).to_contain_text("Short Street 1")
    await expect(field("advice")).to_contain_text("do not ask to read")


async def test_what_others_change_reaches_the_card_an_idle_agent_reads(
    page: Page,
    site: Site,
    customer: Customer,  # noqa: F811
) -> None:
    await past_calls(site, 24)
    await opened(page, site)
    await page.get_by_test_id("more").click()
    await expect(page.get_by_test_id("timeline").get_by_role("listitem")).to_have_count(25)
    await others(page, site)
    await expect(page.get_by_test_id("timeline").get_by_role("listitem")).to_have_count(26)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await site.world.work.files.create(Customer(customer_id=CustomerId("c9"), name="Stranger"))
    await site.world.work.tickets.create("order", None, {"customer_id": "c9"})
    await site.world.work.tickets.create("message", None, {"customer_id": "c9", "agent_id": "1001", "summary": "mine"})
    await expect(page.get_by_test_id("task-message")).to_contain_text("mine")
    paths = [url.rsplit("/api/v1", 1)[1] for url in asked]
    assert paths.count("/agents/me/tasks") == 1, "only what shows it is read again"
    assert not [path for path in paths if path.endswith(("/customers/c1", "c9", "/figures", "/worked"))], paths
    await nothing_ran(page)


async def test_what_others_change_reaches_the_pop_of_a_talk(
    page: Page,
    site: Site,
    customer: Customer,  # noqa: F811
) -> None:
    await talking(page, site)
    await others(page, site)
    await nothing_ran(page)


async def test_an_open_form_follows_what_others_change_and_says_what_clashes(
    page: Page,
    site: Site,
    customer: Customer,  # noqa: F811
) -> None:
    files, field = site.world.work.files, page.get_by_test_id
    await opened(page, site)
    await field("edit-customer").click()
    await field("field-email").fill("mine@example.com")
    await files.update(replace(await files.get(ZHAO), address="Other Street 9"), by="1002", address="")
    await expect(field("field-address")).to_have_value("Other Street 9")
    await expect(field("file-form-error")).to_have_count(0)
    await files.update(replace(await files.get(ZHAO), email="theirs@example.com"), by="1002", address="")
    await expect(field("file-form")).to_contain_text("theirs@example.com")
    await expect(field("field-email")).to_have_value("mine@example.com")
    await field("file-form-submit").click()
    await expect(field("file-form-error")).to_contain_text("save again")
    assert (await files.get(ZHAO)).email == "theirs@example.com"
    await field("file-form-submit").click()
    await expect(field("file-form")).to_have_count(0)
    saved = await files.get(ZHAO)
    assert (saved.address, saved.email, saved.version) == ("Other Street 9", "mine@example.com", 4)


async def test_tasks_come_by_when_they_are_due_and_late_ones_are_marked(
    page: Page,
    site: Site,
    customer: Customer,  # noqa: F811
) -> None:
    tickets, field = site.world.work.tickets, page.get_by_test_id
    mine = {"customer_id": "c1", "agent_id": "1001", "number": MOBILE}
    await sign_in(page, site)
    await expect(field("tasks")).to_contain_text("Nothing to see to.")
    callback = await tickets.create("callback", None, mine | {"summary": "later", "due_at": now() + 2 * HOUR})
    await expect(field("task-callback")).to_contain_text("139 0000 0001")
    await tickets.create("message", None, mine | {"summary": EVIL, "due_at": now() - HOUR})
    rows = field("tasks").get_by_role("listitem")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text(EVIL)
    await expect(rows.first.get_by_test_id("overdue")).to_contain_text("Overdue")
    await expect(field("task-callback").get_by_test_id("due")).to_contain_text("due to")
    await shot(page, "tasks-due")
    await tickets.end_callback(callback.ticket_id, "done")
    await expect(field("task-callback")).to_have_count(0)
    await tickets.create("message", None, {"summary": "left in the night"})
    await expect(field("tasks")).to_contain_text("nobody", timeout=10_000)
    await nothing_ran(page)


async def test_a_callback_is_made_for_a_time_and_changed_until_it_is_rung(page: Page, site: Site) -> None:
    booked, field = site.world.work.booked, page.get_by_test_id
    await talking(page, site, card=False)
    await field("new-callback").click()
    await field("due_at-day").select_option(label="tomorrow")
    for wrong in ("25:00", "soon"):
        await field("due_at-time").fill(wrong)
        await field("ticket-callback-submit").click()
        await expect(field("ticket-callback-error")).to_have_text("Write the time like 15:00.")
    await field("due_at-time").fill("15：00")
    await page.get_by_role("button", name="中文").click()
    await expect(field("due_at-day")).to_contain_text("明天")
    await expect(field("due_at-time")).to_have_value("15：00")
    await page.get_by_role("button", name="English").click()
    await shot(page, "callback-form")
    await field("ticket-callback-submit").click()
    await expect(field("made")).to_contain_text("due tomorrow 15:00")
    ((ticket_id, first),) = booked.requests
    assert first.due_at is not None

    await field("edit-ticket").click()
    await expect(field("field-number")).to_have_value("139 0000 0001")
    await expect(field("due_at-time")).to_have_value("15:00")
    await field("field-number").fill("010 6888 4321")
    await field("due_at-time").fill("1630")
    await field("ticket-edit-submit").click()
    await expect(field("made")).to_contain_text("due tomorrow 16:30")
    ((_, changed),) = booked.requests
    assert (changed.number, changed.due_at) == ("+861068884321", first.due_at + 90 * 60 * SECOND)

    booked.rung.add(ticket_id)
    await field("edit-ticket").click()
    await field("due_at-day").select_option(label="As soon as its turn comes")
    await field("ticket-edit-submit").click()
    await expect(field("ticket-edit-error")).to_contain_text("This callback was rung already")


async def test_a_customer_is_entered_while_nobody_is_on_the_line(
    page: Page,
    site: Site,
    customer: Customer,  # noqa: F811
) -> None:
    field = page.get_by_test_id
    await sign_in(page, site)
    await field("new-customer").click()
    await field("field-name").fill(EVIL)
    await field("field-phones").fill("139 0000 0001")
    await session_ends(page, site)
    await expect(field("field-name")).to_have_value(EVIL)
    await field("customer-form-submit").click()
    await expect(field("alike")).to_contain_text(EVIL)
    await field("field-phones").fill("139 0000 0077； +44 20 7946 0958")
    await field("customer-form-submit").click()
    await expect(field("card-name")).to_have_text(EVIL)
    await expect(field("file")).to_contain_text("+44 20 7946 0958")
    await page.reload()
    await expect(field("card-name")).to_have_text(EVIL)
    await nothing_ran(page)


NUMBERS = {
    MOBILE: "139 0000 0001",
    "+861068884321": "010-6888 4321",
    "+8675588884321": "0755-8888 4321",
    "+867397654321": "0739-765 4321",
    "+864008123456": "400-812-3456",
    "+442079460958": "+44 20 7946 0958",
    "+14155552671": "+1 415 555 2671",
    "+85221234567": "+852 2123 4567",
    "95598": "95598",
}


async def test_a_number_is_shown_as_people_write_it_and_copied_whole(page: Page, site: Site) -> None:
    for number in NUMBERS:
        message = {"agent_id": "1001", "number": number, "summary": f"call {number}"}
        await site.world.work.tickets.create("message", None, message)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await sign_in(page, site)
    tasks = page.get_by_test_id("task-message")
    await expect(tasks.get_by_test_id("tel")).to_have_text(list(NUMBERS.values()))
    for place, number in enumerate(NUMBERS):
        row = tasks.nth(place)
        await expect(row.get_by_title(number, exact=True)).to_have_count(1)
        await row.get_by_test_id("tel").focus()
        await page.keyboard.press("Control+c")
        assert await page.evaluate("navigator.clipboard.readText()") == number
    await page.evaluate("navigator.clipboard.writeText('')")
    await tasks.first.get_by_test_id("tel").hover()
    await tasks.first.get_by_test_id("copy-number").click()
    assert await page.evaluate("navigator.clipboard.readText()") == MOBILE


async def test_own_calls_show_markup_and_long_notes_as_text(page: Page, site: Site) -> None:
    long = f"{EVIL}\n\u202eabc\u202c مرحبا\n{LONG}"[:10_000]
    await talking(page, site, card=False)
    await page.get_by_test_id("note").fill(long)
    await expect(page.get_by_test_id("note-state")).to_contain_text("Saved")
    site.world.desk.end_talk("1001")
    site.world.bus.record(f.WrapUpEnded(at=now(), agent_id=AgentId("1001"), by="deadline", code_missing=True))
    row = page.get_by_test_id("calls").get_by_role("listitem")
    await expect(row).to_contain_text("139 0000 0001")
    await expect(row).to_contain_text("today")
    note = row.get_by_test_id("call-note")
    await expect(note).to_contain_text("<img src=x onerror=alert(1)> 😀 שלום")
    assert len(await note.inner_text()) > 9_000
    box = await note.bounding_box()
    assert box is not None
    assert box["height"] < 60, "two lines of it, the rest on request"
    await page.get_by_test_id("complete").click()
    await expect(row.get_by_test_id("note")).to_have_value(long)
    await shot(page, "own-calls")
    size = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size == [1280, 720]
    await nothing_ran(page)


async def test_who_what_to_heed_the_path_and_the_newest_contacts_stand_in_sight(
    page: Page,
    site: Site,
    customer: Customer,  # noqa: F811
) -> None:
    """The longest card: every flag, long remarks, many open tickets, a repeat call."""
    work = site.world.work
    file = await work.files.get(ZHAO)
    long = replace(
        file, notes="remark " * 500, flags=("elderly", "hearing", "sight", "vulnerable"), address="Long " * 40
    )
    await work.files.update(long, by="1002", address="")
    for place in range(TICKETS):
        await work.tickets.create("order", None, {"customer_id": "c1", "summary": f"no light {place} " * 10})
    await past_calls(site, 3)
    await talking(page, site)
    for language in ("中文", "English"):
        await page.get_by_role("button", name=language).click()
        first = page.get_by_test_id("timeline").get_by_role("listitem").first
        for part in ("caller-name", "advice", "repeat", "this-call", "accounts", "orders"):
            box = await page.get_by_test_id(part).bounding_box()
            assert box is not None, part
            assert box["y"] < 720, part
        await shot(page, f"longest-{'zh' if language == '中文' else 'en'}")
        box = await first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 720, f"the newest contact in {language}"


async def test_the_path_and_moments_are_told_in_the_pages_language(page: Page, site: Site) -> None:
    await talking(page, site, card=False)
    step: dict[str, Any] = {"node": "main", "at": now()}
    site.world.desk.pops["1001"] |= {
        "path": [
            step | {"key": "2", "label": "故障报修", "labels": {"zh": "故障报修", "en": "report a fault"}},
            step | {"key": "0", "label": "人工", "labels": {}},
        ]
    }
    await page.reload()
    await expect(page.get_by_test_id("path")).to_have_text("report a fault › 人工")
    await expect(page.get_by_test_id("calls")).to_contain_text("today ")
    await page.get_by_role("button", name="中文").click()
    await expect(page.get_by_test_id("path")).to_have_text("故障报修 › 人工")
    await expect(page.get_by_test_id("calls")).to_contain_text("今天 ")
    written = await page.get_by_test_id("calls").inner_text()
    assert "AM" not in written.upper().replace("综合", "")


async def test_the_end_of_a_wrap_up_is_told_before_and_its_last_seconds_are_marked(page: Page, site: Site) -> None:
    desk = site.world.desk
    await talking(page, site, card=False)
    desk.end_talk("1001")
    ids: dict[str, Any] = {"agent_id": AgentId("1001")}
    started = f.WrapUpStarted(
        at=now(), call_id=CallId("call-1"), visit_id=VisitId("visit-call-1"), until=now() + 40 * SECOND, **ids
    )
    site.world.bus.record(started)
    countdown, intent = page.get_by_test_id("countdown"), page.get_by_test_id("intent")
    await expect(countdown).to_have_class("clock ")
    await expect(intent).to_have_text("then Ready")
    await desk.pause("1001", "meal", "1001")
    await expect(intent).to_have_text("then Paused · Meal")
    site.world.bus.record(f.WrapUpExtended(at=now(), until=now() + 9 * SECOND, **ids))
    await expect(countdown).to_have_class("clock last")
    await expect(countdown.get_by_role("status")).to_have_text("Wrap-up ends in 10 seconds.")
    await page.get_by_role("button", name="中文").click()
    await expect(intent).to_have_text("随后暂停 · 用餐")


async def test_the_most_used_codes_of_a_week_have_the_first_keys(page: Page, site: Site) -> None:
    from cti_server.domain.setup import Disposition

    for place in range(3):
        made = Disposition(code=f"code_{place}", zh=f"事项{place}", en=f"Matter {place}", position=place)
        await site.world.work.configuration.save_disposition(made)
    for place, code in enumerate(("code_2", "code_2", "code_1")):
        at = now() - 3 * 24 * HOUR + place
        ids: dict[str, Any] = {"call_id": CallId(f"old-{place}"), "agent_id": AgentId("1001")}
        site.world.bus.record(f.DispositionSet(at=at, visit_id=VisitId(f"old-{place}"), code=code, **ids))
    await talking(page, site, card=False)
    await expect(page.get_by_test_id("code-code_2")).to_have_text("1Matter 2")
    await expect(page.get_by_test_id("code-code_1")).to_have_text("2Matter 1")
    await expect(page.get_by_test_id("code-code_0")).to_have_text("3Matter 0")
