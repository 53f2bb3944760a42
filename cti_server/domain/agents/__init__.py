"""Agents: who they are, what they asked for (intent) and what the system sees (system state).

    intent   signed_out → paused (on sign-in) ⇄ ready                       owner: the agent, or a leader
    system   available → offered → talking ⇄ hold → wrap_up → available      owner: the ACD; deadlines below
             talking, hold → internal → wrap_up: the caller has gone from a consultation or conference   owner: the phone
             available → dialling → talking, wrap_up or available         owner: services/calls/placing.py
             unreachable, busy_elsewhere                                     owner: the phone, resynced with the switch

An agent is offered callers only when intent is `ready` and system is `available` (`AgentState.free`).
Deadlines: offered → ring time plus grace, then withdrawn; dialling → as the call says plus grace; wrap_up → its
`until`, then ended; talking and hold → none by time: the call's session owns them and its end ends them; `overlong` names
those worth asking the switch about.

`apply` is the fold, `due` the facts whose time has come, the other functions validate wishes and return the facts that
carry them out: [] when nothing changes.
"""

from cti_server.domain.agents.fold import apply
from cti_server.domain.agents.state import (
    MISSED_CALLS,
    SIGNED_IN,
    Agent,
    AgentRules,
    AgentState,
    Consultation,
    Intent,
    SystemState,
)
from cti_server.domain.agents.wishes import (
    due,
    end_shift,
    end_wrap_up,
    extend_wrap_up,
    may_place,
    overlong,
    pause,
    phone,
    ready,
    sign_in,
    sign_out,
)

__all__ = [
    "MISSED_CALLS",
    "SIGNED_IN",
    "Agent",
    "AgentRules",
    "AgentState",
    "Consultation",
    "Intent",
    "SystemState",
    "apply",
    "due",
    "end_shift",
    "end_wrap_up",
    "extend_wrap_up",
    "may_place",
    "overlong",
    "pause",
    "phone",
    "ready",
    "sign_in",
    "sign_out",
]
