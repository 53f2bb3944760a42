"""The link that stays: two logins opened together, lost together, made anew with a jittered back-off.

`events` only listens; `actions` only asks, so a burst of events never delays an answer (docs/decisions/0013).

    connecting → resyncing (on_up runs) → up → lost (on_down) → pause → connecting …
    refused login: the same, with the longest pause at once, so a wrong password does not hammer Asterisk
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import structlog
from asterisk.ami.action import Action

from cti_server.asterisk.ami.session import Session
from cti_server.asterisk.ami.wire import Message
from cti_server.config import AmiSettings
from cti_server.errors import BadRequest, SwitchRefused, SwitchUnavailable

log = structlog.get_logger(__name__)

CLASSES = "system,call"
"""Event classes we ask for at login: the cheapest filter, set on Asterisk's side. Leaves out dialplan (VarSet, Newexten),
reporting (RTCP), agent, security, dtmf."""
FIRST_PAUSE = 0.1


class Link:
    """`async with Link(...)`. `send` and `gather` raise SwitchUnavailable while there is no link."""

    def __init__(
        self,
        settings: AmiSettings,
        *,
        on_event: Callable[[Message], None],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._actions: Session | None = None
        self._booted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.trouble = ""
        """Why there is no link, in words for a person; '' while there is one."""

    async def __aenter__(self) -> Link:
        self._task = asyncio.create_task(self._stay(), name="ami-link")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def send(self, action: Action) -> Message:
        return await self._session(action).send(action)

    async def gather(self, action: Action) -> list[Message]:
        return await self._session(action).gather(action)

    def _session(self, action: Action) -> Session:
        if self._actions is None:
            raise SwitchUnavailable(f"{action.name}: no link to Asterisk ({self.trouble or 'not connected yet'})")
        return self._actions

    async def _stay(self) -> None:
        tries = 0
        while True:
            was_up = False
            try:
                async with AsyncExitStack() as stack:
                    lost = await self._come_up(stack)
                    was_up = True
                    log.info("ami_up", host=self._settings.host, port=self._settings.port)
                    await asyncio.wait(lost, return_when=asyncio.FIRST_COMPLETED)
                    self.trouble = next(future.result() for future in lost if future.done())
            except (SwitchUnavailable, SwitchRefused, BadRequest) as error:
                tries = -1 if isinstance(error, SwitchRefused) else tries
                self.trouble = str(error)
            except Exception as error:
                # Whatever a subscriber did while coming up: the link is the one thing that must not stay down.
                log.exception("ami_failed")
                self.trouble = repr(error)
            finally:
                self._actions = None
                self._on_down()
            tries = 0 if was_up else tries
            pause = self._pause(tries)
            log.warning("ami_down", why=self.trouble, again_in=round(pause, 2))
            await asyncio.sleep(pause)
            tries += 1

    async def _come_up(self, stack: AsyncExitStack) -> list[asyncio.Future[str]]:
        self._booted.clear()
        events = await stack.enter_async_context(Session(self._settings, events=CLASSES, on_event=self._take))
        actions = await stack.enter_async_context(Session(self._settings))
        await self._wait_booted(events)
        self._actions = actions
        await self._on_up()
        self.trouble = ""
        return [events.lost, actions.lost]

    async def _wait_booted(self, events: Session) -> None:
        booted = asyncio.create_task(self._booted.wait())
        either: list[asyncio.Future[Any]] = [booted, events.lost]
        try:
            await asyncio.wait(either, timeout=self._settings.answer_seconds, return_when=asyncio.FIRST_COMPLETED)
            if events.lost.done():
                raise SwitchUnavailable(events.lost.result())
            if not booted.done():
                raise SwitchUnavailable(
                    "Asterisk did not say FullyBooted: it is still starting, or the manager user lacks read=system"
                )
        finally:
            booted.cancel()
            await asyncio.gather(booted, return_exceptions=True)

    def _take(self, message: Message) -> None:
        if message.name == "FullyBooted":
            self._booted.set()
        self._on_event(message)

    def _pause(self, tries: int) -> float:
        """Seconds before the next try; `tries` < 0 means refused. Jitter keeps several servers from coming in step."""
        longest = self._settings.reconnect_max_seconds
        pause = longest if tries < 0 else min(longest, FIRST_PAUSE * 2 ** min(tries, 16))
        return pause * random.uniform(0.5, 1)  # noqa: S311 - jitter, not a secret
