"""The journal against a real database file that is slow, away, or killed with, and a spill file that cannot be written."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from cti_server.bus import Bus
from cti_server.clock import SystemClock
from cti_server.domain.facts import CallArrived, MenuChosen, Recorded
from cti_server.domain.ids import CallId
from cti_server.errors import StorageUnavailable
from cti_server.services.journal import Journal, replay
from cti_server.storage.engine import Database, open_database
from cti_server.storage.facts import SqlFactStore
from cti_server.storage.migrate import migrate
from cti_server.storage.spill import SpillFile

CLOCK = SystemClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_database(f"sqlite+aiosqlite:///{tmp_path}/cti.db")
    await migrate(database)
    yield database
    await database.close()


class Gate:
    """The real store behind a door that can be shut: 'away' refuses, 'slow' holds on until opened."""

    def __init__(self, store: SqlFactStore) -> None:
        self._store = store
        self.away = False
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()

    async def append(self, facts: Sequence[Recorded]) -> None:
        self.asked.set()
        await self.open.wait()
        if self.away:
            raise StorageUnavailable("shut")
        await self._store.append(facts)

    async def last_id(self, server: str) -> int:
        return await self._store.last_id(server)

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


@asynccontextmanager
async def running(store: object, spill: SpillFile, *, memory_facts: int = 1000) -> AsyncIterator[tuple[Bus, Journal]]:
    bus = Bus(CLOCK, "cti")
    journal = Journal(bus, store, spill, CLOCK, batch_millis=10, memory_facts=memory_facts)  # type: ignore[arg-type]
    bus.start_after(await journal.open())
    journal.start()
    try:
        yield bus, journal
    finally:
        await journal.close(within=0.2)


def say(bus: Bus, count: int, call: str = "c") -> list[Recorded]:
    return [
        bus.record(MenuChosen(at=CLOCK.now(), call_id=CallId(call), flow="power", node=f"n{n}", key="1"))
        for n in range(count)
    ]


async def until(condition: object) -> None:
    async with asyncio.timeout(20):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.005)


async def stored(database: Database) -> list[Recorded]:
    return await SqlFactStore(database).after(0, limit=10_000)


async def test_facts_are_stored_in_order_and_none_is_spilled(database: Database, tmp_path: Path) -> None:
    async with running(SqlFactStore(database), SpillFile(tmp_path / "spill")) as (bus, journal):
        told = say(bus, 50)
        await journal.flush()
        assert await stored(database) == told
        assert journal.queued == 0
        assert journal.last_stored_at is not None
    assert [fact async for fact in replay(SqlFactStore(database), told[10].id)] == told[10:]


async def test_what_is_recorded_while_the_database_is_away_is_stored_once_in_order_when_it_is_back(
    database: Database, tmp_path: Path
) -> None:
    store, spill = Gate(SqlFactStore(database)), SpillFile(tmp_path / "spill")
    async with running(store, spill) as (bus, journal):
        told = say(bus, 3)
        await journal.flush()
        store.away = True
        told += say(bus, 40)
        await until(lambda: journal.spilled >= 40 and journal.queued == 0)
        assert journal.away
        store.away = False
        told += say(bus, 5)
        await journal.flush()
        assert await stored(database) == told
        await until(lambda: spill.empty)
    assert (tmp_path / "spill").stat().st_size == 0


async def test_a_slow_database_makes_nobody_wait_and_nothing_is_stored_twice(
    database: Database, tmp_path: Path
) -> None:
    store, spill = Gate(SqlFactStore(database)), SpillFile(tmp_path / "spill")
    async with running(store, spill) as (bus, journal):
        store.open.clear()
        told = say(bus, 10)
        await store.asked.wait()
        told += say(bus, 10)
        await until(lambda: journal.queued == 0)
        store.open.set()
        await journal.flush()
        assert await stored(database) == told
        record = await SqlFactStore(database).load_call(CallId("c"))
        assert record is not None
        assert len(record.menu) == 20


async def test_a_database_locked_by_another_program_is_waited_for(database: Database, tmp_path: Path) -> None:
    async with running(SqlFactStore(database), SpillFile(tmp_path / "spill")) as (bus, journal):
        other = sqlite3.connect(tmp_path / "cti.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        told = say(bus, 30)
        await until(lambda: journal.spilled >= 30)
        other.execute("ROLLBACK")
        other.close()
        await journal.flush()
        assert await stored(database) == told


async def test_what_was_spilled_before_a_crash_is_stored_at_the_next_start_and_ids_go_on(
    database: Database, tmp_path: Path
) -> None:
    store = Gate(SqlFactStore(database))
    store.away = True
    async with running(store, SpillFile(tmp_path / "spill")) as (bus, _):
        told = say(bus, 20)
    assert await stored(database) == []
    with (tmp_path / "spill").open("ab") as file:
        file.write(b'{"id": 99, "server": "cti", "kind": "Menu')  # torn by the crash
    spill = SpillFile(tmp_path / "spill")
    async with running(SqlFactStore(database), spill) as (bus, journal):
        assert bus.last_id == told[-1].id
        await until(lambda: spill.empty)
        told += say(bus, 1)
        await journal.flush()
        assert await stored(database) == told


async def test_a_line_that_cannot_be_read_is_put_aside_and_the_rest_is_stored(
    database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "spill"
    bus = Bus(CLOCK, "cti")
    spill = SpillFile(path)
    spill.open()
    told = say(bus, 2)
    spill.append(told[:1])
    with path.open("ab") as file:
        file.write(b"rubbish\n")
    spill = SpillFile(path)
    spill.open()
    spill.append(told[1:])
    async with running(SqlFactStore(database), SpillFile(path)) as (_, journal):
        await until(lambda: path.stat().st_size == 0)
        assert await stored(database) == told
        assert journal.rejected == 0
    assert (tmp_path / "spill.bad").read_bytes() == b"rubbish\n"


async def test_a_fact_no_database_can_hold_does_not_stop_the_others(database: Database, tmp_path: Path) -> None:
    async with running(SqlFactStore(database), SpillFile(tmp_path / "spill")) as (bus, journal):
        told = say(bus, 3)
        bus.record(MenuChosen(at=CLOCK.now(), call_id=CallId("\ud800"), flow="power", node="n", key="1"))
        told += say(bus, 3)
        await journal.flush()
        assert await stored(database) == told
        assert journal.rejected == 1
    assert json.loads((tmp_path / "spill.bad").read_text())["fact"]["call_id"] == "\ud800"


async def test_without_database_and_file_facts_stay_in_memory_up_to_the_bound_and_the_gap_is_told(
    database: Database, tmp_path: Path
) -> None:
    store = Gate(SqlFactStore(database))
    folder = tmp_path / "spills"
    gaps: list[tuple[int, int, int]] = []
    async with running(store, SpillFile(folder / "spill"), memory_facts=10) as (bus, journal):
        journal.on_gap = lambda since, until, lost: gaps.append((since, until, lost))
        folder.rmdir()
        folder.write_text("a file where the folder was")
        store.away = True
        with structlog.testing.capture_logs() as logs:
            told = say(bus, 25)
            await until(lambda: any(entry["event"] == "spill_unwritable" for entry in logs))
        assert journal.queued == 10
        assert journal.lost == 15
        assert sum(entry["event"] == "journal_full" for entry in logs) == 1
        store.away = False
        await journal.flush()
        assert await stored(database) == told[:10]
        assert gaps[0][0] == told[10].fact.at
        assert gaps[0][2] == 15
        after = say(bus, 1)
        await journal.flush()
        assert (await stored(database))[-1:] == after


async def test_closing_with_the_database_away_keeps_everything_in_the_file(database: Database, tmp_path: Path) -> None:
    store, spill = Gate(SqlFactStore(database)), SpillFile(tmp_path / "spill")
    async with running(store, spill) as (bus, _):
        store.open.clear()
        told = say(bus, 7)
    assert spill.peek(100) == told


# ---- killed with -9 ---------------------------------------------------------------------------------------------

WRITER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from cti_server.bus import Bus
from cti_server.clock import SystemClock
from cti_server import logs
from cti_server.domain.facts import MenuChosen
from cti_server.services.journal import Journal
from cti_server.storage.engine import open_database
from cti_server.storage.facts import SqlFactStore
from cti_server.storage.spill import SpillFile

async def main():
    clock = SystemClock()
    bus = Bus(clock, "cti")
    journal = Journal(bus, SqlFactStore(open_database({url!r})), SpillFile(Path({spill!r})), clock, batch_millis=50)
    bus.start_after(await journal.open())
    journal.start()
    for n in range(1_000_000):
        recorded = bus.record(MenuChosen(at=clock.now(), call_id="c%d" % (n // 20), flow="f", node=str(n), key="1"))
        if n % 10 == 0:
            print(recorded.id, flush=True)
            await asyncio.sleep(0.001)

logs.configure()
{limit}
asyncio.run(main())
"""


