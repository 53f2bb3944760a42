"""SIP callers from the carrier's side, made with sipp: scripted single calls, a called party, and load.

The lab's Asterisk knows the carrier by its address (127.0.0.2, `identify_by=ip`), so everything here sends from there.
sipp needs root for `play_pcap_audio` (a raw socket).
"""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cti_server.errors import Unavailable
from cti_server.lab.pcap import HangUp, parse_script, write_pcap
from cti_server.lab.sipp_reports import CallReport, LoadReport, read_messages, read_statistics
from cti_server.lab.sipp_scenarios import Play, callee_scenario, caller_keys, caller_scenario, hang_up_request

CARRIER = "127.0.0.2"
HANG_UP_SECONDS = 2.0
GIVES_WAY = ("nice", "-n", "10")
"""Callers under load stand for callers elsewhere: they leave the cores to what is measured."""
LONGEST_CALL = 180.0
"""Seconds after which a caller without `hangup` in his script gives up."""

SCRIPTS: Mapping[str, str] = {
    "menu": "wait 12; hangup",
    "silent": "wait 90; hangup",
    "balance": "wait 3; digits 2; wait 3; digits 1; wait 3; digits 246810; wait 15; hangup",
    "balance_account": "wait 3; digits 2; wait 3; digits 10000018#; wait 3; digits 246810; wait 15; hangup",
    "pin_fail": "wait 3; digits 2; wait 3; digits 10000018#; wait 3; digits 111111; wait 4; digits 222222; wait 4;"
    " digits 333333; wait 30; hangup",
    "fault": "wait 3; digits 1; wait 4; digits 1; wait 4; digits 1; wait 8; digits #; wait 25; hangup",
    "danger": "wait 3; digits 1; wait 4; digits 1; wait 4; digits 3; wait 30; hangup",
    "complaint": "wait 3; digits 3; wait 4; digits 1; wait 10; digits #; wait 20; hangup",
    "info": "wait 3; digits 4; wait 4; digits 1; wait 15; hangup",
    "message": "wait 3; digits 5; wait 8; digits #; wait 10; hangup",
    "agent": "wait 3; digits 0; wait 120",
    "impatient": "wait 3; digits 0; wait 6; hangup",
    "english": "wait 3; digits 9; wait 3; digits 0; wait 60; hangup",
}
"""Callers of the shipped flows by name. A script without `hangup` stays until the other side hangs up."""


@dataclass(frozen=True, slots=True)
class SippCaller:
    """Calls from the carrier to a switch at `host:port` (the trunk side)."""

    port: int
    host: str = "127.0.0.1"
    carrier: str = CARRIER

    async def call(
        self, to: str, *, caller: str = "13900000001", name: str = "", script: str = "menu", wait: float = LONGEST_CALL
    ) -> CallReport:
        """One call to `to`. `script` is a name of SCRIPTS or a script; without `hangup` the caller waits at most `wait` seconds.

        `caller` is the user part of the From URI as sent (percent-escapes stay), `name` any display name: quotes and
        backslashes are escaped as SIP wants them. Cancelled, the caller hangs up. Raises Unavailable when sipp cannot run.
        """
        with tempfile.TemporaryDirectory(prefix="cti-caller-") as folder:
            run = _Run(Path(folder), self)
            run.scenario(caller_scenario(to, run.script(script, wait)))
            return await run.call(*caller_keys(caller, name))

    async def called(
        self, listen: int, *, script: str = "wait 5; hangup", after: float = 0.5, refuse: int = 0, calls: int = 1
    ) -> CallReport:
        """Be the people the switch calls through the trunk: listen on the carrier's port for so many calls, answer each after
        `after` seconds and follow `script`, or refuse with the SIP code `refuse`. Reports the first."""
        with tempfile.TemporaryDirectory(prefix="cti-callee-") as folder:
            run = _Run(Path(folder), self, listen)
            run.scenario(callee_scenario(after, refuse, run.script(script, LONGEST_CALL)))
            return await run.single("-m", str(calls))

    async def load(
        self, to: str, *, script: str, rate: float, at_once: int, calls: int, callers: Sequence[str] = ("13900000001",)
    ) -> LoadReport:
        """`calls` calls, `rate` new ones a second, at most `at_once` at a time; `callers` are used in turn."""
        with tempfile.TemporaryDirectory(prefix="cti-load-") as folder:
            run = _Run(Path(folder), self)
            xml = caller_scenario(to, run.script(script, LONGEST_CALL))
            run.scenario(xml.replace("[caller_name]", "").replace("[caller]", "[field0]"))
            numbers = run.folder / "callers.csv"
            numbers.write_text("SEQUENTIAL\n" + "".join(f"{number};\n" for number in callers))
            return await run.load("-m", str(calls), "-r", f"{rate:g}", "-l", str(at_once), "-inf", str(numbers))


