"""The call itself: its channels, who calls, where it goes, how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cti_server.domain.facts.base import CallFact
from cti_server.domain.ids import AgentId, CustomerId

Side = Literal["caller", "agent", "server", "transfer", "unknown"]
"""Who ended a talk or a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallArrived(CallFact):
    """A caller's channel reached us. `caller` is E.164 where it could be read, else what came, cleaned; '' = withheld."""

    node: str
    channel: str
    uniqueid: str
    caller: str
    did: str
    direction: Literal["inbound", "outbound", "internal", "callback"] = "inbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelJoined(CallFact):
    """One more channel of a call an agent placed: his own phone's, or that of whom he called."""

    node: str
    channel: str
    uniqueid: str
    side: Literal["agent", "party"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResumed(CallFact):
    """The same caller came back to us: after our restart, or sent here by a transfer."""

    node: str
    channel: str
    uniqueid: str
    stage: Literal["menu", "waiting", "talking", "transfer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTakenUp(CallFact):
    """The call of a server (`of`) whose lease has lapsed is another's from now on."""

    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIdentified(CallFact):
    customer_id: CustomerId
    tier: str
    flags: tuple[str, ...] = ()
    by: Literal["number", "account", "agent"] = "number"
    agent_id: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingMade(CallFact):
    """A sound file was stored. `path` is relative to the recordings root; `millis` its length."""

    purpose: Literal["message", "description", "talk"]
    path: str
    millis: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTransferred(CallFact):
    """`target` is a queue name, an agent id or a number; `by` the agent who transferred."""

    how: Literal["blind", "attended", "flow"]
    target: str
    by: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallFact):
    """`side='unknown'` = the end was not seen (gap): flagged, never guessed. `cause` is the Q.850 number, 0 = none."""

    side: Side
    cause: int = 0
    in_fallback: bool = False
