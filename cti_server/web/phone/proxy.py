"""SIP over WebSocket between a page and Asterisk, through this server: one origin, one place for TLS, and nobody reaches the
switch's web port who is not signed in.

Asterisk checks the password (SIP digest). Here it is only made sure that a page speaks for its own phone: a request that opens
something new must come from that endpoint. One SIP message is one text frame. Bounds: sockets in all, bytes of a frame.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import AbstractContextManager, nullcontext, suppress

import aiohttp
import structlog
from aiohttp import WSMsgType, web

from cti_server.errors import BadRequest, CtiError, Forbidden, NotSignedIn, TooMany, Unavailable
from cti_server.services.page_links import Link
from cti_server.web.live.client import Close
from cti_server.web.parts import PARTS, Ask
from cti_server.web.phone.wire import PhoneSocket

log = structlog.get_logger(__name__)

SOCKET_PATH = "/phone/ws"
PROTOCOL = "sip"
FRAME_BYTES = 64 * 1024
CHECK_SESSION = 15.0
CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 1.0
OPEN: web.AppKey[set[web.WebSocketResponse]] = web.AppKey("softphones", set[web.WebSocketResponse])

_REQUEST = re.compile(r"[A-Z]{1,20} \S{1,512} SIP/2\.0\r\n")
_FROM = re.compile(r"\r\n(?:From|f)[ \t]*:[^\r\n]*?\bsips?:([^@;>\s]{1,128})@", re.IGNORECASE)
_TO = re.compile(r"\r\n(?:To|t)[ \t]*:([^\r\n]*)", re.IGNORECASE)


def speaks_for(message: str, endpoint: str) -> bool:
    """Answers, and requests within a dialog that exists, are let through: Asterisk knows their dialog. What opens something new
    (no To tag) must be from `endpoint`; a message that cannot be read is not let through."""
    head = message.split("\r\n\r\n", 1)[0] + "\r\n"
    if head.startswith("SIP/2.0 ") or not head.strip():
        return True
    sender, to = _FROM.findall(head), _TO.findall(head)
    if not _REQUEST.match(head) or len(sender) != 1 or len(to) != 1:
        return False
    return ";tag=" in to[0].lower().replace(" ", "") or sender[0] == endpoint


async def agents_socket(ask: Ask, args: PhoneSocket) -> web.StreamResponse:
    _check_upgrade(ask)
    agent_id = ask.user.agent_id
    if agent_id is None or ask.parts.phones is None:
        raise Forbidden("this login has no phone", reason="no_agent")
    endpoint = ask.parts.phones.account(agent_id).endpoint
    return await _serve(ask, endpoint, ask.parts.phones.links.open(agent_id, args.page))


async def serve_endpoint(ask: Ask, endpoint: str) -> web.StreamResponse:
    """The demo's phone, which belongs to nobody."""
    _check_upgrade(ask)
    return await _serve(ask, endpoint, nullcontext())


def _check_upgrade(ask: Ask) -> None:
    request = ask.request
    asked = request.headers.get("Sec-WebSocket-Protocol", "") if request else ""
    if (
        request is None
        or not web.WebSocketResponse(protocols=(PROTOCOL,)).can_prepare(request).ok
        or PROTOCOL not in asked
    ):
        raise BadRequest("this address is a WebSocket for SIP; connect with the subprotocol sip")


async def _serve(ask: Ask, endpoint: str, link: AbstractContextManager[Link | None]) -> web.StreamResponse:
    request, parts = ask.request, ask.parts
    assert request is not None
    page = web.WebSocketResponse(
        protocols=(PROTOCOL,),
        heartbeat=parts.settings.phones.heartbeat_seconds,
        compress=False,
        max_msg_size=FRAME_BYTES,
        timeout=CLOSE_SECONDS,
    )
    sockets = request.app[OPEN]
    if len(sockets) >= parts.settings.phones.most:
        raise TooMany("too many softphones are connected (CTI_PHONES__MOST)", retry_after=30)
    sockets.add(page)
    try:
        async with aiohttp.ClientSession() as client:
            switch = await _reach(client, parts.settings.phones.websocket)
            async with switch:
                await page.prepare(request)
                with link as one:
                    ended = await _relay(ask, page, switch, endpoint)
                    if one is not None:
                        one.ended = ended
    finally:
        sockets.discard(page)
    return page


async def _reach(client: aiohttp.ClientSession, address: str) -> aiohttp.ClientWebSocketResponse:
    """Raises Unavailable."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await client.ws_connect(
                address, protocols=(PROTOCOL,), max_msg_size=FRAME_BYTES, timeout=aiohttp.ClientWSTimeout(ws_close=1.0)
            )
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        log.warning("switch_websocket_away", error=type(error).__name__)
        raise Unavailable("the telephone switch takes no softphones now (CTI_PHONES__WEBSOCKET)") from None


async def _relay(ask: Ask, page: web.WebSocketResponse, switch: aiohttp.ClientWebSocketResponse, endpoint: str) -> bool:
    """Until either side closes or the session ends; then both are closed. Whether it was the page's browser that closed."""
    up = asyncio.create_task(_up(page, switch, endpoint))
    tasks = [up, asyncio.create_task(_down(page, switch)), asyncio.create_task(_watch_session(ask, page))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return up.done() and up.exception() is None and up.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(ConnectionError, TimeoutError):
            await page.close(code=Close.RESTART)


async def _up(page: web.WebSocketResponse, switch: aiohttp.ClientWebSocketResponse, endpoint: str) -> bool:
    """True when the browser has closed it; False when it did not answer our ping, or spoke for another phone."""
    async for message in page:
        if message.type is WSMsgType.ERROR:
            break
        if message.type is not WSMsgType.TEXT or not speaks_for(message.data, endpoint):
            log.warning("sip_not_from_its_phone", endpoint=endpoint)
            return False
        await switch.send_str(message.data)
    return not isinstance(page.exception(), TimeoutError)


async def _down(page: web.WebSocketResponse, switch: aiohttp.ClientWebSocketResponse) -> None:
    async for message in switch:
        if message.type is WSMsgType.TEXT:
            await page.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await page.send_str(message.data.decode("utf-8", "replace"))


async def _watch_session(ask: Ask, page: web.WebSocketResponse) -> None:
    if ask.identity is None:
        await asyncio.Event().wait()
        return
    while True:
        await asyncio.sleep(CHECK_SESSION)
        try:
            await ask.parts.auth.recognise(ask.identity.session.token_hash)
        except NotSignedIn:
            await page.close(code=Close.SIGNED_OUT)
            return
        except CtiError as error:
            log.warning("session_not_checked", error=error.code)


async def close_all(app: web.Application) -> None:
    """At the server's stop: pages come back to the next one; their talks go on in the switch."""
    if (phones := app[PARTS].phones) is not None:
        phones.links.close()
    sockets = app[OPEN]
    for page in list(sockets):
        with suppress(ConnectionError, TimeoutError):
            await page.close(code=Close.RESTART)


def add_softphones(app: web.Application) -> None:
    app[OPEN] = set()
    app.on_shutdown.append(close_all)
