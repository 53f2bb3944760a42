"""Whether the page that carries an agent's softphone is still there.

    open ─ its WebSocket ends ─► missing ─ the same page is back ─► open
                                    │ its sound goes on reaching the switch: only the WebSocket's way is gone, it is waited for
                                    │ silent as well, and the browser ended the WebSocket: lost at once (crash, closed tab)
                                    │ silent as well, and it just did not answer: lost after `phones.lost_seconds`
                                    └─ another page of his opens: lost at once

A page is known by a name it makes up when it loads: the same one back means a short loss of the network, and its talk may go
on; another one means that page is gone, and the talk it carried with it. What happens then is `services/desk.py:phone_cut`'s. A
page that never reached us again is also noticed by the switch: no sound for `rtp_timeout`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from cti_server.errors import CtiError

log = structlog.get_logger(__name__)

LISTEN_AGAIN = 0.5


@dataclass(slots=True)
class Link:
    """One page's socket."""

    page: str
    ended: bool = False
    """The browser has ended it; else it fell silent, or we closed it."""


@dataclass(slots=True)
class _Missing:
    page: str
    task: asyncio.Task[None]


class PageLinks:
    """`lost(agent_id)` is called once for each page that does not come back. `sounds(agent_id)` tells whether the sound of his
    softphone reaches the switch; None = it is in no talk, or nobody can tell."""

    def __init__(
        self, lost: Callable[[str], Awaitable[None]], sounds: Callable[[str], Awaitable[bool | None]], seconds: float
    ) -> None:
        self._lost, self._sounds, self._seconds = lost, sounds, seconds
        self._open: dict[str, list[str]] = {}
        """Agent → pages with an open socket, the newest last."""
        self._missing: dict[str, _Missing] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._closing = False

    @contextmanager
    def open(self, agent_id: str, page: str) -> Iterator[Link]:
        """While this page's socket is open."""
        self._opened(agent_id, page)
        link = Link(page)
        try:
            yield link
        finally:
            self._closed(agent_id, link)

    def close(self) -> None:
        """We stop, the pages do not: from here on no page counts as lost."""
        self._closing = True
        for task in (*self._telling, *(missing.task for missing in self._missing.values())):
            task.cancel()
        self._missing.clear()

    def _opened(self, agent_id: str, page: str) -> None:
        self._open.setdefault(agent_id, []).append(page)
        missing = self._missing.pop(agent_id, None)
        if missing is None:
            return
        missing.task.cancel()
        if missing.page != page:
            self._keep(self._tell(agent_id))

    def _closed(self, agent_id: str, link: Link) -> None:
        pages = self._open[agent_id]
        newest = pages[-1] == link.page
        pages.remove(link.page)
        if self._closing or not newest or link.page in pages:
            return  # another of his pages has the phone by now, or this one has reconnected already
        grace = 0.0 if link.ended else self._seconds
        self._missing[agent_id] = _Missing(link.page, self._keep(self._wait(agent_id, grace)))

    def _keep(self, job: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(job)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
        return task

    async def _wait(self, agent_id: str, grace: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + grace
        while await self._sounds(agent_id) or loop.time() < until:  # noqa: ASYNC110 no event tells when sound stops
            await asyncio.sleep(LISTEN_AGAIN)
        self._missing.pop(agent_id, None)
        await self._tell(agent_id)

    async def _tell(self, agent_id: str) -> None:
        try:
            await self._lost(agent_id)
        except CtiError as error:
            log.warning("lost_page_not_cut", agent=agent_id, error=error.code)
