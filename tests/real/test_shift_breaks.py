"""What breaks under a page in the middle of the work: the server is killed, the page's network is pulled. The talk goes on, what
is shown is marked as old meanwhile, and afterwards it is right without a reload, and no event was missed or came twice.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from cti_server.config import HttpSettings
from cti_server.domain import facts as f
from cti_server.domain.facts import Recorded
from cti_server.domain.ids import AgentId
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.web.live.views import concerns
from tests.browser.conftest import CHROMIUM
from tests.real.browsers import counts, heard, open_browser, open_page, sign_in, use_softphone
from tests.real.centre import open_centre
from tests.real.network import NEAR, network_beyond
from tests.real.room import ANSWERS, IN_A_ROOM, PERSON
from tests.real.server_process import open_site

pytestmark = IN_A_ROOM
NOTE = "die Leitung 线路 📞"
MORE = "\nwritten while the server was away"


def visible(facts: Sequence[Recorded], login: str, everything: bool, after: int) -> list[tuple[int, str]]:
    """Ids and kinds of the stored facts this person's page should have been sent since it joined."""
    return [
        (one.id, type(one.fact).__name__)
        for one in facts
        if one.id > after and (everything or login in concerns(one.fact))
    ]


async def nothing_missed(page: Page, facts: Sequence[Recorded], login: str, *, everything: bool = False) -> None:
    """The page joined once, and then got every stored fact it may see, once and in order."""
    (joined, how), *events = await heard(page)
    assert how == "reset: new"
    assert events == visible(facts, login, everything, joined)


async def marked_as_old(page: Page) -> None:
    await expect(page.get_by_test_id("reconnecting")).to_be_visible(timeout=20_000)
    await expect(page.locator(".stale").first).to_be_visible()


async def writes_and_mutes_without_a_server(page: Page) -> None:
    """What needs no server stays in reach, what does need one does not."""
    await page.get_by_test_id("note").fill(NOTE + MORE)
    await page.get_by_test_id("mute").click()
    await expect(page.get_by_test_id("mute")).to_have_attribute("aria-pressed", "true")
    await page.get_by_test_id("mute").click()
    await page.keyboard.press("Alt+9")
    await expect(page.get_by_test_id("system")).to_have_text("Talking")


async def connected(page: Page) -> None:
    await expect(page.get_by_test_id("connection")).to_have_text("Connected", timeout=20_000)
    await expect(page.get_by_test_id("reconnecting")).to_have_count(0)


def seconds(shown: str) -> int:
    minutes, rest = re.fullmatch(r"(\d+):(\d\d)", shown.strip()).groups()  # type: ignore[union-attr]
    return 60 * int(minutes) + int(rest)


