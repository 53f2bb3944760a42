"""Pictures of the agent's day: sign-in, idle, ringing, in a call, handing over, wrap-up."""

from __future__ import annotations

import asyncio

from playwright.async_api import Page
from stage import Stage, begin_work, colleagues, keep

AGENT = "1004"
CALLER = "13900000001"
"""A VIP with an open order."""
EARLIER = "13900000016"
COLLEAGUE = "1002"
NOTES = {
    "zh": "客户再次来电催办停电报修，楼道有电、室内无电，疑似表后开关跳闸。已告知抢修人员在途，约20分钟到达。",
    "en": "Calls again about the outage: light in the stairwell, none in the flat; perhaps the switch after the meter. "
    "Told him the crew is on its way, about 20 minutes.",
}


async def write_note(page: Page, language: str) -> None:
    note = page.get_by_test_id("note")
    await note.fill(NOTES[language])
    await note.blur()
    await page.wait_for_timeout(600)


async def open_targets(page: Page, language: str) -> None:
    await write_note(page, language)
    await page.get_by_test_id("target").click()


async def take_desk(stage: Stage) -> None:
    entrance = await stage.blank()
    await entrance.goto(stage.url)
    await entrance.locator("input[name=login]").wait_for()
    await keep(entrance, "sign-in")
    await entrance.context.close()
    async with colleagues(stage):
        page = await stage.signed_in(AGENT)
        await begin_work(page, softphone=True)
        await keep(page, "agent-idle")
        await _earlier_call(stage, page)
        async with stage.calling((CALLER, "wait 4; digits 0; wait 120; hangup")):
            await page.get_by_test_id("answer").wait_for(timeout=40_000)
            await keep(page, "agent-ringing")
            await page.get_by_test_id("answer").click()
            await _in_call(page)
            await page.get_by_test_id("hang-up").click()
            await page.get_by_test_id("end-wrap-up").wait_for()
            await keep(page, "agent-wrap-up", say=write_note)
        await page.get_by_test_id("end-wrap-up").click()
        await page.context.close()


async def _earlier_call(stage: Stage, page: Page) -> None:
    """So that his day has figures."""
    async with stage.calling((EARLIER, "wait 4; digits 0; wait 60; hangup")):
        await page.get_by_test_id("answer").click(timeout=40_000)
        await page.get_by_test_id("code-enquiry").click()
        await asyncio.sleep(6)
        await page.get_by_test_id("hang-up").click()
        await page.get_by_test_id("end-wrap-up").click()
        await page.get_by_test_id("end-wrap-up").wait_for(state="hidden")


async def _in_call(page: Page) -> None:
    await page.get_by_test_id("hang-up").wait_for()
    await page.get_by_test_id("code-enquiry").click()
    await asyncio.sleep(5)
    await keep(page, "agent-call", dark=True, say=write_note)
    await keep(page, "agent-transfer", say=open_targets)
    await page.get_by_test_id("target").fill(COLLEAGUE)
    await page.get_by_test_id("attended").click()
    await page.get_by_test_id("consultation").wait_for()
    await asyncio.sleep(4)  # his test phone answers after 3 s
    await keep(page, "agent-consult", say=write_note)
    await page.get_by_test_id("consult-cancel").click()
    await page.get_by_test_id("consultation").wait_for(state="hidden")
