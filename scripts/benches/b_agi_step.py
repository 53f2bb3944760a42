"""(b) One IVR step over FastAGI: our server and Line against a bare asyncio echo that sends the same commands.

A step is what a menu does: keep the checkpoint (SET VARIABLE), play a prompt (STREAM FILE), wait for a key (WAIT FOR DIGIT).
The scripted Asterisk answers at once; rounds of both take turns in one process, so noise meets both alike.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import cast

import uvloop
from report import Row

from cti_server.asterisk.agi.server import AgiServer
from cti_server.config import AgiSettings
from cti_server.ports import Line

STEPS = 300
ROUNDS = 15
OPENING = (
    b"agi_network: yes\nagi_network_script: call\nagi_channel: PJSIP/trunk-1\nagi_uniqueid: 1.1\nagi_callerid: 13900000001\n"
    b"agi_dnid: 95598\nagi_context: cti-serve\nagi_extension: s\nagi_priority: 5\n\n"
)
SOUND = "/var/lib/cti/prompts/zh/0123456789abcdef"
TICKET = '{"flow": "power_zh", "node": "main", "tries": 1}'
KEYS = "0123456789*#D"


async def our_step(line: Line) -> None:
    await line.set_variables({"CTI_TICKET": TICKET})
    await line.play([SOUND])
    await line.wait_key(5)


async def our_call(line: Line) -> None:
    for _ in range(STEPS):
        await our_step(line)
    await line.leave(done=True)


async def bare_call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The least an AGI peer can do in asyncio: write a line, read a line."""
    while (await reader.readline()).strip():
        pass
    quoted = TICKET.replace('"', '\\"')
    commands = [
        f'SET VARIABLE __CTI_TICKET "{quoted}"\n'.encode(),
        f"STREAM FILE {SOUND} {KEYS}\n".encode(),
        b"WAIT FOR DIGIT 5000\n",
    ]
    for command in commands * STEPS:
        writer.write(command)
        await reader.readline()
    writer.close()


class ScriptedAsterisk(asyncio.Protocol):
    """Answers every command at once; `done` when the server has left."""

    def __init__(self) -> None:
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self._transport.write(OPENING)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"STREAM"):
            self._transport.write(b"200 result=49 endpos=8000\n")
        elif data.startswith(b"WAIT"):
            self._transport.write(b"200 result=49\n")
        else:
            self._transport.write(b"200 result=0\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self.done.set_result(None)


async def call_seconds(port: int) -> tuple[float, float]:
    """Wall and CPU seconds of one call of STEPS steps."""
    loop = asyncio.get_running_loop()
    wall, cpu = time.perf_counter(), time.process_time()
    _, client = await loop.create_connection(ScriptedAsterisk, "127.0.0.1", port)
    await client.done
    return time.perf_counter() - wall, time.process_time() - cpu


async def measure() -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    server = AgiServer(AgiSettings(port=0, max_calls=10), "bench", our_call)
    await server.start()
    bare = await asyncio.start_server(bare_call, "127.0.0.1", 0)
    bare_port = bare.sockets[0].getsockname()[1]
    ours, theirs = [], []
    for _ in range(ROUNDS + 1):
        theirs.append(await call_seconds(bare_port))
        ours.append(await call_seconds(server.port))
    bare.close()
    await server.stop()
    return ours[1:], theirs[1:]


def run() -> list[Row]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        ours, bare = runner.run(measure())
    rows = []
    for at, clock in ((0, "wall"), (1, "CPU")):
        mine = [sample[at] / STEPS * 1000 for sample in ours]
        base = [sample[at] / STEPS * 1000 for sample in bare]
        top = statistics.median(a - b for a, b in zip(mine, base, strict=True))
        ratio = statistics.median(mine) / statistics.median(base)
        rows.append(Row(f"bare asyncio echo, 3 commands ({clock})", statistics.median(base), "ms/step"))
        rows.append(Row(f"our server and Line ({clock})", statistics.median(mine), "ms/step", ratio, "the bare echo"))
        rows.append(Row(f"ours on top ({clock})", top, "ms/step", goal="≤ 0.3 ms", met=top <= 0.3))
    return rows
