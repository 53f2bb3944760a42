"""Menus, languages and who calls: stories of the shipped flow that run side by side on one centre."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cti_server.domain import facts as f
from cti_server.lab.asterisk import AsteriskInstance
from tests.real.centre import Centre
from tests.real.hearing import caller
from tests.real.ivr_world import (
    ELDERLY,
    KNOWN_ACCOUNT,
    KNOWN_PIN,
    OPEN_ORDER,
    STRANGER,
    logged_centre,
    together,
)

pytestmark = [pytest.mark.real, pytest.mark.timeout(170)]


@pytest.fixture
async def centre(asterisk: AsteriskInstance, tmp_path: Path) -> AsyncIterator[Centre]:
    async with logged_centre(asterisk, tmp_path) as opened:
        yield opened


async def chinese_first(centre: Centre) -> None:
    async with caller(centre, STRANGER) as one:
        await one.asked("main")
        await one.listened()
        await one.press("*")
        await one.listened()
        await one.press("4")
        await one.press("#", at="information")
        await one.press("9", at="main")
        await one.asked("main")
        await one.listened()
        await one.hang_up()
    assert len(await one.heard_node("greeting")) == 1
    assert len(await one.heard(("For English, press 9.",), "en")) == 1, "the offer of English is spoken in English"
    assert len(await one.heard_node("main")) == 2, "star says it again; after # it was cut short by the key"
    assert len(await one.heard_node("main", "en")) == 1
    assert [(x.node, x.key) for x in one.of(f.MenuChosen)] == [("main", "4"), ("information", "#"), ("main", "9")]
    assert [x.language for x in one.of(f.LanguageChosen)] == ["en"]
    one.check_never_silent()


async def english_first(centre: Centre) -> None:
    async with caller(centre, STRANGER, to="4008") as one:
        await one.asked("main")
        await one.listened()
        await one.press("4")
        await one.press("2", at="information")
        await one.asked("information")
        await one.press("0")
        visit = await one.until(f.VisitStarted)
        await one.hang_up()
    assert visit.queue == "english"
    assert len(await one.heard_node("greeting", "en")) == len(await one.heard_node("main", "en")) == 1
    assert not await one.heard_node("greeting", "zh")
    one.check_never_silent()


async def barge_in(centre: Centre) -> None:
    """A key in the middle of the welcome is the answer to the menu that would have come."""
    async with caller(centre, STRANGER) as one:
        await asyncio.sleep(0.5)
        await one.press("3")
        await one.press("2", at="complaint")
        visit = await one.until(f.VisitStarted, within=8)
        await one.hang_up()
    assert visit.queue == "general"
    assert not await one.heard_node("main")


async def burst(centre: Centre) -> None:
    """The whole way to the balance typed in one go before the first prompt is over, with a # after each number."""
    async with caller(centre, STRANGER) as one:
        await one.press(f"2{KNOWN_ACCOUNT}#{KNOWN_PIN}#")
        await one.until(f.LookupDone, node="find_balance", outcome="found")
        await one.asked("balance_more")
        await one.listened()
        await one.hang_up()
    assert [x.node for x in one.of(f.NodeEntered)][:4] == ["main", "balance_account", "pin", "balance_more"]
    assert not one.of(f.InputMissed), "the habitual # belongs to its number"


async def information(centre: Centre) -> None:
    async with caller(centre, STRANGER) as one:
        await one.press("4", at="main")
        for key in "123":
            await one.press(key, at="information")
            await one.listened()
        await one.hang_up()
    assert await one.heard_node("fees")
    assert await one.heard_node("opening_hours")
    assert one.of(f.LookupDone, node="find_notices")
    one.check_never_silent()


async def repeat_caller(centre: Centre) -> None:
    async with caller(centre, OPEN_ORDER) as one:
        await one.asked("main")
        await one.listened()
        await one.press("6")
        urged = await one.until(f.TicketUrged)
        await one.asked("more")
        await one.listened()
        await one.hang_up()
    state = await centre.server.calling.lookups.lookup(
        "customers", "open_order", {"customer_id": one.of(f.CallerIdentified)[0].customer_id}
    )
    assert urged.number == state["number"]
    assert urged.ticket_id == state["ticket_id"]
    told = [
        await one.heard_node(f"order_{name}", order_number=urged.number) for name in ("received", "assigned", "on_site")
    ]
    assert sum(map(len, told)) == 1, "the order's state, once"
    assert not one.of(f.TicketCreated), "no second order"
    one.check_never_silent()


async def elderly(centre: Centre) -> None:
    async with caller(centre, ELDERLY) as one:
        visit = await one.until(f.VisitStarted)
        await asyncio.sleep(2.5)
        await one.hang_up()
    assert visit.queue == "general"
    assert not [x for x in one.of(f.NodeEntered) if x.node == "main"]
    assert one.of(f.VisitEnded)[0].outcome == "abandoned"
    one.check_never_silent()


async def danger(centre: Centre) -> None:
    async with caller(centre, STRANGER) as one:
        await one.press("1", at="main")
        await one.press("3", at="fault")
        visit = await one.until(f.VisitStarted)
        await one.hang_up()
    assert visit.queue == "emergency"
    assert visit.priority >= 40


async def withheld(centre: Centre) -> None:
    async with caller(centre, "anonymous") as one:
        await one.press("2", at="main")
        await one.asked("balance_account")
        await one.hang_up()
    assert one.of(f.CallArrived)[0].caller == ""
    assert not one.of(f.CallerIdentified)


async def silent(centre: Centre) -> None:
    """He presses nothing at all: helped, then taken to a person; never hung up on."""
    async with caller(centre, STRANGER) as one:
        visit = await one.until(f.VisitStarted, within=100)
        assert not one.of(f.CallEnded)
        await one.hang_up()
    assert visit.queue == "general"
    assert [x.reason for x in one.of(f.InputMissed, node="main")] == ["timeout"] * 3


async def test_menus_and_who_calls(centre: Centre) -> None:
    menus = (chinese_first, english_first, barge_in, burst, information)
    callers = (repeat_caller, elderly, danger, withheld, silent)
    await together(*(story(centre) for story in (*menus, *callers)))
    await centre.calls_over()
