"""Whether the page that carries an agent's softphone is still there.

    open ─ its WebSocket closes ─► missing ─ the same page is back ─► open
                                      └─ `phones.lost_seconds` pass, or another page of his opens ─► lost

A page is known by a name it makes up when it loads: the same one back means a short loss of the network, and its talk may go
on; another one means that page is gone (reload, crash, closed), and the talk it carried with it. What happens then is
`services/desk.py:phone_cut`'s. A page that never reached us again is also noticed by the switch: no sound for `rtp_timeout`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from cti_server.errors import CtiError

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Missing:
    page: str
    timer: asyncio.TimerHandle


class PageLinks:
    """`lost(agent_id)` is called once for each page that does not come back."""

    def __init__(self, lost: Callable[[str], Awaitable[None]], seconds: float) -> None:
        self._lost, self._seconds = lost, seconds
        self._open: dict[str, list[str]] = {}
        """Agent → pages with an open socket, the newest last."""
        self._missing: dict[str, _Missing] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._closing = False

    @contextmanager
    def open(self, agent_id: str, page: str) -> Iterator[None]:
        """While this page's socket is open."""
        self._opened(agent_id, page)
        try:
            yield
        finally:
            self._closed(agent_id, page)

    def close(self) -> None:
        """We stop, the pages do not: from here on no page counts as lost."""
        self._closing = True
        for missing in self._missing.values():
            missing.timer.cancel()
        self._missing.clear()
        for task in self._telling:
            task.cancel()

    def _opened(self, agent_id: str, page: str) -> None:
        self._open.setdefault(agent_id, []).append(page)
        missing = self._missing.pop(agent_id, None)
        if missing is None:
            return
        missing.timer.cancel()
        if missing.page != page:
            self._tell(agent_id)

    def _closed(self, agent_id: str, page: str) -> None:
        pages = self._open[agent_id]
        newest = pages[-1] == page
        pages.remove(page)
        if self._closing or not newest or page in pages:
            return  # another of his pages has the phone by now, or this one has reconnected already
        loop = asyncio.get_running_loop()
        self._missing[agent_id] = _Missing(page, loop.call_later(self._seconds, self._too_late, agent_id))

    def _too_late(self, agent_id: str) -> None:
        self._missing.pop(agent_id, None)
        self._tell(agent_id)

    def _tell(self, agent_id: str) -> None:
        task = asyncio.create_task(self._say(agent_id))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _say(self, agent_id: str) -> None:
        try:
            await self._lost(agent_id)
        except CtiError as error:
            log.warning("lost_page_not_cut", agent=agent_id, error=error.code)