class _Run:
    def __init__(self, folder: Path, target: SippCaller, listen: int = 0) -> None:
        self.folder = folder
        self._target = target
        self._listen = listen or free_udp_port(target.carrier)

    def script(self, script: str, wait: float) -> Play:
        steps = parse_script(SCRIPTS.get(script, script))
        path = self.folder / "caller.pcap"
        seconds = write_pcap(steps, path)
        hangs_up = bool(steps) and isinstance(steps[-1], HangUp)
        return Play(path, max(50, round((seconds if hangs_up else max(wait, seconds)) * 1000)))

    def scenario(self, xml: str) -> None:
        (self.folder / "scenario.xml").write_text(xml, encoding="utf-8")

    async def single(self, *options: str) -> CallReport:
        messages = self.folder / "messages.log"
        await self._sipp(*options, "-trace_msg", "-message_file", str(messages))
        text = messages.read_text(encoding="utf-8", errors="replace") if messages.exists() else ""
        if not text:
            raise Unavailable(f"sipp saw no message: {self._why()}")
        return read_messages(text)

    async def call(self, *options: str) -> CallReport:
        """`single`, but the caller who is cancelled says BYE: killing sipp would leave the line open."""
        call_id = f"{secrets.token_hex(8)}@{self._target.carrier}"
        calling = asyncio.create_task(self.single("-m", "1", "-cid_str", call_id, *options))
        try:
            return await asyncio.shield(calling)
        finally:
            if not calling.done():
                self._ask_to_hang_up(call_id)
                await asyncio.wait({calling}, timeout=HANG_UP_SECONDS)
            calling.cancel()
            await asyncio.wait({calling})

    def _ask_to_hang_up(self, call_id: str) -> None:
        """The INFO our scenario waits for. Nothing happens when the call is not up yet."""
        to = (self._target.carrier, self._listen)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(hang_up_request(*to, call_id), to)

    async def load(self, *options: str) -> LoadReport:
        statistics = self.folder / "statistics.csv"
        await self._sipp(
            *options, "-trace_stat", "-stf", str(statistics), "-fd", "1", "-buff_size", "4194304", way=GIVES_WAY
        )
        return read_statistics(statistics.read_text(encoding="utf-8"))

    async def _sipp(self, *options: str, way: Sequence[str] = ()) -> None:
        carrier = self._target.carrier
        arguments = ["-sf", "scenario.xml", "-i", carrier, "-mi", carrier, "-p", str(self._listen), "-nostdin"]
        media = ["-mp", str(free_udp_port(carrier))]
        with (self.folder / "sipp.out").open("wb") as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    *way, "sipp", f"{self._target.host}:{self._target.port}", *arguments, *media, *options,
                    "-trace_err", "-error_file", "errors.log",
                    cwd=self.folder, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                )  # fmt: skip
            except FileNotFoundError:
                raise Unavailable("sipp is not installed; install the package sip-tester") from None
            try:
                code = await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if code not in (0, 1):  # 1 = a call failed, which the report tells
            raise Unavailable(f"sipp ended with code {code}: {self._why()}")

    def _why(self) -> str:
        for name in ("errors.log", "sipp.out"):
            path = self.folder / name
            if path.exists() and path.stat().st_size:
                return path.read_text(errors="replace")[-500:].strip()
        return "it said nothing"


MEDIA_PORTS = range(61_000, 65_400, 4)
"""Above the ports the kernel gives out by itself, so that nobody takes one between our look and sipp's start."""
_turn = itertools.cycle(random.sample(MEDIA_PORTS, len(MEDIA_PORTS)))


def free_udp_port(address: str) -> int:
    """The first of four UDP ports nobody uses at the moment: sipp binds RTP, RTCP and the same again for video."""
    for port in itertools.islice(_turn, len(MEDIA_PORTS)):
        if all(_is_free(address, port + offset) for offset in range(4)):
            return port
    raise Unavailable(f"no free UDP ports on {address}; are old sipp processes still running?")


def _is_free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((address, port))
        except OSError:
            return False
    return True
