"""SIP callers from the carrier's side, made with sipp: scripted single calls, a called party, and load.

The lab's Asterisk knows the carrier by its address (127.0.0.2, `identify_by=ip`), so everything here sends from there.
sipp needs root for `play_pcap_audio` (a raw socket).
"""

from __future__ import annotations

import asyncio
import csv
import itertools
import random
import re
import secrets
import socket
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cti_server.errors import InvalidValue, Unavailable
from cti_server.lab.pcap import HangUp, parse_script, write_pcap

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
class CallReport:
    """How one call went, read from the messages on the wire."""

    answered: bool
    ended_by: Literal["caller", "switch", "refused", "nobody"]
    codes: tuple[int, ...]
    """Status codes of the answers to our INVITE, in order."""
    retransmissions: int
    seconds: float
    """From our INVITE (or theirs) to the end."""
    messages: str = field(repr=False, default="")

    def check_quiet(self, most: int = 3) -> None:
        """Raises AssertionError when messages were sent again and again: the other side was not listening."""
        if self.retransmissions > most:
            raise AssertionError(f"{self.retransmissions} retransmissions in one call")


@dataclass(frozen=True, slots=True)
class LoadReport:
    created: int
    succeeded: int
    failed: int
    retransmissions: int
    most_at_once: int
    rate: float
    """Calls a second, over the time calls were created."""


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
            run.scenario(_caller_scenario(to, run.script(script, wait)))
            return await run.call(*caller_keys(caller, name))

    async def called(
        self, listen: int, *, script: str = "wait 5; hangup", after: float = 0.5, refuse: int = 0
    ) -> CallReport:
        """Be the person the switch calls through the trunk: listen on the carrier's port for one call, answer `after`
        seconds and follow `script`, or refuse with the SIP code `refuse`."""
        with tempfile.TemporaryDirectory(prefix="cti-callee-") as folder:
            run = _Run(Path(folder), self, listen)
            run.scenario(_callee_scenario(after, refuse, run.script(script, LONGEST_CALL)))
            return await run.single("-m", "1")

    async def load(
        self, to: str, *, script: str, rate: float, at_once: int, calls: int, callers: Sequence[str] = ("13900000001",)
    ) -> LoadReport:
        """`calls` calls, `rate` new ones a second, at most `at_once` at a time; `callers` are used in turn."""
        with tempfile.TemporaryDirectory(prefix="cti-load-") as folder:
            run = _Run(Path(folder), self)
            xml = _caller_scenario(to, run.script(script, LONGEST_CALL))
            run.scenario(xml.replace("[caller_name]", "").replace("[caller]", "[field0]"))
            numbers = run.folder / "callers.csv"
            numbers.write_text("SEQUENTIAL\n" + "".join(f"{number};\n" for number in callers))
            return await run.load("-m", str(calls), "-r", f"{rate:g}", "-l", str(at_once), "-inf", str(numbers))


@dataclass(frozen=True, slots=True)
class _Play:
    pcap: Path
    millis: int
    """When the caller hangs up."""


class _Run:
    def __init__(self, folder: Path, target: SippCaller, listen: int = 0) -> None:
        self.folder = folder
        self._target = target
        self._listen = listen or free_udp_port(target.carrier)

    def script(self, script: str, wait: float) -> _Play:
        steps = parse_script(SCRIPTS.get(script, script))
        path = self.folder / "caller.pcap"
        seconds = write_pcap(steps, path)
        hangs_up = bool(steps) and isinstance(steps[-1], HangUp)
        return _Play(path, max(50, round((seconds if hangs_up else max(wait, seconds)) * 1000)))

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
            sock.sendto(_INFO.format(carrier=to[0], port=to[1], call_id=call_id).encode(), to)

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


# ---- scenarios ------------------------------------------------------------------------------------------------

_SDP = """v=0
o=carrier 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
"""

_BYE = """<label id="1"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
{route}
CSeq: 2 BYE
Content-Length: 0

]]></send>
<recv response="200"/>
<label id="2"/>
</scenario>
"""

_INFO = (
    "INFO sip:carrier@{carrier}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {carrier}:9;branch=z9hG4bKhangup\r\n"
    "From: <sip:us@{carrier}>;tag=us\r\nTo: <sip:carrier@{carrier}>\r\nCall-ID: {call_id}\r\nCSeq: 9 INFO\r\n"
    "Content-Length: 0\r\n\r\n"
)

_STAY = """<nop><action><exec play_pcap_audio="{pcap}"/></action></nop>
<recv request="INFO" optional="true" next="1" timeout="{millis}" ontimeout="1"/>
<recv request="BYE" timeout="{millis}" ontimeout="1"/>
<send next="2"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
"""

