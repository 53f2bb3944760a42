"""Which server has which calls when several share a database.

    server:<name>      held by every living server and renewed three times a lease; lapsed = it is gone
    takeover:<node>    held by the one server of an Asterisk that takes up the calls of those that are gone

A call belongs to the server its line reached last, or that took it up. A server cut off from the database for longer than a
lease loses its calls to another while it lives: when it is back it keeps those whose line it has and lets go of the rest.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

import structlog

from cti_server.clock import Clock
from cti_server.domain.calls import CallRecord
from cti_server.domain.facts import CallTakenUp
from cti_server.domain.ids import CallId
from cti_server.domain.leases import Lease
from cti_server.errors import BadSettings, CtiError
from cti_server.ports import SwitchSnapshot
from cti_server.services.calls.live import LiveCall, LiveCalls
from cti_server.services.calls.recovery import Recovery

log = structlog.get_logger(__name__)
BEATS = 3
"""Renewals a lease: two may fail before it lapses."""
LAST_WORDS = 2.0
"""Seconds a server that stops in order keeps its lease: its callers reach the next server meanwhile."""


class Leases(Protocol):
    async def take(self, name: str, holder: str, node: str, seconds: float) -> bool: ...
    async def give_up(self, name: str, holder: str, after: float = 0) -> None: ...
    async def get(self, name: str) -> Lease | None: ...
    async def all(self) -> Sequence[Lease]: ...


class Archive(Protocol):
    async def open_by_server(self) -> Mapping[CallId, str]: ...
    async def load_call(self, call_id: CallId) -> CallRecord | None: ...


class Looking(Protocol):
    """The switch, as far as it is asked here."""

    @property
    def linked(self) -> bool: ...
    async def snapshot(self) -> SwitchSnapshot: ...


class DataFolder:
    """One server a data folder: locked while it lives, whatever becomes of it; `instance` tells folders apart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None
        self.instance = ""

    def lock(self) -> None:
        """Raises BadSettings when a living server has it."""
        file = (self._folder / "server.lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise BadSettings(
                f"another server uses the data folder {self._folder}; stop it or set CTI_PATHS__DATA"
            ) from None
        self._file = file
        file.seek(0)
        self.instance = file.read().strip() or _stamp(file)

    def unlock(self) -> None:
        if self._file is not None:
            self._file.close()


def _stamp(file: IO[str]) -> str:
    instance = uuid.uuid4().hex
    file.write(instance)
    file.flush()
    os.fsync(file.fileno())
    return instance


class Membership:
    """This server's own lease. `sign_in` before anything is stored under its name; `sign_out` after everything is."""

    def __init__(self, leases: Leases, clock: Clock, *, server: str, instance: str, node: str, seconds: float) -> None:
        self._leases, self._clock = leases, clock
        self.server, self.node, self.seconds = server, node, seconds
        self._instance = instance
        self._renewed = 0.0

    @property
    def held(self) -> bool:
        return self._clock.monotonic() - self._renewed < self.seconds

    async def sign_in(self) -> None:
        """Waits out the lease of a server of this name that died elsewhere. Raises BadSettings when it lives."""
        first = await self._leases.get(self._name)
        while not await self._take():
            now = await self._leases.get(self._name)
            if first is not None and now is not None and now.renewed_at != first.renewed_at:
                raise BadSettings(
                    f"a server named {self.server} lives on this database already; stop it or give this one another"
                    " name with CTI_CALLS__SERVER"
                )
            await asyncio.sleep(self.seconds / BEATS / 2)

    async def renew(self) -> bool:
        """False when it had lapsed meanwhile."""
        held = self.held
        if not await self._take():
            log.error("lease_taken_by_namesake", mend="give every server a name of its own with CTI_CALLS__SERVER")
            return False
        return held

    async def sign_out(self) -> None:
        try:
            await self._leases.give_up(self._name, self._instance, LAST_WORDS)
        except CtiError as error:
            log.warning("lease_not_given_up", error=str(error))

    async def _take(self) -> bool:
        asked = self._clock.monotonic()
        taken = await self._leases.take(self._name, self._instance, self.node, self.seconds)
        if taken:
            self._renewed = asked
        return taken

    @property
    def _name(self) -> str:
        return f"server:{self.server}"


