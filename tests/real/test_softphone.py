"""The phone in the page, in a real browser, on a real Asterisk, with sound in both directions."""

from __future__ import annotations

import asyncio

from playwright.async_api import Page, expect

from cti_server.domain import facts as f
from cti_server.domain.flows.schema import Menu
from tests.real.browsers import counts, open_page
from tests.real.room import ANSWERS, IN_A_ROOM, Room, calling, flows_both_ways

pytestmark = IN_A_ROOM


async def test_a_caller_is_answered_held_and_hung_up_in_the_page(room: Room) -> None:
    centre = room.centre
    page = await room.agent("1001")
    async with calling(centre, 14):
        await page.get_by_test_id("answer").click()
        await expect(page.get_by_test_id("hang-up")).to_be_visible()
        await expect(page.get_by_test_id("caller-name")).to_have_text("李女士")
        await flows_both_ways(page, centre)
        await page.get_by_test_id("mute").click()
        await expect(page.get_by_test_id("mute")).to_have_text("Unmute")
        await page.get_by_test_id("mute").click()
        await page.get_by_test_id("hold").click()
        await centre.until(f.HoldStarted)
        await expect(page.get_by_test_id("system")).to_have_text("On hold")
        await page.get_by_test_id("hold").click()
        await centre.until(f.HoldEnded)
        await page.get_by_test_id("hang-up").click()
        await centre.until(f.TalkEnded)
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
    assert [fact.side for fact in centre.of(f.TalkEnded)] == ["agent"]
    await page.close()


async def test_keys_and_blind_transfer_then_the_colleague_hangs_up(room: Room) -> None:
    centre = room.centre
    page = await room.agent("1001")
    colleague = await centre.agent("1002", ANSWERS)
    async with calling(centre, 16):
        await expect(page.get_by_test_id("answer")).to_be_visible()
        await page.keyboard.press("Alt+4")
        await expect(page.get_by_test_id("hang-up")).to_be_visible()
        await page.keyboard.press("Alt+7")
        await page.keyboard.press("5")
        await page.keyboard.press("Escape")
        await page.get_by_test_id("target").fill("1002")
        await page.get_by_test_id("blind").click()
        talk = await colleague.answers()
        await colleague.hang_up()
        await talk.ended.wait()
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
    assert [fact.agent_id for fact in centre.of(f.TalkStarted)] == ["1001", "1002"]
    assert [fact.side for fact in centre.of(f.TalkEnded)] == ["transfer", "agent"]
    await page.close()


async def test_a_reload_in_the_talk_brings_the_same_caller_back(room: Room) -> None:
    centre = room.centre
    page = await room.agent("1001")
    async with calling(centre, 22):
        await page.get_by_test_id("answer").click()
        await expect(page.get_by_test_id("hang-up")).to_be_visible()
        await flows_both_ways(page, centre)
        await page.reload()
        await page.get_by_test_id("answer").click()
        await centre.until(f.TalkStarted, 2)
        await flows_both_ways(page, centre)
        await page.get_by_test_id("hang-up").click()
        await centre.until(f.TalkEnded, 2)
    first, second = centre.of(f.VisitStarted)
    assert (second.queue, second.entered_at) == (first.queue, first.entered_at)
    assert {fact.agent_id for fact in centre.of(f.TalkStarted)} == {"1001"}
    assert len({fact.call_id for fact in centre.of(f.TalkStarted)}) == 1
    await page.close()


async def test_a_second_tab_does_not_fight_the_first(room: Room) -> None:
    centre = room.centre
    page = await room.agent("1001")
    second = await open_page(room.browser, page.context)
    await second.goto(room.url)
    await expect(second.get_by_test_id("phone-elsewhere")).to_be_visible()
    await expect(page.get_by_test_id("registration")).to_have_text("Ready for calls")
    await second.get_by_test_id("take-over").click()
    await expect(second.get_by_test_id("registration")).to_have_text("Ready for calls")
    await expect(page.get_by_test_id("phone-elsewhere")).to_be_visible()
    async with calling(centre, 5):
        await second.get_by_test_id("answer").click()
        await centre.until(f.TalkStarted)
    await second.close()
    await expect(page.get_by_test_id("registration")).to_have_text("Ready for calls")
    await page.close()


async def hears(page: Page) -> None:
    """Sound arrives: the browser measured some, not just packets of silence."""
    async with asyncio.timeout(15):
        while (await counts(page))["level"] <= 0.001:
            await asyncio.sleep(0.1)


async def test_a_newcomer_calls_from_a_page_and_an_agent_answers_in_another(room: Room) -> None:
    centre = room.centre
    agent = await room.agent("1001")
    newcomer = await open_page(room.browser)
    await newcomer.goto(f"{room.url}/demo/phone")
    await newcomer.get_by_test_id("demo-caller").select_option("13900000002")
    await newcomer.get_by_test_id("call-95598").click()
    await expect(newcomer.get_by_test_id("demo-state")).to_have_text("In a call")
    await hears(newcomer)
    menu = centre.server.flows.flows["power"].nodes["main"]
    assert isinstance(menu, Menu)
    for key, choice in menu.keys.items():
        await expect(newcomer.get_by_test_id("demo-choices")).to_contain_text(f"{key}{choice.label.root['en']}")
    await newcomer.keyboard.press("0")
    await expect(newcomer.get_by_test_id("demo-pressed")).to_have_text("0")
    await agent.get_by_test_id("answer").click()
    await expect(agent.get_by_test_id("caller-name")).to_have_text("李女士")
    await centre.until(f.TalkStarted)
    await expect(newcomer.get_by_test_id("demo-guide")).to_contain_text("talking with an agent")
    await flows_both_ways(newcomer, centre)
    await flows_both_ways(agent, centre)
    await newcomer.get_by_test_id("demo-mute").click()
    await expect(newcomer.get_by_test_id("demo-mute")).to_have_text("Unmute")
    await newcomer.get_by_test_id("demo-hang-up").click()
    await expect(newcomer.get_by_test_id("demo-state")).to_have_text("The call has ended")
    await centre.until(f.TalkEnded)
    assert [fact.side for fact in centre.of(f.TalkEnded)] == ["caller"]
    assert centre.of(f.CallArrived)[0].caller == "+8613900000002"
    await centre.calls_over()
    await newcomer.close()
    await agent.close()
