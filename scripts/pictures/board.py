"""Pictures of the shift leader's board: busy, with an alarm, and while he listens."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from playwright.async_api import Page
from stage import COLLEAGUES, Stage, colleagues, keep

POST = """([path, body]) =>
  fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })
    .then((answer) => { if (!answer.ok) throw new Error(`${path}: ${answer.status}`); })"""
LEADER = "1900"
PEOPLE = tuple(f"139000000{place}" for place in range(11, 18))
WAVE = "wait 3; digits 0; wait {}; hangup"


async def take_board(stage: Stage) -> None:
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(colleagues(stage))
        async with stage.calling(*((number, WAVE.format(7)) for number in PEOPLE[:4])):
            await asyncio.sleep(22)  # so that the day has figures
        leader = await stage.signed_in(LEADER)
        opened.push_async_callback(leader.context.close)
        await leader.get_by_test_id("view-board").click()
        await _set_alarm(leader, stage.facts["queues"])
        async with stage.calling(*((number, WAVE.format(100)) for number in PEOPLE)):
            await leader.locator("[data-test=alarms] li").first.wait_for(timeout=60_000)
            await leader.locator("[data-test^=agent-].talking").nth(len(COLLEAGUES) - 1).wait_for(timeout=30_000)
            await leader.wait_for_timeout(8_000)  # waits grow
            await leader.get_by_test_id(f"agent-{COLLEAGUES[0]}").click()
            await keep(leader, "leader-board", dark=True)
            await leader.get_by_test_id("listen").click()
            await leader.get_by_test_id("listening").wait_for()
            await leader.wait_for_timeout(4_000)  # his test phone answers after 3 s
            await keep(leader, "leader-listening")
            await leader.get_by_test_id("stop-listening").click()


async def _set_alarm(page: Page, queues: list[str]) -> None:
    """Two waiting in the general queue are too many today; how few are ready is no matter in a demo."""
    for queue in queues:
        most = {"waiting": 2, "longest_wait": 60} if queue == "general" else {}
        await page.evaluate(POST, [f"/api/v1/queues/{queue}/alarms", {"service_level": 0, "agents_ready": 0, **most}])
