"""The phone's part of the page: consultations as the server tells them, and an incoming call nobody looks at."""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import Page, expect

from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId, CallId, VisitId
from tests.browser.conftest import Site, sign_in

CALL = "call-1"
HIDDEN = "Object.defineProperty(document, 'hidden', { get: () => true });"
NOTED = """
window.shown = [];
window.Notification = class {
  static permission = "granted";
  constructor(title, options) { this.title = title; window.shown.push([title, options.body]); }
  close() { window.shown.push(["closed"]); }
};
"""


async def talking(page: Page, site: Site) -> None:
    await sign_in(page, site)
    await page.get_by_test_id("ready").click()
    site.world.desk.ring("1001", CALL)
    site.world.desk.talk("1001")
    await expect(page.get_by_test_id("hang-up")).to_be_visible()


async def until(page: Page, expression: str) -> None:
    """As wait_for_function, which the page's Content-Security-Policy forbids."""
    async with asyncio.timeout(10):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.05)


def tell(site: Site, kind: Any, consult_id: str = "k1", **fields: Any) -> None:
    ids = {"call_id": CallId(CALL), "visit_id": VisitId(f"visit-{CALL}"), "agent_id": AgentId("1001")}
    at = site.world.desk.clock.now()
    site.world.bus.record(kind(at=at, consult_id=CallId(consult_id), **ids, **fields))


async def test_a_consultation_is_shown_as_the_server_tells_it_after_a_reload_too(page: Page, site: Site) -> None:
    await talking(page, site)
    tell(site, f.ConsultStarted, to="number", target="057100000000")
    row = page.get_by_test_id("consultation")
    await expect(row).to_contain_text("057100000000")
    await expect(page.get_by_test_id("consult-join")).to_be_disabled()
    await expect(page.get_by_test_id("target")).to_have_count(0)
    await page.reload()
    await expect(row).to_contain_text("ringing")
    tell(site, f.ConsultAnswered)
    await expect(page.get_by_test_id("consult-state")).to_contain_text("you talk to each other")
    await page.keyboard.press("Alt+s")
    await expect(page.get_by_test_id("consult-swap")).to_be_enabled()
    tell(site, f.ConsultEnded, result="gone")
    await expect(row).to_have_count(0)
    await expect(page.get_by_test_id("consult-over")).to_contain_text("hung up")
    await page.get_by_test_id("consult-read").click()
    await expect(page.get_by_test_id("consult-over")).to_have_count(0)
    assert ("consult", "1001", "swap") in site.world.desk.done


async def test_everybody_in_a_conference_is_listed_and_can_be_let_go(page: Page, site: Site) -> None:
    await talking(page, site)
    for number in ("k1", "k2"):
        tell(site, f.ConsultStarted, number, to="number", target=f"05710000000{number[1]}")
        tell(site, f.ConsultAnswered, number)
        tell(site, f.ConferenceJoined, number)
    await expect(page.get_by_test_id("party")).to_have_count(2)
    await page.get_by_test_id("drop").first.click()
    tell(site, f.ConferenceLeft, "k1")
    await expect(page.get_by_test_id("party")).to_have_count(1)
    await page.keyboard.press("Alt+x")
    await expect(page.get_by_test_id("end-conference")).to_be_enabled()
    assert site.world.desk.done[-2:] == [("drop", "1001", "k1"), ("drop", "1001", None)]


async def test_a_call_at_the_desk_phone_notifies_who_looks_elsewhere(page: Page, site: Site) -> None:
    await page.add_init_script(HIDDEN + NOTED)
    await sign_in(page, site)
    await page.get_by_test_id("ready").click()
    assert await page.evaluate("window.shown") == []
    site.world.desk.ring("1001", CALL)
    await until(page, "window.shown.some((one) => one[0] === 'Incoming call')")
    site.world.desk.talk("1001")
    await until(page, "window.shown.at(-1)[0] === 'closed'")


async def test_permission_to_notify_is_asked_only_by_a_click(page: Page, site: Site) -> None:
    await page.add_init_script(
        NOTED.replace('"granted"', '"default"')
        + "Notification.requestPermission = async () => { window.asked = (window.asked ?? 0) + 1; return 'granted'; };"
    )
    await sign_in(page, site)
    button = page.get_by_test_id("allow-notifications")
    await expect(button).to_be_visible()
    assert await page.evaluate("window.asked") is None
    await button.click()
    await expect(button).to_have_count(0)
    assert await page.evaluate("window.asked") == 1
