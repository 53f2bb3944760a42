"""What the caller meets in a flow: menus, digits, look-ups, the survey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cti_server.domain.facts.base import CallFact
from cti_server.domain.ids import AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowEntered(CallFact):
    flow: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEntered(CallFact):
    """The caller reached a node that asks for something (menu, collect, record, survey)."""

    flow: str
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuChosen(CallFact):
    flow: str
    node: str
    key: str
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputCollected(CallFact):
    """`digits` is masked (`1000••18`); for secret input it is empty."""

    flow: str
    node: str
    digits: str
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InputMissed(CallFact):
    """The caller pressed nothing in time, or a key that is not on offer."""

    flow: str
    node: str
    reason: Literal["timeout", "invalid", "too_long"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupDone(CallFact):
    flow: str
    node: str
    adapter: str
    outcome: str
    micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChosen(CallFact):
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFailed(CallFact):
    """A machine part failed and the caller was sent to a person or to a spoken apology."""

    flow: str
    node: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyOffered(CallFact):
    node: str
    agent_id: AgentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyAnswered(CallFact):
    node: str
    score: int
    agent_id: AgentId | None = None
