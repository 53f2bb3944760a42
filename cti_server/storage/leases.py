"""Leases: a name that one holder has until a time, unless he renews it. Time is the database's own, so that servers whose
clocks differ agree on what has lapsed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, cast, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cti_server.domain.ids import SECOND, Micros
from cti_server.domain.leases import Lease
from cti_server.storage import tables
from cti_server.storage.engine import Database

UNIX_EPOCH = 2_440_587.5
"""1970-01-01 as a Julian day."""
DAY_SECONDS = 86_400


class SqlLeases:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, name: str, holder: str, node: str, seconds: float) -> bool:
        """Take or renew it; False while another holder has it. Raises StorageUnavailable."""
        column = tables.leases.c
        async with self._database.write() as connection:
            now = await self._now(connection)
            row = {"holder": holder, "node": node, "renewed_at": now, "expires_at": now + round(seconds * SECOND)}
            free = or_(column.holder == holder, column.expires_at <= now)
            taken = await connection.execute(update(tables.leases).where(column.name == name, free).values(row))
            if taken.rowcount:
                return True
            fresh = self._database.upsert(tables.leases, changes=False)
            return bool((await connection.execute(fresh, {"name": name, **row})).rowcount)

    async def give_up(self, name: str, holder: str, after: float = 0) -> None:
        """It lapses so many seconds from now, when it is still his."""
        column = tables.leases.c
        async with self._database.write() as connection:
            until = await self._now(connection) + round(after * SECOND)
            own = (column.name == name, column.holder == holder)
            await connection.execute(update(tables.leases).where(*own).values(expires_at=until))

    async def get(self, name: str) -> Lease | None:
        return next(iter(await self._read(tables.leases.c.name == name)), None)

    async def all(self) -> Sequence[Lease]:
        """Lapsed ones too, by name."""
        return await self._read(true())

    async def _read(self, where: ColumnElement[bool]) -> list[Lease]:
        async with self._database.read() as connection:
            now = await self._now(connection)
            rows = await connection.execute(select(tables.leases).where(where).order_by(tables.leases.c.name))
            return [_lease(row, now) for row in rows]

    async def _now(self, connection: AsyncConnection) -> Micros:
        if self._database.is_sqlite:
            seconds = (func.julianday("now") - UNIX_EPOCH) * DAY_SECONDS
        else:
            seconds = func.extract("epoch", func.clock_timestamp())
        return int(await connection.scalar(select(cast(seconds * SECOND, BigInteger))) or 0)


def _lease(row: Row[Any], now: Micros) -> Lease:
    return Lease(row.name, row.holder, row.node, row.renewed_at, row.expires_at, row.expires_at <= now)
