"""The shift leader: listening, announcements, alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cti_server.domain.facts.base import AgentFact, CallFact, Fact
from cti_server.domain.ids import AgentId, QueueName

ListenMode = Literal["listen", "whisper", "barge"]
"""listen: hears both; whisper: the agent hears him too; barge: everybody hears everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenFact(CallFact):
    """Somebody (`by`, his login) on an agent's talk. The agent is `subject`, not `agent_id`: he is told only when `told`
    (setting calls.tell_listening)."""

    listening_id: str
    subject: AgentId
    by: str
    told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenStarted(ListenFact):
    """He hears the talk from now on."""

    mode: ListenMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenModeChanged(ListenFact):
    mode: ListenMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenEnded(ListenFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementMade(Fact):
    """A message of a leader's to `agents`; `audience` is `all`, `queue` or `agent`, and `name` which of them."""

    announcement_id: str
    by: str
    audience: Literal["all", "queue", "agent"]
    name: str
    text: str
    agents: tuple[AgentId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementRead(AgentFact):
    announcement_id: str


AlarmKind = Literal["waiting", "longest_wait", "service_level", "agents_ready"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFact(Fact):
    queue: QueueName
    alarm: AlarmKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised(AlarmFact):
    """A queue is beyond a threshold. `value` and `threshold` are callers, seconds, percent, or agents, by kind of alarm."""

    value: int
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared(AlarmFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmAcknowledged(AlarmFact):
    """A leader (`by`, his login) has seen the alarm and takes care of it."""

    by: str
