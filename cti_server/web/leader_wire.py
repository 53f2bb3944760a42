"""What goes over the wire of a shift leader's tools."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cti_server.domain.announcements import Audience as AudienceKind
from cti_server.domain.facts import AlarmKind, ListenMode
from cti_server.web.wire import WHOLE, Args, Plain, Wire

Name = Annotated[Plain, Field(max_length=64)]
Count = Annotated[int, Field(ge=0, le=86_400, strict=True), WHOLE]
Seconds = Count
Level = Annotated[int, Field(ge=1, le=10, strict=True), WHOLE]
Percent = Annotated[int, Field(ge=0, le=100, strict=True), WHOLE]


class Listening(Wire):
    """What one listens to; `on` = the switch has joined him, false = his phone still rings."""

    agent_id: str
    call_id: str
    mode: ListenMode
    on: bool


class Announcement(Wire):
    """`audience` all, queue or agent; `name` says which; `by` is a login."""

    announcement_id: str
    at: int
    by: str
    audience: AudienceKind
    name: str
    text: str


class SentAnnouncement(Wire):
    """`to` = how many agents it went to, `read` = how many of them have read it."""

    announcement: Announcement
    to: int
    read: int


class Thresholds(Wire):
    """Callers, seconds, percent by `formula` (SL1–SL6), agents; 0 = no alarm. Queue `*` has those of every queue without `own`
    ones."""

    queue: str
    own: bool = True
    waiting: int
    longest_wait: int
    service_level: int
    formula: str
    agents_ready: int


class StateLimits(Wire):
    """Seconds after which an agent's state is marked on the board; 0 = never."""

    talking: int
    held: int
    wrap_up: int
    paused: int
    trouble: int


class AlarmEntry(Wire):
    """One alarm of the last day and a half; `cleared_at` null = it is raised now. `acknowledged_by` is a login."""

    queue: str
    alarm: AlarmKind
    raised_at: int
    value: int
    threshold: int
    cleared_at: int | None = None
    acknowledged_at: int | None = None
    acknowledged_by: str = ""


class Reader(Wire):
    """`read_at` null = not read yet."""

    agent_id: str
    name: str = ""
    read_at: int | None = None


class Listened(Wire):
    """Somebody who listens to one's own talk, told because the setting says so."""

    by: str
    mode: ListenMode


class ListenEntry(Wire):
    """Who listened to whom; `modes` in the order of use; `ended` null = it goes on."""

    listening_id: str
    call_id: str
    subject: str
    by: str
    started: int
    ended: int | None = None
    modes: list[ListenMode]


class SkillTitle(Wire):
    """What people read for a skill."""

    code: str
    zh: str
    en: str


class Listen(Args):
    agent_id: Plain = Field(max_length=32)
    mode: ListenMode = "listen"


class Assign(Args):
    call_id: Plain = Field(max_length=64)
    agent_id: Plain = Field(min_length=1, max_length=32)


class SendCall(Args):
    call_id: Plain = Field(max_length=64)
    queue: Name


class OneCall(Args):
    call_id: Plain = Field(max_length=64)


class Move(Args):
    """`queues`: queue → level 1–10; all the agent serves from now on: `for_good`, or until he signs out."""

    agent_id: Plain = Field(max_length=32)
    queues: dict[str, Level] = Field(max_length=200)
    for_good: bool = True


class Announce(Args):
    audience: AudienceKind = "all"
    name: Name = ""
    text: str = Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*\S[^\x00]*$")


class OneAnnouncement(Args):
    announcement_id: Plain = Field(max_length=64)


class Recent(Args):
    limit: int = Field(20, ge=1, le=200)


class OneAlarm(Args):
    queue: Name
    alarm: AlarmKind


class OfQueue(Args):
    queue: Name


class SetStateLimits(Args):
    talking: Seconds
    held: Seconds
    wrap_up: Seconds
    paused: Seconds
    trouble: Seconds


class SetThresholds(Args):
    """All thresholds of one queue; queue `*` = of every queue without its own."""

    queue: Name
    waiting: Count = 0
    longest_wait: Seconds = 0
    service_level: Percent = 0
    formula: str = Field("SL2", pattern=r"^SL[1-6]$")
    agents_ready: Count = 2
