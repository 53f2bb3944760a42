"""The private Asterisk and its dialplan: callers are never lost between servers, strangers get nowhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cti_server.asterisk.conf import render
from cti_server.errors import InvalidValue
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.process import Process, run
from cti_server.lab.sipp import SippCaller

pytestmark = pytest.mark.real

NewAsterisk = Callable[..., Awaitable[AsteriskInstance]]


class Session:
    """One AGI session as Asterisk opens it: its variables, and commands one by one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self.variables: dict[str, str] = {}

    async def read_variables(self) -> None:
        while line := (await self._reader.readline()).decode().strip():
            name, _, value = line.partition(": ")
            self.variables[name] = value

    async def say(self, command: str) -> str:
        self.writer.write(f"{command}\n".encode())
        while (answer := (await self._reader.readline()).decode().strip()) == "HANGUP":
            pass
        return answer

    def close(self) -> None:
        self.writer.close()


class Listener:
    """A FastAGI server that hands each session to the test."""

    def __init__(self) -> None:
        self.sessions: asyncio.Queue[Session] = asyncio.Queue()
        self._open: list[Session] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(reader, writer)
        await session.read_variables()
        self._open.append(session)
        self.sessions.put_nowait(session)

    async def next(self) -> Session:
        async with asyncio.timeout(15):
            return await self.sessions.get()

    def close(self) -> None:
        for session in self._open:
            session.close()


@asynccontextmanager
async def listening(port: int = 0) -> AsyncIterator[tuple[Listener, int]]:
    listener = Listener()
    server = await asyncio.start_server(listener.take, "127.0.0.1", port)
    try:
        yield listener, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        listener.close()
        await server.wait_closed()


@asynccontextmanager
async def caller(
    asterisk: AsteriskInstance, listener: Listener, folder: Path, number: str = "95598", seconds: int = 30
) -> AsyncIterator[Process]:
    """A caller from the carrier's address who dials, waits for the answer and hangs up `seconds` later."""
    command = ["sipp", f"127.0.0.1:{asterisk.ports.sip}", "-sn", "uac", "-s", number, "-i", "127.0.0.2", "-m", "1"]
    with (folder / "caller.log").open("ab") as log:
        process = Process([*command, "-d", str(seconds * 1000), "-nostdin"], output=log)
    try:
        yield process
    finally:
        await process.kill()
        await asterisk.cli("channel request hangup all")
        listener.close()  # a channel stays in AGI() until the server's side is closed
        await until(lambda: no_channels(asterisk))


async def no_channels(asterisk: AsteriskInstance) -> bool:
    return "0 active channels" in await asterisk.cli("core show channels count")


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.05)


# ---- conf files ------------------------------------------------------------------------------------------------


def test_conf_placeholder_without_a_value_is_refused() -> None:
    with pytest.raises(InvalidValue, match="@NODE@"):
        render("systemname=@NODE@", {})


@pytest.mark.parametrize("value", ["a;b", "a\rb"])
def test_conf_value_that_would_end_its_line_is_refused(value: str) -> None:
    with pytest.raises(InvalidValue):
        render("secret=@AMI_SECRET@", {"AMI_SECRET": value})


# ---- the process ---------------------------------------------------------------------------------------------------


async def test_two_instances_run_side_by_side_with_their_own_passwords(new_asterisk: NewAsterisk) -> None:
    first, second = await new_asterisk(node="north"), await new_asterisk(node="south")
    assert "north" in await first.cli("core show settings")
    assert "south" in await second.cli("core show settings")
    assert first.secret != second.secret
    assert first.password("1001") not in {first.password("1002"), second.password("1001")}


async def test_start_leaves_no_error_or_warning_in_the_log(new_asterisk: NewAsterisk) -> None:
    asterisk = await new_asterisk()
    log = asterisk.log.read_text()
    assert "ERROR" not in log, log
    assert "WARNING" not in log, log


