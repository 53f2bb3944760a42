"""The administrator's page against the composed server: what is set up there serves the next call."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

import cti_server.app.server
from cti_server.app import Server
from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId, ChannelRef
from cti_server.ports import LineInfo, PhoneReachability
from tests.browser.contrast import CONTRAST
from tests.services.call_world import DESK
from tests.services.doubles import FakeLine, FakeSpeaker, FakeSwitch, Phone
from tests.web.admin_world import PASSWORD, open_server


class Speaker(FakeSpeaker):
    """Every text is its own sound."""

    async def reload(self) -> None: ...
    async def close(self) -> None: ...
    def file(self, name: str) -> Path | None:
        return None


@pytest.fixture
async def server(
    tmp_path: Path, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch, built: None
) -> AsyncIterator[Server]:
    monkeypatch.setattr(cti_server.app.server, "from_settings", lambda *_: Speaker())
    async with open_server(tmp_path, unused_tcp_port) as running:
        yield running


async def sign_in(page: Page, server: Server) -> None:
    await page.goto(f"http://127.0.0.1:{server.web_port}")
    await page.locator("input[name=login]").fill("admin")
    await page.locator("input[name=password]").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_test_id("view-admin").click()


async def open_admin(page: Page, server: Server, section: str) -> None:
    await sign_in(page, server)
    await page.get_by_test_id(f"section-{section}").click()


async def fill(page: Page, field: str, value: str) -> None:
    await page.get_by_test_id(f"field-{field}").get_by_role("textbox").fill(value)


async def test_a_queue_and_an_agent_made_in_the_page_serve_a_call(page: Page, server: Server) -> None:
    await open_admin(page, server, "queues")
    await page.get_by_test_id("new").click()
    for field, value in {"name": "night", "title.zh": "夜间", "ring_seconds": "long"}.items():
        await fill(page, field, value)
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("error-ring_seconds")).to_be_visible()
    await expect(page.get_by_test_id("field-title.zh").get_by_role("textbox")).to_have_value("夜间")
    await fill(page, "ring_seconds", "15")
    await fill(page, "title.en", "Night")
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("saved")).to_be_visible()
    assert server.acd.queues["night"].ring_seconds == 15  # type: ignore[index]

    await page.get_by_test_id("section-agents").click()
    await page.get_by_test_id("new").click()
    await fill(page, "agent_id", "1002")
    await fill(page, "name", "Li Wei")
    await page.get_by_test_id("level-night").select_option("7")
    await page.get_by_test_id("level-general").select_option("5")
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("saved")).to_be_visible()

    await page.get_by_test_id("section-users").click()
    await page.get_by_test_id("new").click()
    await fill(page, "login", "li")
    await fill(page, "name", "Li Wei")
    await page.get_by_test_id("field-agent_id").get_by_role("combobox").select_option("1002")
    await page.get_by_test_id("save").click()
    password = await page.get_by_test_id("password").inner_text()
    assert len(password) == 14

    floor, agent = server.floor, AgentId("1002")
    floor.on_switch(PhoneReachability(at=1, node="asterisk", endpoint="1002", reachable=True))
    floor.sign_in(agent)
    floor.ready(agent)
    _, facts = await call(server)
    assert [fact.agent_id for fact in facts if isinstance(fact, f.TalkStarted)] == ["1002"]

    await page.get_by_test_id("section-audit").click()
    for action in ("made a queue", "made an agent", "made a user"):
        await expect(page.get_by_test_id("audit")).to_contain_text(action)
    await page.get_by_test_id("audit-action").select_option("queue_created")
    await page.get_by_test_id("audit-ask").click()
    await expect(page.get_by_test_id("audit").locator("tbody tr")).to_have_count(1)
    async with page.expect_download() as saving:
        await page.get_by_test_id("audit-export").click()
    table = Path(str(await (await saving.value).path())).read_text(encoding="utf-8-sig")
    assert [line.split(",")[2] for line in table.splitlines()] == ["action", "queue_created"]


async def test_a_flow_is_mended_at_its_line_saved_heard_and_undone(page: Page, server: Server) -> None:
    await open_admin(page, server, "flows")
    await page.get_by_test_id("flow-desk.yaml").click()
    text = page.get_by_test_id("flow-text")
    await expect(text).to_have_value(DESK)
    await text.fill(DESK.replace("to: help", "to: nowhere"))
    await expect(page.get_by_test_id("problems")).to_contain_text("Line 12 · main")
    await expect(page.get_by_test_id("gutter-wrong")).to_have_text("● 12\n")
    await expect(page.get_by_test_id("save")).to_be_disabled()
    await page.get_by_role("button", name="中文").click()
    await expect(page.get_by_test_id("problems")).to_contain_text("第 12 · main: to 指向不存在的节点 nowhere")
    await page.get_by_role("button", name="English").click()
    await page.get_by_test_id("section-audit").click()
    await page.get_by_test_id("ask-keep").click()
    await page.get_by_test_id("section-flows").click()
    await page.get_by_test_id("flow-desk.yaml").click()
    await expect(text).to_have_value(DESK.replace("to: help", "to: nowhere"))
    await text.fill(DESK.replace("For help press 1.", "Good evening. For help press 1."))
    await page.get_by_test_id("tab-preview").click()
    await expect(page.get_by_test_id("preview-steps")).to_contain_text("Good evening.")
    await expect(page.get_by_test_id("preview-steps")).to_contain_text("求助请按1。")
    await page.get_by_test_id("preview-keys").fill("1")
    await page.keyboard.press("Enter")
    await page.get_by_test_id("outcome-answered").click()
    await expect(page.get_by_test_id("preview-over")).to_be_visible()
    await expect(page.get_by_test_id("preview-end")).to_contain_text("end")
    await page.get_by_test_id("tab-text").click()
    await page.get_by_test_id("node-help").click()
    assert await text.evaluate("one => one.value.slice(one.selectionStart, one.selectionEnd)") == "  help:"
    before = await page.get_by_test_id("zoom").inner_text()
    await page.get_by_test_id("zoom-in").click()
    await expect(page.get_by_test_id("zoom")).not_to_have_text(before)
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("saved")).to_be_visible()
    line, _ = await call(server, hangs_up=4.0)
    assert line.heard[0] == "Good evening. For help press 1."

    await page.get_by_test_id("tab-history").click()
    await page.get_by_test_id("versions").get_by_role("button").last.click()
    await expect(page.get_by_test_id("diff")).to_contain_text("Good evening.")
    await page.get_by_test_id("restore").click()
    await expect(text).to_have_value(DESK)
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("saved")).to_be_visible()
    line, _ = await call(server, hangs_up=4.0)
    assert line.heard[0] == "For help press 1."
    await page.get_by_test_id("section-audit").click()
    await expect(page.get_by_test_id("audit").get_by_text("saved a flow")).to_have_count(2)


async def test_the_second_of_two_administrators_merges(browser: Browser, page: Page, server: Server) -> None:
    await open_admin(page, server, "queues")
    await page.get_by_test_id("part-general").click()
    await fill(page, "ring_seconds", "33")
    await fill(page, "wrap_up_seconds", "44")
    async with other_page(browser, server) as other:
        await other.get_by_test_id("part-general").click()
        await fill(other, "ring_seconds", "11")
        await fill(other, "title.en", "Reception")
        await other.get_by_test_id("save").click()
        await expect(other.get_by_test_id("saved")).to_be_visible()
    await page.get_by_test_id("save").click()
    conflict = page.get_by_test_id("conflict")
    await expect(conflict).to_contain_text("admin")
    await expect(conflict.get_by_test_id("differs-ring_seconds")).to_contain_text("11")
    await expect(conflict.get_by_test_id("differs-title.en")).to_contain_text("Reception")
    assert await conflict.get_by_role("radio").count() == 2  # only where both changed
    await conflict.get_by_test_id("differs-ring_seconds").get_by_role("radio").first.check()
    await page.get_by_test_id("merge").click()
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("saved")).to_be_visible()
    queue = server.acd.queues["general"]  # type: ignore[index]
    assert (queue.ring_seconds, queue.wrap_up_seconds, queue.title["en"]) == (11, 44, "Reception")


async def test_hours_typed_outlive_a_conflict_and_what_overlaps_is_said(
    browser: Browser, page: Page, server: Server
) -> None:
    await open_admin(page, server, "hours")
    await page.get_by_test_id("hours-day").click()
    await expect(page.get_by_test_id("looks")).to_be_visible()
    tuesday = page.get_by_test_id("day-tue")
    await page.get_by_test_id("add-tue").click()
    await tuesday.get_by_role("textbox").nth(1).fill("07:00")
    await expect(page.get_by_test_id("error-tue")).to_contain_text("before the start")
    await expect(page.get_by_test_id("save")).to_be_disabled()
    await tuesday.get_by_role("textbox").nth(1).fill("12:00")
    await page.get_by_test_id("add-tue").click()
    await tuesday.get_by_role("textbox").nth(2).fill("11:00")
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("error-tue")).to_contain_text("overlap")
    await tuesday.get_by_role("textbox").nth(2).fill("13:00")
    async with other_page(browser, server) as other:
        await other.get_by_test_id("section-hours").click()
        await other.get_by_test_id("hours-day").click()
        await other.get_by_test_id("add-sun").click()
        await other.get_by_test_id("save").click()
        await expect(other.get_by_test_id("saved")).to_be_visible()
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("differs-weekly.sun")).to_contain_text("08:00-18:00")
    await page.get_by_test_id("merge").click()
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("saved")).to_be_visible()
    weekly = server.flows.calendars["day"].weekly
    assert (weekly["tue"], weekly["sun"]) == (("08:00-12:00", "13:00-21:00"), ("08:00-18:00",))


async def test_a_draft_outlives_a_reload_and_leaving_asks(page: Page, server: Server) -> None:
    await open_admin(page, server, "queues")
    await page.get_by_test_id("part-general").click()
    await fill(page, "title.en", "Reception")
    await page.get_by_test_id("section-agents").click()
    await page.get_by_test_id("ask-stay").click()
    await expect(page.get_by_test_id("form")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    await page.reload()
    await page.get_by_test_id("view-admin").click()
    await page.get_by_test_id("part-general").click()
    title = page.get_by_test_id("field-title.en").get_by_role("textbox")
    await expect(title).to_have_value("Reception")
    await page.get_by_test_id("section-agents").click()
    await page.get_by_test_id("ask-discard").click()
    await page.get_by_test_id("section-queues").click()
    await page.get_by_test_id("part-general").click()
    await expect(title).to_have_value("General")


async def test_a_flow_is_begun_from_a_template_led_to_and_retired(page: Page, server: Server) -> None:
    await open_admin(page, server, "flows")
    await page.get_by_test_id("new").click()
    await page.get_by_test_id("new-flow-name").fill("night")
    await page.get_by_test_id("new-flow-en").fill("Night")
    await page.get_by_test_id("begin").click()
    await expect(page.get_by_test_id("flow-text")).to_have_value(re.compile("name: night"))
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("saved")).to_be_visible()
    assert "night" in server.flows.flows
    await page.get_by_test_id("all-flows").click()
    await page.get_by_test_id("add-did").click()
    await page.get_by_test_id("did-1").fill("4008")
    await page.get_by_test_id("did-flow-1").select_option("night:en")
    await page.get_by_test_id("save-dids").click()
    await expect(page.get_by_test_id("dids").get_by_test_id("saved")).to_be_visible()
    assert server.flows.for_did("4008")[0].name == "night"
    await page.get_by_test_id("flow-night.yaml").click()
    await page.get_by_test_id("retire").click()
    await page.get_by_test_id("ask-retire").click()
    await expect(page.get_by_test_id("trouble")).to_contain_text("4008")
    assert "night" in server.flows.flows


UNNAMED = """[...document.querySelectorAll(".admin :is(input, select, textarea)")]
  .filter((one) => !one.labels?.length && !one.ariaLabel).map((one) => one.outerHTML)"""
SECTIONS = ("queues", "flows", "hours", "pause_codes", "dispositions", "agents", "skills", "users", "audit")


@pytest.mark.parametrize(("scheme", "language"), [("light", "zh-CN"), ("dark", "en-GB")])
async def test_every_section_is_readable_fits_and_is_reached_by_keys(
    browser: Browser, server: Server, scheme: str, language: str
) -> None:
    context = await browser.new_context(
        viewport={"width": 1280, "height": 720},
        locale=language,
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = await context.new_page()
    await sign_in(page, server)
    for section in SECTIONS:
        await page.get_by_test_id(f"section-{section}").press("Enter")
        for chosen in (page.get_by_test_id("new"), page.locator(".admin-list button, .admin-file")):
            if await chosen.count():
                await chosen.first.press("Enter")
                await expect(
                    page.get_by_test_id("form")
                    .or_(page.get_by_test_id("flow-text"))
                    .or_(page.get_by_test_id("new-flow"))
                ).to_be_visible()
            assert await page.evaluate(CONTRAST) == [], section
            assert await page.evaluate(UNNAMED) == [], section
            size = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
            assert size == [1280, 720], section
    await context.close()


@asynccontextmanager
async def other_page(browser: Browser, server: Server) -> AsyncIterator[Page]:
    """A second administrator's."""
    context = await browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
    page = await context.new_page()
    await sign_in(page, server)
    yield page
    await context.close()


async def call(server: Server, hangs_up: float | None = None) -> tuple[FakeLine, list[Any]]:
    """One caller on a line of paper, through the server's own sessions."""
    facts: list[Any] = []
    undo = server.bus.subscribe(lambda recorded: facts.append(recorded.fact))
    switch = FakeSwitch(server.ground.clock, linked=False, phones={"1002": Phone(answers=0.2, talks=0.5)})
    channel = ChannelRef("asterisk", f"1.{id(facts)}", "PJSIP/trunk-1")
    line = FakeLine(switch, LineInfo(channel, "13911112222", "", "100", "call", (), {}), {1.5: "1"}, hangs_up)
    async with asyncio.timeout(20):
        await server.calling.sessions.handle(line)
    undo()
    return line, facts
