"""The shift leader's page as he uses it, on the real composed server; the switch is not there, calls are made of facts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId, QueueName
from cti_server.services.configuration import By
from tests.browser.contrast import CONTRAST
from tests.browser.leader_site import GENERAL, LeaderSite, open_site

SIZES = """() => {
  const [page, main] = [document.documentElement, document.querySelector("main")];
  return [page.scrollWidth, page.scrollHeight, main.scrollHeight - main.clientHeight];
}"""


@pytest.fixture
async def site(built: None, tmp_path: Path) -> AsyncIterator[LeaderSite]:
    async with open_site(tmp_path) as opened:
        yield opened


async def enter(page: Page, site: LeaderSite, login: str) -> None:
    await page.goto(site.url)
    await page.get_by_label("Agent number").fill(login)
    await page.get_by_label("Password").fill(site.password(login))
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_test_id("connection")).to_have_text("Connected")


async def lead(page: Page, site: LeaderSite) -> None:
    await enter(page, site, "1900")
    await page.get_by_role("button", name="Live board").click()


async def test_the_board_follows_calls_and_only_rows_that_change_are_drawn_anew(page: Page, site: LeaderSite) -> None:
    site.ready("1001")
    site.ready("1002")
    await lead(page, site)
    first, second = page.get_by_test_id("agent-1001"), page.get_by_test_id("agent-1002")
    await expect(first).to_contain_text("Available")
    await page.evaluate(
        """() => {
          window.changes = 0;
          const row = document.querySelector('[data-agent="1002"]');
          for (const cell of row.querySelectorAll('td:not(:nth-child(3)), th'))
            new MutationObserver(() => window.changes++).observe(cell, {childList: true, characterData: true, subtree: true});
        }"""
    )
    *until_talk, talk_ended, call_ended = site.story("1001")
    for fact in until_talk:
        site.server.bus.record(fact)
    await expect(first).to_contain_text("Talking")
    await expect(first).to_contain_text("13900000000")
    await expect(page.get_by_test_id("board-calls")).to_contain_text("13900000000")
    row = page.get_by_test_id("queue-general")
    await expect(row.get_by_test_id("level")).to_have_text("100%")
    for fact in (talk_ended, call_ended):
        site.server.bus.record(fact)
    await expect(first).to_contain_text("Wrap-up")
    await expect(page.get_by_test_id("board-calls")).not_to_contain_text("13900000000")
    await expect(second).to_contain_text("Available")
    assert await page.evaluate("window.changes") == 0, "nothing happened to 1002"


async def test_agents_are_filtered_sorted_chosen_and_paused_from_the_keyboard(page: Page, site: LeaderSite) -> None:
    for agent in ("1001", "1002", "1003"):
        site.ready(agent)
    await lead(page, site)
    await expect(page.get_by_test_id("agent-1003")).to_be_visible()
    await page.keyboard.press("/")
    await page.keyboard.type("1002")
    await expect(page.get_by_test_id("agent-1001")).to_have_count(0)
    await page.get_by_test_id("filter").fill("")
    await page.get_by_test_id("filter-state").select_option("paused")
    await expect(page.get_by_test_id("agent-1002")).to_have_count(0)
    await page.get_by_test_id("filter-state").select_option("")
    await page.get_by_role("button", name="Agent", exact=True).click()
    ids = await page.locator("[data-agent]").evaluate_all("rows => rows.map(row => row.dataset.agent)")
    assert ids == sorted(ids, reverse=True)
    await page.get_by_test_id("agent-1002").focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_test_id("agent-1001")).to_be_focused()
    await page.keyboard.press("p")
    await expect(page.get_by_test_id("pause-agent")).to_be_focused()
    await page.get_by_test_id("pause-agent").select_option(index=1)
    await expect(page.get_by_test_id("agent-1001")).to_contain_text("by 沈岚")
    state = site.server.floor.state(AgentId("1001"))
    assert (state.intent, state.by) == ("paused", "1900")
    await page.get_by_test_id("agent-1001").focus()
    await page.keyboard.press("o")
    await expect(page.get_by_test_id("sign-out-agent")).to_contain_text("Really")
    assert site.server.floor.state(AgentId("1001")).intent == "paused", "the first press only asks"
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("agent-1001")).to_have_count(0)
    await expect(page.get_by_test_id("told")).to_contain_text("Sign out")
    assert site.server.floor.state(AgentId("1001")).intent == "signed_out"


async def test_a_waiting_caller_is_assigned_and_an_agent_moved(page: Page, site: LeaderSite) -> None:
    await lead(page, site)
    live = site.waits("13900000777")
    call = page.get_by_test_id(f"call-{live.call_id}")
    await expect(call).to_contain_text("Waiting")
    await expect(page.get_by_test_id("queue-general").get_by_test_id("waiting")).to_have_text("1")
    await site.server.leader.control.move("1001", {"billing": 3}, By("1900"))
    site.ready("1001")
    await call.focus()
    await page.keyboard.press("a")
    await call.get_by_test_id("assign-to").select_option("1001")
    await expect(page.get_by_test_id("agent-1001")).to_contain_text("Ringing")
    assert live.visit
    assert live.visit.offer
    assert live.visit.offer[1] == "1001"
    live.end("caller")

    await page.get_by_test_id("agent-1001").click()
    await page.keyboard.press("q")
    move = page.get_by_test_id("move")
    await move.get_by_label("General", exact=True).check()
    await move.get_by_label("General: Level").fill("9")
    await move.get_by_role("button", name="Save").click()
    await expect(page.get_by_test_id("agent-1001")).to_contain_text("This shift: ")
    await expect(page.get_by_test_id("agent-1001")).to_contain_text("General")
    floor = site.server.floor
    assert dict(floor.agent(AgentId("1001")).queues) == {GENERAL: 9, "billing": 3}
    floor.sign_out(AgentId("1001"), "1900")
    assert dict(floor.agent(AgentId("1001")).queues) == {"billing": 3}, "the shift is over"


async def test_an_alarm_is_shown_on_the_board_and_goes(page: Page, site: LeaderSite) -> None:
    await lead(page, site)
    await page.get_by_test_id("thresholds").click()
    form = page.get_by_test_id("threshold-general")
    await form.get_by_label("More waiting than").fill("1")
    await form.get_by_role("button", name="Save").click()
    calls = [site.waits(f"1390000000{n}") for n in range(2)]
    alarms = page.get_by_test_id("alarms")
    await expect(alarms).to_contain_text("General Too many waiting")
    raised = page.get_by_test_id("alarm-general-waiting")
    await raised.get_by_test_id("acknowledge").click()
    await expect(raised).to_contain_text("Taken care of by 沈岚")
    for live in calls:
        live.end("caller")
    await expect(alarms).not_to_contain_text("Too many waiting", timeout=20_000)
    await page.keyboard.press("Escape")
    await page.get_by_test_id("alarm-history").click()
    past = page.get_by_test_id("alarm-log").get_by_role("row").filter(has_text="Too many waiting")
    await expect(past).to_contain_text("2 / 1")
    await expect(past).to_contain_text("沈岚")


async def test_an_announcement_stays_on_the_agents_page_until_he_reads_it(
    page: Page, browser: Browser, site: LeaderSite
) -> None:
    await lead(page, site)
    other = await (await browser.new_context(locale="en-GB")).new_page()
    await enter(other, site, "1001")
    await page.get_by_test_id("announce").click()
    await page.get_by_test_id("audience").select_option("all")
    await page.get_by_label("Text of the announcement").fill("<b>Storm</b> over the east district")
    await page.get_by_test_id("send").click()
    await expect(other.get_by_test_id("unread")).to_contain_text("<b>Storm</b> over the east district")
    await other.reload()
    await expect(other.get_by_test_id("unread")).to_contain_text("<b>Storm</b>")
    await other.get_by_test_id("unread").get_by_role("button", name="Read").click()
    await expect(other.get_by_test_id("unread")).to_have_count(0)
    await page.get_by_test_id("readers").first.click()
    await page.get_by_test_id("readers").first.click()
    await expect(page.get_by_test_id("reader-list")).to_contain_text("✓ 林晓")
    await expect(page.get_by_test_id("reader-list")).to_contain_text("○ 周宁")
    await other.context.close()


async def test_a_waiting_caller_is_dragged_put_first_and_sent_to_another_queue(page: Page, site: LeaderSite) -> None:
    await lead(page, site)
    first, second = site.waits("13900000801"), site.waits("13900000802")
    row = page.get_by_test_id(f"call-{second.call_id}")
    await row.focus()
    await page.keyboard.press("h")
    await expect(page.get_by_test_id("told")).to_contain_text("next in the queue")
    assert second.visit
    assert first.visit
    assert second.visit.priority > first.visit.priority
    await row.focus()
    await page.keyboard.press("v")
    await row.get_by_test_id("send-to").select_option("english")
    await expect(page.get_by_test_id("told")).to_contain_text("Sent to English")
    moved = site.facts_of(f.VisitMoved)[0]
    assert (moved.queue, moved.by) == ("english", "1900")

    await site.server.leader.control.move("1001", {"billing": 3}, By("1900"))
    site.ready("1001")
    agent = page.get_by_test_id("agent-1001")
    await page.get_by_test_id(f"call-{first.call_id}").drag_to(agent)
    await expect(agent).to_contain_text("Ringing")
    assert first.visit.offer
    assert first.visit.offer[1] == "1001"


async def test_wrap_up_is_extended_and_ended_by_a_leader_and_time_in_state_is_marked(
    page: Page, site: LeaderSite
) -> None:
    site.ready("1001")
    await lead(page, site)
    for fact in site.story("1001"):
        site.server.bus.record(fact)
    row = page.get_by_test_id("agent-1001")
    await expect(row).to_contain_text("Wrap-up")
    before = site.server.floor.state(AgentId("1001")).deadline
    await row.click()
    await page.keyboard.press("x")
    await expect(page.get_by_test_id("told")).to_contain_text("Extend wrap-up")
    assert before
    assert (site.server.floor.state(AgentId("1001")).deadline or 0) > before
    await page.get_by_test_id("thresholds").click()
    await page.get_by_test_id("state-limits").get_by_label("Wrap-up").fill("1")
    await page.get_by_test_id("state-limits").get_by_role("button", name="Save").click()
    await expect(row.get_by_label("too long")).to_be_visible()
    await page.keyboard.press("Escape")
    await row.focus()
    await page.keyboard.press("n")
    await expect(row).to_contain_text("Available")
    await expect(row.get_by_role("cell").nth(3)).to_have_text("1")
    await expect(page.get_by_test_id("total-answered")).to_have_text("1")


async def test_the_chosen_queue_is_remembered_and_the_wall_shows_no_tools(page: Page, site: LeaderSite) -> None:
    await lead(page, site)
    site.waits("13900000901")
    await page.get_by_test_id("queue-general").get_by_test_id("only-queue").click()
    await page.reload()
    await page.get_by_role("button", name="Live board").click()
    await expect(page.get_by_test_id("filter-queue")).to_have_value("general")
    await expect(page.get_by_test_id("queue-general").get_by_test_id("trend")).to_have_attribute(
        "aria-label", re.compile("Offered 1")
    )
    await page.keyboard.press("f")
    await expect(page.get_by_test_id("board-agents")).to_have_count(0)
    size = (
        await page.get_by_test_id("queue-general")
        .get_by_test_id("waiting")
        .evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    )
    assert size >= 24
    await page.keyboard.press("f")
    await expect(page.get_by_test_id("board-agents")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_the_board_is_readable_and_fits_the_smallest_screen(
    browser: Browser, site: LeaderSite, scheme: Literal["light", "dark"], locale: str
) -> None:
    for agent in ("1001", "1002", "1003"):
        site.ready(agent)
    site.server.floor.pause(AgentId("1003"), "meal", "1900")
    for fact in site.story("1001")[:-2]:
        site.server.bus.record(fact)
    context = await browser.new_context(viewport={"width": 1280, "height": 720}, locale=locale, color_scheme=scheme)
    page = await context.new_page()
    await page.goto(site.url)
    await page.locator("input[name=login]").fill("1900")
    await page.locator("input[name=password]").fill(site.password("1900"))
    await page.locator("button[type=submit]").click()
    await page.get_by_test_id("view-board").click()
    site.waits("13900000905", QueueName("vip"))
    await expect(page.get_by_test_id("alarms").locator("li").first).to_be_visible()
    await page.get_by_test_id("agent-1001").click()
    assert await page.evaluate(CONTRAST) == []
    assert await page.evaluate(SIZES) == [1280, 720, 0]
    await page.get_by_test_id("wall").click()
    assert await page.evaluate(CONTRAST) == []
    await context.close()


async def test_an_agent_is_told_who_paused_him(page: Page, site: LeaderSite) -> None:
    await enter(page, site, "1001")
    await expect(page.get_by_test_id("intent")).to_contain_text("Paused")
    site.ready("1001")
    site.server.floor.pause(AgentId("1001"), "training", "1900")
    await expect(page.get_by_test_id("intent")).to_contain_text("by 沈岚")
