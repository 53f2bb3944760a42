"""What every fact has: its moment, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cti_server.domain.ids import AgentId, CallId, Micros, VisitId

KINDS: dict[str, type[Fact]] = {}

PII = frozenset({"caller", "number", "digits", "text", "address", "name", "path", "target"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened at `at` (micros UTC)."""

    at: Micros

    def __init_subclass__(cls, **kwargs: Any) -> None:
        KINDS[cls.__name__] = cls


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFact(Fact):
    """A fact of one call."""

    call_id: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFact(CallFact):
    """A fact of one stay of one call in one queue."""

    visit_id: VisitId


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFact(Fact):
    """A fact of one agent."""

    agent_id: AgentId
