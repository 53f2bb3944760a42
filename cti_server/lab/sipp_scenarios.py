"""What sipp is told to say: scenarios of a caller and of a called party, as SIP messages in sipp's XML.

Everything in brackets is sipp's own keyword; what comes from outside goes in through `caller_keys` or is checked by `_user`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cti_server.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Play:
    pcap: Path
    millis: int
    """When the caller hangs up."""


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

_OK = """SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
"""

_STAY = (
    """<recv request="INFO" optional="true" next="1"{info_timeout}/>
<recv request="BYE" timeout="{millis}" ontimeout="1"/>
<send next="2"><![CDATA[
"""
    + _OK
)
"""Until the other side hangs up, we are told to (`hang_up_request`), or the time is over."""
_PLAY = """<nop><action><exec play_pcap_audio="{pcap}"/></action></nop>
"""

_CALLER_BYE = _BYE.format(
    route="From: [caller_name]<sip:[caller]@[local_ip]:[local_port]>;tag=[pid]c[call_number]\nTo:[$to]\nCall-ID: [call_id]"
)
"""Not with the last To: the word to hang up has one of its own, without the switch's tag."""
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
<recv response="200" rtd="true" rrs="true"><action>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
</action></recv>
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
{ok}<send next="2" retrans="500"><![CDATA[
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


def _stay(play: Play) -> str:
    return _PLAY.format(pcap=play.pcap) + _STAY.format(
        info_timeout=f' timeout="{play.millis}" ontimeout="1"', millis=play.millis
    )


def call_end(millis: int) -> str:
    """From ACK to BYE for a caller whose audio somebody else makes, after `call_opening` with `media`."""
    return _STAY.format(info_timeout="", millis=millis) + _CALLER_BYE


def hang_up_request(host: str, port: int, call_id: str) -> bytes:
    """The INFO our scenarios wait for, to sipp at host:port. Nothing happens when the call is not up yet."""
    lines = [
        f"INFO sip:carrier@{host}:{port} SIP/2.0", f"Via: SIP/2.0/UDP {host}:9;branch=z9hG4bKhangup",
        f"From: <sip:us@{host}>;tag=us", f"To: <sip:carrier@{host}>", f"Call-ID: {call_id}", "CSeq: 9 INFO",
        "Content-Length: 0", "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def call_opening(to: str, media: tuple[str, int] | None = None) -> str:
    """The scenario from INVITE to ACK; `media` is where audio is wanted when sipp itself does none."""
    host, port = media or ("[media_ip]", "[media_port]")
    return _CALLER.format(to=_user(to), sdp=_SDP.replace("[media_ip]", host).replace("[media_port]", str(port)))


def caller_scenario(to: str, play: Play) -> str:
    return call_opening(to) + _stay(play) + _CALLER_BYE


def _user(value: str) -> str:
    if not re.fullmatch(r"[^\s<>@\"\[\]]+", value):
        raise InvalidValue(f"{value!r} is no user part of a SIP address; write odd characters as %XX")
    return value


def caller_keys(caller: str, name: str) -> list[str]:
    """Values sipp puts in literally, so that no character of them means anything to it."""
    return ["-key", "caller", _user(caller), "-key", "caller_name", f"{_quoted(name)} " if name else ""]


def callee_scenario(after: float, refuse: int, play: Play) -> str:
    answer = _REFUSED.format(code=refuse) if refuse else _ANSWERED.format(sdp=_SDP)
    head = _CALLEE.format(after=max(1, round(after * 1000)), answer=answer, ok=_OK)
    if refuse:
        return head.replace("</scenario>", '<Reference variables="contact,from,to"/>\n</scenario>')
    route = "From:[$to];tag=[pid]s[call_number]\nTo:[$from]\nCall-ID: [call_id]"
    bye = _BYE.format(route=route).replace("BYE [next_url]", "BYE [$contact]")
    return head + _stay(play) + bye


def _quoted(name: str) -> str:
    """A SIP quoted-string (RFC 3261 25.1)."""
    if re.search(r"[\r\n\0]", name):
        raise InvalidValue("a display name cannot hold CR, LF or NUL: they end the header")
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
