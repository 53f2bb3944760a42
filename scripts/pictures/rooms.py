"""Pictures of the administrator's rooms and of the newcomer's phone."""

from __future__ import annotations

from playwright.async_api import Page
from stage import Stage, keep

TYPED = "(area, text) => { area.value = text; area.dispatchEvent(new Event('input', { bubbles: true })); }"
FLOW = "flow-power.yaml"


async def take_admin(stage: Stage) -> None:
    page = await stage.signed_in("admin")
    await page.get_by_test_id("view-admin").click()
    for section, part in (("queues", "part-general"), ("hours", "hours-customer_service"), ("users", "part-1001")):
        await page.get_by_test_id(f"section-{section}").click()
        chosen = page.get_by_test_id(part)
        await (chosen if await chosen.count() else page.locator(".admin-list button").first).click()
        await keep(page, f"admin-{section}")
    await page.get_by_test_id("section-flows").click()
    await page.get_by_test_id(FLOW).click()
    await _flow(page, saves=stage.own)
    await page.get_by_test_id("section-audit").click()
    await page.get_by_test_id("audit").wait_for()
    await keep(page, "admin-audit")
    await page.context.close()


async def _save(page: Page) -> None:
    """Two versions, so that there is something to compare: the greeting says a word more."""
    text = page.get_by_test_id("flow-text")
    before = await text.input_value()
    after = before.replace("您好，欢迎致电", "您好，感谢致电", 1).replace("Welcome to", "Thank you for calling", 1)
    await text.evaluate(TYPED, after)
    await page.get_by_test_id("note").fill("问候语 / greeting")
    await page.locator("[data-test=save]:enabled").click()
    await page.wait_for_timeout(2_000)


async def _flow(page: Page, *, saves: bool) -> None:
    await page.get_by_test_id("drawing").wait_for()
    await keep(page, "admin-flow")
    if saves:
        await _save(page)
    await page.get_by_test_id("drawing").wait_for()
    await keep(page, "admin-flow-drawing")
    await page.get_by_test_id("tab-preview").click()
    for key in ("1", "1"):
        await page.get_by_test_id("preview-keys").fill(key)
        await page.keyboard.press("Enter")
        await page.wait_for_timeout(500)
    await keep(page, "admin-flow-preview")
    await page.get_by_test_id("tab-history").click()
    await page.get_by_test_id("versions").wait_for()
    if saves:
        await page.locator("[data-test^=version-]").last.click()
        await page.get_by_test_id("diff").wait_for()
    await keep(page, "admin-flow-versions")


async def take_newcomer(stage: Stage) -> None:
    page = await stage.blank()
    await page.goto(f"{stage.url}/demo/phone")
    await page.get_by_test_id("call-95598").click()
    await page.get_by_test_id("demo-hang-up").wait_for()
    await page.locator("[data-test=key-1]:enabled").wait_for()
    await page.wait_for_timeout(5_000)
    await page.get_by_test_id("key-1").click()
    await page.wait_for_timeout(1_500)
    await keep(page, "demo-phone")
    await page.get_by_test_id("demo-hang-up").click()
    await page.context.close()
