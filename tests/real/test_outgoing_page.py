"""Click to call from the page, on a real Asterisk: the phone in the page dials, somebody outside answers or is busy."""

from __future__ import annotations

from playwright.async_api import expect

from cti_server.domain import facts as f
from tests.real.outside import outside
from tests.real.room import IN_A_ROOM, Room, flows_both_ways

pytestmark = IN_A_ROOM


async def test_a_number_is_dialled_noted_and_called_again_by_a_click(room: Room) -> None:
    centre = room.centre
    page = await room.agent("1001")
    await page.get_by_test_id("dial-number").fill("+44 20 7946 0000")
    await page.get_by_test_id("dial").click()
    await expect(page.get_by_test_id("problem")).to_contain_text("may not be called")
    async with outside(centre):
        await page.get_by_test_id("dial-number").fill("139 0000 0002")
        await page.get_by_test_id("dial").click()
        await centre.until(f.TalkStarted)
        await expect(page.get_by_test_id("system")).to_have_text("Talking")
        await expect(page.get_by_test_id("caller-name")).to_have_text("李女士")
        await flows_both_ways(page, centre)
        await page.get_by_test_id("note").fill("power is back at six")
        await page.get_by_test_id("codes").get_by_role("button").first.click()
        await page.get_by_test_id("hang-up").click()
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
    await page.get_by_test_id("end-wrap-up").click()
    own = page.get_by_test_id("calls").get_by_role("listitem").first
    await expect(own.get_by_test_id("call-note")).to_have_text("power is back at six")
    async with outside(centre, refuse=486):
        await own.get_by_test_id("tel").click()
        await centre.until(f.CallNotReached)
        await expect(page.get_by_test_id("dialling")).to_have_text("Busy")
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
    await expect(page.get_by_test_id("figure-placed")).to_have_text("2 / 1")
    assert [fact.result for fact in centre.of(f.CallNotReached)] == ["busy"]
    await page.close()
