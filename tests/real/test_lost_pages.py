"""The page with a talk on it crashes, is closed, or loses its network: nobody hears nothing, and nobody is cut.

A crash or closed tab costs the caller no more than a breath of silence; a network that goes without a word is noticed after 1.5 ×
`phones.heartbeat_seconds` and `phones.lost_seconds`. Then he hears music, for `calls.keep_seconds` while his agent may be back.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, expect

from cti_server.domain import facts as f
from tests.real.browsers import counts, open_page
from tests.real.hearing import Caller, caller
from tests.real.network import ADDRESS
from tests.real.room import ANSWERS, IN_A_ROOM, Room, calling, flows_both_ways
from tests.real.test_media import becomes, music

pytestmark = IN_A_ROOM
TONE = 620.0
CRASH_SILENCE = 2.0
"""Measured 0.3 s; the rest is for a busy machine."""


@asynccontextmanager
async def talk(room: Room, seconds: float) -> AsyncIterator[Page]:
    page = await room.agent("1001")
    async with calling(room.centre, seconds):
        await page.get_by_test_id("answer").click()
        await expect(page.get_by_test_id("hang-up")).to_be_visible()
        await flows_both_ways(page, room.centre)
        yield page


async def crash(page: Page) -> None:
    """The renderer's process dies; no handler of the page runs."""
    crashed = asyncio.Event()
    page.on("crash", lambda _: crashed.set())
    session = await page.context.new_cdp_session(page)
    task = asyncio.create_task(session.send("Page.crash"))
    async with asyncio.timeout(10):
        await crashed.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def heard_talk(room: Room) -> AsyncIterator[tuple[Page, Caller]]:
    """A talk whose caller's ear we have; the agent hums all the time, so that silence is a loss."""
    page = await room.agent("1001", tone=TONE)
    async with caller(room.centre) as one:
        await one.press("0", at="main")
        await page.get_by_test_id("answer").click()
        await one.until(f.TalkStarted)
        await flows_both_ways(page, room.centre)
        yield page, one


async def music_comes(one: Caller, within: float) -> float:
    """Until he hears the hold music; the longest silence before it, in seconds, from now on."""
    lost_at = asyncio.get_running_loop().time()
    await becomes(lambda: music(one.ear) > 0.8, "music", within)
    now = asyncio.get_running_loop().time()
    return max((long for at, long in one.ear.silences(now) if at + long > lost_at), default=0.0)


async def test_a_crashed_tab_keeps_the_caller_for_its_agent(room: Room) -> None:
    centre = room.centre
    async with heard_talk(room) as (page, one):
        await crash(page)
        assert await music_comes(one, 8) < CRASH_SILENCE
        again = await open_page(room.browser, page.context)
        await again.goto(room.url)
        await again.get_by_test_id("answer").click()
        await centre.until(f.TalkStarted, 2)
        await flows_both_ways(again, centre)
        await again.get_by_test_id("hang-up").click()
        await centre.until(f.TalkEnded, 2)
        first, second = one.of(f.VisitStarted)
        assert (second.queue, second.entered_at, second.preferred) == (first.queue, first.entered_at, "1001")
    assert len(centre.of(f.CallArrived)) == 1
    await page.context.close()


async def test_who_never_comes_back_loses_his_caller_to_a_colleague_before_all_who_came_later(room: Room) -> None:
    centre = room.centre
    async with heard_talk(room) as (page, one), caller(centre) as later:
        await later.press("0", at="main")
        await later.until(f.VisitStarted)
        await page.context.close()
        await one.until(f.VisitStarted, 2)
        await asyncio.sleep(centre.server.settings.calls.keep_alone_seconds + 1)
        waits = one.of(f.VisitStarted)[1], later.of(f.VisitStarted)[0]
        assert waits[0].priority == waits[1].priority
        colleague = await centre.agent("1002", ANSWERS)
        await one.until(f.TalkStarted, 2)
        assert later.of(f.TalkStarted) == []
        await colleague.hang_up()
    assert [fact.agent_id for fact in one.of(f.TalkStarted)] == ["1001", "1002"]


async def test_a_closed_tab_keeps_the_caller_for_the_next_one(room: Room) -> None:
    centre = room.centre
    async with talk(room, 22) as page:
        await page.close()
        await centre.until(f.VisitStarted, 2)
        again = await open_page(room.browser, page.context)
        await again.goto(room.url)
        await again.get_by_test_id("answer").click()
        await centre.until(f.TalkStarted, 2)
        await again.get_by_test_id("hang-up").click()
        await centre.until(f.TalkEnded, 2)
    assert {fact.agent_id for fact in centre.of(f.TalkStarted)} == {"1001"}
    await page.context.close()


def address(there: bool) -> None:
    """The interface media runs over loses its address, as a Wi-Fi that drops out does."""
    line = f"address {'add' if there else 'del'} {ADDRESS}/24 dev cti0"
    subprocess.run(["ip", *line.split()], check=True)


class Wire:
    """The way between page and server. `cut`: bytes get lost and nobody is told, as on a real network; new ways do not open."""

    def __init__(self, to: int) -> None:
        self._to, self._tasks = to, set[asyncio.Task[None]]()
        self._whole = asyncio.Event()
        self._whole.set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @asynccontextmanager
    async def cut(self) -> AsyncIterator[None]:
        self._whole.clear()
        address(False)
        try:
            yield
        finally:
            address(True)
            self._whole.set()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        for task in (self._copy(reader, back), self._copy(there, writer)):
            kept = asyncio.create_task(task)
            self._tasks.add(kept)
            kept.add_done_callback(self._tasks.discard)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


async def test_a_short_loss_of_the_network_leaves_the_talk_as_it_is(room: Room) -> None:
    centre = room.centre
    async with Wire(centre.server.web_port) as wire:
        room.url = wire.url
        async with talk(room, 26) as page:
            async with wire.cut():
                await asyncio.sleep(2.5)
            async with asyncio.timeout(12):
                while not await sound_moves(page):
                    await asyncio.sleep(0.5)
            await flows_both_ways(page, centre)
            assert len(centre.of(f.TalkStarted)) == 1
            assert centre.of(f.TalkEnded) == []
            await page.get_by_test_id("hang-up").click()
            await centre.until(f.TalkEnded)
        await page.context.close()


async def test_after_a_long_loss_of_the_network_the_agent_gets_his_caller_back(room: Room) -> None:
    """Server and page both find out by themselves; the caller hears music meanwhile, and the agent's phone rings again."""
    centre, phones = room.centre, room.centre.server.settings.phones
    most = 1.5 * phones.heartbeat_seconds + phones.lost_seconds + 1.5
    async with Wire(centre.server.web_port) as wire:
        room.url = wire.url
        async with heard_talk(room) as (page, one):
            async with wire.cut():
                assert await music_comes(one, most + 4) < most
            await page.get_by_test_id("answer").click(timeout=25_000)
            await centre.until(f.TalkStarted, 2)
            await flows_both_ways(page, centre)
            await page.get_by_test_id("hang-up").click()
            await centre.until(f.TalkEnded, 2)
        await page.context.close()
    assert {fact.agent_id for fact in centre.of(f.TalkStarted)} == {"1001"}


async def sound_moves(page: Page) -> bool:
    before = await counts(page)
    await asyncio.sleep(0.5)
    after = await counts(page)
    return bool(after["received"] > before["received"] and after["sent"] > before["sent"])
