"""Which phone an agent uses, and the way into the switch for the one in his browser.

An agent has two endpoints (ADR 0010): a desk phone and, in the page, a softphone. What he chose is kept; it counts when both
are registered. The softphone's password stands in the file the setting `phones.secrets` names, written by whoever sets up the
switch; it is given to its owner alone.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from cti_server.domain.agents import AgentState
from cti_server.domain.ids import AgentId
from cti_server.domain.on_switch import endpoints
from cti_server.errors import NotFound, Unavailable
from cti_server.services.floor import Floor
from cti_server.services.outside import Outside
from cti_server.services.page_links import PageLinks

PhoneKind = Literal["desk", "softphone"]
DEMO_ENDPOINT = "demo"
"""The newcomers' phone of the demo (docker/asterisk/conf/demo.conf)."""
SIP_DOMAIN = "cti.invalid"
"""Stands in SIP addresses only; Asterisk knows endpoints by their name, and nothing is ever looked up."""
READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class ChoiceStore(Protocol):
    """Settings changed while the server runs (storage)."""

    async def setting(self, name: str, default: Any = None) -> Any: ...
    async def save_setting(self, name: str, value: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Account:
    """What a softphone registers with."""

    endpoint: str
    password: str

    @property
    def uri(self) -> str:
        return f"sip:{self.endpoint}@{SIP_DOMAIN}"


class Phones:
    def __init__(
        self, floor: Floor, store: ChoiceStore, secrets: Path | None, outside: Outside, links: PageLinks
    ) -> None:
        self._floor, self._store, self._secrets, self._outside = floor, store, secrets, outside
        self.links = links

    async def restore(self) -> None:
        """Tell the floor what agents chose earlier."""
        for agent, _ in self._floor:
            if await self._store.setting(_key(agent.agent_id)) == "softphone":
                self._floor.prefer_softphone(agent.agent_id, True)

    def choice(self, agent_id: str) -> PhoneKind:
        return "softphone" if self._floor.prefers_softphone(AgentId(agent_id)) else "desk"

    async def choose(self, agent_id: str, phone: PhoneKind) -> None:
        """Kept for the next shift too. Raises NotFound."""
        self._floor.agent(AgentId(agent_id))
        await self._store.save_setting(_key(agent_id), phone)
        self._floor.prefer_softphone(AgentId(agent_id), phone == "softphone")

    def registered(self, agent_id: str) -> tuple[bool, bool]:
        """Whether his desk phone and his softphone can be reached. Raises NotFound."""
        return self._floor.registered(AgentId(agent_id))

    def colleagues(self) -> list[dict[str, Any]]:
        """Whom a caller can be sent to (`wire.DirectoryAgent`)."""
        return [
            {
                "agent_id": agent.agent_id,
                "name": agent.name,
                "free": state.free,
                "state": _presence(state),
                "signed_in": state.intent != "signed_out",
            }
            for agent, state in self._floor
        ]

    def outside(self) -> list[dict[str, Any]]:
        """Numbers outside, by group (`wire.DirectoryNumber`)."""
        return [{"number": one.number, "name": one.name, "group": one.group} for one in self._outside.listed()]

    def account(self, agent_id: str) -> Account:
        """Of the agent's softphone. Raises NotFound when none is set up, Unavailable when the passwords cannot be read."""
        return self._account(endpoints(self._floor.agent(AgentId(agent_id)))[1])

    def can_softphone(self, agent_id: str) -> bool:
        try:
            self.account(agent_id)
        except (NotFound, Unavailable):
            return False
        return True

    def demo_account(self) -> Account:
        """Raises NotFound when the switch has no phone for newcomers."""
        return self._account(DEMO_ENDPOINT)

    def _account(self, endpoint: str) -> Account:
        password = _read(self._secrets).get(endpoint) if self._secrets else None
        if not password:
            raise NotFound(f"no softphone {endpoint} is set up; see CTI_PHONES__SECRETS", phone=endpoint)
        return Account(endpoint, password)


def write_secrets(path: Path, passwords: Iterable[tuple[str, str]]) -> None:
    """The file `phones.secrets` names, for its owner's eyes only."""
    part = path.with_name(f"{path.name}.part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(dict(passwords), indent=2))
    part.replace(path)


def _presence(state: AgentState) -> str:
    """What a colleague sees of him."""
    if state.intent == "signed_out":
        return "signed_out"
    if state.system in ("offered", "dialling", "talking", "hold", "internal", "busy_elsewhere"):
        return "talking"
    return "wrap_up" if state.system == "wrap_up" else "free" if state.free else "paused" if state.reachable else "away"


def _key(agent_id: str) -> str:
    return f"phone.{agent_id}"


def _read(path: Path) -> dict[str, str]:
    """Read anew each time: it is small, seldom asked for, and may be replaced while we run."""
    try:
        if path.stat().st_mode & READABLE_BY_OTHERS:
            raise Unavailable(f"others may read {path.name} (CTI_PHONES__SECRETS); run chmod 600 on it")
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        raise Unavailable("the file CTI_PHONES__SECRETS names cannot be read; it must be JSON") from None
    if not isinstance(found, dict):
        raise Unavailable("the file CTI_PHONES__SECRETS names must be one JSON object: endpoint to password")
    return {str(name): str(value) for name, value in found.items()}
