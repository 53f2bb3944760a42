"""A whole shift of calls on one page: its memory stays where it was after the first few. Bounds are in docs/performance.md."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import CDPSession, Page, expect

from cti_server.domain import facts as f
from tests.real.room import IN_A_ROOM, Room

pytestmark = [*IN_A_ROOM, pytest.mark.timeout(300)]
CALLS, WARM = 50, 8
RATE = 2.0
HEAP_KIB, NODES, LISTENERS = 1536, 150, 60
"""Most that CALLS - WARM calls may add; nodes and listeners of the list of own calls, which has an end, do not count."""
A_NUMBER = 4
"""Listeners of a number one can call and copy."""
CALLERS = [f"1380000{number:04}" for number in range(CALLS)]


async def serve(page: Page, number: int) -> None:
    """One call as an agent takes it: answer, note, code, hang up, end of wrap-up."""
    await page.get_by_test_id("answer").click()
    await expect(page.get_by_test_id("hang-up")).to_be_visible()
    await page.get_by_test_id("note").fill(f"第{number}个电话")
    await page.get_by_test_id("code-enquiry").click()
    await page.get_by_test_id("hang-up").click()
    await page.get_by_test_id("end-wrap-up").click()


LISTED = """() => {
  const walker = document.createTreeWalker(document.querySelector("[data-test=calls]"), NodeFilter.SHOW_ALL);
  let count = 1;
  while (walker.nextNode()) count += 1;
  return count;
}"""


async def used(session: CDPSession, page: Page) -> dict[str, float]:
    """What the page holds once all that can go has gone."""
    for _ in range(3):
        await session.send("HeapProfiler.collectGarbage")
        await asyncio.sleep(0.1)
    metrics = {one["name"]: one["value"] for one in (await session.send("Performance.getMetrics"))["metrics"]}
    found = {name: metrics[name] for name in ("JSHeapUsedSize", "Nodes", "JSEventListeners")}
    found["Nodes"] -= await page.evaluate(LISTED)
    found["JSEventListeners"] -= A_NUMBER * await page.get_by_test_id("calls").locator(".tel-box").count()
    found["connections"] = await page.evaluate("window.connections.length")
    return found


async def test_fifty_calls_leave_no_more_in_the_page_than_eight(room: Room) -> None:
    centre = room.centre
    page = await room.agent("1001")
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")
    script = "wait 0.5; digits 0; wait 60; hangup"
    load = centre.caller.load("95598", script=script, rate=RATE, at_once=CALLS, calls=CALLS, callers=CALLERS)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load)
        early: dict[str, float] = {}
        for number in range(1, CALLS + 1):
            await serve(page, number)
            if number == WARM:
                early = await used(session, page)
    await expect(page.get_by_test_id("system")).to_have_text("Available")
    await centre.calls_over()
    await expect(page.get_by_test_id("figure-answered")).to_have_text(str(CALLS))
    late = await used(session, page)
    grown = {name: late[name] - early[name] for name in early}
    assert len({fact.call_id for fact in centre.of(f.TalkStarted)}) == CALLS
    assert late["connections"] <= 1, late
    assert grown["JSHeapUsedSize"] < HEAP_KIB * 1024, grown
    assert grown["Nodes"] < NODES, grown
    assert grown["JSEventListeners"] < LISTENERS, grown
    await page.close()
