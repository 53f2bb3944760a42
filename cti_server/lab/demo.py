"""`scripts/demo`: a whole contact centre on this machine, until Ctrl-C.

Order of start: data folder, Asterisk, sample data, server, test phones; stopped in reverse. When Asterisk or the server ends
by itself, all is stopped and the demo ends with status 1; without its test phones it goes on. Everything it writes stays in
the data folder, so the next start has the same passwords, data and recordings.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer

from cti_server.errors import BadSettings, CtiError, Unavailable
from cti_server.lab.announce import announce
from cti_server.lab.asterisk import CARRIER_ADDRESS, CHECKOUT, AsteriskInstance
from cti_server.lab.conf import AGENTS
from cti_server.lab.desk_phones import REGISTERED
from cti_server.lab.process import Process

HEALTH_SECONDS = 60.0
STOP_SECONDS = 20.0
PREPARE_SECONDS = 120.0
PHONES_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Options:
    data: Path
    port_base: int | None
    ready_file: Path | None
    database: str
    webrtc_address: str
    phones: tuple[str, ...]
    traffic: bool = False


MAY_BE_SET = ("CTI_HTTP__PORT", "CTI_PATHS__FLOWS", "CTI_PATHS__RECORDINGS", "CTI_CALLS__HOURS")
"""Settings the demo leaves to whoever starts it; the others tie its parts together."""


def environment(options: Options, asterisk: AsteriskInstance) -> dict[str, str]:
    """The server's settings for this demo, on top of our own environment."""
    ports = asterisk.ports
    ours = {
        "CTI_AMI__PORT": str(ports.ami),
        "CTI_AMI__USERNAME": asterisk.user,
        "CTI_AMI__PASSWORD": asterisk.secret,
        "CTI_AGI__PORT": str(ports.agi),
        "CTI_HTTP__PORT": str(ports.web),
        "CTI_DATABASE__URL": options.database or f"sqlite+aiosqlite:///{options.data}/cti.db",
        "CTI_PATHS__DATA": str(options.data / "server"),
        "CTI_PATHS__FLOWS": str(CHECKOUT / "ivr_flows"),
        "CTI_PATHS__RECORDINGS": str(options.data / "recordings"),
        "CTI_PATHS__QUEUE_LOG": str(asterisk.queue_log),
        "CTI_CALLS__NODE": asterisk.node,
        "CTI_CALLS__HOURS": "always",
        "CTI_PHONES__SECRETS": str(asterisk.softphone_secrets),
        "CTI_PHONES__WEBSOCKET": f"ws://127.0.0.1:{ports.http}/ws",
        "CTI_DEMO": "true",
    }
    return {**os.environ, **ours, **{name: os.environ[name] for name in MAY_BE_SET if name in os.environ}}


def health_of(settings: Mapping[str, str]) -> str:
    return f"http://127.0.0.1:{settings['CTI_HTTP__PORT']}/api/v1/health"


def ready(
    options: Options,
    asterisk: AsteriskInstance,
    server: Process,
    settings: Mapping[str, str],
    sample: Mapping[str, Any],
    phones: tuple[str, ...],
) -> dict[str, Any]:
    """What programs need to know of a running demo: one JSON object, with the sample data's logins, callers and queues."""
    ports, web = asterisk.ports, f"http://127.0.0.1:{settings['CTI_HTTP__PORT']}"
    return {
        "pid": os.getpid(),
        "data": str(options.data),
        "recordings": settings["CTI_PATHS__RECORDINGS"],
        "database": settings["CTI_DATABASE__URL"],
        "http": {"url": web, "health": health_of(settings)},
        "sip": {"host": "127.0.0.1", "port": ports.sip, "transport": "udp"},
        "carrier": {"call_from": CARRIER_ADDRESS, "called_at": f"{CARRIER_ADDRESS}:{ports.carrier}"},
        "webrtc": {"url": f"ws://127.0.0.1:{ports.http}/ws"},
        "ami": {"host": "127.0.0.1", "port": ports.ami, "username": asterisk.user, "password": asterisk.secret},
        "server": {"pid": server.pid, "log": str(options.data / "server.log")},
        "agi": {"host": "127.0.0.1", "port": int(settings["CTI_AGI__PORT"])},
        "asterisk": {"node": asterisk.node, "pid": asterisk.process_id, "folder": str(asterisk.folder)},
        "phones": [
            {"agent": agent, "desk": agent, "browser": f"{agent}w", "password": asterisk.password(agent)}
            for agent in asterisk.agents
        ],
        "test_phones": list(phones),
        "hours": settings["CTI_CALLS__HOURS"],
        "dids": ["95598", "4008"],
        **sample,
    }


