"""What a leader tells his agents; shown to each until he has read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cti_server.domain.ids import Micros

Audience = Literal["all", "queue", "agent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """`name` says which queue or agent; `by` is a login."""

    announcement_id: str
    at: Micros
    by: str
    audience: Audience
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """To how many agents it went and how many of them have read it."""

    announcement: Announcement
    to: int
    read: int