_CALLER = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="caller">
<send retrans="500"><![CDATA[
INVITE sip:{to}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: [caller_name]<sip:[caller]@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:{to}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:carrier@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

{sdp}
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rtd="true" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: [caller_name]<sip:[caller]@[local_ip]:[local_port]>;tag=[pid]c[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
"""

_CALLEE = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="callee">
<recv request="INVITE" rrs="true"><action>
<ereg regexp="sip:[^>;]*" search_in="hdr" header="Contact:" assign_to="contact"/>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
</action></recv>
<send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:callee@[local_ip]:[local_port]>
Content-Length: 0

]]></send>
<recv request="CANCEL" timeout="{after}" ontimeout="3"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<send next="2" retrans="500"><![CDATA[
SIP/2.0 487 Request Terminated
[last_Via:]
From:[$from]
To:[$to];tag=[pid]s[call_number]
[last_Call-ID:]
CSeq: [cseq] INVITE
Content-Length: 0

]]></send>
<label id="3"/>
{answer}
"""

_REFUSED = """<send retrans="500"><![CDATA[
SIP/2.0 {code} No
[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<recv request="ACK"/>
<label id="2"/>
</scenario>
"""

_ANSWERED = """<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:callee@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

{sdp}
]]></send>
<recv request="ACK"/>
"""


def call_opening(to: str, media: tuple[str, int] | None = None) -> str:
    """The scenario from INVITE to ACK; `media` is where audio is wanted when sipp itself does none."""
    host, port = media or ("[media_ip]", "[media_port]")
    sdp = _SDP.replace("[media_ip]", host).replace("[media_port]", str(port))
    return _CALLER.format(to=_user(to), sdp=sdp)


def _caller_scenario(to: str, play: _Play) -> str:
    head = call_opening(to)
    stay = _STAY.format(pcap=play.pcap, millis=play.millis)
    route = "From: [caller_name]<sip:[caller]@[local_ip]:[local_port]>;tag=[pid]c[call_number]\n[last_To:]\nCall-ID: [call_id]"
    return head + stay + _BYE.format(route=route)


def _user(value: str) -> str:
    if not re.fullmatch(r"[^\s<>@\"\[\]]+", value):
        raise InvalidValue(f"{value!r} is no user part of a SIP address; write odd characters as %XX")
    return value


def caller_keys(caller: str, name: str) -> list[str]:
    """Values sipp puts in literally, so that no character of them means anything to it."""
    return ["-key", "caller", _user(caller), "-key", "caller_name", f"{_quoted(name)} " if name else ""]


def _callee_scenario(after: float, refuse: int, play: _Play) -> str:
    answer = _REFUSED.format(code=refuse) if refuse else _ANSWERED.format(sdp=_SDP)
    head = _CALLEE.format(after=max(1, round(after * 1000)), answer=answer)
    if refuse:
        return head.replace("</scenario>", '<Reference variables="contact,from,to"/>\n</scenario>')
    route = "From:[$to];tag=[pid]s[call_number]\nTo:[$from]\nCall-ID: [call_id]"
    bye = _BYE.format(route=route).replace("BYE [next_url]", "BYE [$contact]")
    return head + _STAY.format(pcap=play.pcap, millis=play.millis) + bye


def _quoted(name: str) -> str:
    """A SIP quoted-string (RFC 3261 25.1)."""
    if re.search(r"[\r\n\0]", name):
        raise InvalidValue("a display name cannot hold CR, LF or NUL: they end the header")
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# ---- reading what happened ---------------------------------------------------------------------------------------

_MESSAGE = re.compile(
    r"^-{10,} (?P<at>\S+ \S+?)\s*\n\S+ message (?P<way>sent|received) .*?\n\n?(?P<text>.*?)(?=^-{10,} |\Z)",
    re.MULTILINE | re.DOTALL,
)
_CSEQ = re.compile(r"^CSeq:\s*(\d+)\s+(\w+)", re.MULTILINE | re.IGNORECASE)


def read_messages(text: str) -> CallReport:
    """A sipp message log of one call as a report."""
    heads = [
        (match["way"], match["text"].lstrip().split("\n", 1)[0].strip(), _cseq(match["text"]))
        for match in _MESSAGE.finditer(text)
    ]
    codes = tuple(
        int(head[8:11]) for _, head, cseq in heads if head.startswith("SIP/2.0 ") and cseq.endswith(" INVITE")
    )
    byes = [way for way, head, _ in heads if head.startswith("BYE ")]
    finals = [code for code in codes if code >= 200]
    ended: Literal["caller", "switch", "refused", "nobody"] = "nobody"
    if byes:
        ended = "caller" if byes[0] == "sent" else "switch"
    elif finals and finals[0] >= 300:
        ended = "refused"
    again = sum(count - 1 for count in Counter(heads).values())
    return CallReport(bool(finals and finals[0] < 300), ended, codes, again, _span(text), text)


def _cseq(text: str) -> str:
    match = _CSEQ.search(text)
    return f"{match[1]} {match[2]}" if match else ""


def _span(text: str) -> float:
    times = [_seconds(match["at"]) for match in _MESSAGE.finditer(text)]
    return (times[-1] - times[0]) % 86_400 if times else 0.0


def _seconds(at: str) -> float:
    hours, minutes, seconds = at.split()[-1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def read_statistics(text: str) -> LoadReport:
    """A sipp statistics file (`-trace_stat`): the last line holds the totals."""
    rows = list(csv.DictReader(text.splitlines(), delimiter=";"))
    if not rows:
        raise Unavailable("sipp wrote no statistics")
    last = rows[-1]
    created = int(last["TotalCallCreated"])
    creating = [row for row in rows if int(row["TotalCallCreated"]) < created]
    seconds = max(1, len(creating))
    return LoadReport(
        created=created,
        succeeded=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        retransmissions=int(last["Retransmissions(C)"]),
        most_at_once=max(int(row["CurrentCall"]) for row in rows),
        rate=created / seconds,
    )
