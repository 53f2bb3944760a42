"""Identifiers and units used everywhere.

Time in the domain is `Micros`: whole microseconds since 1970-01-01 UTC. Durations are micros too.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NewType

Micros = int
CallId = NewType("CallId", str)
"""UUIDv7 text of one caller's call. The key of everything; never Asterisk's linkedid (it changes on bridging)."""
VisitId = NewType("VisitId", str)
"""UUIDv7 text of one stay in one queue."""
OfferId = NewType("OfferId", str)
"""UUIDv7 text of one attempt to ring one agent for one visit."""
AgentId = NewType("AgentId", str)
"""The agent's number, e.g. `1001`: staff id and extension in one."""
QueueName = NewType("QueueName", str)
CustomerId = NewType("CustomerId", str)

SECOND: Micros = 1_000_000
MINUTE: Micros = 60 * SECOND


@dataclass(frozen=True, slots=True)
class ChannelRef:
    """One channel on one Asterisk. Uniqueid is unique on its node only, so both are kept from day one."""

    node: str
    uniqueid: str
    name: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return (self.node, self.uniqueid)


def uuid7(at: Micros, random: bytes) -> str:
    """UUIDv7 (RFC 9562) from a time and 10 random bytes; sorts by time."""
    if len(random) != 10:
        raise ValueError("uuid7 needs 10 random bytes")
    value = ((at // 1000) & ((1 << 48) - 1)) << 80 | int.from_bytes(random, "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return str(uuid.UUID(int=value))


def to_datetime(at: Micros) -> datetime:
    """Micros as an aware UTC datetime, exact to the microsecond."""
    seconds, micros = divmod(at, SECOND)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=micros)


def from_datetime(value: datetime) -> Micros:
    """An aware datetime as micros; raises ValueError when it has no time zone."""
    if value.tzinfo is None:
        raise ValueError("a time without a time zone")
    delta = value.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def iso(at: Micros) -> str:
    """`2026-01-31T08:00:00.000001Z`."""
    return to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
