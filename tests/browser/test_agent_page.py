"""The agent page as an agent uses it."""

from __future__ import annotations

import time

from playwright.async_api import Browser, Page, expect

from cti_server.domain.ids import MINUTE, SECOND, Micros
from tests.browser.conftest import Site, sign_in
from tests.browser.contrast import CONTRAST

CALL = "call-1"
EVIL = "<img src=x onerror=alert(1)><b>Zhao</b>"


def now() -> Micros:
    return time.time_ns() // 1000


def pop(name: str = "Zhao Lin") -> dict[str, object]:
    return {
        "call_id": CALL,
        "visit_id": f"visit-{CALL}",
        "caller": "+8613900000001",
        "did": "95598",
        "queue": "repair",
        "language": "zh",
        "entered_at": now() - 75 * SECOND,
        "path": [
            {"node": "main", "key": "1", "label": "报修", "at": now() - MINUTE},
            {"node": "fault", "key": "2", "label": "<i>meter</i>", "at": now() - MINUTE},
        ],
        "digits": [{"node": "account", "digits": "1000••18"}],
        "customer": {
            "customer_id": "c1",
            "name": name,
            "tier": "vip",
            "flags": ["elderly"],
            "phones": ["+8613900000001"],
            "address": "Long Street 5",
            "accounts": [{"number": "10000018", "balance_fen": 12850}, {"number": "10000026", "balance_fen": -5620}],
            "orders": [
                {
                    "ticket_id": "t1",
                    "number": "R-2026-0007",
                    "kind": "repair",
                    "state": "assigned",
                    "opened_at": now() - 600 * MINUTE,
                    "summary": "no light in the stairs",
                }
            ],
            "contacts": [
                {"call_id": "old", "at": now() - 900 * MINUTE, "queue": "billing", "outcome": "answered"},
                {"kind": "complaint", "ticket_id": "t2", "number": "C-2026-0003", "at": now() - 999 * MINUTE},
            ],
        },
    }


async def test_a_wrong_password_is_told_and_the_right_one_opens_the_desk(page: Page, site: Site) -> None:
    await sign_in(page, site, password="wrong")
    await expect(page.get_by_test_id("problem")).to_have_text("Agent number or password is wrong.×")
    await sign_in(page, site)
    await expect(page.get_by_test_id("connection")).to_have_text("Connected")
    await expect(page.get_by_test_id("intent")).to_have_text("Paused · Just signed in")
    assert site.world.desk.states["1001"].intent == "paused"
    await page.reload()
    await expect(page.get_by_test_id("connection")).to_have_text("Connected")


async def test_ready_and_pause_with_a_reason_from_the_keyboard(page: Page, site: Site) -> None:
    await sign_in(page, site)
    await expect(page.get_by_test_id("ready")).to_be_enabled()
    await page.keyboard.press("Alt+1")
    await expect(page.get_by_test_id("system")).to_have_text("Available")
    assert site.world.desk.states["1001"].intent == "ready"
    await page.keyboard.press("Alt+2")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Meal")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("intent")).to_have_text("Paused · Meal")
    assert site.world.desk.states["1001"].reason == "meal"


async def test_a_ringing_call_pops_the_caller_and_stays_through_wrap_up(page: Page, site: Site) -> None:
    desk = site.world.desk
    desk.pops["1001"] = pop()
    await sign_in(page, site)
    await page.get_by_test_id("ready").click()
    await expect(page.get_by_test_id("no-call")).to_be_visible()
    await expect(page.get_by_test_id("system")).to_have_text("Available")
    desk.ring("1001")
    await expect(page.get_by_test_id("caller-name")).to_have_text("Zhao Lin")
    await expect(page.get_by_test_id("system")).to_have_text("Ringing")
    await expect(page.get_by_test_id("tier")).to_have_text("VIP")
    await expect(page.get_by_test_id("pop")).to_contain_text("Elderly")
    await expect(page.get_by_test_id("pop")).to_contain_text("Repair")
    await expect(page.get_by_test_id("path")).to_have_text("报修 › <i>meter</i>")
    await expect(page.get_by_test_id("digits")).to_have_text("1000••18")
    await expect(page.get_by_test_id("accounts")).to_contain_text("Balance ¥128.50")
    await expect(page.get_by_test_id("accounts")).to_contain_text("Arrears ¥56.20")
    await expect(page.get_by_test_id("orders")).to_contain_text("R-2026-0007")
    await expect(page.get_by_test_id("contacts")).to_contain_text("Billing · Answered")
    await expect(page.get_by_test_id("contacts")).to_contain_text("Complaint C-2026-0003")
    assert "Zhao Lin" in await page.title()

    desk.talk("1001")
    await page.get_by_test_id("target").fill("billing")
    await page.get_by_test_id("attended").click()
    await expect(page.get_by_test_id("attended")).to_be_enabled()
    assert desk.done == [("transfer", "1001", "billing", "attended")]
    await page.get_by_test_id("hang-up").click()
    await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
    await expect(page.get_by_test_id("countdown")).to_contain_text("left 0:")
    await expect(page.get_by_test_id("caller-name")).to_have_text("Zhao Lin")
    await page.get_by_test_id("end-wrap-up").click()
    await expect(page.get_by_test_id("no-call")).to_be_visible()
    await expect(page.get_by_test_id("system")).to_have_text("Available")


