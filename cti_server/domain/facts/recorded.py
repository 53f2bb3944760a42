"""A fact's place on the timeline, and its form in storage and on the wire."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass, fields
from typing import Any, Literal

from cti_server.domain.facts.base import KINDS, Fact
from cti_server.domain.ids import AgentId, CallId
from cti_server.errors import InvalidValue

_FIELDS: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact with its place on the timeline: `id` grows strictly on one server, across restarts too.

    It is the id of the live event stream (`Last-Event-Id`) and, with `server`, the key that stores a fact exactly once.
    Ids are made from the clock in micros, never repeating, so they fit a JavaScript number.
    """

    id: int
    server: str
    fact: Fact


def to_dict(fact: Fact) -> dict[str, Any]:
    """The fact's own fields, without its kind. Values are JSON types only."""
    return {name: getattr(fact, name) for name in _names(type(fact))}


def from_dict(kind: str, data: dict[str, Any]) -> Fact:
    """The inverse of `to_dict`; fields a newer server added are ignored. Raises InvalidValue for an unknown kind."""
    cls = KINDS.get(kind)
    if cls is None:
        raise InvalidValue(f"unknown kind of fact: {kind!r}")
    try:
        return cls(**{k: _tuples(v) for k, v in data.items() if k in _names(cls)})
    except TypeError as error:
        raise InvalidValue(f"{kind}: {error}") from error


def call_id_of(fact: Fact) -> CallId | None:
    return getattr(fact, "call_id", None)


def agent_id_of(fact: Fact) -> AgentId | None:
    return getattr(fact, "agent_id", None)


def schema() -> dict[str, dict[str, str]]:
    """Kind → field → type text, for docs/events.md and the desktop's protocol.ts."""
    return {
        kind: {name: _type_text(hint) for name, hint in typing.get_type_hints(cls).items()}
        for kind, cls in KINDS.items()
        if not cls.__subclasses__()  # the others are only the common part of kinds
    }


def _names(cls: type[Fact]) -> tuple[str, ...]:
    names = _FIELDS.get(cls.__name__)
    if names is None:
        names = _FIELDS[cls.__name__] = tuple(field.name for field in fields(cls))
    return names


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _type_text(hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return " | ".join(repr(value) for value in typing.get_args(hint))
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return " | ".join(_type_text(part) for part in typing.get_args(hint))
    if hint is type(None):
        return "null"
    if isinstance(hint, typing.NewType):
        return "string"
    return {int: "number", str: "string", bool: "boolean"}.get(hint, str(hint))
