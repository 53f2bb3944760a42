"""`scripts/demo`: a whole contact centre on this machine, until Ctrl-C.

Order of start: data folder, sample data, Asterisk, server; stopped in reverse. When one of the two ends by itself, the
other is stopped too and the demo ends with status 1. Everything it writes stays in the data folder, so the next start
has the same passwords, data and recordings.
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
from cti_server.lab.asterisk import CARRIER_ADDRESS, CHECKOUT, AsteriskInstance
from cti_server.lab.process import Process

HEALTH_SECONDS = 60.0
STOP_SECONDS = 20.0
PREPARE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Options:
    data: Path
    port_base: int | None
    ready_file: Path | None
    database: str
    webrtc_address: str


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
        "CTI_CALLS__NODE": asterisk.node,
        "CTI_CALLS__HOURS": "always",
        "CTI_DEMO": "true",
    }
    return {**os.environ, **ours, **{name: os.environ[name] for name in MAY_BE_SET if name in os.environ}}


def ready(
    options: Options,
    asterisk: AsteriskInstance,
    server: Process,
    settings: Mapping[str, str],
    sample: Mapping[str, Any],
) -> dict[str, Any]:
    """What programs need to know of a running demo: one JSON object, with the sample data's logins, callers and queues."""
    ports, web = asterisk.ports, f"http://127.0.0.1:{settings['CTI_HTTP__PORT']}"
    return {
        "pid": os.getpid(),
        "data": str(options.data),
        "recordings": settings["CTI_PATHS__RECORDINGS"],
        "database": settings["CTI_DATABASE__URL"],
        "http": {"url": web, "health": f"{web}/api/v1/health"},
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
        "dids": ["95598", "4008"],
        **sample,
    }


def announce(facts: Mapping[str, Any]) -> str:
    """The same for people."""
    sip, asterisk = facts["sip"], facts["asterisk"]
    lines = [
        "",
        f"  desktop and API   {facts['http']['url']}",
        f"  agents' phones    SIP {sip['host']}:{sip['port']} (UDP), {facts['webrtc']['url']} (browser)",
        "  place a call      .venv/bin/cti-server call --to 95598 --from 13900000001",
        f"                    or any SIP phone at {facts['carrier']['call_from']}: sip:95598@{sip['host']}:{sip['port']}",
        f"  data, recordings  {facts['data']}",
        f"  Asterisk's log    {asterisk['folder']}/log/messages.log",
        "",
        "  logins",
        *(f"    {login['login']:<10} {login['password']:<16} {login['role']}" for login in facts["logins"]),
        "",
        "  phones: user and password",
        *(f"    {p['desk']} (desk) {p['browser']} (browser)  {p['password']}" for p in facts["phones"]),
        "",
        "  Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


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
        )
        settings = environment(options, asterisk)
        say("Asterisk")
        await stack.enter_async_context(asterisk)
        say("sample data")
        sample = await sample_data(options, settings)
        say("server")
        server = await stack.enter_async_context(serving(options, settings))
        facts = ready(options, asterisk, server, settings, sample)
        await healthy(server, facts["http"]["health"], options.data / "server.log")
        print(announce(facts), flush=True)
        for path in filter(None, (options.data / "ready.json", options.ready_file)):
            write_whole(path, json.dumps(facts, ensure_ascii=False, indent=2))
            stack.callback(path.unlink, missing_ok=True)
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
) -> None:
    """A whole contact centre on this machine: Asterisk, server, sample data."""
    options = Options(data.resolve(), port_base, ready_file and ready_file.resolve(), database, webrtc_address)
    try:
        asyncio.run(until_signal(options))
    except CtiError as error:
        print(f"demo: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    typer.run(main)