def write_whole(path: Path, content: str) -> None:
    """Readers see the old file or the new one, never half of it. It holds passwords: for its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.touch(mode=0o600)
    part.write_text(content)
    part.replace(path)


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """One demo a data folder. Raises BadSettings when another runs there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadSettings(f"a demo already runs on {folder}; give this one another --data folder") from None
        yield


async def sample_data(options: Options, settings: Mapping[str, str]) -> dict[str, Any]:
    """Logins and accounts of the sample data, which is created once per data folder."""
    logins = options.data / "logins.json"
    command = ["demo-data", "--logins", str(logins)] if not logins.is_file() else ["migrate"]
    with (options.data / "prepare.log").open("ab") as log:
        process = server_process(command, settings, log)
        async with asyncio.timeout(PREPARE_SECONDS):
            status = await process.wait()
    if status:
        raise Unavailable(f"cti-server {command[0]} failed:\n{tail(options.data / 'prepare.log')}")
    sample: dict[str, Any] = json.loads(logins.read_text())
    return sample


def server_process(command: list[str], settings: Mapping[str, str], log: Any) -> Process:
    return Process([sys.executable, "-m", "cti_server", *command], output=log, environment=settings)


@asynccontextmanager
async def serving(options: Options, settings: Mapping[str, str]) -> AsyncIterator[Process]:
    with (options.data / "server.log").open("ab") as log:
        process = server_process(["serve"], settings, log)
    try:
        yield process
    finally:
        await process.stop(STOP_SECONDS)


@asynccontextmanager
async def desk_phones(options: Options, asterisk: AsteriskInstance) -> AsyncIterator[tuple[str, ...]]:
    """Phones that answer by themselves; yields those that do. The demo is worth having without them: it says why and goes on."""
    if not options.phones:
        yield ()
        return
    log, base = options.data / "phones.log", asterisk.ports.base
    passwords = json.dumps({user: asterisk.password(user) for user in options.phones})
    command = [sys.executable, "-m", "cti_server.lab.desk_phones", "--at", f"127.0.0.1:{asterisk.ports.sip}"]
    with log.open("wb") as output:
        process = Process(
            [*command, "--rtp", str(base + 10), str(base + 89)],
            output=output,
            environment={**os.environ, "CTI_PHONE_PASSWORDS": passwords},
        )
    try:
        up = await _registered(process, log)
        if not up:
            print(f"  the test phones are not up, going on without them:\n{tail(log, 3)}", flush=True)
        yield options.phones if up else ()
    finally:
        await process.stop(STOP_SECONDS)


@asynccontextmanager
async def traffic(options: Options) -> AsyncIterator[None]:
    """Callers and agents at work (lab/traffic.py). The demo goes on without them; their log says why they ended."""
    with (options.data / "traffic.log").open("wb") as log:
        process = Process([sys.executable, "-m", "cti_server.lab.traffic", str(options.data)], output=log)
    try:
        yield
    finally:
        await process.stop(STOP_SECONDS)


async def _registered(process: Process, log: Path) -> bool:
    until = time.monotonic() + PHONES_SECONDS
    while process.running and time.monotonic() < until:
        if tail(log, 1) == REGISTERED:
            return True
        await asyncio.sleep(0.1)
    return False


async def healthy(process: Process, url: str, log: Path) -> None:
    """Until the server says it serves calls. Raises Unavailable with its last words."""
    started = time.monotonic()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as client:
        while time.monotonic() - started < HEALTH_SECONDS:
            if not process.running:
                raise Unavailable(f"the server ended at its start:\n{tail(log)}")
            try:
                async with client.get(url) as answer:
                    if answer.status == 200 and (await answer.json())["status"] == "ok":
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.1)
    raise Unavailable(f"the server was not up after {HEALTH_SECONDS:.0f} s:\n{tail(log)}")


