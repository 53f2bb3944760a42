"""The FastAGI server: Asterisk brings each call here; one task a call runs the call handler on an `AgiLine`.

Policy: a peer outside `peers` and a call beyond `max_calls` are closed at once (the dialplan then uses its next node or the
fallback queue); an opening must be complete within `handshake_seconds`; whatever a handler raises ends only its own call.
A session whose handler did not `leave(done=True)` goes back to the dialplan unfinished, so nobody is dropped by our bugs.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
from functools import partial

import structlog

from cti_server.asterisk.agi.line import AgiLine, open_line
from cti_server.asterisk.agi.session import AgiSession
from cti_server.config import AgiSettings
from cti_server.errors import BadSettings, CtiError, LineGone
from cti_server.ports import CallHandler

BACKLOG = 512

log = structlog.get_logger(__name__)


class AgiServer:
    """`start`, then `drain` (no new calls, those here go on), then `stop`. `port` is the real one, also for port 0."""

    def __init__(self, settings: AgiSettings, node: str, handler: CallHandler) -> None:
        self._settings = settings
        self._node = node
        self._handler = handler
        self._peers = _networks(settings.peers)
        self._server: asyncio.Server | None = None
        self._calls: dict[asyncio.Task[None], AgiSession] = {}
        self.port = settings.port
        self.turned_away = 0
        """Calls closed because `max_calls` were here already, since start."""

    @property
    def calls(self) -> int:
        return len(self._calls)

    async def start(self) -> None:
        """Raises BadSettings when the address cannot be had, for example because another server listens there."""
        loop = asyncio.get_running_loop()
        make = partial(AgiSession, max_line=self._settings.max_line, on_connect=self._admit)
        host, port = self._settings.host, self._settings.port
        try:
            self._server = await loop.create_server(make, host, port, backlog=BACKLOG)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise BadSettings(
                f"cannot listen for calls on {host}:{port} ({why}); stop the program that uses it or set CTI_AGI__HOST and "
                "CTI_AGI__PORT"
            ) from error
        self.port = int(self._server.sockets[0].getsockname()[1])
        log.info("agi_listening", host=host, port=self.port)

    def drain(self) -> None:
        """Take no new calls; Asterisk is refused at once and turns to its next node. Calls here go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def stop(self, grace: float = 1.0) -> None:
        """Close every session (their channels go back to the dialplan) and wait `grace` seconds before cancelling handlers."""
        self.drain()
        for session in self._calls.values():
            session.close()
        if not self._calls:
            return
        _, late = await asyncio.wait(tuple(self._calls), timeout=grace)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _admit(self, session: AgiSession) -> bool:
        if not self._known(session.peer):
            log.warning("agi_peer_refused", peer=session.peer)
            return False
        if len(self._calls) >= self._settings.max_calls:
            self.turned_away += 1
            log.warning("agi_full", calls=len(self._calls))
            return False
        task = asyncio.get_running_loop().create_task(self._serve(session))
        self._calls[task] = session
        task.add_done_callback(self._calls.pop)
        return True

    def _known(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._peers)

    async def _serve(self, session: AgiSession) -> None:
        try:
            line = await self._open(session)
            if line is not None:
                await self._run(line)
        finally:
            session.close()

    async def _open(self, session: AgiSession) -> AgiLine | None:
        try:
            async with asyncio.timeout(self._settings.handshake_seconds):
                return await open_line(session, self._node)
        except TimeoutError:
            log.warning("agi_handshake_late", peer=session.peer)
        except CtiError as error:
            log.info("agi_not_opened", peer=session.peer, error=str(error))
        return None

    async def _run(self, line: AgiLine) -> None:
        try:
            await self._handler(line)
        except LineGone:
            log.debug("line_gone", channel=line.info.channel.name)
        except Exception:
            log.exception("call_handler_failed", channel=line.info.channel.name, script=line.info.script)


def _networks(peers: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    try:
        return tuple(ipaddress.ip_network(peer) for peer in peers)
    except ValueError as error:
        raise BadSettings(f"CTI_AGI__PEERS: {error}; write networks such as 127.0.0.0/8 or 10.1.2.3/32") from None