async def test_restart_keeps_ports_and_passwords(new_asterisk: NewAsterisk) -> None:
    asterisk = await new_asterisk()
    before = (asterisk.ports, asterisk.secret, asterisk.password("1001"), asterisk.process_id)
    await asterisk.kill()
    assert asterisk.process_id is None
    await asterisk.start()
    assert (asterisk.ports, asterisk.secret, asterisk.password("1001")) == before[:3]
    assert asterisk.process_id != before[3]


async def sockets(asterisk: AsteriskInstance) -> list[str]:
    """Local addresses Asterisk listens on, without the two ephemeral ones PJSIP's name resolver asks from."""
    _, output = await run("ss", "-Hlntup")
    local = [line.split()[4] for line in output.splitlines() if f"pid={asterisk.process_id}," in line]
    block = range(asterisk.ports.base, asterisk.ports.base + 1000)
    return [address for address in local if int(address.rpartition(":")[2]) in block]


async def test_everything_listens_on_loopback_only(asterisk: AsteriskInstance) -> None:
    """A leg to a phone that vanished while it rang is no channel any more, but PJSIP keeps its RTP ports until it gives up the
    INVITE nobody answers (32 s)."""
    ports = asterisk.ports
    assert "0 active channels" in await asterisk.cli("core show channels count")
    rtp = [f"127.0.0.1:{port}" for port in range(ports.rtp[0], ports.rtp[1] + 1)]
    lasting = sorted(set(await sockets(asterisk)) - set(rtp))
    assert lasting == [f"127.0.0.1:{p}" for p in (ports.sip, ports.http, ports.ami)]


# ---- the manager's rights ------------------------------------------------------------------------------------------


async def manager(asterisk: AsteriskInstance, *actions: str, secret: str = "") -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", asterisk.ports.ami)
    login = f"Action: Login\r\nUsername: {asterisk.user}\r\nSecret: {secret or asterisk.secret}\r\nEvents: off\r\n\r\n"
    writer.write(login.encode() + b"".join(f"Action: {a}\r\n\r\n".encode() for a in actions))
    writer.write(b"Action: Logoff\r\n\r\n")
    async with asyncio.timeout(10):
        answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_the_manager_user_cannot_run_commands_or_change_conf_files(asterisk: AsteriskInstance) -> None:
    answer = await manager(
        asterisk, "Command\r\nCommand: core show version", "GetConfig\r\nFilename: manager.conf", "Reload", "CoreStatus"
    )
    assert answer.count("Permission denied") == 3, answer
    assert "CoreReloadDate" in answer


async def test_a_wrong_manager_password_is_refused(asterisk: AsteriskInstance) -> None:
    assert "Authentication failed" in await manager(asterisk, secret="wrong")


# ---- strangers -----------------------------------------------------------------------------------------------------


