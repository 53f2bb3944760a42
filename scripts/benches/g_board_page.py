"""(g) The shift leader's page: 200 agents on the live board at 50 events a second; CPU of the page's process in Chromium.

The real composed server runs in this process, without a switch; calls of all agents in turn are made of facts. The page is
open in Chromium with a list that scrolls; its processes are measured by Chromium itself (SystemInfo.getProcessInfo).
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from pathlib import Path

from playwright.async_api import CDPSession, Page, async_playwright
from report import Row

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.leader_site import LeaderSite, open_site

AGENTS = 200
RATE = 50
WARM_UP, SECONDS = 4.0, 20.0
GOAL = 0.20


async def flow(site: LeaderSite) -> None:
    """RATE facts a second: calls of eight agents interleaved. Wrap-ups that start and end by themselves come on top."""
    turns = itertools.cycle(range(2001, 2001 + AGENTS))
    stories = [iter(site.story(str(next(turns)))) for _ in range(8)]
    due = time.monotonic()
    for place in itertools.cycle(range(len(stories))):
        fact = next(stories[place], None)
        if fact is None:
            stories[place] = iter(site.story(str(next(turns))))
            continue
        site.server.bus.record(fact)
        due += 1 / RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def cpu(session: CDPSession) -> dict[str, float]:
    """CPU seconds so far of each kind of Chromium's processes."""
    found: dict[str, float] = {}
    for process in (await session.send("SystemInfo.getProcessInfo"))["processInfo"]:
        found[process["type"]] = found.get(process["type"], 0.0) + process["cpuTime"]
    return found


async def open_board(page: Page, site: LeaderSite) -> None:
    await page.goto(site.url)
    await page.locator("input").nth(0).fill("1900")
    await page.locator("input[type=password]").fill(site.password("1900"))
    await page.locator("button[type=submit]").click()
    await page.get_by_role("button", name="Live board").click()
    await page.get_by_test_id(f"agent-{2000 + AGENTS}").wait_for(state="attached")


async def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_site(Path(folder), AGENTS) as site, async_playwright() as playwright:
            playwright.selectors.set_test_id_attribute("data-test")
            for number in range(2001, 2001 + AGENTS):
                site.ready(str(number))
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = await browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-GB")
            await open_board(page, site)
            session = await browser.new_browser_cdp_session()
            flowing = asyncio.create_task(flow(site))
            await asyncio.sleep(WARM_UP)
            before, began = await cpu(session), time.monotonic()
            await asyncio.sleep(SECONDS)
            after, passed = await cpu(session), time.monotonic() - began
            flowing.cancel()
            await asyncio.gather(flowing, return_exceptions=True)
            await browser.close()
            return {kind: (spent - before.get(kind, 0.0)) / passed for kind, spent in after.items()}


def run() -> list[Row]:
    shares = asyncio.run(measure())
    page = shares.get("renderer", 0.0)
    others = ", ".join(f"{kind} {share:.0%}" for kind, share in sorted(shares.items()) if kind != "renderer")
    return [
        Row(
            what=f"page's process, {AGENTS} agents, {RATE} events/s",
            median=100 * page,
            unit="% of a core",
            goal=f"≤ {GOAL:.0%}",
            met=page <= GOAL,
            note=others,
        )
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
