"""Somebody at the carrier whom the centre calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cti_server.lab.sipp_reports import CallReport
from tests.real.centre import Centre

STAYS = "wait 30"


@asynccontextmanager
async def outside(centre: Centre, script: str = STAYS, *, after: float = 0.5, refuse: int = 0) -> AsyncIterator[None]:
    """Somebody at the carrier who is called once; all is over after the block."""
    listening: asyncio.Task[CallReport] = asyncio.create_task(
        centre.caller.called(centre.asterisk.ports.carrier, script=script, after=after, refuse=refuse)
    )
    await asyncio.sleep(0.5)  # sipp says nowhere that it listens
    try:
        yield
    finally:
        await centre.calls_over()
        listening.cancel()
        await asyncio.wait({listening})
