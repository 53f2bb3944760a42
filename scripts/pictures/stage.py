"""What every picture needs: a demo, a browser, callers, and a page kept as a small PNG in both languages."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, Page, TimeoutError

from cti_server.lab.follow import read_ready
from cti_server.lab.process import Process
from cti_server.lab.sipp import SippCaller
from tests.real.browsers import open_browser

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
COLLEAGUES = ("1001", "1002", "1003")
LANGUAGES = {"zh": "zh-CN", "en": "en"}
SETTLE_SECONDS = 0.4
"""For the last answer to be drawn; pictures are of a page at rest."""
START_SECONDS = 240.0
COLOURS = 200

Say = Callable[[Page, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stage:
    """A demo that runs, and a browser in front of it."""

    facts: dict[str, Any]
    browser: Browser
    own: bool
    """A demo of our own, whose flows may be changed."""

    @property
    def url(self) -> str:
        return str(self.facts["http"]["url"])

    async def blank(self) -> Page:
        context = await self.browser.new_context(viewport={"width": 1280, "height": 720}, locale="zh-CN")
        page = await context.new_page()
        page.set_default_timeout(20_000)
        return page

    async def signed_in(self, login: str) -> Page:
        page = await self.blank()
        password = next(known["password"] for known in self.facts["logins"] if known["login"] == login)
        await page.goto(self.url)
        await page.locator("input[name=login]").fill(login)
        await page.locator("input[name=password]").fill(password)
        await page.locator("button[type=submit]").click()
        await page.get_by_test_id("sign-out").wait_for()
        return page

    @asynccontextmanager
    async def calling(self, *calls: tuple[str, str]) -> AsyncIterator[None]:
        """Real SIP callers (number, script), who hang up at the end."""
        line = SippCaller(self.facts["sip"]["port"])
        tasks = [asyncio.create_task(line.call("95598", caller=number, script=script)) for number, script in calls]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def begin_work(page: Page, *, softphone: bool) -> None:
    """From a signed-in page to an agent who takes calls."""
    ready = page.get_by_test_id("ready")
    await _start(page)
    if softphone:
        await page.get_by_test_id("use-softphone").click()
        await page.locator("[data-test=registration].good").wait_for()
        await page.get_by_test_id("try-phone").click()
        await page.get_by_test_id("heard").click()
    if await ready.get_attribute("aria-pressed") != "true":
        await ready.click()
    await page.locator("[data-test=ready][aria-pressed=true]").wait_for()


@asynccontextmanager
async def colleagues(stage: Stage) -> AsyncIterator[None]:
    """Agents with test phones, signed in and ready."""
    async with AsyncExitStack() as opened:
        for agent in COLLEAGUES:
            page = await stage.signed_in(agent)
            opened.push_async_callback(page.context.close)
            await begin_work(page, softphone=False)
        yield


async def _start(page: Page) -> None:
    """Signing in starts work by itself, unless he was signed in already: then there is a button for it."""
    ready = page.get_by_test_id("ready")
    try:
        await ready.wait_for(timeout=4_000)
    except TimeoutError:
        await page.get_by_test_id("start-work").click()
        await ready.wait_for()


async def keep(page: Page, name: str, *, dark: bool = False, say: Say | None = None) -> None:
    """`docs/images/<name>.<zh|en>[.dark].png`. `say` writes what is typed in that language."""
    for short, language in LANGUAGES.items():
        # a click of the pointer would close what is open
        await page.locator(f"button[lang={language}]").first.evaluate("button => button.click()")
        if say is not None:
            await say(page, short)
        await asyncio.sleep(SETTLE_SECONDS)
        _save(await page.screenshot(), f"{name}.{short}")
        if dark:
            await page.emulate_media(color_scheme="dark")
            _save(await page.screenshot(), f"{name}.{short}.dark")
            await page.emulate_media(color_scheme="light")


def _save(png: bytes, name: str) -> None:
    """A palette is a third of the bytes, and a page has few colours."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    small = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
    small.save(IMAGES / f"{name}.png", optimize=True)
    print(f"  {name}.png", flush=True)


@asynccontextmanager
async def open_stage(demo: Path | None, address: str) -> AsyncIterator[Stage]:
    """On the demo that runs at `demo`, else on one of our own whose media meet at `address`."""
    async with AsyncExitStack() as stack:
        facts = read_ready(demo) if demo else await stack.enter_async_context(_own_demo(address))
        yield Stage(facts, await stack.enter_async_context(open_browser()), own=demo is None)


@asynccontextmanager
async def _own_demo(address: str) -> AsyncIterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="cti-pictures-") as folder:
        data, log = Path(folder) / "demo", Path(folder) / "demo.log"
        command = [sys.executable, "-m", "cti_server.lab.demo", "--data", str(data), "--webrtc-address", address]
        flows = shutil.copytree(ROOT / "ivr_flows", Path(folder) / "flows")
        environment = {**os.environ, "CTI_PATHS__FLOWS": str(flows)}
        phones = ["--phones", ",".join((*COLLEAGUES, "1900"))]
        with log.open("wb") as output:
            process = Process([*command, *phones], output=output, environment=environment)
        try:
            async with asyncio.timeout(START_SECONDS):
                while not (data / "ready.json").is_file():
                    if not process.running:
                        raise SystemExit(log.read_text())
                    await asyncio.sleep(0.1)
            yield read_ready(data)
        finally:
            await process.stop(60)
