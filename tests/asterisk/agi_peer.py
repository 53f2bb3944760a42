"""A scripted Asterisk: speaks AGI over a real TCP connection, one answer for one command."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

OPENING = {
    "network": "yes",
    "network_script": "call",
    "channel": "PJSIP/trunk-00000001",
    "uniqueid": "1700000000.1",
    "callerid": "13900000001",
    "calleridname": "unknown",
    "callingpres": "0",
    "dnid": "95598",
    "context": "cti-serve",
    "extension": "s",
    "priority": "5",
    "arg_1": "",
}


def opening(**changes: str) -> bytes:
    values = OPENING | changes
    return b"".join(f"agi_{name}: {value}\n".encode() for name, value in values.items()) + b"\n"


class AgiPeer:
    """`async with AgiPeer(port) as peer: await peer.open(); await peer.answers("200 result=0")`."""

    def __init__(self, port: int, local: str = "127.0.0.1") -> None:
        self._port = port
        self._local = local

    async def __aenter__(self) -> Self:
        self._reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(self._local, 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()

    async def open(self, ticket: str = "", **changes: str) -> None:
        """Send the opening and answer the question for the channel's ticket."""
        self.writer.write(opening(**changes))
        await self.answers(f"200 result=1 ({ticket})" if ticket else "200 result=0", "GET VARIABLE CTI_CALL_ID")

    async def hears(self) -> str:
        """The next command; '' when the other side has closed."""
        async with asyncio.timeout(5):
            try:
                return (await self._reader.readline()).decode().rstrip("\n")
            except ConnectionError:
                return ""

    async def answers(self, answer: str, expected: str = "") -> str:
        """Take the next command and answer it."""
        command = await self.hears()
        assert command, "the server closed instead of sending a command"
        if expected:
            assert command == expected
        self.says(answer)
        return command

    def says(self, line: str) -> None:
        self.writer.write(line.encode() + b"\n")

    async def is_closed(self) -> bool:
        return await self.hears() == ""
