"""What an agent wants, and what his phone does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cti_server.domain.facts.base import AgentFact
from cti_server.domain.ids import CallId, Micros, VisitId


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSignedIn(AgentFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSignedOut(AgentFact):
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReady(AgentFact):
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPaused(AgentFact):
    """`by` is the agent's own id, a leader's login, or `system` (reason `missed_calls`)."""

    reason: str
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpStarted(AgentFact):
    call_id: CallId
    visit_id: VisitId
    until: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpExtended(AgentFact):
    """`by` is the agent's own id or a leader's login."""

    until: Micros
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpEnded(AgentFact):
    """`code_missing`: the queue wants a disposition code and none was given. `leader`: his login, when it was one."""

    by: Literal["agent", "deadline", "signed_out", "leader"]
    code_missing: bool = False
    leader: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReachable(AgentFact):
    """The agent's phone has a live contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentUnreachable(AgentFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPhoneBusy(AgentFact):
    """The agent's phone is in use by a call that is none of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPhoneFree(AgentFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAssigned(AgentFact):
    """The queues the agent serves from now on, each with his level 1–10; `by` is the login of whoever moved him. `then` = what
    he serves again after this shift; null = the move is for good."""

    queues: tuple[tuple[str, int], ...]
    by: str
    then: tuple[tuple[str, int], ...] | None = None
