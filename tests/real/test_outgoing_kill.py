"""The server killed with -9 under calls agents have placed: talks go on, and each ends once, as it was or as unknown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.async_api import expect

from cti_server.domain import facts as f
from cti_server.domain.ids import CallId
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import AgentPhone, Behaviour
from tests.real.browsers import counts, open_browser, open_page, sign_in, use_softphone
from tests.real.network import allowed
from tests.real.server_process import Site, now, open_site
from tests.real.test_shift_breaks import connected, marked_as_old, nothing_missed, talk_clock_is_right

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
TONE = 700.0
"""What the called ones say, Hz."""
RINGS = 4.0
"""How long their phones ring, seconds."""
ANSWERS = Behaviour(answer_after=0.1)
QUEUES = {"general": {"wrap_up_seconds": 60}}


@asynccontextmanager
async def people_outside(site: Site, folder: Path) -> AsyncIterator[None]:
    speech = folder / "tone.wav"
    soundfile.write(speech, np.sin(2 * np.pi * TONE / 8000 * np.arange(8000 * 120)) * 0.3, 8000, subtype="PCM_16")
    called = site.caller.called(site.asterisk.ports.carrier, script=f"speech {speech}; hangup", after=RINGS, calls=9)
    people = asyncio.create_task(called)
    await asyncio.sleep(0.5)  # sipp says nowhere that it listens
    try:
        yield
    finally:
        people.cancel()
        await asyncio.wait({people})


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    asterisk = AsteriskInstance(tmp_path / "asterisk")
    async with asterisk, open_site(asterisk, tmp_path, queues=QUEUES) as opened, people_outside(opened, tmp_path):
        yield opened


async def calls_out(site: Site, agent_id: str, number: str) -> tuple[AgentPhone, CallId]:
    """His phone is up and the other one rings."""
    phone = await site.agent(agent_id, ANSWERS)
    await site.wish(agent_id, "place_call", number=number)
    (placed,) = await site.until(f.CallPlaced, agent_id=agent_id)
    await site.until(f.PartyRinging, call_id=placed.call_id)
    return phone, placed.call_id


async def test_calls_agents_have_placed_outlive_the_server(site: Site) -> None:
    talking, talk = await calls_out(site, "1001", "13900000001")
    leaving, left = await calls_out(site, "1002", "13900000002")
    for call_id in (talk, left):
        await site.until(f.TalkStarted, call_id=call_id)
    dialling, dialled = await calls_out(site, "1003", "13900000003")
    given_up, cancelled = await calls_out(site, "1004", "13900000004")

    killed = await site.server.kill()
    talking.talk.forget()
    await talking.talk.wait_hears(TONE)
    await leaving.hang_up()
    await given_up.hang_up()
    dialling.talk.forget()
    await dialling.talk.wait_hears(TONE)
    await site.server.start()
    await site.check_gap(killed, now())

    # as they were, and each once
    await site.state("1001", system="talking")
    assert len(await site.of(f.TalkStarted, call_id=talk)) == 1
    # answered while nobody saw it
    (begun,) = await site.until(f.TalkStarted, call_id=dialled)
    assert begun.agent_id == "1003"
    await site.state("1003", system="talking")
    # over while nobody saw it: who hung up is not guessed, and there is a wrap-up to do
    assert [end.side for end in await site.until(f.CallEnded, call_id=left)] == ["unknown"]
    assert [end.side for end in await site.of(f.TalkEnded, call_id=left)] == ["unknown"]
    await site.state("1002", system="wrap_up")
    assert [end.result for end in await site.until(f.CallNotReached, call_id=cancelled)] == ["unknown"]

    talking.talk.forget()
    await talking.talk.wait_hears(TONE)
    await talking.hang_up()
    assert [end.side for end in await site.until(f.TalkEnded, call_id=talk)] == ["agent"]
    await site.state("1001", system="wrap_up")
    await site.wish("1003", "hang_up")
    assert [end.side for end in await site.until(f.TalkEnded, call_id=dialled)] == ["agent"]
    await site.state("1003", system="wrap_up")
    await site.closed()
    assert [end.side for end in await site.of(f.CallEnded, call_id=talk)] == ["agent"]
    await site.check_timeline()
    for agent_id in ("1001", "1002", "1003"):
        assert len(await site.of(f.WrapUpStarted, agent_id=agent_id)) == 1
    record = await site.record(dialled)
    assert [(visit.result, visit.placed_by, len(visit.talks)) for visit in record.visits] == [("answered", "1003", 1)]


@pytest.mark.skipif(not allowed(), reason="a network of its own needs root")
async def test_a_call_placed_from_the_page_outlives_the_server(network: str, tmp_path: Path) -> None:
    switch = AsteriskInstance(tmp_path / "asterisk", webrtc_address=network)
    phones: dict[str, Any] = {
        "CTI_PHONES__SECRETS": str(switch.softphone_secrets),
        "CTI_PHONES__WEBSOCKET": f"ws://127.0.0.1:{switch.ports.http}/ws",
    }
    async with (
        switch,
        open_browser() as browser,
        open_site(switch, tmp_path, **phones) as site,
        people_outside(site, tmp_path),
    ):
        page = await open_page(browser)
        await sign_in(page, site.server.web, {"login": "1001", "password": site.logins["1001"]})
        await use_softphone(page)
        await page.get_by_test_id("dial-number").fill("139 0000 0002")
        await page.get_by_test_id("dial").click()
        (placed,) = await site.until(f.CallPlaced)
        (talk,) = await site.until(f.TalkStarted, call_id=placed.call_id)
        await page.get_by_test_id("note").fill("told her")
        await site.until(f.CallNoted, call_id=placed.call_id)

        await site.server.kill()
        await marked_as_old(page)
        before = await counts(page)
        await site.server.start()
        assert (await counts(page))["received"] - before["received"] > 50, "the talk went on"
        await connected(page)
        await expect(page.get_by_test_id("caller-name")).to_have_text("李女士")
        await expect(page.get_by_test_id("note")).to_have_value("told her")
        await talk_clock_is_right(page, talk.at)
        await expect(page.get_by_test_id("registration")).to_have_text("Ready for calls")
        await expect(page.get_by_test_id("mute")).to_be_visible()
        await page.get_by_test_id("hang-up").click()
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
        await expect(page.get_by_test_id("mute")).to_have_count(0)
        await site.closed()
        assert [end.side for end in await site.of(f.TalkEnded, call_id=placed.call_id)] == ["agent"]
        wrapped_up = len(await site.of(f.WrapUpEnded))
        await page.get_by_test_id("end-wrap-up").click()
        await expect(page.get_by_test_id("figure-placed")).to_have_text("1 / 1")
        await site.until(f.WrapUpEnded, wrapped_up + 1)
        await site.check_timeline()
        await nothing_missed(page, await site.facts(), "1001")
        await page.close()
