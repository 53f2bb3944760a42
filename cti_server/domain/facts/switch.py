"""The link to the switch, and what we could not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cti_server.domain.facts.base import CallFact, Fact
from cti_server.domain.facts.visits import Outcome
from cti_server.domain.ids import AgentId, Micros, QueueName


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRecorded(Fact):
    """We could not see from `since` to `at`, or could not keep what we saw (`journal`). Reports over that time say so."""

    what: Literal["server_down", "switch_link", "journal"]
    node: str
    since: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class CallUnseen(CallFact):
    """No server saw this call: Asterisk's own queue had it, and its log says so, to the second. `at` is when the caller entered;
    `answered_by` is null when nobody answered or the phone is no agent's."""

    node: str
    uniqueid: str
    caller: str
    queue: QueueName
    outcome: Outcome
    answered_by: AgentId | None = None
    answered_at: Micros | None = None
    ended_at: Micros

    @property
    def wait(self) -> Micros:
        return (self.answered_at or self.ended_at) - self.at

    @property
    def talk(self) -> Micros:
        return self.ended_at - self.answered_at if self.answered_at else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchLinked(Fact):
    node: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchLost(Fact):
    node: str
