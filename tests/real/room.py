"""A centre whose people sit in browsers: a real server on a real Asterisk, in a network of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from cti_server.config import PhoneSettings
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import Behaviour
from tests.real.browsers import counts, open_browser, open_page, sign_in, use_softphone
from tests.real.centre import Centre, open_centre
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

    async def agent(self, agent_id: str) -> Page:
        page = await open_page(self.browser)
        await sign_in(page, self.url, self.logins[agent_id])
        await use_softphone(page)
        return page


@pytest.fixture
async def room(network: str, tmp_path: Path) -> AsyncIterator[Room]:
    switch = AsteriskInstance(tmp_path / "asterisk", retry_seconds=3, webrtc_address=network, demo_caller=True)
    async with switch:
        phones = PhoneSettings(secrets=switch.softphone_secrets, websocket=f"ws://127.0.0.1:{switch.ports.http}/ws")
        async with open_centre(switch, tmp_path, phones=phones, demo=True) as centre, open_browser() as browser:
            logins = json.loads((tmp_path / "logins.json").read_text())["logins"]
            url = f"http://127.0.0.1:{centre.server.web_port}"
            yield Room(centre, browser, url, {one["login"]: one for one in logins})


@asynccontextmanager
async def calling(centre: Centre, seconds: float, **more: str) -> AsyncIterator[None]:
    task = asyncio.create_task(centre.call(PERSON.format(seconds), **more))
    try:
        yield
    finally:
        await task
        await centre.calls_over()


async def flows_both_ways(page: Page, centre: Centre) -> None:
    """Packets arrive and leave in the browser, and Asterisk counts both on the agent's leg."""
    before: dict[str, Any] = await counts(page)
    await asyncio.sleep(1.0)
    after = await counts(page)
    assert after["received"] - before["received"] > 30
    assert after["sent"] - before["sent"] > 30
    legs = [
        line.split() for line in (await centre.asterisk.cli("pjsip show channelstats")).splitlines() if "1001w" in line
    ]
    assert legs, "the agent's leg is on the switch"
