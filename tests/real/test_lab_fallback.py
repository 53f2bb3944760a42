"""When no server answers for long: the fallback queue rings agents, and whoever waits in vain is told so."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from cti_server.asterisk.conf import AGENT, PLACEHOLDER
from cti_server.lab.asterisk import CHECKOUT, AsteriskInstance
from cti_server.lab.phones import PhoneBank
from cti_server.lab.sipp import SippCaller

pytestmark = pytest.mark.real


@pytest.fixture
async def alone(new_asterisk: Callable[..., Awaitable[AsteriskInstance]]) -> AsteriskInstance:
    """An Asterisk whose server is gone, with short patience."""
    return await new_asterisk(agi=["127.0.0.1:1"], retry_seconds=1, fallback_seconds=2)


async def test_the_fallback_queue_rings_an_agent_and_says_so(alone: AsteriskInstance) -> None:
    async with PhoneBank("127.0.0.1", alone.ports.sip) as bank:
        phone = await bank.phone("1001", alone.password("1001"))
        await alone.cli("queue add member PJSIP/1001 to cti-fallback")
        call = asyncio.create_task(SippCaller(alone.ports.sip).call("95598", script="wait 60"))
        talk = await phone.answers()
        assert talk.headers["X-CTI-Fallback"] == "1"
        await phone.hang_up()
        report = await call
        assert report.answered
        assert report.ended_by == "switch"


async def test_whoever_waits_in_vain_hears_an_apology_and_is_hung_up(alone: AsteriskInstance) -> None:
    call = asyncio.create_task(SippCaller(alone.ports.sip).call("95598", script="wait 60"))
    async with asyncio.timeout(20):
        while "!Playback!" not in await alone.cli("core show channels concise"):
            await asyncio.sleep(0.05)
    assert (await call).ended_by == "switch"
    log = alone.log.read_text()
    assert "does not exist" not in log, log  # both sounds were there


async def test_a_browser_phone_signs_in_over_its_websocket(asterisk: AsteriskInstance) -> None:
    url = f"ws://127.0.0.1:{asterisk.ports.http}/ws"
    async with aiohttp.ClientSession() as client, client.ws_connect(url, protocols=["sip"]) as socket:
        await socket.send_str(register("1001w", 1))
        challenge = await socket.receive_str(timeout=5)
        assert challenge.startswith("SIP/2.0 401")
        found = dict(re.findall(r'(\w+)="?([^",\r]+)"?', challenge.split("WWW-Authenticate: Digest ")[1]))
        await socket.send_str(register("1001w", 2, digest(found, "1001w", asterisk.password("1001"))))
        assert (await socket.receive_str(timeout=5)).startswith("SIP/2.0 200")
        assert "1001w/sip" in await asterisk.cli("pjsip show contacts")


def register(user: str, number: int, authorization: str = "") -> str:
    lines = [
        "REGISTER sip:127.0.0.1 SIP/2.0", f"Via: SIP/2.0/WS client.invalid;branch=z9hG4bK{number}",
        f"From: <sip:{user}@127.0.0.1>;tag=1", f"To: <sip:{user}@127.0.0.1>", "Call-ID: browser",
        f"CSeq: {number} REGISTER", f"Contact: <sip:{user}@client.invalid;transport=ws>;expires=60",
        "Max-Forwards: 70", *([f"Authorization: Digest {authorization}"] if authorization else []),
        "Content-Length: 0", "", "",
    ]  # fmt: skip
    return "\r\n".join(lines)


def digest(challenge: dict[str, str], user: str, password: str) -> str:
    """RFC 7616 with qop=auth."""

    def md5(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode()).hexdigest()

    nonce, realm, cnonce = challenge["nonce"], challenge["realm"], base64.b16encode(os.urandom(8)).decode()
    proof = md5(md5(user, realm, password), nonce, "00000001", cnonce, "auth", md5("REGISTER", "sip:127.0.0.1"))
    opaque = f', opaque="{challenge["opaque"]}"' if "opaque" in challenge else ""
    return (
        f'username="{user}", realm="{realm}", nonce="{nonce}", uri="sip:127.0.0.1", response="{proof}", '
        f'algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}"{opaque}'
    )


def test_containers_fill_in_the_same_placeholders() -> None:
    folder = CHECKOUT / "docker/asterisk"
    rendered = [path for path in (folder / "conf").glob("*.conf") if path.name != "demo.conf"]  # the lab's own
    wanted = {name for path in (*rendered, AGENT) for name in PLACEHOLDER.findall(path.read_text())}
    entrypoint = Path(folder / "entrypoint").read_text()
    filled = set(re.findall(r"^ +value (\w+) ", entrypoint, re.M)) | set(re.findall(r"s\|@(\w+)@\|\$", entrypoint))
    assert wanted == filled