class Takeover:
    """`adopt` once at start, then `run`. `servers` are those of this database, each with whether it lives, as last seen."""

    def __init__(
        self,
        own: Membership,
        leases: Leases,
        archive: Archive,
        calls: LiveCalls,
        recovery: Recovery,
        switch: Looking,
        flush: Callable[[], Awaitable[None]],
    ) -> None:
        self._own, self._leases, self._archive, self._flush = own, leases, archive, flush
        self._calls, self._recovery, self._switch = calls, recovery, switch
        self._away = False
        self.servers: dict[str, bool] = {}

    async def adopt(self) -> int:
        """Take up our own open calls from before this start, and those of servers that are gone; how many."""
        await self._look()
        owners = await self._archive.open_by_server()
        own = await self._load([call for call, server in owners.items() if server == self._own.server])
        return self._recovery.adopt(own) + len(await self._take_over(owners))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._own.seconds / BEATS)
            try:
                await self.step()
                self._away = False
            except (CtiError, TimeoutError) as error:
                if not self._away:
                    log.error("lease_not_renewed", error=str(error) or type(error).__name__)
                self._away = True

    async def step(self) -> None:
        """Renew our lease, let go of calls others have, take up those of servers that are gone."""
        if not await self._own.renew():
            log.error("lease_lapsed", server=self._own.server, seconds=self._own.seconds)
        await self._look()
        owners = await self._archive.open_by_server()
        self._settle(owners)
        if not self._switch.linked or all(self._lives(server) for server in owners.values()):
            return
        if taken := await self._take_over(owners):
            self._recovery.compare(taken, await self._switch.snapshot())

    def _settle(self, owners: Mapping[CallId, str]) -> None:
        for live in self._calls:
            owner = owners.get(live.call_id, self._own.server)
            if owner == self._own.server:
                continue
            if live.attached:
                live.note(CallTakenUp, of=owner)
            elif self._lives(owner):
                log.info("call_let_go", call=live.call_id, to=owner)
                self._calls.release(live)

    async def _take_over(self, owners: Mapping[CallId, str]) -> list[LiveCall]:
        """One server at a time: whoever comes second finds the calls taken."""
        gone = {server for server in owners.values() if not self._lives(server)}
        name = f"takeover:{self._own.node}"
        if not gone or not await self._leases.take(name, self._own.server, self._own.node, self._own.seconds):
            return []
        owners = await self._archive.open_by_server()
        taken: list[LiveCall] = []
        for server in sorted(gone):
            records = await self._load([call for call, owner in owners.items() if owner == server])
            ours = [record for record in records if record.channels and record.channels[-1][0] == self._own.node]
            if ours:
                log.warning("calls_taken_over", of=server, calls=len(ours), node=self._own.node)
            taken += self._recovery.take_over(ours, server)
        async with asyncio.timeout(self._own.seconds):
            await self._flush()
        await self._leases.give_up(name, self._own.server)
        return taken

    def _lives(self, server: str) -> bool:
        return server == self._own.server or self.servers.get(server, False)

    async def _look(self) -> None:
        prefix = "server:"
        servers = {
            lease.name.removeprefix(prefix): not lease.lapsed
            for lease in await self._leases.all()
            if lease.name.startswith(prefix)
        }
        if servers != self.servers:
            log.info("servers_on_database", **{word: _named(servers, word == "alive") for word in ("alive", "gone")})
        self.servers = servers

    async def _load(self, calls: Iterable[CallId]) -> list[CallRecord]:
        return [record for call in calls if (record := await self._archive.load_call(call))]


def _named(servers: Mapping[str, bool], alive: bool) -> list[str]:
    return sorted(name for name, lives in servers.items() if lives == alive)
