"""A shift leader's page beside two agents' pages, all with the phone in the page: he hears the talk he chose and no other,
whispers to the agent alone, barges in for both, by the keys the page shows. Everybody's microphone brings a tone of its own.
"""

from __future__ import annotations

import asyncio

from playwright.async_api import Page, expect
from sqlalchemy import select

from cti_server.domain import facts as f
from cti_server.storage import tables
from cti_server.storage.engine import open_database
from tests.real.browsers import shares, use_softphone
from tests.real.hearing import caller
from tests.real.room import IN_A_ROOM, Room, flows_both_ways
from tests.real.test_leader import AGENT, AUDIBLE, CALLER, LEADER, caller_to, hear

pytestmark = IN_A_ROOM
COLLEAGUE = 800.0
TONES = (AGENT, CALLER, LEADER, COLLEAGUE)


async def page_hears(page: Page, *wanted: float) -> None:
    """Until this page hears these tones and none of the others."""
    found: list[float] = []
    try:
        async with asyncio.timeout(8):
            while True:
                found = await shares(page, *TONES)
                loud = {tone for tone, share in zip(TONES, found, strict=True) if share > AUDIBLE / 2}
                faint = {tone for tone, share in zip(TONES, found, strict=True) if share > AUDIBLE / 10}
                if loud == faint == set(wanted):
                    return
    except TimeoutError:
        raise AssertionError(f"heard {dict(zip(TONES, found, strict=True))}, wanted {wanted}") from None


async def listens(leader: Page, agent_id: str) -> None:
    await leader.get_by_test_id(f"agent-{agent_id}").click()
    await leader.get_by_test_id("listen").click()


async def test_a_leader_listens_whispers_and_barges_in_from_his_page(room: Room) -> None:
    centre = room.centre
    agent, leader = await room.agent("1001", tone=AGENT), await room.agent("1900", ready=False, tone=LEADER)
    phone, talk = await caller_to(centre, "6001")
    await agent.get_by_test_id("answer").click()
    await page_hears(agent, CALLER)
    colleague = await room.agent("1002", tone=COLLEAGUE)
    async with caller(centre, "13800007777") as other:
        await other.press("0", at="main")
        await colleague.get_by_test_id("answer").click()
        await flows_both_ways(colleague, centre, "1002")
        await leader.get_by_test_id("view-board").click()

        await listens(leader, "1001")
        await centre.until(f.ListenStarted)
        await flows_both_ways(leader, centre, "1900")
        await page_hears(leader, AGENT, CALLER)
        await page_hears(agent, CALLER)
        await hear(talk, AGENT)

        await leader.keyboard.press("w")
        await page_hears(agent, CALLER, LEADER)
        await hear(talk, AGENT)
        await page_hears(leader, AGENT, CALLER)

        await leader.get_by_test_id("view-desk").click()
        await leader.keyboard.press("b")
        await hear(talk, AGENT, LEADER)
        await page_hears(agent, CALLER, LEADER)
        await expect(leader.get_by_test_id("mode-barge")).to_have_attribute("aria-pressed", "true")
        await leader.get_by_test_id("view-board").click()

        await listens(leader, "1002")
        await centre.until(f.ListenStarted, 2)
        await page_hears(leader, COLLEAGUE)
        await page_hears(agent, CALLER)
        await leader.keyboard.press("e")
        await centre.until(f.ListenEnded, 2)
        await expect(leader.get_by_test_id("listening")).to_have_count(0)
    await phone.hang_up()
    await centre.calls_over()
    await it_is_on_record(room)
    for page in (agent, colleague, leader):
        await page.close()


async def test_an_inspector_listens_on_the_phone_in_his_page_until_the_call_ends(room: Room) -> None:
    centre = room.centre
    agent, inspector = await room.agent("1001", tone=AGENT), await room.page("1800")
    await use_softphone(inspector, ready=False)
    phone, _ = await caller_to(centre, "6001")
    await agent.get_by_test_id("answer").click()
    await listens(inspector, "1001")
    await centre.until(f.ListenStarted)
    await page_hears(inspector, AGENT, CALLER)
    await expect(inspector.get_by_test_id("mode-whisper")).to_have_count(0)
    await expect(agent.get_by_test_id("listened")).to_have_count(0)
    await phone.hang_up()
    await centre.until(f.ListenEnded)
    await expect(inspector.get_by_test_id("listening")).to_have_count(0)
    await inspector.get_by_test_id("listen-log").click()
    await expect(inspector.get_by_test_id("listens").get_by_role("row").nth(1)).to_contain_text("1800")
    await centre.calls_over()
    for page in (agent, inspector):
        await page.close()


async def it_is_on_record(room: Room) -> None:
    centre = room.centre
    assert [(fact.subject, fact.by, fact.mode) for fact in centre.of(f.ListenStarted)] == [
        ("1001", "1900", "listen"),
        ("1002", "1900", "listen"),
    ]
    assert [fact.mode for fact in centre.of(f.ListenModeChanged)] == ["whisper", "barge"]
    database = open_database(room.database)
    log = tables.audit.c
    try:
        async with database.read() as connection:
            query = select(log.login, log.action, log.subject).where(log.action.in_(("listen", "whisper", "barge")))
            entries = [tuple(row) for row in await connection.execute(query.order_by(log.id))]
    finally:
        await database.close()
    assert entries == [("1900", mode, "1001") for mode in ("listen", "whisper", "barge")] + [("1900", "listen", "1002")]
