"""The database: SQLite in WAL mode by default, PostgreSQL when set. One address, one set of tables.

Writers take SQLite's write lock at the start of their transaction (BEGIN IMMEDIATE), so that two of them wait for each
other instead of failing in the middle. Every error of the driver leaves here as StorageUnavailable or InvalidValue.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Insert, Table, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from cti_server.errors import BadSettings, Conflict, InvalidValue, StorageUnavailable
from cti_server.storage import one_trip

BUSY_MILLIS = 5_000
"""How long SQLite waits for another writer before it gives up."""
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


class Database:
    """Connections, a transaction at a time."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.url = engine.url
        self._upserts: dict[tuple[str, bool], Insert] = {}

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One consistent view; nothing is kept."""
        with _translated():
            async with self.engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end of the block, rolled back when it raises.

        Raises StorageUnavailable when the database is away, locked or full, InvalidValue when it cannot hold a value,
        Conflict when the value is taken.
        """
        with _translated():
            async with self.engine.connect() as connection:
                await connection.execution_options(cti_write=True)
                async with connection.begin():
                    yield connection

    def upsert(self, table: Table, *, changes: bool = True) -> Insert:
        """INSERT that overwrites the row with the same primary key, or with `changes=False` leaves it as it is.

        Built once a table: the journal needs it with every batch.
        """
        key = (table.name, changes)
        if key not in self._upserts:
            self._upserts[key] = self._upsert(table, changes)
        return self._upserts[key]

    def _upsert(self, table: Table, changes: bool) -> Insert:
        keys = [column.name for column in table.primary_key]
        insert: Any = (sqlite if self.is_sqlite else postgresql).insert(table)
        rest = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys}
        if changes and rest:
            return insert.on_conflict_do_update(index_elements=keys, set_=rest)  # type: ignore[no-any-return]
        return insert.on_conflict_do_nothing(index_elements=keys)  # type: ignore[no-any-return]

    async def close(self) -> None:
        await self.engine.dispose()


class _translated:
    """Driver errors in our words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, IntegrityError):
            raise Conflict(f"the database refuses this row: {error.orig}") from error
        if isinstance(error, DataError):
            raise InvalidValue(f"the database cannot hold this value: {error.orig}") from error
        if isinstance(error, DBAPIError) and _is_value_error(error):
            raise InvalidValue(f"the database cannot hold this value: {error.orig}") from error
        if isinstance(error, SQLAlchemyError | OSError | TimeoutError):
            raise StorageUnavailable(f"the database does not answer: {_reason(error)}") from error


def _is_value_error(error: DBAPIError) -> bool:
    """asyncpg tells a NUL or an unpaired surrogate in text by classes of its own, sqlite3 by UnicodeEncodeError."""
    state = str(getattr(error.orig, "sqlstate", "") or "")
    return state.startswith("22")


def _reason(error: BaseException) -> str:
    """Without the statement and its parameters: those hold personal data."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {cause}".splitlines()[0]


def open_database(url: str) -> Database:
    """An engine for `sqlite+aiosqlite:///path` or `postgresql+asyncpg://user@host/name`; connects on first use.

    Raises BadSettings when the address cannot be right.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadSettings("CTI_DATABASE__URL is no database address; give sqlite+aiosqlite:///var/cti.db") from error
    wanted = DRIVERS.get(parsed.get_backend_name())
    if parsed.drivername != wanted:
        raise BadSettings(f"CTI_DATABASE__URL: {parsed.drivername} is not served; use {' or '.join(DRIVERS.values())}")
    return Database(_sqlite_engine(url) if wanted == DRIVERS["sqlite"] else _postgres_engine(url))


def _postgres_engine(url: str) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=10,
        pool_timeout=10,
        connect_args={"timeout": 10, "command_timeout": 30, "server_settings": {"application_name": "cti-server"}},
    )


def _sqlite_engine(url: str) -> AsyncEngine:
    path = make_url(url).database
    if path and path != ":memory:":
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).touch(mode=0o600)  # it holds personal data; WAL files inherit the mode
        except OSError as error:
            raise BadSettings(f"CTI_DATABASE__URL: cannot write {path}: {error.strerror}") from error
    options = {"timeout": BUSY_MILLIS / 1000, "async_creator_fn": one_trip.connect}
    engine = create_async_engine(url, connect_args=options)
    event.listen(engine.sync_engine, "connect", _on_connect)
    event.listen(engine.sync_engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _: Any) -> None:
    """synchronous=FULL: a stored fact survives a power cut too; one fsync a batch is affordable."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_MILLIS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("cti_write", False)
    driver: Any = connection.connection.driver_connection
    driver.begin("BEGIN IMMEDIATE" if writes else "BEGIN")
