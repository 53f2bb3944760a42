"""What call sessions are made of: given once by the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.config import CallSettings
from cti_server.domain.calls import CallRecord
from cti_server.domain.flows.effects import Created
from cti_server.domain.ids import AgentId, CallId, QueueName
from cti_server.domain.orders import CallbackRequest
from cti_server.domain.tiers import table
from cti_server.errors import InvalidValue
from cti_server.ports import LineInfo, Speaker, Switch
from cti_server.services.acd import Acd
from cti_server.services.calls.consulting import Consultations
from cti_server.services.calls.live import LiveCall, LiveCalls
from cti_server.services.calls.targets import Targets
from cti_server.services.customers import Customers
from cti_server.services.floor import Floor
from cti_server.services.flows import FlowRegistry
from cti_server.services.lookups import Lookups

log = structlog.get_logger(__name__)


class Tickets(Protocol):
    """Where work orders, messages, callback requests and complaints of calls are kept (storage)."""

    async def create(self, kind: str, call_id: CallId, fields: Mapping[str, Any]) -> Created:
        """Once per call, kind and node; asked again it returns the same. Raises StorageUnavailable."""
        ...

    async def note(self, ticket_id: str, *, by: str, what: str = "note", text: str = "") -> None:
        """Raises NotFound, StorageUnavailable."""
        ...


class Archive(Protocol):
    """Where calls of all servers are on record (storage)."""

    async def load_call(self, call_id: CallId) -> CallRecord | None:
        """Raises StorageUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Recordings:
    """Where recordings are written: the same folder as we and as Asterisk see it."""

    ours: Path
    on_switch: Path


class Callbacks(Protocol):
    """Who rings callers back at their turn (services/callbacks.py)."""

    def wanted(self, ticket_id: str, request: CallbackRequest) -> None:
        """Keep this place in the queue; at its turn an agent is reserved and the number is rung."""
        ...

    def reached(self, call_id: CallId) -> None:
        """A person answered and pressed a key."""
        ...


class PlacedCalls(Protocol):
    """Calls agents place (services/calls/placing.py)."""

    def of_line(self, info: LineInfo) -> LiveCall | None:
        """The placed call this agent's line belongs to."""
        ...

    def may_begin(self, info: LineInfo) -> AgentId | None:
        """The agent who dials a call of its own with this line."""
        ...

    async def connect(self, caller: Any, agent_id: AgentId, number: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    settings: CallSettings
    render_seconds: float
    bus: Bus
    clock: Clock
    calls: LiveCalls
    acd: Acd
    floor: Floor
    flows: FlowRegistry
    customers: Customers
    lookups: Lookups
    tickets: Tickets
    speaker: Speaker
    switch: Switch
    recordings: Recordings
    callbacks: Callbacks
    targets: Targets
    placing: PlacedCalls
    consultations: Consultations
    archive: Archive | None = None
    """None: the only server there is."""

    def priority(self, customer: Mapping[str, Any], queue: QueueName | None = None) -> int:
        """The caller's tier (and flags) plus the queue's own. A tier the profile does not know counts as an unknown caller."""
        tiers = table(self.settings.profile)
        try:
            tier = tiers.priority(str(customer.get("tier", "")), customer.get("flags", ()))
        except InvalidValue as error:
            log.error("tier_unknown", error=str(error))
            tier = tiers.unknown
        return tier + (self.acd.queues[queue].priority if queue and queue in self.acd.queues else 0)
