"""(d) From a fact to the WebSocket client, and from the agent's ringing to the pop on his screen: p50 and p99.

`scripts/bench d` measures twice, with clients in this process over real connections: leaders see every fact, agents their own.

alone       the web application in a process of its own (real bus, hub, HTTP server; the desk is the tests' double), RATE facts/s
under load  the whole server while benchmark c's callers walk the balance story, and others are queued and answered by agents
            with real SIP phones, one process each; ringing is the moment Asterisk saw the phone ring

`python scripts/benches/d_live_push.py --url … --login … --password-file …` attaches to a running server instead and
measures whatever happens there.

An event's id is the moment it was recorded (micros), so latency is the client's clock minus the id, on one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvloop
from c_ivr_load import GOAL_RATE, LENGTH, SETTLE, hold
from centre import open_centre
from report import Row, table

from cti_server.lab.phones import Behaviour, vanishing_phone
from cti_server.lab.sipp import SippCaller

LEADERS, AGENTS = 10, 40
RATE = 500
SECONDS = 8.0
WARM_UP = 1.0
RING_EVERY = 0.05
GOAL_MS = 20.0

DESKS = ("1001", "1002", "1004")
PHONE = Behaviour(answer_after=0.3, hang_up_after=1.5)
ASKING = "wait 0.8; digits 0; wait 25; hangup"
ASK_RATE = 1.0
LOADED_SECONDS = 25.0
LOAD_SECONDS = LENGTH + SETTLE + LOADED_SECONDS


@dataclass
class Measured:
    """Milliseconds."""

    events: list[float] = field(default_factory=list)
    pops: list[float] = field(default_factory=list)

    def rows(self, where: str, cpu: float | None = None) -> list[Row]:
        return [
            *_percentiles(f"fact → client, {where}", self.events, cpu),
            *_percentiles(f"  ringing → pop, {where}", self.pops),
        ]


def _percentiles(what: str, millis: list[float], cpu: float | None = None) -> list[Row]:
    if len(millis) < 2:
        return [Row(what=what, median=float("nan"), unit="ms", note=f"only {len(millis)} seen")]
    p99 = statistics.quantiles(millis, n=100)[98]
    note = f"{len(millis)} messages" + (f", server CPU {cpu:.0%} of a core" if cpu is not None else "")
    return [
        Row(what=f"{what}, p50", median=statistics.median(millis), unit="ms", note=note),
        Row(what=f"{what}, p99", median=p99, unit="ms", goal=f"≤ {GOAL_MS:g} ms", met=p99 <= GOAL_MS),
    ]


# ---- clients ---------------------------------------------------------------------------------------------------


class Watcher:
    """One live connection that measures what it receives."""

    def __init__(self, measured: Measured, start_at: float, wishes: Sequence[str] = ()) -> None:
        self._measured = measured
        self._start_at = start_at
        self._wishes = wishes
        self._rang: int | None = None

    async def watch(self, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect("/api/v1/live") as socket:
            for number, wish in enumerate(("resume", *self._wishes)):
                await socket.send_str(f'{{"id":{number},"do":"{wish}"}}')
            async for message in socket:
                at = time.time_ns() // 1000
                parsed = orjson.loads(message.data)
                for one in parsed if isinstance(parsed, list) else [parsed]:
                    self._take(one, at)

    def _take(self, message: dict[str, Any], at: int) -> None:
        if time.monotonic() < self._start_at:
            return
        if "event" in message:
            self._measured.events.append((at - message["event"]) / 1000)
            if message["kind"] == "OfferRinging":
                self._rang = message["event"]
        elif message.get("pop") and self._rang is not None:
            self._measured.pops.append((at - self._rang) / 1000)
            self._rang = None


async def measure(
    url: str,
    logins: list[tuple[str, str, int]],
    seconds: float,
    *,
    warm_up: float = WARM_UP,
    wishes: Sequence[str] = (),
) -> Measured:
    """`logins`: (login, password, connections); logins of one connection make the `wishes` first."""
    measured = Measured()
    start_at = time.monotonic() + warm_up
    sessions: list[aiohttp.ClientSession] = []
    watching: list[asyncio.Task[None]] = []
    try:
        for login, password, connections in logins:
            session = aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True))
            sessions.append(session)
            async with session.post("/api/v1/session", json={"login": login, "password": password}) as answer:
                if answer.status != 201:
                    raise SystemExit(f"sign-in of {login} refused: {await answer.text()}")
            asked = wishes if connections == 1 else ()
            watchers = [Watcher(measured, start_at, asked) for _ in range(connections)]
            watching += [asyncio.create_task(watcher.watch(session)) for watcher in watchers]
        done, _ = await asyncio.wait(watching, timeout=warm_up + seconds)
        for task in done:
            task.result()
            raise SystemExit("a connection was closed before the end")
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        for session in sessions:
            await session.close()
    return measured


# ---- the server in its own process --------------------------------------------------------------------------------


def serve(pipe: Connection) -> None:
    uvloop.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    from aiohttp import web

    from cti_server.clock import SystemClock
    from tests.web.web_world import make_world

    world = make_world(clock=SystemClock())
    world.desk.pops["1001"] = {"call_id": "call", "caller": "+8613900000001", "path": [], "queue": "repair"}
    runner = web.AppRunner(world.app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    pipe.send(runner.addresses[0][1])
    facts, rings = asyncio.create_task(_facts_flow(world)), asyncio.create_task(_agent_rings(world))
    began, cpu = time.monotonic(), time.process_time()
    await asyncio.to_thread(pipe.recv)
    pipe.send((time.process_time() - cpu) / (time.monotonic() - began))
    for task in (facts, rings):
        task.cancel()
    await asyncio.gather(facts, rings, return_exceptions=True)
    await runner.cleanup()


async def _facts_flow(world: Any) -> None:
    """RATE facts a second, two at a time as calls make them, spread evenly."""
    number, due = 0, time.monotonic()
    while True:
        world.desk.arrive(f"call-{number}")
        number += 1
        due += 2 / RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _agent_rings(world: Any) -> None:
    while True:
        world.desk.ring("1001", "call")
        await asyncio.sleep(RING_EVERY / 2)
        world.desk.end_offer("1001", "caller_gone")
        await asyncio.sleep(RING_EVERY / 2)


# ---- the whole server under the load of benchmark c ---------------------------------------------------------------


async def under_load() -> list[Row]:
    async with open_centre() as centre, AsyncExitStack() as stack:
        for agent in DESKS:
            await stack.enter_async_context(
                vanishing_phone("127.0.0.1", centre.asterisk.ports.sip, agent, centre.asterisk.password(agent), PHONE)
            )
        caller = SippCaller(centre.asterisk.ports.sip)
        calls = round(ASK_RATE * LOAD_SECONDS)
        asking = caller.load(
            "95598", script=ASKING, rate=ASK_RATE, at_once=calls, calls=calls, callers=centre.callers[::-1]
        )
        holding = asyncio.create_task(hold(centre, GOAL_RATE, LOADED_SECONDS))
        queueing = asyncio.create_task(asking)
        logins = [("1900", centre.logins["1900"], LEADERS), *((agent, centre.logins[agent], 1) for agent in DESKS)]
        measured = await measure(
            centre.url, logins, LOADED_SECONDS, warm_up=LENGTH + SETTLE, wishes=("sign_in", "ready")
        )
        (balance, load), asked = await holding, await queueing
    if balance.failed or asked.failed:
        raise SystemExit(f"{balance.failed + asked.failed} calls failed under the load; see benchmark c")
    where = f"under {balance.most_at_once} + {asked.most_at_once} calls, {LEADERS} leaders + {len(DESKS)} agents"
    return measured.rows(where, load.ours)


def alone() -> list[Row]:
    from tests.web.web_world import PASSWORD

    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    server.start()
    try:
        url = f"http://127.0.0.1:{ours.recv()}"
        logins = [("1900", PASSWORD, LEADERS), ("1001", PASSWORD, AGENTS)]
        measured = uvloop.run(measure(url, logins, SECONDS))
        ours.send("stop")
        cpu = float(ours.recv())
    finally:
        server.join(timeout=10)
        server.kill()
    return measured.rows(f"alone, {LEADERS} leaders + {AGENTS} agents at {RATE} facts/s", cpu)


def run() -> list[Row]:
    return [*alone(), *asyncio.run(under_load())]


def main() -> None:
    parser = argparse.ArgumentParser(description="measure a running server")
    parser.add_argument("--url", required=True, help="http://127.0.0.1:8080")
    parser.add_argument("--login", required=True)
    parser.add_argument("--password-file", type=Path, required=True, help="file that holds the password")
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=30.0)
    asked = parser.parse_args()
    logins = [(asked.login, asked.password_file.read_text().strip(), asked.connections)]
    print(
        table(
            "d_live_push",
            uvloop.run(measure(asked.url, logins, asked.seconds)).rows(f"{asked.connections} connections"),
        )
    )


if __name__ == "__main__":
    main()
