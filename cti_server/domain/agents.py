"""Agents: who they are, what they asked for (intent) and what the system sees (system state).

    intent   signed_out → paused (on sign-in) ⇄ ready                       owner: the agent, or a leader
    system   available → offered → talking ⇄ hold → wrap_up → available      owner: the ACD; deadlines below
             unreachable, busy_elsewhere                                     owner: the phone, resynced with the switch

An agent is offered callers only when intent is `ready` and system is `available` (`AgentState.free`).
Deadlines: offered → ring time plus grace, then withdrawn; wrap_up → its `until`, then ended; talking and hold → looked
at again after `AgentRules.talk_check` (the call's session owns them, `overlong` tells the service to ask the switch).

`apply` is the fold, `due` the facts whose time has come, the other functions validate wishes and return the facts that
carry them out: [] when nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cti_server.domain.facts import Fact
from cti_server.domain.ids import MINUTE, SECOND, AgentId, CallId, Micros, OfferId, QueueName, VisitId
from cti_server.domain.queues import Queue
from cti_server.errors import InvalidValue

Intent = Literal["ready", "paused", "signed_out"]
SystemState = Literal["available", "offered", "talking", "hold", "wrap_up", "unreachable", "busy_elsewhere"]
Role = Literal["agent", "shift_leader", "deputy_leader", "quality", "back_office", "finance", "administrator"]
MISSED_CALLS = "missed_calls"
SIGNED_IN = "signed_in"
"""Reason of the pause every shift begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One agent as configured. Raises InvalidValue for a skill or queue level outside 1–10."""

    agent_id: AgentId
    name: str = ""
    endpoint: str = ""
    """PJSIP endpoint of the phone; '' = the agent id."""
    queues: Mapping[QueueName, int] = field(default_factory=dict)
    """Queue → level 1–10; the higher level is chosen first."""
    skills: Mapping[str, int] = field(default_factory=dict)
    roles: frozenset[Role] = frozenset({"agent"})
    certified: bool = True
    """The training certificate is entered; without it no calls (service-rules.md 1)."""
    suspended: bool = False

    def __post_init__(self) -> None:
        for name, level in (*self.queues.items(), *self.skills.items()):
            if not 1 <= level <= 10:
                raise InvalidValue(f"agent {self.agent_id}: level {level} of {name} is not within 1–10")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRules:
    """Numbers of the service profile that hold for every agent."""

    missed_limit: int = 3
    """Misses in a row that pause an agent with reason `missed_calls`; 0 = never."""
    backoff: Micros = 5 * SECOND
    ring: Micros = 20 * SECOND
    """Ring time of an offer that does not say until when."""
    grace: Micros = 5 * SECOND
    """How much longer an offer may stay open than the phone rings."""
    talk_check: Micros = 120 * MINUTE
    wrap_up_most: Micros = 30 * MINUTE
    """Wrap-up cannot be extended beyond this, from its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """What is known of one agent now. Times are micros; 0 = never."""

    agent_id: AgentId
    rules: AgentRules = AgentRules()
    intent: Intent = "signed_out"
    reason: str = ""
    """Of the pause."""
    system: SystemState = "unreachable"
    since: Micros = 0
    """When (intent, reason, system) last changed."""
    idle_since: Micros = 0
    """The longest idle is served first: end of the last work or start of readiness. A caller who left while the phone
    rang does not cost the agent his turn; a missed offer does."""
    reachable: bool = False
    phone_busy: bool = False
    call_id: CallId | None = None
    visit_id: VisitId | None = None
    offer_id: OfferId | None = None
    missed_in_a_row: int = 0
    backoff_until: Micros = 0
    deadline: Micros | None = None
    """When the service must call `due` at the latest."""
    work_since: Micros = 0
    """Start of the present talk or wrap-up."""
    wrap_up_until: Micros | None = None

    @property
    def free(self) -> bool:
        return self.intent == "ready" and self.system == "available"

    @property
    def likely(self) -> bool:
        """He takes calls now or will once his present one is over."""
        return self.intent == "ready" and self.system != "unreachable"


def apply(state: AgentState, fact: Fact) -> AgentState:
    """The state after a fact; facts of other agents and other kinds change nothing."""
    raise NotImplementedError


def due(state: AgentState, now: Micros, queue: Queue | None = None) -> list[Fact]:
    """Facts whose time has come; record them, in order. Call it after every fact of the agent and at `state.deadline`.
    `queue` is that of the agent's visit: it gives the length of the wrap-up."""
    raise NotImplementedError


def overlong(state: AgentState, now: Micros) -> bool:
    """The talk is older than `talk_check`: ask the switch whether it still stands."""
    raise NotImplementedError


def sign_in(state: AgentState, agent: Agent, now: Micros) -> list[Fact]:
    """Forbidden when suspended. Also says AgentReachable when nothing else would: no, the phone tells that."""
    raise NotImplementedError


def sign_out(state: AgentState, now: Micros, by: str = "") -> list[Fact]:
    """Conflict while offered, talking or on hold; ends a wrap-up."""
    raise NotImplementedError


def end_shift(state: AgentState, now: Micros) -> list[Fact]:
    """[] while a customer is in progress, wrap-up included (service-rules.md 11: the late shift stays until done)."""
    raise NotImplementedError


def ready(state: AgentState, agent: Agent, now: Micros, by: str = "") -> list[Fact]:
    """Conflict when signed out; Forbidden when suspended or without a training certificate. Ends a wrap-up."""
    raise NotImplementedError


def pause(state: AgentState, now: Micros, reason: str, by: str = "") -> list[Fact]:
    """Conflict when signed out, InvalidValue without a reason. During a talk it holds from the end of the talk."""
    raise NotImplementedError


def extend_wrap_up(state: AgentState, now: Micros, more: Micros) -> list[Fact]:
    """Conflict when not in wrap-up or beyond `wrap_up_most`."""
    raise NotImplementedError


def end_wrap_up(state: AgentState, now: Micros, by: Literal["agent", "leader"] = "agent") -> list[Fact]:
    """Conflict when not in wrap-up."""
    raise NotImplementedError


def phone(state: AgentState, now: Micros, *, reachable: bool | None = None, busy: bool | None = None) -> list[Fact]:
    """What the switch says of the phone, as facts when it is news. A phone busy with our own call is no news."""
    raise NotImplementedError
