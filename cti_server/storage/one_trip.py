"""SQLite connections whose statements cost one trip to the connection's thread instead of four.

aiosqlite makes a trip each to open a cursor, execute, fetch and close. Here the
thread does all four at once and hands back what was found. A transaction begins on the trip of its first statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiosqlite

FETCH_SIZE = 64


@dataclass(slots=True)
class _Done:
    """A statement carried out, its cursor closed."""

    rows: list[Any] = field(default_factory=list)
    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None

    def fetchall(self) -> list[_Done]:
        """What aiosqlite's `execute_fetchall` takes for the rows: all of us."""
        return [self]


class _Connection(sqlite3.Connection):
    """Lives in the connection's thread."""

    begin_with = ""
    """What begins the transaction that is due, `BEGIN` or `BEGIN IMMEDIATE`; '' = none is."""

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        self._begin()
        cursor = self.cursor()
        try:
            cursor.execute(sql, parameters)
            rows = cursor.fetchall() if cursor.description else []
            return _Done(rows, cursor.description, cursor.rowcount, cursor.lastrowid)
        finally:
            cursor.close()

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:
        self._begin()
        cursor = self.cursor()
        try:
            cursor.executemany(sql, parameters)
            return _Done(rowcount=cursor.rowcount)
        finally:
            cursor.close()

    def commit(self) -> None:
        self.begin_with = ""
        super().commit()

    def rollback(self) -> None:
        self.begin_with = ""
        super().rollback()

    def _begin(self) -> None:
        how, self.begin_with = self.begin_with, ""
        if how:
            super().execute(how)


class _Cursor:
    """What SQLAlchemy asks of an aiosqlite cursor."""

    arraysize = 1

    def __init__(self, connection: _AsyncConnection) -> None:
        self._connection = connection
        self._done = _Done()

    async def __aenter__(self) -> _Cursor:
        return self

    @property
    def description(self) -> Any:
        return self._done.description

    @property
    def rowcount(self) -> int:
        return self._done.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._done.lastrowid

    async def execute(self, sql: str, parameters: Any = ()) -> _Cursor:
        (self._done,) = await self._connection.execute_fetchall(sql, parameters)  # type: ignore[assignment]
        return self

    async def executemany(self, sql: str, rows: Iterable[Any]) -> _Cursor:
        self._done = _Done(rowcount=(await self._connection.executemany(sql, rows)).rowcount)
        return self

    async def fetchall(self) -> Sequence[Any]:
        rows, self._done.rows = self._done.rows, []
        return rows

    async def close(self) -> None:
        """Closed when it was executed."""


class _AsyncConnection(aiosqlite.Connection):
    def begin(self, how: str) -> None:
        """With the next statement. Raises nothing: a lock that cannot be had is that statement's error."""
        self._conn.begin_with = how  # type: ignore[attr-defined]

    def cursor(self) -> Any:
        return _Cursor(self)


def connect(database: str, **options: Any) -> aiosqlite.Connection:
    """For SQLAlchemy's `async_creator_fn`; `options` are sqlite3.connect's."""
    connection = _AsyncConnection(partial(sqlite3.connect, database, factory=_Connection, **options), FETCH_SIZE)
    connection._thread.daemon = True  # as SQLAlchemy does with its own
    return connection
