from __future__ import annotations

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from cti_server.errors import BadSettings, StorageUnavailable
from cti_server.storage.engine import Database, open_database
from cti_server.storage.migrate import check_version, migrate
from cti_server.storage.tables import metadata


def _difference(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


async def test_migrations_make_exactly_the_tables_of_the_program(database: Database) -> None:
    async with database.read() as connection:
        assert await connection.run_sync(_difference) == []


async def test_the_comparison_sees_a_difference(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE agents ADD COLUMN shoe_size INTEGER"))
    async with database.read() as connection:
        assert await connection.run_sync(_difference) != []


async def test_migrating_twice_or_from_two_servers_at_once_is_one_migration(empty_database: Database) -> None:
    await asyncio.gather(migrate(empty_database), migrate(empty_database))
    await migrate(empty_database)
    await check_version(empty_database)


async def test_a_newer_schema_is_refused(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BadSettings, match="newer"):
        await check_version(database)
    with pytest.raises(BadSettings, match="newer"):
        await migrate(database)


async def test_a_database_never_migrated_is_refused_with_the_command_that_mends_it(empty_database: Database) -> None:
    with pytest.raises(BadSettings, match="cti-server migrate"):
        await check_version(empty_database)


async def test_a_migration_that_fails_leaves_nothing_behind(empty_database: Database) -> None:
    async with empty_database.write() as connection:
        await connection.execute(text("CREATE TABLE visits (in_the_way INTEGER)"))
    with pytest.raises(StorageUnavailable):
        await migrate(empty_database)
    async with empty_database.read() as connection:
        assert await connection.run_sync(lambda c: inspect(c).get_table_names()) == ["visits"]


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:///x.db", "postgresql://x/y", "nonsense"])
def test_an_address_that_cannot_be_served_says_what_to_use(url: str) -> None:
    with pytest.raises(BadSettings, match="CTI_DATABASE__URL"):
        open_database(url)


async def test_an_absent_postgresql_is_unavailable_not_a_crash(unused_tcp_port: int) -> None:
    database = open_database(f"postgresql+asyncpg://cti@127.0.0.1:{unused_tcp_port}/none")
    with pytest.raises(StorageUnavailable):
        await migrate(database)
    await database.close()
