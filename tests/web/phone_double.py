"""The phones service of the web tests: the real one, on a floor of names and settings in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cti_server.domain.agents import Agent, AgentState
from cti_server.domain.ids import AgentId
from cti_server.errors import NotFound
from cti_server.services.outside import Outside
from cti_server.services.page_links import PageLinks
from cti_server.services.phones import Phones


class FloorDouble:
    """Agents by name; `softphones` are registered."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._agents = {key: Agent(agent_id=AgentId(key), name=name) for key, name in names.items()}
        self.chosen: set[str] = set()
        self.softphones: set[str] = set()

    def __iter__(self) -> Iterator[tuple[Agent, AgentState]]:
        return ((agent, AgentState(agent_id=key)) for key, agent in self._agents.items())  # type: ignore[arg-type]

    def agent(self, agent_id: AgentId) -> Agent:
        if agent_id not in self._agents:
            raise NotFound(f"there is no agent {agent_id}")
        return self._agents[agent_id]

    def prefer_softphone(self, agent_id: AgentId, wanted: bool) -> None:
        (self.chosen.add if wanted else self.chosen.discard)(agent_id)

    def prefers_softphone(self, agent_id: AgentId) -> bool:
        return agent_id in self.chosen

    def registered(self, agent_id: AgentId) -> tuple[bool, bool]:
        return True, agent_id in self.softphones


class MemoryChoices:
    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    async def setting(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    async def save_setting(self, name: str, value: Any) -> None:
        self.values[name] = value


def make_phones(names: Mapping[str, str], secrets: Path | None = None, links: PageLinks | None = None) -> Phones:
    floor: Any = FloorDouble(names)
    return Phones(floor, MemoryChoices(), secrets, Outside((), "CN"), links or PageLinks(_nobody, _silent, 3.0))


async def _nobody(agent_id: str) -> None:
    pass


async def _silent(agent_id: str) -> None:
    return None
