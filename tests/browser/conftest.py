"""A real Chromium against the real web application; only the desk behind it is a double."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from playwright.async_api import Browser, Page, async_playwright

from cti_server.clock import SystemClock
from tests.web.web_world import PASSWORD, World, make_world

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Site:
    """The application on a port of its own; `restart` plays a new server process on the same database."""

    def __init__(self) -> None:
        self.port = unused_port()
        self.world: World = make_world(clock=SystemClock())
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._runner = web.AppRunner(self.world.app, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def restart(self) -> World:
        """Facts and sessions are kept, agents' states are folded from the facts, as the services do at their start."""
        before = self.world
        self.world = make_world(clock=SystemClock(), facts=before.facts)
        self.world.users.sessions = before.users.sessions
        self.world.desk.pops, self.world.desk.records = before.desk.pops, before.desk.records
        for recorded in before.facts.stored:
            self.world.desk.fold(recorded)
        await self.start()
        return self.world


@pytest.fixture(scope="session")
def built() -> None:
    subprocess.run([ROOT / "scripts" / "build"], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
async def site(built: None) -> AsyncIterator[Site]:
    running = Site()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of 1280×720 in English that fails the test on any script error or refused resource."""
    context = await browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
    opened = await context.new_page()
    opened.set_default_timeout(10_000)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda line: wrong.append(line.text) if "Content Security Policy" in line.text else None)
    yield opened
    await context.close()
    assert not wrong


async def sign_in(page: Page, site: Site, login: str = "1001", password: str = PASSWORD) -> None:
    await page.goto(site.url)
    await page.get_by_label("Agent number").fill(login)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
