"""The administrator's page against the composed server: what is set up there serves the next call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

import cti_server.app
from cti_server.app import Server
from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId, ChannelRef
from cti_server.ports import LineInfo, PhoneReachability
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
    monkeypatch.setattr(cti_server.app, "from_settings", lambda *_: Speaker())
    async with open_server(tmp_path, unused_tcp_port) as running:
        yield running


async def open_admin(page: Page, server: Server, section: str) -> None:
    await page.goto(f"http://127.0.0.1:{server.web_port}")
    await page.get_by_label("Agent number").fill("admin")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.get_by_test_id("view-admin").click()
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
    for action in ("queue_created", "agent_created", "user_created"):
        await expect(page.get_by_test_id("audit")).to_contain_text(action)


async def test_a_flow_is_mended_at_its_line_saved_heard_and_undone(page: Page, server: Server) -> None:
    await open_admin(page, server, "flows")
    await page.get_by_test_id("flow-desk.yaml").click()
    text = page.get_by_test_id("flow-text")
    await expect(text).to_have_value(DESK)
    await text.fill(DESK.replace("to: help", "to: nowhere"))
    await expect(page.get_by_test_id("problems")).to_contain_text("Line 12 · main")
    await expect(page.get_by_test_id("gutter-wrong")).to_have_text("● 12\n")
    await expect(page.get_by_test_id("save")).to_be_disabled()
    await page.get_by_test_id("section-audit").click()
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
    await page.get_by_test_id("tab-drawing").click()
    await expect(page.get_by_test_id("drawing")).to_be_visible()
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
    await expect(page.get_by_test_id("audit").get_by_text("flow_saved")).to_have_count(2)


async def call(server: Server, hangs_up: float | None = None) -> tuple[FakeLine, list[Any]]:
    """One caller on a line of paper, through the server's own sessions."""
    facts: list[Any] = []
    undo = server.bus.subscribe(lambda recorded: facts.append(recorded.fact))
    switch = FakeSwitch(server._clock, linked=False, phones={"1002": Phone(answers=0.2, talks=0.5)})
    channel = ChannelRef("asterisk", f"1.{id(facts)}", "PJSIP/trunk-1")
    line = FakeLine(switch, LineInfo(channel, "13911112222", "", "100", "call", (), {}), {1.5: "1"}, hangs_up)
    async with asyncio.timeout(20):
        await server._sessions.handle(line)
    undo()
    return line, facts
