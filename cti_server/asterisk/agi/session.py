"""One AGI connection: commands go out one at a time, each with its own deadline; the answers come back.

States: opening → open → ended. Ended means the socket is closed or closing, and every command raises LineGone. Asterisk
keeps a hung-up or redirected channel inside AGI() until we close, so `HANGUP` closes at once, except while `lingering`
(Dial asks how it ended first).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

import structlog

from cti_server.asterisk.agi.wire import AgiMalformed, Answer, HungUp, Opened, Parser, encode
from cti_server.errors import LineGone, SwitchRefused

QUICK = 5.0
"""Seconds a command that does not wait for the caller may take."""

log = structlog.get_logger(__name__)


class AgiSession(asyncio.Protocol):
    """The server's end of one FastAGI connection. `opened` resolves to the opening variables, or raises LineGone."""

    def __init__(self, *, max_line: int, on_connect: Callable[[AgiSession], bool]) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._parser = Parser(max_line)
        self._on_connect = on_connect
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._deadline = 0.0
        self.opened: asyncio.Future[Opened] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.lingering = False
        self.hung_up = False
        self.peer = ""

    # ---- asyncio.Protocol ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self.peer = str((transport.get_extra_info("peername") or ("",))[0])
        if self._on_connect(self):
            _keep_alive(transport.get_extra_info("socket"))
        else:
            self.abort()

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._parser.feed(data):
                self._take(message)
        except AgiMalformed as error:
            log.warning("agi_malformed", peer=self.peer, error=str(error))
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._end()
        if not self.closed.done():
            self.closed.set_result(None)

    # ---- ours ------------------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    async def ask(self, name: str, *arguments: str, within: float = QUICK) -> Answer:
        """Send one command and wait for its answer, at most `within` seconds.

        Raises LineGone when the channel has left us or never answers, InvalidValue for a value that cannot be sent,
        SwitchRefused when Asterisk does not know or accept the command.
        """
        data = encode(name, *arguments)
        await self._settle()
        if self._transport is None or self._transport.is_closing():
            raise LineGone(f"{name}: the caller's channel is gone")
        self._transport.write(data)
        answer = await self._answered(name, self._loop.time() + within)
        if answer.code != 200:
            self._refused(name, answer)
        return answer

    def close(self) -> None:
        """Leave: what was written still goes out. The channel leaves AGI() and its dialplan goes on."""
        if self._transport is not None:
            self._transport.close()
        self._end()

    def abort(self) -> None:
        """Leave at once."""
        if self._transport is not None:
            self._transport.abort()
        self._end()

    async def _settle(self) -> None:
        """A command whose asker was cancelled still runs in Asterisk; wait its answer out, it belongs to nobody."""
        if self._waiting is None:
            return
        if not self._waiting.cancelled():
            raise RuntimeError("two commands at once on one line")
        await self._answered("a cancelled command", self._deadline)

    async def _answered(self, name: str, deadline: float) -> Answer:
        waiting: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting = waiting
        self._deadline = deadline
        alarm = self._loop.call_at(deadline, self._overdue, name)
        try:
            return await waiting
        finally:
            alarm.cancel()

    def _take(self, message: Opened | Answer | HungUp) -> None:
        match message:
            case Answer():
                waiting, self._waiting = self._waiting, None
                if waiting is None:
                    raise AgiMalformed("an answer nobody asked for")
                if not waiting.done():
                    waiting.set_result(message)
            case HungUp():
                self.hung_up = True
                self._acknowledge()
                if self._waiting is None and not self.lingering:
                    self.close()
            case Opened():
                if not self.opened.done():
                    self.opened.set_result(message)

    def _acknowledge(self) -> None:
        """Asterisk's Nagle holds its next answer until our kernel's delayed acknowledgement, 40 ms; send that now."""
        sock = self._transport.get_extra_info("socket") if self._transport is not None else None
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _refused(self, name: str, answer: Answer) -> None:
        if answer.code == 511:
            self.close()
            raise LineGone(f"{name}: the caller's channel is gone")
        raise SwitchRefused(
            f"{name}: Asterisk answered {answer.code} {answer.data.splitlines()[0] if answer.data else ''}"
        )

    def _overdue(self, name: str) -> None:
        log.warning("agi_no_answer", peer=self.peer, command=name)
        self.abort()

    def _end(self) -> None:
        for future in (self._waiting, self.opened):
            if future is not None and not future.done():
                future.set_exception(LineGone("the caller's channel is gone"))
                future.exception()
        self._waiting = None


def _keep_alive(sock: socket.socket | None) -> None:
    """A dead Asterisk host is noticed within a minute although a talk sends nothing for hours."""
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
