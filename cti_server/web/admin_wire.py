"""Wire models of administration. A part goes out as {item, seen}; `seen` comes back with the change, so that a change of
another administrator's is never overwritten unseen.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from cti_server.domain.agents import Agent
from cti_server.domain.calendar import Reason
from cti_server.domain.queues import Queue
from cti_server.domain.users import Role
from cti_server.web.wire import Args, Plain, Wire


class QueuePart(Wire):
    item: Queue
    seen: str


class AgentPart(Wire):
    item: Agent
    seen: str


class CodeItem(Wire):
    """A skill, pause code or disposition; `queues` (empty = in every queue) and group of a disposition only."""

    code: str
    zh: str
    en: str
    position: int = 0
    queues: list[str] = Field([])
    group_zh: str = ""
    group_en: str = ""


class CodePart(Wire):
    item: CodeItem
    seen: str


class OutsideNumberItem(Wire):
    number: str
    name: str
    group: str = ""
    position: int = 0


class OutsideNumberPart(Wire):
    item: OutsideNumberItem
    seen: str


class UserItem(Wire):
    login: str
    name: str
    role: Role
    agent_id: str | None = None
    active: bool = True


class UserPart(Wire):
    item: UserItem
    seen: str


class NewUser(UserPart):
    """The password is shown this once and kept nowhere."""

    password: str


class NewPassword(Wire):
    password: str


class SetupParts(Wire):
    queues: list[QueuePart]
    agents: list[AgentPart]
    skills: list[CodePart]
    pause_codes: list[CodePart]
    dispositions: list[CodePart]
    outside_numbers: list[OutsideNumberPart]
    users: list[UserPart]
    fallback_queue: str
    locked: list[str] = Field([], description="logins with too many failed sign-ins just now")


class PhoneOnSwitch(Wire):
    """`missing`: Asterisk has no such endpoint; `away`: nothing is registered there now."""

    endpoint: str
    state: Literal["registered", "away", "missing"]


class AgentOnSwitch(Wire):
    """`password`: whether the softphone's is known here (setting `phones.secrets`)."""

    desk: PhoneOnSwitch
    softphone: PhoneOnSwitch
    password: bool


class SwitchSetup(Wire):
    """By agent. `queues` have none of their own in Asterisk: while no server answers, their callers wait in cti-fallback, if
    there is that (`last_queue`). Not `linked` = Asterisk cannot be asked now."""

    linked: bool
    phones: dict[str, AgentOnSwitch]
    queues: list[str]
    last_queue: bool


class NewPhone(Wire):
    """Lines for pjsip.conf; the softphone's `endpoint` and `password` for the file of `phones.secrets`. Kept nowhere."""

    lines: str
    endpoint: str
    password: str


class CalendarItem(Wire):
    """Hours as `08:00-20:00`; see domain/calendar.py."""

    weekly: dict[str, list[str]] = Field({})
    holidays: Literal["cn", "none"] = "cn"
    on_holiday: list[str] = Field([])
    make_up_as: str = "mon"
    dates: dict[str, list[str]] = Field({})
    emergency: bool = True


class Calendars(Wire):
    calendars: dict[str, CalendarItem]
    seen: str | None = None


class SpecialDay(Wire):
    day: str
    reason: Reason
    hours: list[str]
    name: dict[str, str] = Field({})


class Outlook(Wire):
    """`until` when open (null = no end in sight), `opens_at` when closed; `days` with hours other than their weekday's."""

    open: bool
    reason: Reason
    until: int | None = None
    opens_at: int | None = None
    holidays_known: bool = True
    days: list[SpecialDay] = Field([])


class AuditTable(Wire):
    csv: str


class AuditRow(Wire):
    id: int
    at: int
    login: str
    action: str
    subject: str = ""
    address: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


# ---- what the page sends ---------------------------------------------------------------------------------------


class Save(Args):
    item: dict[str, Any]
    seen: Plain | None = Field(None, max_length=64)


class Remove(Args):
    key: Plain = Field(min_length=1, max_length=64)
    seen: Plain = Field(min_length=1, max_length=64)


class OfUser(Args):
    key: Plain = Field(min_length=1, max_length=64)


class OfAgent(Args):
    key: str = Field(pattern=r"^[0-9]{3,8}$")


class SaveCalendar(Save):
    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")


class RemoveCalendar(Remove):
    pass


class LookAtCalendar(Args):
    item: dict[str, Any]


class AuditFilter(Args):
    login: Plain | None = Field(None, max_length=64)
    action: Plain | None = Field(None, max_length=64)
    subject: Plain | None = Field(None, max_length=160)
    since: int = Field(0, ge=0, le=2**53)
    until: int | None = Field(None, ge=0, le=2**53)


class Audited(AuditFilter):
    below: int | None = Field(None, ge=1, le=2**53)
    limit: int = Field(100, ge=1, le=500)


ANSWERS: tuple[type[BaseModel], ...] = (
    SetupParts,
    NewUser,
    NewPassword,
    SwitchSetup,
    NewPhone,
    Calendars,
    Outlook,
    AuditRow,
    AuditTable,
)
