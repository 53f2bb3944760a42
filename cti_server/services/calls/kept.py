"""A caller whose talk was cut by his agent's page (reload, crash, closed tab, network).

For `calls.keep_alone_seconds` he is for that agent alone: who knows his matter and is back in a moment is worth more to him than
a stranger at once. Then he waits in his queue with the priority and the place in time he had, and whoever is free first takes
him: a colleague, or until `calls.keep_seconds` his agent, who is rung before he has wrapped up.
"""

from __future__ import annotations

from dataclasses import dataclass

from cti_server.config import CallSettings
from cti_server.domain.ids import AgentId, Micros
from cti_server.domain.queues import micros
from cti_server.services.floor import Floor

LOOK_FIRST = 1.0
"""Seconds the switch needs to see that the old page's phone is gone."""
LOOK_AGAIN = 0.25


@dataclass(frozen=True, slots=True)
class Back:
    """His agent is, before anybody else was free."""

    agent_id: AgentId


@dataclass(frozen=True, slots=True)
class Kept:
    """`alone_until` and `until` as above."""

    agent_id: AgentId
    alone_until: Micros
    until: Micros

    @staticmethod
    def now(agent_id: AgentId, settings: CallSettings, now: Micros) -> Kept:
        alone = min(settings.keep_alone_seconds, settings.keep_seconds)
        return Kept(agent_id, now + micros(alone), now + micros(settings.keep_seconds))

    def back(self, floor: Floor, now: Micros) -> Back | None:
        """The agent's softphone is registered again and he is still at work on this call."""
        if now >= self.until or not floor.knows(self.agent_id) or not floor.registered(self.agent_id)[1]:
            return None
        return Back(self.agent_id) if floor.state(self.agent_id).system in ("wrap_up", "available") else None
