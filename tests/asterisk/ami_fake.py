"""A manager interface to be rude with: answers as told, on a real TCP socket. Used where a real Asterisk would not misbehave."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Callable, Mapping
from typing import Self

from pydantic import SecretStr

from cti_server.asterisk.ami.wire import Message
from cti_server.config import AmiSettings

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
BOOTED = b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 7\r\nStatus: Fully Booted\r\n\r\n"
SECRET = "only-for-tests"
Answer = Callable[[Message], bytes]


def reply(request: Message, status: str = "Success", **keys: str) -> bytes:
    lines = [f"Response: {status}", f"ActionID: {request.get('ActionID')}", *(f"{k}: {v}" for k, v in keys.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def reply_list(request: Message, *items: Mapping[str, str]) -> bytes:
    action = f"ActionID: {request.get('ActionID')}"
    parts = [f"Response: Success\r\n{action}\r\nEventList: start"]
    parts += [
        "\r\n".join([f"Event: {item['Event']}", action, *(f"{k}: {v}" for k, v in item.items() if k != "Event")])
        for item in items
    ]
    parts.append(f"Event: ListComplete\r\n{action}\r\nEventList: Complete\r\nListItems: {len(items)}")
    return "".join(part + "\r\n\r\n" for part in parts).encode()


class FakeAmi:
    """`async with FakeAmi() as fake`. `answers` may be changed; an answer of b'' is silence. `send` reaches event logins."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.greeting = GREETING
        self.booted = BOOTED
        self.secret = SECRET
        self.actions: list[Message] = []
        self.logins = 0
        self.answers: dict[str, Answer] = {
            "Challenge": lambda m: reply(m, Challenge="4711"),
            "Login": self._login,
            "Ping": lambda m: reply(m, Ping="Pong"),
            "CoreSettings": lambda m: reply(m, AsteriskVersion="22.10.1", SystemName="lab-x7"),
            "CoreStatus": lambda m: reply(m, CoreStartupDate="2026-01-02", CoreStartupTime="03:04:05"),
            "CoreShowChannels": reply_list,
            "DeviceStateList": reply_list,
        }
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._listening: list[asyncio.StreamWriter] = []
        self._served: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()
        await asyncio.gather(*self._served, return_exceptions=True)
        await self._server.wait_closed()

    def settings(self, **changes: object) -> AmiSettings:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        base = AmiSettings(
            port=port, username="cti", password=SecretStr(SECRET), answer_seconds=2, reconnect_max_seconds=0.1
        )
        return base.model_copy(update=changes)

    def send(self, data: bytes) -> None:
        for writer in self._listening:
            writer.write(data)

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()
        self._listening.clear()

    def _login(self, request: Message) -> bytes:
        key = hashlib.md5(f"4711{self.secret}".encode(), usedforsecurity=False).hexdigest()
        if key != request.get("Key") and self.secret != request.get("Secret"):
            return reply(request, "Error", Message="Authentication failed")
        self.logins += 1
        return reply(request, Message="Authentication accepted")

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._served.add(task)
        self._writers.append(writer)
        writer.write(self.greeting)
        try:
            while True:
                await self._answer(Message((await reader.readuntil(b"\r\n\r\n"))[:-4]), writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: Message, writer: asyncio.StreamWriter) -> None:
        self.actions.append(request)
        data = self.answers.get(request.name, reply)(request)
        writer.write(data)
        if request.name == "Login" and request.get("Events") != "off" and b"Success" in data:
            self._listening.append(writer)
            writer.write(self.booted)
