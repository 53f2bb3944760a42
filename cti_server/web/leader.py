"""The services behind a shift leader's tools."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from cti_server.domain.facts import Recorded
from cti_server.domain.ids import Micros
from cti_server.domain.setup import Skill
from cti_server.services.alarms import Alarms
from cti_server.services.announcements import Announcements
from cti_server.services.leader import LeaderService
from cti_server.services.listening import Listening


class RareFacts(Protocol):
    """Facts of alarms and listening since a time, oldest first. Raises StorageUnavailable."""

    def __call__(self, since: Micros, *, limit: int) -> Awaitable[list[Recorded]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    control: LeaderService
    listening: Listening
    announcements: Announcements
    alarms: Alarms
    rare: RareFacts
    day_start: Callable[[Micros], Micros]
    skills: Callable[[], Awaitable[list[Skill]]]
    """Raises StorageUnavailable."""
