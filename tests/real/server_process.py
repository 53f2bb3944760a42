"""Our server as it runs in a centre: a process of its own, which a test can kill; what it did is read from its database."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from cti_server.config import DatabaseSettings
from cti_server.domain.calls import CallRecord, apply
from cti_server.domain.facts import (
    CallArrived,
    CallEnded,
    CallFact,
    CallNotReached,
    CallUnseen,
    Fact,
    GapRecorded,
    Recorded,
    VisitEnded,
    VisitFact,
    to_dict,
)
from cti_server.domain.ids import SECOND, CallId, Micros
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import AgentPhone, Behaviour, PhoneBank
from cti_server.lab.process import Process
from cti_server.lab.sipp import SippCaller
from cti_server.lab.sipp_reports import CallReport
from cti_server.storage.engine import open_database
from cti_server.storage.facts import SqlFactStore
from tests.real.centre import QueueChanges, prepare, settings

F = TypeVar("F", bound=Fact)
PATIENCE = 40.0
UP_SECONDS = 60.0


def now() -> Micros:
    return time.time_ns() // 1000


async def until(test: Callable[[], Awaitable[Any]], what: str, within: float = PATIENCE) -> Any:
    """What `test` says once that is true."""
    try:
        async with asyncio.timeout(within):
            while not (found := await test()):
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {within} s: {what}") from None
    return found


@dataclass
class ServerProcess:
    """`cti-server serve` with settings from the environment. `name` tells two servers of one test apart."""

    environment: Mapping[str, str]
    log: Path
    web: str
    _process: Process | None = None

    async def start(self, *, linked: bool = True) -> None:
        """Until it answers and, unless told otherwise, has its link to the switch."""
        with self.log.open("ab") as log:
            self._process = Process(
                [sys.executable, "-m", "cti_server", "serve"],
                output=log,
                environment={**os.environ, **self.environment},
            )
        process = self._process

        async def up() -> bool:
            assert process.running, self.log.read_text()[-3000:]
            return await self.linked() or (not linked and await self.health() != {})

        await until(up, f"server up; {self.log.read_text()[-2000:]}", UP_SECONDS)

    async def health(self) -> dict[str, Any]:
        try:
            async with aiohttp.ClientSession() as client, client.get(f"{self.web}/api/v1/health") as answer:
                body: dict[str, Any] = await answer.json()
                return body
        except aiohttp.ClientError:
            return {}

    async def linked(self) -> bool:
        return bool((await self.health()).get("switch_linked"))

    async def kill(self) -> Micros:
        """kill -9; when."""
        assert self._process is not None
        at = now()
        assert await self._process.kill() == -9
        return at

    async def stop(self, patience: float = 15.0) -> int:
        """SIGTERM; the exit status, -9 when it did not end in time."""
        return await self._process.stop(patience) if self._process else 0


@dataclass
class Site:
    """A centre whose server can die: Asterisk, phones and callers live in this process, the server in another."""

    asterisk: AsteriskInstance
    server: ServerProcess
    bank: PhoneBank
    caller: SippCaller
    store: SqlFactStore
    logins: Mapping[str, str]
    callers: list[asyncio.Task[CallReport]] = field(default_factory=list)
    _desks: dict[str, aiohttp.ClientSession] = field(default_factory=dict)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    # -- callers and agents ------------------------------------------------------------------------------------

    async def call(self, script: str, *, caller: str, to: str = "95598") -> CallId:
        """A caller rings in and does what his script says; the id of his call."""
        before = len(await self.of(CallArrived))
        self.callers.append(asyncio.create_task(self.caller.call(to, caller=caller, script=script, wait=120)))
        return (await self.until(CallArrived, before + 1))[before].call_id

    async def phone(self, agent_id: str, behaviour: Behaviour | None = None) -> AgentPhone:
        return await self.bank.phone(agent_id, self.asterisk.password(agent_id), behaviour)

    async def agent(self, agent_id: str, behaviour: Behaviour | None = None, *, ready: bool = True) -> AgentPhone:
        """An agent at his desk, his phone registered and seen, signed in and ready."""
        phone = await self.phone(agent_id, behaviour)
        await self.wish(agent_id, "sign_in")
        await self.state(agent_id, system="available")
        if ready:
            await self.wish(agent_id, "ready")
        return phone

    async def wish(self, agent_id: str, wish: str, **arguments: Any) -> None:
        desk = await self._desk(agent_id)
        async with desk.post(f"{self.server.web}/api/v1/agents/me/{wish}", json=arguments) as answer:
            assert answer.status == 200, await answer.text()

    async def me(self, agent_id: str) -> dict[str, Any]:
        """The agent's state as his screen has it."""
        desk = await self._desk(agent_id)
        async with desk.get(f"{self.server.web}/api/v1/agents/me") as answer:
            assert answer.status == 200, await answer.text()
            body: dict[str, Any] = await answer.json()
            return body

    async def state(self, agent_id: str, **wanted: str) -> None:
        """Until the agent's state is like this, e.g. `system="talking"`."""
        last: dict[str, Any] = {}

        async def there() -> bool:
            last.update(await self.me(agent_id))
            return all(last[name] == value for name, value in wanted.items())

        try:
            await until(there, f"{agent_id} {wanted}")
        except AssertionError as error:
            raise AssertionError(f"{error}; but {last}; {await self.kinds()}") from None

    def sign_everybody_out(self) -> None:
        """Screens are opened anew: another server answers now."""
        self._desks.clear()

    async def _desk(self, agent_id: str) -> aiohttp.ClientSession:
        if agent_id not in self._desks:
            desk = await self._stack.enter_async_context(
                aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
            )
            login = {"login": agent_id, "password": self.logins[agent_id]}
            async with desk.post(f"{self.server.web}/api/v1/session", json=login) as answer:
                assert answer.status == 201, await answer.text()
            self._desks[agent_id] = desk
        return self._desks[agent_id]

    # -- the database ------------------------------------------------------------------------------------------

    async def facts(self) -> list[Recorded]:
        """Everything stored, by id."""
        return await self.store.after(0, limit=10_000)

    async def of(self, kind: type[F], **wanted: Any) -> list[F]:
        return [
            r.fact
            for r in await self.facts()
            if isinstance(r.fact, kind) and all(getattr(r.fact, name) == value for name, value in wanted.items())
        ]

    async def kinds(self) -> list[str]:
        return [type(recorded.fact).__name__ for recorded in await self.facts()]

    async def until(self, kind: type[F], count: int = 1, within: float = PATIENCE, **wanted: Any) -> list[F]:
        """Until so many facts of this kind, with these values, are stored."""

        async def there() -> list[F]:
            found = await self.of(kind, **wanted)
            return found if len(found) >= count else []

        try:
            found: list[F] = await until(there, f"{count} {kind.__name__} {wanted}", within)
        except AssertionError as error:
            raise AssertionError(
                f"{error}; facts: {await self.kinds()}; {self.server.log.read_text()[-3000:]}"
            ) from None
        return found

    async def record(self, call_id: CallId) -> CallRecord:
        record = await self.store.load_call(call_id)
        assert record is not None
        return record

    # -- the end -----------------------------------------------------------------------------------------------

    async def hang_up_all(self) -> None:
        """Every caller goes; until the server has closed every call."""
        await self.asterisk.cli("channel request hangup all")
        await self.closed()
        reports = await asyncio.wait_for(asyncio.gather(*self.callers, return_exceptions=True), PATIENCE)
        assert not [report for report in reports if isinstance(report, BaseException)]

    async def abandon_callers(self) -> None:
        """The switch they called is gone; they would wait for its answers."""
        for task in self.callers:
            task.cancel()
        await asyncio.gather(*self.callers, return_exceptions=True)
        self.callers.clear()

    async def true_on_switch(self, line: str, text: str) -> None:
        """Until Asterisk's console answers `line` with something that has `text` in it."""

        async def there() -> bool:
            return text in await self.asterisk.cli(line)

        await until(there, f"{text} in {line}")

    async def closed(self) -> None:
        async def none_open() -> bool:
            return not await self.store.open_calls()

        await until(none_open, "every call closed in the database")

    async def check_timeline(self) -> None:
        """What holds of every timeline, whatever died: facts once and in order, one end a call, one outcome a visit, and the
        stored records are what the stored facts fold to."""
        recorded = await self.facts()
        ids = [r.id for r in recorded]
        assert ids == sorted(set(ids))
        told = Counter((type(r.fact).__name__, json.dumps(to_dict(r.fact), sort_keys=True)) for r in recorded)
        assert not [fact for fact, times in told.items() if times > 1]
        facts = [r.fact for r in recorded]
        calls = {fact.call_id for fact in facts if isinstance(fact, CallFact) and not isinstance(fact, CallUnseen)}
        assert Counter(fact.call_id for fact in facts if isinstance(fact, CallEnded)) == Counter(calls)
        visits = {fact.visit_id for fact in facts if isinstance(fact, VisitFact)}
        ends = [fact.visit_id for fact in facts if isinstance(fact, VisitEnded | CallNotReached)]
        assert Counter(ends) == Counter(visits)
        for call_id in calls:
            folded: CallRecord | None = None
            for fact in facts:
                if isinstance(fact, CallFact) and fact.call_id == call_id:
                    folded = apply(folded, fact)
            assert await self.record(call_id) == folded

    async def check_gap(self, killed: Micros, back: Micros, which: int = 0) -> GapRecorded:
        """The time without a server is on the timeline: it began when it was killed, give or take a heartbeat, and ended when
        the switch was seen again."""
        gap = (await self.until(GapRecorded, which + 1, what="server_down"))[which]
        assert killed - 2 * SECOND <= gap.since <= killed
        assert killed < gap.at <= back
        return gap

    async def close(self) -> None:
        await self.abandon_callers()
        await self._stack.aclose()


