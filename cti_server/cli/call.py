"""`cti-server call`: a caller without a phone. sipp dials the running demo, and the timeline is told as it happens."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from cti_server.domain.ids import SECOND, Micros
from cti_server.errors import BadSettings, CtiError, InvalidValue
from cti_server.lab.asterisk import CHECKOUT
from cti_server.lab.callers import check_script, steps_of
from cti_server.lab.follow import Event, following, read_ready
from cti_server.lab.sipp import SCRIPTS, SippCaller
from cti_server.lab.sipp_reports import CallReport
from cti_server.lab.story import colour, tell

SETTLE_SECONDS = 2.0
"""How long facts may still come after the caller's side is over."""

app = typer.Typer(help=__doc__)


@app.command()
def call(
    to: Annotated[str, typer.Option(help="number to dial")] = "95598",
    caller: Annotated[str, typer.Option("--from", help="the caller's number")] = "13900000001",
    script: Annotated[
        str, typer.Option(help="what the caller does: a name (see --list), or steps like 'wait 3; digits 2; hangup'")
    ] = "balance",
    demo: Annotated[
        Path, typer.Option(envvar="CTI_DEMO_READY_FILE", help="the demo's ready file or data folder")
    ] = CHECKOUT / "var/demo",
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line, for programs")] = False,
    list_scripts: Annotated[bool, typer.Option("--list", help="show the scripts and end")] = False,
) -> None:
    """Call the running demo and print the call's timeline as it happens. Exit status 1 when nobody answered."""
    if list_scripts:
        typer.echo("\n".join(f"{name:<16} {steps}" for name, steps in SCRIPTS.items()))
        return
    teller = _JsonTeller() if as_json else _Teller()
    try:
        check_script(script)
        facts = read_ready(demo)
        check_tools()
        answered = asyncio.run(_until_signal(_call(facts, to, caller, script, teller)))
    except CtiError as error:
        _fail(error)
    except asyncio.CancelledError:
        typer.echo("hung up", err=True)
        raise typer.Exit(130) from None
    if not answered:
        raise typer.Exit(1)


def check_tools() -> None:
    """Raises BadSettings when this machine or user cannot place calls."""
    if shutil.which("sipp") is None:
        raise BadSettings("sipp is not installed; run scripts/install phones (Debian: apt install sip-tester)")
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP).close()
    except PermissionError:
        raise BadSettings("only root may place calls: sipp sends its sound through a raw socket; try sudo") from None


async def _until_signal(work: Coroutine[Any, Any, bool]) -> bool:
    """Ctrl-C and SIGTERM make the caller hang up. Raises CancelledError then."""
    task = asyncio.create_task(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


async def _call(facts: Mapping[str, Any], to: str, caller: str, script: str, teller: _Teller) -> bool:
    sip = facts["sip"]
    place = SippCaller(sip["port"], host=sip["host"], carrier=facts["carrier"]["call_from"])
    async with following(facts) as events:
        steps = steps_of(script, caller, facts["callers"])
        teller.begin(to, caller, script, steps)
        telling = asyncio.create_task(_tell(events, to, caller, teller))
        try:
            report = await _report_of(place.call(to, caller=caller, script=steps), telling)
            await asyncio.wait({telling}, timeout=SETTLE_SECONDS)
        finally:
            telling.cancel()
            await asyncio.wait({telling})
    teller.end(report)
    return report.answered


async def _report_of(placing: Any, telling: asyncio.Task[None]) -> CallReport:
    """The call's report; when the live stream breaks before, its error, and the caller hangs up."""
    calling: asyncio.Task[CallReport] = asyncio.create_task(placing)
    try:
        await asyncio.wait({calling, telling}, return_when=asyncio.FIRST_COMPLETED)
        if telling.done() and telling.exception() is not None:
            telling.result()
        return await calling
    finally:
        calling.cancel()
        await asyncio.wait({calling})


async def _tell(events: AsyncIterator[Event], to: str, caller: str, teller: _Teller) -> None:
    """Until the call and what follows it (the agent's wrap-up) are told."""
    call_id = ""
    async for event in events:
        if not call_id and event.kind == "CallArrived" and _ours(event.data, to, caller):
            call_id = event.data["call_id"]
        if call_id and event.data.get("call_id") == call_id:
            teller.say(event)
            if event.kind == "CallEnded":
                return


def _ours(data: Mapping[str, Any], to: str, caller: str) -> bool:
    """The number comes back in E.164: its end must be what we dialled with."""
    digits = "".join(filter(str.isdigit, caller))
    return bool(data["did"] == to and data["direction"] == "inbound" and str(data["caller"]).endswith(digits))


class _Teller:
    """Lines for people, with seconds since dialling."""

    def __init__(self) -> None:
        self._out = Console(highlight=False, soft_wrap=True)
        self._began = Micros(0)
        self._told = False

    def begin(self, to: str, caller: str, script: str, steps: str) -> None:
        self._began = Micros(time.time_ns() // 1000)
        name = f"script {script}: " if script in SCRIPTS else ""
        self._line(self._began, f"{caller} dials {to}", name + steps, "bold")

    def say(self, event: Event) -> None:
        self._told = True
        self._line(event.at, tell(event.kind, event.data), event.kind, colour(event.kind))

    def end(self, report: CallReport) -> None:
        now = Micros(time.time_ns() // 1000)
        if not self._told:
            self._line(now, "the server saw no such call", f"SIP {report.codes}", "red")
        result = {"caller": "the caller hung up", "switch": "the other side hung up"}.get(report.ended_by)
        self._line(
            now, result or f"not connected: SIP {', '.join(map(str, report.codes))}", "", "bold" if result else "red"
        )

    def _line(self, at: Micros, words: str, note: str, style: str) -> None:
        elapsed = max(0.0, (at - self._began) / SECOND)
        self._out.print(Text.assemble((f"{elapsed:8.2f} s  ", "cyan"), (words, style), (f"   {note}", "dim")))


class _JsonTeller(_Teller):
    """The same for programs: `{"seconds", "kind", "at", "data"}` a line; the last one is of kind `report`."""

    def say(self, event: Event) -> None:
        self._write(event.kind, event.at, dict(event.data))

    def begin(self, to: str, caller: str, script: str, steps: str) -> None:
        self._began = Micros(time.time_ns() // 1000)
        self._write("dialled", self._began, {"to": to, "from": caller, "script": steps})

    def end(self, report: CallReport) -> None:
        data = {
            "answered": report.answered,
            "ended_by": report.ended_by,
            "codes": report.codes,
            "seconds": report.seconds,
        }
        self._write("report", Micros(time.time_ns() // 1000), data)

    def _write(self, kind: str, at: Micros, data: dict[str, Any]) -> None:
        seconds = round(max(0, at - self._began) / SECOND, 3)
        typer.echo(json.dumps({"seconds": seconds, "kind": kind, "at": at, "data": data}, ensure_ascii=False))
        sys.stdout.flush()


def _fail(error: CtiError) -> NoReturn:
    typer.echo(f"{error.code}: {error}", err=True)
    raise typer.Exit(2 if isinstance(error, InvalidValue) else 1) from error
