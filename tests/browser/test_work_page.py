"""The agent's desk against the real web application and work service: customers, timeline, codes, tickets, what is typed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from cti_server.domain import facts as f
from cti_server.domain.customers import Account, Customer, Holding
from cti_server.domain.ids import MINUTE, SECOND, AgentId, CallId, CustomerId, QueueName, VisitId
from cti_server.domain.setup import Disposition
from cti_server.services.customers import Customers
from cti_server.storage.accounts import SqlAccounts
from cti_server.storage.facts import SqlFactStore
from cti_server.storage.pins import PinHasher
from cti_server.storage.work import SqlNotes
from tests.browser.conftest import Site, sign_in
from tests.browser.contrast import CONTRAST
from tests.browser.test_agent_page import now
from tests.web.web_world import PASSWORD

EVIL = "<img src=x onerror=alert(1)> 😀 שלום"
MOBILE = "+8613900000001"
DAY = 24 * 60 * MINUTE
LONG = "长 note 😀 " * 1_100
SHOTS = os.environ.get("CTI_SHOTS", "")


async def shot(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


@pytest.fixture
async def customer(site: Site) -> Customer:
    """One customer with an account, an open order and a long history."""
    work = site.world.work
    site.world.desk.files = Customers(work.files)
    await SqlAccounts(work.database, work_clock(site), PinHasher(b"k" * 32)).create(
        Account(number="10000018", balance_fen=-5_620, due_date="2026-11-30", address="Long Street 5"), None
    )
    made = await work.files.create(
        Customer(
            customer_id=CustomerId("c1"),
            name=EVIL,
            company="<b>Mill & Sons</b>",
            tier="vip",
            flags=("elderly", "hearing"),
            address="Long Street 5",
            phones=(MOBILE, "+862168881234"),
            notes="<script>remarks</script>",
            holdings=(Holding(account="10000018"),),
        )
    )
    await work.tickets.create("order", None, {"customer_id": "c1", "summary": f"no light {EVIL}", "agent_id": "1001"})
    return made


def work_clock(site: Site) -> Any:
    return site.world.clock


async def past_calls(site: Site, count: int) -> None:
    """`count` answered calls of the customer on earlier days, the newest with a note as long as notes get."""
    store = SqlFactStore(site.world.work.database)
    for place in range(count):
        at = now() - (place + 1) * DAY
        ids: dict[str, Any] = {"call_id": CallId(f"past-{place}")}
        visit: dict[str, Any] = {**ids, "visit_id": VisitId(f"past-{place}")}
        queue = QueueName("general")
        facts: list[f.Fact] = [
            f.CallArrived(at=at, node="n", channel="c", uniqueid=str(place), caller=MOBILE, did="95598", **ids),
            f.MenuChosen(at=at, flow="power", node="main", key="2", label="故障报修", **ids),
            f.VisitStarted(at=at, queue=queue, priority=0, entered_at=at, **visit),
            f.TalkStarted(at=at + SECOND, agent_id=AgentId("1002"), channel="c", **visit),
            f.TalkEnded(at=at + 200 * SECOND, agent_id=AgentId("1002"), side="caller", **visit),
            f.VisitEnded(at=at + 200 * SECOND, outcome="answered", **visit),
            f.CallEnded(at=at + 201 * SECOND, side="caller", cause=16, in_fallback=False, **ids),
        ]
        await store.append([f.Recorded(id=at + n, server=f"s{place}", fact=fact) for n, fact in enumerate(facts)])
    notes = SqlNotes(site.world.work.database, site.world.clock)
    await notes.save(CallId("past-0"), AgentId("1002"), f"{EVIL}\n{LONG}"[:10_000], 0)


async def talking(page: Page, site: Site, card: bool = True) -> None:
    """1001 in a talk; who calls is known when `card`."""
    desk, work = site.world.desk, site.world.work
    shown = dict(await Customers(work.files).card(CustomerId("c1"))) if card else None
    desk.pops["1001"] = {
        "call_id": "call-1",
        "visit_id": "visit-call-1",
        "caller": MOBILE,
        "did": "95598",
        "queue": "general",
        "language": "zh",
        "entered_at": now() - 75 * SECOND,
        "path": [{"node": "main", "key": "2", "label": "故障报修", "at": now()}],
        "digits": [{"node": "account", "digits": "1000••18"}],
        "customer": shown,
        "repeat": {"calls": 2, "last_at": now() - 3_600 * SECOND, "order": shown["orders"][0]} if shown else None,
    }
    await sign_in(page, site)
    await page.get_by_test_id("ready").click()
    await expect(page.get_by_test_id("system")).to_have_text("Available")
    desk.arrive("call-1")
    desk.ring("1001")
    desk.talk("1001")
    await expect(page.get_by_test_id("system")).to_have_text("Talking")
    for part in ("this-call", "codes"):
        await expect(page.get_by_test_id(part)).to_be_visible()


async def session_ends(page: Page, site: Site) -> None:
    """In the middle of what one types; nothing of it is shown until one is signed in again."""
    assert (await page.request.delete(f"{site.url}/api/v1/session")).status == 204
    await expect(page.get_by_test_id("sign-in-again")).to_be_visible()
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_test_id("connection")).to_have_text("Connected")


async def nothing_ran(page: Page) -> None:
    assert await page.locator("main img, main script, main b").count() == 0


async def test_an_idle_agent_finds_a_customer_reads_all_of_him_and_calls(
    page: Page, site: Site, customer: Customer
) -> None:
    await past_calls(site, 24)
    await sign_in(page, site)
    await page.keyboard.press("Alt+k")
    find, found = page.get_by_test_id("find"), page.get_by_test_id("found")
    for text in (
        "onerror",
        "139-0000-0001",
        "(021) 6888 1234",
        "+86 139 0000 0001",
        "0000 0001",
        "1000 0018",
        "long street",
    ):
        await find.fill(text)
        await expect(found).to_contain_text(EVIL)
    await find.fill("nobody at all")
    await expect(page.get_by_test_id("nobody-found")).to_be_visible()
    (order,) = await site.world.work.files.open_orders(CustomerId("c1"))
    await find.fill(order.number)
    await found.get_by_test_id("link").click()
    await expect(page.get_by_test_id("card-name")).to_have_text(EVIL)
    await expect(page.get_by_test_id("advice")).to_contain_text("speak slowly")
    await expect(page.get_by_test_id("advice").get_by_role("listitem")).to_have_count(3)
    await expect(page.get_by_test_id("accounts")).to_contain_text("Arrears ¥56.20")
    await expect(page.get_by_test_id("accounts")).to_contain_text("Due Nov 30, 2026")

    timeline = page.get_by_test_id("timeline")
    await expect(timeline.get_by_role("listitem")).to_have_count(20)
    await shot(page, "idle-card")
    await page.get_by_test_id("more").click()
    await expect(timeline.get_by_role("listitem")).to_have_count(25)
    await expect(page.get_by_test_id("more")).to_have_count(0)
    noted = timeline.get_by_role("listitem").filter(has=page.get_by_test_id("entry-text"))
    await noted.get_by_role("group").locator("summary").click()
    await expect(noted.get_by_test_id("full-note")).to_contain_text("长 note 😀")
    assert len(await noted.get_by_test_id("full-note").inner_text()) > 9_000
    await expect(noted).to_contain_text("Li Wei · 3:19")
    await page.get_by_test_id("only-order").click()
    await expect(timeline.get_by_role("listitem")).to_have_count(1)
    await expect(timeline).to_contain_text(f"Work order {order.number}")
    await nothing_ran(page)

    await expect(page.get_by_test_id("tel").filter(has_text="021-6888 1234")).to_have_count(1)
    await page.get_by_test_id("tel").filter(has_text="139 0000 0001").first.click()
    await expect(page.get_by_test_id("tel").first).to_be_enabled()
    assert ("place_call", "1001", MOBILE) in site.world.desk.done
    audited = {action for login, action, _ in site.world.users.audited if login == "1001"}
    assert {"customer_search", "customer_read", "timeline_read"} <= audited


async def test_a_file_changed_by_two_is_joined_and_nothing_is_overwritten_unseen(
    page: Page, site: Site, customer: Customer
) -> None:
    await talking(page, site)
    await page.keyboard.press("Alt+e")
    field = page.get_by_test_id
    await field("field-address").fill("Short Street 1 <b>")
    await field("field-phones").fill("139 0000 0001； 0086-10-6888-4321")
    await field("flag-sight").check()
    files = site.world.work.files
    first = replace(await files.get(CustomerId("c1")), email="zhao@example.com", address="Other Street 9")
    await files.update(first, by="1002", address="")
    await field("file-form-submit").click()
    await expect(field("file-form-error")).to_contain_text("Somebody changed this file meanwhile")
    await expect(field("file-form")).to_contain_text("Other Street 9")
    await expect(field("field-email")).to_have_value("zhao@example.com")
    await shot(page, "file-conflict")
    await field("file-form-submit").click()
    await expect(field("file-form")).to_have_count(0)
    await expect(field("pop")).to_contain_text("Short Street 1 <b>")
    await expect(field("pop")).to_contain_text("010-6888 4321")
    saved = await files.get(CustomerId("c1"))
    assert (saved.version, saved.email, saved.flags) == (3, "zhao@example.com", ("elderly", "hearing", "sight"))
    await nothing_ran(page)


async def test_who_may_have_a_file_is_shown_before_a_second_one_is_made(
    page: Page, site: Site, customer: Customer
) -> None:
    await talking(page, site, card=False)
    await page.get_by_test_id("new-customer").click()
    await page.get_by_test_id("field-name").fill("Somebody Else")
    await page.get_by_test_id("field-phones").fill("12")
    await page.get_by_test_id("customer-form-submit").click()
    await expect(page.get_by_test_id("customer-form-error")).to_be_visible()
    await expect(page.get_by_test_id("customer-form").get_by_text("(not right)")).to_be_visible()
    await page.get_by_test_id("field-phones").fill("139 0000 0001")
    await page.get_by_test_id("customer-form-submit").click()
    await expect(page.get_by_test_id("alike")).to_contain_text(EVIL)
    await shot(page, "second-file")
    await page.get_by_test_id("customer-form-submit").click()
    await expect(page.get_by_test_id("caller-name")).to_have_text("Somebody Else")
    await nothing_ran(page)


async def test_nothing_typed_is_lost_when_the_session_ends(page: Page, site: Site, customer: Customer) -> None:
    await talking(page, site)
    field = page.get_by_test_id
    await page.route("**/api/v1/calls/*/note", lambda route: route.abort())
    await field("note").fill(EVIL)
    await field("new-callback").click()
    await field("field-description").fill(f"call after six {EVIL}")
    await field("edit-customer").click()
    await field("field-convenient_time").fill("evenings 😀")
    await session_ends(page, site)
    await page.unroute("**/api/v1/calls/*/note")
    await expect(field("note")).to_have_value(EVIL)
    await expect(field("field-description")).to_have_value(f"call after six {EVIL}")
    await expect(field("field-convenient_time")).to_have_value("evenings 😀")
    await field("note").press("End")
    await field("note").type("!")
    await expect(field("note-state")).to_have_text("Saved")
    own = await field("field-number").input_value()
    await field("field-number").fill("+44 20 7946 0000")
    await field("ticket-callback-submit").click()
    await expect(field("ticket-callback-error")).to_contain_text("may not be called")
    await expect(field("field-number")).to_have_attribute("aria-invalid", "true")
    await field("field-number").fill(own)
    await field("ticket-callback-submit").click()
    await expect(field("made")).to_contain_text("Callback 3")
    assert [request.number for _, request in site.world.work.booked.requests] == [MOBILE]
    await field("file-form-submit").click()
    await expect(field("pop")).to_contain_text("evenings 😀")

    await field("hang-up").click()
    await field("end-wrap-up").click()
    await field("find").fill("onerror")
    await expect(field("found")).to_contain_text(EVIL)
    await session_ends(page, site)
    await expect(field("find")).to_have_value("onerror")
    await expect(field("found")).to_contain_text(EVIL)
    await nothing_ran(page)


async def test_a_note_the_server_will_never_take_is_the_agents_to_copy_or_give_up(page: Page, site: Site) -> None:
    await talking(page, site, card=False)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    live = site.world.work.calls.get(CallId("call-1"))
    assert live is not None
    site.world.work.calls.release(live)
    site.world.work.shelf.lost.add("call-1")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/note") else None)
    await page.get_by_test_id("note").fill(EVIL)
    await expect(page.get_by_test_id("note-state")).to_contain_text("The server does not take this note")
    await page.get_by_test_id("copy-note").click()
    await expect(page.get_by_test_id("copy-note")).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == EVIL
    await page.get_by_test_id("sign-out").click()
    await expect(page.get_by_test_id("problem")).to_contain_text("A note is not saved yet")
    await expect(page.get_by_test_id("note")).to_have_value(EVIL)
    await page.get_by_test_id("hang-up").click()
    await page.get_by_test_id("end-wrap-up").click()
    await expect(page.get_by_test_id("refused-notes")).to_contain_text(EVIL)
    await page.get_by_test_id("discard-note").click()
    await expect(page.get_by_test_id("refused-notes")).to_have_count(0)
    assert len(sent) == 1, "tried when typed and never again"


async def test_codes_are_found_in_groups_by_search_and_by_key(page: Page, site: Site) -> None:
    save = site.world.work.configuration.save_disposition
    for place in range(12):
        group = ("账单", "Bill") if place < 8 else ("", "")
        name = f"matter {place}" if place else EVIL[:60]
        await save(
            Disposition(
                code=f"code_{place}", zh=f"事项{place}", en=name, position=place, group_zh=group[0], group_en=group[1]
            )
        )
    await talking(page, site, card=False)
    await expect(page.get_by_test_id("code-code_2")).to_be_visible()
    await page.keyboard.press("Alt+b")
    assert site.world.desk.states["1001"].coded_visit is None, "the key leads there and chooses nothing"
    await page.keyboard.press("3")
    await expect(page.get_by_test_id("code-code_2")).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_role("group", name="Bill", exact=True)).to_contain_text("matter 7")
    await shot(page, "codes")
    await page.get_by_test_id("find-code").fill("ter 11")
    await expect(page.get_by_test_id("code-code_2")).to_have_count(0)
    await page.get_by_test_id("find-code").press("Enter")
    await expect(page.get_by_test_id("code-code_11")).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("button", name="中文").click()
    await expect(page.get_by_role("group", name="账单", exact=True)).to_contain_text("事项7")
    await nothing_ran(page)


async def test_a_wrap_up_that_ran_out_leaves_its_code_to_be_completed_later(page: Page, site: Site) -> None:
    await site.world.work.configuration.save_disposition(Disposition(code="bill", zh="账单", en="Bill"))
    await talking(page, site, card=False)
    desk = site.world.desk
    await page.get_by_test_id("note").fill("half a sent")
    desk.end_talk("1001")
    await expect(page.get_by_test_id("code-missing")).to_be_visible()
    site.world.bus.record(f.WrapUpEnded(at=now(), agent_id=AgentId("1001"), by="deadline", code_missing=True))
    await expect(page.get_by_test_id("no-call")).to_be_visible()
    await expect(page.get_by_test_id("codes-lacking")).to_have_text("Calls without a code: 1")
    await expect(page.get_by_test_id("call-note")).to_have_text("half a sent")
    await shot(page, "code-lacking")
    await page.get_by_test_id("complete").click()
    await page.get_by_test_id("later").get_by_test_id("note").fill("half a sentence")
    await page.get_by_test_id("later").get_by_test_id("code-bill").click()
    await expect(page.get_by_test_id("codes-lacking")).to_have_count(0)
    await page.get_by_test_id("close-later").click()
    await expect(page.get_by_test_id("call-note")).to_have_text("half a sentence")
    await expect(page.get_by_test_id("calls")).to_contain_text("Bill")
    (given,) = [one.fact for one in site.world.facts.stored if isinstance(one.fact, f.DispositionSet)]
    assert (given.code, given.visit_id) == ("bill", "visit-call-1")


async def test_an_open_order_is_urged_at_once_and_tickets_are_made_changed_and_refused_at_the_field(
    page: Page, site: Site, customer: Customer
) -> None:
    await talking(page, site)
    field = page.get_by_test_id
    await expect(field("repeat")).to_contain_text("no light")
    await page.keyboard.press("Alt+u")
    await expect(field("urge-now")).to_have_text("Urged")
    await expect(field("urge-now")).to_be_disabled()
    await field("urge").click()
    await field("field-text").fill(f"a third time {EVIL}")
    await field("urge-form-submit").click()
    await expect(field("steps").get_by_role("listitem")).to_have_count(2)

    await field("new-order").click()
    await expect(field("field-account")).to_have_value("10000018")
    await expect(field("field-address")).to_have_value("Long Street 5")
    await field("field-summary").fill(EVIL)
    await field("field-number").fill("abc")
    await field("ticket-order-submit").click()
    await expect(field("ticket-order-error")).to_be_visible()
    english = await field("ticket-order-error").inner_text()
    await page.get_by_role("button", name="中文").click()
    await expect(field("ticket-order-error")).not_to_have_text(english)
    await expect(field("ticket-order").get_by_text("（不正确）")).to_be_visible()
    await page.get_by_role("button", name="English").click()
    await field("field-number").fill("(021) 6888-1234")
    await field("ticket-order-submit").click()
    await expect(field("made")).to_contain_text(EVIL)
    await expect(field("timeline")).to_contain_text(EVIL)
    await field("edit-ticket").click()
    await expect(field("field-number")).to_have_value("021-6888 1234")
    await field("field-summary").fill("no light on both floors")
    await field("ticket-edit-submit").click()
    await expect(field("made")).to_contain_text("no light on both floors")
    await shot(page, "tickets")
    await nothing_ran(page)


async def test_tasks_wait_for_the_idle_agent_and_go_when_they_are_done(
    page: Page, site: Site, customer: Customer
) -> None:
    tickets = site.world.work.tickets
    fields = {"customer_id": "c1", "agent_id": "1001", "number": MOBILE, "summary": EVIL}
    message = await tickets.create("message", None, fields)
    callback = await tickets.create("callback", None, fields)
    await sign_in(page, site)
    await expect(page.get_by_test_id("task-callback")).to_contain_text(callback.number)
    await shot(page, "tasks")
    await page.get_by_test_id("call-back").click()
    await page.get_by_test_id("task-done").click()
    await page.get_by_test_id("field-text").fill(f"answered {EVIL}")
    await page.get_by_test_id("done-form-submit").click()
    await expect(page.get_by_test_id("task-message")).to_have_count(0)
    assert ("call_back", "1001", callback.ticket_id) in site.world.desk.done
    assert (await tickets.get(message.ticket_id)).state == "closed"
    await nothing_ran(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_views_of_work_are_readable_and_fit_in_both_schemes_and_languages(
    browser: Browser, site: Site, customer: Customer, scheme: Any
) -> None:
    await past_calls(site, 3)
    for code in range(4):
        disposition = Disposition(
            code=f"c{code}", zh=f"事项{code}", en=f"Matter {code}", group_zh="账单", group_en="Bill"
        )
        await site.world.work.configuration.save_disposition(disposition)
    await site.world.work.tickets.create("message", None, {"customer_id": "c1", "agent_id": "1001", "summary": "write"})
    context = await browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB", color_scheme=scheme)
    page = await context.new_page()
    await talking(page, site)
    await page.get_by_test_id("new-order").click()
    await page.get_by_test_id("edit-customer").click()
    await readable(page, f"talking-{scheme}")
    await page.get_by_test_id("file-form-cancel").click()
    await page.get_by_test_id("ticket-order-cancel").click()
    await readable(page, f"card-{scheme}")
    site.world.desk.end_talk("1001")
    await expect(page.get_by_test_id("code-missing")).to_be_visible()
    await readable(page, f"wrap-up-{scheme}")
    site.world.bus.record(f.WrapUpEnded(at=now(), agent_id=AgentId("1001"), by="deadline", code_missing=True))
    await expect(page.get_by_test_id("codes-lacking")).to_be_visible()
    await page.get_by_test_id("find").fill("onerror")
    await expect(page.get_by_test_id("found")).to_contain_text(EVIL)
    await readable(page, f"idle-{scheme}")
    await context.close()


NAMELESS = """() => [...document.querySelectorAll("main button, main input, main textarea, main select")].filter((one) =>
  one.checkVisibility() && !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length)).length"""


async def readable(page: Page, name: str) -> None:
    for language in ("中文", "English"):
        await page.get_by_role("button", name=language).click()
        assert await page.evaluate(CONTRAST) == []
        size = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert size == [1280, 720]
        assert await page.evaluate(NAMELESS) == 0, "every control says what it is"
        await shot(page, f"{name}-{'zh' if language == '中文' else 'en'}")