async def test_a_rejected_offer_goes_away(page: Page, site: Site) -> None:
    site.world.desk.pops["1001"] = pop()
    await sign_in(page, site)
    await page.get_by_test_id("ready").click()
    await expect(page.get_by_test_id("system")).to_have_text("Available")
    site.world.desk.ring("1001")
    await page.get_by_test_id("reject").click()
    await expect(page.get_by_test_id("no-call")).to_be_visible()


async def test_the_language_switches_at_once_and_is_remembered(page: Page, site: Site) -> None:
    site.world.desk.pops["1001"] = pop()
    await sign_in(page, site)
    await page.get_by_test_id("ready").click()
    await expect(page.get_by_test_id("system")).to_have_text("Available")
    site.world.desk.ring("1001")
    await expect(page.get_by_test_id("system")).to_have_text("Ringing")
    await page.get_by_role("button", name="中文").click()
    await expect(page.get_by_test_id("system")).to_have_text("振铃")
    await expect(page.get_by_test_id("pop")).to_contain_text("老年客户")
    await expect(page.get_by_test_id("accounts")).to_contain_text("欠费 ¥56.20")
    assert await page.evaluate("document.documentElement.lang") == "zh-CN"
    await page.reload()
    await expect(page.get_by_test_id("system")).to_have_text("振铃")
    await expect(page.get_by_test_id("caller-name")).to_have_text("Zhao Lin")


async def test_markup_in_what_callers_and_records_say_is_shown_as_text(page: Page, site: Site) -> None:
    site.world.desk.pops["1001"] = pop(EVIL)
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    await sign_in(page, site)
    await page.get_by_test_id("ready").click()
    await expect(page.get_by_test_id("system")).to_have_text("Available")
    site.world.desk.ring("1001")
    await expect(page.get_by_test_id("caller-name")).to_have_text(EVIL)
    assert await page.locator("main img, main b, main i").count() == 0
    assert not asked


async def test_a_server_restart_is_shown_and_survived_without_reload(page: Page, site: Site) -> None:
    await sign_in(page, site)
    await page.get_by_test_id("ready").click()
    await expect(page.get_by_test_id("system")).to_have_text("Available")
    await page.evaluate("window.notReloaded = true")
    await site.stop()
    await expect(page.get_by_test_id("reconnecting")).to_be_visible()
    await expect(page.get_by_test_id("connection")).to_have_text("Reconnecting")
    assert await page.get_by_test_id("state-card").get_attribute("inert") is not None
    await page.keyboard.press("Alt+2")
    assert await page.get_by_test_id("pause").get_attribute("open") is None
    world = await site.restart()
    world.desk.pops["1001"] = pop()
    world.desk.ring("1001")
    await expect(page.get_by_test_id("connection")).to_have_text("Connected")
    await expect(page.get_by_test_id("caller-name")).to_have_text("Zhao Lin")
    assert await page.evaluate("window.notReloaded") is True


async def test_a_session_ended_elsewhere_leaves_nothing_on_the_screen(page: Page, site: Site) -> None:
    site.world.desk.pops["1001"] = pop()
    await sign_in(page, site)
    await page.get_by_test_id("ready").click()
    await expect(page.get_by_test_id("system")).to_have_text("Available")
    site.world.desk.ring("1001")
    await expect(page.get_by_test_id("caller-name")).to_be_visible()
    assert (await page.request.delete(f"{site.url}/api/v1/session")).status == 204
    await expect(page.get_by_test_id("problem")).to_contain_text("Your session has ended")
    assert "Zhao" not in await page.content()


async def test_a_leader_watches_the_board(page: Page, site: Site) -> None:
    desk = site.world.desk
    desk.board_calls = [
        {"call_id": "c", "stage": "waiting", "since": now(), "caller": "+8613900000002", "queue": "general"}
    ]
    await sign_in(page, site, "1900")
    await page.get_by_role("button", name="Live board").click()
    await expect(page.get_by_test_id("board-calls")).to_contain_text("139 0000 0002")
    await desk.sign_in("1002", "1002")
    await desk.ready("1002", "1002")
    await expect(page.get_by_test_id("board-agents")).to_contain_text("Li Wei 1002")


async def test_sign_out_leaves_work_and_the_page(page: Page, site: Site) -> None:
    await sign_in(page, site)
    await expect(page.get_by_test_id("connection")).to_have_text("Connected")
    await page.get_by_test_id("sign-out").click()
    await expect(page.get_by_label("Agent number")).to_be_visible()
    assert site.world.desk.states["1001"].intent == "signed_out"
    assert site.world.users.sessions == {}


async def test_text_is_readable_in_light_and_dark_and_fits_the_screen(browser: Browser, site: Site) -> None:
    desk = site.world.desk
    for key in ("1001", "1002"):
        desk.pops[key] = pop()
    for scheme, login in (("light", "1001"), ("dark", "1002")):
        context = await browser.new_context(
            viewport={"width": 1280, "height": 720},
            locale="en-GB",
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page = await context.new_page()
        await sign_in(page, site, login)
        await expect(page.get_by_test_id("intent")).to_be_visible()
        assert await page.evaluate(CONTRAST) == []
        await page.get_by_test_id("ready").click()
        await expect(page.get_by_test_id("system")).to_have_text("Available")
        assert await page.evaluate(CONTRAST) == []
        desk.ring(login)
        await expect(page.get_by_test_id("caller-name")).to_be_visible()
        assert await page.evaluate(CONTRAST) == []
        width = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert width == [1280, 720]
        await page.close()
        await context.close()
