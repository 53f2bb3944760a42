"""A whole centre for benchmarks c, d and f: a private Asterisk and `cti_server serve`, each a process of its own.

The server runs as in production (uvloop, SQLite file, recorded prompts). CALLERS customers have an account and a PIN, so
that calls at once do not count each other's tries; the last of the prompts they hear is the amount (no due date).
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from cti_server.clock import SystemClock
from cti_server.domain.accounts import account_number
from cti_server.domain.customers import Account, Customer, Holding
from cti_server.domain.facts import Recorded
from cti_server.domain.ids import CustomerId
from cti_server.lab import demo, sample_data
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.storage.accounts import SqlAccounts
from cti_server.storage.configuration import SqlConfiguration
from cti_server.storage.customers import SqlCustomers
from cti_server.storage.engine import Database, open_database
from cti_server.storage.facts import SqlFactStore
from cti_server.storage.migrate import migrate
from cti_server.storage.pins import PinHasher, pin_key

CALLERS = 120
"""More than start in the time one call takes to be over with its PIN."""
PIN = "246810"
WRAP_UP_SECONDS = 1.0
PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Centre:
    """`callers` are numbers whose owners have an account with PIN `PIN`; `logins` login → password."""

    asterisk: AsteriskInstance
    server: int
    """Process id."""
    url: str
    agi_port: int
    database: str
    callers: Sequence[str]
    logins: Mapping[str, str]
    log: Path

    async def facts(self) -> list[Recorded]:
        """Everything recorded so far that the journal has stored; it waits less than a second to store."""
        await asyncio.sleep(1.0)
        database = open_database(self.database)
        try:
            store, found, since = SqlFactStore(database), list[Recorded](), 0
            while page := await store.after(since, limit=PAGE):
                found += page
                since = page[-1].id
            return found
        finally:
            await database.close()


@asynccontextmanager
async def open_centre() -> AsyncIterator[Centre]:
    with tempfile.TemporaryDirectory(prefix="cti-bench-") as name:
        folder = Path(name)
        asterisk = AsteriskInstance(folder / "asterisk", node="bench")
        options = demo.Options(
            data=folder, port_base=None, ready_file=None, database="", webrtc_address="127.0.0.1", phones=()
        )
        settings = demo.environment(options, asterisk)
        callers, logins = await _fill(settings["CTI_DATABASE__URL"], folder, Path(settings["CTI_PATHS__DATA"]))
        ports = asterisk.ports
        async with asterisk, demo.serving(options, settings) as server:
            url = f"http://127.0.0.1:{ports.web}"
            await demo.healthy(server, f"{url}/api/v1/health", folder / "server.log")
            yield Centre(
                asterisk,
                server.pid,
                url,
                ports.agi,
                settings["CTI_DATABASE__URL"],
                callers,
                logins,
                folder / "server.log",
            )


async def _fill(address: str, folder: Path, data: Path) -> tuple[list[str], dict[str, str]]:
    database = open_database(address)
    try:
        await migrate(database)
        sample = await sample_data.create(database, SystemClock(), folder / "logins.json")
        configuration = SqlConfiguration(database)
        for position, queue in enumerate(await configuration.queues()):
            await configuration.save_queue(replace(queue, wrap_up_seconds=WRAP_UP_SECONDS), position)
        callers = await _customers(database, PinHasher(pin_key(data / "pin.key")))
        return callers, {login["login"]: login["password"] for login in sample["logins"]}
    finally:
        await database.close()


async def _customers(database: Database, pins: PinHasher) -> list[str]:
    accounts, customers = SqlAccounts(database, SystemClock(), pins), SqlCustomers(database)
    numbers = [f"137000{n:05}" for n in range(CALLERS)]
    held = [account_number(2_000_000 + n) for n in range(CALLERS)]
    for number, account in zip(numbers, held, strict=True):
        await accounts.create(Account(number=account, balance_fen=12_850), PIN)
        holding = (Holding(account=account),)
        await customers.create(
            Customer(customer_id=CustomerId(""), name=f"客户{number[-3:]}", phones=(f"+86{number}",), holdings=holding)
        )
    return numbers


# ---- what processes use --------------------------------------------------------------------------------------------


def _children(pid: int) -> list[int]:
    lists = (path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(child) for child in chain.from_iterable(lists)]


def family(pid: int) -> list[int]:
    """A process and all its living descendants."""
    return [pid, *chain.from_iterable(family(child) for child in _children(pid))]


def cpu_seconds_of(pid: int) -> float:
    """User and system time of the process and its living descendants, all threads."""
    return sum(_ticks(one) for one in family(pid)) / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def resident_kib(pid: int) -> int:
    """Memory of this process alone that is in RAM and its own (RssAnon)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("RssAnon")))


@dataclass(frozen=True, slots=True)
class Load:
    """Cores used between two moments."""

    ours: float
    asterisk: float
    others: float
    """Everything else on the machine: callers, and whoever shares it."""


class Meter:
    """`Meter(centre)` starts; `read` tells what was used since."""

    def __init__(self, centre: Centre) -> None:
        assert centre.asterisk.process_id is not None
        self._pids = (centre.server, centre.asterisk.process_id)
        self._since = self._now()

    def _now(self) -> tuple[float, float, float, float]:
        ours, asterisk = (cpu_seconds_of(pid) for pid in self._pids)
        return time.monotonic(), ours, asterisk, _busy_seconds()

    def read(self) -> Load:
        wall, ours, asterisk, busy = (now - then for now, then in zip(self._now(), self._since, strict=True))
        return Load(ours / wall, asterisk / wall, max(0.0, busy - ours - asterisk) / wall)


def _busy_seconds() -> float:
    """All cores: everything but idle, waiting for the disk, and stolen."""
    user, nice, system, _, _, irq, softirq = (int(field) for field in Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
