"""The server as a whole: start order is the order of `Server._start`, stop order its reverse."""

from __future__ import annotations

import asyncio
import gc
import signal
from typing import Any, Self

import structlog

from cti_server import __version__
from cti_server.app.calling import build_calling
from cti_server.app.ground import open_ground
from cti_server.app.life import Life
from cti_server.app.pages import build_pages
from cti_server.app.running import open_calls, open_switch, restore
from cti_server.app.site import health_of, open_web, prompts_url
from cti_server.clock import Clock, SystemClock
from cti_server.config import Settings
from cti_server.speech.speaker import from_settings

log = structlog.get_logger(__name__)
GARBAGE_OBJECTS = 10_000
"""New objects between two looks for garbage: a call makes some ten thousand in its life."""


class Server:
    """`async with Server(settings)`: everything runs inside, everything is stopped after, in reverse order.

    Its parts are there once it has started.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._life = Life()
        self.web_port = 0

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._life.aclose()
            raise
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._life.aclose()

    async def _start(self) -> None:
        settings, life = self.settings, self._life
        self.ground = ground = await open_ground(settings, self._clock, life)
        speaker = from_settings(settings, prompts_url(settings.http))
        life.push_async_callback(speaker.close)
        await speaker.reload()
        self.calling = calling = await build_calling(ground, speaker, life)
        self.pages = pages = await build_pages(ground, calling, life)
        self._running = await restore(ground, calling, pages, life)
        await open_switch(calling, self._running, life)
        agi_port = await open_calls(settings, calling, pages, self._running, life)
        self.web_port = await open_web(ground, calling, pages, self.health, life)
        self.bus, self.speaker, self.switch, self.flows = ground.bus, speaker, calling.switch, calling.flows
        self.calls, self.acd, self.floor = calling.calls, calling.acd, calling.floor
        self.desk, self.work, self.leader = pages.desk, pages.work, pages.leader
        log.info("serving", version=__version__, web=self.web_port, agi=agi_port)

    async def health(self) -> dict[str, Any]:
        return health_of(self.ground, self.calling, self._running)


async def serve(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM. Raises BadSettings when it cannot start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    async with Server(settings):
        _spare_collector()
        await stop.wait()
        log.info("stopping")


def _spare_collector() -> None:
    """What is here now stays for the process's life; the garbage collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 20)
