"""Whether Asterisk has what is set up here: agents' phones, and the queues that catch callers when no server answers.

Phones and queues are Asterisk's own conf files, which this server does not write (ADR 0051): an administrator is shown what is
missing and the lines to add.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Literal

from cti_server.domain.agents import Agent
from cti_server.domain.on_switch import LAST_QUEUE, endpoints, needed, own_queue
from cti_server.errors import NotFound, SwitchUnavailable
from cti_server.ports import Lacking, Switch
from cti_server.services.configuration import SetupStore
from cti_server.services.phones import Phones

PhoneLines = Callable[[str, str, str], str]
"""agent_id, endpoint, password → lines of pjsip.conf for his two phones."""
PhoneState = Literal["registered", "away", "missing"]


class OnSwitch:
    """Raises StorageUnavailable."""

    def __init__(
        self, switch: Switch, store: SetupStore, phones: Phones, lines: PhoneLines, compare: Callable[[], None]
    ) -> None:
        self._switch, self._store, self._phones, self._lines, self._compare = switch, store, phones, lines, compare

    async def look(self) -> dict[str, Any]:
        """`linked` False = Asterisk cannot be asked now, and nothing is told as missing. A queue somebody has added there since
        gets its members."""
        setup = await self._store.read()
        try:
            lacking = await self._switch.lacking(*needed(setup.agents.values(), setup.queues))
        except SwitchUnavailable:
            return {"linked": False, "phones": {}, "queues": [], "last_queue": True}
        self._compare()
        return {
            "linked": True,
            "phones": {agent_id: self._of(agent, lacking) for agent_id, agent in setup.agents.items()},
            "queues": [name for name in setup.queues if own_queue(name) in lacking.queues],
            "last_queue": LAST_QUEUE not in lacking.queues,
        }

    def _of(self, agent: Agent, lacking: Lacking) -> dict[str, Any]:
        """Of an agent's two phones."""
        registered = self._phones.registered(agent.agent_id)
        desk, softphone = (
            {"endpoint": end, "state": _state(end in lacking.endpoints, is_registered)}
            for end, is_registered in zip(endpoints(agent), registered, strict=True)
        )
        return {"desk": desk, "softphone": softphone, "password": self._phones.can_softphone(agent.agent_id)}

    async def new_phone(self, agent_id: str) -> dict[str, str]:
        """Lines for the two phones of an agent, with a password drawn now and kept nowhere. Raises NotFound."""
        agent = (await self._store.read()).agents.get(agent_id)
        if agent is None:
            raise NotFound(f"there is no agent {agent_id}")
        (desk, softphone), password = endpoints(agent), secrets.token_urlsafe(18)
        return {"lines": self._lines(agent_id, desk, password), "endpoint": softphone, "password": password}


def _state(is_missing: bool, is_registered: bool) -> PhoneState:
    return "registered" if is_registered else "missing" if is_missing else "away"
