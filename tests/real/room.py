"""A centre whose people sit in browsers: a real server on a real Asterisk, in a network of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from cti_server.config import PhoneSettings
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import Behaviour
from tests.real.browsers import counts, open_browser, open_page, sign_in, use_softphone
from tests.real.centre import Centre, open_centre, settings
from tests.real.network import allowed, own_network

IN_A_ROOM = [pytest.mark.real, pytest.mark.skipif(not allowed(), reason="a network of its own needs root")]
"""The marks of every test that uses `room`."""
ROOT = Path(__file__).parents[2]
PERSON = "wait 0.5; digits 0; wait {}; hangup"
ANSWERS = Behaviour(answer_after=0.2)


@pytest.fixture(scope="module")
def built() -> None:
    subprocess.run([ROOT / "scripts" / "build"], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def network(built: None) -> Iterator[str]:
    with own_network() as address:
        yield address


@dataclass
class Room:
    """A centre whose agents sit in browsers."""

    centre: Centre
    browser: Browser
    url: str
    logins: dict[str, dict[str, str]]
    database: str

    async def page(self, login: str, *, tone: float | None = None) -> Page:
        """Signed in, in a window of its own."""
        page = await open_page(self.browser, tone=tone)
        await sign_in(page, self.url, self.logins[login])
        return page

    async def agent(self, agent_id: str, *, ready: bool = True, tone: float | None = None) -> Page:
        """An agent with a softphone that is registered."""
        page = await self.page(agent_id, tone=tone)
        await use_softphone(page, ready=ready)
        return page


@pytest.fixture
async def room(network: str, tmp_path: Path) -> AsyncIterator[Room]:
    switch = AsteriskInstance(tmp_path / "asterisk", retry_seconds=3, webrtc_address=network, demo_caller=True)
    async with switch:
        phones = PhoneSettings(secrets=switch.softphone_secrets, websocket=f"ws://127.0.0.1:{switch.ports.http}/ws")
        async with open_centre(switch, tmp_path, phones=phones, demo=True) as centre, open_browser() as browser:
            logins = json.loads((tmp_path / "logins.json").read_text())["logins"]
            url = f"http://127.0.0.1:{centre.server.web_port}"
            database = settings(switch, tmp_path).database.url
            yield Room(centre, browser, url, {one["login"]: one for one in logins}, database)


@asynccontextmanager
async def calling(centre: Centre, seconds: float, **more: str) -> AsyncIterator[None]:
    task = asyncio.create_task(centre.call(PERSON.format(seconds), **more))
    try:
        yield
    finally:
        await task
        await centre.calls_over()


async def flows_both_ways(page: Page, centre: Centre, agent_id: str = "1001") -> None:
    """Packets arrive and leave in the browser, and Asterisk counts both on that agent's leg."""
    async with asyncio.timeout(10):
        while not (counted := await on_the_switch(centre.asterisk, f"{agent_id}w")):
            await asyncio.sleep(0.1)
    before = await counts(page)
    await asyncio.sleep(1.0)
    after, then = await counts(page), await on_the_switch(centre.asterisk, f"{agent_id}w")
    assert after["received"] - before["received"] > 30
    assert after["sent"] - before["sent"] > 30
    assert all(later - sooner > 30 for sooner, later in zip(counted, then, strict=True)), f"{counted} → {then}"


async def on_the_switch(asterisk: AsteriskInstance, endpoint: str) -> list[int]:
    """Packets Asterisk has received from and sent to this endpoint; nothing while it has no leg with media."""
    lines = (await asterisk.cli("pjsip show channelstats")).splitlines()
    legs = [line.split() for line in lines if endpoint in line]
    return [int(leg[place]) for leg in legs if len(leg) > 9 for place in (-9, -5)]
