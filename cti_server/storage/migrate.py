"""The schema's version: bring it up to date, and refuse one we do not know.

Alembic runs on our own connection in one transaction, so a migration that fails leaves the schema as it was; on
PostgreSQL an advisory lock lets only one of several servers migrate.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from cti_server.errors import BadSettings
from cti_server.storage.engine import Database

ADVISORY_LOCK = 0x637469
FOLDER = Path(__file__).parent / "migrations"


async def migrate(database: Database) -> None:
    """Safe to repeat. Raises BadSettings when the schema is newer than this program, StorageUnavailable."""
    async with database.write() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        await connection.run_sync(_upgrade)


async def check_version(database: Database) -> None:
    """Raises BadSettings unless the schema is exactly the one this program was made for."""
    async with database.read() as connection:
        found = await connection.run_sync(_current)
    _refuse_newer(found)
    if found != _scripts().get_current_head():
        raise BadSettings("the database schema is older than this program; run: cti-server migrate")


def _upgrade(connection: Connection) -> None:
    _refuse_newer(_current(connection))
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(found: str | None) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if found is not None and found not in known:
        raise BadSettings(f"the database schema ({found}) is newer than this program; install the newer cti-server")


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
