"""(h) The page: first paint with nothing in the browser's cache, what it weighs, and from the agent's ringing to the customer's
name on his screen.

Paint Timing's first-contentful-paint, each time in a new context. For the pop a real centre runs in this process on a private
Asterisk; a caller with a known number rings a desk phone again and again. Ringing is when the switch says so
(`OfferRinging.at`, Asterisk's clock is this machine's), shown is when the name stands in the document.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright
from report import Row

from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import Behaviour
from cti_server.web.pages import STATIC
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.real.centre import Centre, open_centre

PAINTS, POPS = 9, 30
GOAL_PAINT, GOAL_BUNDLE, GOAL_POP = 1_000, 150_000, 300
AGENT, NAME = AgentId("1001"), "李女士"
PAINT = """() => new Promise((resolve) => new PerformanceObserver((list) => resolve(list.getEntries()[0].startTime))
  .observe({ type: "paint", buffered: true }))"""
WATCH_NAME = f"""() => {{
  window.shown = [];
  let there = false;
  new MutationObserver(() => {{
    const now = document.querySelector("[data-test=caller-name]")?.textContent === "{NAME}";
    if (now && !there) window.shown.push(performance.timeOrigin + performance.now());
    there = now;
  }}).observe(document.body, {{ childList: true, subtree: true, characterData: true }});
}}"""


async def paint(browser: Browser, url: str) -> float:
    """Milliseconds from the navigation's start to the first text on the screen."""
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    page = await context.new_page()
    await page.goto(url)
    millis: float = await page.evaluate(PAINT)
    await context.close()
    return millis


async def signed_in(browser: Browser, url: str, login: dict[str, Any]) -> Page:
    page = await browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-GB")
    await page.goto(url)
    await page.locator("input").nth(0).fill(login["login"])
    await page.locator("input[type=password]").fill(login["password"])
    await page.locator("button[type=submit]").click()
    await page.get_by_test_id("system").wait_for()
    return page


async def pops(page: Page, centre: Centre) -> list[float]:
    """Milliseconds from ringing to the name, of POPS calls that are answered and soon over."""
    await page.evaluate(WATCH_NAME)
    phone = await centre.agent(AGENT, Behaviour(answer_after=0.5, hang_up_after=0.3))
    for number in range(1, POPS + 1):
        calling = asyncio.create_task(centre.call("wait 0.3; digits 0; wait 4; hangup"))
        await centre.until(f.WrapUpStarted, number)
        centre.server.floor.end_wrap_up(AGENT)
        await calling
        await centre.calls_over()
    await phone.unregister()
    rang = [fact.at / 1000 for fact in centre.of(f.OfferRinging)]
    shown: list[float] = await page.evaluate("window.shown")
    if len(shown) != len(rang):
        raise SystemExit(f"{len(rang)} calls rang, {len(shown)} names were shown")
    return [there - ringing for ringing, there in zip(rang, shown, strict=True)]


async def measure() -> tuple[list[float], list[float]]:
    with tempfile.TemporaryDirectory(prefix="cti-bench-") as name:
        folder = Path(name)
        async with AsteriskInstance(folder / "asterisk") as switch, open_centre(switch, folder) as centre:
            url = f"http://127.0.0.1:{centre.server.web_port}"
            logins = {one["login"]: one for one in json.loads((folder / "logins.json").read_text())["logins"]}
            async with async_playwright() as playwright:
                playwright.selectors.set_test_id_attribute("data-test")
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                painted = [await paint(browser, url) for _ in range(PAINTS)]
                waited = await pops(await signed_in(browser, url, logins[AGENT]), centre)
                await browser.close()
                return painted, waited


def weight() -> int:
    """Bytes of scripts and styles, gzip, without the softphone library."""
    assets = [path for path in (STATIC / "assets").iterdir() if not path.name.startswith("jssip-")]
    return sum(len(gzip.compress(path.read_bytes())) for path in assets)


def run() -> list[Row]:
    began = time.monotonic()
    painted, waited = asyncio.run(measure())
    ordered = sorted(waited)
    p50, p99 = statistics.median(ordered), ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
    first, bytes_ = statistics.median(painted), weight()
    return [
        Row(
            what="first contentful paint, cold cache",
            median=first,
            unit="ms",
            goal=f"≤ {GOAL_PAINT} ms",
            met=first <= GOAL_PAINT,
            note=f"{min(painted):.0f} to {max(painted):.0f} of {len(painted)}",
        ),
        Row(what="bundle, gzip", median=bytes_ / 1000, unit="kB", goal="≤ 150 kB", met=bytes_ <= GOAL_BUNDLE),
        Row(what="ringing → name on the screen, p50", median=p50, unit="ms", note=f"of {len(waited)} calls"),
        Row(
            what="ringing → name on the screen, p99",
            median=p99,
            unit="ms",
            goal=f"≤ {GOAL_POP} ms",
            met=p99 <= GOAL_POP,
            note=f"{time.monotonic() - began:.0f} s in all",
        ),
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
