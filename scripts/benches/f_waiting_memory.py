"""(f) Memory of a waiting call: growth of the server's own memory from no caller to 300 to 600 in one queue.

The server is the real one in its own process, linked to a real (idle) Asterisk; the callers are scripted AGI peers of this
process that stand for Asterisk's channels, because 600 real ones would need the memory and sound of 600 calls. Each walks
the greeting, presses 0 and waits with music, as a real call would. RssAnon from /proc, after STEP calls came and went.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import cast

from centre import Centre, open_centre, resident_kib
from report import Row

from cti_server.domain import facts as f

STEP = 300
SETTLE = 3.0
_numbers = itertools.count(1)


class WaitingCaller(asyncio.Protocol):
    """Answers each command as Asterisk does for a caller who presses 0 at the first prompt and then waits."""

    def __init__(self) -> None:
        self.number = next(_numbers)
        self._pressed = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        caller = f"138{self.number:08}"
        self._transport.write(
            f"agi_network: yes\nagi_network_script: call\nagi_channel: PJSIP/trunk-{self.number:08x}\n"
            f"agi_uniqueid: 1.{self.number}\nagi_callerid: {caller}\nagi_dnid: 95598\nagi_context: cti-serve\n"
            "agi_extension: s\nagi_priority: 5\n\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        for command in data.splitlines():
            if command.startswith(b"WAIT FOR DIGIT"):
                millis = int(command.split()[-1])
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(millis / 1000, self._transport.write, b"200 result=0\n")
            elif command.startswith(b"STREAM FILE") and not self._pressed:
                self._pressed = True
                self._transport.write(b"200 result=48 endpos=8000\n")
            elif command.startswith(b"STREAM FILE"):
                self._transport.write(b"200 result=0 endpos=8000\n")
            elif command.startswith(b"GET VARIABLE"):
                self._transport.write(b"200 result=0\n")
            else:
                self._transport.write(b"200 result=1\n")

    def hang_up(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._transport.close()


async def arrive(centre: Centre, count: int) -> list[WaitingCaller]:
    loop = asyncio.get_running_loop()
    callers = []
    for _ in range(count):
        _, caller = await loop.create_connection(WaitingCaller, "127.0.0.1", centre.agi_port)
        callers.append(caller)
        await asyncio.sleep(0.01)
    return callers


async def waiting(centre: Centre) -> int:
    """Callers in a queue, by the timeline of this run."""
    facts = [one.fact for one in await centre.facts()]
    started = sum(isinstance(fact, f.VisitStarted) for fact in facts)
    return started - sum(isinstance(fact, f.VisitEnded) for fact in facts)


async def measure() -> list[Row]:
    async with open_centre() as centre:
        for caller in await arrive(centre, STEP):
            caller.hang_up()
        await asyncio.sleep(SETTLE)
        before, callers = await waiting(centre), []
        kib = [resident_kib(centre.server)]
        for _ in range(2):
            callers += await arrive(centre, STEP)
            await asyncio.sleep(SETTLE)
            there = await waiting(centre) - before
            if there != len(callers):
                raise SystemExit(f"{there} callers wait instead of {len(callers)}; the server's log: {centre.log}")
            kib.append(resident_kib(centre.server))
        for caller in callers:
            caller.hang_up()
    return rows(kib)


def rows(kib: list[int]) -> list[Row]:
    none, half, full = kib
    return [
        Row("server with nobody waiting", none / 1024, "MiB"),
        Row(f"  each of the first {STEP} waiting calls", (half - none) / STEP, "KiB"),
        Row(f"  each of the next {STEP}", (full - half) / STEP, "KiB", note=f"{full / 1024:.0f} MiB with {2 * STEP}"),
    ]


def run() -> list[Row]:
    return asyncio.run(measure())