def environment(asterisk: AsteriskInstance, folder: Path, database: str = "", **changes: str) -> dict[str, str]:
    """The same settings as an in-process centre has, as variables."""
    wanted = settings(asterisk, folder)
    ours = {
        "CTI_AMI__PORT": str(asterisk.ports.ami),
        "CTI_AMI__USERNAME": asterisk.user,
        "CTI_AMI__PASSWORD": asterisk.secret,
        "CTI_AMI__RECONNECT_MAX_SECONDS": "0.5",
        "CTI_AGI__PORT": str(asterisk.ports.agi),
        "CTI_HTTP__PORT": str(asterisk.ports.web),
        "CTI_DATABASE__URL": database or wanted.database.url,
        "CTI_PATHS__DATA": str(wanted.paths.data),
        "CTI_PATHS__FLOWS": str(wanted.paths.flows),
        "CTI_PATHS__RECORDINGS": str(wanted.paths.recordings),
        "CTI_PATHS__QUEUE_LOG": str(asterisk.queue_log),
        "CTI_CALLS__NODE": asterisk.node,
        "CTI_CALLS__HOURS": "always",
    }
    return ours | changes


def process(asterisk: AsteriskInstance, folder: Path, database: str = "", **changes: str) -> ServerProcess:
    variables = environment(asterisk, folder, database, **changes)
    web = f"http://127.0.0.1:{variables['CTI_HTTP__PORT']}"
    return ServerProcess(variables, folder / f"server-{variables['CTI_HTTP__PORT']}.log", web)


