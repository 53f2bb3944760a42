"""How what is set up here is called on the switch (docker/asterisk/conf)."""

from __future__ import annotations

from collections.abc import Iterable

from cti_server.domain.agents import Agent

SOFTPHONE = "w"
"""An agent's WebRTC endpoint is his desk phone's with this letter behind."""
LAST_QUEUE = "cti-fallback"
"""Asterisk's own queue for callers of no queue, and of queues that have none of their own there."""


def endpoints(agent: Agent) -> tuple[str, str]:
    """The agent's desk phone and his softphone."""
    desk = agent.endpoint or agent.agent_id
    return desk, desk + SOFTPHONE


def own_queue(name: str) -> str:
    """Asterisk's own queue, where callers of ours wait when no server answers."""
    return f"cti-{name}"


def needed(agents: Iterable[Agent], queues: Iterable[str]) -> tuple[list[str], list[str]]:
    """Every endpoint and every queue of Asterisk's that these agents and queues call for."""
    return [end for agent in agents for end in endpoints(agent)], [*map(own_queue, queues), LAST_QUEUE]