async def _killed_writer(tmp_path: Path, after: int, *, lock: bool, limit: str = "") -> list[int]:
    """Ids the writer had recorded when it was killed."""
    script = tmp_path / "writer.py"
    root = str(Path(__file__).parents[2])
    url, spill = f"sqlite+aiosqlite:///{tmp_path}/cti.db", str(tmp_path / "spill")
    script.write_text(WRITER.format(root=root, url=url, spill=spill, limit=limit))
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    other = sqlite3.connect(tmp_path / "cti.db", isolation_level=None)
    ids: list[int] = []
    try:
        while len(ids) < after:
            ids.append(int(await process.stdout.readline()))
            if lock and len(ids) == after // 3:
                other.execute("BEGIN IMMEDIATE")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        rest = await process.stdout.read()
        await process.wait()
        other.close()
    return ids + [int(line) for line in rest.split(b"\n")[:-1] if line]


@pytest.mark.parametrize("lock", [False, True], ids=["database_there", "database_locked"])
async def test_killed_in_mid_write_only_the_last_moment_is_lost(database: Database, tmp_path: Path, lock: bool) -> None:
    """What was recorded half a second before the kill is there: in the database, or in the file and so in it at the next
    start; nothing twice, no hole, and every call record is the fold of its facts."""
    told = await _killed_writer(tmp_path, 400, lock=lock)
    if lock:
        assert (tmp_path / "spill").stat().st_size > 0
    spill = SpillFile(tmp_path / "spill")
    async with running(SqlFactStore(database), spill):
        await until(lambda: spill.empty)
    found = await stored(database)
    nodes = [int(recorded.fact.node) for recorded in found if isinstance(recorded.fact, MenuChosen)]
    assert nodes == list(range(len(nodes)))
    survived = {recorded.id for recorded in found}
    assert all(fact_id in survived for fact_id in told if fact_id < told[-1] - 500_000)
    record = await SqlFactStore(database).load_call(CallId("c1"))
    assert record is not None
    assert [step.node for step in record.menu] == [str(n) for n in range(20, 40)]


async def test_a_disk_that_fills_up_stops_the_file_not_the_server(tmp_path: Path, database: Database) -> None:
    """RLIMIT_FSIZE stands for the full disk: a half-written batch is taken back, so the file stays readable."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))"
    told = await _killed_writer(tmp_path, 400, lock=True, limit=limit)
    assert len(told) >= 400
    spill = SpillFile(tmp_path / "spill")
    largest = spill.open()
    assert (tmp_path / "spill").stat().st_size <= 300_000
    assert largest == 0 or largest in {recorded.id for recorded in spill.peek(10_000)}
    assert not (tmp_path / "spill.bad").exists()


async def test_an_arrival_is_in_the_call_table_at_once(database: Database, tmp_path: Path) -> None:
    async with running(SqlFactStore(database), SpillFile(tmp_path / "spill")) as (bus, journal):
        call = CallId("c1")
        bus.record(
            CallArrived(
                at=CLOCK.now(), call_id=call, node="a", channel="x", uniqueid="1", caller="+8613900000001", did="95598"
            )
        )
        await journal.flush()
        assert await SqlFactStore(database).open_calls() == [call]
