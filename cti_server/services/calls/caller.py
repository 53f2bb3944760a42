"""One caller on one line: what a session, a flow and a queue all work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cti_server.domain.ids import AgentId
from cti_server.ports import Line
from cti_server.services.calls.live import LiveCall, Visit
from cti_server.services.calls.parts import Parts
from cti_server.services.calls.ticket import Stage, Ticket, variables
from cti_server.services.calls.voice import Voice


@dataclass(slots=True)
class Caller:
    """The line, the call's facts, the voice to speak with, and where the flow stands."""

    parts: Parts
    line: Line
    live: LiveCall
    voice: Voice
    flow_state: Mapping[str, Any] = field(default_factory=dict)
    resumed: Ticket | None = None
    """The ticket this caller came back with, until its stage is taken up again."""
    _written: dict[str, str] = field(default_factory=dict)

    async def carry(self, stage: Stage, visit: Visit | None = None, dialled: AgentId | None = None) -> None:
        """Write the ticket onto the channel, so that the caller keeps his place whatever happens to us."""
        wanted = variables(Ticket(stage, self.voice.language, self.flow_state, visit, dialled, self.line.info.script))
        await self.write({name: value for name, value in wanted.items() if self._written.get(name) != value})

    async def write(self, changed: Mapping[str, str]) -> None:
        await self.line.set_variables(changed)
        self._written.update(changed)

    def take_resumed(self) -> Ticket | None:
        ticket, self.resumed = self.resumed, None
        return ticket

    def speak(self, language: str) -> None:
        """From here on in this language."""
        self.live.language = self.voice.language = language
