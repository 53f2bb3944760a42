"""The services behind a shift leader's tools."""

from __future__ import annotations

from dataclasses import dataclass

from cti_server.services.alarms import Alarms
from cti_server.services.announcements import Announcements
from cti_server.services.leader import LeaderService
from cti_server.services.listening import Listening


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    control: LeaderService
    listening: Listening
    announcements: Announcements
    alarms: Alarms
