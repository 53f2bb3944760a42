"""One login to Asterisk's manager, from connect to loss. It never recovers: link.py opens the next one.

Owner of every deadline here: an action is answered within `answer_seconds` or fails; silence of `ping_seconds` is met
with a Ping, and an unanswered Ping ends the session; when it ends, everything outstanding fails with SwitchUnavailable.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from asterisk.ami.action import Action, SimpleAction

from cti_server.asterisk.ami.wire import Message, Reader, encode
from cti_server.config import AmiSettings
from cti_server.errors import SwitchRefused, SwitchUnavailable

log = structlog.get_logger(__name__)
OnEvent = Callable[[Message], None]
_GOING_DOWN = "Asterisk is shutting down"
_CHUNK = 256 * 1024


@dataclass(slots=True)
class _Pending:
    """One action that waits for its answer, and for its list when it asked for one."""

    name: str
    wants_list: bool
    done: asyncio.Future[tuple[Message, list[Message]]]
    response: Message | None = None
    items: list[Message] = field(default_factory=list)

    def take_response(self, message: Message) -> None:
        self.response = message
        if message.name.lower() == "error" or not self.wants_list:
            self._finish()

    def take_item(self, message: Message) -> None:
        if message.get("EventList").lower() in ("complete", "cancelled"):
            self._finish()
        else:
            self.items.append(message)

    def _finish(self) -> None:
        if self.response is not None and not self.done.done():
            self.done.set_result((self.response, self.items))


class Session:
    """`async with Session(settings, events="off")`: logged in inside, closed after. `lost` is done when it ended."""

    def __init__(self, settings: AmiSettings, *, events: str = "off", on_event: OnEvent | None = None) -> None:
        self._settings = settings
        self._events = events
        self._on_event = on_event
        self._wire = Reader()
        self._pending: dict[str, _Pending] = {}
        self._count = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._writer: asyncio.StreamWriter | None = None
        self._heard = 0.0
        """Loop time of the last bytes that came."""
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Its result says why, in words for the log."""

    async def __aenter__(self) -> Session:
        try:
            reader = await self._connect()
            self._tasks.append(asyncio.create_task(self._read(reader), name="ami-read"))
            await self._login()
            self._tasks.append(asyncio.create_task(self._watch(), name="ami-watch"))
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def send(self, action: Action) -> Message:
        """The answer. Raises SwitchRefused when it is an error, SwitchUnavailable when none comes, InvalidValue."""
        return (await self._ask(action, wants_list=False))[0]

    async def gather(self, action: Action) -> list[Message]:
        """The items of an action that answers with a list (`EventList: start` … `Complete`)."""
        return (await self._ask(action, wants_list=True))[1]

    async def _ask(self, action: Action, *, wants_list: bool) -> tuple[Message, list[Message]]:
        if self._writer is None or self.lost.done():
            raise SwitchUnavailable(f"{action.name}: no link to Asterisk; it is being made anew")
        self._count += 1
        key = f"{self._events}-{self._count}"
        data = encode(Action(action.name, {**action.keys, "ActionID": key}, action.variables))
        pending = _Pending(action.name, wants_list, asyncio.get_running_loop().create_future())
        self._pending[key] = pending
        try:
            self._writer.write(data)
            async with asyncio.timeout(self._settings.answer_seconds):
                response, items = await pending.done
        except TimeoutError:
            seconds = self._settings.answer_seconds
            raise SwitchUnavailable(f"{action.name}: no answer from Asterisk within {seconds:g} s") from None
        finally:
            del self._pending[key]
        if response.name.lower() == "error":
            raise _refusal(action.name, response.get("Message"))
        return response, items

    async def _connect(self) -> asyncio.StreamReader:
        s = self._settings
        try:
            async with asyncio.timeout(s.answer_seconds):
                reader, self._writer = await asyncio.open_connection(s.host, s.port, ssl=_tls(s))
        except (OSError, TimeoutError) as error:
            why = str(error) or f"no answer within {s.answer_seconds:g} s"
            raise SwitchUnavailable(f"cannot reach Asterisk's manager at {s.host}:{s.port}: {why}") from error
        return reader

    async def _login(self) -> None:
        s = self._settings
        secret = s.password.get_secret_value()
        keys = {"Username": s.username, "Events": self._events}
        try:
            if s.auth == "challenge":
                challenge = (await self.send(SimpleAction("Challenge", AuthType="MD5"))).get("Challenge")
                # AMI's challenge is defined as MD5; TLS is the protection, this only keeps the secret off the wire.
                digest = hashlib.md5(f"{challenge}{secret}".encode(), usedforsecurity=False).hexdigest()
                await self.send(Action("Login", {**keys, "AuthType": "MD5", "Key": digest}))
            else:
                await self.send(Action("Login", {**keys, "Secret": secret}))
        except SwitchRefused as refused:
            raise SwitchRefused(
                f"Asterisk refuses the manager login of {s.username!r} ({refused}); check CTI_AMI__USERNAME and "
                "CTI_AMI__PASSWORD against manager.conf, and its permit, acl and allowmultiplelogin lines"
            ) from None

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Parses and hands on, nothing else: Asterisk closes the session of a reader that is slow."""
        why = "Asterisk closed the manager connection"
        try:
            while chunk := await reader.read(_CHUNK):
                self._heard = asyncio.get_running_loop().time()
                for message in self._wire.feed(chunk):
                    self._dispatch(message)
        except (OSError, SwitchUnavailable) as error:
            why = str(error)
        finally:
            self._lose(why)

    def _dispatch(self, message: Message) -> None:
        if not message.is_event:
            pending = self._pending.get(message.get("ActionID"))
            if pending is not None:
                pending.take_response(message)
        elif self._pending and (pending := self._pending.get(message.get("ActionID"))) is not None:
            pending.take_item(message)
        elif self._on_event is not None:
            try:
                self._on_event(message)
            except Exception:
                log.exception("ami_event_failed", event_name=message.name)

    async def _watch(self) -> None:
        """A silent line is pinged: only an answer tells quiet from dead."""
        clock, patience = asyncio.get_running_loop().time, self._settings.ping_seconds
        try:
            while True:
                silent = clock() - self._heard
                if silent >= patience:
                    await self.send(SimpleAction("Ping"))
                    silent = 0.0
                await asyncio.sleep(patience - silent)
        except (SwitchUnavailable, SwitchRefused) as error:
            self._lose(str(error))

    def _lose(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)
        for pending in self._pending.values():
            if not pending.done.done():
                pending.done.set_exception(SwitchUnavailable(f"{pending.name}: the link to Asterisk was lost: {why}"))

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._lose("the session was closed")
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await self._writer.wait_closed()


def _refusal(action: str, why: str) -> SwitchRefused | SwitchUnavailable:
    """An Asterisk on its way down refuses everything, even a login: that is no answer to the wish."""
    if why == _GOING_DOWN:
        return SwitchUnavailable(f"{action}: {why}")
    return SwitchRefused(f"{action}: {why}", action=action)


def _tls(settings: AmiSettings) -> ssl.SSLContext | None:
    if not settings.tls:
        return None
    return ssl.create_default_context(cafile=str(settings.tls_ca) if settings.tls_ca else None)
