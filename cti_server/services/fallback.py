"""Keeps Asterisk's own queues (the safety net) in step with the floor, so that callers reach people when no server runs.

Any change of an agent's intent or phone asks for a new comparison; changes within SETTLE seconds are told together.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import structlog

from cti_server.bus import Bus
from cti_server.domain.facts import (
    AgentPaused,
    AgentReachable,
    AgentReady,
    AgentSignedIn,
    AgentSignedOut,
    AgentUnreachable,
    Recorded,
)
from cti_server.errors import CtiError, SwitchRefused
from cti_server.ports import LinkUp, Switch, SwitchEvent
from cti_server.services.floor import Floor

log = structlog.get_logger(__name__)
SETTLE = 0.5
AGAIN = 5.0
"""Seconds until a failed comparison is tried again."""
CHANGES = (AgentPaused, AgentReachable, AgentReady, AgentSignedIn, AgentSignedOut, AgentUnreachable)


class FallbackKeeper:
    def __init__(self, floor: Floor, switch: Switch, bus: Bus) -> None:
        self._floor, self._switch, self._bus = floor, switch, bus
        self._changed = asyncio.Event()
        self._undo = ExitStack()

    async def run(self) -> None:
        """Until cancelled."""
        with self._undo:
            self._undo.callback(self._bus.subscribe(self._on_fact))
            self._undo.callback(self._switch.subscribe(self._on_switch))
            while True:
                await self._changed.wait()
                await asyncio.sleep(SETTLE)
                self._changed.clear()
                await self._sync()

    def compare(self) -> None:
        """Agents or queues were set up otherwise."""
        self._changed.set()

    async def _sync(self) -> None:
        if not self._switch.linked:
            return
        try:
            await self._switch.sync_fallback(self._floor.fallback_members())
        except CtiError as error:
            log.warning("fallback_not_in_step", error=str(error))
            if not isinstance(error, SwitchRefused):  # a queue Asterisk does not have: it will not have it soon
                asyncio.get_running_loop().call_later(AGAIN, self._changed.set)

    def _on_fact(self, recorded: Recorded) -> None:
        if isinstance(recorded.fact, CHANGES):
            self._changed.set()

    def _on_switch(self, event: SwitchEvent) -> None:
        if isinstance(event, LinkUp):
            self._changed.set()