def tail(path: Path, lines: int = 20) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


async def run(options: Options) -> None:
    """Start all, then wait until a child dies. Raises Unavailable with its last words; cancelled, it stops all."""
    async with AsyncExitStack() as stack:
        stack.enter_context(owned(options.data))
        asterisk = AsteriskInstance(
            options.data / "asterisk",
            node="demo",
            port_base=options.port_base,
            music="tune",
            webrtc_address=options.webrtc_address,
            demo_caller=True,
        )
        settings = environment(options, asterisk)
        say("Asterisk")
        await stack.enter_async_context(asterisk)
        say("sample data")
        sample = await sample_data(options, settings)
        say("server")
        server = await stack.enter_async_context(serving(options, settings))
        await healthy(server, health_of(settings), options.data / "server.log")
        say("test phones")
        phones = await stack.enter_async_context(desk_phones(options, asterisk))
        facts = ready(options, asterisk, server, settings, sample, phones)
        print(announce(facts), flush=True)
        for path in filter(None, (options.data / "ready.json", options.ready_file)):
            write_whole(path, json.dumps(facts, ensure_ascii=False, indent=2))
            stack.callback(path.unlink, missing_ok=True)
        if options.traffic:
            await stack.enter_async_context(traffic(options))
        await first_death(asterisk, server, options)


async def first_death(asterisk: AsteriskInstance, server: Process, options: Options) -> None:
    waits = [asyncio.create_task(asterisk.wait()), asyncio.create_task(server.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if waits[0].done():
        raise Unavailable(f"Asterisk ended by itself:\n{tail(asterisk.log)}")
    raise Unavailable(f"the server ended by itself:\n{tail(options.data / 'server.log')}")


def say(step: str) -> None:
    print(f"→ {step}", flush=True)


async def until_signal(options: Options) -> None:
    """Run; Ctrl-C and SIGTERM stop in order, also in the middle of the start."""
    running = asyncio.create_task(run(options))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        print("stopped", flush=True)


def wanted_phones(text: str) -> tuple[str, ...]:
    """Raises BadSettings for an agent the demo does not have."""
    wanted = () if text == "none" else tuple(filter(None, (part.strip() for part in text.split(","))))
    if unknown := set(wanted) - set(AGENTS):
        raise BadSettings(f"--phones: no agent {', '.join(sorted(unknown))}; the demo has {', '.join(AGENTS)}")
    return wanted


def main(
    data: Annotated[Path, typer.Option(envvar="CTI_DEMO_DATA", help="folder of everything the demo keeps")] = CHECKOUT
    / "var/demo",
    port_base: Annotated[
        int | None,
        typer.Option(envvar="CTI_DEMO_PORT_BASE", help="first of 1000 ports, e.g. 15000; else a free block is taken"),
    ] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option(envvar="CTI_DEMO_READY_FILE", help="JSON with addresses, ports and logins, once all is up"),
    ] = None,
    database: Annotated[
        str, typer.Option(envvar="CTI_DEMO_DATABASE", help="SQLAlchemy address; else SQLite in the data folder")
    ] = "",
    webrtc_address: Annotated[
        str, typer.Option(envvar="CTI_DEMO_WEBRTC_ADDRESS", help="address at which browsers reach media")
    ] = "127.0.0.1",
    phones: Annotated[
        str,
        typer.Option(
            envvar="CTI_DEMO_PHONES", help="agents whose desk phone answers by itself; 'none' for your own phones"
        ),
    ] = "1001,1002,1003,1004",
    traffic: Annotated[
        bool,
        typer.Option("--traffic", envvar="CTI_DEMO_TRAFFIC", help="callers by the handful, and agents who take them"),
    ] = False,
) -> None:
    """A whole contact centre on this machine: Asterisk, server, sample data."""
    try:
        options = Options(
            data.resolve(),
            port_base,
            ready_file and ready_file.resolve(),
            database,
            webrtc_address,
            wanted_phones(phones),
            traffic,
        )
        asyncio.run(until_signal(options))
    except CtiError as error:
        print(f"demo: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    typer.run(main)
