"""A client of the live stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from cti_server.domain.users import SignInSession
from cti_server.web.live.hub import Hub
from cti_server.web.parts import PARTS
from tests.web.web_world import Client, World

LIVE = "/api/v1/live"
Message = dict[str, Any]
SESSION = SignInSession(token_hash="t", login="1900", created_at=0, used_at=0, expires_at=2**53)


class Peer:
    """The browser's side of one connection."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self._queue: list[Message] = []
        self._id = 0

    async def next(self) -> Message:
        while not self._queue:
            message = await self.socket.receive(timeout=5)
            assert message.type is aiohttp.WSMsgType.TEXT, message
            parsed = orjson.loads(message.data)
            self._queue += parsed if isinstance(parsed, list) else [parsed]
        return self._queue.pop(0)

    async def until(self, wanted: Callable[[Message], bool]) -> list[Message]:
        """Everything up to and with the first message that is wanted."""
        seen = [await self.next()]
        while not wanted(seen[-1]):
            seen.append(await self.next())
        return seen

    async def ask(self, do: str, **args: Any) -> tuple[Message, list[Message]]:
        """The answer, and what came before it."""
        self._id += 1
        await self.socket.send_str(orjson.dumps({"id": self._id, "do": do, "args": args}).decode())
        *before, answer = await self.until(lambda m: m.get("id") == self._id)
        return answer, before

    async def close_code(self) -> int:
        while (message := await self.socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.type is aiohttp.WSMsgType.CLOSE
        return int(message.data)


@asynccontextmanager
async def connected(client: Client) -> AsyncIterator[Peer]:
    async with client.ws_connect(LIVE) as socket:
        yield Peer(socket)


def events(messages: list[Message]) -> list[tuple[int, str]]:
    return [(m["event"], m["kind"]) for m in messages if "event" in m]


def hub_of(world: World) -> Hub:
    hub: Hub = world.app[PARTS].hub
    return hub
