"""An agent as configured, and what is known of him now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cti_server.domain.facts import ConsultResult, ConsultTo
from cti_server.domain.ids import MINUTE, SECOND, AgentId, CallId, Micros, OfferId, QueueName, VisitId
from cti_server.domain.wrong import Refused, wrong

Intent = Literal["ready", "paused", "signed_out"]
SystemState = Literal[
    "available", "offered", "dialling", "talking", "hold", "internal", "wrap_up", "unreachable", "busy_elsewhere"
]
"""`internal`: the caller has hung up, and those he left behind (consulted, in conference) talk on."""
WITH_CALLER: frozenset[SystemState] = frozenset({"offered", "dialling", "talking", "hold", "internal"})
"""A call of ours is in hand."""
WORKING: frozenset[SystemState] = WITH_CALLER | {"wrap_up"}
MISSED_CALLS = "missed_calls"
SIGNED_IN = "signed_in"
"""Reason of the pause every shift begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One agent as configured; what he may do besides taking calls is his user's role (domain/users.py).

    Raises InvalidValue for a skill or queue level outside 1–10."""

    agent_id: AgentId
    name: str = ""
    endpoint: str = ""
    """PJSIP endpoint of the phone; '' = the agent id."""
    queues: Mapping[QueueName, int] = field(default_factory=dict)
    """Queue → level 1–10; the higher level is chosen first."""
    skills: Mapping[str, int] = field(default_factory=dict)
    certified: bool = True
    """The training certificate is entered; without it no calls (service-rules.md 1)."""
    suspended: bool = False

    def __post_init__(self) -> None:
        for field_name, levels in (("queues", self.queues), ("skills", self.skills)):
            for name, level in levels.items():
                if not 1 <= level <= 10:
                    raise Refused(wrong("level", level=level, name=name), field_name, f"agent {self.agent_id}: ")


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
    wrap_up: Micros = 30 * SECOND
    """Length of a wrap-up when the queue is not known."""
    wrap_up_most: Micros = 30 * MINUTE
    """Wrap-up cannot be extended beyond this, from its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """Somebody an agent asks, or has asked, during his talk."""

    consult_id: CallId
    to: ConsultTo
    target: str
    since: Micros
    """Of the last change."""
    partner: AgentId | None = None
    """The agent who answered."""
    answered: bool = False
    with_caller: bool = False
    """The agent has swapped back to the caller; the one consulted waits."""
    result: ConsultResult | None = None
    """Set = over; kept so that the agent reads why."""

    @property
    def open(self) -> bool:
        return self.result is None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """What is known of one agent now. Times are micros; 0 = never."""

    agent_id: AgentId
    rules: AgentRules = AgentRules()
    intent: Intent = "signed_out"
    reason: str = ""
    """Of the pause."""
    by: str = ""
    """Who asked for the intent: his own id, a leader's login, or `system`."""
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
    wrap_up_extended: bool = False
    consult: Consultation | None = None
    """The last consultation of the present talk."""
    parties: tuple[Consultation, ...] = ()
    """Who else is in conference with him and the caller, in the order they joined."""
    coded_visit: VisitId | None = None
    """The last visit he gave a disposition code to."""

    @property
    def coded(self) -> bool:
        """The visit in hand has its disposition code."""
        return self.visit_id is not None and self.coded_visit == self.visit_id

    @property
    def consulting(self) -> bool:
        return self.consult is not None and self.consult.open

    @property
    def free(self) -> bool:
        return self.intent == "ready" and self.system == "available"

    @property
    def likely(self) -> bool:
        """He takes calls now or will once his present one is over."""
        return self.intent == "ready" and self.system != "unreachable"
