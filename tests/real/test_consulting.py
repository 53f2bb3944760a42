"""Consultations and conferences from the page, on a real Asterisk: the server owns them, the page only shows them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, expect

from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId
from cti_server.lab.phones import Behaviour
from tests.real.browsers import open_page
from tests.real.hearing import caller
from tests.real.room import ANSWERS, IN_A_ROOM, Room, calling, flows_both_ways

pytestmark = IN_A_ROOM
REFUSES = Behaviour(refuse=True)


@asynccontextmanager
async def talk(room: Room, seconds: float) -> AsyncIterator[Page]:
    """Agent 1001 talks to his caller, on his softphone."""
    page = await room.agent("1001")
    async with calling(room.centre, seconds):
        await page.get_by_test_id("answer").click()
        await expect(page.get_by_test_id("hang-up")).to_be_visible()
        yield page
    await page.close()


async def consult(page: Page, target: str) -> None:
    await page.get_by_test_id("target").fill(target)
    await page.get_by_test_id("attended").click()
    await expect(page.get_by_test_id("consultation")).to_be_visible()


async def test_a_colleague_is_consulted_and_takes_the_caller(room: Room) -> None:
    centre = room.centre
    colleague = await centre.agent("1002", ANSWERS, ready=False)
    async with talk(room, 20) as page:
        await flows_both_ways(page, centre)
        await consult(page, "1002")
        consultation = await colleague.answers()
        await consultation.wait_bridged()
        await expect(page.get_by_test_id("consult-state")).to_contain_text("you talk to each other")
        second = await open_page(room.browser, page.context)
        await second.goto(room.url)
        await expect(second.get_by_test_id("consultation")).to_contain_text("周宁")
        await second.close()
        await page.keyboard.press("Alt+s")
        await expect(page.get_by_test_id("consult-state")).to_contain_text("you talk to the caller")
        await page.keyboard.press("Alt+s")
        await expect(page.get_by_test_id("consult-state")).to_contain_text("you talk to each other")
        await page.keyboard.press("Alt+c")
        await centre.until(f.CallTransferred)
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
        await expect(page.get_by_test_id("consultation")).to_have_count(0)
        await colleague.hang_up()
    assert [(fact.how, fact.target, fact.by) for fact in centre.of(f.CallTransferred)] == [("attended", "1002", "1001")]
    caller = centre.of(f.CallArrived)[0].call_id
    assert [fact.agent_id for fact in centre.of(f.TalkStarted) if fact.call_id == caller] == ["1001", "1002"]


async def test_a_colleague_refuses_hangs_up_and_is_let_go(room: Room) -> None:
    """Each time the agent is back with his caller, the hold is over, and the page says why."""
    centre = room.centre
    colleague = await centre.agent("1002", REFUSES, ready=False)
    async with talk(room, 32) as page:
        await consult(page, "1002")
        await expect(page.get_by_test_id("consult-over")).to_contain_text("refused")
        await colleague.rings()
        await centre.until(f.HoldEnded, 1)
        colleague.behaviour = ANSWERS
        await consult(page, "1002")
        await (await colleague.answers()).wait_bridged()
        await expect(page.get_by_test_id("consult-state")).to_contain_text("you talk to each other")
        await colleague.hang_up()
        await expect(page.get_by_test_id("consult-over")).to_contain_text("hung up")
        await centre.until(f.HoldEnded, 2)
        await consult(page, "1002")
        await colleague.answers()
        await expect(page.get_by_test_id("consult-state")).to_contain_text("you talk to each other")
        await page.keyboard.press("Alt+r")
        await expect(page.get_by_test_id("consult-over")).to_contain_text("not consulted any more")
        await centre.until(f.HoldEnded, 3)
        await flows_both_ways(page, centre)
    assert [fact.result for fact in centre.of(f.ConsultEnded)] == ["rejected", "gone", "cancelled"]
    assert len(centre.of(f.TalkEnded)) == 1


async def test_a_queue_is_consulted_cancelled_then_answered_and_completed(room: Room) -> None:
    centre = room.centre
    async with talk(room, 30) as page:
        await consult(page, "billing")
        await expect(page.get_by_test_id("consult-state")).to_contain_text("waiting in the queue")
        await centre.until(f.VisitStarted, 2)
        await page.get_by_test_id("consult-cancel").click()
        await expect(page.get_by_test_id("consult-over")).to_be_visible()
        await centre.until(f.HoldEnded)
        colleague = await centre.agent("1002", ANSWERS)
        await consult(page, "billing")
        await colleague.answers()
        await expect(page.get_by_test_id("consult-state")).to_contain_text("you talk to each other")
        await page.get_by_test_id("consult-complete").click()
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
        await colleague.hang_up()
    caller = centre.of(f.CallArrived)[0].call_id
    assert [fact.agent_id for fact in centre.of(f.TalkStarted) if fact.call_id == caller] == ["1001", "1002"]
    assert [fact.result for fact in centre.of(f.ConsultEnded)] == ["cancelled"]


async def test_four_talk_one_is_dropped_and_the_agent_leaves(room: Room) -> None:
    centre = room.centre
    first = await centre.agent("1002", ANSWERS, ready=False)
    second = await centre.agent("1003", ANSWERS, ready=False)
    async with talk(room, 30) as page:
        for number, (agent_id, colleague) in enumerate((("1002", first), ("1003", second)), 1):
            await consult(page, agent_id)
            await (await colleague.answers()).wait_bridged()
            await expect(page.get_by_test_id("consult-state")).to_contain_text("you talk to each other")
            await page.keyboard.press("Alt+j")
            await expect(page.get_by_test_id("party")).to_have_count(number)
        await centre.true(lambda: len(centre.of(f.ConferenceJoined)) == 2, "both joined")
        await flows_both_ways(page, centre)
        await centre.true(lambda: len(centre.of(f.HoldEnded)) == 2, "no hold goes on")
        assert await members(room) == 4
        assert centre.of(f.TalkEnded) == []
        await page.get_by_test_id("drop").first.click()
        await expect(page.get_by_test_id("party")).to_have_count(1)
        await page.keyboard.press("Alt+l")
        await centre.until(f.CallTransferred)
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
        assert await members(room) == 2
        await second.hang_up()
    assert [fact.target for fact in centre.of(f.CallTransferred)] == ["1003"]


async def test_those_a_caller_leaves_behind_talk_on_and_wrap_up_after_that(room: Room) -> None:
    """He hangs up during a consultation, then another one out of a conference with a colleague a queue has found."""
    centre = room.centre
    two = AgentId("1002")
    colleague = await centre.agent("1002", ANSWERS, ready=False)
    page = await room.agent("1001")
    async with caller(centre) as one:
        await one.press("0", at="main")
        await page.get_by_test_id("answer").click()
        await consult(page, "1002")
        talk = await colleague.answers()
        await expect(page.get_by_test_id("consult-state")).to_contain_text("you talk to each other")
        await one.hang_up()
    await expect(page.get_by_test_id("left-behind")).to_contain_text("周宁")
    await expect(page.get_by_test_id("system")).to_have_text("Internal talk")
    await expect(page.get_by_test_id("caller-name")).to_have_text("李女士")
    await flows_both_ways(page, centre)
    await page.get_by_test_id("hang-up").click()
    await talk.ended.wait()
    await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
    assert len(centre.of(f.WrapUpStarted)) == 1
    centre.server.floor.end_wrap_up(AgentId("1001"), "leader")
    async with caller(centre) as one:
        await one.press("0", at="main")
        await page.get_by_test_id("answer").click()
        await one.until(f.TalkStarted)
        centre.server.floor.ready(two)
        await consult(page, "billing")
        await (await colleague.answers()).wait_bridged()
        await expect(page.get_by_test_id("consult-state")).to_contain_text("you talk to each other")
        await page.keyboard.press("Alt+j")
        await expect(page.get_by_test_id("party")).to_have_count(1)
        await asyncio.sleep(1.5)
        assert centre.server.floor.state(two).system == "talking"
        await one.hang_up()
    await expect(page.get_by_test_id("left-behind")).to_contain_text("周宁")
    assert centre.server.floor.state(two).system == "talking"
    await colleague.hang_up()
    await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
    await centre.true(lambda: centre.server.floor.state(two).system == "wrap_up", "the colleague wraps up")
    await centre.calls_over()
    assert "0 active channels" in await centre.asterisk.cli("core show channels")
    await page.close()


async def members(room: Room) -> int:
    """Of the fullest bridge."""
    shown = await room.centre.asterisk.cli("bridge show all")
    bridges = [line.split()[0] for line in shown.splitlines()[1:] if line.strip()]
    return max(
        [(await room.centre.asterisk.cli(f"bridge show {one}")).count("Channel: ") for one in bridges], default=0
    )