@asynccontextmanager
async def open_site(
    asterisk: AsteriskInstance,
    folder: Path,
    *,
    database: str = "",
    queues: QueueChanges | None = None,
    retry_seconds: int = 60,
    **changes: str,
) -> AsyncIterator[Site]:
    """Sample data, server, phones. Callers wait `retry_seconds` for the server to come back."""
    server = process(asterisk, folder, database, **changes)
    url = server.environment["CTI_DATABASE__URL"]
    logins = await prepare(settings(asterisk, folder, database=DatabaseSettings(url=url)), folder, queues)
    await asterisk.serve_from(f"127.0.0.1:{server.environment['CTI_AGI__PORT']}")
    await asterisk.cli(f"dialplan set global CTI_RETRY_SECONDS {retry_seconds}")
    kept = open_database(url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(kept.close)
        stack.push_async_callback(server.stop)
        await server.start()
        bank = await stack.enter_async_context(PhoneBank("127.0.0.1", asterisk.ports.sip))
        passwords = {login["login"]: login["password"] for login in logins["logins"]}
        site = Site(asterisk, server, bank, SippCaller(asterisk.ports.sip), SqlFactStore(kept), passwords)
        stack.push_async_callback(site.close)
        stack.push_async_callback(_nobody_left, asterisk)
        yield site


async def _nobody_left(asterisk: AsteriskInstance) -> None:
    if asterisk.process_id:
        await asterisk.cli("channel request hangup all")
