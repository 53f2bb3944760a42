"""What the stories of the shipped flow share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from cti_server import logs
from cti_server.clock import SystemClock
from cti_server.domain import facts as f
from cti_server.domain.orders import Ticket
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.storage.engine import open_database
from cti_server.storage.tickets import SqlTickets
from tests.real.centre import Centre, open_centre

KNOWN, KNOWN_ACCOUNT, KNOWN_PIN = "13900000002", "10000026", "135790"
OPEN_ORDER, ELDERLY, STRANGER = "13900000001", "13900000003", "13800007777"


@asynccontextmanager
async def logged_centre(asterisk: AsteriskInstance, folder: Path) -> AsyncIterator[Centre]:
    """A centre whose log is `folder`/server.log."""
    with (folder / "server.log").open("w") as log:
        logs.configure("debug", to=log)
        async with open_centre(asterisk, folder) as opened:
            yield opened
    structlog.reset_defaults()


async def together(*stories: Awaitable[None]) -> None:
    """All at once; every story that goes wrong is told."""
    results = await asyncio.gather(*stories, return_exceptions=True)
    wrong = [result for result in results if isinstance(result, BaseException)]
    if wrong:
        raise BaseExceptionGroup(f"{len(wrong)} of {len(results)} stories", wrong)


async def ticket(folder: Path, fact: f.TicketCreated) -> Ticket:
    """What the database holds of it."""
    database = open_database(f"sqlite+aiosqlite:///{folder}/cti.db")
    try:
        return await SqlTickets(database, SystemClock()).get(fact.ticket_id)
    finally:
        await database.close()
