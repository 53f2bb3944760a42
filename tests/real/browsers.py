"""Agents and newcomers in real browsers, for tests on a real Asterisk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.browser.conftest import CHROMIUM, FLAGS

MEDIA_FLAGS = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
MIC_FILE = "--use-file-for-fake-audio-capture={}"
WATCH = """
(() => {
  const Real = window.RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...all) { super(...all); window.connections.push(this); }
  };
})();
"""
COUNTS = """async () => {
  const counts = { received: 0, sent: 0, level: 0 };
  for (const connection of window.connections) {
    if (connection.connectionState !== "connected") continue;
    for (const report of (await connection.getStats()).values()) {
      if (report.type === "inbound-rtp") { counts.received += report.packetsReceived; counts.level = report.audioLevel ?? 0; }
      if (report.type === "outbound-rtp") counts.sent += report.packetsSent;
    }
  }
  return counts;
}"""


@asynccontextmanager
async def open_browser(microphone: Path | None = None) -> AsyncIterator[Browser]:
    """Its microphone plays `microphone` (48 kHz mono), else Chromium's beeps."""
    flags = [*FLAGS, *MEDIA_FLAGS, *([MIC_FILE.format(microphone)] if microphone else [])]
    async with async_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield browser
        finally:
            await browser.close()


async def open_page(browser: Browser, context: BrowserContext | None = None) -> Page:
    context = context or await browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
    page = await context.new_page()
    await page.add_init_script(WATCH)
    page.set_default_timeout(15_000)
    return page


async def sign_in(page: Page, url: str, login: dict[str, str]) -> None:
    await page.goto(url)
    await page.get_by_label("Agent number").fill(login["login"])
    await page.get_by_label("Password").fill(login["password"])
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_test_id("connection")).to_have_text("Connected")


async def use_softphone(page: Page) -> None:
    """From a signed-in page to one that is ready for calls."""
    await page.get_by_test_id("use-softphone").click()
    await expect(page.get_by_test_id("registration")).to_have_text("Ready for calls")
    await page.get_by_test_id("ready").click()
    await expect(page.get_by_test_id("system")).to_have_text("Available")


async def counts(page: Page) -> dict[str, Any]:
    """Packets of the live media connection, from the browser's own statistics."""
    found: dict[str, Any] = await page.evaluate(COUNTS)
    return found
