"""The WebSocket: reads commands, runs them in order, writes what the hub queues.

A connection says `resume` first. Commands run one after the other, so that ready-then-pause stays in that order; `ping`
is answered at once. The pop is fetched in a task of its own: a slow database delays the pop, not the stream.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import orjson
from aiohttp import WSMsgType, web
from pydantic import Field, TypeAdapter, ValidationError

from cti_server.errors import BadRequest, CtiError, NotFound, NotSignedIn, TooMany
from cti_server.web import failures
from cti_server.web.live.client import Client, Close
from cti_server.web.live.views import may_watch
from cti_server.web.parts import Ask
from cti_server.web.routes import Route, parse
from cti_server.web.wire import Args, Command, Pop

HEARTBEAT = 20.0
CHECK_SESSION = 15.0
CLOSE_SECONDS = 1.0
COMMAND_BYTES = 64 * 1024
QUEUED_COMMANDS = 32
WRITER_LIMIT = 64 * 1024


class Resume(Args):
    """`after` is the id of the last event the client has; null = it has none."""

    after: int | None = Field(None, ge=0, le=2**53)


class Connection:
    def __init__(self, ask: Ask, socket: web.WebSocketResponse, wishes: dict[str, Route]) -> None:
        self._ask = ask
        self._parts = ask.parts
        self._socket = socket
        self._wishes = wishes
        self._client = Client(ask.known)
        self._commands: asyncio.Queue[Command] = asyncio.Queue(QUEUED_COMMANDS)

    async def run(self) -> None:
        """Until either side closes."""
        end = asyncio.create_task(self._end())
        jobs = [self._read(), self._write(), self._obey(), self._keep_pop(), self._watch_session()]
        tasks = [end, *(asyncio.create_task(job) for job in jobs)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._client.ended.done():
                await end
        finally:
            self._parts.hub.leave(self._client)
            await _cancel(tasks)

    async def _read(self) -> None:
        async for message in self._socket:
            try:
                if message.type is not WSMsgType.TEXT:
                    raise BadRequest("send text frames")
                self._accept(message.data)
            except CtiError as error:
                self._fail(None, error)

    def _accept(self, text: str) -> None:
        try:
            command = Command.model_validate_json(text)
        except ValidationError as error:
            raise failures.invalid(error) from None
        if command.do == "ping":
            self._answer(command.id, b'{"now":%d}' % self._parts.clock.now())
            return
        try:
            self._commands.put_nowait(command)
        except asyncio.QueueFull:
            self._fail(command.id, TooMany("earlier commands are not done yet; wait for their answers"))

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while True:
                await self._socket.send_frame(await self._client.next_frame(), WSMsgType.TEXT)

    async def _obey(self) -> None:
        while True:
            command = await self._commands.get()
            try:
                self._answer(command.id, await self._carry_out(command))
            except Exception as error:
                self._fail(command.id, failures.as_cti_error(error))

    async def _carry_out(self, command: Command) -> bytes:
        if command.do == "resume":
            last = await self._parts.hub.catch_up(self._client, parse(Resume, command.args).after)
            return b'{"last":%d}' % last
        route = self._wishes.get(command.do)
        if route is None:
            raise NotFound(f"no command of that name; known: resume, ping, {', '.join(self._wishes)}")
        self._ask.require(route.roles)
        answer = await route.handle(self._ask, parse(route.args, command.args))
        adapter: TypeAdapter[Any] = TypeAdapter(route.answer)
        return adapter.dump_json(adapter.validate_python(answer))

    async def _keep_pop(self) -> None:
        """After each event that changes who is calling, fetch and send the pop."""
        agent_id = self._client.agent_id
        while True:
            await self._client.pop_due.wait()
            self._client.pop_due.clear()
            if agent_id is None:
                continue
            try:
                found = await self._parts.desk.pop(agent_id)
                pop = None if found is None else Pop.model_validate(found)
                self._client.shows = frozenset() if pop is None else _shown(pop)
                self._client.put(b'{"pop":' + (b"null" if pop is None else pop.model_dump_json().encode()) + b"}")
            except Exception as error:
                self._client.put(b'{"pop_error":' + _failure(failures.as_cti_error(error)) + b"}")

    async def _watch_session(self) -> None:
        session = self._client.identity.session
        while True:
            left = (session.expires_at - self._parts.clock.now()) / 1e6
            await asyncio.sleep(max(0.0, min(CHECK_SESSION, left)))
            try:
                await self._parts.auth.recognise(session.token_hash)
            except NotSignedIn:
                self._client.end(Close.SIGNED_OUT)
                return
            except CtiError as error:
                failures.as_cti_error(error)

    async def _end(self) -> None:
        """Close when the hub or the session says so; a peer that does not take the close is cut."""
        reason = await self._client.ended
        self._parts.hub.leave(self._client)
        if reason is Close.SLOW:
            self._parts.hub.count_slow()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(code=reason, message=reason.name.lower().encode())
        except (TimeoutError, ConnectionError):
            request = self._ask.request
            if request is not None and request.transport is not None:
                request.transport.abort()

    def _answer(self, command_id: int, body: bytes) -> None:
        self._client.put(b'{"id":%d,"ok":%b}' % (command_id, body))

    def _fail(self, command_id: int | None, error: CtiError) -> None:
        self._client.put(b'{"id":%b,"error":%b}' % (orjson.dumps(command_id), _failure(error)))


def _shown(pop: Pop) -> frozenset[str]:
    files = [*pop.candidates, *filter(None, [pop.customer])]
    orders = pop.customer.orders if pop.customer else []
    return frozenset({file.customer_id for file in files} | {order.ticket_id for order in orders})


def _failure(error: CtiError) -> bytes:
    return failures.body_of(error).model_dump_json().encode()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            failures.as_cti_error(outcome)


def live_route(wishes: dict[str, Route]) -> Route:
    async def live(ask: Ask, _: Args) -> web.StreamResponse:
        assert ask.request is not None
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT, compress=False, max_msg_size=COMMAND_BYTES, writer_limit=WRITER_LIMIT
        )
        if not socket.can_prepare(ask.request).ok:
            raise BadRequest("this address is a WebSocket; connect with the upgrade headers")
        await socket.prepare(ask.request)
        await Connection(ask, socket, wishes).run()
        return socket

    return Route(
        method="GET",
        path="/live",
        handle=live,
        summary="WebSocket: commands and the event stream (docs/http-api.md)",
        roles=may_watch(),
        documented=False,
    )
