"""Names as people and machines write them, on the board, on the wall and in everything that opens over it: text, and in its
place.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from cti_server.domain import facts as f
from cti_server.domain.agents import Agent
from cti_server.domain.ids import AgentId, QueueName
from cti_server.domain.queues import Queue
from cti_server.services.configuration import By
from cti_server.storage.configuration import SqlConfiguration
from cti_server.storage.engine import Database
from cti_server.storage.users import SqlUsers
from tests.browser.contrast import CONTRAST
from tests.browser.leader_site import GENERAL, open_site
from tests.browser.test_leader_page import SIZES, lead

MARKUP = "<img src=x onerror='window.hit=1'><script>window.hit=1</script>&amp;"
NAMES = {
    "3001": MARKUP,
    "3002": "أحمد بن محمد الطويل",
    "3003": "👩🏽‍🚒🇨🇳 周阿姨 ❤️‍🔥",
    "3004": "Wolfeschlegelsteinhausenbergerdorff".ljust(128, "x"),
    "3005": "欧阳".ljust(128, "长"),
    "3006": "\u202eevil\u202c \u2067שלום\u2069",
}
OUTSIDE = """() => {
  const clipped = (element) => {
    for (let at = element.parentElement; at && at !== document.body; at = at.parentElement)
      if (getComputedStyle(at).overflowX !== "visible") return true;
    return false;
  };
  return [...document.querySelectorAll(".top *, .leader, .leader *")]
    .filter((one) => one.checkVisibility() && !clipped(one) && !one.classList.contains("hidden"))
    .filter((one) => { const place = one.getBoundingClientRect(); return place.right > innerWidth + 1 || place.left < -1; })
    .map((one) => `${one.tagName}.${one.className} ${one.textContent.slice(0, 40)}`);
}"""
"""What is seen and reaches over the edge of the window."""
OVERLAID = """() => {
  const found = [];
  const bars = ".top, .top nav, .strip, .leader-tools, .filters, .agent-actions";
  const forms = ".move, .move > span, .threshold, .alarms li";
  for (const row of document.querySelectorAll(`${bars}, ${forms}`)) {
    const there = [...row.children].filter((one) => one.checkVisibility() && getComputedStyle(one).position === "static");
    there.forEach((one, place) => {
      const mine = one.getBoundingClientRect();
      for (const other of there.slice(place + 1)) {
        const its = other.getBoundingClientRect();
        const across = Math.min(mine.right, its.right) - Math.max(mine.left, its.left);
        const down = Math.min(mine.bottom, its.bottom) - Math.max(mine.top, its.top);
        if (across > 1 && down > 1) found.push(`${row.className}: ${one.textContent} | ${other.textContent}`);
      }
    });
  }
  return found;
}"""
"""Neighbours that lie over each other."""
ONE_LINE = ".top button, .top h1, .top .who, .agent-actions button, .leader-tools > button"
WRAPPED = f"""() => [...document.querySelectorAll("{ONE_LINE}")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height > 40)
  .filter((one) => one.closest("nav") === null || one.scrollWidth > one.clientWidth)
  .map((one) => one.textContent)"""
"""What stands in one line and has become two."""
SPILT = """() => [...document.querySelectorAll(".leader :is(td, th, dd, li, button, label, select, .agent-actions, .filters)")]
  .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1 && one.tagName !== "SELECT")
  .filter((one) => getComputedStyle(one).overflowX === "visible" && getComputedStyle(one).display !== "inline")
  .map((one) => `${one.tagName}.${one.className} ${one.textContent.slice(0, 40)}`)"""
"""What is wider than its box and not cut by it."""


async def hostile_names(database: Database) -> None:
    configuration, users = SqlConfiguration(database), SqlUsers(database)
    for place, (agent_id, name) in enumerate(NAMES.items()):
        queue = QueueName(f"q{agent_id}")
        titles = {"zh": name, "en": name}
        await configuration.save_queue(Queue(name=queue, title=titles, code=f"69{place:02}"), 20 + place)
        served = {queue: 9, GENERAL: 5}
        await configuration.save_agent(Agent(agent_id=AgentId(agent_id), name=name, queues=served))
    leader = await users.user_by_login("1900")
    assert leader
    await users.save_user(replace(leader, name=NAMES["3004"]))


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids=str)
async def test_names_of_every_kind_are_text_in_their_place(page: Page, tmp_path: Path, size: tuple[int, int]) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    async with open_site(tmp_path, more=hostile_names) as site:
        for agent_id in NAMES:
            site.ready(agent_id)
        site.server.floor.pause(AgentId("3002"), "meal", "1900")
        await site.server.leader.control.move("3003", {f"q{name}": 5 for name in NAMES}, By("1900"), for_good=False)
        for number, (agent_id, name) in enumerate(NAMES.items()):
            live = site.waits(f"1390000{number:04}", QueueName(f"q{agent_id}"))
            live.customer = {"name": name}
        await lead(page, site)
        for agent_id, name in NAMES.items():
            await expect(page.get_by_test_id(f"agent-{agent_id}").get_by_role("rowheader")).to_contain_text(name)
            await expect(page.get_by_test_id(f"queue-q{agent_id}").get_by_role("rowheader")).to_contain_text(name)
        await expect(page.get_by_test_id("board-calls")).to_contain_text(MARKUP)
        await expect(page.get_by_test_id("agent-3002")).to_contain_text(NAMES["3004"])
        for agent_id in NAMES:
            await page.get_by_test_id(f"agent-{agent_id}").click()
            await fits(page, size)
        await page.get_by_test_id("agent-3003").click()
        await page.get_by_test_id("queues-of").click()
        await fits(page, size)
        site.server.bus.record(
            f.AlarmRaised(at=site.clock.now(), queue=QueueName("q3004"), alarm="waiting", value=9, threshold=1)
        )
        await expect(page.get_by_test_id("alarm-q3004-waiting")).to_be_visible()
        for panel in ("announce", "alarm-history", "thresholds", "listen-log"):
            await page.get_by_test_id(panel).click()
            await expect(page.locator(".panel")).to_be_visible()
            await fits(page, size)
        await page.keyboard.press("Escape")
        await expect(page.locator(".panel")).to_have_count(0)
        await page.get_by_test_id("wall").click()
        await expect(page.get_by_test_id("board-agents")).to_have_count(0)
        await fits(page, size)


async def fits(page: Page, size: tuple[int, int]) -> None:
    assert await page.evaluate(SIZES) == [*size, 0]
    assert await page.evaluate(OUTSIDE) == []
    assert await page.evaluate(SPILT) == []
    assert await page.evaluate(OVERLAID) == []
    assert await page.evaluate(WRAPPED) == []
    assert await page.evaluate(CONTRAST) == []
    assert await page.evaluate("window.hit") is None
