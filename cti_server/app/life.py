"""What lives as long as the server: closed in the reverse of the order it came."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class Life(AsyncExitStack):
    def keep(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """A task for the server's life: cancelled at its place in the stop order; if it dies, that is logged."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_log_death)
        self.push_async_callback(_cancel, task)


def _log_death(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("task_died", task=task.get_name(), error=repr(error))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
