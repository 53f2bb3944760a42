"""Lists people choose from (pause reasons, dispositions) and settings administrators change while the server runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Table, select

from cti_server.storage import tables
from cti_server.storage.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseCode:
    """`zh` and `en` are what the desktop shows."""

    code: str
    zh: str
    en: str
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    """What a call was about, chosen in wrap-up; `queues` empty = offered in every queue."""

    code: str
    zh: str
    en: str
    position: int = 0
    queues: tuple[str, ...] = ()


class SqlChoices:
    """Call `load` at start and after a change; `pause_codes` answers from memory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pause_codes: Sequence[PauseCode] = ()

    async def load(self) -> None:
        self._pause_codes = [PauseCode(**row) for row in await self._rows(tables.pause_codes)]

    def pause_codes(self) -> Sequence[Mapping[str, Any]]:
        return [asdict(code) for code in self._pause_codes]

    async def dispositions(self, queue: str | None = None) -> list[Disposition]:
        """Those offered in a queue; all with None."""
        rows = await self._rows(tables.dispositions)
        found = [Disposition(**{**row, "queues": tuple(row["queues"])}) for row in rows]
        return [d for d in found if queue is None or not d.queues or queue in d.queues]

    async def save_pause_code(self, code: PauseCode) -> None:
        await self._save(tables.pause_codes, asdict(code))
        await self.load()

    async def save_disposition(self, disposition: Disposition) -> None:
        await self._save(tables.dispositions, asdict(disposition) | {"queues": list(disposition.queues)})

    async def setting(self, name: str, default: Any = None) -> Any:
        query = select(tables.settings.c.value).where(tables.settings.c.name == name)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return default if row is None else row.value

    async def save_setting(self, name: str, value: Any) -> None:
        """`value` is JSON."""
        await self._save(tables.settings, {"name": name, "value": value})

    async def _rows(self, table: Table) -> list[dict[str, Any]]:
        async with self._database.read() as connection:
            rows = await connection.execute(select(table).order_by(table.c.position, table.c.code))
            return [row._asdict() for row in rows]

    async def _save(self, table: Table, row: Mapping[str, Any]) -> None:
        async with self._database.write() as connection:
            await connection.execute(self._database.upsert(table), row)