def invite(asterisk: AsteriskInstance, source: str, sender: str) -> str:
    """First final answer to an INVITE of `sender` sent from the address `source`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((source, 0))
        phone.settimeout(5)
        here = f"{source}:{phone.getsockname()[1]}"
        to = f"sip:95598@127.0.0.1:{asterisk.ports.sip}"
        lines = [
            f"INVITE {to} SIP/2.0", f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{here.replace(':', '')}",
            f"From: <sip:{sender}@127.0.0.1>;tag=1", f"To: <{to}>", f"Call-ID: {here}", "CSeq: 1 INVITE",
            f"Contact: <sip:{sender}@{here}>", "Max-Forwards: 70", "Content-Length: 0", "", "",
        ]  # fmt: skip
        phone.sendto("\r\n".join(lines).encode(), ("127.0.0.1", asterisk.ports.sip))
        while (answer := phone.recv(4096).decode().split("\r\n")[0]).startswith("SIP/2.0 1"):
            pass
        return answer


@pytest.mark.parametrize("sender", ["trunk", "1001", "1001w", "nobody"])
@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.9"])
def test_a_spoofed_sender_is_asked_for_a_password(asterisk: AsteriskInstance, source: str, sender: str) -> None:
    assert invite(asterisk, source, sender) == "SIP/2.0 401 Unauthorized"


# ---- callers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["95598", "+864008123456", "4008"])
async def test_a_caller_reaches_the_server_unanswered(asterisk: AsteriskInstance, tmp_path: Path, number: str) -> None:
    async with listening() as (listener, port):
        await asterisk.serve_from(f"127.0.0.1:{port}")
        async with caller(asterisk, listener, tmp_path, number, seconds=0) as phone:
            session = await listener.next()
            assert session.variables["agi_network_script"] == "call"
            assert session.variables["agi_dnid"] == number
            assert await session.say("CHANNEL STATUS") == "200 result=4"  # ringing, not answered
            assert await session.say("GET VARIABLE CTI_DID") == f"200 result=1 ({number})"
            await session.say("ANSWER")
            assert await phone.wait() == 0


async def test_the_dialplan_hangs_up_once_the_server_is_done(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with listening() as (listener, port):
        await asterisk.serve_from(f"127.0.0.1:{port}")
        async with caller(asterisk, listener, tmp_path):
            session = await listener.next()
            await session.say("ANSWER")
            await session.say('SET VARIABLE CTI_DONE "1"')
            session.close()
            await until(lambda: no_channels(asterisk))
            assert listener.sessions.empty()


async def test_a_caller_whose_server_died_meets_it_again_with_his_ticket(
    asterisk: AsteriskInstance, tmp_path: Path
) -> None:
    async with listening() as (listener, port):
        await asterisk.serve_from(f"127.0.0.1:{port}")
        async with caller(asterisk, listener, tmp_path):
            first = await listener.next()
            await first.say("ANSWER")
            await first.say('SET VARIABLE __CTI_CALL_ID "call-1"')
            first.close()
            again = await listener.next()
            assert again.variables["agi_network_script"] == "call"
            assert again.variables["agi_uniqueid"] == first.variables["agi_uniqueid"]
            assert await again.say("GET VARIABLE CTI_CALL_ID") == "200 result=1 (call-1)"


async def test_the_next_server_is_asked_before_the_caller_waits(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with listening() as (listener, port), listening() as (dying, dying_port):
        await asterisk.serve_from(f"127.0.0.1:{dying_port}", f"127.0.0.1:{port}")
        async with caller(asterisk, listener, tmp_path):
            (await dying.next()).close()
            session = await listener.next()
            assert await session.say("CHANNEL STATUS") == "200 result=4"


@pytest.mark.parametrize(("queue", "fallback"), [("vip", "cti-vip"), ("", "cti-fallback"), ("x,,,1", "cti-fallback")])
async def test_without_any_server_the_caller_waits_with_music_in_the_fallback_queue(
    asterisk: AsteriskInstance, tmp_path: Path, queue: str, fallback: str
) -> None:
    async with listening() as (listener, port):
        await asterisk.serve_from(f"127.0.0.1:{port}")
        async with caller(asterisk, listener, tmp_path) as phone:
            session = await listener.next()
            await session.say(f'SET VARIABLE __CTI_QUEUE "{queue}"')
            await asterisk.serve_from("127.0.0.1:1")
            session.close()

            async def queued() -> bool:
                return "PJSIP/trunk" in await asterisk.cli(f"queue show {fallback}")

            await until(queued)
            assert phone.running


async def test_a_caller_who_is_cancelled_hangs_up(asterisk: AsteriskInstance) -> None:
    """`cti-server call` and the tests end their calls so: nothing of them stays on the switch."""
    await asterisk.serve_from("127.0.0.1:1")
    calling = asyncio.create_task(SippCaller(asterisk.ports.sip).call("95598", script="wait 60; hangup"))

    async def waits() -> bool:
        return "!Wait!" in await asterisk.cli("core show channels concise")

    await until(waits)
    calling.cancel()
    await asyncio.wait({calling})
    await until(lambda: no_channels(asterisk))


async def test_a_server_that_comes_back_in_time_gets_its_caller(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    await asterisk.serve_from("127.0.0.1:1")
    async with listening() as (listener, port), caller(asterisk, listener, tmp_path):

        async def waits() -> bool:
            return "!Wait!" in await asterisk.cli("core show channels concise")

        await until(waits)
        await asterisk.serve_from(f"127.0.0.1:{port}")
        session = await listener.next()
        assert await session.say("CHANNEL STATUS") == "200 result=6"  # answered while waiting


@pytest.mark.parametrize(
    ("context", "extension", "script", "argument"),
    [
        ("cti-agents", "1002", "internal", "1002"),
        ("cti-agents", "6002", "internal", "6002"),
        ("cti-agents", "+8613900000009", "internal", "+8613900000009"),
        ("cti-transfer", "q-billing", "transfer", "q-billing"),
        ("cti-transfer", "6004", "transfer", "6004"),
        ("cti-transfer", "1003", "transfer", "1003"),
        ("cti-callback", "s", "callback", ""),
    ],
)
async def test_every_entrance_names_its_script_and_what_was_dialled(
    asterisk: AsteriskInstance, context: str, extension: str, script: str, argument: str
) -> None:
    async with listening() as (listener, port):
        await asterisk.serve_from(f"127.0.0.1:{port}")
        answer = await manager(
            asterisk,
            f"Originate\r\nChannel: Local/{extension}@{context}\r\nApplication: Wait\r\nData: 30\r\nAsync: true",
        )
        assert "Originate successfully queued" in answer
        session = await listener.next()
        assert session.variables["agi_network_script"] == script
        assert session.variables.get("agi_arg_1", "") == argument
        await asterisk.cli("channel request hangup all")


@pytest.mark.parametrize("number", ["1${SHELL(id)}", "1,s,1)", "1&Local/s@cti-callback", '1"|x', "1;2"])
async def test_what_is_dialled_is_never_run(asterisk: AsteriskInstance, tmp_path: Path, number: str) -> None:
    async with listening() as (listener, port):
        await asterisk.serve_from(f"127.0.0.1:{port}")
        source = escaped(number)
        async with caller(asterisk, listener, tmp_path, source):
            session = await listener.next()
            did = (await session.say("GET VARIABLE CTI_DID")).removeprefix("200 result=1 ").strip("()")
            assert did == "".join(c for c in number if c in "+*#0123456789")


def escaped(number: str) -> str:
    """As the user part of a SIP address (RFC 3261)."""
    return "".join(c if c.isalnum() or c in "+,&;$" else f"%{ord(c):02X}" for c in number)


async def test_a_talk_survives_the_server(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with listening() as (listener, port):
        await asterisk.serve_from(f"127.0.0.1:{port}")
        async with caller(asterisk, listener, tmp_path, seconds=60), carrier_phone(asterisk, tmp_path):
            session = await listener.next()
            await session.say("ANSWER")
            session.writer.write(b"EXEC Dial PJSIP/13900000009@trunk,20,g\n")

            async def talking() -> bool:
                return (await asterisk.cli("core show channels concise")).count("!AppDial!") == 1 and (
                    "basic" in await asterisk.cli("bridge show all")
                )

            await until(talking)
            media = await sockets(asterisk)
            assert len(media) >= 5
            assert all(address.startswith("127.0.0.1:") for address in media), media
            session.close()
            await asyncio.sleep(1)
            assert await talking()
            assert listener.sessions.empty()


@asynccontextmanager
async def carrier_phone(asterisk: AsteriskInstance, folder: Path) -> AsyncIterator[None]:
    """The phone outside: answers every call sent to the carrier."""
    command = ["sipp", "-sn", "uas", "-i", "127.0.0.2", "-p", str(asterisk.ports.carrier), "-nostdin"]
    with (folder / "carrier.log").open("ab") as log:
        process = Process(command, output=log)
    try:
        yield
    finally:
        await process.kill()
