"""What breaks under a call an agent placed from his page: whom he called is kept, hears music, and is his again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, expect

from cti_server.domain import facts as f
from tests.real.browsers import open_page
from tests.real.outside import outside
from tests.real.room import IN_A_ROOM, Room, flows_both_ways
from tests.real.test_lost_pages import crash

pytestmark = IN_A_ROOM
WHOM = "139 0000 0002"


@asynccontextmanager
async def placed(room: Room, stays: float) -> AsyncIterator[Page]:
    """Agent 1001 has called Ms Li from his page and talks to her."""
    page = await room.agent("1001")
    async with outside(room.centre, f"wait {stays}; hangup"):
        await page.get_by_test_id("dial-number").fill(WHOM)
        await page.get_by_test_id("dial").click()
        await room.centre.until(f.TalkStarted)
        await flows_both_ways(page, room.centre)
        yield page


async def back_in_the_talk(page: Page, room: Room) -> None:
    """The phone rings for the call that was kept; the customer and what was written are on the screen as before."""
    await page.get_by_test_id("answer").click()
    await room.centre.until(f.TalkStarted, 2)
    await expect(page.get_by_test_id("caller-name")).to_have_text("李女士")
    await flows_both_ways(page, room.centre)


def one_call_two_talks(room: Room, *agents: str) -> None:
    centre = room.centre
    assert [fact.agent_id for fact in centre.of(f.TalkStarted)] == list(agents)
    assert len({fact.call_id for fact in centre.of(f.TalkStarted)}) == len(centre.of(f.CallArrived)) == 1
    assert len(centre.of(f.CallEnded)) == 1
    assert not centre.of(f.CallTransferred)


async def test_a_reload_gives_the_agent_back_whom_he_called(room: Room) -> None:
    async with placed(room, 30) as page:
        await page.get_by_test_id("note").fill("power is back at six")
        await page.reload()
        await back_in_the_talk(page, room)
        await expect(page.get_by_test_id("note")).to_have_value("power is back at six")
        await page.get_by_test_id("hang-up").click()
        await room.centre.until(f.TalkEnded, 2)
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
    one_call_two_talks(room, "1001", "1001")
    assert [fact.side for fact in room.centre.of(f.TalkEnded)] == ["agent", "agent"]
    await page.context.close()


async def test_a_crashed_tab_keeps_whom_he_called_for_the_next_one(room: Room) -> None:
    async with placed(room, 30) as page:
        await crash(page)
        again = await open_page(room.browser, page.context)
        await again.goto(room.url)
        await back_in_the_talk(again, room)
    one_call_two_talks(room, "1001", "1001")
    assert [fact.side for fact in room.centre.of(f.TalkEnded)] == ["agent", "caller"]
    await page.context.close()


@pytest.mark.parametrize("how", ["reload", "crash"])
async def test_a_page_that_goes_while_it_dials_cancels(room: Room, how: str) -> None:
    """Nobody shall answer to a page that is not there."""
    page = await room.agent("1001")
    async with outside(room.centre, after=20):
        await page.get_by_test_id("dial-number").fill(WHOM)
        await page.get_by_test_id("dial").click()
        await room.centre.until(f.PartyRinging)
        await (page.reload() if how == "reload" else crash(page))
        ended = await room.centre.until(f.CallNotReached, within=8)
    assert [(fact.result, fact.rang) for fact in ended] == [("cancelled", True)]
    if how == "reload":
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
        await expect(page.get_by_test_id("dialling")).to_have_text("Call cancelled")
    await page.context.close()
