"""What all the rest stands on: settings, clock, the database, the timeline on it, our name among the servers that share it."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from cti_server.app.life import Life
from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.config import Settings
from cti_server.domain.facts import GapRecorded
from cti_server.domain.ids import Micros
from cti_server.errors import BadSettings, StorageUnavailable
from cti_server.services.journal import Journal
from cti_server.services.takeover import DataFolder, Membership
from cti_server.storage.engine import Database, open_database
from cti_server.storage.facts import SqlFactStore
from cti_server.storage.leases import SqlLeases
from cti_server.storage.migrate import migrate
from cti_server.storage.spill import SpillFile

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    settings: Settings
    clock: Clock
    database: Database
    leases: SqlLeases
    membership: Membership
    facts: SqlFactStore
    bus: Bus
    journal: Journal


async def open_ground(settings: Settings, clock: Clock, life: Life) -> Ground:
    """Database at the newest schema, our name on the timeline ours alone, the journal on the bus. Raises BadSettings."""
    settings.paths.data.mkdir(parents=True, exist_ok=True)
    database = await _open_database(settings, life)
    leases = SqlLeases(database)
    membership = await _sign_in(settings, leases, clock, life)
    facts, bus = SqlFactStore(database), Bus(clock, settings.calls.server)

    def lost(since: Micros, until: Micros, count: int) -> None:
        """Neither database nor disk took facts for a while: the timeline says so."""
        log.error("facts_lost", count=count)
        bus.record(GapRecorded(at=until, what="journal", node=bus.server, since=since))

    journal = Journal(
        bus,
        facts,
        SpillFile(settings.paths.data / "spill.jsonl"),
        clock,
        batch_millis=settings.database.batch_millis,
        memory_facts=settings.database.memory_facts,
        on_gap=lost,
    )
    bus.start_after(await journal.open())
    journal.start()
    life.push_async_callback(journal.close)
    return Ground(
        settings=settings,
        clock=clock,
        database=database,
        leases=leases,
        membership=membership,
        facts=facts,
        bus=bus,
        journal=journal,
    )


async def _open_database(settings: Settings, life: Life) -> Database:
    database = open_database(settings.database.url)
    life.push_async_callback(database.close)
    try:
        await migrate(database)
    except StorageUnavailable as error:
        address = database.url.render_as_string(hide_password=True)
        raise BadSettings(f"{error}; start the database at {address} or correct CTI_DATABASE__URL") from error
    return database


async def _sign_in(settings: Settings, leases: SqlLeases, clock: Clock, life: Life) -> Membership:
    """From here on nobody takes up our calls."""
    folder = DataFolder(settings.paths.data)
    folder.lock()
    life.callback(folder.unlock)
    membership = Membership(
        leases,
        clock,
        server=settings.calls.server,
        instance=folder.instance,
        node=settings.calls.node,
        seconds=settings.database.lease_seconds,
    )
    await membership.sign_in()
    life.push_async_callback(membership.sign_out)
    return membership