async def talk_clock_is_right(page: Page, started: int) -> None:
    shown = seconds(await page.locator(".in-hand .clock").inner_text())
    assert abs(shown - (time.time_ns() // 1000 - started) / 1e6) < 2


async def test_the_server_is_killed_in_the_middle_of_a_talk_in_the_page(network: str, tmp_path: Path) -> None:
    switch = AsteriskInstance(tmp_path / "asterisk", webrtc_address=network)
    async with switch, open_browser() as browser:
        phones: dict[str, Any] = {
            "CTI_PHONES__SECRETS": str(switch.softphone_secrets),
            "CTI_PHONES__WEBSOCKET": f"ws://127.0.0.1:{switch.ports.http}/ws",
        }
        async with open_site(switch, tmp_path, **phones) as site:
            page, board = await open_page(browser), await open_page(browser)
            for one, login in ((page, "1001"), (board, "1900")):
                await sign_in(one, site.server.web, {"login": login, "password": site.logins[login]})
            await board.get_by_test_id("view-board").click()
            await use_softphone(page)
            call = await site.call(PERSON.format(90), caller="13900000002")
            await page.get_by_test_id("answer").click()
            (talk,) = await site.until(f.TalkStarted, call_id=call)
            await page.get_by_test_id("note").fill(NOTE)
            await site.until(f.CallNoted, call_id=call)

            await site.server.kill()
            await marked_as_old(page)
            await marked_as_old(board)
            await writes_and_mutes_without_a_server(page)
            before = await counts(page)
            await site.server.start()
            after = await counts(page)
            assert after["received"] - before["received"] > 50, "the talk went on"
            await connected(page)
            await connected(board)
            await expect(page.get_by_test_id("system")).to_have_text("Talking")
            await expect(page.get_by_test_id("caller-name")).to_have_text("李女士")
            await expect(page.get_by_test_id("note")).to_have_value(NOTE + MORE)
            await expect(page.get_by_test_id("note-state")).to_have_text("Saved", timeout=15_000)
            await talk_clock_is_right(page, talk.at)
            await expect(board.get_by_test_id(f"call-{call}")).to_be_visible()

            await expect(page.get_by_test_id("registration")).to_have_text("Ready for calls")
            await page.get_by_test_id("hang-up").click()
            await site.until(f.TalkEnded, call_id=call)
            await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
            await expect(page.get_by_test_id("mute")).to_have_count(0)
            await page.get_by_test_id("end-wrap-up").click()
            await expect(page.get_by_test_id("system")).to_have_text("Available")
            await site.hang_up_all()
            await expect(board.get_by_test_id("board-calls").locator("tbody tr")).to_have_count(0)
            await site.check_timeline()
            facts = await site.facts()
            await nothing_missed(page, facts, "1001")
            await nothing_missed(board, facts, "1900", everything=True)
            await page.close()
            await board.close()


async def shown(page: Page) -> str:
    """All the page says, clocks left out."""
    return re.sub(r"\d+:\d\d(:\d\d)?", "", await page.locator("main").inner_text())


async def test_the_pages_network_is_pulled_while_calls_come_and_go(network: str, tmp_path: Path) -> None:
    with network_beyond() as beyond:
        program = tmp_path / "chromium"
        program.write_text(f'#!/bin/sh\nexec {" ".join(beyond.run)} {CHROMIUM} "$@"\n')
        program.chmod(0o755)
        switch = AsteriskInstance(tmp_path / "asterisk")
        async with switch, open_centre(switch, tmp_path, http=HttpSettings(host=NEAR, port=0)) as centre:
            stored: list[Recorded] = []
            centre.server.bus.subscribe(stored.append)
            async with open_browser(program=str(program)) as browser:
                logins = {one["login"]: one for one in json.loads((tmp_path / "logins.json").read_text())["logins"]}
                url = f"http://{NEAR}:{centre.server.web_port}"
                page, board = await open_page(browser), await open_page(browser)
                for one, login in ((page, "1001"), (board, "1900")):
                    await sign_in(one, url, logins[login])
                await board.get_by_test_id("view-board").click()
                phone = await centre.agent("1001", ANSWERS)
                await expect(page.get_by_test_id("system")).to_have_text("Available")

                first = asyncio.create_task(centre.call(PERSON.format(60)))
                await phone.answers()
                await expect(page.get_by_test_id("caller-name")).to_have_text("李女士")
                beyond.pull()
                await phone.hang_up()
                await centre.until(f.TalkEnded)
                centre.server.floor.end_wrap_up(AgentId("1001"))
                second = asyncio.create_task(centre.call(PERSON.format(60), caller="13900000003"))
                waits = asyncio.create_task(centre.call(PERSON.format(60), caller="13900000001"))
                await phone.answers()
                await centre.until(f.TalkStarted, 2)
                await centre.until(f.VisitStarted, 3)
                await marked_as_old(page)
                await marked_as_old(board)
                await expect(page.get_by_test_id("caller-name")).to_have_text("李女士")
                beyond.plug()
                await connected(page)
                await connected(board)
                await expect(page.get_by_test_id("caller-name")).to_have_text("王奶奶")
                assert (await heard(page))[-1][0] == visible(stored, "1001", False, 0)[-1][0]
                fresh = await open_page(browser, board.context)
                await fresh.goto(url)
                await fresh.get_by_test_id("view-board").click()
                assert await shown(board) == await shown(fresh)
                await switch.cli("channel request hangup all")
                await asyncio.gather(first, second, waits)
                await centre.calls_over()
                await expect(board.get_by_test_id("board-calls").locator("tbody tr")).to_have_count(0)
                await nothing_missed(page, stored, "1001")
                await nothing_missed(board, stored, "1900", everything=True)
