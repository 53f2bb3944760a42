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
  const RealConnection = window.RTCPeerConnection;
  const made = [];
  window.RTCPeerConnection = class extends RealConnection {
    constructor(...all) { super(...all); made.push(new WeakRef(this)); }
  };
  Object.defineProperty(window, "connections", { get: () => made.map((one) => one.deref()).filter(Boolean) });
  const RealSocket = window.WebSocket;
  window.heard = [];
  window.WebSocket = class extends RealSocket {
    constructor(...all) {
      super(...all);
      if (!String(all[0]).endsWith("/api/v1/live")) return;
      this.addEventListener("message", ({ data }) => {
        const parsed = JSON.parse(data);
        for (const one of Array.isArray(parsed) ? parsed : [parsed]) {
          if ("event" in one) window.heard.push([one.event, one.kind]);
          if ("reset" in one) window.heard.push([one.reset.last, `reset: ${one.reset.reason}`]);
        }
      });
    }
  };
})();
"""
"""`connections`: media connections not yet collected. `heard`: id and kind of every event the live connection brought, and
for a reset, which joins the page to the stream without replay, the id it stands at."""
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

TONE_MICROPHONE = """(() => {
  const devices = navigator.mediaDevices;
  const real = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (wanted) => {
    await real(wanted);
    const context = new AudioContext();
    const [tone, out] = [context.createOscillator(), context.createMediaStreamDestination()];
    const volume = context.createGain();
    volume.gain.value = 0.3;
    tone.frequency.value = %f;
    tone.connect(volume).connect(out);
    tone.start();
    return out.stream;
  };
})();"""
SHARES = """async (tones) => {
  const live = window.connections.filter((one) => one.connectionState === "connected").at(-1);
  if (live === undefined) return tones.map(() => 0);
  window.ears ??= new AudioContext();
  const analyser = window.ears.createAnalyser();
  analyser.fftSize = 8192;
  analyser.smoothingTimeConstant = 0;
  const source = window.ears.createMediaStreamSource(new MediaStream([live.getReceivers()[0].track]));
  source.connect(analyser);
  await new Promise((resolve) => setTimeout(resolve, 400));
  const found = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(found);
  source.disconnect();
  const power = found.map((decibels) => 10 ** (decibels / 10));
  const all = power.reduce((sum, one) => sum + one, 0);
  if (!(all > 1e-9)) return tones.map(() => 0);
  return tones.map((tone) => {
    const place = Math.round((tone * analyser.fftSize) / window.ears.sampleRate);
    return power.slice(place - 4, place + 5).reduce((sum, one) => sum + one, 0) / all;
  });
}"""


@asynccontextmanager
async def open_browser(microphone: Path | None = None, program: str = CHROMIUM) -> AsyncIterator[Browser]:
    """Its microphone plays `microphone` (48 kHz mono), else Chromium's beeps."""
    flags = [*FLAGS, *MEDIA_FLAGS, *([MIC_FILE.format(microphone)] if microphone else [])]
    async with async_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        browser = await playwright.chromium.launch(executable_path=program, args=flags)
        try:
            yield browser
        finally:
            await browser.close()


async def open_page(browser: Browser, context: BrowserContext | None = None, *, tone: float | None = None) -> Page:
    """`tone` is what its microphone brings, Hz; None = the browser's own."""
    context = context or await browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
    page = await context.new_page()
    await page.add_init_script(WATCH)
    if tone is not None:
        await page.add_init_script(TONE_MICROPHONE % tone)
    page.set_default_timeout(15_000)
    return page


async def sign_in(page: Page, url: str, login: dict[str, str]) -> None:
    await page.goto(url)
    await page.get_by_label("Agent number").fill(login["login"])
    await page.get_by_label("Password").fill(login["password"])
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_test_id("connection")).to_have_text("Connected")


async def use_softphone(page: Page, *, ready: bool = True) -> None:
    """From a signed-in page to one whose phone is registered."""
    await page.get_by_test_id("use-softphone").click()
    await expect(page.get_by_test_id("registration")).to_have_text("Ready for calls")
    if not ready:
        return
    await page.get_by_test_id("try-phone").click()
    await page.get_by_test_id("heard").click()
    await page.get_by_test_id("ready").click()
    await expect(page.get_by_test_id("system")).to_have_text("Available")


async def counts(page: Page) -> dict[str, Any]:
    """Packets of the live media connection, from the browser's own statistics."""
    found: dict[str, Any] = await page.evaluate(COUNTS)
    return found


async def heard(page: Page) -> list[tuple[int, str]]:
    """Every event this page was sent since it was loaded, in order; also `(id, "reset: reason")`."""
    return [(number, kind) for number, kind in await page.evaluate("window.heard")]


async def shares(page: Page, *tones: float) -> list[float]:
    """The share of each tone (Hz) in the power of what this page hears now."""
    found: list[float] = await page.evaluate(SHARES, tones)
    return found
