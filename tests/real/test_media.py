"""What really reaches the caller's ear, and what the switch counts: mute, hold and keys of the page's phone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
from playwright.async_api import expect

from cti_server.domain import facts as f
from cti_server.lab.pcap import RATE
from tests.real.hearing import Ear, caller
from tests.real.room import IN_A_ROOM, Room, flows_both_ways, on_the_switch

pytestmark = IN_A_ROOM
MUSIC_HZ = 440.0
SPAN = 1.5
"""Chromium's fake microphone beeps once a second; a span holds at least one beep."""


def loudest(ear: Ear) -> float:
    """Of the last SPAN seconds."""
    return float(np.max(np.abs(ear.heard[-round(SPAN * RATE) :]), initial=0.0))


def music(ear: Ear) -> float:
    """Share of the last SPAN seconds' power that is the hold tone."""
    samples = ear.heard[-round(SPAN * RATE) :].astype(np.float64)
    power = float(np.sum(samples**2))
    angles = 2j * np.pi * MUSIC_HZ / RATE * np.arange(len(samples))
    return float(2 * abs(np.sum(samples * np.exp(-angles))) ** 2 / len(samples)) / max(power, 1.0)


async def becomes(test: Callable[[], bool], what: str, within: float = 8) -> None:
    try:
        async with asyncio.timeout(within):
            while not test():
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"the caller does not hear {what}") from None


async def test_the_caller_hears_voice_silence_and_music_and_gets_the_keys(room: Room) -> None:
    centre = room.centre
    page = await room.agent("1001")
    async with caller(centre) as one:
        await one.press("0", at="main")
        await page.get_by_test_id("answer").click()
        await one.until(f.TalkStarted)
        await becomes(lambda: loudest(one.ear) > 500, "the agent")
        await page.get_by_test_id("mute").click()
        await becomes(lambda: loudest(one.ear) < 50, "silence while the agent is muted")
        await page.get_by_test_id("mute").click()
        await becomes(lambda: loudest(one.ear) > 500, "the agent again")
        await page.get_by_test_id("hold").click()
        await one.until(f.HoldStarted)
        await becomes(lambda: music(one.ear) > 0.8, "music on hold")
        await page.get_by_test_id("hold").click()
        await one.until(f.HoldEnded)
        await becomes(lambda: music(one.ear) < 0.3 and loudest(one.ear) > 500, "the agent after the hold")
        await page.get_by_test_id("keypad").locator("summary").click()
        for key in "15#*":
            await page.get_by_test_id(f"key-{key}").click()
        await becomes(lambda: one.ear.keys == "15#*", f"all keys, only {one.ear.keys!r}")
        await page.keyboard.press("Escape")
        await both_legs_count(room)
        await flows_both_ways(page, centre)
        await page.get_by_test_id("hang-up").click()
        await one.until(f.TalkEnded)
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
        await one.hang_up()
    await page.close()


async def both_legs_count(room: Room) -> None:
    """The caller's leg at the trunk, as the switch itself counts: received and sent grow."""
    before = await on_the_switch(room.centre.asterisk, "trunk")
    await asyncio.sleep(1.0)
    after = await on_the_switch(room.centre.asterisk, "trunk")
    assert len(before) == 2
    assert all(later - sooner > 30 for sooner, later in zip(before, after, strict=True)), f"{before} → {after}"
